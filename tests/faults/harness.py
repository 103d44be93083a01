"""What the tests of faults share: tiny runs, what they leave, and how two of them are compared."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import torch

BIFRONS = os.environ.get("BIFRONS", "build/dev/bifrons")
FAULTY = os.environ.get("BIFRONS_FAULTY", "build/dev/tests/faults/faulty/bifrons")
CLOCK = os.environ.get("BIFRONS_CLOCK", "build/dev/tests/faults/libjumping-clock.so")
TINY = {"model.image_size": 64, "model.latent": 8, "train.global_batch": 4, "train.threads": 1,
        "train.precision": '"fp32"', "train.seed": 3, "train.lr": 1e-3, "log.every_steps": 1,
        "log.preview_epochs": 0, "checkpoint.every_minutes": 0, "train.ema": 0.9,
        "train.clip_norm": 0.1}
EPOCH = 3  # steps: 11 of 12 pictures are trained on, 4 a step


def dotted(keys):
    return {name.replace("__", "."): value for name, value in keys.items()}


def words(keys):
    return [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]


def bifrons(*arguments, **kwargs):
    return subprocess.run([BIFRONS, *map(str, arguments)], capture_output=True, text=True,
                          timeout=240, stdin=subprocess.DEVNULL, **kwargs)


class Run:
    """A run folder, and the command that fills it. Keys are given as train__lr=1 for train.lr=1."""

    program = BIFRONS
    launched_by = ()  # words before the program, on each rank

    def __init__(self, sets, out, ranks=1, **keys):
        self.sets, self.out, self.ranks = sets, Path(out), ranks
        self.keys = {**TINY, **dotted(keys)}

    def command(self, *more, **keys):
        launcher = ["mpirun", "-n", str(self.ranks)] if self.ranks > 1 else []
        return [*launcher, *self.launched_by, self.program, "train", "--data-a", str(self.sets / "a.h5"), "--data-b",
                str(self.sets / "b.h5"), "--out", str(self.out),
                *words({**self.keys, **dotted(keys)}), *map(str, more)]

    def train(self, *more, environment=None, **keys):
        """Runs to the end; the result of subprocess.run."""
        return subprocess.run(self.command(*more, **keys), capture_output=True, text=True,
                              timeout=240, stdin=subprocess.DEVNULL,
                              env={**os.environ, **(environment or {})})

    def train_with(self, fault, *more, environment=None, **keys):
        """train, with an engine that meets this fault: see faulty.c."""
        self.program = FAULTY
        result = self.train(*more, environment={"BIFRONS_FAULT": fault, **(environment or {})}, **keys)
        self.program = BIFRONS
        return result

    def resume(self, *more, **keys):
        return self.train("--resume", "auto", *more, **keys)

    def train_stopping(self, at, what, *more, **keys):
        """train on one rank; at each of these steps the process stands still while what[i]() runs."""
        self.program = FAULTY
        self.stderr_path.unlink(missing_ok=True)
        faults = " ".join(f"backward:{step}:stop" for step in at)
        job = self.start(*more, environment={"BIFRONS_FAULT": faults}, **keys)
        self.program = BIFRONS
        for action in what:
            wait_until(lambda: state_of(job.pid) == "T" or job.poll() is not None)
            assert job.poll() is None, self.stderr
            action()
            os.kill(job.pid, signal.SIGCONT)
        job.wait(timeout=240)
        return subprocess.CompletedProcess(job.args, job.returncode, "", self.stderr)

    def start(self, *more, environment=None, **keys):
        """Starts the job in a process group of its own; stderr goes to OUT's neighbour."""
        with open(self.stderr_path, "ab") as stderr:
            return subprocess.Popen(self.command(*more, **keys), stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=stderr,
                                    start_new_session=True,
                                    env={**os.environ, **(environment or {})})

    @property
    def stderr_path(self):
        return self.out.with_name(self.out.name + ".stderr")

    @property
    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    @property
    def checkpoints(self):
        return self.out / "checkpoints"

    def checkpoint(self, step):
        return self.checkpoints / f"step-{step:010d}.pt"

    def steps(self):
        """Steps of the checkpoints that are there."""
        return sorted(int(p.name[5:15]) for p in self.checkpoints.glob(f"step-{'[0-9]' * 10}.pt"))

    def rows(self, kind=None):
        path = self.out / "metrics.jsonl"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []  # whole ones only
        rows = map(json.loads, lines)
        return [row for row in rows if kind in (None, row["kind"])]

    def events(self):
        """What happened and at which step, without the checkpoints."""
        rows = map(json.loads, (self.out / "events.jsonl").read_text().splitlines())
        return [(row["event"], row["step"]) for row in rows if row["event"] not in ("checkpoint", "best")]

    def record(self):
        return json.loads((self.out / "run.json").read_text())


def make_sets(folder, size):
    """a.h5 and b.h5 in the folder: 12 pictures of each of two drawn people."""
    result = bifrons("synth", folder / "drawn", "--count", 12, "--size", size, "--seed", 1)
    assert result.returncode == 0, result.stderr
    for person in "ab":
        result = bifrons("pack", folder / "drawn" / f"person_{person}", "-o", folder / f"{person}.h5",
                         "--size", size)
        assert result.returncode == 0, result.stderr
    return folder


def wait_until(condition, seconds=120):
    """Awaits a condition; the limit is for what hangs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def state_of(pid):
    """R, S, D, T (stopped), Z, as in /proc; "" where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


TIMINGS = ("time", "images_per_s", "step_ms", "data_wait_ms", "sum_wait_ms")


def untimed(rows):
    return [{key: value for key, value in row.items() if key not in TIMINGS} for row in rows]


def load(path):
    return torch.load(path, map_location="cpu", weights_only=True)


def assert_same_tensors(one, other, where=""):
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same_tensors(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, pair in enumerate(zip(one, other)):
            assert_same_tensors(*pair, f"{where}/{i}")
    else:
        assert one == other, where


def assert_same_run(run, reference, best=True):
    """Parameters, moments and metrics bit for bit: nothing shows that `run` was interrupted."""
    assert untimed(run.rows()) == untimed(reference.rows())
    for name in ("latest.pt", "best.pt") if best else ("latest.pt",):
        mine, theirs = run.checkpoints / name, reference.checkpoints / name
        assert os.readlink(mine) == os.readlink(theirs), name
        one, other = load(mine), load(theirs)
        kept = {"ema_state_dict", "discriminators"} & (one.keys() | other.keys())
        for key in ("model_state_dict", "optimizer_state_dict", "epoch", "step", "position", "loss", "val_loss",
                    "val_metrics", *kept):
            assert_same_tensors(one[key], other[key], f"{name}:{key}")


def cut_back(run, step):
    """As if the job had died after this step's checkpoint."""
    for path in run.checkpoints.glob("step-*"):
        if int(path.name[5:15]) > step:
            path.unlink()
    for name in ("latest.pt", "best.pt"):
        (run.checkpoints / name).unlink()
        os.symlink(run.checkpoint(step).name, run.checkpoints / name)


def errors(text):
    """Lines of ours that say error."""
    return [line for line in text.splitlines() if "error:" in line]
