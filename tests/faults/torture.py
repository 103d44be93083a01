"""Seeded faults. A run meets up to three of them, goes on after each, and must finish as the run that met none.

Each fault here is one that a run has to survive; each life must end by itself, leave no process behind, and start from
the newest checkpoint that is good. scripts/torture is the command line of this file.
"""
import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import harness
from harness import Run, assert_same_run, bifrons, state_of, wait_until

KEYS = {"train__max_steps": 8, "checkpoint__every_steps": 2, "checkpoint__keep": 9}
LIFE_S, GONE_S = 240, 60  # for what hangs: a life takes seconds
CRASHES = {-code for code in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE)}
CRASHES |= {128 - code for code in CRASHES}
REFUSALS = {64, 65, 66, 78}
NEVER_SAID = re.compile(r"BUG|Assertion|terminate called|Segmentation|double free|corrupted|Sanitizer")


class Life:
    """One start of a run, in the background."""

    def __init__(self, run, fault="", wrap=()):
        self.run = run
        self.heard = run.stderr_path.stat().st_size if run.stderr_path.exists() else 0
        run.program = harness.FAULTY if fault else harness.BIFRONS
        run.launched_by = wrap
        self.job = run.start("--resume", "auto", environment={"BIFRONS_FAULT": fault})
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
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def good_steps(run):
    return [step for step in run.steps() if identity(run.checkpoint(step)) not in run.bad]


def live(run, act, fault="", wrap=()):
    """A life in which act(life) happens; it begins with the newest good checkpoint."""
    good = good_steps(run)
    life = Life(run, fault, wrap)
    try:
        act(life)
    finally:
        code = life.end()
    found = re.search(r"resumed from .*step-0*(\d+)\.pt", life.stderr())
    if found:
        assert [int(found.group(1))] == good[-1:], f"resumed from {found.group(1)} of {good}"
    assert not (good and "starting from the beginning" in life.stderr())
    return code


def nothing(_):
    pass


# ---- faults of processes --------------------------------------------------------------------------

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
    """The last rank comes seconds after the others."""
    script = f'[ "${{OMPI_COMM_WORLD_RANK:-0}}" != {run.ranks - 1} ] || sleep {rng.uniform(0, 3):.2f}; exec "$@"'
    assert live(run, nothing, wrap=("bash", "-c", script, "late")) == 0


def second_run(run, rng):
    """Another job wants the same folder: it is refused, and the first does not notice."""
    def act(life):
        life.wait_for_an_instant(rng)
        result = run.resume() if not life.over() else None
        if result and not life.over():
            assert result.returncode == 64 and "is in use by" in result.stderr, result.stderr
    assert live(run, act) == 0


# ---- faults of storage ----------------------------------------------------------------------------

def full_disk(run, rng):
    call = rng.choice(["fwrite", "fsync", "rename"])
    run.best_may_differ = True  # the best state may be the one that could not be written
    assert live(run, nothing, f"{call}:{rng.randint(1, 5)}:full") in (0, 74)


def interrupted(run, rng, checkpoints):
    """Lives until so many good checkpoints are there."""
    for _ in range(9):
        if len(good_steps(run)) >= checkpoints:
            return
        kill_all(run, rng)
    live(run, nothing)


def newest(run):
    return run.checkpoint(good_steps(run)[-1])


def spoil(run, path):
    run.bad.add(identity(path))


def flip(run, rng):
    interrupted(run, rng, 2)
    path = newest(run)
    at = rng.randrange(path.stat().st_size)
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ (1 << rng.randrange(8))]))
    spoil(run, path)
    live(run, nothing)


def truncate(run, rng):
    interrupted(run, rng, 2)
    path = newest(run)
    os.truncate(path, rng.choice([0, 1, rng.randrange(path.stat().st_size)]))
    spoil(run, path)
    live(run, nothing)


def missing(run, rng):
    """The newest checkpoint, with or without its hash, and the links, or some of them."""
    interrupted(run, rng, 2)
    path = newest(run)
    files = [path, Path(f"{path}.xxh3"), run.checkpoints / "latest.pt", run.checkpoints / "best.pt"]
    for file in rng.sample(files, rng.randint(1, len(files))):
        file.unlink(missing_ok=True)
    live(run, nothing)


