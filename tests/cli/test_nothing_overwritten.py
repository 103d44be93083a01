"""What a run was trained on is never replaced, and another set is never taken for it in silence."""

import json
import os
import shutil
import subprocess

import h5py
import PIL.Image
import pytest
from conftest import ROOT
from test_train import BIFRONS, assignments, ours, run, sets  # noqa: F401

TINY = assignments("model.width=16", "model.latent=16", "train.threads=1", "train.precision=fp32",
                   "checkpoint.every_steps=1")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    result = run("synth", folder, "--count", 24, "--size", 64, "--seed", 5)
    assert result.returncode == 0, result.stderr
    extra = run("synth", folder / "more", "--count", 3, "--size", 64, "--seed", 6)
    assert extra.returncode == 0, extra.stderr
    return folder


@pytest.fixture
def photos(drawn, tmp_path):
    """Two folders of one's own, which may be changed."""
    for person in ("person_a", "person_b"):
        shutil.copytree(drawn / person, tmp_path / person)
    return tmp_path


def add(drawn, photos, n):
    for path in sorted((drawn / "more/person_a").glob("*.png"))[:n]:
        shutil.copy(path, photos / "person_a" / f"new-{path.name}")


def short(photos, *more, a="person_a", b="person_b", steps=2, out="run", ranks=0):
    return run("train", "--data-a", a, "--data-b", b, "--image-size", 64, "--batch-size", 4, "--out", out, *TINY,
               *assignments(f"train.max_steps={steps}"), *more, cwd=photos, ranks=ranks)


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def refused(result, code, *words):
    assert result.returncode == code, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
    assert len(ours(result)) == 1, result.stderr


@pytest.fixture
def trained(photos):
    result = short(photos)
    assert result.returncode == 0, result.stderr
    return photos


@pytest.mark.parametrize("ranks", (0, 2))
def test_changed_pictures_are_counted_and_nothing_is_replaced(drawn, trained, ranks):
    add(drawn, trained, 3)
    next((trained / "person_a").glob("0*.png")).unlink()
    before = contents(trained / "run")
    refused(short(trained, steps=3, ranks=ranks), 78, "3 pictures added, 1 gone", "--data-a run/data/a.h5", "--out")
    assert contents(trained / "run") == before
    goes_on = short(trained, a="run/data/a.h5", steps=3)
    assert goes_on.returncode == 0, goes_on.stderr
    anew = short(trained, out="other")
    assert anew.returncode == 0, anew.stderr
    with h5py.File(trained / "other/data/a.h5") as f:
        assert len(f["images"]) == 26


def test_exchanged_folders_are_named(trained):
    before = contents(trained / "run")
    refused(short(trained, a="person_b", b="person_a", steps=3), 78, "person B of the run", "Exchange --data-a and --data-b")
    assert contents(trained / "run") == before


def test_exchanged_sets_are_named(trained):
    refused(short(trained, a="run/data/b.h5", b="run/data/a.h5", steps=3), 78, "Exchange data.a and data.b")


def test_another_size_is_refused_before_packing(trained):
    before = contents(trained / "run")
    refused(short(trained, "--image-size", 128, steps=3), 78, "packed at 64 px", "asks for 128 px")
    assert contents(trained / "run") == before


def test_folders_that_are_gone_are_not_needed(trained):
    shutil.rmtree(trained / "person_a")
    result = short(trained, steps=3)
    assert result.returncode == 0, result.stderr
    assert "person_a is not there: going on with run/data/a.h5" in result.stderr
    shutil.copytree(trained / "person_b", trained / "person_a", ignore=shutil.ignore_patterns("*.png"))
    refused(short(trained, steps=4), 66, "no pictures in person_a", "--data-a run/data/a.h5")


def test_weights_that_are_not_taken_are_named(trained):
    result = short(trained, "--init-from", "run/checkpoints/step-0000000001.pt", steps=3)
    assert result.returncode == 0, result.stderr
    assert "--init-from run/checkpoints/step-0000000001.pt is not used: the run goes on from" in result.stderr


def test_another_statement_of_consent_leaves_the_set(trained):
    before = contents(trained / "run/data")
    result = short(trained, "--consent", "another statement", steps=3)
    assert result.returncode == 0, result.stderr
    assert "goes on with run/data/a.h5 as it was packed" in result.stderr
    assert contents(trained / "run/data") == before


