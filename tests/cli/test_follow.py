"""Whether swaps follow their source pictures, from the outside: where it is told, that it is the same
everywhere, and that it can choose best.pt. That a mirrored swap is named: driver/test_follow.c."""

import json
import os

import pytest
from exact_runs import BIFRONS, checkpoint, command, run, sets, train  # noqa: F401
from other_faces import PEOPLE, draw_people

QUANTITIES = ("yaw", "pitch", "brows", "mouth", "eyes")  # gaze: too few of these eyes are open
KEYS = ["checkpoint.best=follow", "data.val_fraction=0.2", "train.max_steps=4", "model.width=8",
        "log.preview_epochs=0"]


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lively")
    draw_people(folder, 44, lively=True)
    for person, name in zip("ab", PEOPLE):
        result = run(BIFRONS, "pack", folder / name, "-o", folder / f"{person}.h5", "--size", 64,
                     "--consent", "invented")
        assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def trained(lively, tmp_path_factory):
    """Two ranks: each measures one direction."""
    out = tmp_path_factory.mktemp("follow") / "run"
    return out, train(lively, out, ranks=2, keys=KEYS)


def metrics(out):
    rows = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    return [row["metrics"] for row in rows if row["kind"] == "val"][-1]


def test_the_end_of_training_tells_it(trained):
    out, result = trained
    told = metrics(out)
    for direction, person in (("A>B", "a"), ("B>A", "b")):
        line, = [line for line in result.stderr.splitlines() if line.startswith(f"{direction}: correlation")]
        for quantity in QUANTITIES:
            swap, reader = told[f"follow_{quantity}_{person}"], told[f"reader_{quantity}_{person}"]
            assert f"{quantity} {swap:.2f} ({reader:.2f})" in line
        # the reader reads real pictures well; so short a training makes no swap that follows
        assert told[f"reader_yaw_{person}"] > 0.8
        assert any(line.startswith(f"warning: {direction}: ") for line in result.stderr.splitlines())
    assert os.readlink(out / "checkpoints/best.pt") == checkpoint(out, 4).name


def test_eval_reads_the_same(trained):
    out, _ = trained
    told = metrics(out)
    seen = json.loads(run(BIFRONS, "eval", checkpoint(out, 4), "--json").stdout)
    for direction, person in (("a2b", "a"), ("b2a", "b")):
        follow = seen[direction]["follow"]
        assert set(follow) == {*QUANTITIES, "gaze", "wrong"} and follow["wrong"]
        for quantity in QUANTITIES:
            of = follow[quantity]
            assert of["reader"] == pytest.approx(told[f"reader_{quantity}_{person}"], abs=1e-5)
            assert of["swap"] == pytest.approx(told[f"follow_{quantity}_{person}"], abs=0.05)
            assert 0 < of["pictures"] <= 9
        assert follow["yaw"]["true_swap"] > 0.8  # what a perfect swap would reach


def test_without_points_it_cannot_choose(sets, tmp_path):  # noqa: F811
    result = run(*command(sets, tmp_path / "run", keys=["checkpoint.best=follow"]))
    assert result.returncode == 78, result.stderr
    assert "32 training pictures and 8 held-out pictures" in result.stderr
    assert str(sets / "a.h5") in result.stderr
