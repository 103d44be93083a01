"""What bifrons pack finds in a folder: pictures by their contents, side data by its names and values,
and a word about everything that it does not use."""
import os
import subprocess
import unicodedata

import h5py
import numpy
import pytest

from conftest import PROGRAM, obey_permissions, picture, save

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
AVIF = b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(64)
MP3 = b"ID3\4\0\0\0\0\0\0" + bytes(64)
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + bytes(64)


def pack(bifrons, *arguments, code=0):
    result = bifrons("pack", *arguments)
    assert result.code == code, result.err
    return result


def stored(path):
    with h5py.File(path) as f:
        return {name: f[name][...] for name in f}


def names(path):
    return [name.decode() for name in stored(path)["names"]]


def told(result, *words):
    """The one line that says all of this."""
    lines = [line for line in result.err.splitlines() if all(word in line for word in words)]
    assert len(lines) == 1, (words, result.err)
    return lines[0]


def face_mask(value=255):
    mask = numpy.zeros((40, 48), "uint8")
    mask[10:20, 14:34] = value
    return mask


# ---- pictures -----------------------------------------------------------------------------------

def test_pictures_are_known_by_their_contents(bifrons, folder, tmp_path):
    for name, kind in (("a.jfif", "JPEG"), ("b.JPE", "JPEG"), ("c.png", "JPEG"), ("d.webp", "PNG"),
                       ("e", "BMP"), ("f.JPG", "PNG"), ("g.txt", "PNG"), ("h.tif", "JPEG")):
        save(folder / name, picture(20 + ord(name[0])), format=kind)
    result = pack(bifrons, folder, "-o", "a.h5", "--size", 40, "--strict")
    assert "warning" not in result.err and "not used" not in result.err
    assert names(tmp_path / "a.h5") == sorted(
        ["a.jfif", "b.JPE", "c.png", "d.webp", "e", "f.JPG", "g.txt", "h.tif"]
        + [f"p{i}.png" for i in range(6)])


def test_other_kinds_are_counted_and_named(bifrons, folder):
    for name in ("x.webp", "y.webp"):
        save(folder / name, picture(1), format="WEBP")
    save(folder / "really.jpg", picture(2), format="WEBP")
    save(folder / "scan.tif", picture(3), format="TIFF")
    save(folder / "old.gif", picture(4)[..., 0], format="GIF")
    (folder / "phone.heic").write_bytes(HEIC)
    (folder / "phone.avif").write_bytes(AVIF)
    (folder / "film.mp4").write_bytes(MP4)
    (folder / "page.jpg").write_text("<!DOCTYPE html><html>404</html>")
    (folder / "notes.txt").write_text("notes")
    (folder / "p0.json").write_text("{}")
    result = pack(bifrons, folder, "-o", "a.h5")
    told(result, "warning", "3 WebP pictures left out", "save them as JPEG or PNG", "x.webp",
         "y.webp", "really.jpg")
    told(result, "warning", "1 TIFF picture left out", "save it as JPEG or PNG", "scan.tif")
    told(result, "1 GIF picture", "old.gif")
    told(result, "1 HEIC picture", "phone.heic")
    told(result, "1 AVIF picture", "phone.avif")
    told(result, "1 MP4 video", "film.mp4")
    told(result, "page.jpg", "web page", "left out")
    assert "warning" not in told(result, "2 other files are not used", "notes.txt", "p0.json")
    told(result, "6 pictures of ada", "8 left out")
    again = pack(bifrons, folder, "-o", "a.h5")  # found current, and still said
    told(again, "2 WebP pictures left out")


def test_many_of_a_kind_are_one_line(bifrons, folder):
    for i in range(40):
        (folder / f"h{i:02}.heic").write_bytes(HEIC)
    line = told(pack(bifrons, folder, "-o", "a.h5"), "40 HEIC pictures left out")
    assert "h04.heic and 35 more" in line


def test_what_systems_leave_is_not_mentioned(bifrons, folder):
    for name in ("Thumbs.db", "thumbs.db", "desktop.ini", ".DS_Store", "._p0.png", ".trash.jpg"):
        (folder / name).write_bytes(b"\0\5\x16\7system")
    save(folder / "__MACOSX/p0.png", picture(1))
    save(folder / ".thumbnails/p0.png", picture(1))
    result = pack(bifrons, folder, "-o", "a.h5", "--strict")
    assert "warning" not in result.err and "not used" not in result.err
    told(result, "6 pictures of ada", "0 left out")


