"""bifrons train --ranks N: mpirun is started for the user; signals, exit codes and what is left behind are Bifrons' own."""
import fcntl
import os
import re
import signal
import stat
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

import harness
from harness import BIFRONS, FAULTY, assert_same_run, errors, state_of, wait_until
from life import processes_of

HELD = "backward:4:stop@1"  # rank 1 stops in its third step, after one backward that only planned
HELD_AGAIN = "backward:4-999:stop@1"
LAUNCHERS = ("OMPI_", "PMIX_", "PMI_", "SLURM_", "PBS_", "LSB_")
BANNER = re.compile("Primary job|mpirun detected|Forwarding signal|exited on signal|MPI_ABORT")


def environment(**more):
    """Nothing of a launcher's, and none of the allowances of the other tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHERS)}
    return {**kept, **more}


class Job:
    """`bifrons train --ranks N` in the background, with what it says; at a terminal of its own where asked."""

    def __init__(self, run, *words, ranks=2, fault="", terminal=False, before=None, more={}, wrap=(), **keys):
        self.run, self.said = run, b""
        run.program = FAULTY if fault else BIFRONS
        command = [*wrap, *run.command(*words, **keys), "--ranks", str(ranks)]
        self.end, theirs = os.openpty() if terminal else os.pipe()

        def prepare():
            if terminal:
                fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
            if before:
                before()

        self.process = subprocess.Popen(
            command, stdin=theirs if terminal else subprocess.DEVNULL, stdout=theirs, stderr=theirs,
            start_new_session=terminal, process_group=None if terminal else 0, preexec_fn=prepare,
            env=environment(BIFRONS_FAULT=fault, TERM="xterm", **more))
        if terminal:  # background processes may not write to it
            attributes = termios.tcgetattr(theirs)
            attributes[3] |= termios.TOSTOP
            termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        os.close(theirs)
        self.listener = threading.Thread(target=self.listen, args=(os.dup(self.end),))
        self.listener.start()

    def listen(self, end):
        try:
            while piece := os.read(end, 4096):
                self.said += piece
        except OSError:
            pass  # a terminal whose last process has gone
        os.close(end)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in processes_of(self.run):
            os.kill(pid, signal.SIGKILL)
        os.close(self.end)
        self.listener.join()

    @property
    def text(self):
        return self.said.decode(errors="replace").replace("\r\n", "\n")

    def over(self):
        return self.process.poll() is not None

    def ranks(self):
        """{rank: pid} of those that train."""
        found = {}
        for pid in processes_of(self.run):
            try:
                variables = Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:
                continue
            rank = re.search(rb"(?:^|\0)OMPI_COMM_WORLD_RANK=(\d+)\0", variables)
            if rank:
                found[int(rank[1])] = pid
        return found

    def mpirun(self):
        """0 where it has not been started yet."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def until(self, condition):
        wait_until(lambda: condition() or self.over())
        assert not self.over(), self.text

    def until_trained(self, step):
        self.until(lambda: self.run.rows("train") and self.run.rows("train")[-1]["step"] >= step)

    def until_held(self):
        """Rank 1 stands still in step 3: nothing ends before it is let go."""
        self.until(lambda: state_of(self.ranks().get(1)) == "T")

    def press(self, key):
        os.write(self.end, key)

    def code(self):
        """Its exit code; nothing of it may be left."""
        wait_until(self.over)
        wait_until(lambda: not processes_of(self.run))
        self.listener.join()
        return self.process.returncode


@pytest.fixture
def endless(new_run):
    return new_run(train__max_steps=1000000, train__epochs=1000000, log__tensorboard="false")


@pytest.fixture(scope="module")
def undisturbed(sets, tmp_path_factory):
    """Two ranks by plain mpirun, ended by itself."""
    run = harness.Run(sets, tmp_path_factory.mktemp("undisturbed") / "run", ranks=2, train__max_steps=8,
                      log__tensorboard="false")
    result = run.train()
    assert result.returncode == 0, result.stderr
    run.log = result.stderr
    return run


def test_ctrl_c_saves_and_the_same_command_goes_on(new_run, undisturbed):
    run = new_run(train__max_steps=8, log__tensorboard="false")
    with Job(run, fault=HELD, terminal=True) as job:
        job.until_held()
        job.press(b"\x03")
        job.until(lambda: "stopping after this step" in job.text)
        os.kill(job.ranks()[1], signal.SIGCONT)
        assert job.code() == 75, job.text
        assert not BANNER.search(job.text), job.text
    record = run.record()
    assert record["ended"] and record["exit"] == "AGAIN" and 0 < record["step"] < 8
    assert run.steps()[-1] == record["step"] == run.rows("train")[-1]["step"]
    with Job(run) as job:
        assert job.code() == 0, job.text
        assert "resumed from" in job.text
        assert "Ctrl-C loses" not in job.text
    assert_same_run(run, undisturbed)
    assert run.record()["exit"] == "OK"


