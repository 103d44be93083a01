"""A rank of a training run that stops, or is killed: the job ends by itself and can be gone on with."""
import os
import re
import signal
import time
from pathlib import Path

import pytest

PATIENCE_S = 120


def wait_for(condition, what):
    until = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < until, what()
        time.sleep(0.05)
    return value


def ranks_of(run):
    """{rank: pid} of the processes that train in this run's folder."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            rank = re.search(rb"\0OMPI_COMM_WORLD_RANK=(\d+)\0", (folder / "environ").read_bytes())
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if rank and state not in "ZX" and str(run.out).encode() in command.split(b"\0"):
            found[int(rank[1])] = int(folder.name)
    return found


@pytest.mark.parametrize("number,culprit", [(signal.SIGSTOP, 1), (signal.SIGKILL, 0)])
def test_a_rank_that_stops_or_dies(new_run, number, culprit):
    run = new_run(ranks=2, train__max_steps=1000000, train__epochs=1000000,
                  train__timeout_s=10, checkpoint__every_steps=2)
    job = run.start()
    try:
        wait_for(lambda: 4 in run.steps() or job.poll() is not None, lambda: run.stderr)
        pid = ranks_of(run)[culprit]
        os.kill(pid, number)
        wait_for(lambda: job.poll() is not None, lambda: run.stderr)
        wait_for(lambda: not ranks_of(run), lambda: f"left behind: {ranks_of(run)}")
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
    if number == signal.SIGSTOP:
        assert job.returncode == 75, run.stderr
        report = rf"rank {culprit} on host \S+ \(pid {pid}\) has been stopped, and holds up the job"
        assert len(re.findall(report, run.stderr)) == 1, run.stderr
        assert "--resume auto goes on" in run.stderr
    else:
        assert job.returncode != 0
        assert re.search(rf"rank {culprit}\b", run.stderr)  # in mpirun's words or in ours
    last = run.steps()[-1]
    assert run.resume(train__max_steps=last + 1).returncode == 0
    assert run.rows("train")[-1]["step"] == last + 1


def test_the_report_says_where_each_rank_stands(new_run, jumping):
    """Rank 1 stops in its fourth step's backward, after one that only planned; what the wall clock does is no matter."""
    run = new_run(ranks=2, train__max_steps=100, train__epochs=100, train__timeout_s=4, comm__bucket_mb=1)
    result = run.train_with("backward:5:stop@1", environment=jumping)
    assert result.returncode == 75, result.stderr
    place = r"rank {} on host \S+ \(pid \d+\): {}, for \d+ s; it last began collective \d+ \(.*\)"
    assert re.search(place.format(1, "in forward and backward of step 4, stopped by a signal"), result.stderr)
    assert re.search(place.format(0, r"summing gradients of step 4, waits for the others in bucket 1 of \d+"),
                     result.stderr), result.stderr
