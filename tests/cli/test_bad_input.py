"""Sets and pictures that cannot be used, given to train, eval and swap: one message, whatever the
number of ranks, the right exit code, and nothing left behind. (What pack, inspect and the
configuration make of bad input: test_pack.py, test_inspect.py, test_config.py.)"""

import os
import re
import subprocess
import zipfile

import h5py
import numpy
import pytest

from conftest import PROGRAM, obey_permissions, picture, save

SMALL = ("--set", "model.image_size=64", "--set", "model.width=16", "--set", "model.latent=16", "--set",
         "train.global_batch=2", "--set", "train.threads=1")


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


def run(*words, ranks=0, cwd=None, **options):
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    return subprocess.run([*launcher, PROGRAM, *map(str, words)], cwd=cwd, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=120, **options)


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
    "other": (write_something_else, "not a set of faces"),
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


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + bytes(64)


def test_what_is_no_set_is_called_what_it_is(sets, tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    (tmp_path / "x.heic").write_bytes(HEIC)
    save(tmp_path / "photo.png", picture(1))
    for given, code, told in (("pipe.h5", 66, "FIFO"), ("/dev/zero", 66, "device"),
                              ("x.heic", 65, "HEIC picture"), ("photo.png", 65, "PNG picture")):
        refused(run("inspect", tmp_path / given), code, given, told)
        refused(train(tmp_path / given, sets / "b.h5", tmp_path / "run", "--dry-run", ranks=0),
                code, given, told)


def test_a_set_without_read_permission_is_not_damaged(sets, tmp_path):
    write_set(tmp_path / "locked.h5")
    (tmp_path / "locked.h5").chmod(0)
    for words in (("inspect", tmp_path / "locked.h5"),
                  ("train", "--data-a", sets / "a.h5", "--data-b", tmp_path / "locked.h5", *SMALL,
                   "--dry-run", "--out", tmp_path / "run")):
        result = run(*words, preexec_fn=obey_permissions)
        refused(result, 66, "locked.h5", "Permission denied")
        assert "damaged" not in result.stderr


# ---- what of two sets does nothing --------------------------------------------------------------

def test_pictures_of_both_people_are_counted_and_named(tmp_path):
    write_set(tmp_path / "a.h5", 8)
    write_set(tmp_path / "b.h5", 8, first=6)
    result = train(tmp_path / "a.h5", tmp_path / "b.h5", tmp_path / "run", "--dry-run", ranks=0)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if "in B's set, too" in line]
    assert len(lines) == 1 and "2 of A's 8 pictures" in lines[0], result.stderr
    assert "6 = 0" in lines[0] and "7 = 1" in lines[0]


@pytest.mark.parametrize("masks, keys, told", [
    ((), (), "b.h5 (data.b)|a.h5 (data.a)"), (("a",), (), "b.h5 (data.b)"),
    (("a", "b"), ("data.masks=false",),
                                               "because data.masks = false: set data.masks = true"), (("a", "b"), (), None)])
def test_surroundings_without_masks_do_nothing_and_it_is_said(tmp_path, masks, keys, told):
    for i, name in enumerate("ab"):
        write_set(tmp_path / f"{name}.h5", 8, first=20 * i)
        if name in masks:
            with h5py.File(tmp_path / f"{name}.h5", "r+") as f:
                f["masks"] = numpy.full((8, 64, 64), 255, "uint8")
    words = [word for key in ("augment.surroundings=0.4", *keys) for word in ("--set", key)]
    result = train(tmp_path / "a.h5", tmp_path / "b.h5", tmp_path / "run", "--dry-run", *words,
                   ranks=0)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if "has no effect" in line]
    assert len(lines) == (told is not None), result.stderr
    assert all("augment.surroundings = 0.4" in line for line in lines)
    assert all(any(part in line for part in told.split("|")) for line in lines)
    assert ("a.h5 has masks, which are not used" in result.stderr) == (masks == ("a",))


