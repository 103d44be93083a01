"""What ends a run early, what does not train, how the learning rate begins: from the outside."""

import json

import pytest
from exact_runs import checkpoint, losses, run, sets, command, tensors, train  # noqa: F401

# a learning rate at which nothing gets better: 3 steps an epoch
STALE = ["train.lr=1e-9", "train.ema=0", "train.max_steps=30", "train.early_stop=2",
         "log.preview_epochs=0", "checkpoint.best=\"recon_ssim\"", "checkpoint.keep=9"]


def lines(out, kind):
    rows = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    return [row for row in rows if row["kind"] == kind]


def stale_at(out, patience):
    """The step at which `patience` validations in a row were not better, from metrics.jsonl."""
    best, since = -1, 0
    for row in lines(out, "val"):
        value = row["metrics"]["recon_ssim"]
        best, since = (value, 0) if value > best else (best, since + 1)
        if since == patience:
            return row["step"]


def test_a_run_that_gets_no_better_ends(sets, tmp_path):  # noqa: F811
    keys = [*STALE, "train.weight_decay=10", "train.lr=0.02"]
    result = train(sets, tmp_path / "run", ranks=2, keys=keys)
    end = lines(tmp_path / "run", "train")[-1]["step"]
    assert end < 30 and end == stale_at(tmp_path / "run", 2)
    assert f"stopped early after step {end} of 30: recon_ssim has not" in result.stderr
    assert checkpoint(tmp_path / "run", end).exists()
    # from one epoch before: it ends where it ended
    again = train(sets, tmp_path / "again", "--resume", checkpoint(tmp_path / "run", end - 3),
                  ranks=2, keys=keys)
    assert f"stopped early after step {end} of 30" in again.stderr
    assert tensors(tmp_path / "again", end) == tensors(tmp_path / "run", end)
    # once ended it has nothing left to do, until it may wait longer
    again = train(sets, tmp_path / "run", "--resume", "auto", ranks=2, keys=keys)
    assert "stopped early" in again.stderr and lines(tmp_path / "run", "train")[-1]["step"] == end
    train(sets, tmp_path / "run", "--resume", "auto", ranks=2,
          keys=[*keys, "train.early_stop=0", f"train.max_steps={end + 1}"])
    assert lines(tmp_path / "run", "train")[-1]["step"] == end + 1


def test_early_stop_needs_something_to_validate_on(sets, tmp_path):  # noqa: F811
    result = run(*command(sets, tmp_path / "run", keys=[*STALE, "data.val_fraction=0"]))
    assert result.returncode == 78 and "train.early_stop" in result.stderr


@pytest.mark.parametrize("zero", [0, 1])
def test_a_frozen_part_stays_and_the_rest_trains(sets, tmp_path, zero):  # noqa: F811
    train(sets, tmp_path / "from", keys=["train.max_steps=1"])
    train(sets, tmp_path / "run", "--init-from", checkpoint(tmp_path / "from", 1), ranks=2,
          keys=["train.freeze=\"encoder\"", f"train.zero={zero}", "train.ema=0",
                f"train.recompute={'true' if zero else 'false'}"])
    torch = pytest.importorskip("torch")
    before, after = (torch.load(path, weights_only=True) for path in (
        checkpoint(tmp_path / "from", 1), checkpoint(tmp_path / "run", 4)))
    for name, was in before["ema_state_dict"].items():
        same = torch.equal(was, after["model_state_dict"][name])
        assert same == name.startswith("encoder."), name


def test_warm_up_in_steps(sets, tmp_path):  # noqa: F811
    train(sets, tmp_path / "run", keys=["train.warmup_steps=3"])
    rates = [row["lr"] for row in lines(tmp_path / "run", "train")]
    assert rates == pytest.approx([1e-3 / 3, 2e-3 / 3, 1e-3, 1e-3])
