"""Where memory ends, --find-batch tells what it has found until then."""
import json

import pytest

from harness import errors


def found(new_run, fault, ranks):
    run = new_run(ranks=ranks, train__accumulate=2)
    result = run.train_with(fault, "--find-batch", "--json")
    assert result.returncode == 0, result.stderr
    assert not errors(result.stderr) and not run.out.exists()
    told = json.loads(result.stdout)
    return told["ended"], [trial["pairs"] for trial in told["trials"]], result.stderr


@pytest.mark.parametrize("ranks", [1, 2])
def test_every_rank_survives_one_that_finds_no_memory(new_run, ranks):
    ended, pairs, said = found(new_run, f"pairs:3-99:full@{ranks - 1}", ranks)
    assert (ended, pairs) == ("out of memory", [1, 2])
    assert "4 + 4 pictures a rank: out of memory for 4 pairs" in said


def test_it_ends_before_memory_does(new_run):
    # the host is looked at before each trial and after it
    ended, pairs, said = found(new_run, "memory:3:full@1", 2)
    assert (ended, pairs) == ("host memory", [1])
    assert "2 pairs a rank may take" in said


@pytest.mark.parametrize("fault", ["pairs:1:full", "memory:1:full"])
def test_without_memory_for_one_pair_nothing_is_suggested(new_run, fault):
    result = new_run().train_with(fault, "--find-batch")
    assert result.returncode == 70 and len(errors(result.stderr)) == 1 and not result.stdout
