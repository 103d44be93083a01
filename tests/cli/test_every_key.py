"""Every key of the configuration does something: each is changed in a run of a few steps of a tiny
model, and the run shows it.

A key that is new belongs in KEYS below. Its entry tells a value unlike the default, what else has to
be set for it to matter, and what then differs from the same run without it:

    "train.seed": Change(2, numbers),

Keys share a run where what each of them looks at stays the same as long as that key is ignored,
whatever the others do:

    "comm.backend": Change('"mpi"', said("(mpi)"), run="shown"),

Where a run as small as these cannot show it, the entry names the test that does, which has to name
the key:

    "comm.wire": Elsewhere("cli/test_exact.py"),
"""

import json
import pickle
import re
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy
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

    def saved(self, step):
        """A checkpoint as torch.load gives it, with arrays in place of tensors."""
        assert self.code == 0, self.log
        with zipfile.ZipFile(self.out / f"checkpoints/step-{step:010d}.pt") as archive:
            inside = {name.split("/", 1)[1]: name for name in archive.namelist()}

            class Reader(pickle.Unpickler):
                def find_class(self, module, name):
                    return (lambda storage, offset, shape, *_: storage.reshape(shape)) if "rebuild" in name else dict

                def persistent_load(self, pid):
                    return numpy.frombuffer(archive.read(inside[f"data/{pid[2]}"]), "float32")

            with archive.open(inside["data.pkl"]) as file:
                return Reader(file).load()


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


def rises(run):
    first, second, *_ = rates(run)[0]
    return first < second


def is_curved(run):
    (first, second, third), _ = rates(run)
    return abs(third - second - (second - first)) > 0.1 * max(first, third)


def is_fast(run):
    return max(rates(run)[0]) > 0.005


def held_out(run):
    return re.findall(r"(\d+) held out", run.log)


def first_row(run):
    return run.rows("train")[0]["step"]


def last_saved(run):
    return max(path.name for path in run.out.glob("checkpoints/step-*.pt"))


def shapes(pattern):
    """The network's tensors of whose name and shape the pattern finds something."""
    def of(run):
        tensors = run.saved(3)["model_state_dict"]
        texts = [f"{name} {tensor.shape}" for name, tensor in tensors.items()]
        return [text for text in texts if re.search(pattern, text)]
    return of


def is_the_weighted_sum(run):
    """Is the loss of the first step the sum of LOSSES? One of weight 0 reads 0, or is left out."""
    loss = run.rows("train")[0]["loss"]
    terms = [(weight, loss[who].get(key.split(".")[1], 0)) for who in "ab" for key, weight in LOSSES.items()]
    return (all(term for _, term in terms)
            and loss["total"] == pytest.approx(sum(weight * term for weight, term in terms), rel=1e-6))


def moments(name, power, size):
    """Do the first step's moments have the size that ADAM's decays give a gradient that was clipped?"""
    def hold(run):
        state = run.saved(1)["optimizer_state_dict"]["state"].values()
        total = sum(float((s[name].astype("float64") ** power).sum()) for s in state)
        return total**0.5 == pytest.approx(size * ADAM["train.clip_norm"], rel=1e-3)
    return hold


def is_the_second_update(run):
    """Does the second step move decoder A as ADAM says?"""
    before, after = (run.saved(step)["model_state_dict"] for step in (1, 2))
    state = run.saved(2)["optimizer_state_dict"]["state"]
    first, second = (1 - ADAM[f"train.adam_beta{i}"] ** 2 for i in (1, 2))
    for i, name in enumerate(before):
        if name.startswith("decoder_a"):
            step = state[i]["exp_avg"] / first / (numpy.sqrt(state[i]["exp_avg_sq"] / second) + ADAM["train.adam_eps"])
            wanted = before[name] - TINY["train.lr"] * (step + ADAM["train.weight_decay"] * before[name])
            if not numpy.allclose(after[name], wanted, rtol=1e-5, atol=1e-7):
                return False
    return True


def encoder_moves(run):
    first, second = (run.saved(step)["model_state_dict"] for step in (1, 2))
    return any((first[name] != second[name]).any() for name in first if name.startswith("encoder"))


def checkpoints(run):
    return run.files("checkpoints/step-*.pt")


def two_checkpoints(run):
    return checkpoints(run) == 2


def previews(run):
    return run.files("previews/*.png")


def events(run):
    return run.files("events.out.tfevents.*")


def reports(run):
    return run.files("report.html")


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
    run: str = ""  # one run for all keys that name it; "": of its own


class GpuOnly(NamedTuple):
    """Does nothing on a CPU, and these tests have no GPU."""


class Elsewhere(NamedTuple):
    test: str  # a file below tests/ that names the key


