"""A run that goes on is the run that never stopped; what would change its meaning is refused."""
import math
import os
import re
import struct

import pytest

from harness import assert_same_run, cut_back, errors, load, untimed


def test_no_row_twice_and_none_missing(original, copy_of):
    run = copy_of(original)
    cut_back(run, 4)
    with open(run.out / "metrics.jsonl", "a") as f:
        f.write('{"kind":"train","step":9,"torn')  # what a kill leaves at worst
    result = run.resume()
    assert result.returncode == 0, result.stderr
    assert untimed(run.rows()) == untimed(original.rows())
    assert [row["step"] for row in run.rows("train")] == list(range(1, 9))
    assert [row["step"] for row in run.rows("val")] == [3, 6, 8]


def fields(message):
    """(number, value) of a protobuf message's fields."""
    def varint(at):
        value = shift = 0
        while True:
            byte = message[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value, at

    at = 0
    while at < len(message):
        tag, at = varint(at)
        if tag & 7 == 0:
            value, at = varint(at)
        else:
            size, at = (8, at) if tag & 7 == 1 else (4, at) if tag & 7 == 5 else varint(at)
            value, at = message[at:at + size], at + size
        yield tag >> 3, value


def tensorboard_curve(folder, tag):
    """What TensorBoard shows: at a session's start it forgets what was said of that step and on."""
    curve = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data = path.read_bytes()
        while data:
            size, = struct.unpack("<Q", data[:8])
            event, data = dict(fields(data[12:12 + size])), data[16 + size:]
            if 7 in event and dict(fields(event[7])).get(1) == 1:
                curve = [point for point in curve if point[0] < event[2]]
            for number, value in fields(event.get(5, b"")):
                scalar = dict(fields(value))
                if number == 1 and scalar.get(1) == tag.encode():
                    curve.append((event[2], struct.unpack("<f", scalar[2])[0]))
    return curve


def test_tensorboard_shows_one_curve(original, copy_of):
    run = copy_of(original)
    cut_back(run, 4)
    assert run.resume().returncode == 0
    assert len(list(run.out.glob("events.out.tfevents.*"))) == 2
    curve = tensorboard_curve(run.out, "loss/total")
    assert [step for step, _ in curve] == list(range(1, 9))
    wanted = [row["loss"]["total"] for row in original.rows("train")]
    assert [value for _, value in curve] == pytest.approx(wanted, rel=1e-6)


def test_the_best_value_outlives_a_resume(original, copy_of):
    """A worse validation after the resume must not become best.pt."""
    run = copy_of(original)
    cut_back(run, 6)
    best = min(run.rows("val")[:2], key=lambda row: row["loss"]["total"])["step"]
    (run.checkpoints / "best.pt").unlink()
    os.symlink(run.checkpoint(best).name, run.checkpoints / "best.pt")
    result = run.resume(train__lr=0.9, guard__spike='"off"')  # it gets worse from here
    assert result.returncode == 0, result.stderr
    losses = [row["loss"]["total"] for row in run.rows("val")]
    assert losses[-1] > min(losses[:2])
    assert os.readlink(run.checkpoints / "best.pt") == run.checkpoint(best).name


def test_losses_of_another_kind_choose_the_best_anew(original, copy_of):
    run = copy_of(original)
    cut_back(run, 6)
    result = run.resume(loss__l1=3)
    assert result.returncode == 0, result.stderr
    assert re.search(r"loss.l1: 1.0 -> 3.0; losses are of another kind", result.stderr)
    assert os.readlink(run.checkpoints / "best.pt") == run.checkpoint(8).name


@pytest.mark.parametrize("key, value, told", [
    ("train__seed", 4, "train.seed: 3 -> 4"),
    ("data__val_fraction", 0.3, "data.val_fraction: 0.1 -> 0.3"),
    ("train__adam_beta1", 0.8, "train.adam_beta1: 0.9 -> 0.8"),
])
def test_what_would_change_the_meaning_is_refused(original, copy_of, key, value, told):
    run = copy_of(original)
    before = {path: path.stat().st_mtime_ns for path in run.out.rglob("*")}
    result = run.resume(**{key: value}, train__max_steps=9)
    assert result.returncode == 78
    assert len(errors(result.stderr)) == 1
    assert told in errors(result.stderr)[0] and "--init-from" in errors(result.stderr)[0]
    after = {path: path.stat().st_mtime_ns for path in run.out.rglob("*") if path.name != ".lock"}
    assert after.items() <= before.items()


def test_other_pictures_are_refused(original, copy_of, sets):
    run = copy_of(original)
    result = run.resume(data__a=str(sets / "b.h5"))
    assert result.returncode == 78
    assert "data.a" in errors(result.stderr)[0] and "other pictures" in errors(result.stderr)[0]


def test_changes_are_told_key_by_key(original, copy_of):
    run = copy_of(original)
    cut_back(run, 4)
    result = run.resume(train__lr=5e-4, checkpoint__keep=5, train__max_steps=6)
    assert result.returncode == 0, result.stderr
    for change in ("train.lr: 0.001 -> 0.0005", "checkpoint.keep: 9 -> 5",
                   "train.max_steps: 8 -> 6"):
        assert f"changed since the checkpoint: {change}" in result.stderr


def test_a_resume_with_another_batch_ends_its_epochs(original, copy_of):
    """Position counts pictures: 16 are behind, 12 + 12 an epoch of 4, 15 an epoch of 5."""
    run = copy_of(original)
    cut_back(run, 4)
    result = run.resume(train__global_batch=5, train__epochs=3, train__max_steps=0)
    assert result.returncode == 0, result.stderr
    assert run.rows()[-1]["position"] == 46 and run.rows("train")[-1]["step"] == 10
    assert [row["position"] for row in run.rows("val")] == [12, 31, 46]


def test_on_another_number_of_ranks_it_goes_on_within_rounding(original, copy_of):
    run = copy_of(original)
    cut_back(run, 4)
    run.ranks = 2
    result = run.resume()
    assert result.returncode == 0, result.stderr
    assert "saved on 1 rank x 1 thread, resumed on 2 x 1: results may differ in the last bits" in result.stderr
    for mine, theirs in zip(run.rows(), original.rows(), strict=True):
        assert mine["position"] == theirs["position"] and mine["step"] == theirs["step"]
        assert math.isclose(mine["loss"]["total"], theirs["loss"]["total"], rel_tol=1e-3)


@pytest.mark.parametrize("schedule", ["one_cycle"])
def test_a_schedule_goes_on_where_it_was(new_run, copy_of, schedule):
    whole = new_run("whole", train__max_steps=8, train__schedule=f'"{schedule}"',
                    checkpoint__every_steps=2, checkpoint__keep=9)
    assert whole.train().returncode == 0
    run = copy_of(whole)
    cut_back(run, 4)
    assert run.resume().returncode == 0
    assert_same_run(run, whole)
    groups = load(run.checkpoint(8))["optimizer_state_dict"]["param_groups"]
    assert groups[0]["lr"] == pytest.approx(run.rows("train")[-1]["lr"], rel=1e-6)
