"""Faults of processes: each is something that happens to one life of a run. FAULTS: (what happens, messages it explains)."""
import os
import signal
import time

from harness import CLOCK
from life import DEATH, STOP, live, nothing, processes_of


def kill_rank(run, rng):
    def act(life):
        life.wait_for_an_instant(rng)
        for pid in rng.sample(life.ranks(), 1) if life.ranks() else []:
            life.send(pid, signal.SIGKILL)
    live(run, act)


def kill_launcher(run, rng):
    def act(life):
        life.wait_for_an_instant(rng)
        life.send(life.job.pid, signal.SIGKILL)
    live(run, act)


def kill_all(run, rng):
    def act(life):
        life.wait_for_an_instant(rng)
        for pid in processes_of(run):
            life.send(pid, signal.SIGKILL)
    live(run, act)


def kill_at(call, most):
    def fault(run, rng):
        rank = rng.randrange(run.ranks) if call in ("backward", "evaluate") else 0
        live(run, nothing, f"{call}:{rng.randint(1, most)}:kill@{rank}")
    return fault


def stand_still(run, rng):
    """Held for a while, a rank makes the others wait, and nothing else."""
    def act(life):
        life.wait_for_an_instant(rng)
        for pid in rng.sample(life.ranks(), 1) if life.ranks() else []:
            life.send(pid, signal.SIGSTOP)
            time.sleep(rng.uniform(0.1, 2))
            life.send(pid, signal.SIGCONT)
    assert live(run, act) == 0


def storm(run, rng):
    """Requests to stop, by the dozen, at any rank and at the launcher."""
    def act(life):
        life.wait_for_an_instant(rng)
        for _ in range(rng.randint(2, 30)):
            targets = life.ranks() if rng.random() < 0.8 else [life.job.pid]
            for pid in rng.sample(targets, 1) if targets else []:
                life.send(pid, rng.choice([signal.SIGUSR1, signal.SIGTERM]))
            time.sleep(rng.uniform(0, 0.02))
    live(run, act)


def interrupt(run, rng):
    def act(life):
        life.wait_for_an_instant(rng)
        for _ in range(rng.randint(1, 2)):
            for pid in life.ranks():
                life.send(pid, signal.SIGINT)
            time.sleep(rng.uniform(0, 0.3))
    live(run, act)


def late_rank(run, rng):
    """One rank comes seconds after the others."""
    late = rng.randrange(run.ranks)
    script = f'[ "${{OMPI_COMM_WORLD_RANK:-0}}" != {late} ] || sleep {rng.uniform(0, 3):.2f}; exec "$@"'
    assert live(run, nothing, wrap=("bash", "-c", script, "late")) == 0


def second_run(run, rng):
    """Another job wants the same folder: it is refused, and the first does not notice."""
    def act(life):
        life.wait_for_an_instant(rng)
        result = run.resume() if not life.over() else None
        if result and not life.over():
            assert result.returncode == 64 and "is in use by" in result.stderr, result.stderr
    assert live(run, act) == 0


def clock_jumps(run, rng):
    """Each second the wall clock of launcher and ranks stands elsewhere; half of the time they are killed meanwhile."""
    def kill(life):
        life.wait_for_an_instant(rng)
        for pid in processes_of(run):
            life.send(pid, signal.SIGKILL)
    killed = rng.random() < 0.5
    code = live(run, kill if killed else nothing,
                environment={"LD_PRELOAD": os.path.abspath(CLOCK), "BIFRONS_CLOCK_SEED": str(rng.randrange(1 << 32))})
    assert killed or code == 0


FAULTS = {
    "kill-rank": (kill_rank, DEATH), "kill-launcher": (kill_launcher, DEATH), "kill-all": (kill_all, DEATH),
    "kill-in-step": (kill_at("backward", 8), DEATH), "kill-in-validation": (kill_at("evaluate", 3), DEATH),
    "kill-in-write": (kill_at("fwrite", 40), DEATH), "kill-in-fsync": (kill_at("fsync", 4), DEATH),
    "kill-in-rename": (kill_at("rename", 4), DEATH), "stand-still": (stand_still, ()), "storm": (storm, STOP),
    "interrupt": (interrupt, STOP), "late-rank": (late_rank, ()), "second-run": (second_run, ()),
    "clock-jumps": (clock_jumps, DEATH),
}