DISCRIMINATORS = {"loss.adversarial": 0.1}
COLOURS = {"augment.colour_transfer": 1}
LOSSES = {"loss.l1": 0.5, "loss.dssim": 1, "loss.gradient": 2, "loss.mask_head": 3, "loss.latent": 4,
          "loss.pose": 5, "loss.adversarial": 0.25}
POSE = {"model.pose": '"predicted"', "loss.pose": 0.2}
LOSSES_NEED = {"model.mask": "true", "augment.back_translation": 1, **POSE}
ADAM = {"train.adam_beta1": 0.5, "train.adam_beta2": 0.75, "train.adam_eps": 1e-3, "train.weight_decay": 1,
        "train.clip_norm": 1e-3}
TWO_STEPS = {"train.max_steps": 2, "checkpoint.every_steps": 1}
EPOCHS = {"train.max_steps": 0, "train.epochs": 2, "train.global_batch": 9}
LONG = {"train.max_steps": 60}
# as soon as there is a window, many a loss is a spike
SPIKES = {"train.max_steps": 40, "train.lr": 0.05, "guard.spike": 1}

KEYS = {
    "config_version": Change(2, exit_code),
    "name": Elsewhere("cli/test_config.py"),
    "data.a": Change('"SETS/b.h5"', numbers),
    "data.b": Change('"SETS/a.h5"', numbers),
    "data.val_fraction": Change(0.3, held_out, run="shown"),
    "data.masks": Change("false", numbers, COLOURS),
    "data.local_dir": Elsewhere("cli/test_sets_in_use.py"),
    "model.image_size": Change(128, shapes(r"r128"), run="network"),
    "model.code_size": Change(8, shapes(r"encoder\.r8\.weight \(\d+, \d+, 4"), run="network"),
    "model.latent": Change(24, shapes(r"\b24\b"), run="network"),
    "model.bottleneck": Change('"dense"', shapes(r"\(\d+, \d+\)"), run="network"),
    "model.width": Change(16, shapes(r"\b16\b"), run="network"),
    "model.width_max": Change(40, shapes(r"\b40\b"), run="network"),
    "model.blocks": Change(1, shapes(r"\.b\d+\."), run="network"),
    "model.upsample": Change('"subpixel"', shapes(r"decoder_a\.r.*3, 3\)"), run="network"),
    "model.norm": Change('"group"', shapes(r"norm"), run="network"),
    "model.mask": Elsewhere("cli/test_architectures.py"),
    "model.mean_codes": Elsewhere("cli/test_architectures.py"),
    "model.pose": Elsewhere("cli/test_pose.py"),
    "loss.l1": Change(LOSSES["loss.l1"], is_the_weighted_sum, LOSSES_NEED, run="losses"),
    "loss.dssim": Change(LOSSES["loss.dssim"], is_the_weighted_sum, LOSSES_NEED, run="losses"),
    "loss.gradient": Change(LOSSES["loss.gradient"], is_the_weighted_sum, LOSSES_NEED, run="losses"),
    "loss.mask": Change(1, numbers),
    "loss.eyes": Change(1, numbers),
    "loss.mouth": Change(1, numbers),
    "loss.mask_head": Change(LOSSES["loss.mask_head"], is_the_weighted_sum, LOSSES_NEED, run="losses"),
    "loss.latent": Change(LOSSES["loss.latent"], is_the_weighted_sum, LOSSES_NEED, run="losses"),
    "loss.pose": Change(LOSSES["loss.pose"], is_the_weighted_sum, LOSSES_NEED, run="losses"),
    "loss.perceptual": Elsewhere("cli/test_losses.py"),
    "loss.perceptual_weights": Elsewhere("cli/test_losses.py"),
    "loss.adversarial": Change(LOSSES["loss.adversarial"], is_the_weighted_sum, LOSSES_NEED, run="losses"),
    "discriminator.loss": Change('"least_squares"', numbers, DISCRIMINATORS),
    "discriminator.start_step": Change(1, numbers, DISCRIMINATORS),
    "discriminator.lr": Change(0.01, numbers, DISCRIMINATORS),
    "discriminator.beta1": Change(0.9, numbers, DISCRIMINATORS),
    "discriminator.beta2": Change(0.5, numbers, DISCRIMINATORS),
    "discriminator.r1": Change(5, numbers, DISCRIMINATORS),
    "discriminator.channels": Change(16, numbers, DISCRIMINATORS),
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
    "augment.predicted_pose": Change(1, numbers, POSE),
    "augment.ramp_steps": Change(50, numbers),
    "augment.off_steps": Change(2, numbers),
    "train.epochs": Change(1, steps, EPOCHS),
    "train.stages": Elsewhere("faults/test_stages.py"),
    "train.max_steps": Change(4, last_saved, run="shown"),
    "train.max_minutes": Change(1e-4, exit_code),
    "train.global_batch": Change(3, numbers),
    "train.accumulate": Elsewhere("cli/test_train.py"),
    "train.slot_size": Change(2, said("1 slots"), run="shown"),
    "train.seed": Change(2, numbers),
    "train.lr": Change(0.01, is_fast, run="network"),
    "train.schedule": Change('"cosine"', is_curved, run="network"),
    "train.warmup": Change(0.5, rises, run="network"),
    "train.warmup_steps": Change(3, rises, LOSSES_NEED, run="losses"),
    "train.adam_beta1": Change(ADAM["train.adam_beta1"], moments("exp_avg", 2, 0.5), TWO_STEPS, run="Adam"),
    "train.adam_beta2": Change(ADAM["train.adam_beta2"], moments("exp_avg_sq", 1, 0.5), TWO_STEPS, run="Adam"),
    "train.init": Change('"he"', numbers),
    "train.adam_eps": Change(ADAM["train.adam_eps"], is_the_second_update, TWO_STEPS, run="Adam"),
    "train.freeze": Change('"encoder"', encoder_moves, TWO_STEPS, run="Adam"),
    "train.early_stop": Elsewhere("cli/test_schedules.py"),
    "train.weight_decay": Change(ADAM["train.weight_decay"], is_the_second_update, TWO_STEPS, run="Adam"),
    "train.clip_norm": Change(ADAM["train.clip_norm"], moments("exp_avg", 2, 0.5), TWO_STEPS, run="Adam"),
    "train.ema": Change(0.9, validations),
    "train.device": Elsewhere("cli/test_train.py"),
    "train.threads": Change(2, said("2 threads each"), run="shown"),
    "train.precision": Change('"bf16"', numbers),
    "train.deterministic": GpuOnly(),
    "train.reproducible": Change("true", said("reproducible: "), run="shown"),
    "train.zero": Elsewhere("faults/test_zero.py"),
    "train.replica_check_steps": Elsewhere("cli/test_replica.py"),
    "train.recompute": Elsewhere("cli/test_schedules.py"),
    "train.cuda_graph": Change("true", exit_code),  # auto takes none on a CPU
    "train.timeout_s": Elsewhere("faults/test_peers.py"),
    "comm.backend": Change('"mpi"', said("(mpi)"), run="shown"),
    "comm.bucket_mb": Elsewhere("cli/test_exact.py"),
    "comm.wire": Elsewhere("cli/test_exact.py"),
    "checkpoint.every_steps": Change(1, said("checkpoint of step 1 saved"), run="shown"),
    "checkpoint.every_minutes": Change(1e-6, checkpoints, {**LONG, "checkpoint.keep": 99}, run="long"),
    "checkpoint.keep": Change(2, two_checkpoints, run="shown"),
    "checkpoint.best": Elsewhere("cli/test_val_metrics.py"),
    "guard.spike": Change('"off"', skipped, SPIKES),
    "guard.patience": Change(1, rates, SPIKES),
    "guard.lr_factor": Change(0.1, rates, {**SPIKES, "guard.patience": 1}),
    "guard.rollbacks": Change(0, said("going back from step"), {**SPIKES, "guard.patience": 1}),
    "log.every_s": Change(0.1, progress_lines, {**LONG, "checkpoint.keep": 99}, run="long"),
    "log.every_steps": Change(2, first_row, run="shown"),
    "log.tensorboard": Change("false", events, run="shown"),
    "log.report": Change("false", reports, run="shown"),
    "log.preview_epochs": Change(1, previews, EPOCHS),
    "log.faces": Elsewhere("cli/test_log_faces.py"),
}


