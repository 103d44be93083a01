"""log.faces: whether face networks look at the swaps of previews, and what that may not change. The numbers themselves:
driver/test_preview_faces.c."""

import json
import shutil

import h5py
import numpy
import PIL.Image
import pytest

from conftest import PROGRAM, ROOT
from cut_faces import PICTURES
from exact_runs import run, tensors

N, SIZE = 6, 64
KEYS = ["model.image_size=64", "model.latent=8", "model.width=8", "train.global_batch=2", "train.threads=1", "train.precision=fp32",
        "data.val_fraction=0", "log.report=false", "log.preview_epochs=1"]  # epochs of 3 steps
MISSING = "faces of swaps are not measured: the networks that find faces are missing; fetch them once with scripts/setup --photographs"
needs_installed = pytest.mark.skipif(not (ROOT / "build/share/bifrons/identity.pt").exists(),
                                     reason="the networks come with scripts/setup --photographs")


def face(name, left, top):
    with PIL.Image.open(PICTURES / f"{name}.jpg") as whole:
        return numpy.asarray(whole.convert("RGB").crop((left, top, left + 140, top + 140)).resize((SIZE, SIZE)))


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Sets of two rendered people. One of A has no identity numbers; the others have them, as bifrons extract writes them."""
    folder = tmp_path_factory.mktemp("sets")
    for name in ("a", "b", "a-without"):
        with h5py.File(folder / f"{name}.h5", "w") as f:
            f.attrs.update(format="bifrons-faces", format_version=1, person=name[0].upper(), consent="rendered")
            f["images"] = numpy.stack([face(f"{name[0]}0003", 58 + i, 48 + i) for i in range(N)])
            f["names"] = [f"p{i}.png" for i in range(N)]
            if name != "a-without":
                f["identity"] = numpy.random.default_rng(1).normal(0, .1, (N, 128)).astype("float32")
    return folder


def train(sets, out, *more, a="a", program=PROGRAM):
    words = [word for key in [*KEYS, *more] for word in ("--set", key)]
    result = run(program, "train", "--data-a", sets / f"{a}.h5", "--data-b", sets / "b.h5", "--out", out, "--resume", "auto", *words)
    assert result.returncode == 0, result.stderr
    return result.stderr


def is_told(said):
    return "faces:" in said or "faces of swaps" in said


def faces(out):
    return [row for row in map(json.loads, (out / "metrics.jsonl").read_text().splitlines()) if row["kind"] == "faces"]


@pytest.fixture(scope="module")
def measured(sets, tmp_path_factory):
    """Two epochs, a preview after each."""
    out = tmp_path_factory.mktemp("measured") / "run"
    assert "faces: networks measure" in train(sets, out, "train.max_steps=6")
    return out


@needs_installed
def test_previews_have_rows_and_a_resumed_run_goes_on(sets, measured, tmp_path):
    rows = faces(measured)
    assert {rows[0]["step"], rows[-1]["step"]} == {3, 6}  # one between may be left out, to save time
    assert all(0 <= row["faces"][f"found_{p}"] <= 1 and "loss" not in row for row in rows for p in "ab")
    assert any(b"faces/found_a" in path.read_bytes() for path in measured.glob("events.out.*"))
    shutil.copytree(measured, tmp_path / "run")
    train(sets, tmp_path / "run", "train.max_steps=9")
    assert [row["step"] for row in faces(tmp_path / "run")] == [row["step"] for row in rows] + [9]


@needs_installed
def test_the_networks_change_no_bit_of_the_training(sets, measured, tmp_path):
    assert not is_told(train(sets, tmp_path / "run", "train.max_steps=6", "log.faces=false"))
    assert not faces(tmp_path / "run")
    assert tensors(tmp_path / "run", 6) == tensors(measured, 6)


def test_missing_networks_are_told_with_the_command(sets, tmp_path):
    for name in ("bifrons", "bifrons-engine"):  # nothing is beside these copies
        (tmp_path / "bin").mkdir(exist_ok=True)
        shutil.copy(f"{PROGRAM}{name.removeprefix('bifrons')}", tmp_path / "bin" / name)
    program = tmp_path / "bin/bifrons"
    said = train(sets, tmp_path / "auto", "train.max_steps=1", program=program)
    assert MISSING in said and f"warning: {MISSING}" not in said
    assert f"warning: {MISSING}" in train(sets, tmp_path / "true", "train.max_steps=1", "log.faces=true", a="a-without", program=program)
    assert not faces(tmp_path / "true")


def test_sets_without_identity_numbers_are_not_measured_unasked(sets, tmp_path):
    assert not is_told(train(sets, tmp_path / "run", "train.max_steps=1", a="a-without"))
    assert not faces(tmp_path / "run")