def test_a_second_ctrl_c_ends_at_once(endless):
    with Job(endless, fault=HELD_AGAIN, terminal=True) as job:
        job.until_held()
        job.press(b"\x03")
        job.until(lambda: "interrupt again to end at once" in job.text)
        job.press(b"\x03")
        assert job.code() == 130, job.text
        assert not BANNER.search(job.text), job.text
    assert endless.record()["exit"] == "INTERRUPTED"
    assert job.text.count("ended at once; no checkpoint was made") == 1, job.text
    assert "ended at once" in endless.record()["message"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_each_request_to_stop_saves(endless, number):
    with Job(endless) as job:
        job.until_trained(2)
        os.kill(job.process.pid, number)
        assert job.code() == 75, job.text
    assert endless.record()["exit"] == "AGAIN"
    assert endless.steps()[-1] == endless.record()["step"]


def test_a_terminal_that_is_closed_is_a_request_to_stop(endless):
    """Its master side goes with the process that has it; the kernel then sends HUP."""
    terminal = "import pty, sys; pty.spawn(sys.argv[1:])"
    with Job(endless, wrap=(sys.executable, "-c", terminal)) as job:
        job.until_trained(2)
        job.process.kill()
        job.code()
    assert endless.record()["exit"] == "AGAIN"
    assert endless.steps()[-1] == endless.record()["step"]


@pytest.mark.parametrize("ranks", [1, 2])
def test_under_nohup_hup_is_nothing(endless, ranks):
    with Job(endless, ranks=ranks, before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as job:
        job.until_trained(2)
        for pid in (job.process.pid, *job.ranks().values()) if ranks == 1 else (job.process.pid,):
            os.kill(pid, signal.SIGHUP)
        seen = endless.rows("train")[-1]["step"]
        job.until_trained(seen + 3)
        os.kill(job.process.pid, signal.SIGUSR1)
        assert job.code() == 75, job.text


def test_hup_stops_one_process_too(endless):
    with Job(endless, ranks=1) as job:
        job.until_trained(2)
        assert not job.ranks()
        os.kill(job.process.pid, signal.SIGHUP)
        assert job.code() == 75, job.text
    assert endless.record()["exit"] == "AGAIN"


def test_ctrl_z_stops_the_ranks_and_fg_wakes_them(endless):
    with Job(endless) as job:
        job.until_trained(2)
        os.kill(job.process.pid, signal.SIGTSTP)
        everyone = [job.process.pid, *job.ranks().values()]
        job.until(lambda: all(state_of(pid) == "T" for pid in everyone))
        seen = endless.rows("train")[-1]["step"]
        os.kill(job.process.pid, signal.SIGCONT)
        job.until_trained(seen + 2)
        os.kill(job.process.pid, signal.SIGTERM)
        assert job.code() == 75, job.text


def test_no_rank_outlives_a_bifrons_that_is_killed(endless):
    with Job(endless, fault=HELD_AGAIN) as job:
        job.until_held()
        job.process.kill()
        assert job.code() == -signal.SIGKILL
    record = endless.record()
    assert record["ended"] and record["exit"] == "INTERRUPTED" and "ended by mpirun" in record["message"]


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("whom", ["rank", "mpirun"])
def test_one_that_is_killed_ends_the_run(endless, whom, saved):
    with Job(endless, checkpoint__every_steps=1 if saved else 0,
             fault="" if saved else HELD) as job:
        job.until((lambda: 2 in endless.steps()) if saved else (lambda: job.ranks().get(1)))
        if not saved:
            job.until_held()
        os.kill(job.ranks()[1] if whom == "rank" else job.mpirun(), signal.SIGKILL)
        assert job.code() == (75 if saved else 70), job.text
        assert errors(job.text), job.text
        assert ("goes on from the last checkpoint" in job.text) == saved
        assert ("no checkpoint was made" in job.text) != saved
    with Job(endless, "--dry-run") as job:
        assert job.code() == 0, job.text


def test_codes_of_the_run_come_without_banner(endless, sets, tmp_path):
    (tmp_path / "broken.h5").write_bytes((sets / "a.h5").read_bytes()[:5000])
    with Job(endless, data__a=str(tmp_path / "broken.h5")) as job:
        pass_code = job.code()
        assert pass_code == 65, job.text
        assert not BANNER.search(job.text) and len(errors(job.text)) == 1, job.text


def test_more_ranks_than_processors(endless):
    with Job(endless, "--dry-run", ranks=3, before=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})) as job:
        assert job.code() == 0, job.text
        assert "--ranks 3 is more than the 1 processor" in job.text
        assert "ranks: 3 on 1 node (mpi), 1 thread each" in job.text


def test_two_ranks_share_what_bifrons_may_use(endless):
    """Neither is bound, least of all both to one core."""
    with Job(endless, fault=HELD) as job:
        job.until_held()
        allowed = os.sched_getaffinity(job.process.pid)
        assert [os.sched_getaffinity(pid) for pid in job.ranks().values()] == [allowed] * 2


