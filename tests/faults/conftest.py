"""Fixtures of the fault tests: two tiny sets, and the run that nothing happened to."""
import os
import random
import shutil

import pytest

import harness


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    return harness.make_sets(tmp_path_factory.mktemp("sets"), 64)


@pytest.fixture
def new_run(sets, tmp_path):
    """new_run(keys…): a run in a folder of this test."""
    def make(name="run", **options):
        return harness.Run(sets, tmp_path / name, **options)
    return make


@pytest.fixture(scope="session")
def original(sets, tmp_path_factory):
    """Finished and never touched: 8 steps, with checkpoints of 2, 3, 4, 6 and 8."""
    run = harness.Run(sets, tmp_path_factory.mktemp("original") / "run", train__max_steps=8,
                      checkpoint__every_steps=2, checkpoint__keep=9)
    result = run.train()
    assert result.returncode == 0, result.stderr
    run.log = result.stderr
    return run


@pytest.fixture
def copy_of(sets, tmp_path):
    """copy_of(run): the same run in a folder of this test."""
    def copy(run, name="run"):
        out = tmp_path / name
        shutil.copytree(run.out, out, symlinks=True)
        made = harness.Run(sets, out, run.ranks)
        made.keys = dict(run.keys)
        return made
    return copy


@pytest.fixture
def jumping():
    """The environment of a run whose wall clock jumps: see clock.c."""
    return {"LD_PRELOAD": os.path.abspath(harness.CLOCK), "BIFRONS_CLOCK_SEED": "5"}


@pytest.fixture(scope="session")
def seed():
    number = random.SystemRandom().randrange(1 << 32)
    print(f"seed {number}")
    return number