def swapped(run, rng):
    """Two checkpoints under each other's name, hashes too: each is whole, and neither is what it is called."""
    interrupted(run, rng, 3)
    one, other = (run.checkpoint(step) for step in good_steps(run)[-2:])
    for tail in ("", ".xxh3"):
        a, b, spare = Path(f"{one}{tail}"), Path(f"{other}{tail}"), run.checkpoints / "spare"
        a.rename(spare), b.rename(a), spare.rename(b)
    spoil(run, one), spoil(run, other)
    live(run, nothing)


def foreign(run, rng):
    """Files that are no checkpoints of this run, under names of later ones; leftovers of a writer."""
    interrupted(run, rng, 1)
    names = ["step-0000000009.pt", "step-0000000123.pt", "step-0000000777.pt.xxh3", "notes.txt", "step-7.pt"]
    if 8 not in good_steps(run):
        names.append("step-0000000007.pt.tmp")  # a run that has nothing left to do cleans nothing
    for name in rng.sample(names, 3):
        path = run.checkpoints / name
        path.write_bytes(rng.choice([b"", b"PK\3\4", rng.randbytes(5000)]))
        spoil(run, path)
    live(run, nothing)


def torn_metrics(run, rng):
    """What a torn write leaves behind the rows that are known."""
    interrupted(run, rng, 1)
    if 8 in good_steps(run):
        return  # all rows are told, and nobody writes any more
    with open(run.out / "metrics.jsonl", "ab") as f:
        f.write(rng.choice([b'{"kind":"train","st', b"\0" * 512, rng.randbytes(99)]))
    live(run, nothing)


def damaged_set(run, rng):
    """A flipped byte or a missing end of a set is found by inspect --verify; train may train on it but never crash."""
    folder = run.out.with_name("damaged")
    shutil.copytree(run.sets, folder, ignore=shutil.ignore_patterns("drawn"))
    path = folder / rng.choice(["a.h5", "b.h5"])
    at = rng.randrange(path.stat().st_size)
    if rng.random() < 0.3:
        os.truncate(path, at)
    else:
        with open(path, "r+b") as f:
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ (1 << rng.randrange(8))]))
    result = bifrons("inspect", path, "--verify")
    assert result.returncode == 65 and path.name in result.stderr, f"byte {at}: {result.returncode} {result.stderr}"
    other = Run(folder, run.out.with_name("on-damaged"), **{**KEYS, "train__max_steps": 1})
    assert other.train().returncode in (0, 65, 66)
    shutil.rmtree(folder)


FAULTS = {
    "kill-rank": kill_rank, "kill-launcher": kill_launcher, "kill-all": kill_all,
    "kill-in-step": kill_at("backward", 8), "kill-in-validation": kill_at("evaluate", 3),
    "kill-in-write": kill_at("fwrite", 40), "kill-in-fsync": kill_at("fsync", 4), "kill-in-rename": kill_at("rename", 4),
    "stand-still": stand_still, "storm": storm, "interrupt": interrupt, "late-rank": late_rank,
    "second-run": second_run, "full-disk": full_disk, "flip": flip, "truncate": truncate, "missing": missing,
    "swapped": swapped, "foreign": foreign, "torn-metrics": torn_metrics, "damaged-set": damaged_set,
}


# ---- cases ----------------------------------------------------------------------------------------

