"""Sets and pictures that cannot be used, given to train, eval and swap: one message, whatever the
number of ranks, the right exit code, and nothing left behind. (What pack, inspect and the
configuration make of bad input: test_pack.py, test_inspect.py, test_config.py.)"""

import os
import re
import subprocess

import h5py
import numpy
import pytest

from conftest import PROGRAM, picture, save

SMALL = ("--set", "model.image_size=64", "--set", "train.global_batch=2", "--set",
         "train.threads=1")


def write_set(path, n=8, first=0, **attributes):
    """A set as `bifrons pack` would lay it out, attributes given or replaced."""
    with h5py.File(path, "w") as f:
        f.attrs.update({"format": "bifrons-faces", "format_version": 1, "person": path.stem,
                        "consent": f"{path.stem} is invented", **attributes})
        f["images"] = numpy.stack([picture(first + i, 64, 64) for i in range(n)])


def write_damaged(path):
    """A set whose first object header is overwritten; its signature is still HDF5's."""
    write_set(path)
    data = bytearray(path.read_bytes())
    data[64:512] = b"\xff" * 448
    path.write_bytes(data)


def write_cut(path):
    write_set(path)
    os.truncate(path, path.stat().st_size // 2)


def write_something_else(path):
    with h5py.File(path, "w") as f:
        f["weather"] = [1, 2, 3]


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Good ones, of 8 and 12 pictures."""
    folder = tmp_path_factory.mktemp("sets")
    write_set(folder / "a.h5", 8)
    write_set(folder / "b.h5", 12, first=100)
    return folder


def run(*words, ranks=0, cwd=None):
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    return subprocess.run([*launcher, PROGRAM, *map(str, words)], cwd=cwd, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=120)


def train(a, b, out, *more, ranks=2):
    return run("train", "--data-a", a, "--data-b", b, "--out", out, *SMALL, *more, ranks=ranks)


def refused(result, code, *told):
    """One message, and what it says."""
    errors = [line for line in result.stderr.splitlines() if "error: " in line]
    assert result.returncode == code and len(errors) == 1, result.stderr
    for words in told:
        assert words in errors[0]


def left_in(folder):
    return [p for p in folder.rglob("*") if p.is_file()]


# ---- sets ---------------------------------------------------------------------------------------

BAD_SETS = {
    "newer": (lambda path: write_set(path, format_version=2), "version 2"),
    "other": (write_something_else, "no set of faces"),
    "cut": (write_cut, "cut.h5"),
    "damaged": (write_damaged, "damaged.h5"),
    "empty": (lambda path: path.write_bytes(b""), "HDF5"),
    "silent": (lambda path: write_set(path, consent=""), "--consent"),
    "few": (lambda path: write_set(path, n=2), "fewer than a batch of 2"),
}


@pytest.mark.parametrize("name", BAD_SETS)
def test_train_refuses_a_bad_set_once(sets, tmp_path, name):
    write, reason = BAD_SETS[name]
    write(tmp_path / f"{name}.h5")
    result = train(sets / "a.h5", tmp_path / f"{name}.h5", tmp_path / "run")
    refused(result, 65, f"{name}.h5", reason)
    assert not (tmp_path / "run").exists()


def test_train_refuses_folders_without_pictures(sets, tmp_path):
    (tmp_path / "empty").mkdir()
    result = train(tmp_path / "empty", sets / "b.h5", tmp_path / "run", "--consent", "yes")
    refused(result, 66, "empty")
    result = train(tmp_path / "gone", sets / "b.h5", tmp_path / "run", "--consent", "yes")
    refused(result, 66, "gone")
    assert not (tmp_path / "gone").exists()
    assert not left_in(tmp_path / "run")


@pytest.mark.parametrize("turned", [False, True])
def test_an_epoch_is_the_longer_set(sets, tmp_path, turned):
    """8 and 12 pictures, one of each held out: 11 to show in steps of 2."""
    pair = (sets / "b.h5", sets / "a.h5") if turned else (sets / "a.h5", sets / "b.h5")
    result = train(*pair, tmp_path / "run", "--dry-run", "--set", "data.val_fraction=0.01")
    assert result.returncode == 0, result.stderr
    shown = {int(n) for n in re.findall(r"\((\d+) to train on, 1 held out\)", result.stderr)}
    assert shown == {7, 11}
    assert "epochs of 6 steps" in result.stderr


# ---- pictures and checkpoints -------------------------------------------------------------------

@pytest.fixture(scope="module")
def checkpoint(sets, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "run"
    result = train(sets / "a.h5", sets / "b.h5", out, "--set", "train.max_steps=1", ranks=0)
    assert result.returncode == 0, result.stderr
    return out / "checkpoints/latest.pt"


@pytest.mark.parametrize("name, content, reason", [
    ("text.jpg", b"this is text\n", "neither JPEG, PNG nor BMP"),
    ("zero.png", b"", "empty"),
    ("text.h5", b"this is text\n", "HDF5"),
])
def test_swap_refuses_what_is_no_picture(checkpoint, tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    refused(run("swap", checkpoint, tmp_path / name, "-o", tmp_path / "o.png"), 65, name, reason)
    assert [p.name for p in left_in(tmp_path)] == [name]


def test_swap_does_not_wait_for_a_fifo(checkpoint, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    refused(run("swap", checkpoint, tmp_path / "pipe.png", "-o", tmp_path / "o.png"), 66, "pipe.png",
            "a FIFO")


def test_swap_names_what_it_leaves_out(checkpoint, tmp_path):
    save(tmp_path / "in/good.png", picture(1))
    (tmp_path / "in/text.jpg").write_text("no picture")
    result = run("swap", checkpoint, tmp_path / "in", "-o", tmp_path / "out")
    assert result.returncode == 0 and "text.jpg" in result.stderr
    assert [p.name for p in left_in(tmp_path / "out")] == ["good.png"]
    strict = run("swap", checkpoint, tmp_path / "in", "-o", tmp_path / "strict", "--strict")
    refused(strict, 65, "text.jpg")


def test_swap_needs_input_and_a_place(checkpoint, tmp_path):
    (tmp_path / "empty").mkdir()
    save(tmp_path / "good.png", picture(1))
    for given in ("empty", "gone", "gone.png"):
        result = run("swap", checkpoint, tmp_path / given, "-o", tmp_path / "out")
        refused(result, 66, given)
    result = run("swap", checkpoint, tmp_path / "good.png", "-o", tmp_path / "good.png/x.png")
    refused(result, 74, "good.png")
    assert [p.name for p in left_in(tmp_path)] == ["good.png"]


def test_swap_never_overwrites_its_input(checkpoint, tmp_path):
    photo, folder = tmp_path / "photos/one.png", tmp_path / "photos"
    save(photo, picture(1))
    save(folder / "two.png", picture(2))
    before = {p: p.read_bytes() for p in left_in(folder)}
    for given, out in ((photo, photo), (photo, folder), (folder, folder), (folder, f"{folder}/.")):
        refused(run("swap", checkpoint, given, "-o", out), 64, str(given), "-o")
    assert {p: p.read_bytes() for p in left_in(folder)} == before


def test_eval_refuses_sets_it_cannot_measure(checkpoint, tmp_path):
    write_something_else(tmp_path / "other.h5")
    refused(run("eval", checkpoint, "--data-a", tmp_path / "other.h5"), 65, "other.h5")
    refused(run("eval", checkpoint, "--data-b", tmp_path / "gone.h5"), 66, "gone.h5")
