"""train.reproducible: the same bits on any number of ranks, however a batch is divided."""

import pytest
from exact_runs import checkpoint, command, losses, run, sets, tensors, train  # noqa: F401

KEYS = ["train.reproducible=true", "train.global_batch=5", "train.max_steps=20",
        "checkpoint.every_steps=15"]


@pytest.fixture(scope="session")
def alone(sets, tmp_path_factory):  # noqa: F811
    out = tmp_path_factory.mktemp("alone") / "run"
    result = train(sets, out, keys=KEYS)
    assert "reproducible: 5 slots" in result.stderr
    return out


@pytest.mark.parametrize("ranks, keys", [(0, ["train.accumulate=2"]), (2, ["train.accumulate=2"]),
                                         (4, ["train.zero=1"])])
def test_ranks_and_accumulation_change_nothing(sets, alone, tmp_path, ranks, keys):  # noqa: F811
    train(sets, tmp_path / "run", ranks=ranks, keys=[*KEYS, *keys])
    assert losses(tmp_path / "run") == losses(alone)
    assert tensors(tmp_path / "run", 20) == tensors(alone, 20)


def test_a_resumed_run_may_have_other_ranks(sets, alone, tmp_path):  # noqa: F811
    early = ["--resume", checkpoint(alone, 15)]
    result = train(sets, tmp_path / "run", *early, ranks=2, keys=KEYS)
    assert "results may differ in the last bits" not in result.stderr
    assert tensors(tmp_path / "run", 20) == tensors(alone, 20)


@pytest.mark.parametrize("key, remedy", [("train.threads=0", "set train.threads"),
                                         ("comm.wire=\"bf16\"", "comm.wire"),
                                         ("train.slot_size=5", "lower train.slot_size")])
def test_what_cannot_work_is_refused_at_once(sets, tmp_path, key, remedy):  # noqa: F811
    result = run(*command(sets, tmp_path / "run", ranks=2, keys=[*KEYS, key]))
    assert result.returncode == 78
    assert remedy in result.stderr
    assert result.stderr.count("error") == 1
    assert not (tmp_path / "run").exists()
