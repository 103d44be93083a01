"""One start of a run, what may be done to it, and what every one of them has to show: that it ends by itself, leaves no
process behind, starts from the newest checkpoint that is good, and says nothing but what its fault explains."""
import os
import re
import signal
import time
from pathlib import Path

import harness
from harness import state_of, wait_until

LIFE_S, GONE_S = 240, 60  # for what hangs: a life takes seconds
CRASHES = {-code for code in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE)}
CRASHES |= {128 - code for code in CRASHES}
REFUSALS = {64, 65, 66, 78}
NEVER_SAID = re.compile(r"BUG|bug in bifrons|Assertion|terminate called|Segmentation|double free|corrupted|Sanitizer")
OURS = re.compile(r"^(?:\[rank \d+\] )?(?:warning|error): (.*)$", re.M)

# Warnings and errors of ours: those of any life, then those that a fault explains.
ALWAYS = ("500 pictures or more are recommended", "training waited .* for the previous checkpoint",
          "still writing the checkpoint")
DEATH = ("rank \\d+ on host .* has gone$", "  rank \\d+ on host ", "the launcher that started this rank has gone$",
         "the job ends; ", "rank \\d+ \\(pid \\d+\\) has ended while others waited for it$")
STOP = ("stopped after step \\d+ of \\d+ \\(on request\\)", "ended by the launcher after step",
        *DEATH)  # mpirun ends the ranks it has told to stop, a second later
NO_HASH = "step-\\d+.pt has no .xxh3 file"
REFUSED = ("checkpoint refused: ", "renamed to ", NO_HASH)
DISK_FULL = ("CHECKPOINT NOT SAVED", "the state of step \\d+ could not be saved", "No space left on device")


class Life:
    """One start of a run, in the background."""

    def __init__(self, run, fault="", wrap=(), environment=None):
        self.run = run
        self.heard = run.stderr_path.stat().st_size if run.stderr_path.exists() else 0
        run.program = harness.FAULTY if fault else harness.BIFRONS
        run.launched_by = wrap
        self.job = run.start("--resume", "auto", environment={"BIFRONS_FAULT": fault, **(environment or {})})
        run.launched_by = ()

    def stderr(self):
        return self.run.stderr[self.heard:] if self.run.stderr_path.exists() else ""

    def over(self):
        return self.job.poll() is not None

    def ranks(self):
        """Its processes that train. Children of theirs, and the launcher, are none."""
        parent = "PPid:\t%d\n" % self.job.pid
        return [pid for pid in processes_of(self.run)
                if (pid == self.job.pid if self.run.ranks == 1 else parent in read(pid, "status"))]

    def send(self, pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # it was over before

    def wait_for_an_instant(self, rng):
        """Somewhere between start and end; one in five while it starts up."""
        if rng.random() < 0.2:
            time.sleep(rng.uniform(0, self.run.startup_s))
            return
        wait_until(lambda: self.over() or "plan:" in self.stderr(), LIFE_S)
        time.sleep(rng.uniform(0, self.run.training_s))

    def end(self):
        """Its exit code; fails where it hangs, crashes, or leaves processes."""
        try:
            wait_until(self.over, LIFE_S)
            wait_until(lambda: not processes_of(self.run), GONE_S)
        finally:
            for pid in processes_of(self.run):
                self.send(pid, signal.SIGKILL)
            self.job.wait()
        code, text = self.job.returncode, self.stderr()
        assert code not in CRASHES | REFUSALS, f"exit code {code}:\n{text}"
        assert not NEVER_SAID.search(text), text
        return code

    def unexplained(self, explained):
        """What it said that neither any life may say nor this fault explains."""
        expected = re.compile("|".join([*ALWAYS, *explained]))
        return [line for line in OURS.findall(self.stderr()) if not expected.search(line)]


def read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def processes_of(run):
    mark = f"{run.out}\0"
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [pid for pid in pids if mark in read(pid, "cmdline") and state_of(pid) not in ("Z", "")]


def identity(path):
    """Of a file's bytes, wherever it is moved or copied to."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def good_steps(run):
    return [step for step in run.steps() if identity(run.checkpoint(step)) not in run.bad]


def spoil(run, path):
    """From now on this checkpoint is not one to go on from."""
    run.bad.add(identity(path))


def live(run, act, fault="", wrap=(), environment=None):
    """A life in which act(life) happens; it begins with the newest good checkpoint."""
    good = good_steps(run)
    life = Life(run, fault, wrap, environment)
    try:
        act(life)
    finally:
        code = life.end()
    found = re.search(r"resumed from .*step-0*(\d+)\.pt", life.stderr())
    if found:
        assert [int(found.group(1))] == good[-1:], f"resumed from {found.group(1)} of {good}"
    assert not (good and "starting from the beginning" in life.stderr())
    unexplained = life.unexplained(run.explained)
    assert not unexplained, "\n".join(["said, and not explained:", *unexplained])
    return code


def nothing(_):
    pass
