"""Where memory ends in a step, on whichever rank: one message, with what the step's memory depends on."""
import json

import pytest

from harness import errors


@pytest.mark.parametrize("rank", [0, 1])
def test_a_step_without_memory_names_its_settings(new_run, rank):
    run = new_run(ranks=2, train__global_batch=8, train__accumulate=2, train__recompute="true")
    result = run.train_with(f"pairs:2:full@{rank}")
    assert result.returncode == 70 and len(errors(result.stderr)) == 1, result.stderr
    told = errors(result.stderr)[0]
    assert "out of memory for 2 pairs" in told
    for setting in ("2 + 2 pictures of 64 px at once", "train.global_batch = 8 on 2 ranks",
                    "train.accumulate = 2", "train.recompute = true.", "Try train.accumulate = 4",
                    "train.zero = 1"):
        assert setting in told, told
    assert "Try train.recompute" not in told and ", train.recompute = true, " not in told


def test_no_more_pieces_than_pictures_are_advised(new_run):
    run = new_run(train__global_batch=5, train__accumulate=3)
    result = run.train_with("pairs:2:full")
    assert result.returncode == 70 and "Try train.accumulate = 5 " in errors(result.stderr)[0], result.stderr


def test_the_record_has_it_too(new_run):
    run = new_run(train__reproducible="true", train__slot_size=4)
    result = run.train_with("pairs:4:full")
    assert result.returncode == 70
    message = json.loads((run.out / "run.json").read_text())["message"]
    assert "train.slot_size = 4, train.accumulate = 1" in message and "Try train.slot_size = 2" in message


def test_so_does_a_measurement(new_run):
    result = new_run().train_with("pairs:4:full", "--find-lr=20")
    assert result.returncode == 70 and len(errors(result.stderr)) == 1
    assert "train.global_batch = 4 on 1 rank" in errors(result.stderr)[0]