def test_without_checkpoints_a_set_is_replaced_once_the_run_begins(drawn, photos):
    refused(short(photos, "--batch-size", 100), 65, "fewer than a batch")
    before = contents(photos / "run/data")
    assert len(before) == 4  # packed, and of use to the next try
    add(drawn, photos, 3)
    refused(short(photos, "--batch-size", 100), 65, "fewer than a batch")
    assert contents(photos / "run/data") == before
    result = short(photos)
    assert result.returncode == 0, result.stderr
    with h5py.File(photos / "run/data/a.h5") as f:
        assert len(f["images"]) == 27
    assert not (photos / "run/data/.new").exists()
    assert run("inspect", "run/data/a.h5", "--verify", cwd=photos).returncode == 0
    assert json.loads((photos / "run/run.json").read_text())["people"][0]["set"] == "run/data/a.h5"


def test_a_damaged_set_is_packed_again_only_if_it_fits(drawn, trained):
    packed = trained / "run/data/a.h5"
    packed.write_bytes(packed.read_bytes()[:5000])
    add(drawn, trained, 1)
    before = contents(trained / "run")
    refused(short(trained, steps=3), 78, "data.a")
    assert contents(trained / "run") == before
    for path in (trained / "person_a").glob("new-*"):
        path.unlink()
    result = short(trained, steps=3)
    assert result.returncode == 0, result.stderr
    assert run("inspect", packed, "--verify").returncode == 0


def test_a_missing_set_is_packed_again_only_if_it_fits(drawn, trained):
    packed = trained / "run/data/a.h5"
    whole = packed.read_bytes()
    packed.unlink()
    add(drawn, trained, 1)
    refused(short(trained, steps=3), 78, "data.a")
    assert not packed.exists() and not (trained / "run/data/.new").exists()
    for path in (trained / "person_a").glob("new-*"):
        path.unlink()
    result = short(trained, steps=3)
    assert result.returncode == 0, result.stderr
    with h5py.File(packed) as f:
        assert len(f["images"]) == 24 and len(whole) == packed.stat().st_size


def test_a_path_that_was_never_packed_is_not_taken_for_it(photos):
    refused(short(photos, "--batch-size", 100), 65, "fewer than a batch")
    refused(short(photos, a="person_aa"), 66, "person_aa")


def test_pack_replaces_neither_a_runs_set_nor_another_persons(trained):
    before = contents(trained)
    for more in ((), ("--force",)):
        refused(run("pack", "person_b", "-o", "run/data/a.h5", "--size", 64, *more, cwd=trained), 64, "run/data/a.h5")
        refused(run("pack", "../../person_b", "-o", "a.h5", "--size", 64, *more, cwd=trained / "run/data"), 64, "trained on")
    assert run("pack", "person_a", "-o", "x.h5", "--size", 64, cwd=trained).returncode == 0
    x = (trained / "x.h5").read_bytes()
    refused(run("pack", "person_b", "-o", "x.h5", "--size", 64, cwd=trained), 64, "x.h5", "--force")
    assert (trained / "x.h5").read_bytes() == x
    assert {p: b for p, b in contents(trained).items() if not p.name.startswith("x.")} == before
    assert run("pack", "person_b", "-o", "x.h5", "--size", 64, "--force", cwd=trained).returncode == 0


def test_pack_tells_first_why_it_cannot_compare_with_a_runs_set(trained):
    before = contents(trained / "run")
    refused(run("pack", "gone", "-o", "run/data/a.h5", "--size", 64, cwd=trained), 66, "gone")
    (trained / "person_a/consent.txt").unlink()
    refused(run("pack", "person_a", "-o", "run/data/a.h5", "--size", 64, cwd=trained), 64, "error: no consent statement",
            "--consent")
    assert contents(trained / "run") == before


def test_a_dry_run_refuses_what_the_run_would(drawn, trained):
    before = contents(trained)
    result = short(trained, "--dry-run", steps=3)
    assert result.returncode == 0, result.stderr
    refused(short(trained, "--dry-run", "--seed", 9, steps=3), 78, "train.seed")
    refused(short(trained, "--dry-run", "--resume", "none", steps=3), 64, "already holds a run")
    refused(short(trained, "--dry-run", "--resume", "none.pt", out="new", a="run/data/a.h5", b="run/data/b.h5"),
            66, "none.pt")
    refused(short(trained, "--dry-run", "--init-from", "none.pt", out="new", a="run/data/a.h5", b="run/data/b.h5"),
            66, "none.pt")
    refused(short(trained, "--dry-run", out="person_a/consent.txt/run", a="run/data/a.h5", b="run/data/b.h5"), 74,
            "cannot write to run folder")
    consent = short(trained, "--dry-run", "--consent", "another statement", steps=3)
    assert consent.returncode == 0 and "as it was packed" in consent.stderr, consent.stderr
    add(drawn, trained, 1)
    refused(short(trained, "--dry-run", steps=3), 78, "not what the run in run was trained on: 1 picture added, 0 gone")
    for path in (trained / "person_a").glob("new-*"):
        path.unlink()
    assert contents(trained) == before