def test_a_set_whose_pictures_were_never_written_is_refused(tmp_path):
    """A small file that seems to have millions of pictures."""
    write_set(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as f:
        del f["images"]
        f.create_dataset("images", (3000000, 64, 64, 3), "uint8", chunks=(1, 64, 64, 3), compression="gzip")
    assert (tmp_path / "a.h5").stat().st_size < 1 << 18
    refused(run("inspect", tmp_path / "a.h5"), 65, "/images holds 0 bytes, too few for 3000000 pictures of 64 px")


def test_masks_of_0_and_1_in_a_set_are_warned_about(tmp_path):
    for i, name in enumerate("ab"):
        write_set(tmp_path / f"{name}.h5", 8, first=20 * i)
        with h5py.File(tmp_path / f"{name}.h5", "r+") as f:
            f["masks"] = numpy.eye(64, dtype="uint8")[None].repeat(8, 0) * (1 + 254 * i)
    result = train(tmp_path / "a.h5", tmp_path / "b.h5", tmp_path / "run", "--dry-run", ranks=0)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if "no value above" in line]
    assert len(lines) == 1 and "a.h5" in lines[0] and "above 1," in lines[0], result.stderr


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
    assert "1 picture is not square" in result.stderr and "give --into" in result.stderr
    assert [p.name for p in left_in(tmp_path / "out")] == ["good.png"] and "earlier" not in result.stderr
    (tmp_path / "out/text.png").write_bytes((tmp_path / "out/good.png").read_bytes())  # as if of an earlier run
    again = run("swap", checkpoint, tmp_path / "in", "-o", tmp_path / "out")
    assert f"1 earlier swap is replaced: {tmp_path}/out/good.png" in again.stderr
    assert f"1 swap of an earlier run is left as it was: {tmp_path}/out/text.png" in again.stderr
    strict = run("swap", checkpoint, tmp_path / "in", "-o", tmp_path / "strict", "--strict")
    refused(strict, 65, "text.jpg")


