"""A run in a job: it ends by itself before its time does, and waits for the folder of its earlier start."""
import fcntl
import json
import os
import subprocess

import pytest

from conftest import PROGRAM

SMALL = ["model.image_size=64", "model.latent=32", "train.global_batch=4", "train.threads=1", "train.precision=fp32",
         "train.seed=3", "train.epochs=100000", "log.preview_epochs=0", "log.tensorboard=false"]


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    for words in (["synth", "drawn", "--count", "12", "--size", "64", "--seed", "1"],
                  ["pack", "drawn/person_a", "-o", "a.h5"], ["pack", "drawn/person_b", "-o", "b.h5"]):
        subprocess.run([PROGRAM, *words], cwd=folder, check=True, capture_output=True, timeout=120)
    return folder


def begin(sets, out, *keys, **environment):
    keys = [word for key in (*SMALL, *keys) for word in ("--set", key)]
    outside = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    return subprocess.Popen([PROGRAM, "train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", out, *keys],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
                            env={**outside, **environment})


def train(sets, out, *keys, **environment):
    with begin(sets, out, *keys, **environment) as process:
        _, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, stderr=err)


def step_saved(out):
    record = json.loads((out / "run.json").read_text())
    assert record["exit"] == "AGAIN"
    assert os.readlink(out / "checkpoints/latest.pt") == f"step-{record['step']:010d}.pt"
    return record["step"]


def test_max_minutes_end_a_run_and_it_goes_on(sets, tmp_path):
    first = train(sets, tmp_path / "run", "train.max_minutes=0.05")
    assert first.returncode == 75, first.stderr
    assert "train.max_minutes ends in" in first.stderr
    assert "(train.max_minutes is nearly over) with a checkpoint" in first.stderr
    steps = step_saved(tmp_path / "run")
    assert train(sets, tmp_path / "run", "train.max_minutes=0.05").returncode == 75
    assert step_saved(tmp_path / "run") > steps


def test_the_end_of_the_job_ends_a_run(sets, tmp_path):
    """By what squeue answers, so that starting up takes nothing from it."""
    squeue = tmp_path / "bin/squeue"
    squeue.parent.mkdir()
    squeue.write_text("#!/bin/sh\necho 0:03\n")
    squeue.chmod(0o755)
    done = train(sets, tmp_path / "run", SLURM_JOB_ID="1", PATH=f"{squeue.parent}:{os.environ['PATH']}")
    assert done.returncode == 75, done.stderr
    assert "(the Slurm job's time is nearly over) with a checkpoint" in done.stderr
    step_saved(tmp_path / "run")


def test_a_requeued_job_waits_for_its_folder(sets, tmp_path):
    """The lock of an earlier start on a lost node lasts until the file server notices."""
    out = tmp_path / "run"
    out.mkdir()
    with open(out / ".lock", "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert train(sets, out, "train.max_steps=1", SLURM_RESTART_COUNT="0").returncode == 64
        with begin(sets, out, "train.max_steps=1", SLURM_RESTART_COUNT="1") as process:
            told = next((line for line in process.stderr if "waiting up to 5 min" in line), None)
            fcntl.lockf(lock, fcntl.LOCK_UN)
            _, err = process.communicate(timeout=120)
    assert told and "in use by another process" in told and process.returncode == 0, err
