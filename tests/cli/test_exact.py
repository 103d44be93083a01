"""What may not change a single bit of a run, from the outside: how its gradients travel."""

import json
import os
import subprocess
import zipfile

import pytest

BIFRONS = os.environ.get("BIFRONS", "build/dev/bifrons")
SMALL = ["model.image_size=64", "model.latent=16", "train.global_batch=7", "train.lr=1e-3",
         "train.threads=1", "train.precision=fp32", "train.seed=3", "log.every_steps=1",
         "log.tensorboard=false", "train.max_steps=4"]


def run(*words, ranks=0):
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    return subprocess.run([*launcher, BIFRONS, *map(str, words)], capture_output=True, text=True,
                          timeout=120, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    result = run("synth", folder / "drawn", "--count", 20, "--size", 64, "--seed", 1)
    assert result.returncode == 0, result.stderr
    for person in "ab":
        result = run("pack", folder / "drawn" / f"person_{person}", "-o", folder / f"{person}.h5",
                     "--size", 64)
        assert result.returncode == 0, result.stderr
    return folder


def train(sets, out, *more, ranks=0, keys=()):
    assignments = [word for key in [*SMALL, *keys] for word in ("--set", key)]
    result = run("train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", out,
                 *assignments, *more, ranks=ranks)
    assert result.returncode == 0, result.stderr
    return result


def losses(out):
    rows = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    return [row["loss"] for row in rows]


def tensors(out, step=4):
    """The bytes of every tensor in a checkpoint: parameters and Adam's moments."""
    with zipfile.ZipFile(out / f"checkpoints/step-{step:010d}.pt") as archive:
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()
                if "/data/" in name}


@pytest.fixture(scope="session")
def plain(sets, tmp_path_factory):
    """Three ranks, gradients summed as one range after backward."""
    out = tmp_path_factory.mktemp("plain") / "run"
    result = train(sets, out, ranks=3, keys=["comm.bucket_mb=65536"])
    assert "1 bucket of" in result.stderr
    return out


@pytest.mark.parametrize("keys", [[], ["comm.bucket_mb=0.05"], ["comm.bucket_mb=1"]])
def test_buckets_change_nothing(sets, plain, tmp_path, keys):
    result = train(sets, tmp_path / "run", ranks=3, keys=keys)
    assert losses(tmp_path / "run") == losses(plain)
    assert tensors(tmp_path / "run") == tensors(plain)
    line = next(line for line in result.stderr.splitlines() if line.startswith("reducer: "))
    assert json.loads((tmp_path / "run/run.json").read_text())["reducer"] in line


def test_bf16_on_the_wire_trains_nearly_the_same(sets, plain, tmp_path):
    train(sets, tmp_path / "run", ranks=3, keys=["comm.wire=\"bf16\""])
    assert losses(tmp_path / "run") != losses(plain)
    ours, theirs = ([row["total"] for row in losses(out)] for out in (tmp_path / "run", plain))
    assert ours == pytest.approx(theirs, rel=0.02)
