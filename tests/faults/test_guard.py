"""Steps that would spoil the model are left out on all ranks; then the run goes back, then it stops."""
import json
import os
import re

import pytest

from harness import EPOCH, assert_same_tensors, cut_back, errors, load


@pytest.mark.parametrize("fault, reason", [
    ("loss:5:nan", "its loss is not a finite number"),
    ("loss:5:inf", "its loss is not a finite number"),
    ("gradient:5:nan", "its gradient is not finite"),
])
def test_a_bad_step_is_left_out_and_its_pictures_named(new_run, fault, reason):
    run = new_run(train__max_steps=6)
    result = run.train_with(fault)
    assert result.returncode == 0, result.stderr
    line = re.search(r"warning: step 5 skipped: (.*)", result.stderr).group(1)
    assert reason in line
    assert len(re.findall(r"\d{5}\.png", line)) == 8  # four of each person
    rows = run.rows("train")
    assert [row.get("skipped", False) for row in rows] == [False] * 4 + [True, False]
    assert rows[4]["position"] == 20  # its pictures are consumed
    for value in load(run.checkpoint(6))["model_state_dict"].values():
        assert value.isfinite().all()


def test_one_rank_is_enough_and_all_leave_the_step_out(new_run):
    run = new_run(ranks=2, train__max_steps=4)
    result = run.train_with("loss:3:nan@1")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count(" skipped: ") == 1
    rows = run.rows("train")
    assert [row.get("skipped", False) for row in rows] == [False, False, True, False]


def test_parameters_stay_as_they_were(new_run):
    run = new_run(train__max_steps=3, checkpoint__every_steps=1, checkpoint__keep=9)
    assert run.train_with("loss:3:nan").returncode == 0
    before, after = load(run.checkpoint(2)), load(run.checkpoint(3))
    assert_same_tensors(before["model_state_dict"], after["model_state_dict"])
    assert after["position"] == before["position"] + 4


def test_a_spike_is_left_out_and_a_resume_knows_the_window(new_run, copy_of):
    """The spike comes 4 steps after the resume: only the saved window can tell it."""
    run = new_run(train__max_steps=18, checkpoint__every_steps=9, checkpoint__keep=9)
    assert run.train().returncode == 0
    meta = json.loads(load(run.checkpoint(18))["meta"])
    assert len(meta["guard"]["losses"]) == 18
    result = run.train_with("loss:4:1e6", "--resume", "auto", train__max_steps=24)
    assert result.returncode == 0, result.stderr
    assert re.search(r"step 22 skipped: its loss of 1e\+06 is above", result.stderr)
    assert "skipped" not in run.rows("train")[-1]


def test_bad_steps_in_a_row_go_back_with_a_lower_rate(new_run):
    run = new_run(train__max_steps=9, checkpoint__every_steps=2)
    result = run.train_with("loss:5-7:nan")
    assert result.returncode == 0, result.stderr
    assert re.search(r"3 steps in a row were skipped: going back from step 7 to step 4, with 0.5 "
                     r"times", result.stderr)
    rows = run.rows("train")
    assert [row["step"] for row in rows] == list(range(1, 10))  # none twice
    assert [row["lr"] for row in rows] == pytest.approx([1e-3] * 4 + [5e-4] * 5)
    assert json.loads(load(run.checkpoint(9))["meta"])["guard"]["lr_scale"] == 0.5
    assert run.events() == [("start", 0), ("skipped", 5), ("skipped", 6), ("skipped", 7), ("back", 4), ("finished", 9)]


def test_before_the_first_checkpoint_it_goes_back_to_the_start(new_run):
    run = new_run(ranks=2, train__max_steps=3, guard__patience=2)
    result = run.train_with("loss:1-2:nan@0")
    assert result.returncode == 0, result.stderr
    assert "going back from step 2 to step 0" in result.stderr
    assert [row["step"] for row in run.rows("train")] == [1, 2, 3]


def test_where_going_back_does_not_help_it_stops_and_says_what_to_look_at(new_run):
    run = new_run(train__max_steps=9, checkpoint__every_steps=2)
    result = run.train_with("loss:4-999:nan", guard__rollbacks=2, guard__patience=2)
    assert result.returncode == 70, result.stderr
    assert result.stderr.count("going back from") == 2
    assert len(errors(result.stderr)) == 1
    for word in ("diverges", "pictures", "train.lr", "--resume auto"):
        assert word in errors(result.stderr)[0]
    assert 3 in run.steps() and run.record()["exit"] == "DIVERGED"
    assert run.events()[-1] == ("failed", 5)
    cut_back(run, 3)
    assert run.resume().returncode == 0


def test_a_validation_without_a_number_burns_no_patience(new_run):
    """And the first one makes best.pt whatever it gave; a number is better than none."""
    keys = {"train__max_steps": 3 * EPOCH, "train__early_stop": 1, "checkpoint__keep": 9, "guard__spike": "off"}
    run = new_run("all", **keys)
    result = run.train_with("evaluated:1-99:nan")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("the loss between reconstructions and pictures could not be measured at this validation") == 3
    assert "stopped early" not in result.stderr and run.steps() == [EPOCH, 2 * EPOCH, 3 * EPOCH]
    assert os.readlink(run.checkpoints / "best.pt") == run.checkpoint(EPOCH).name
    run = new_run("first", **keys)
    result = run.train_with("evaluated:1-2:nan")
    assert result.returncode == 0 and "stopped early" not in result.stderr, result.stderr
    assert os.readlink(run.checkpoints / "best.pt") == run.checkpoint(3 * EPOCH).name
