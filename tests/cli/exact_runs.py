"""Short training runs on drawn people, and what they leave, to be compared bit by bit."""

import json
import os
import signal
import subprocess
import zipfile

import pytest

BIFRONS = os.environ.get("BIFRONS", "build/dev/bifrons")
SMALL = ["model.image_size=64", "model.latent=16", "model.width=16", "train.global_batch=7", "train.lr=1e-3",
         "train.threads=1", "train.precision=fp32", "train.seed=3", "log.every_steps=1",
         "log.tensorboard=false", "train.max_steps=4", "train.ema=0.9", "train.clip_norm=0.01",
         "train.weight_decay=0.01"]


def command(sets, out, *more, ranks=0, keys=()):
    assignments = [word for key in [*SMALL, *keys] for word in ("--set", key)]
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    return [*launcher, BIFRONS, "train", "--data-a", str(sets / "a.h5"), "--data-b",
            str(sets / "b.h5"), "--out", str(out), *assignments, *map(str, more)]


def run(*words):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=240,
                          stdin=subprocess.DEVNULL)


def stop_at(words, mark):
    """Runs until a line of standard error has the mark, then asks it to stop."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        for line in process.stderr:
            if mark in line:
                break
        process.send_signal(signal.SIGUSR1)
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def train(sets, out, *more, ranks=0, keys=()):
    result = run(*command(sets, out, *more, ranks=ranks, keys=keys))
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    result = run(BIFRONS, "synth", folder / "drawn", "--count", 20, "--size", 64, "--seed", 1)
    assert result.returncode == 0, result.stderr
    for person in "ab":
        result = run(BIFRONS, "pack", folder / "drawn" / f"person_{person}", "-o",
                     folder / f"{person}.h5", "--size", 64)
        assert result.returncode == 0, result.stderr
    return folder


def losses(out):
    """And what else of a row is the same whenever the run is."""
    rows = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    return [{key: row.get(key) for key in ("loss", "metrics", "grad_norm")} for row in rows]


def checkpoint(out, step=4):
    return out / f"checkpoints/step-{step:010d}.pt"


def tensors(out, step=4):
    """The bytes of every tensor in a checkpoint: parameters, their average, Adam's moments."""
    with zipfile.ZipFile(checkpoint(out, step)) as archive:
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()
                if "/data/" in name}
