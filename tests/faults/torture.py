"""Seeded faults. A run meets up to three of them, goes on after each, and must finish as the run that met none.

Each fault here is one that a run has to survive (process_faults.py, storage_faults.py); what each life has to show is in
life.py. scripts/torture is the command line of this file.
"""
import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import process_faults
import storage_faults
from harness import Run, assert_same_run, bifrons, wait_until
from life import DEATH, LIFE_S, live, nothing, processes_of

FAULTS = {**process_faults.FAULTS, **storage_faults.FAULTS}
KEYS = {"train__max_steps": 8, "checkpoint__every_steps": 2, "checkpoint__keep": 9}
STATES = {"plain": {}, "adversary": {"loss__adversarial": 0.05},  # what there is to lose beside the model and its moments
          "stages": {"train__stages": "[{image_size = 64, epochs = 1}, {image_size = 128, epochs = 2, lr = 5e-4}]",
                     "model__width": 16, "loss__adversarial": 0.05},
          "pose": {"model__pose": '"predicted"', "loss__pose": 0.2, "model__mean_codes": "true",
                   "augment__back_translation": 0.5, "augment__predicted_pose": 0.5, "train__lr": 1e-4}}
SIZES = {"stages": 128}  # px; else 64


class Bench:
    """Sets of each size, and for each number of ranks and kind of state the run that nothing happened to."""

    def __init__(self, folder, sets=None):
        self.folder, self.sets, self.references = folder, sets or {}, {}

    def sets_for(self, state):
        size = SIZES.get(state, 64)
        if size not in self.sets:
            self.sets[size] = make_sets(self.folder / f"sets-{size}", size)
        return self.sets[size]

    def reference(self, ranks, state):
        if (ranks, state) not in self.references:
            run = Run(self.sets_for(state), self.folder / f"reference-{ranks}-{state}", ranks, **KEYS, **STATES[state])
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
        run = Run(self.sets_for(state), folder / "run", ranks, **keys)
        run.best_may_differ, run.bad, run.remains = False, set(), ()
        run.reference, run.startup_s, run.training_s = reference, reference.startup_s, reference.training_s
        for name in names:
            fault, explained = FAULTS[name]
            run.explained = (*explained, *run.remains)
            fault(run, rng)
        run.explained = run.remains
        assert live(run, nothing) == 0
        assert_same_run(run, reference, best=not run.best_may_differ)
        left = [str(path) for path in run.out.rglob("*.tmp*")]
        assert not left, f"unfinished files are left: {left}"
        shutil.rmtree(folder)

    def play_lives(self, lives, rng):
        """One run on two ranks, killed so many times, each time at an instant after its first new checkpoint."""
        keys = {**KEYS, "train__max_steps": 3 * lives, "train__epochs": 100000}
        reference, run = (Run(self.sets_for("plain"), self.folder / name, 2, **keys) for name in ("lives-reference", "lives"))
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
            assert run.steps()[-1:] > before, f"life {life + 1} ended without a new checkpoint"
            print(f"life {life + 1}: up to step {run.steps()[-1]}", flush=True)
        assert live(run, nothing) == 0
        assert_same_run(run, reference)


def case_of(seed):
    """(names of faults, ranks, kind of state, generator) of a seed."""
    rng = random.Random(seed)
    names = [rng.choice(list(FAULTS)) for _ in range(rng.randint(1, 3))]
    return names, rng.choice([1, 2, 2, 2]), rng.choice(list(STATES)), rng


def make_sets(folder, size):
    folder.mkdir()
    assert bifrons("synth", folder / "drawn", "--count", 12, "--size", size, "--seed", 1).returncode == 0
    for person in "ab":
        result = bifrons("pack", folder / "drawn" / f"person_{person}", "-o", folder / f"{person}.h5", "--size", size)
        assert result.returncode == 0, result.stderr
    return folder


class Record:
    """The cases so far, a JSON line each: a further part goes on after the last one's seed."""

    def __init__(self, path, seed):
        self.path = path
        self.cases = [json.loads(line) for line in path.read_text().splitlines()] if path and path.exists() else []
        self.next_seed = max((case["seed"] for case in self.cases), default=seed - 1) + 1

    def add(self, **case):
        self.cases.append(case)
        self.next_seed = case["seed"] + 1
        if self.path:
            with open(self.path, "a") as file:
                file.write(json.dumps(case) + "\n")

    def faults(self):
        return sum(len(case["faults"]) for case in self.cases)

    def failed(self):
        return [case["seed"] for case in self.cases if not case["same_bits"]]

    def total(self):
        states = Counter(case["state"] for case in self.cases)
        return (f"{self.faults()} faults in {len(self.cases)} runs ({', '.join(f'{n} {s}' for s, n in states.items())}), "
                f"{sum(case['seconds'] for case in self.cases):.0f} s: {len(self.cases) - len(self.failed())} ended with "
                "the bits of the run that met none")


def play_case(bench, record, options):
    """The next case of the record, with no more faults than are asked for."""
    seed, begin = record.next_seed, time.monotonic()
    names, ranks, state, rng = case_of(seed)
    names = ([options.only] * len(names) if options.only else names)[:options.faults - record.faults()]
    state = options.state or state
    verdict = "same bits"
    try:
        bench.play(names, rng, ranks, state)
    except Exception:
        verdict = f"FAILED\n{traceback.format_exc()}"
    record.add(seed=seed, faults=names, ranks=ranks, state=state, same_bits=verdict == "same bits",
               seconds=round(time.monotonic() - begin, 1))
    print(f"{record.faults():4d}  seed {seed}  {ranks} rank{'s' * (ranks > 1)}, {state}  {', '.join(names)}: {verdict}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__.split("\n\n")[0])
    parser.add_argument("faults", type=int, help="how many, in all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32),
                        help="of the first case; the next has one more")
    parser.add_argument("--only", choices=sorted(FAULTS), help="only this one")
    parser.add_argument("--state", choices=sorted(STATES), help="only on runs of this kind; else one of all")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no case after so long")
    parser.add_argument("--record", type=Path, metavar="FILE",
                        help="keep the cases in this file; the same command again goes on after the last one, up to "
                             "so many faults in all")
    parser.add_argument("--lives", action="store_true",
                        help="instead: one run, killed so many times, each after its first new checkpoint")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    bench, record = Bench(folder), Record(options.record, options.seed)
    print(f"seed {record.next_seed}, in {folder}", flush=True)
    if options.lives:
        bench.play_lives(options.faults, random.Random(options.seed))
        print(f"killed {options.faults} times, it ended with the bits of the run that was not")
        shutil.rmtree(folder)
        return
    begin = time.monotonic()
    while record.faults() < options.faults and time.monotonic() - begin < options.minutes * 60:
        play_case(bench, record, options)
    failed = record.failed()
    print(record.total() + (f"; FAILED: seeds {failed}, see {folder}" if failed else ""))
    if not failed:
        shutil.rmtree(folder)
    sys.exit(bool(failed))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
