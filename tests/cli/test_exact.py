"""What may not change a single bit of a run, from the outside: how its gradients travel, and where
its optimizer's state lies."""

import json

import pytest
from exact_runs import checkpoint, losses, sets, tensors, train  # noqa: F401


@pytest.fixture(scope="session")
def plain(sets, tmp_path_factory):  # noqa: F811
    """Three ranks, gradients summed as one range after backward, optimizer not sharded."""
    out = tmp_path_factory.mktemp("plain") / "run"
    result = train(sets, out, ranks=3, keys=["comm.bucket_mb=65536", "checkpoint.every_steps=2"])
    assert "1 bucket of" in result.stderr
    assert all(row["grad_norm"] > 0.01 for row in losses(out) if row["grad_norm"])  # all clipped
    return out


@pytest.mark.parametrize("keys", [[], ["comm.bucket_mb=0.02"]])
def test_buckets_change_nothing(sets, plain, tmp_path, keys):  # noqa: F811
    result = train(sets, tmp_path / "run", ranks=3, keys=keys)
    assert losses(tmp_path / "run") == losses(plain)
    assert tensors(tmp_path / "run") == tensors(plain)
    line = next(line for line in result.stderr.splitlines() if line.startswith("reducer: "))
    assert not keys or "1 bucket of" not in line
    assert json.loads((tmp_path / "run/run.json").read_text())["reducer"] in line


def test_bf16_on_the_wire_trains_nearly_the_same(sets, plain, tmp_path):  # noqa: F811
    train(sets, tmp_path / "run", ranks=3, keys=["comm.wire=\"bf16\""])
    assert losses(tmp_path / "run") != losses(plain)
    ours, theirs = ([row["loss"]["total"] for row in losses(out)] for out in (tmp_path / "run", plain))
    assert ours == pytest.approx(theirs, rel=0.02)


def test_a_sharded_optimizer_changes_nothing(sets, plain, tmp_path):  # noqa: F811
    keys = ["train.zero=1", "comm.bucket_mb=0.2", "checkpoint.every_steps=2"]
    train(sets, tmp_path / "run", ranks=3, keys=keys)
    assert losses(tmp_path / "run") == losses(plain)
    for step in (2, 4):
        assert tensors(tmp_path / "run", step) == tensors(plain, step)
    train(sets, tmp_path / "on", "--resume", checkpoint(plain, 2), ranks=3, keys=["train.zero=1"])
    assert tensors(tmp_path / "on") == tensors(plain)


def test_a_sharded_optimizer_goes_on_with_other_ranks(sets, plain, tmp_path):  # noqa: F811
    for zero in (0, 1):
        train(sets, tmp_path / f"{zero}", "--resume", checkpoint(plain, 2), ranks=2,
              keys=[f"train.zero={zero}"])
    assert tensors(tmp_path / "0") == tensors(tmp_path / "1")
