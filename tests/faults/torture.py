"""Seeded faults. A run meets up to three of them, goes on after each, and must finish as the run that met none.

Each fault here is one that a run has to survive (process_faults.py, storage_faults.py); what each life has to show is in
life.py. scripts/torture is the command line of this file.
"""
import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import process_faults
import storage_faults
from harness import Run, assert_same_run, bifrons, wait_until
from life import DEATH, LIFE_S, live, nothing, processes_of

FAULTS = {**process_faults.FAULTS, **storage_faults.FAULTS}
KEYS = {"train__max_steps": 8, "checkpoint__every_steps": 2, "checkpoint__keep": 9}
STATES = {"plain": {}, "adversary": {"loss__adversarial": 0.05},  # what there is to lose beside the model and its moments
          "stages": {"train__stages": "[{image_size = 64, epochs = 1}, {image_size = 128, epochs = 2, lr = 5e-4}]",
                     "model__width": 16, "loss__adversarial": 0.05}}
DRAWN = ("plain", "adversary")


class Bench:
    """The sets, and for each number of ranks and kind of state the run that nothing happened to."""

    def __init__(self, sets, folder):
        self.sets, self.folder, self.references = sets, folder, {}

    def reference(self, ranks, state):
        if (ranks, state) not in self.references:
            run = Run(self.sets, self.folder / f"reference-{ranks}-{state}", ranks, **KEYS, **STATES[state])
            begin = time.monotonic()
            result = run.train()
            took = time.monotonic() - begin
            assert result.returncode == 0, result.stderr
            run.training_s = sum(row["step_ms"] for row in run.rows("train")) * 1.5e-3
            run.startup_s = max(took - run.training_s, 0.5)
            self.references[ranks, state] = run
        return self.references[ranks, state]

    def play(self, names, rng, ranks, state="plain"):
        """The faults of these names, one after another, on a run that then finishes; half of those on several ranks
        share out the optimizer's state, which changes no bit."""
        reference = self.reference(ranks, state)
        keys = {**KEYS, **STATES[state], "train__zero": int(ranks > 1 and rng.random() < 0.5)}
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        run = Run(self.sets, folder / "run", ranks, **keys)
        run.best_may_differ, run.bad, run.remains = False, set(), ()
        run.reference, run.startup_s, run.training_s = reference, reference.startup_s, reference.training_s
        for name in names:
            fault, explained = FAULTS[name]
            run.explained = (*explained, *run.remains)
            fault(run, rng)
        run.explained = run.remains
        assert live(run, nothing) == 0
        assert_same_run(run, reference, best=not run.best_may_differ)
        assert not list(run.out.rglob("*.tmp*"))
        shutil.rmtree(folder)

    def play_lives(self, lives, rng):
        """One run on two ranks, killed so many times, each time at an instant after its first new checkpoint."""
        keys = {**KEYS, "train__max_steps": 3 * lives}
        reference, run = (Run(self.sets, self.folder / name, 2, **keys) for name in ("lives-reference", "lives"))
        assert reference.train().returncode == 0
        run.bad, run.explained = set(), DEATH
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
    """(names of faults, ranks, kind of state, generator) of a seed."""
    rng = random.Random(seed)
    names = [rng.choice(list(FAULTS)) for _ in range(rng.randint(1, 3))]
    return names, rng.choice([1, 2, 2, 2]), rng.choice(DRAWN), rng


def make_sets(folder, size):
    assert bifrons("synth", folder / "drawn", "--count", 12, "--size", size, "--seed", 1).returncode == 0
    for person in "ab":
        result = bifrons("pack", folder / "drawn" / f"person_{person}", "-o", folder / f"{person}.h5", "--size", size)
        assert result.returncode == 0, result.stderr
    return folder


def main():
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__.split("\n\n")[0])
    parser.add_argument("faults", type=int, help="how many, in all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32),
                        help="of the first case; the next has one more")
    parser.add_argument("--only", choices=sorted(FAULTS), help="only this one")
    parser.add_argument("--state", choices=sorted(STATES), help="only on runs of this kind; else one of " +
                        " and ".join(DRAWN))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no case after so long")
    parser.add_argument("--lives", action="store_true",
                        help="instead: one run, killed so many times, each after its first new checkpoint")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    (folder / "sets").mkdir()
    bench = Bench(make_sets(folder / "sets", 128 if options.state == "stages" else 64), folder)
    print(f"seed {options.seed}, in {folder}", flush=True)
    if options.lives:
        bench.play_lives(options.faults, random.Random(options.seed))
        print(f"killed {options.faults} times, it ended with the bits of the run that was not")
        shutil.rmtree(folder)
        return
    done, cases, failed, begin, seed = 0, 0, [], time.monotonic(), options.seed
    while done < options.faults and time.monotonic() - begin < options.minutes * 60:
        names, ranks, state, rng = case_of(seed)
        names = [options.only] * len(names) if options.only else names
        state = options.state or state
        names = names[:options.faults - done]
        try:
            bench.play(names, rng, ranks, state)
            verdict = "same bits"
        except Exception:
            failed.append(seed)
            verdict = f"FAILED\n{traceback.format_exc()}"
        done, cases = done + len(names), cases + 1
        print(f"{done:4d}  seed {seed}  {ranks} rank{'s' * (ranks > 1)}, {state}  {', '.join(names)}: {verdict}", flush=True)
        seed += 1
    print(f"{done} faults in {cases} runs, {time.monotonic() - begin:.0f} s: {cases - len(failed)} ended with the bits of "
          f"the run that met none" + (f"; FAILED: seeds {failed}, see {folder}" if failed else ""))
    if not failed:
        shutil.rmtree(folder)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