class Bench:
    """The sets, and for each number of ranks the run that nothing happened to."""

    def __init__(self, sets, folder):
        self.sets, self.folder, self.references = sets, folder, {}

    def reference(self, ranks):
        if ranks not in self.references:
            run = Run(self.sets, self.folder / f"reference-{ranks}", ranks, **KEYS)
            begin = time.monotonic()
            result = run.train()
            took = time.monotonic() - begin
            assert result.returncode == 0, result.stderr
            run.training_s = sum(row["step_ms"] for row in run.rows("train")) * 1.5e-3
            run.startup_s = max(took - run.training_s, 0.5)
            self.references[ranks] = run
        return self.references[ranks]

    def play(self, names, rng, ranks):
        """The faults of these names, one after another, on a run that then finishes; half of those on several ranks
        share out the optimizer's state, which changes no bit."""
        reference = self.reference(ranks)
        keys = {**KEYS, "train__zero": int(ranks > 1 and rng.random() < 0.5)}
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        run = Run(self.sets, folder / "run", ranks, **keys)
        run.best_may_differ = False
        run.bad, run.startup_s, run.training_s = set(), reference.startup_s, reference.training_s
        for name in names:
            FAULTS[name](run, rng)
        assert live(run, nothing) == 0
        assert_same_run(run, reference, best=not run.best_may_differ)
        assert not list(run.out.rglob("*.tmp*"))
        shutil.rmtree(folder)


    def play_lives(self, lives, rng):
        """One run on two ranks, killed so many times, each time at an instant after its first new checkpoint."""
        keys = {**KEYS, "train__max_steps": 3 * lives}
        reference, run = (Run(self.sets, self.folder / name, 2, **keys) for name in ("lives-reference", "lives"))
        assert reference.train().returncode == 0
        run.bad = set()
        for life in range(lives):
            before = run.steps()[-1:]

            def act(life):
                wait_until(lambda: life.over() or run.steps()[-1:] > before, LIFE_S)
                time.sleep(rng.uniform(0, 0.1))
                for pid in processes_of(run):
                    life.send(pid, signal.SIGKILL)
            live(run, act)
            print(f"life {life + 1}: up to step {run.steps()[-1]}", flush=True)
        assert live(run, nothing) == 0
        assert_same_run(run, reference)


def case_of(seed):
    """(names of faults, ranks, generator) of a seed."""
    rng = random.Random(seed)
    return [rng.choice(list(FAULTS)) for _ in range(rng.randint(1, 3))], rng.choice([1, 2]), rng


def make_sets(folder):
    assert bifrons("synth", folder / "drawn", "--count", 12, "--size", 64, "--seed", 1).returncode == 0
    for person in "ab":
        result = bifrons("pack", folder / "drawn" / f"person_{person}", "-o", folder / f"{person}.h5", "--size", 64)
        assert result.returncode == 0, result.stderr
    return folder


def main():
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__.split("\n\n")[0])
    parser.add_argument("faults", type=int, help="how many, in all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32),
                        help="of the first case; the next has one more")
    parser.add_argument("--only", choices=sorted(FAULTS), help="only this one")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no case after so long")
    parser.add_argument("--lives", action="store_true",
                        help="instead: one run, killed so many times, each after its first new checkpoint")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    (folder / "sets").mkdir()
    bench = Bench(make_sets(folder / "sets"), folder)
    print(f"seed {options.seed}, in {folder}", flush=True)
    if options.lives:
        bench.play_lives(options.faults, random.Random(options.seed))
        print(f"killed {options.faults} times, it ended with the bits of the run that was not")
        shutil.rmtree(folder)
        return
    done, cases, failed, begin, seed = 0, 0, [], time.monotonic(), options.seed
    while done < options.faults and time.monotonic() - begin < options.minutes * 60:
        names, ranks, rng = case_of(seed)
        names = [options.only] * len(names) if options.only else names
        names = names[:options.faults - done]
        try:
            bench.play(names, rng, ranks)
            verdict = "same bits"
        except Exception:
            failed.append(seed)
            verdict = f"FAILED\n{traceback.format_exc()}"
        done, cases = done + len(names), cases + 1
        print(f"{done:4d}  seed {seed}  {ranks} rank{'s' * (ranks > 1)}  {', '.join(names)}: {verdict}", flush=True)
        seed += 1
    print(f"{done} faults in {cases} runs, {time.monotonic() - begin:.0f} s: {cases - len(failed)} ended with the bits of "
          f"the run that met none" + (f"; FAILED: seeds {failed}, see {folder}" if failed else ""))
    if not failed:
        shutil.rmtree(folder)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