def changed_keys(key):
    """All keys that are set in the run in which this one is changed."""
    entry = KEYS[key]
    together = {other: e.value for other, e in KEYS.items() if isinstance(e, Change) and e.run == entry.run}
    return {**entry.given, **(together if entry.run else {key: entry.value})}


@pytest.fixture(scope="session")
def runs(sets, tmp_path_factory):  # noqa: F811
    """A run for each way of setting keys that KEYS needs, two at a time; by their keys."""
    folder = tmp_path_factory.mktemp("runs")
    wanted = {}
    for key, entry in KEYS.items():
        if isinstance(entry, Change):
            for keys in (entry.given, changed_keys(key)):
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
    changed = runs[tuple(changed_keys(key).items())]
    assert base.code in (0, 70), base.log
    assert entry.differs(changed) != entry.differs(base), changed.log


def test_no_more_than_one_is_taken_on_trust():
    assert [key for key, entry in KEYS.items() if isinstance(entry, GpuOnly)] == [
        "train.deterministic"]


@pytest.mark.parametrize("key", [key for key, entry in KEYS.items() if isinstance(entry, Elsewhere)])
def test_the_test_that_shows_it_names_it(key):
    text = (TESTS / KEYS[key].test).read_text()
    assert key in text or key.replace(".", "__") in text, f"{KEYS[key].test} does not name {key}"
