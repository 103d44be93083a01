"""Augmentation from the outside: what it is depends on positions alone, and each key of it counts."""

import pytest
from exact_runs import checkpoint, losses, sets, tensors, train  # noqa: F811,F401

EVERYTHING = ["train.reproducible=true", "train.max_steps=6", "checkpoint.every_steps=3", "augment.blur=0.02",
              "augment.noise=0.1", "augment.colour_space=lab", "augment.ramp_steps=3", "augment.off_steps=2",
              "augment.surroundings=0.3", "augment.back_translation=0.3"]


def test_ranks_and_restarts_change_no_picture(sets, tmp_path):  # noqa: F811
    train(sets, tmp_path / "alone", keys=EVERYTHING)
    train(sets, tmp_path / "two", "--resume", checkpoint(tmp_path / "alone", 3), ranks=2, keys=EVERYTHING)
    assert tensors(tmp_path / "two", 6) == tensors(tmp_path / "alone", 6)


@pytest.fixture(scope="session")
def base(sets, tmp_path_factory):  # noqa: F811
    out = tmp_path_factory.mktemp("base") / "run"
    train(sets, out, keys=["train.max_steps=2"])
    return losses(out)


@pytest.mark.parametrize("key", ["augment.blur=0.02", "augment.noise=0.2", "augment.colour_space=lab",
                                 "augment.ramp_steps=2", "augment.off_steps=1"])
def test_each_key_counts(sets, base, tmp_path, key):  # noqa: F811
    train(sets, tmp_path / "run", keys=["train.max_steps=2", key])
    assert losses(tmp_path / "run") != base
