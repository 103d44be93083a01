"""Steps left out and going back where the optimizer's state is shared out over the ranks."""
import re

import pytest

from harness import Run, assert_same_run


@pytest.fixture(scope="module")
def both(sets, tmp_path_factory):
    """The same run and faults, not sharded and sharded."""
    # a NaN in one rank's gradient, later three steps in a row that go back to step 4
    fault = "gradient:3:nan@1 loss:5-7:nan"
    runs = []
    for zero in (0, 1):
        run = Run(sets, tmp_path_factory.mktemp(f"zero{zero}") / "run", ranks=2,
                  train__max_steps=8, train__zero=zero, checkpoint__every_steps=2,
                  train__weight_decay=0.1)
        result = run.train_with(fault)
        assert result.returncode == 0, result.stderr
        run.log = result.stderr
        runs.append(run)
    return runs


def test_all_ranks_leave_out_what_one_shard_shows(both):
    for run in both:
        assert len(re.findall("step 3 skipped: its gradient is not finite", run.log)) == 1
        assert run.log.count("skipped: its loss is not a finite number") == 3


def test_going_back_gives_every_rank_its_moments(both):
    plain, sharded = both
    assert "going back from step 7 to step 4" in sharded.log
    assert_same_run(sharded, plain)
