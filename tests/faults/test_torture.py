"""A selection of scripts/torture, with fixed seeds: one fault each."""
import random

import pytest

from torture import Bench


@pytest.fixture(scope="module")
def bench(sets, tmp_path_factory):
    return Bench(sets, tmp_path_factory.mktemp("torture"))


@pytest.mark.parametrize("fault, ranks", [
    ("kill-rank", 2), ("kill-launcher", 2), ("kill-in-write", 1), ("kill-in-rename", 2), ("kill-in-validation", 2),
    ("stand-still", 2), ("storm", 2), ("flip", 1), ("truncate", 1), ("swapped", 1), ("foreign", 1), ("damaged-set", 1),
])
def test_the_finished_run_equals_the_uninterrupted_one(bench, fault, ranks):
    bench.play([fault], random.Random(f"{fault} {ranks}"), ranks)
