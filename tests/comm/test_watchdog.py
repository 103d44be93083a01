"""A rank that dies, hangs, is stopped or comes with the wrong thing: the job ends by itself, with a
report that names the culprit, and leaves no process behind."""

import os
import re
import signal
import subprocess
import threading
import time

import pytest

WORKER = os.environ["WATCHDOG_WORKER"]
TIMEOUT_S = 3
HANG_S = 60  # the test's own patience: nothing here should take half as long


class Run:
    """watchdog_worker under mpirun; .pids of its ranks when they are past their third step."""

    def __init__(self, *fault, ranks=2, timeout_s=TIMEOUT_S, launcher=True, wrapper=()):
        command = ["mpirun", "-n", str(ranks), *wrapper] if launcher else []
        self.process = subprocess.Popen(
            [*command, WORKER, str(timeout_s), *map(str, fault)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.out, self.err, self.readers = [], [], []
        for stream, lines in (self.process.stdout, self.out), (self.process.stderr, self.err):
            reader = threading.Thread(target=lambda s=stream, l=lines: l.extend(iter(s.readline, "")))
            reader.start()
            self.readers.append(reader)
        self.wait_for(lambda: len(self.pids) == (ranks if launcher else 1))

    @property
    def pids(self):
        found = re.findall(r"rank (\d) pid (\d+)", "".join(self.out))
        return {int(rank): int(pid) for rank, pid in found}

    @property
    def report(self):
        return "".join(self.err)

    def wait_for(self, condition):
        until = time.monotonic() + HANG_S
        while not condition():
            if time.monotonic() > until:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise AssertionError("".join(self.out) + self.report)
            time.sleep(0.02)

    def ends(self):
        """Waits for the end; the launcher's exit code."""
        self.wait_for(lambda: self.process.poll() is not None)
        self.wait_for(lambda: not any(map(runs, self.pids.values())))
        for reader in self.readers:
            reader.join(HANG_S)
        assert "ThreadSanitizer" not in self.report, self.report
        return self.process.returncode

    def dots(self):
        return self.out.count(".\n")


def runs(pid):
    """Not gone, and no zombie of a PID 1 that is slow to reap."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def verdict(run):
    """The one line that names the culprit: it comes first, and once, not once a rank."""
    errors = [line for line in run.err if "error: " in line and "error:   " not in line]
    assert len(errors) == 2, run.report
    assert errors[1].count("the job ends") == 1
    return errors[0]


@pytest.mark.parametrize("culprit,ranks", [(0, 2), (1, 2), (2, 3)])
def test_a_rank_that_hangs(culprit, ranks):
    run = Run("hang", culprit, ranks=ranks)
    assert run.ends() == 70
    assert re.search(rf"rank {culprit} on host \S+ \(pid {run.pids[culprit]}\) does not go on",
                     verdict(run))
    for rank, pid in run.pids.items():
        did = "works" if rank == culprit else "waits for the others"
        assert re.search(rf"rank {rank} on host \S+ \(pid {pid}\): in step 5, {did}, for \d+ s; it "
                         r"last began collective \d+ \(all-reduce of 1000 x f32\)", run.report)
    assert "no checkpoint was made" in run.report
    assert run.report.count("warning: ") == 1 and "the job ends at 3 s" in run.report


def test_after_a_checkpoint_the_job_asks_to_be_run_again():
    run = Run("hang", 1, "saved")
    assert run.ends() == 75
    assert "--resume auto goes on" in run.report


def test_a_thread_that_ends_the_job():
    run = Run("thread", 1, timeout_s=1000)
    assert run.ends() == 75
    assert verdict(run).endswith("a thread of this rank failed\n")


def test_a_rank_alone_that_hangs():
    run = Run("hang", 0, launcher=False)
    assert run.ends() == 70
    assert "rank 0 on host" in verdict(run)


@pytest.mark.parametrize("culprit", [0, 1])
def test_a_rank_that_is_stopped(culprit):
    run = Run()
    os.kill(run.pids[culprit], signal.SIGSTOP)
    assert run.ends() == 70
    assert f"(pid {run.pids[culprit]}) has been stopped, and holds up the job" in verdict(run)


def test_a_rank_that_is_slow_is_waited_for():
    run = Run(timeout_s=8)
    os.kill(run.pids[1], signal.SIGSTOP)
    run.wait_for(lambda: "stopped by a signal" in run.report)  # the warning, half-way
    os.kill(run.pids[1], signal.SIGCONT)
    before = run.dots()
    run.wait_for(lambda: run.dots() > before + 2)
    os.kill(run.process.pid, signal.SIGTERM)
    run.ends()
    assert "holds up the job" not in run.report


def test_a_rank_that_is_killed():
    run = Run()
    os.kill(run.pids[1], signal.SIGKILL)
    assert run.ends() != 0
    assert f"(pid {run.pids[1]})" in run.report or "rank 1" in run.report  # ours, or mpirun's


def test_a_rank_that_ends_early():
    run = Run("leave", 1)
    assert run.ends() != 0
    assert "rank 1" in run.report


def test_ranks_that_do_not_see_each_others_processes():
    """As in containers with PID namespaces of their own: nobody has ended, only rank 1 hangs."""
    own_pids = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*own_pids, "true"], capture_output=True).returncode != 0:
        pytest.skip("a PID namespace of one's own is not permitted here")
    # Open MPI's own shared memory takes two processes of one number for one
    run = Run("hang", 1, timeout_s=6, wrapper=["--mca", "btl", "self,tcp", *own_pids])
    run.wait_for(lambda: run.process.poll() is not None)
    assert run.process.returncode == 70
    assert "rank 1 on host" in verdict(run) and "does not go on" in verdict(run)


def test_ranks_that_are_out_of_step():
    run = Run("odd", 1, timeout_s=1000)
    assert run.ends() == 70
    assert "rank 1 began" in verdict(run) and "all-reduce of 999 x f32" in verdict(run)


def test_a_launcher_that_is_killed():
    run = Run(timeout_s=1000)
    run.process.kill()
    run.ends()


def test_a_debugger_suspends_the_deadline():
    run = Run("traced", 1)
    assert run.ends() == 70
    if "cannot trace" in run.report:
        pytest.skip("one process may not trace another here")
    lines = [line for line in run.err if line == "let go\n" or "does not go on" in line]
    assert lines[0] == "let go\n" and len(lines) == 2


def test_off():
    run = Run(timeout_s=0)
    assert "unwatched" in "".join(run.out)
    os.kill(run.process.pid, signal.SIGTERM)
    run.ends()
