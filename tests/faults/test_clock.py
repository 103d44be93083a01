"""A wall clock that is set ahead and back while a run is at work (clock.c): no business of durations, limits and order."""
import time

from harness import assert_same_run, cut_back, wait_until


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


def test_a_limit_that_is_near_is_reached(new_run, jumping):
    run = new_run(train__max_steps=1000000, train__epochs=1000000, train__max_minutes=0.06)
    result = run.train(environment=jumping)
    assert result.returncode == 75, result.stderr
    assert "(train.max_minutes is nearly over)" in result.stderr


def test_a_checkpoint_by_time_is_made(new_run, jumping):
    run = new_run(train__max_steps=1000000, train__epochs=1000000, train__global_batch=1,
                  checkpoint__every_minutes=0.0001)
    job = run.start(environment=jumping)
    try:
        # at an epoch's end, every 11 steps, there is one in any case
        wait_until(lambda: any(step % 11 for step in run.steps()) or job.poll() is not None)
        assert job.poll() is None, run.stderr
    finally:
        job.kill()
        job.wait()
