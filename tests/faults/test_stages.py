"""train.stages: one run over sizes of pictures that grow; each stage begins as growing by hand does, and
a run that stops within one, or between two, goes on as if it had not."""
import os
import re
import shutil
import signal

import pytest

import harness
from harness import assert_same_run, assert_same_tensors, cut_back, errors, load

# 11 of 12 pictures are trained on: stage 1 is steps 1 to 3, stage 2 steps 4 to 9
STAGES = "[{image_size = 64, epochs = 1}, {image_size = 128, epochs = 2, global_batch = 5, lr = 5e-4}]"
FIRST, LAST = 3, 9
KEYS = {"model__width": 16, "checkpoint__every_steps": 1, "checkpoint__keep": 99,
        "log__tensorboard": "false"}


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets128")
    result = harness.bifrons("synth", folder / "drawn", "--count", 12, "--size", 128, "--seed", 1)
    assert result.returncode == 0, result.stderr
    for person in "ab":
        result = harness.bifrons("pack", folder / "drawn" / f"person_{person}", "-o",
                                 folder / f"{person}.h5", "--size", 128)
        assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def staged(sets, tmp_path_factory):
    """Two ranks, and all state there is: an average, discriminators, a schedule, a course."""
    run = harness.Run(sets, tmp_path_factory.mktemp("staged") / "run", ranks=2, train__stages=STAGES,
                      train__schedule='"cosine"', loss__adversarial=0.01, adversary__channels=4,
                      adversary__start_step=1, augment__ramp_steps=2, **KEYS)
    result = run.train()
    assert result.returncode == 0, result.stderr
    run.log = result.stderr
    return run


def test_rows_and_lines_tell_the_stage(staged):
    rows = staged.rows("train")
    assert [row["step"] for row in rows] == list(range(1, LAST + 1))
    assert [row["stage"] for row in rows] == [1] * FIRST + [2] * (LAST - FIRST)
    assert [row["epoch"] for row in rows] == [1] * FIRST + [1] * 3 + [2] * 3
    assert [row["position"] for row in rows] == [4, 8, 12, 17, 22, 27, 32, 37, 42]
    assert [row["step"] for row in staged.rows("val")] == [3, 6, 9]
    assert "stage 1 of 2, 64 px  epoch 1/1  step 2/3" in staged.log
    assert " left in this stage" in staged.log
    assert "stage 2 of 2, 128 px  epoch 1/2  step 5/9" in staged.log
    assert re.search(r"stage 2 of 2, 128 px: 6 steps in .* \(best|val", staged.log)


def test_the_schedule_begins_anew_with_each_stage(staged):
    """Cosine: in its first step a stage's rate is its highest, as there is less than a step of rising."""
    rates = [row["lr"] for row in staged.rows("train")]
    assert rates[0] == 1e-3 and rates[FIRST] == 5e-4
    assert rates[1] < rates[0] and sorted(rates[FIRST:], reverse=True) == rates[FIRST:]
    state = load(staged.checkpoint(LAST))
    assert state["optimizer_state_dict"]["state"][0]["step"] == LAST - FIRST
    assert state["discriminators"]["step"] == LAST - FIRST - 1  # adversary.start_step is 1
    assert load(staged.checkpoint(FIRST))["discriminators"]["step"] == FIRST - 1


def test_the_best_is_chosen_anew_in_each_stage(staged):
    best = int(os.readlink(staged.checkpoints / "best.pt")[5:15])
    losses = {row["step"]: row["loss"]["total"] for row in staged.rows("val")}
    assert best == min((6, 9), key=losses.get)


@pytest.mark.parametrize("step", [2, FIRST, 5], ids=["in stage 1", "at its end", "in stage 2"])
def test_going_on_gives_the_same_run(staged, copy_of, step):
    run = copy_of(staged)
    run.sets = staged.sets
    cut_back(run, step)
    result = run.resume()
    assert result.returncode == 0, result.stderr
    assert f"step-{step:010d}.pt" in result.stderr
    assert_same_run(run, staged)
