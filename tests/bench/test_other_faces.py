"""bench/other_faces draws, trains and reports. How good the swaps are is for a longer run."""

import os
import pathlib
import subprocess
import sys

import numpy
import PIL.Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons")).parent
sys.path.insert(0, str(ROOT / "tests/cli"))

from other_faces import PEOPLE, draw_people  # noqa: E402


def pixels(path):
    return numpy.asarray(PIL.Image.open(path).convert("RGB"), float)


def test_the_truth_is_the_other_in_the_same_place(tmp_path):
    draw_people(tmp_path, 3)
    for name in PEOPLE:
        for mask in sorted((tmp_path / name / "masks").iterdir()):
            picture, = (tmp_path / name).glob(f"{mask.stem}.*")
            inside = pixels(mask)[..., 0] > 250
            change = abs(pixels(picture) - pixels(tmp_path / name / "truth" / mask.name)).mean(2)
            assert 0.05 < inside.mean() < 0.5
            assert change[inside].mean() > 30 and change[[0, 0, 5], [0, -1, 80]].max() < 10


def spots(folder, name, which):
    """Of each picture, the distance in colour between two points of it, as points.csv says."""
    for line in (folder / name / "points.csv").read_text().splitlines()[1:]:
        stem, *numbers = line.split(",")
        picture, = (folder / name).glob(f"{stem}.*")
        points = numpy.array(numbers, float).reshape(70, 2)
        (x, y), (other_x, other_y) = (numpy.rint(points[k]).astype(int) for k in which)
        shown = pixels(picture)
        yield numpy.abs(shown[y, x] - shown[other_y, other_x]).max()


def test_points_lie_on_what_they_name(tmp_path):
    draw_people(tmp_path / "still", 6)
    draw_people(tmp_path / "lively", 6, lively=True)
    for faces in ("still", "lively"):
        for name in PEOPLE:
            # brow against bridge of the nose, lips against the point between nose and mouth
            assert min(spots(tmp_path / faces, name, (19, 27))) > 30
            assert min(spots(tmp_path / faces, name, (24, 27))) > 30
            assert min(spots(tmp_path / faces, name, (66, 33))) > 15
    still, lively = ((tmp_path / faces / "cleo/points.csv").read_text().splitlines()
                     for faces in ("still", "lively"))
    assert still[0].count(",") == 140 and len(still) == 7
    # a nod moves the nose along the face, and the jaw stays
    for before, after in zip(still[1:], lively[1:]):
        before, after = (numpy.array(line.split(",")[1:], float).reshape(70, 2) for line in (before, after))
        assert numpy.array_equal(before[:17], after[:17]) and abs(before[30] - after[30]).max() > 0.1


def test_swaps_are_measured_beside_the_mean_face():
    words = ["--count", "12", "--epochs", "1", "--build", BUILD]
    keys = ["model.image_size=64", "model.width=16", "train.threads=1", "train.precision=fp32"]
    words += [word for key in keys for word in ("--set", key)]
    done = subprocess.run([sys.executable, ROOT / "bench/other_faces", *words],
                          capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if " to " in line]
    assert [row[0] for row in rows] == ["A to B", "B to A"] * 2
    assert done.stdout.index("still faces: ") < done.stdout.index("lively faces: ")
    assert rows[0] != rows[2]
    for _, swap, mean_face, ratio, reconstruction, *correlations in rows:
        assert correlations == ["-"] * 6  # for so few pictures
        assert 0 < float(reconstruction) < 1 and 0 < float(mean_face) < 1
        assert abs(float(mean_face) / float(swap) - float(ratio)) < 0.02