def test_a_dry_run_leaves_damaged_checkpoints_where_they_are(trained):
    newest = trained / "run/checkpoints/step-0000000002.pt"
    newest.write_bytes(newest.read_bytes()[:-9])
    before = contents(trained)
    result = short(trained, "--dry-run", steps=3)
    assert result.returncode == 0 and "checkpoint refused" in result.stderr, result.stderr
    assert contents(trained) == before
    assert short(trained, steps=3).returncode == 0
    assert newest.with_suffix(".pt.refused").exists()


def test_eval_swap_and_inspect_tell_another_set(drawn, trained):
    best = "run/checkpoints/latest.pt"

    def bifrons(*words):
        return run(*words, cwd=trained)

    shown = bifrons("inspect", best)
    assert shown.stdout.count("the set it was trained on") == 2, shown.stdout
    refused(bifrons("swap", best, "run/data/b.h5", "-o", "swapped"), 64, "--direction b2a")
    refused(bifrons("swap", best, "run/data/a.h5", "--direction", "b2a", "-o", "swapped"), 64, "--direction a2b")
    refused(bifrons("eval", best, "--data-a", "run/data/b.h5"), 64, "exchange --data-a and --data-b")
    quiet = bifrons("eval", best)
    assert quiet.returncode == 0 and "not the set" not in quiet.stderr, quiet.stderr

    add(drawn, trained, 2)
    assert bifrons("pack", "person_a", "-o", "now.h5", "--size", 64).returncode == 0
    told = bifrons("eval", best, "--data-a", "now.h5")
    assert told.returncode == 0 and "now.h5 is not the set of person A" in told.stderr, told.stderr
    told = bifrons("swap", best, "now.h5", "-o", "swapped")
    assert told.returncode == 0 and "now.h5 is not the set" in told.stderr, told.stderr
    shutil.copy(trained / "now.h5", trained / "run/data/a.h5")
    (trained / "run/data/b.h5").unlink()
    shown = bifrons("inspect", best).stdout
    assert "holds other pictures now" in shown and "is not there now" in shown
    sets_now = json.loads(bifrons("inspect", best, "--json").stdout)["sets"]
    assert [s["now"] for s in sets_now] == ["other", "missing"]


def test_pictures_replace_only_pictures_of_ours(drawn, trained, tmp_path):
    best, photo = "run/checkpoints/latest.pt", sorted((drawn / "person_a").glob("*.png"))[0]
    foreign = tmp_path / "photos"
    foreign.mkdir()
    PIL.Image.new("RGB", (64, 64), "red").save(foreign / photo.name)
    os.mkfifo(tmp_path / "pipe")
    before = contents(trained)
    sheet = ("inspect", "run/data/a.h5", "--sheet")
    swap = ("swap", best, photo, "-o")
    chart = ("plan", "run/config.resolved.toml", "--cluster", ROOT / "configs/clusters/cpu2.toml", "--chart")
    find = ("train", "run/config.resolved.toml", "--out", "other", "--find-lr", "--chart")
    for command in (sheet, swap, chart, find):
        for target in ("run/data/a.h5", "run/config.resolved.toml", foreign / photo.name, "pipe"):
            result = run(*command, target, cwd=trained)
            refused(result, 74 if target == "pipe" and result.returncode == 74 else 64, str(target))
    refused(run("swap", best, drawn / "person_a", "-o", foreign, cwd=trained), 64, photo.name, "not replaced")
    assert contents(trained) == before and (tmp_path / "pipe").is_fifo()
    for _ in range(2):  # our own may be
        assert run(*swap, "swapped.png", cwd=trained).returncode == 0
        assert run(*sheet, "sheet.png", cwd=trained).returncode == 0


def test_a_killed_run_leaves_the_old_set(drawn, photos):
    """Killed anywhere between packing and beginning, the run folder has one whole set."""
    refused(short(photos, "--batch-size", 100), 65, "fewer than a batch")
    add(drawn, photos, 1)
    (photos / "run/data/.new").mkdir()
    (photos / "run/data/.new/a.h5").write_bytes(b"left by a killed run")
    (photos / "run/data/a.h5.tmp.17").write_bytes(b"left by a killed run")
    result = short(photos)
    assert result.returncode == 0, result.stderr
    assert sorted(p.name for p in (photos / "run/data").iterdir()) == ["a.h5", "a.h5.xxh3", "b.h5", "b.h5.xxh3"]
    assert (photos / "run/data/a.h5.xxh3").read_text().endswith("  a.h5\n")
    assert subprocess.run([BIFRONS, "inspect", "--verify", photos / "run/data/a.h5"]).returncode == 0
