"""bifrons pack, from the outside: what it stores, and what it does with what it cannot use."""
import hashlib
import io
import os
import pathlib
import resource
import shlex
import shutil
import signal
import struct
import subprocess
import unicodedata

import h5py
import numpy
import PIL.Image
import pytest

from conftest import PROGRAM, picture, png_bytes, save
from icc_files import profile


def pack(bifrons, *arguments, code=0, **environment):
    result = bifrons("pack", *arguments, **environment)
    assert result.code == code, result.err
    return result


def stored(path):
    with h5py.File(path) as f:
        return {name: f[name][...] for name in f}, dict(f.attrs)


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir() if "tmp" in p.name or "spool" in p.name)


# ---- what is stored -----------------------------------------------------------------------------

def test_pictures_are_stored_as_the_format_says(bifrons, folder, tmp_path):
    result = pack(bifrons, folder, "-o", "ada.h5", "--size", 40)
    assert "6 pictures of ada" in result.err and "500 or more" in result.err
    parts, attributes = stored(tmp_path / "ada.h5")
    assert parts["images"].shape == (6, 40, 40, 3) and parts["images"].dtype == "uint8"
    for i in range(6):  # cut to the middle, not resized: 48 x 40 to 40 x 40
        assert (parts["images"][i] == picture(i)[:, 4:44]).all()
    assert [n.decode() for n in parts["names"]] == [f"p{i}.png" for i in range(6)]
    assert numpy.allclose(parts["matrix"], [[[1, 0, -4], [0, 1, 0]]] * 6)
    assert "masks" not in parts and "truth" not in parts and "landmarks" not in parts
    text = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
    assert text["format"] == "bifrons-faces" and text["format_version"] == 1
    assert text["person"] == "ada" and text["consent"] == "Ada agreed on 2026-01-31"
    with h5py.File(tmp_path / "ada.h5") as f:
        assert f["images"].id.get_offset() % 4096 == 0
    sheet = PIL.Image.open(tmp_path / "ada.sheet.png")
    assert sheet.width > 100 and not leftovers(tmp_path)


