"""bifrons train, eval and swap from the outside: real programs, real ranks, real files."""

import json
import os
import re
import signal
import struct
import subprocess
import time
from pathlib import Path

import h5py
import pytest

BIFRONS = os.environ.get("BIFRONS", "build/dev/bifrons")
SMALL = ["model.image_size=64", "train.global_batch=6", "train.lr=1e-3", "train.threads=1", "train.precision=fp32",
         "log.every_steps=1", "train.seed=3", "model.width=16", "model.latent=32"]


def run(*words, ranks=0, timeout=240, **kwargs):
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    return subprocess.run([*launcher, BIFRONS, *map(str, words)], capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL, **kwargs)


def undocumented(out):
    """Files of a run folder that docs/checkpoints.md does not name."""
    docs = (Path(__file__).parents[2] / "docs/checkpoints.md").read_text().split("## The files of a run folder")[1].split("\n## ")[0]
    names = [name if "/" in name or name[0] != "s" else f"checkpoints/{name}" for name in re.findall(r"`([^` ]+)`", docs)]
    names += [f"{name}.xxh3" for name in names if name.startswith("data/")]
    return [path for path in out.rglob("*") if path.is_file() and not any(path.relative_to(out).match(name) for name in names)]


def ours(result):
    """Lines of ours on stderr that say error: one message, once."""
    return [line for line in result.stderr.splitlines() if "error:" in line]


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    result = run("synth", folder / "drawn", "--count", 30, "--size", 64, "--seed", 1)
    assert result.returncode == 0, result.stderr
    for person in "ab":
        result = run("pack", folder / "drawn" / f"person_{person}", "-o", folder / f"{person}.h5",
                     "--size", 64)
        assert result.returncode == 0, result.stderr
    return folder


def assignments(*keys):
    return [word for key in keys for word in ("--set", key)]


def train(sets, out, *more, ranks=0, keys=(), **kwargs):
    return run("train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", out,
               *assignments(*SMALL, *keys), *more, ranks=ranks, **kwargs)


def rows(out, kind="train"):
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


def losses(out):
    return [row["loss"]["total"] for row in rows(out)]


def newest(out):
    return os.readlink(out / "checkpoints" / "latest.pt")


