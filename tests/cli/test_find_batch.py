"""bifrons train --find-batch: what it measures. Where memory ends: tests/faults/test_find_batch.py."""

import json

import pytest
from exact_runs import command, run, sets, stop_at  # noqa: F401


def words(sets, out, *more, ranks=0, keys=()):  # noqa: F811
    return command(sets, out, "--find-batch", *more, ranks=ranks, keys=keys)


def test_it_doubles_the_batch_as_long_as_there_are_pictures_or_it_pays(sets, tmp_path):  # noqa: F811
    result = run(*words(sets, tmp_path / "none", "--json", ranks=2))
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout) # one object, of rank 0
    trials = told["trials"]
    assert [t["pairs"] for t in trials] == [1, 2, 4, 8][:len(trials)] # 2 x 16 are more than 18
    assert [t["global_batch"] for t in trials] == [2 * t["pairs"] for t in trials]
    assert len(trials) >= 3 # two doublings at the least show that nothing gets faster
    assert told["ended"] == ("pictures" if len(trials) == 4 else "speed")
    assert told["suggestion"] in [t["global_batch"] for t in trials]
    for t in trials:
        assert t["images_per_s"] == pytest.approx(2 * t["global_batch"] / t["step_ms"] * 1e3)
        assert t["step_ms"] > 0.1 and t["peak_bytes"] > 1e8
    assert [t["peak_bytes"] for t in trials] == sorted(t["peak_bytes"] for t in trials)
    assert told["ranks"] == 2 and told["configured"] == 7
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("more, keys, code, said", [
    (["--find-lr"], [], 64, "--find-batch and --find-lr: give one of them"),
    (["--dry-run"], [], 64, "--find-batch and --dry-run: give one of them"),
    (["--resume", "auto"], [], 64, "leave --resume out"),
    (["--init-from", "x.pt"], [], 64, "leave --init-from out"),
    (["--chart", "x.png"], [], 64, "--chart goes with --find-lr"),
    ([], ["train.reproducible=true"], 78, "train.reproducible = false"),
])
def test_bad_usage(sets, tmp_path, more, keys, code, said):  # noqa: F811
    result = run(*words(sets, tmp_path / "none", *more, keys=keys))
    assert result.returncode == code and said in result.stderr and not result.stdout
    assert not (tmp_path / "none").exists()


def test_it_can_be_stopped(sets, tmp_path):  # noqa: F811
    result = stop_at(words(sets, tmp_path / "none"), "person B: ") # before the first trial
    assert result.returncode == 130 and "stopped before a batch was found" in result.stderr
    assert not result.stdout