def test_same_folder_gives_same_bytes_whatever_the_threads(bifrons, folder, tmp_path):
    digests = set()
    for i, threads in enumerate((1, 4, 3)):
        pack(bifrons, folder, "-o", f"{i}.h5", "--threads", threads, SOURCE_DATE_EPOCH="1700000000")
        digests.add(hashlib.sha256((tmp_path / f"{i}.h5").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_unchanged_folder_is_not_packed_again(bifrons, folder, tmp_path):
    pack(bifrons, folder, "-o", "a.h5")
    before = (tmp_path / "a.h5").stat().st_mtime_ns, (tmp_path / "a.h5").stat().st_ino
    assert "left alone" in pack(bifrons, folder, "-o", "a.h5").err
    assert before == ((tmp_path / "a.h5").stat().st_mtime_ns, (tmp_path / "a.h5").stat().st_ino)
    save(folder / "p3.png", picture(99))
    assert "left alone" not in pack(bifrons, folder, "-o", "a.h5").err
    assert "left alone" not in pack(bifrons, folder, "-o", "a.h5", "--size", 64).err
    assert "left alone" not in pack(bifrons, folder, "-o", "a.h5", "--size", 64, "--force").err


def test_formats_come_out_right(bifrons, tmp_path):
    want = picture(1, 40, 40)
    grey = want[..., 0]
    alpha = numpy.dstack([want, numpy.tile(numpy.arange(40, dtype="uint8") * 6, (40, 1))])
    save(tmp_path / "f/a.PNG", want)
    save(tmp_path / "f/b.bmp", want)
    save(tmp_path / "f/c.png", grey)
    save(tmp_path / "f/d.png", alpha)
    save(tmp_path / "f/e.JPeG", want, quality=97, subsampling=0, format="JPEG")
    PIL.Image.fromarray(want).convert("CMYK").save(tmp_path / "f/f.jpg", quality=97)
    wide = (want.astype(">u2") * 257).tobytes()  # 16 bits a channel
    rows = b"".join(b"\0" + wide[i * 240:(i + 1) * 240] for i in range(40))
    (tmp_path / "f/g.png").write_bytes(png_bytes(40, 40, 16, 2, rows))
    save(tmp_path / "f/ignored.gif", grey)
    pack(bifrons, "f", "-o", "f.h5", "--size", 40, "--consent", "yes", "--strict")
    images = stored(tmp_path / "f.h5")[0]["images"].astype(int)
    assert len(images) == 7
    assert (images[0] == want).all() and (images[1] == want).all() and (images[6] == want).all()
    assert (images[2] == grey[..., None]).all()
    composed = want * (alpha[..., 3:] / 255.0)  # over black
    assert abs(images[3] - composed).max() <= 1
    assert abs(images[4] - want).mean() < 3
    assert abs(images[5] - want).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_pictures_are_turned_upright(bifrons, tmp_path, orientation, order):
    upright = picture(3, 48, 32)
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    image = PIL.Image.fromarray(upright)
    if undo is not None:  # PIL's transpose that stores the picture as such a camera would
        image = image.transpose(PIL.Image.Transpose(undo))
    tiff = struct.pack(order + "2sHIHHHIHHI", b"II" if order == "<" else b"MM", 42, 8, 1, 0x112, 3,
                       1, orientation, 0, 0)
    (tmp_path / "f").mkdir()
    image.save(tmp_path / "f/a.jpg", exif=b"Exif\0\0" + tiff, quality=97, subsampling=0)
    pack(bifrons, "f", "-o", "f.h5", "--size", 32, "--consent", "yes")
    got = stored(tmp_path / "f.h5")[0]["images"][0].astype(int)
    assert abs(got - upright[:, 8:40]).mean() < 3


def test_names_are_ordered_and_stored_in_one_form(bifrons, tmp_path):
    names = ["z.png", "B.png", "é.png", "a.png", "日本.png"]
    for form in ("NFC", "NFD"):
        for i, name in enumerate(names):
            save(tmp_path / form / unicodedata.normalize(form, name), picture(i))
        pack(bifrons, form, "-o", f"{form}.h5", "--consent", "yes", "--person", "x",
             SOURCE_DATE_EPOCH="1")
    assert (tmp_path / "NFC.h5").read_bytes() == (tmp_path / "NFD.h5").read_bytes()
    got = [n.decode() for n in stored(tmp_path / "NFC.h5")[0]["names"]]
    assert got == sorted(names, key=lambda n: n.encode())


def test_side_data_goes_along(bifrons, folder, tmp_path):
    lines = ["name,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,"
             "mouth_left_y,mouth_right_x,mouth_right_y"]
    for i in range(6):
        mask = numpy.zeros((40, 48), "uint8")
        mask[10:20, 14:34] = 255
        save(folder / "masks" / f"p{i}.png", mask)
        save(folder / "truth" / f"p{i}.png", picture(i + 50))
        lines.append(f"p{i}.png,4,0,43,39,23.5,19.5,10,{i},20,30")
    (folder / "landmarks.csv").write_text("\n".join(lines) + "\n")
    result = pack(bifrons, folder, "-o", "a.h5", "--size", 20)
    assert "warning" not in result.err
    parts, _ = stored(tmp_path / "a.h5")
    want = numpy.zeros((20, 20), "uint8")
    want[5:10, 5:15] = 255
    assert (parts["masks"][3] == want).all()
    halved = picture(53)[:, 4:44].reshape(20, 2, 20, 2, 3).mean(axis=(1, 3))
    assert abs(parts["truth"][3] - halved).max() <= 1
    # x' = (x + 0.5 - 4) / 2 - 0.5, y' = (y + 0.5) / 2 - 0.5
    assert numpy.allclose(parts["landmarks"][3][:3], [[-0.25, -0.25], [19.25, 19.25], [9.5, 9.5]])
    for (x, y), row in zip(parts["landmarks"][3], [(4, 0), (43, 39), (23.5, 19.5), (10, 3),
                                                   (20, 30)]):
        assert numpy.allclose(parts["matrix"][3] @ [*row, 1], [x, y])


def test_incomplete_side_data_is_left_out_and_named(bifrons, folder, tmp_path):
    for i in (0, 1, 2, 4, 5):
        save(folder / "masks" / f"p{i}.png", numpy.zeros((40, 48), "uint8"))
    for i in range(6):  # of another size than the pictures
        save(folder / "truth" / f"p{i}.png", picture(i, 30, 30))
    (folder / "landmarks.csv").write_text("name,...\np0,1,2,3,4,5,6,7,8,9,10\n")
    result = pack(bifrons, folder, "-o", "a.h5")
    for told in ("1 of 6 pictures has no usable mask (p3.png: no mask): the set is packed without masks",
                 "6 of 6 pictures have no usable true swap (p0.png, ",
                 "5 of 6 pictures have no usable landmarks (p1.png, ",
                 "; the first: no row in landmarks.csv that can be used): the set is packed without landmarks"):
        assert told in result.err
    assert set(stored(tmp_path / "a.h5")[0]) == {"images", "names", "xxh3", "matrix"}


def test_bad_landmarks_are_named_by_line(bifrons, folder):
    (folder / "landmarks.csv").write_text("name\np0,1,2,3,4,5,6,7,8,9,10\np1,1,2\n")
    assert "landmarks.csv:3:" in pack(bifrons, folder, "-o", "a.h5", code=65).err


def test_several_folders_and_options_over_files(bifrons, folder, tmp_path):
    save(tmp_path / "more/a.png", picture(9))
    (folder / "person.txt").write_text("  Ada\n Lovelace \n")
    pack(bifrons, folder, "more", "-o", "new/deep/a.h5")
    parts, attributes = stored(tmp_path / "new/deep/a.h5")
    assert len(parts["images"]) == 7 and parts["names"][6] == b"a.png"
    assert attributes["person"] in (b"Ada Lovelace", "Ada Lovelace")
    pack(bifrons, folder, "-o", "b.h5", "--person", "X", "--consent", "Y")
    attributes = stored(tmp_path / "b.h5")[1]
    assert attributes["person"] in (b"X", "X") and attributes["consent"] in (b"Y", "Y")


# ---- what cannot be used ------------------------------------------------------------------------

def bad_huffman():
    """A JPEG whose Huffman table announces 16 x 255 codes."""
    return (b"\xff\xd8\xff\xc4\x00\x13\x00" + b"\xff" * 16
            + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\0" * 64 + b"\xff\xd9")


def jpeg_of(pixels, mode="RGB"):
    f = io.BytesIO()
    PIL.Image.fromarray(pixels).convert(mode).save(f, "JPEG")
    return f.getvalue()


def without_adobe(data):
    """A CMYK JPEG that no longer says how its inks are stored."""
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2:at + 4], "big"):]


