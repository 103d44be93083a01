"""Every key of the configuration does something: each is changed in a run of a few steps of a tiny
model, and the run shows it.

A key that is new belongs in KEYS below. Its entry tells a value unlike the default, what else has to
be set for it to matter, and what then differs from the same run without it:

    "train.lr": Change("0.01", numbers),

or, where a run as small as these cannot show it, the test that does, which has to name the key:

    "comm.wire": Elsewhere("cli/test_exact.py"),
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from exact_runs import BIFRONS, sets  # noqa: F401

TESTS = Path(__file__).resolve().parents[1]
TINY = {"model.image_size": 64, "model.latent": 8, "model.width": 8, "train.threads": 1,
        "train.global_batch": 2, "train.max_steps": 3, "train.lr": 1e-3, "train.precision": '"fp32"',
        "log.every_steps": 1, "log.preview_epochs": 0}


class Run:
    """What a run leaves to look at."""

    def __init__(self, sets, out, keys):  # noqa: F811
        self.out = out
        keys = {"data.a": f'"{sets}/a.h5"', "data.b": f'"{sets}/b.h5"', **TINY, **keys}
        keys = {key: str(value).replace("SETS", str(sets)) for key, value in keys.items()}
        words = [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]
        done = subprocess.run([BIFRONS, "train", "--out", out, *words], capture_output=True,
                              text=True, timeout=240, stdin=subprocess.DEVNULL)
        self.code, self.log = done.returncode, done.stderr

    def rows(self, kind=None):
        path = self.out / "metrics.jsonl"
        rows = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
        return [row for row in rows if kind in (None, row["kind"])]

    def files(self, pattern):
        return len(list(self.out.glob(pattern)))


# ---- What can differ: a function of a run -------------------------------------------------------

def numbers(run):
    """Of the steps: losses, gradient, learning rate."""
    assert run.code == 0, run.log
    return [(row["loss"], row["grad_norm"], row["lr"]) for row in run.rows("train")]



def validations(run):
    assert run.code == 0, run.log
    return [(row["loss"], row["metrics"]) for row in run.rows("val")]


def steps(run):
    return len(run.rows("train"))


def skipped(run):
    return [row["step"] for row in run.rows("train") if "skipped" in row]


def rates(run):
    return [row["lr"] for row in run.rows("train")], run.code


def checkpoints(run):
    return run.files("checkpoints/step-*.pt")


def previews(run):
    return run.files("previews/*.png")


def events(run):
    return run.files("events.out.tfevents.*")


def progress_lines(run):
    return run.log.count(" left\n") > 2


def exit_code(run):
    return run.code


def said(*texts):
    """Which of these words stand in the log."""
    return lambda run: [text in run.log for text in texts]


class Change(NamedTuple):
    value: object
    differs: object
    given: dict = {}  # keys set in both runs


class GpuOnly(NamedTuple):
    """Does nothing on a CPU, and these tests have no GPU."""


class Elsewhere(NamedTuple):
    test: str  # a file below tests/ that names the key


ADVERSARY = {"loss.adversarial": 0.1}
COLOURS = {"augment.colour_transfer": 1}
EPOCHS = {"train.max_steps": 0, "train.epochs": 2, "train.global_batch": 9}
LONG = {"train.max_steps": 60}
# as soon as there is a window, many a loss is a spike
SPIKES = {"train.max_steps": 40, "train.lr": 0.05, "guard.spike": 1}

KEYS = {
    "config_version": Change(2, exit_code),
    "name": Elsewhere("cli/test_config.py"),
    "data.a": Change('"SETS/b.h5"', numbers),
    "data.b": Change('"SETS/a.h5"', numbers),
    "data.val_fraction": Change(0.3, validations),
    "data.masks": Change("false", numbers, COLOURS),
    "data.stage_dir": Elsewhere("cli/test_sets_in_use.py"),
    "model.image_size": Change(128, numbers),
    "model.code_size": Change(8, numbers),
    "model.latent": Change(16, numbers),
    "model.bottleneck": Change('"dense"', numbers),
    "model.width": Change(16, numbers),
    "model.width_max": Change(16, numbers, {"model.width": 16}),
    "model.blocks": Change(1, numbers),
    "model.upsample": Change('"subpixel"', numbers),
    "model.norm": Change('"group"', numbers, {"model.blocks": 1}),
    "model.mask": Elsewhere("cli/test_architectures.py"),
    "model.mean_codes": Elsewhere("cli/test_architectures.py"),
    "loss.l1": Change(0.5, numbers),
    "loss.dssim": Change(1, numbers),
    "loss.gradient": Change(1, numbers),
    "loss.mask": Change(1, numbers),
    "loss.eyes": Change(1, numbers),
    "loss.mouth": Change(1, numbers),
    "loss.mask_head": Change(1, numbers, {"model.mask": "true"}),
    "loss.latent": Change(1, numbers, {"augment.back_translation": 1}),
    "loss.perceptual": Elsewhere("cli/test_losses.py"),
    "loss.perceptual_weights": Elsewhere("cli/test_losses.py"),
    "loss.adversarial": Change(0.1, numbers),
    "adversary.loss": Change('"least_squares"', numbers, ADVERSARY),
    "adversary.start_step": Change(1, numbers, ADVERSARY),
    "adversary.lr": Change(0.01, numbers, ADVERSARY),
    "adversary.beta1": Change(0.9, numbers, ADVERSARY),
    "adversary.beta2": Change(0.5, numbers, ADVERSARY),
    "adversary.r1": Change(5, numbers, ADVERSARY),
    "adversary.channels": Change(16, numbers, ADVERSARY),
    "augment.flip": Change(0, numbers),
    "augment.rotate_deg": Change(90, numbers),
    "augment.zoom": Change(0.3, numbers),
    "augment.shift": Change(0.3, numbers),
    "augment.warp": Change(0.1, numbers),
    "augment.colour_transfer": Change(1, numbers),
    "augment.colour_space": Change('"lab"', numbers, COLOURS),
    "augment.surroundings": Change(1, numbers),
    "augment.colour_jitter": Change(0.3, numbers),
    "augment.blur": Change(0.03, numbers),
    "augment.noise": Change(0.1, numbers),
    "augment.back_translation": Change(1, numbers),
    "augment.ramp_steps": Change(50, numbers),
    "augment.off_steps": Change(2, numbers),
    "train.epochs": Change(1, steps, EPOCHS),
    "train.stages": Elsewhere("faults/test_stages.py"),
    "train.max_steps": Change(2, steps),
    "train.max_minutes": Change(1e-4, exit_code),
    "train.global_batch": Change(3, numbers),
    "train.accumulate": Elsewhere("cli/test_train.py"),
    "train.slot_size": Change(2, said("2 slots"), {"train.reproducible": "true"}),
    "train.seed": Change(2, numbers),
    "train.lr": Change(0.01, numbers),
    "train.schedule": Change('"cosine"', numbers),
    "train.warmup": Change(0.9, numbers, {"train.schedule": '"cosine"'}),
    "train.warmup_steps": Change(3, numbers),
    "train.adam_beta1": Change(0.5, numbers),
    "train.adam_beta2": Change(0.5, numbers),
    "train.init": Change('"he"', numbers),
    "train.adam_eps": Change(1, numbers),
    "train.freeze": Change('"encoder"', numbers),
    "train.early_stop": Elsewhere("cli/test_schedules.py"),
    "train.weight_decay": Change(1, numbers),
    "train.clip_norm": Change(1e-5, numbers),
    "train.ema": Change(0.9, validations),
    "train.device": Elsewhere("cli/test_train.py"),
    "train.threads": Change(2, said("2 threads each")),
    "train.precision": Change('"bf16"', numbers),
    "train.deterministic": GpuOnly(),
    "train.reproducible": Change("true", said("reproducible: ")),
    "train.zero": Elsewhere("faults/test_zero.py"),
    "train.replica_check_steps": Elsewhere("cli/test_replica.py"),
    "train.recompute": Elsewhere("cli/test_schedules.py"),
    "train.cuda_graph": Change("true", exit_code),  # auto takes none on a CPU
    "train.timeout_s": Elsewhere("faults/test_peers.py"),
    "comm.backend": Change('"mpi"', said("(mpi)")),
    "comm.bucket_mb": Elsewhere("cli/test_exact.py"),
    "comm.wire": Elsewhere("cli/test_exact.py"),
    "checkpoint.every_steps": Change(1, checkpoints),
    "checkpoint.every_minutes": Change(1e-6, checkpoints, {**LONG, "checkpoint.keep": 99}),
    "checkpoint.keep": Change(2, checkpoints, {"checkpoint.every_steps": 1, "train.max_steps": 5}),
    "checkpoint.best": Elsewhere("cli/test_val_metrics.py"),
    "guard.spike": Change('"off"', skipped, SPIKES),
    "guard.patience": Change(1, rates, SPIKES),
    "guard.lr_factor": Change(0.1, rates, {**SPIKES, "guard.patience": 1}),
    "guard.rollbacks": Change(0, said("going back from step"), {**SPIKES, "guard.patience": 1}),
    "log.every_s": Change(0.1, progress_lines, LONG),
    "log.every_steps": Change(2, steps),
    "log.tensorboard": Change("false", events),
    "log.preview_epochs": Change(1, previews, EPOCHS),
}


@pytest.fixture(scope="session")
def runs(sets, tmp_path_factory):  # noqa: F811
    """A run for each way of setting keys that KEYS needs, two at a time; by their keys."""
    folder = tmp_path_factory.mktemp("runs")
    wanted = {}
    for key, entry in KEYS.items():
        if isinstance(entry, Change):
            for keys in (entry.given, {**entry.given, key: entry.value}):
                wanted[tuple(keys.items())] = keys
    with ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(Run, sets, folder / str(i), keys)
                for i, (name, keys) in enumerate(wanted.items())}
        return {name: job.result() for name, job in jobs.items()}


def schema():
    lines = subprocess.run([BIFRONS, "train", "--print-keys"], capture_output=True, text=True,
                           timeout=60, check=True).stdout.splitlines()
    return [line.split("`")[1] for line in lines if line.startswith("| `")]


def test_every_key_has_its_entry():
    missing, gone = set(schema()) - set(KEYS), set(KEYS) - set(schema())
    assert not missing, f"tell in KEYS of {Path(__file__).name} how a change of {missing} shows"
    assert not gone, f"KEYS of {Path(__file__).name} names {gone}, which the schema does not have"


@pytest.mark.parametrize("key", [key for key, entry in KEYS.items() if isinstance(entry, Change)])
def test_a_change_shows(runs, key):
    entry = KEYS[key]
    base = runs[tuple(entry.given.items())]
    changed = runs[tuple({**entry.given, key: entry.value}.items())]
    assert base.code in (0, 70), base.log
    assert entry.differs(changed) != entry.differs(base), changed.log


def test_no_more_than_one_is_taken_on_trust():
    assert [key for key, entry in KEYS.items() if isinstance(entry, GpuOnly)] == [
        "train.deterministic"]


@pytest.mark.parametrize("key", [key for key, entry in KEYS.items() if isinstance(entry, Elsewhere)])
def test_the_test_that_shows_it_names_it(key):
    text = (TESTS / KEYS[key].test).read_text()
    assert key in text or key.replace(".", "__") in text, f"{KEYS[key].test} does not name {key}"