def test_measuring_on_two_ranks(endless):
    with Job(endless, "--find-lr=20", "--json") as job:
        assert job.code() == 0, job.text
        assert '"suggested' in job.text or '"steps' in job.text


# ---- where mpirun is another, or there is none ---------------------------------------------------


def fake_mpirun(folder, script):
    folder.mkdir()
    path = folder / "mpirun"
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:{os.environ['PATH']}"


def test_what_mpirun_says_is_seen(endless, tmp_path):
    path = fake_mpirun(tmp_path / "bin", "#!/bin/sh\necho There are not enough slots available >&2\nexit 1\n")
    with Job(endless, more={"PATH": path}) as job:
        assert job.code() == 69
        assert "There are not enough slots" in job.text
        assert "mpirun started no rank (exit code 1)" in errors(job.text)[0]


def test_real_words_of_mpirun_are_seen(endless):
    """--quiet, from the environment too, would hide them."""
    with Job(endless, more={"OMPI_MCA_orte_execute_quiet": "1", "OMPI_MCA_rmaps": "nosuch"}) as job:
        assert job.code() == 69, job.text
        assert "nosuch" in job.text or "rmaps" in job.text


def test_no_mpirun(endless, tmp_path):
    with Job(endless, more={"PATH": str(tmp_path)}) as job:
        assert job.code() == 69
        assert "apt-get install openmpi-bin" in errors(job.text)[0] and len(errors(job.text)) == 1
    assert not endless.out.exists()


def test_one_rank_needs_no_mpirun(endless, tmp_path):
    with Job(endless, "--dry-run", ranks=1, more={"PATH": str(tmp_path)}) as job:
        assert job.code() == 0, job.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_before_ranks_have_begun_mpirun_is_asked(endless, tmp_path, number):
    path = fake_mpirun(tmp_path / "bin", f"#!{sys.executable}\nimport signal, sys\n"
                       "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\nprint('up', flush=True)\n"
                       "signal.sigwait([signal.SIGUSR1])\nsys.exit(75)\n")
    with Job(endless, more={"PATH": path}) as job:
        job.until(lambda: "up" in job.text)
        os.kill(job.process.pid, number)
        assert job.code() == 75


@pytest.mark.parametrize("later", [False, True])
def test_a_request_while_ranks_are_being_started(endless, later):
    """Whether mpirun or the ranks can take it yet or not."""
    with Job(endless) as job:
        job.until(lambda: job.ranks() if later else state_of(job.mpirun()))
        os.kill(job.process.pid, signal.SIGINT)
        assert job.code() == 75, job.text


@pytest.mark.parametrize("variable", ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"])
def test_refused_in_a_job_and_under_a_launcher(endless, variable):
    for ranks in (1, 2):
        with Job(endless, ranks=ranks, more={variable: "0"}) as job:
            assert job.code() == 64
            assert f"--ranks {ranks}" in errors(job.text)[0] and "leave --ranks out" in errors(job.text)[0]
    with Job(endless, "--print-config", more={variable: "0"}) as job:
        assert job.code() == 0, job.text


@pytest.mark.parametrize("value", ["0", "-1", "two", "", "1.5", "100000"])
def test_no_such_number_of_ranks(endless, value):
    with Job(endless, ranks=value) as job:
        assert job.code() == 64
        assert "--ranks" in job.text and "from 1 to" in job.text


def test_a_batch_smaller_than_its_ranks_is_refused_at_once(endless):
    with Job(endless, ranks=3, train__global_batch=2) as job:
        assert job.code() == 78
        assert len(errors(job.text)) == 1 and "3 ranks" in errors(job.text)[0]


# ---- plain mpirun -------------------------------------------------------------------------------


def test_plain_mpirun_says_what_ctrl_c_costs(undisturbed):
    assert len(re.findall(r"under mpirun Ctrl-C loses .* kill -USR1 \d+ .*--ranks", undisturbed.log)) == 1


def test_a_rank_that_mpirun_ends_has_the_last_word(new_run):
    """In the middle of a step that does not end within the second that mpirun leaves."""
    run = new_run(ranks=2, train__max_steps=1000000, train__epochs=1000000, log__tensorboard="false")
    run.program = FAULTY
    job = run.start(environment={"BIFRONS_FAULT": HELD_AGAIN})
    try:
        wait_until(lambda: any(state_of(pid) == "T" for pid in processes_of(run)) or job.poll() is not None)
        assert job.poll() is None, run.stderr
        os.kill(job.pid, signal.SIGINT)
        job.wait(timeout=60)
        wait_until(lambda: not processes_of(run))
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
    record = run.record()
    assert record["ended"] and record["exit"] == "INTERRUPTED", record
    assert "ended by mpirun" in record["message"] and "no checkpoint was made" in record["message"]
    # the step at mpirun's TERM; one more may have ended before its KILL
    assert run.rows("train")[-1]["step"] - record["step"] in (0, 1)
    assert record["message"] in run.stderr
