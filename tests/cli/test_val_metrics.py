"""What a validation measures, where it is told, and how it chooses best.pt."""

import json
import os
import pathlib
import shutil

import h5py
import pytest
from conftest import ROOT
from exact_runs import BIFRONS, checkpoint, command, run, sets, train  # noqa: F401

MODELS = pathlib.Path(os.environ.get("BIFRONS_MODELS", ROOT / "build/share/bifrons"))
# validations look at the average, as eval does
BY_EPOCH = ["train.max_steps=12", "log.preview_epochs=0", "checkpoint.keep=9"]  # of 3 steps each


def rows(out, kind):
    lines = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    return [row for row in lines if row["kind"] == kind]


def validations(out):
    return rows(out, "val")


@pytest.fixture(scope="session")
def measured(sets, tmp_path_factory):  # noqa: F811
    out = tmp_path_factory.mktemp("measured") / "run"
    result = train(sets, out, ranks=2, keys=[*BY_EPOCH, "checkpoint.best=\"swap_psnr\""])
    assert "L1 recon" in result.stderr and " swap " in result.stderr
    return out


@pytest.fixture(scope="session")
def without_truth(sets, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("plain")
    for person in "ab":
        pictures = sets / "drawn" / f"person_{person}"
        (folder / person).mkdir()
        for name in [*pictures.glob("*.png"), pictures / "consent.txt"]:
            (folder / person / name.name).symlink_to(name)
        result = run(BIFRONS, "pack", folder / person, "-o", folder / f"{person}.h5", "--size", 64)
        assert result.returncode == 0, result.stderr
    return folder


def test_a_validation_measures_what_eval_does(measured):
    told = json.loads(run(BIFRONS, "eval", checkpoint(measured, 12), "--json").stdout)
    metrics = validations(measured)[-1]["metrics"]
    for person, direction in (("a", "a2b"), ("b", "b2a")):
        for ours, theirs in (("recon", "reconstruction"), ("swap", "swap")):
            for measure in ("l1", "psnr", "ssim"):
                want = told[direction][theirs][measure]
                assert metrics[f"{ours}_{measure}_{person}"] == pytest.approx(want, rel=2e-3)
    assert metrics["swap_l1"] == pytest.approx((metrics["swap_l1_a"] + metrics["swap_l1_b"]) / 2)


@pytest.mark.skipif(not (MODELS / "identity.pt").exists(), reason="the networks come with scripts/setup --photographs")
def test_face_networks_look_at_swaps(measured):
    result = run(BIFRONS, "eval", checkpoint(measured, 12), "--faces=8", "--models", MODELS, "--json")
    assert result.returncode == 0, result.stderr
    for direction in ("a2b", "b2a"):
        faces = json.loads(result.stdout)[direction]["faces"]
        true, left = faces["true_swap"], faces["unchanged"]
        # after 12 steps swaps are blots; what is known of true swaps and of the pictures themselves holds
        assert true["found"] > 0 and abs(true["identity"] - 1) < 0.5 and true["pose"] < 15
        assert left["found"] == left["pictures"] and abs(left["identity"]) < 0.5 and left["pose"] == 0
        assert left["mouth"] >= 0 and faces["swap"]["pictures"] == left["pictures"]
        assert set(faces["r_with_l1"]) == {"identity", "pose", "mouth", "width", "corners", "eyes", "brows", "gaze"}
    text = run(BIFRONS, "eval", checkpoint(measured, 12)).stdout
    assert "what face networks see" not in text


def test_face_networks_that_are_missing_are_told(measured, tmp_path):
    result = run(BIFRONS, "eval", checkpoint(measured, 12), "--faces", "--models", tmp_path)
    assert result.returncode == 69 and "scripts/setup --photographs" in result.stderr and result.stdout == ""
    result = run(BIFRONS, "eval", checkpoint(measured, 12), "--models", tmp_path)
    assert result.returncode == 64 and "--models goes with --faces" in result.stderr


def test_the_average_changes_no_step(sets, measured, tmp_path):  # noqa: F811
    train(sets, tmp_path / "run", ranks=2, keys=[*BY_EPOCH, "train.ema=0"])
    ours, theirs = ([row["loss"] for row in rows(out, "train")] for out in (measured, tmp_path / "run"))
    assert ours == theirs
    ours, theirs = ([row["loss"] for row in validations(out)] for out in (measured, tmp_path / "run"))
    assert ours != theirs


def test_the_checkpoint_tells_them(measured):
    told = run(BIFRONS, "inspect", checkpoint(measured, 12), "--json")
    metrics = json.loads(told.stdout)["record"]["val_metrics"]
    assert metrics == pytest.approx(validations(measured)[-1]["metrics"])


def test_best_is_by_the_metric_asked_for(measured):
    best = max(validations(measured), key=lambda row: row["metrics"]["swap_psnr"])
    assert os.readlink(measured / "checkpoints/best.pt") == checkpoint(measured, best["step"]).name
    assert len(validations(measured)) == 4


def test_another_choice_begins_anew(sets, measured, tmp_path):  # noqa: F811
    out, keys = tmp_path / "run", ["checkpoint.best=\"recon_l1\"", "train.max_steps=15"]
    result = train(sets, out, "--resume", checkpoint(measured, 12), keys=[*BY_EPOCH, *keys])
    assert "checkpoint.best" in result.stderr and "best.pt is chosen anew" in result.stderr
    assert os.readlink(out / "checkpoints/best.pt") == checkpoint(out, 15).name


def test_without_the_truth_a_swap_cannot_choose(without_truth, tmp_path):
    out = tmp_path / "run"
    train(without_truth, out, keys=["train.max_steps=1"])
    assert validations(out)[0]["metrics"].keys() == {
        f"recon_{measure}{of}" for measure in ("l1", "psnr", "ssim") for of in ("", "_a", "_b")}
    result = run(BIFRONS, "train", "--data-a", without_truth / "a.h5", "--data-b",
                 without_truth / "b.h5", "--out", tmp_path / "no", "--set",
                 "checkpoint.best=swap_l1")
    assert result.returncode == 78 and "needs the true swaps" in result.stderr


def with_masks(sets, folder, masked):  # noqa: F811
    """The sets again, with masks that mark nothing but in the rows masked[person] (None: all)."""
    for person, rows_kept in zip("ab", masked):
        path = folder / f"{person}.h5"
        shutil.copy(sets / path.name, path)
        with h5py.File(path, "r+") as file:
            for row in range(len(file["masks"])):
                if rows_kept is not None and row not in rows_kept:
                    file["masks"][row] = 0
    return folder


@pytest.mark.parametrize("metric", ["recon_l1", "recon_psnr", "swap_ssim"])
def test_what_no_held_out_picture_can_tell_cannot_choose(sets, tmp_path, metric):  # noqa: F811
    blank, out = with_masks(sets, tmp_path, ([], [])), tmp_path / "run"
    keys = [f"checkpoint.best=\"{metric}\"", "train.early_stop=2", "train.max_steps=12"]
    for more in ([], ["--dry-run"]):
        result = run(*command(blank, out, *more, keys=keys))
        assert result.returncode == 78, result.stderr
        for word in (f"checkpoint.best = \"{metric}\"", "masks", str(blank / "a.h5"), str(blank / "b.h5"), "\"loss\""):
            assert word in result.stderr
    # by the loss it can be chosen
    train(blank, out, keys=["train.early_stop=2", "train.max_steps=3"])
    assert os.readlink(out / "checkpoints/best.pt") == checkpoint(out, 3).name
    assert "recon_l1" not in validations(out)[0]["metrics"]
    result = run(*command(blank, out, "--resume", "auto", keys=keys))
    assert result.returncode == 78 and f"checkpoint.best = \"{metric}\"" in result.stderr


def test_where_one_person_alone_can_be_measured_it_is_said(sets, tmp_path):  # noqa: F811
    half, out = with_masks(sets, tmp_path, ([], None)), tmp_path / "run"
    result = train(half, out, keys=["checkpoint.best=recon_l1", "train.max_steps=3"])
    assert "measures person B alone" in result.stderr
    metrics = validations(out)[0]["metrics"]
    assert metrics["recon_l1"] == metrics["recon_l1_b"] and "recon_l1_a" not in metrics
    assert os.readlink(out / "checkpoints/best.pt") == checkpoint(out, 3).name


def test_without_held_out_pictures_the_newest_is_best(sets, tmp_path):  # noqa: F811
    out = tmp_path / "run"
    keys = ["checkpoint.best=recon_l1", "train.max_steps=6", "data.val_fraction=0"]
    result = train(sets, out, keys=keys)
    assert "checkpoint.best = \"recon_l1\" does nothing without held-out pictures" in result.stderr
    assert os.readlink(out / "checkpoints/best.pt") == checkpoint(out, 6).name
