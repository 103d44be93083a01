"""A wall clock that is set ahead and back while a run is at work (clock.c): no business of durations, limits and order."""
import time

from harness import assert_same_run, cut_back


def test_limits_far_away_are_not_reached(original, new_run, jumping):
    run = new_run(train__max_steps=8, checkpoint__every_steps=2, checkpoint__keep=9,
                  train__max_minutes=30, train__timeout_s=60, checkpoint__every_minutes=30)
    for life in range(2):
        result = run.resume(environment=jumping)
        assert result.returncode == 0, result.stderr
        assert "the job ends at" not in result.stderr
        assert run.steps() == original.steps()
        assert_same_run(run, original)
        cut_back(run, 4)
    first = int(min(path.name for path in run.out.glob("events.out.tfevents.*")).split(".")[3])
    assert abs(first - time.time()) > 30  # or it did not jump
    assert all(0 < row["step_ms"] < 60e3 for row in run.rows("train"))


def test_limits_that_are_near_are_reached(new_run, jumping):
    run = new_run(train__max_steps=1000000, train__epochs=1000000, train__max_minutes=0.06, data__val_fraction=0.5,
                  checkpoint__every_minutes=0.01)
    result = run.train(environment=jumping)
    assert result.returncode == 75, result.stderr
    assert "(train.max_minutes is nearly over)" in result.stderr
    epochs = {row["step"] for row in run.rows("validation")}
    assert len(set(run.steps()) - epochs) >= 1  # by time
