"""A selection of scripts/torture, with fixed seeds: one fault each. And the record of its cases."""
import argparse
import random

import pytest

from torture import Bench, Record, play_case


@pytest.fixture(scope="module")
def bench(sets, tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("torture"), {64: sets})


@pytest.mark.parametrize("fault, ranks", [
    ("kill-launcher", 2), ("kill-in-write", 1), ("kill-in-rename", 2), ("kill-in-validation", 2),
    ("stand-still", 2), ("storm", 2), ("flip", 1), ("truncate", 1), ("swapped", 1), ("foreign", 1), ("damaged-set", 1),
])
def test_the_finished_run_equals_the_uninterrupted_one(bench, fault, ranks):
    bench.play([fault], random.Random(f"{fault} {ranks}"), ranks)


def test_a_run_with_pose_codes_does_so_too(bench):
    bench.play(["kill-in-write"], random.Random(1), 1, "pose")


class Stand:
    """A bench whose runs end well but for those of one seed."""

    def __init__(self, fails_at=None):
        self.played, self.fails_at = [], fails_at

    def play(self, names, rng, ranks, state):
        self.played.append(names)
        assert len(self.played) != self.fails_at


def test_a_recorded_torture_goes_on_after_its_last_case(tmp_path):
    path, options = tmp_path / "record.jsonl", argparse.Namespace(faults=9, only=None, state=None)
    first, second = Stand(fails_at=2), Stand()
    for _ in range(2):
        play_case(first, Record(path, seed=5), options)
    again = Record(path, seed=5)
    assert (again.next_seed, again.failed()) == (7, [6]) and again.faults() == sum(map(len, first.played))
    while again.faults() < options.faults:
        play_case(second, again, options)
    assert sum(map(len, first.played + second.played)) == again.faults() == 9
    assert [case["seed"] for case in Record(path, seed=5).cases] == list(range(5, again.next_seed))
    assert f"9 faults in {len(again.cases)} runs" in again.total()