BAD = {
    "text.jpg": (b"this is text\n", "neither JPEG, PNG nor BMP"),
    "zero.png": (b"", "empty"),
    "one.png": (png_bytes(1, 1, 8, 2, b"\0abc"), "too small"),
    "huge.png": (png_bytes(20000, 20000, 8, 2, b"\0" * 100), "16384"),
    "bomb.png": (png_bytes(16000, 16000, 8, 2, b"\0" * 100), "in all"),
    "short.png": (png_bytes(64, 64, 8, 2, b"\0" * 500), "damaged"),
    "cut.png": (png_bytes(64, 64, 8, 2, b"\0" * (64 * 193))[:-20], "truncated"),
    "cut.jpg": (jpeg_of(picture(1))[:-200], "truncated"),
    "cut.bmp": (b"BM" + bytes(8) + struct.pack("<IIiiHHI", 54, 40, 64, 64, 1, 24, 0) + bytes(40),
                "truncated"),
    "cmyk.jpg": (without_adobe(jpeg_of(picture(1), "CMYK")), "CMYK"),
    "huffman.jpg": (bad_huffman(), "Huffman"),
    "clear.png": (png_bytes(64, 64, 8, 6, b"\0" * (64 * 257)), "wholly transparent"),
    "arithmetic.jpg": (jpeg_of(picture(1)).replace(b"\xff\xc0", b"\xff\xc9"), "arithmetic"),
    "fax.bmp": (b"BM" + bytes(8) + struct.pack("<IIiiHHI", 78, 64, 64, 64, 1, 1, 3) + bytes(99),
                "Huffman"),
    "folder.png": (None, "not a regular file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures_are_named_and_left_out(bifrons, folder, tmp_path, name):
    content, reason = BAD[name]
    if content is None:
        (folder / name).mkdir()
    else:
        (folder / name).write_bytes(content)
    result = pack(bifrons, folder, "-o", "a.h5", "--size", 40)
    told = [line for line in result.err.splitlines() if name in line]
    assert len(told) == 1 and reason in told[0] and told[0].startswith("warning: "), result.err
    assert "6 pictures" in result.err and "1 left out" in result.err
    parts, _ = stored(tmp_path / "a.h5")
    assert name.encode() not in list(parts["names"])
    for i in range(6):  # the others are in their places
        assert (parts["images"][i] == picture(i)[:, 4:44]).all()

    (tmp_path / "a.h5").unlink()
    strict = pack(bifrons, folder, "-o", "a.h5", "--strict", code=65)
    assert name in strict.err.splitlines()[-1] and reason in strict.err.splitlines()[-1]
    assert not (tmp_path / "a.h5").exists() and not leftovers(tmp_path)


def test_what_is_no_regular_file_is_named_and_not_waited_for(bifrons, folder, tmp_path):
    os.mkfifo(folder / "fifo.png")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "masks").mkdir()
    for i in range(6):
        os.mkfifo(folder / "masks" / f"p{i}.png")
    result = pack(bifrons, folder, "-o", "a.h5")
    for name, what in (("fifo.png", "a FIFO"), ("device.jpg", "a device")):
        assert any(name in line and what in line for line in result.err.splitlines()), result.err
    assert "6 pictures" in result.err and "2 left out" in result.err


def test_colour_profiles_that_are_not_applied_are_counted(bifrons, folder, tmp_path):
    tables, name = {b"A2B0": bytes(40)}, "Wide tables".encode("utf-16-be")
    tables_too = {**tables, b"desc": b"mluc\0\0\0\0" + struct.pack(">IIHHII", 1, 12, 0x656E, 0x5553, len(name), 28) + name}
    for i, (file, icc) in enumerate((("q0.png", profile()), ("q1.jpg", profile("sRGB")), ("q4.jpg", b"garbage"))):
        save(folder / file, picture(20 + i), icc_profile=icc)
    assert "a colour profile" not in pack(bifrons, folder, "-o", "a.h5").err
    save(folder / "r1.png", picture(30), icc_profile=profile(more=tables_too))
    result = pack(bifrons, folder, "-o", "a.h5")
    assert "r1.png: 1 picture has a colour profile (here: Wide tables)" in result.err
    save(folder / "r0.jpg", picture(31), icc_profile=profile(more=tables))
    save(folder / "r2.jpg", picture(32), icc_profile=bytes(128) + b"\xff" * 99)
    result = pack(bifrons, folder, "-o", "a.h5")
    told = [line for line in result.err.splitlines() if "colour profile" in line]
    assert len(told) == 1 and "r0.jpg: 3 pictures have a colour profile (here: Test)" in told[0]
    names = list(stored(tmp_path / "a.h5")[0]["names"])
    assert (stored(tmp_path / "a.h5")[0]["images"][names.index(b"r1.png")].shape) == (128, 128, 3)


def test_pictures_of_an_algorithm_are_counted(bifrons, folder):
    assert "drawn by an algorithm" not in pack(bifrons, folder, "-o", "a.h5").err
    for i in range(2):
        save(folder / f"s{i}.png", picture(40 + i))
        (folder / f"s{i}.txt").write_text("Composite with a face drawn by a trained model (Bifrons)\npicture: s.png\n")
    said = pack(bifrons, folder, "-o", "a.h5").err
    assert said.count("drawn by an algorithm") == 1
    assert "2 pictures are composites, or drawn by an algorithm: s0.png, s1.png" in said


def test_whole_photographs_are_told_from_cut_faces(bifrons, folder, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    for i in range(3):
        save(whole / f"p{i}.jpg", picture(i, 90, 60 + 15 * i))  # the last is square
    options = ("--person", "x", "--consent", "x agreed", "--size", "16")
    err = pack(bifrons, whole, "-o", "whole.h5", *options).err
    assert "2 of 3 pictures are large and not square" in err and "p0.jpg, p1.jpg" in err and "bifrons extract" in err
    assert "no points and no masks" not in err  # of square ones nothing tells
    for name in "p0.jpg", "p1.jpg":
        (whole / name).rename(tmp_path / name)
    err = pack(bifrons, whole, "-o", "square.h5", *options).err
    assert "whole: there are no points and no masks" in err and "bifrons extract" in err and "warning" not in err
    for name in "p0.jpg", "p1.jpg":
        (tmp_path / name).rename(whole / name)
    (whole / "landmarks.csv").write_text("".join(f"p{i}.jpg,30,30,60,30,45,40,35,50,55,50\n" for i in range(3)))
    err = pack(bifrons, whole, "-o", "cut.h5", *options).err
    assert "not square" not in err and "no points and no masks" not in err


def test_damaged_jpegs_never_crash(bifrons, tmp_path):
    """Seeded damage: whatever comes of it, the program says so in an orderly way."""
    random = numpy.random.default_rng(1)
    good = numpy.frombuffer(jpeg_of(picture(1)), "uint8")
    (tmp_path / "f").mkdir()
    for i in range(200):
        bad = good.copy()
        places = random.integers(2, len(bad), 1 + i % 8)
        bad[places] = random.integers(0, 256, len(places))
        (tmp_path / f"f/{i:03}.jpg").write_bytes(bad.tobytes())
    save(tmp_path / "f/good.png", picture(1))
    pack(bifrons, "f", "-o", "f.h5", "--consent", "yes")


def test_no_usable_picture(bifrons, tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f/a.jpg").write_text("no")
    result = pack(bifrons, "f", "-o", "f.h5", "--consent", "yes", code=66)
    assert "none of the 1" in result.err and not (tmp_path / "f.h5").exists()


@pytest.mark.parametrize("given, told", [("missing", "missing"), ("empty", "no pictures in"),
                                         ("file.png", "is a file")])
def test_no_such_folder(bifrons, tmp_path, given, told):
    (tmp_path / "empty").mkdir()
    save(tmp_path / "file.png", picture(1))
    result = pack(bifrons, given, "-o", "a.h5", "--consent", "yes", code=66)
    assert told in result.err and len(result.err.splitlines()) == 1
    assert not (tmp_path / "a.h5").exists()


def test_consent_is_asked_for_with_the_command_that_works(bifrons, folder, tmp_path):
    (folder / "consent.txt").unlink()
    result = pack(bifrons, folder, "-o", "a b.h5", code=64)
    assert not list(tmp_path.glob("*.h5"))
    program, command, *arguments = shlex.split(result.err.splitlines()[-1])
    assert (program, command) == ("bifrons", "pack") and "--consent" in arguments
    pack(bifrons, *arguments)  # what it suggests works
    assert (tmp_path / "a b.h5").exists()
    for nothing in ("  ", "…"):
        assert "no consent statement" in pack(bifrons, folder, "-o", "a.h5", "--consent", nothing, code=64).err
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize("arguments", [(), ("ada",), ("ada", "-o", "a.h5", "--size", "4"),
                                       ("ada", "-o", "a.h5", "--size", "12x"), ("ada", "--nope")])
def test_bad_usage(bifrons, folder, arguments):
    assert pack(bifrons, *arguments, code=64).err


def test_unwritable_output_leaves_the_old_one(bifrons, folder, tmp_path):
    (tmp_path / "blocker").write_text("")
    assert "blocker" in pack(bifrons, folder, "-o", "blocker/a.h5", code=74).err
    assert "folder" in pack(bifrons, folder, "-o", ".", code=64).err
    (tmp_path / "notes.h5").write_text("my notes")
    assert "--force" in pack(bifrons, folder, "-o", "notes.h5", code=64).err
    assert (tmp_path / "notes.h5").read_text() == "my notes"
    pack(bifrons, folder, "-o", "notes.h5", "--force")
    assert len(stored(tmp_path / "notes.h5")[0]["images"]) == 6


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(bifrons, folder, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    assert "locked" in pack(bifrons, folder, "-o", "locked/a.h5", code=74).err


def test_full_disk_leaves_nothing(bifrons, folder, tmp_path):
    """A file size limit stands in for a full disk."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run([PROGRAM, "pack", folder, "-o", "a.h5"], cwd=tmp_path, text=True,
                          capture_output=True, timeout=120, preexec_fn=limit)
    assert done.returncode == 74, done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ada"]


def test_kept_sets_survive_a_failed_pack(bifrons, folder, tmp_path):
    pack(bifrons, folder, "-o", "a.h5")
    before = (tmp_path / "a.h5").read_bytes()
    (folder / "bad.jpg").write_text("no")
    pack(bifrons, folder, "-o", "a.h5", "--strict", code=65)
    assert (tmp_path / "a.h5").read_bytes() == before
    shutil.rmtree(folder)
    pack(bifrons, folder, "-o", "a.h5", code=66)
    assert (tmp_path / "a.h5").read_bytes() == before


def has_spool(pid):
    for file in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            if ".spool." in os.readlink(file):
                return True
        except FileNotFoundError:  # closed between the listing and the look
            pass
    return False


def test_interrupted_pack_leaves_nothing(folder, tmp_path):
    for i in range(60):
        save(folder / f"large{i}.jpg", picture(i, 900, 900))
    running = subprocess.Popen([PROGRAM, "pack", folder, "-o", "a.h5", "--threads", "1"],
                               cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while running.poll() is None and not has_spool(running.pid):
        pass  # until it has begun to decode
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130 and "interrupted" in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ada"]