@pytest.fixture(scope="session")
def trained(sets, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "run"
    result = train(sets, out, ranks=2, keys=["train.max_steps=20"])
    assert result.returncode == 0, result.stderr
    return out


def test_a_run_leaves_what_the_contract_names(trained):
    for name in ("config.resolved.toml", "run.json", "metrics.jsonl"):
        assert (trained / name).is_file()
    checkpoints = trained / "checkpoints"
    assert newest(trained) == "step-0000000020.pt"
    assert os.readlink(checkpoints / "best.pt").startswith("step-")
    for checkpoint in checkpoints.glob("step-*.pt"):
        assert checkpoint.with_name(checkpoint.name + ".xxh3").is_file()
    assert list((trained / "previews").glob("step-*.png")) and undocumented(trained) == []
    record = json.loads((trained / "run.json").read_text())
    assert record["world_size"] == 2 and record["exit"] == "OK" and record["step"] == 20
    assert [row["step"] for row in rows(trained)] == list(range(1, 21))
    assert rows(trained, "val")


def test_rows_are_as_the_header_of_metrics_shows_them(trained):
    header = (Path(__file__).resolve().parents[2] / "src/driver/train/report/metrics.h").read_text()
    shown = json.loads(re.sub(r"\n \*", "", re.search(r'\{"kind":"train".*?\d\}\n', header, re.S).group()))
    row = rows(trained)[-1]
    assert list(row) == list(shown)
    assert {key: list(value) for key, value in row["loss"].items() if key != "total"} == {
        key: list(value) for key, value in shown["loss"].items() if key != "total"}


def test_the_epochs_told_are_those_that_are_run(sets, tmp_path):
    """27 pictures, 5 steps an epoch; train.max_steps ends the run within the second of 1000."""
    keys = ["train.epochs=1000", "train.max_steps=7"]
    planned = "plan: 2 epochs of 5 steps, the last step is 7 (train.max_steps), 6 + 6 pictures a step"
    assert planned in train(sets, tmp_path / "run", "--dry-run", keys=keys).stderr
    result = train(sets, tmp_path / "run", keys=keys)
    assert result.returncode == 0 and planned in result.stderr
    assert [row["epoch"] for row in rows(tmp_path / "run")] == [1] * 5 + [2] * 2
    assert [row["epoch"] for row in rows(tmp_path / "run", "val")] == [1, 2]
    assert json.loads((tmp_path / "run/run.json").read_text())["epoch"] == 2
    result = train(sets, tmp_path / "run", keys=["train.epochs=3", "train.max_steps=0"])
    assert "plan: 3 epochs of 5 steps, 6 + 6 pictures a step" in result.stderr


def test_previews_name_the_epoch_that_is_run(sets, tmp_path):
    """Step 1, once with its epoch finished and once not; else nothing differs, as lr is 0."""
    sheets = []
    for batch in 27, 6:
        result = train(sets, tmp_path / str(batch), keys=["train.max_steps=1", "train.lr=0", f"train.global_batch={batch}"])
        assert result.returncode == 0 and "plan: 1 epoch of " in result.stderr
        sheets.append([path.read_bytes() for path in sorted((tmp_path / str(batch) / "previews").iterdir())])
    assert sheets[0] and sheets[0] == sheets[1]


def test_the_loss_goes_down(trained):
    curve = losses(trained)
    assert sum(curve[-5:]) < 0.9 * sum(curve[:5])


STEADY = ["train.max_steps=30", "train.lr=3e-5"]  # Adam amplifies rounding as lr grows


def assert_the_same_course(out, steady):
    """Only the order of additions differs: rounding, which grows from step to step."""
    assert losses(out)[:20] == pytest.approx(losses(steady)[:20], rel=1e-5)
    assert losses(out) == pytest.approx(losses(steady), rel=1e-3)


@pytest.fixture(scope="session")
def steady(sets, tmp_path_factory):
    out = tmp_path_factory.mktemp("steady") / "run"
    result = train(sets, out, ranks=2, keys=STEADY)
    assert result.returncode == 0, result.stderr
    return out


@pytest.mark.parametrize("ranks", [0, 1, 3, 4])
def test_every_world_size_trains_the_same(sets, steady, tmp_path, ranks):
    result = train(sets, tmp_path / "run", ranks=ranks, keys=STEADY)
    assert result.returncode == 0, result.stderr
    assert_the_same_course(tmp_path / "run", steady)


def test_accumulation_trains_the_same(sets, steady, tmp_path):
    result = train(sets, tmp_path / "run", ranks=2, keys=[*STEADY, "train.accumulate=3"])
    assert result.returncode == 0, result.stderr
    assert_the_same_course(tmp_path / "run", steady)


def test_the_same_command_gives_the_same_bits(sets, trained, tmp_path):
    result = train(sets, tmp_path / "run", ranks=2, keys=["train.max_steps=20"])
    assert result.returncode == 0, result.stderr
    assert losses(tmp_path / "run") == losses(trained)


def test_resuming_equals_not_having_stopped(sets, trained, tmp_path):
    out = tmp_path / "run"
    first = train(sets, out, ranks=2, keys=["train.max_steps=20", "checkpoint.every_steps=7", "checkpoint.keep=20"])
    assert first.returncode == 0, first.stderr
    for path in (out / "checkpoints").glob("step-*"):  # as if the job had died after step 7
        if int(path.name[5:15]) > 7:
            path.unlink()
    for name in ("latest.pt", "best.pt"):
        (out / "checkpoints" / name).unlink()
    result = train(sets, out, "--resume", "auto", ranks=2, keys=["train.max_steps=20"])
    assert result.returncode == 0, result.stderr
    assert re.search(r"resumed from .*step-0000000007.pt", result.stderr)
    assert [row["step"] for row in rows(out)] == list(range(1, 21))
    assert losses(out) == losses(trained)


def test_a_damaged_checkpoint_is_refused_and_the_one_before_taken(sets, tmp_path):
    out = tmp_path / "run"
    train(sets, out, keys=["train.max_steps=4", "checkpoint.every_steps=2"])
    newest_path = out / "checkpoints" / newest(out)
    data = bytearray(newest_path.read_bytes())
    data[len(data) // 2] ^= 1
    newest_path.write_bytes(data)
    result = train(sets, out, "--resume", "auto", keys=["train.max_steps=4"])
    assert result.returncode == 0, result.stderr
    assert newest_path.name in result.stderr
    assert "step-0000000002.pt" in result.stderr


def test_a_signal_ends_the_run_with_a_checkpoint(sets, tmp_path):
    out = tmp_path / "run"
    command = [BIFRONS, "train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", out,
               *assignments(*SMALL, "train.epochs=100000")]
    job = subprocess.Popen(["mpirun", "-n", "2", *map(str, command)], stderr=subprocess.PIPE,
                           text=True, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not ((out / "metrics.jsonl").exists() and len(rows(out)) > 2):
        assert time.monotonic() < deadline and job.poll() is None
        time.sleep(0.05)
    job.send_signal(signal.SIGUSR1)
    _, stderr = job.communicate(timeout=60)
    assert job.returncode == 75, stderr
    assert (out / "checkpoints" / newest(out)).is_file()
    assert json.loads((out / "run.json").read_text())["exit"] == "AGAIN"


def test_a_finished_run_is_not_overwritten(sets, trained):
    before = newest(trained)
    result = train(sets, trained, "--resume", "none", keys=["train.max_steps=40"])
    assert result.returncode == 64
    assert "--resume auto" in result.stderr and len(ours(result)) == 1
    assert newest(trained) == before


def test_dry_run_touches_nothing(sets, tmp_path):
    result = train(sets, tmp_path / "run", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "parameters" in result.stderr
    assert not (tmp_path / "run").exists()
    planned = re.search(r"memory: about ([0-9.]+) GB a rank, ([0-9.]+) GB of it parameters", result.stderr)
    assert planned and float(planned[1]) > float(planned[2]) > 0


def test_short_form_packs_folders(sets, tmp_path):
    drawn = sets / "drawn"
    result = run("train", "--data-a", drawn / "person_a", "--data-b", drawn / "person_b",
                 "--image-size", 64, "--batch-size", 4, "--out", tmp_path / "run",
                 *assignments("train.max_steps=2"), ranks=2)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "run/data/a.h5").is_file() and (tmp_path / "run/data/b.h5").is_file()
    assert undocumented(tmp_path / "run") == []


def test_eval_measures_held_out_pictures(trained):
    result = run("eval", trained / "checkpoints/best.pt", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    for direction in ("a2b", "b2a"):
        assert report[direction]["held_out"] and report[direction]["masked"]
        assert report[direction]["swap"]["pictures"] == 3
        for answer in ("swap", "truth_redrawn", "unchanged", "mean_face", "reconstruction"):
            assert 0 < report[direction][answer]["l1"] < 1
    assert "mean face" in run("eval", trained / "checkpoints/best.pt").stdout


def test_inspect_lists_the_last_validation(trained):
    shown = run("inspect", trained / "checkpoints/best.pt").stdout
    metrics = dict(re.findall(r"^  (\w+) +(-?[\d.]+)$", shown, re.MULTILINE))
    for kind in ("recon", "swap"):
        for what in ("l1", "psnr", "ssim"):
            assert {f"{kind}_{what}", f"{kind}_{what}_a", f"{kind}_{what}_b"} <= set(metrics)


def test_true_swaps_redrawn_are_reconstructions_of_them(sets, trained, tmp_path):
    """With the true swaps of A's pictures as B's set, the one is the other."""
    with h5py.File(sets / "a.h5") as f:
        images, truth, masks = (f[part][:3] for part in ("images", "truth", "masks"))
    for name, shown, true in (("a", images, truth), ("b", truth, images)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as f:
            f.attrs.update({"format": "bifrons-faces", "format_version": 1})
            f["images"], f["truth"], f["masks"] = shown, true, masks
    result = run("eval", trained / "checkpoints/best.pt", "--data-a", tmp_path / "a.h5", "--data-b",
                 tmp_path / "b.h5", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["a2b"]["truth_redrawn"] == report["b2a"]["reconstruction"]
    assert report["b2a"]["truth_redrawn"] == report["a2b"]["reconstruction"]
    assert report["a2b"]["truth_redrawn"] != report["b2a"]["truth_redrawn"]


def test_swap_pictures_folder_and_set(sets, trained, tmp_path):
    best = trained / "checkpoints/best.pt"
    one = sets / "drawn/person_a/00003.png"
    result = run("swap", best, one, "-o", tmp_path / "one.png")
    assert result.returncode == 0 and "not square" not in result.stderr
    assert run("swap", best, sets / "drawn/person_a", "-o", tmp_path / "many").returncode == 0
    assert run("swap", best, sets / "a.h5", "-o", tmp_path / "set").returncode == 0
    assert run("swap", best, sets / "b.h5", "-o", tmp_path / "grid.png", "--direction", "b2a",
               "--grid").returncode == 0
    assert sorted(p.name for p in (tmp_path / "many").iterdir()) == [f"{i:05d}.png"
                                                                    for i in range(30)]
    single = (tmp_path / "one.png").read_bytes()
    assert single == (tmp_path / "many/00003.png").read_bytes()
    assert single == (tmp_path / "set/00003.png").read_bytes()
    for name in ("one.png", "grid.png"):
        data = (tmp_path / name).read_bytes()
        assert data.startswith(b"\x89PNG") and b"DigitalSourceType" in data
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "grid.png").read_bytes()


def test_a_sheet_has_as_many_columns_as_asked_for(sets, trained, tmp_path):
    def sheet(*words, of="person_a"):
        return run("swap", trained / "checkpoints/best.pt", sets / "drawn" / of, "-o", tmp_path / "grid.png", *words)

    def width(*words, **more):
        done = sheet(*words, **more)
        assert done.returncode == 0, done.stderr
        return struct.unpack(">I", (tmp_path / "grid.png").read_bytes()[16:20])[0], done.stderr

    (one, _), (two, _), (three, _), (six, _), (all_30, told) = (
        width(f"--grid{n}") for n in ("=1", "=2", "=3", "", "=24"))
    assert three - two == two - one >= 64 and six - three == 3 * (two - one) and all_30 - six == 18 * (two - one)
    assert "the sheet shows" not in told
    alone, told = width("--grid=3", of="person_a/00003.png")
    assert alone == one and "the sheet shows 1 picture: " in told and "00003.png has no more" in told, told
    for words, said in ((["--grid=25"], "from 1 to 24"), (["--grid=0"], "from 1 to 24"), (["--grid", "8"], "--grid=N")):
        refused = sheet(*words)
        assert refused.returncode == 64 and said in refused.stderr, refused.stderr


def test_pictures_of_one_stem_do_not_replace_each_other(sets, trained, tmp_path):
    picture = sets / "drawn/person_a/00003.png"
    for name in ("x.png", "x.bmp", "y.png"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(picture.read_bytes())
    result = run("swap", trained / "checkpoints/best.pt", tmp_path / "in", "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["x.bmp.png", "x.png.png",
                                                                   "y.png"]


def test_inspect_verifies_through_a_link(trained, tmp_path):
    best = trained / "checkpoints/best.pt"
    result = run("inspect", best, "--verify", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["verified"] is True


def test_info_names_versions():
    result = run("info", "--json")
    assert result.returncode == 0, result.stderr
    info = json.loads(result.stdout)
    assert info["torch"].startswith("2.") and "Open MPI" in info["mpi"]


@pytest.mark.parametrize("keys, ranks, code, words", [
    (["train.global_batch=1"], 2, 78, ["train.global_batch", "2"]),
    (["train.global_batch=29"], 2, 65, ["29", "train.global_batch"]),
    (["train.lr=-1"], 2, 78, ["train.lr"]),
    (["train.lrr=1"], 2, 78, ["train.lrr", "train.lr"]),
    (["train.lr=\"fast\""], 0, 78, ["train.lr"]),
    (["comm.backend=\"nccl\""], 2, 78, ["nccl"]),
    (["train.device=\"cuda\""], 2, 69, ["cuda"]),
])
def test_bad_configuration_is_told_once(sets, tmp_path, keys, ranks, code, words):
    result = train(sets, tmp_path / "run", ranks=ranks, keys=keys)
    assert result.returncode == code, result.stderr
    assert len(ours(result)) == 1, result.stderr
    for word in words:
        assert word in ours(result)[0]
    assert not list((tmp_path / "run").glob("checkpoints/*"))


def test_missing_and_wrong_sets(sets, tmp_path):
    result = run("train", "--data-a", tmp_path / "none.h5", "--data-b", sets / "b.h5", "--out",
                 tmp_path / "run", ranks=2)
    assert result.returncode == 66 and "none.h5" in result.stderr and len(ours(result)) == 1
    (tmp_path / "text.h5").write_text("no set")
    result = run("train", "--data-a", tmp_path / "text.h5", "--data-b", sets / "b.h5", "--out",
                 tmp_path / "run2", ranks=2)
    assert result.returncode == 65 and len(ours(result)) == 1


def test_the_same_set_twice_is_warned_about(sets, tmp_path):
    result = run("train", "--data-a", sets / "a.h5", "--data-b", sets / "a.h5", "--out",
                 tmp_path / "run", *assignments(*SMALL, "train.max_steps=1"))
    assert result.returncode == 0, result.stderr
    assert "same pictures" in result.stderr


def test_a_set_without_consent_is_refused(sets, tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "silent.h5"
    path.write_bytes((sets / "a.h5").read_bytes())
    with h5py.File(path, "r+") as f:
        del f.attrs["consent"]
    result = run("train", "--data-a", path, "--data-b", sets / "b.h5", "--out", tmp_path / "run",
                 ranks=2)
    assert result.returncode == 65 and "consent" in result.stderr and len(ours(result)) == 1


def test_an_unwritable_run_folder(sets, tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = train(sets, tmp_path / "file/run", ranks=2)
    assert result.returncode == 74 and len(ours(result)) == 1, result.stderr


def test_a_model_grows_from_smaller_pictures(sets, trained, tmp_path):
    """Its first loss is that of the smaller model, not of a new one."""
    keys = ["model.image_size=128", "train.max_steps=2", "log.every_steps=1"]
    grown = train(sets, tmp_path / "grown", "--init-from", trained / "checkpoints/best.pt", keys=keys)
    new = train(sets, tmp_path / "new", keys=keys)
    assert grown.returncode == new.returncode == 0, grown.stderr + new.stderr
    assert "grown from 64 px to 128 px" in grown.stderr
    assert losses(tmp_path / "grown")[0] < 0.9 * losses(tmp_path / "new")[0]


def test_checkpoints_of_another_architecture_and_no_checkpoint(sets, trained, tmp_path):
    best = trained / "checkpoints/best.pt"
    result = train(sets, tmp_path / "run", "--init-from", best, keys=["model.latent=24"])
    assert result.returncode == 65 and "-> 24" in result.stderr
    (tmp_path / "x.pt").write_bytes(b"PK\x03\x04 nothing")
    for command in (["eval", tmp_path / "x.pt"],
                    ["swap", tmp_path / "x.pt", sets / "a.h5", "-o", tmp_path / "o"]):
        result = run(*command)
        assert result.returncode == 65 and len(ours(result)) == 1, result.stderr
    assert run("eval", tmp_path / "none.pt").returncode == 66


def test_ranks_of_a_foreign_launcher(sets, tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_COMM", "PMIX", "PMI_"))}
    results = []
    for rank in range(3):
        results.append(train(sets, tmp_path / "run",
                             env={**env, "PMI_SIZE": "3", "PMI_RANK": str(rank)}))
    assert [r.returncode for r in results] == [64] * 3
    assert [len(ours(r)) for r in results] == [1, 0, 0]


def test_unknown_options_and_commands():
    for words in (["train", "--nonsense"], ["eval"], ["swap", "x"], ["fly"], ["info", "x"]):
        assert run(*words).returncode == 64
    for command in ("train", "eval", "swap", "info", "synth", "extract", "pack", "inspect"):
        result = run(command, "--help")
        assert result.returncode == 0 and "Usage: bifrons " + command in result.stdout