def test_folders_inside_are_named(bifrons, folder, tmp_path):
    save(folder / "older/2019/x.jpg", picture(1))
    save(folder / "older/y.jpg", picture(2))
    (folder / "texts").mkdir()
    told(pack(bifrons, folder, "-o", "a.h5"), "warning", "not packed", "older (2)")
    save(tmp_path / "people/anna/x.png", picture(1))
    result = pack(bifrons, "people", "-o", "b.h5", "--consent", "y", code=66)
    assert len(result.err.splitlines()) == 1 and "anna (1)" in result.err


def test_a_folder_of_other_kinds_says_so(bifrons, tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f/a.heic").write_bytes(HEIC)
    (tmp_path / "f/b.heic").write_bytes(HEIC)
    result = pack(bifrons, "f", "-o", "f.h5", "--consent", "y", code=66)
    assert len(result.err.splitlines()) == 1
    told(result, "no pictures in f", "2 HEIC pictures", "JPEG or PNG")
    (tmp_path / "f/c.mp4").write_bytes(MP4)
    (tmp_path / "f/d.mp3").write_bytes(MP3)
    told(pack(bifrons, "f", "-o", "f.h5", "--consent", "y", code=66), "2 HEIC pictures: save them as",
         "1 MP4 video: bifrons extract cuts faces out of it")
    for picture_file in (tmp_path / "f").glob("*.heic"):
        picture_file.unlink()
    result = pack(bifrons, "f", "-o", "f.h5", "--consent", "y", code=66)
    assert "1 MP4 video: bifrons extract cuts faces out of it" in result.err and "save" not in result.err
    assert "sound" not in result.err


@pytest.mark.parametrize("name", ["consent.txt", "person.txt"])
def test_texts_that_cannot_be_read_are_not_missing(bifrons, folder, name):
    (folder / "consent.txt").write_text("agreed")
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    told(pack(bifrons, folder, "-o", "a.h5", code=66), name, "it is a folder")
    (folder / name).rmdir()
    os.mkfifo(folder / name)
    told(pack(bifrons, folder, "-o", "a.h5", code=66), name, "it is a FIFO")


def test_copies_are_counted_and_named(bifrons, folder):
    for name in ("copy1.bmp", "copy2.png"):
        save(folder / name, picture(3))
    told(pack(bifrons, folder, "-o", "a.h5"), "warning", "2 of 8 pictures are copies",
         "copy2.png = copy1.bmp", "p3.png = copy1.bmp")


def test_the_sheet_of_a_set_is_no_picture(bifrons, folder):
    pack(bifrons, folder, "-o", folder / "a.h5")
    assert "left alone" in pack(bifrons, folder, "-o", folder / "a.h5").err


# ---- names of side data -------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_side_data_is_found_by_name_in_any_form_and_case(bifrons, tmp_path, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    faces = ["がぎ", "é", "한글", "plain", "Ångström"]
    lines = []
    for i, name in enumerate(faces):
        save(tmp_path / "f" / unicodedata.normalize(form, name + ".JPG"), picture(i), format="JPEG")
        there = unicodedata.normalize(other, name.upper())
        save(tmp_path / "f/Masks" / (there + ".PNG"), face_mask())
        save(tmp_path / "f/truth" / (there + ".jpg"), picture(i + 50))
        lines.append(unicodedata.normalize(other, name) + ".jpg,4,1,43,39,23,19,10,20,20,30")
    (tmp_path / "f/Landmarks.csv").write_text("\n".join(lines), encoding="utf-8")
    result = pack(bifrons, "f", "-o", "f.h5", "--consent", "y")
    assert "warning" not in result.err and "not used" not in result.err
    parts = stored(tmp_path / "f.h5")
    assert {"masks", "truth", "landmarks"} <= set(parts)
    assert parts["masks"].reshape(5, -1).max(axis=1).min() == 255


def test_the_exact_name_goes_first(bifrons, tmp_path):
    for i, name in enumerate(("a", "A")):
        save(tmp_path / f"f/{name}.png", picture(i))
        save(tmp_path / f"f/masks/{name}.png", face_mask() if i else 255 - face_mask())
    result = pack(bifrons, "f", "-o", "f.h5", "--size", 40, "--consent", "y")
    assert "warning" not in result.err
    masks = dict(zip(names(tmp_path / "f.h5"), stored(tmp_path / "f.h5")["masks"]))
    assert masks["A.png"][15, 15] == 255 and masks["a.png"][15, 15] == 0


def test_what_fits_no_picture_is_counted_and_named(bifrons, folder):
    for i in range(6):
        save(folder / f"masks/p{i}.png", face_mask())
    for i in range(8):
        save(folder / f"masks/q{i}.png", face_mask())
    save(folder / "masks/p1.bmp", face_mask())
    save(folder / "truth/nobody.png", picture(1))
    (folder / "masks/p2.webp").write_bytes(b"RIFF....WEBPVP8 ")
    rows = [f"p{i},4,1,43,39,23,19,10,20,20,30" for i in (0, 1, 2, 3, 4, 5, 9, 1)]
    (folder / "landmarks.csv").write_text("\n".join(["name,x,y", *rows]))
    result = pack(bifrons, folder, "-o", "a.h5")
    told(result, "warning", "masks", "8 of 15 masks belong to no picture", "q0.png", "and 3 more")
    told(result, "warning", "another file of the same name", "p1.bmp")
    told(result, "warning", "1 WebP picture", "p2.webp")
    told(result, "warning", "1 of 1 true swaps belongs to no picture", "nobody.png")
    told(result, "warning", "1 of 8 rows belongs to no picture", "p9 (line 8)")
    told(result, "warning", "1 row is not used", "p1 (line 9)")
    told(result, "6 pictures of ada", "0 left out")


def test_one_mask_of_two_pictures_is_named(bifrons, folder):
    save(folder / "p0.bmp", picture(70))
    for i in range(6):
        save(folder / f"masks/p{i}.png", face_mask())
    told(pack(bifrons, folder, "-o", "a.h5"), "warning", "1 serves several pictures", "p0.png")


# ---- values of side data ------------------------------------------------------------------------

@pytest.mark.parametrize("value", [1, 100, 200])
def test_masks_of_two_values_are_read_as_black_and_white(bifrons, folder, tmp_path, value):
    for i in range(6):
        save(folder / f"masks/p{i}.png", face_mask(value))
    told(pack(bifrons, folder, "-o", "a.h5", "--size", 20), "warning",
         f"only the values 0 and {value}", "read as 0 and 255", "6 of 6 masks")
    masks = stored(tmp_path / "a.h5")["masks"]
    assert set(numpy.unique(masks)) == {0, 255} and (masks[3][5:10, 5:15] == 255).all()


def test_odd_masks_are_counted_and_named(bifrons, folder, tmp_path):
    for i in range(6):
        save(folder / f"masks/p{i}.png", face_mask())
    save(folder / "masks/p1.png", face_mask(0))
    save(folder / "masks/p2.png", face_mask(0) + 255)
    save(folder / "masks/p3.png", face_mask(60))
    save(folder / "masks/p4.png", numpy.dstack([face_mask(), face_mask(0), face_mask(0)]))
    result = pack(bifrons, folder, "-o", "a.h5", "--size", 40)
    told(result, "warning", "black all over", "1 of 6 masks", "p1.png")
    told(result, "warning", "white all over", "1 of 6 masks", "p2.png")
    told(result, "warning", "no value above 127", "1 of 6 masks", "p3.png")
    told(result, "warning", "coloured", "1 of 6 masks", "p4.png")
    masks = stored(tmp_path / "a.h5")["masks"]
    assert masks[0].max() == 255 and masks[3].max() == 60  # among others it is as it was


def test_masks_that_mark_nothing_are_left_out(bifrons, folder, tmp_path):
    for i in range(6):
        save(folder / f"masks/p{i}.png", face_mask(0))
    told(pack(bifrons, folder, "-o", "a.h5"), "warning", "black all over", "6 of 6 masks")
    assert "masks" not in stored(tmp_path / "a.h5")


def test_missing_side_data_is_counted_with_its_reason(bifrons, folder):
    for i in (0, 1, 2, 4):
        save(folder / f"masks/p{i}.png", face_mask())
    for i in range(6):
        save(folder / f"truth/p{i}.png", picture(i, 30, 30))
    result = pack(bifrons, folder, "-o", "a.h5")
    told(result, "2 of 6 pictures have no usable mask (p3.png, p5.png; the first: no mask)",
         "packed without masks")
    told(result, "no true swap of the picture's size", "48 x 40", "30 x 30", "6 of 6")


def test_a_mask_that_cannot_be_read_is_named_with_its_reason(bifrons, folder):
    for i in range(6):
        save(folder / f"masks/p{i}.png", face_mask())
    (folder / "masks/p2.png").write_text("no picture")
    told(pack(bifrons, folder, "-o", "a.h5"), "p2.png: no mask that can be read", "masks/p2.png",
         "neither JPEG, PNG nor BMP")


def test_an_output_that_may_not_be_read_is_no_damaged_set(bifrons, folder, tmp_path):
    pack(bifrons, folder, "-o", "a.h5")
    (tmp_path / "a.h5").chmod(0)
    done = subprocess.run([PROGRAM, "pack", folder, "-o", "a.h5"], cwd=tmp_path, text=True,
                          capture_output=True, timeout=120, preexec_fn=obey_permissions)
    assert done.returncode == 66 and "a.h5: Permission denied" in done.stderr, done.stderr


# ---- landmarks ----------------------------------------------------------------------------------

POINTS = [[4, 1], [43, 39], [23, 19], [10, 20], [20, 30]]
ROW = "4,1,43,39,23,19,10,20,20,30"


@pytest.mark.parametrize("start, end, quote", [
    ("", "\n", ""), ("name,left_eye_x,left_eye_y\n", "\n", ""), ("\ufeff", "\r\n", ""),
    ("\ufefffile,x\r\n", "\r\n", '"'), ("name\r", "\r", ""), ("", "\n", '"')])
def test_landmarks_are_read_with_and_without_a_header(bifrons, folder, tmp_path, start, end, quote):
    rows = "".join(f"{quote}photos/p{i}.png{quote},{ROW}{end}" for i in range(6))
    (folder / "landmarks.csv").write_bytes((start + rows).encode())
    result = pack(bifrons, folder, "-o", "a.h5", "--size", 40)
    assert "warning" not in result.err
    got = stored(tmp_path / "a.h5")["landmarks"]
    assert len(got) == 6 and numpy.allclose(got, numpy.array(POINTS) - [4, 0])


@pytest.mark.parametrize("line, reason", [
    ("p1,4,1,43,39", "4 numbers"), (f"p1,1,{ROW}", "11 numbers"), ("p1", "0 numbers"),
    ("p1,4,1,43,39,abc,19,10,20,20,30", '"abc" is not a number'),
    ("p1,nan,1,43,39,23,19,10,20,20,30", '"nan" is not a number'),
    ("p1,,,,,,,,,,", "0 numbers"), (f",{ROW}", "name is missing")])
def test_bad_landmarks_are_told_by_line(bifrons, folder, line, reason):
    (folder / "landmarks.csv").write_text(f"p0,{ROW}\n{line}\n")
    result = pack(bifrons, folder, "-o", "a.h5", code=65)
    told(result, "landmarks.csv:2:", reason, "a name and 10 numbers")


def test_a_first_line_that_is_no_header_is_not_taken_for_one(bifrons, folder):
    (folder / "landmarks.csv").write_text(f"p0,1,2,3\np1,{ROW}\n")
    told(pack(bifrons, folder, "-o", "a.h5", code=65), "landmarks.csv:1:", "3 numbers")


@pytest.mark.parametrize("line", [b"\xff" * 70000 + b"," + ROW.encode(), b"p1" + b",1" * 40000])
def test_long_lines_are_refused(bifrons, folder, line):
    (folder / "landmarks.csv").write_bytes(f"p0,{ROW}\n".encode() + line)
    told(pack(bifrons, folder, "-o", "a.h5", code=65), "landmarks.csv:2:", f"{len(line)} bytes",
         "at most 65536")


def test_landmarks_in_another_encoding_are_refused(bifrons, folder):
    (folder / "landmarks.csv").write_text(f"p0,{ROW}\n", encoding="utf-16")
    told(pack(bifrons, folder, "-o", "a.h5", code=65), "landmarks.csv", "UTF-8")


def test_odd_landmarks_are_counted_and_named(bifrons, folder):
    rows = [f"p{i},{ROW}" for i in range(6)]
    rows[2] = "p2,4,1,43,39,23,19,10,20,20,99"
    (folder / "landmarks.csv").write_text("\n".join(rows))
    told(pack(bifrons, folder, "-o", "a.h5"), "warning", "landmarks of 1 picture lie outside",
         "p2.png (line 3)")
    rows[3] = "p3" + 10 * ",0"
    (folder / "landmarks.csv").write_text("\n".join(rows))
    result = pack(bifrons, folder, "-o", "a.h5")
    told(result, "1 row is not used, because all points are at one place", "p3 (line 4)")
    told(result, "p3.png: no row in landmarks.csv", "without landmarks")


def test_landmarks_as_shares_are_read_as_such(bifrons, folder, tmp_path):
    shares = ",".join(f"{(v + 0.5) / (48, 40)[k]}" for point in POINTS for k, v in enumerate(point))
    (folder / "landmarks.csv").write_text("".join(f"p{i},{shares}\n" for i in range(6)))
    told(pack(bifrons, folder, "-o", "a.h5", "--size", 40), "warning", "shares")
    assert numpy.allclose(stored(tmp_path / "a.h5")["landmarks"], numpy.array(POINTS) - [4, 0],
                          atol=1e-4)
