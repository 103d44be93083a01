"""The whole way, from pictures of another program to a swapped face: what is trained on need not
come from `bifrons synth`. Mixed formats, no masks, no true swaps, faces anywhere in the picture."""

import json
import math
import os
import subprocess

import PIL.Image
import pytest

from conftest import PROGRAM
from other_faces import PEOPLE, SIZE, SUFFIXES, draw_people

COUNT = 16
STEPS = 12
KEYS = ("model.image_size=64", "train.global_batch=4", f"train.max_steps={STEPS}",
        "train.threads=1", "train.lr=5e-4", "log.every_steps=1")


def run(*words, cwd, ranks=0):
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    result = subprocess.run([*launcher, PROGRAM, *map(str, words)], cwd=cwd, text=True,
                            capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A folder with the pictures of two people, and their sets."""
    folder = tmp_path_factory.mktemp("other")
    draw_people(folder, COUNT, side_data=False)
    for name in PEOPLE:
        run("pack", name, "-o", f"{name}.h5", "--consent", f"{name} is invented", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def trained(packed):
    a, b = PEOPLE
    assignments = [word for key in KEYS for word in ("--set", key)]
    run("train", "--data-a", f"{a}.h5", "--data-b", f"{b}.h5", "--out", "run", *assignments,
        cwd=packed, ranks=2)
    return packed


def test_drawn_pictures_are_as_said(packed):
    for name in PEOPLE:
        pictures = sorted((packed / name).iterdir())
        assert {path.suffix[1:] for path in pictures} == set(SUFFIXES)
        assert {PIL.Image.open(path).size for path in pictures} == {(SIZE, SIZE)}
        assert len({path.read_bytes() for path in pictures}) == COUNT


@pytest.mark.parametrize("name", PEOPLE)
def test_every_picture_is_packed(packed, name):
    shown = json.loads(run("inspect", f"{name}.h5", "--verify", "--json", cwd=packed).stdout)
    assert shown["n"] == COUNT and shown["size"] == 128 and shown["verified"] is True
    assert shown["person"] == name and shown["consent"] == f"{name} is invented"
    assert "masks" not in shown["parts"] and "truth" not in shown["parts"]


def test_training_learns(trained):
    rows = [json.loads(line) for line in (trained / "run/metrics.jsonl").read_text().splitlines()]
    curve = [row["loss"]["total"] for row in rows if row["kind"] == "train"]
    assert len(curve) == STEPS and all(map(math.isfinite, curve))
    assert sum(curve[-3:]) < 0.85 * sum(curve[:3])
    assert os.path.exists(trained / "run/checkpoints/best.pt")


def test_without_true_swaps_only_the_reconstruction_is_measured(trained):
    checkpoint = "run/checkpoints/best.pt"
    report = json.loads(run("eval", checkpoint, "--json", cwd=trained).stdout)
    for direction in ("a2b", "b2a"):
        measured = report[direction]
        assert measured["held_out"] and not measured["masked"]
        for answer in ("swap", "truth_redrawn", "unchanged", "mean_face"):
            assert measured[answer] is None
        reconstruction = measured["reconstruction"]
        assert 0 < reconstruction["l1"] < 1 and reconstruction["pictures"] >= 1
        assert -1 <= reconstruction["ssim"] <= 1 and reconstruction["psnr"] > 0
    table = run("eval", checkpoint, cwd=trained).stdout.splitlines()
    assert "whole picture" in table[1] and "mask" not in table[1]
    for line in table[2:4]:
        assert line.split()[3:7] == ["-"] * 4 and len(line.split()) == 9


def test_a_folder_is_swapped(trained):
    a, b = PEOPLE
    for name, direction in ((a, "a2b"), (b, "b2a")):
        out = trained / f"swapped_{name}"
        run("swap", "run/checkpoints/best.pt", name, "-o", out, "--direction", direction,
            cwd=trained)
        pictures = sorted(out.iterdir())
        assert [p.stem for p in pictures] == sorted(p.stem for p in (trained / name).iterdir())
        for path in pictures:
            with PIL.Image.open(path) as picture:
                assert picture.format == "PNG" and picture.size == (64, 64)
