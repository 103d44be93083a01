"""Whole runs whose ranks come late at random, to every gradient and every sum: not one bit of them may change.

The run they are compared with is not delayed, and sums its gradients as one range when backward is over."""
import pytest

from harness import Run, assert_same_run

DELAYS = "hook:1-1000000:delay{0} collective:1-1000000:delay{0}"


@pytest.fixture(scope="module")
def plain(sets, tmp_path_factory):
    """plain(ranks)"""
    made = {}

    def run(ranks):
        if ranks not in made:
            made[ranks] = Run(sets, tmp_path_factory.mktemp("plain") / "run", ranks, train__max_steps=4,
                              comm__bucket_mb=65536)
            result = made[ranks].train()
            assert result.returncode == 0, result.stderr
            assert "1 bucket of" in result.stderr
        return made[ranks]
    return run


@pytest.mark.parametrize("ranks, bucket_mb, zero", [
    (2, 0.05, 0), (2, 4, 0), (2, 4, 1), (3, 0.05, 1), (4, 1, 0)])
def test_delays_change_nothing(plain, new_run, ranks, bucket_mb, zero):
    seed = ranks * 100 + zero
    run = new_run(ranks=ranks, train__max_steps=4, comm__bucket_mb=bucket_mb, train__zero=zero)
    result = run.train_with(DELAYS.format(seed))
    assert result.returncode == 0, result.stderr
    assert "1 bucket of" not in result.stderr
    assert_same_run(run, plain(ranks))
