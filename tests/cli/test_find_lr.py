"""bifrons train --find-lr: its steps are a run's, and it leaves none behind."""

import json

import pytest
from exact_runs import checkpoint, command, losses, run, sets, stop_at, train  # noqa: F401


def find(sets, out, *more, steps=20, ranks=0, keys=()):  # noqa: F811
    result = run(*command(sets, out, f"--find-lr={steps}", *more, ranks=ranks,
                          keys=["train.global_batch=2", *keys]))
    assert result.returncode == 0, result.stderr
    return result


def found(*words, **options):
    return json.loads(find(*words, "--json", **options).stdout)


def total(out):
    return [row["loss"]["total"] for row in losses(out) if row["grad_norm"] is not None]


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_its_steps_are_those_of_a_run(sets, tmp_path):  # noqa: F811
    train(sets, tmp_path / "from", keys=["train.max_steps=1"])
    begin = ["--init-from", checkpoint(tmp_path / "from", 1)]
    batch = "train.global_batch=2"
    points = found(sets, tmp_path / "none", *begin)["points"]
    assert points[0]["lr"] == pytest.approx(1e-6) and points[1]["lr"] > 2e-6
    out = tmp_path / "run"
    train(sets, out, *begin, keys=[batch, "train.max_steps=1", f"train.lr={points[0]['lr']:.17g}"])
    train(sets, out, keys=[batch, "train.max_steps=3", f"train.lr={points[1]['lr']:.17g}"])
    expected = total(out)
    assert expected[1] != pytest.approx(expected[0], rel=1e-5)
    assert [point["loss"] for point in points[:3]] == pytest.approx(expected, rel=1e-8)
    assert points[-1]["loss"] > 1.2 * points[0]["loss"] # the last rates are no learning rates


def test_neither_guard_nor_schedule_interfere(sets, tmp_path):  # noqa: F811
    keys = ["train.init=\"he\"", "train.clip_norm=0"]
    plain, other = (found(sets, tmp_path / "none", steps=40, keys=[*keys, *more]) for more in (
        ["guard.spike=\"off\""], ["guard.spike=1", "guard.patience=1",
                                  "train.schedule=\"one_cycle\""]))
    # but for what is suggested
    assert plain.pop("suggestion") == pytest.approx(plain["least"] / 10)
    assert other.pop("suggestion") == other["least"]
    assert plain == other and len(plain["points"]) > 20


def test_ranks_find_the_same(sets, tmp_path):  # noqa: F811
    keys = ["train.global_batch=4", "train.reproducible=true", "train.slot_size=2", "train.deterministic=true"]
    alone, shared = (found(sets, tmp_path / "none", ranks=ranks, keys=keys) for ranks in (0, 2))
    assert alone == shared # and printed once: two objects could not be read


def test_a_run_folder_stays_as_it_is(sets, tmp_path):  # noqa: F811
    out = tmp_path / "run"
    train(sets, out, keys=["train.max_steps=1"])
    before = files(out)
    find(sets, out)
    assert files(out) == before


def test_folders_are_packed_and_nothing_else_is_kept(sets, tmp_path):  # noqa: F811
    drawn = sets / "drawn"
    result = find(sets, tmp_path / "run", "--data-a", drawn / "person_a", "--data-b",
                  drawn / "person_b")
    assert "lr" in result.stdout
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["data"]


def test_table_chart_and_json_tell_the_same(sets, tmp_path):  # noqa: F811
    chart, keys = tmp_path / "lr.png", ["train.clip_norm=0", "train.init=\"he\""]
    result = find(sets, tmp_path / "none", "--chart", chart, steps=40, keys=keys)
    told = found(sets, tmp_path / "none", steps=40, keys=keys)
    assert 1e-6 < told["suggestion"] < 1e-2 and told["configured"] == 1e-3
    assert told["steepest"] <= told["least"]
    assert f"train.lr = {told['suggestion']:.1e} (configured: 0.001)" in result.stdout
    assert f"least loss at {told['least']:.1e}" in result.stdout
    assert chart.read_bytes().startswith(b"\x89PNG")
    assert len(told["points"]) <= told["steps"] == 40
    assert told["diverged"] == (len(told["points"]) < 40)


def test_of_stages_the_first(sets, tmp_path):  # noqa: F811
    stages = "train.stages=[{image_size=64, epochs=1}, {image_size=64, epochs=1}]"
    result = find(sets, tmp_path / "none", keys=[stages])
    assert "stage 1 of 2, 64 px" in result.stderr
    assert "no suggestion" in result.stdout or "lr of stage 1 of train.stages" in result.stdout


@pytest.mark.parametrize("words, said", [
    (["--find-lr", "--resume", "auto"], "--init-from"),
    (["--find-lr", "--resume", "none"], "--init-from"),
    (["--find-lr", "--dry-run"], "--find-lr and --dry-run: give one"),
    (["--find-lr=19"], "from 20 to 100000"),
    (["--find-lr=many"], "from 20 to 100000"),
    (["--json"], "--json goes with --find-lr or --find-batch"),
    (["--chart", "lr.png"], "--chart goes with --find-lr"),
])
def test_bad_usage(sets, tmp_path, words, said):  # noqa: F811
    result = run(*command(sets, tmp_path / "none", *words))
    assert result.returncode == 64 and said in result.stderr and not result.stdout
    assert not (tmp_path / "none").exists()


def test_a_chart_that_cannot_be_written(sets, tmp_path):  # noqa: F811
    result = run(*command(sets, tmp_path / "none", "--find-lr=20", "--chart",
                          tmp_path / "nowhere/lr.png"))
    assert result.returncode == 74 and "nowhere/lr.png" in result.stderr
    assert not result.stdout  # known before a step is taken
    assert not (tmp_path / "none").exists()


def test_it_can_be_stopped(sets, tmp_path):  # noqa: F811
    result = stop_at(command(sets, tmp_path / "none", "--find-lr=100000"), "range test")
    assert result.returncode == 130 and "of the learning rate range test" in result.stderr
    assert not result.stdout
