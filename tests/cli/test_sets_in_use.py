"""Sets that change, and folders that fill up, while a run uses them."""
import json
import os
import shutil
import subprocess
import time

import pytest

BIFRONS = os.environ.get("BIFRONS", "build/dev/bifrons")
KEYS = ["model.image_size=64", "model.width=16", "model.latent=16", "train.global_batch=4", "train.threads=1",
        "train.precision=fp32", "train.seed=3", "log.every_steps=1", "log.preview_epochs=0", "checkpoint.every_steps=2"]


def run(*words, ranks=0, **kwargs):
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    return subprocess.Popen([*launcher, BIFRONS, *map(str, words)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)


def finish(process):
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    result = finish(run("synth", folder / "drawn", "--count", 12, "--size", 64, "--seed", 1))
    assert result.returncode == 0, result.stderr
    for person in "ab":
        result = finish(run("pack", folder / "drawn" / f"person_{person}", "-o", folder / f"{person}.h5",
                            "--size", 64))
        assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def sets(packed, tmp_path):
    for name in ("a.h5", "b.h5"):
        shutil.copy(packed / name, tmp_path / name)
    return tmp_path


def train(sets, out, *more, ranks=2, keys=()):
    words = [word for key in [*KEYS, *keys] for word in ("--set", key)]
    return run("train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", out, *words, *more,
               ranks=ranks)


def wait_for(path, process):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.05)


def test_a_set_cut_short_ends_the_run_with_its_last_checkpoint_whole(sets, tmp_path):
    out = tmp_path / "run"
    whole = (sets / "b.h5").read_bytes()
    running = train(sets, out, keys=["train.max_steps=100000", "train.epochs=100000"])
    wait_for(out / "checkpoints/step-0000000002.pt", running)
    os.truncate(sets / "b.h5", 8192)
    result = finish(running)
    assert result.returncode == 65, result.stderr
    errors = [line for line in result.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1 and "b.h5 has become shorter" in errors[0], result.stderr
    (sets / "b.h5").write_bytes(whole)
    last = int(os.readlink(out / "checkpoints/latest.pt")[5:15])
    result = finish(train(sets, out, "--resume", "auto",
                          keys=[f"train.max_steps={last + 2}", "train.epochs=100000"]))
    assert result.returncode == 0, result.stderr
    assert f"step {last}" in result.stderr


def staged(folder):
    return sorted(path.name.split("-", 1)[1] for path in folder.iterdir())


def test_staged_sets_are_read_instead_and_serve_again(sets, tmp_path):
    local, keys = tmp_path / "local", ["train.max_steps=2", f"data.local_dir={tmp_path / 'local'}"]
    result = finish(train(sets, tmp_path / "plain", keys=keys[:1]))
    assert result.returncode == 0, result.stderr
    result = finish(train(sets, tmp_path / "first", keys=keys))
    assert result.returncode == 0 and result.stderr.count(": copied, ") == 2, result.stderr
    assert staged(local) == ["a.h5", "a.h5.staged", "b.h5", "b.h5.staged"]
    result = finish(train(sets, tmp_path / "again", keys=keys))
    assert result.returncode == 0 and result.stderr.count("copied earlier, unchanged") == 2, result.stderr
    metrics = [(tmp_path / name / "metrics.jsonl").read_text().count('"kind":') for name in ("plain", "first", "again")]
    assert len(set(metrics)) == 1
    record = json.loads((tmp_path / "again/run.json").read_text())
    assert str(local) in json.dumps(record["people"])


def test_what_cannot_be_staged_is_read_where_it_is(sets, tmp_path):
    (tmp_path / "local").write_text("no folder")
    keys = ["train.max_steps=2", f"data.local_dir={tmp_path / 'local'}"]
    result = finish(train(sets, tmp_path / "run", keys=keys))
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("; reading ") == 2, result.stderr
    result = finish(train(sets, tmp_path / "dry", "--dry-run", ranks=0, keys=["data.local_dir=" + str(tmp_path / "dry2")]))
    assert result.returncode == 0 and not (tmp_path / "dry2").exists(), result.stderr