def test_swap_treats_bad_pictures_of_a_folder_as_pack_does(checkpoint, tmp_path):
    save(tmp_path / "in/good.png", picture(1))
    save(tmp_path / "in/also", picture(2), format="JPEG")
    save(tmp_path / "in/x.webp", picture(3))
    (tmp_path / "in/a-folder.png").mkdir()
    (tmp_path / "in/gone.jpg").symlink_to("nowhere")
    (tmp_path / "in/text.jpg").write_text("no picture")
    save(tmp_path / "in/really.jpg", picture(4), format="WEBP")
    (tmp_path / "in/Thumbs.db").write_text("")
    (tmp_path / "in/notes.csv").write_text("notes")
    (tmp_path / "in/consent.txt").write_text("agreed")
    (tmp_path / "in/set.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    save(tmp_path / "in/set.sheet.png", picture(5))  # as pack leaves it
    save(tmp_path / "in/Masks/good.png", picture(6))
    result = run("swap", checkpoint, tmp_path / "in", "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    for told in ("a-folder.png", "gone.jpg", "text.jpg", "1 WebP picture left out", "x.webp",
                 "really.jpg: neither JPEG, PNG nor BMP: it is a WebP picture; save it as JPEG or PNG"):
        assert told in result.stderr
    assert "2 other files are not used: notes.csv, set.h5" in result.stderr
    for silent in ("Thumbs.db", "sheet", "consent", "Masks"):
        assert silent not in result.stderr
    assert "4 skipped" in result.stderr and "2 pictures are not square" in result.stderr
    assert sorted(p.name for p in left_in(tmp_path / "out")) == ["also.png", "good.png"]
    result = run("swap", checkpoint, tmp_path / "in", "-o", tmp_path / "sheet.png", "--grid")
    assert result.returncode == 0 and "text.jpg" in result.stderr, result.stderr
    assert (tmp_path / "sheet.png").exists()
    for good in ("good.png", "also", "x.webp"):
        (tmp_path / "in" / good).unlink()
    for more in ((), ("--grid",)):
        refused(run("swap", checkpoint, tmp_path / "in", "-o", tmp_path / f"none{len(more)}.png"
                    if more else tmp_path / "none", *more), 65, "none of the 4 pictures")


def test_swap_says_what_it_was_given(checkpoint, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "x.heic").write_bytes(HEIC)
    save(tmp_path / "really.jpg", picture(3), format="WEBP")
    save(tmp_path / "good.png", picture(1))
    (tmp_path / "heics").mkdir()
    (tmp_path / "heics/y.heic").write_bytes(HEIC)
    (tmp_path / "films").mkdir()
    (tmp_path / "films/z.mp4").write_bytes(MP4)
    run_folder, out = checkpoint.parents[1], tmp_path / "o.png"
    for given, code, told in (("x.heic", 65, "HEIC picture; save it as JPEG or PNG"),
                              ("really.jpg", 65, "WebP picture"), (checkpoint, 65, "checkpoint"),
                              (run_folder, 66, "folder of a run"), ("pipe.png", 66, "FIFO"),
                              ("heics", 66, "1 HEIC picture: save it as"),
                              ("films", 66, "1 MP4 video: bifrons extract cuts faces out of it")):
        refused(run("swap", checkpoint, tmp_path / given, "-o", out), code, str(given), told)
    for given, code, told in ((run_folder, 66, "folder"), ("x.heic", 65, "HEIC picture"),
                              ("pipe.png", 66, "FIFO"), ("good.png", 65, "PNG picture")):
        refused(run("swap", tmp_path / given, tmp_path / "good.png", "-o", out), code, str(given),
                told)
    assert not out.exists()


def test_swap_takes_a_set_behind_a_long_user_block(checkpoint, tmp_path):
    write_set(tmp_path / "plain.h5", 3)
    with h5py.File(tmp_path / "plain.h5") as f, h5py.File(tmp_path / "x.h5", "w", userblock_size=4096) as g:
        g.attrs.update(f.attrs)
        f.copy("images", g)
    result = run("swap", checkpoint, tmp_path / "x.h5", "-o", tmp_path / "out")
    assert result.returncode == 0 and "3 written" in result.stderr, result.stderr


def test_swap_checks_the_place_before_any_work(checkpoint, tmp_path):
    save(tmp_path / "in/one.jpg", picture(1))
    save(tmp_path / "two/a.jpg", picture(1))
    save(tmp_path / "two/b.jpg", picture(2))
    (tmp_path / "taken").write_text("here")
    one, two = tmp_path / "in/one.jpg", tmp_path / "two"
    for given, out, told, more in (
            (one, "x.jpg", "x.png", ()), (one, "x.y.webp", "x.y.png", ()),
            (one, "taken", "there", ()), (two, "x.png", "--grid", ()),
            (two, "taken", "there", ()), (two, "x.jpg", "x.png", ("--grid",)),
            (two, "x", "x.png", ("--grid",)), (two, "in", "is a folder", ("--grid",))):
        result = run("swap", "no-such.pt", given, "-o", tmp_path / out, *more)
        refused(result, 64, out, told)  # before the checkpoint is looked for
    for given, out, made in ((one, "a.PNG", ["a.PNG"]), (one, "b/c.png", ["b/c.png"]),
                             (one, "d", ["d/one.png"]), (one, "e/f.g/", ["e/f.g/one.png"]),
                             (tmp_path / "in", "h", ["h/one.png"])):
        result = run("swap", checkpoint, given, "-o", f"{tmp_path}/{out}")
        assert result.returncode == 0, result.stderr
        assert [(tmp_path / name).exists() for name in made] == [True], (out, result.stderr)


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


def test_eval_of_a_checkpoint_without_its_sets_says_so(checkpoint, sets, tmp_path):
    with zipfile.ZipFile(checkpoint) as f, zipfile.ZipFile(tmp_path / "old.pt", "w") as g:
        for name in f.namelist():
            g.writestr(name, f.read(name).replace(b'"fingerprints"', b'"not_known_it"'))
    result = run("eval", tmp_path / "old.pt", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5")
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if "old.pt does not record which sets" in line]
    assert len(lines) == 2 and "a.h5 are measured" in lines[0] and "is not the set" not in result.stderr


def test_eval_refuses_sets_it_cannot_measure(checkpoint, tmp_path):
    write_something_else(tmp_path / "other.h5")
    refused(run("eval", checkpoint, "--data-a", tmp_path / "other.h5"), 65, "other.h5")
    refused(run("eval", checkpoint, "--data-b", tmp_path / "gone.h5"), 66, "gone.h5")
