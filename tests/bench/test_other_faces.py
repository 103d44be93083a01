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


def test_swaps_are_measured_beside_the_mean_face():
    words = ["--count", "12", "--epochs", "1", "--build", BUILD]
    keys = ["model.image_size=64", "model.width=16", "train.threads=1", "train.precision=fp32"]
    words += [word for key in keys for word in ("--set", key)]
    done = subprocess.run([sys.executable, ROOT / "bench/other_faces", *words],
                          capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[-2:]]
    assert [row[0] for row in rows] == ["A to B", "B to A"]
    for _, swap, mean_face, ratio, reconstruction in rows:
        assert 0 < float(reconstruction) < 1 and 0 < float(mean_face) < 1
        assert abs(float(mean_face) / float(swap) - float(ratio)) < 0.02
