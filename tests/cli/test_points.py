"""Points of faces, from the outside: sets that hold them, folders that bring them, and what is wrong with them."""
import json

import h5py
import numpy
import PIL.Image
import pytest

from conftest import picture, save

N, SIZE = 4, 64
# A face of 64 px: where each of the 70 points lies.
EYE = numpy.array([[14, 28], [18, 26], [22, 26], [26, 28], [22, 30], [18, 30]], float)
ARC = numpy.linspace(0, numpy.pi, 17)
FACE = numpy.concatenate([
    numpy.stack([31.5 - 26 * numpy.cos(ARC), 28 + 30 * numpy.sin(ARC)], 1),
    [[12 + 4 * i, 20 - i % 3] for i in range(5)], [[35 + 4 * i, 19 - i % 3] for i in range(5)],
    [[31.5, 28 + 4 * i] for i in range(4)], [[27.5 + 2 * i, 42] for i in range(5)],
    EYE, [63, 0] + [-1, 1] * EYE[[3, 2, 1, 0, 5, 4]],
    [[31.5 - 10 * numpy.cos(a), 50 - 4 * numpy.sin(a)] for a in numpy.arange(12) * numpy.pi / 6],
    [[31.5 - 8 * numpy.cos(a), 50 - 2 * numpy.sin(a)] for a in numpy.arange(8) * numpy.pi / 4],
    [[20, 28], [43, 28]]]).astype("float32")
FIVE = numpy.array([EYE.mean(0), [63, 0] + [-1, 1] * EYE.mean(0), [31.5, 40], [21.5, 50], [41.5, 50]], "float32")


def write_set(path, points=None, landmarks=None, **more):
    """A set as h5py makes one, of no more than it must have; chunked and compressed datasets in `more`."""
    random = numpy.random.default_rng(1)
    with h5py.File(path, "w") as f:
        f.attrs.update(format="bifrons-faces", format_version=1, person="Ada", consent="drawn")
        f["images"] = random.integers(0, 255, (N, SIZE, SIZE, 3), "uint8")
        f["names"] = [f"p{i}.png" for i in range(N)]
        for name, data in (("points", points), ("landmarks", landmarks)):
            if data is not None:
                f.create_dataset(name, data=data, **more)


def faces(n=N):
    return numpy.stack([FACE] * n)


def inspect(bifrons, path, *options, code=0):
    result = bifrons("inspect", path, *options)
    assert result.code == code, result.err
    return result


# ---- sets ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("more", [{}, {"chunks": (1, 70, 2), "compression": "gzip"}])
def test_a_set_made_by_h5py_is_taken(bifrons, tmp_path, more):
    write_set(tmp_path / "a.h5", faces(), **more)
    assert "images, names, points" in inspect(bifrons, "a.h5").out
    write_set(tmp_path / "a.h5", faces().astype(">f4"))
    assert "images, names, points" in inspect(bifrons, "a.h5", "--verify").out
    write_set(tmp_path / "a.h5", numpy.full_like(faces(), numpy.nan))
    assert "images, names, points" in inspect(bifrons, "a.h5").out
    write_set(tmp_path / "a.h5", faces(), numpy.stack([FIVE] * N))
    assert "images, names, landmarks, points" in inspect(bifrons, "a.h5").out


@pytest.mark.parametrize("points, told", [
    (faces()[:, :68], "float32 (4, 68, 2), not float32 (4, 70, 2)"),
    (faces(3), "float32 (3, 70, 2), not float32 (4, 70, 2)"),
    (faces().reshape(N, 140), "float32 (4, 140), not float32 (4, 70, 2)"),
    (faces().astype("float64"), "float64 (4, 70, 2), not float32 (4, 70, 2)"),
    (faces().astype("int32"), "int32 (4, 70, 2), not float32 (4, 70, 2)"),
    (numpy.zeros((N, 70, 2), "S4"), "string (4, 70, 2), not float32 (4, 70, 2)"),
    (numpy.zeros((N, 1, 70, 2, 1), "float32"), "not float32 (4, 70, 2)")])
def test_another_shape_or_type_is_named(bifrons, tmp_path, points, told):
    write_set(tmp_path / "a.h5", points)
    result = inspect(bifrons, "a.h5", code=65)
    assert "a.h5: dataset /points is " in result.err and told in result.err and len(result.err.splitlines()) == 1


@pytest.mark.parametrize("value, told", [
    (numpy.inf, "x of point 43 (eye) is infinite"), (-numpy.inf, "write NaN for a point that is not known"),
    (1e9, "x of point 43 (eye) is 1e+09"), (600, "from -512 to 576")])
def test_values_that_are_no_places_name_the_picture(bifrons, tmp_path, value, told):
    points = faces()
    points[2, 43, 0] = value
    write_set(tmp_path / "a.h5", points, chunks=(1, 70, 2))
    result = inspect(bifrons, "a.h5", code=65)
    assert "a.h5: row 2 (p2.png): " in result.err and told in result.err


def test_landmarks_that_do_not_agree_name_the_picture(bifrons, tmp_path):
    landmarks = numpy.stack([FIVE] * N)
    landmarks[1, 3:] = landmarks[1, :2:-1]  # the mouth's ends exchanged
    write_set(tmp_path / "a.h5", faces(), landmarks)
    result = inspect(bifrons, "a.h5", code=65)
    assert "row 1 (p1.png): /landmarks has the left mouth end at (41.5, 50.0), /points at (21.5, 50.0)" in result.err
    assert "leave /landmarks out" in result.err


def test_damaged_points_are_refused(bifrons, tmp_path):
    write_set(tmp_path / "a.h5", numpy.random.default_rng(1).normal(32, 9, (N, 70, 2)).astype("float32"),
              chunks=(1, 70, 2), compression="gzip")
    with h5py.File(tmp_path / "a.h5") as f:
        chunk = f["points"].id.get_chunk_info(2)
    data = bytearray((tmp_path / "a.h5").read_bytes())
    data[chunk.byte_offset:chunk.byte_offset + chunk.size] = b"\0" * chunk.size
    (tmp_path / "a.h5").write_bytes(data)
    assert "/points cannot be read: the file is damaged" in inspect(bifrons, "a.h5", code=65).err


# ---- folders ------------------------------------------------------------------------------------

LEFT = 8  # what is cut off the pictures, 80 x 64, on either side


@pytest.fixture
def folder(tmp_path):
    for i in range(N):
        save(tmp_path / "ada" / f"p{i}.png", picture(i, SIZE + 2 * LEFT, SIZE))
    (tmp_path / "ada/consent.txt").write_text("Ada agreed on 2026-01-31\n")
    return tmp_path / "ada"


def number(value):
    return "" if numpy.isnan(value) else f"{value:.6g}"


def row(name, points=FACE + [LEFT, 0]):
    return ",".join([name, *(number(v) for v in numpy.ravel(points))])


def write_csv(folder, *rows, header="name,x0,y0", name="points.csv"):
    (folder / name).write_text("\n".join([header, *rows]) + "\n")


def pack(bifrons, *arguments, code=0):
    result = bifrons("pack", "ada", "-o", "a.h5", "--size", SIZE, *arguments)
    assert result.code == code, result.err
    return result


def told(result, *words):
    """The one line that says all of this."""
    lines = [line for line in result.err.splitlines() if all(word in line for word in words)]
    assert len(lines) == 1, (words, result.err)


def stored(tmp_path, part="points"):
    with h5py.File(tmp_path / "a.h5") as f:
        return f[part][...] if part in f else None


def without(points, *which):
    points = points.copy()
    points[list(which)] = numpy.nan
    return points


def test_points_go_along_with_the_picture(bifrons, folder, tmp_path):
    write_csv(folder, *(row(f"p{i}", FACE + [LEFT + i / 2, -i]) for i in range(N)))
    result = bifrons("pack", "ada", "-o", "a.h5", "--size", 32)
    assert result.code == 0 and "warning" not in result.err, result.err
    got = stored(tmp_path)
    assert got.dtype == "float32" and got.shape == (N, 70, 2)
    wanted = numpy.stack([FACE + [i / 2, -i] for i in range(N)])
    assert numpy.allclose(got, (wanted + 0.5) / 2 - 0.5, atol=1e-4)
    assert stored(tmp_path, "landmarks") is None
    result = bifrons("pack", "ada", "-o", "a.h5", "--size", 32)
    assert "already" in result.err
    write_csv(folder, *(row(f"p{i}", FACE + [LEFT + i, -i]) for i in range(N)))
    assert "already" not in bifrons("pack", "ada", "-o", "a.h5", "--size", 32).err
    assert numpy.allclose(stored(tmp_path)[3, 0], (FACE[0] + [3, -3] + 0.5) / 2 - 0.5, atol=1e-4)


@pytest.mark.parametrize("quarter", [6, 8, 3])  # EXIF: turned by 90, 270, 180 degrees
def test_points_are_those_of_the_upright_picture(bifrons, folder, tmp_path, quarter):
    turn = {6: PIL.Image.Transpose.ROTATE_90, 8: PIL.Image.Transpose.ROTATE_270, 3: PIL.Image.Transpose.ROTATE_180}
    for i in range(N):
        image = PIL.Image.fromarray(picture(i, SIZE + 2 * LEFT, SIZE)).transpose(turn[quarter])
        exif = PIL.Image.Exif()
        exif[0x112] = quarter
        image.save(folder / f"p{i}.png", exif=exif)
    write_csv(folder, *(row(f"p{i}") for i in range(N)))
    pack(bifrons)
    assert numpy.allclose(stored(tmp_path), faces(), atol=1e-4)


def test_points_as_shares_are_read_as_such(bifrons, folder, tmp_path):
    shares = (FACE + [LEFT, 0] + 0.5) / [SIZE + 2 * LEFT, SIZE]
    write_csv(folder, *(row(f"p{i}", without(shares, 5)) for i in range(N)))
    told(pack(bifrons), "points.csv", "shares")
    assert numpy.allclose(stored(tmp_path), without(FACE, 5), atol=1e-3, equal_nan=True)


def test_what_is_not_known_is_nan(bifrons, folder, tmp_path):
    half = without(FACE + [LEFT, 0], 68, 69)
    half[69, 0] = 40
    write_csv(folder, row("p0", without(FACE + [LEFT, 0], *range(17), 69)),
              row("p1", without(FACE, *range(70))), row("p2", half).replace(",,", ",NaN,"))
    result = pack(bifrons)
    told(result, "1 row has points with only one of x and y", "p2 (line 4)")
    told(result, "1 of 4 pictures has no usable row in points.csv", "p3.png")
    got = stored(tmp_path)
    assert numpy.isfinite(got).all(2).sum(1).tolist() == [52, 0, 68, 0]
    assert (numpy.isnan(got[..., 0]) == numpy.isnan(got[..., 1])).all()


@pytest.mark.parametrize("first", ["p0" + 140 * ",", "p0" + 140 * ",nan"])
def test_pictures_of_which_nothing_is_known_give_a_set_without_points(bifrons, folder, tmp_path, first):
    write_csv(folder, *(f"p{i}{140 * ','}" for i in range(1, N)), header=first)
    told(pack(bifrons), "points.csv has no usable point", "without points")
    assert stored(tmp_path) is None


@pytest.mark.parametrize("line, reason", [
    (row("p1", FACE[:68]), "136 numbers"), (row("p1") + ",7,7", "142 numbers"), ("p1,1,2", "2 numbers"),
    (row("p1")[:-3] + ",abc", '"abc" is not a number'),
    (row("p1")[:-3] + ",inf", '"inf" is not a number'), (row(""), "name is missing")])
def test_mistakes_are_told_by_line(bifrons, folder, line, reason):
    write_csv(folder, row("p0"), line)
    told(pack(bifrons, code=65), "points.csv:3:", reason, "a name and 140 numbers", "leave a number empty")


def test_rows_of_no_picture_are_counted_and_named(bifrons, folder, tmp_path):
    write_csv(folder, *(row(f"P{i}.PNG") for i in range(N)), row("p7"), row("p1"))
    result = pack(bifrons)
    told(result, "points.csv", "1 of 6 rows belongs to no picture: p7 (line 6)")
    told(result, "1 row is not used, because an earlier or more exact row", "p1 (line 7)")
    assert numpy.isfinite(stored(tmp_path)).all()


def test_a_list_without_rows_is_told(bifrons, folder, tmp_path):
    write_csv(folder)
    told(pack(bifrons), "warning", "points.csv: it has no rows")
    assert stored(tmp_path) is None


def exchanged(points):
    """Left and right by the person, as one might think of them: the same places, named the other way."""
    mirrored = points.copy()
    mirrored[36:42], mirrored[42:48] = points[[45, 44, 43, 42, 47, 46]], points[[39, 38, 37, 36, 41, 40]]
    return mirrored


def test_left_and_right_exchanged_are_found(bifrons, folder, tmp_path):
    wrong = exchanged(FACE) + [LEFT, 0]
    write_csv(folder, *(row(f"p{i}", wrong) for i in range(N)))
    told(pack(bifrons, code=65), "points.csv:2: left and right eyes are exchanged, as in 4 of 4 rows",
         "the picture's left", "36 to 41")
    write_csv(folder, *(row(f"p{i}", FACE[[*range(68), 69, 68]] + [LEFT, 0]) for i in range(N)))
    told(pack(bifrons, code=65), "points.csv:2: left and right pupils are exchanged")
    write_csv(folder, *(row(f"p{i}", [LEFT, 63] + FACE * [1, -1]) for i in range(N)))
    told(pack(bifrons, code=65), "points.csv:2: the mouth lies above the eyes", "from the upper edge")
    write_csv(folder, row("p0"), row("p1", wrong), row("p2"), row("p3"))
    result = pack(bifrons)
    told(result, "1 row is not used, because left and right are exchanged in it: p1 (line 3)")
    assert numpy.isfinite(stored(tmp_path)).all((1, 2)).tolist() == [True, False, True, True]


def test_points_outside_of_the_picture_are_named(bifrons, folder, tmp_path):
    far = FACE + [LEFT, 0]
    far[8] = [40, 900]
    near = FACE + [LEFT, 0]
    near[8] = [40, 70]
    write_csv(folder, row("p0"), row("p1", near), row("p2", far), row("p3"))
    result = pack(bifrons)
    told(result, "points of 2 pictures lie outside of the picture", "p1.png (line 3), p2.png (line 4)")
    told(result, "points of 1 picture lie more than 8 times the picture's side outside of it", "p2.png (line 4)")
    got = stored(tmp_path)
    assert numpy.allclose(got[1, 8], [32, 70]) and numpy.isnan(got[2, 8]).all()
    assert numpy.isfinite(got).all(2).sum() == 4 * 70 - 1


def test_points_and_landmarks_must_agree(bifrons, folder, tmp_path):
    write_csv(folder, *(row(f"p{i}") for i in range(N)))
    write_csv(folder, *(row(f"p{i}", FIVE + [LEFT + 1, 0]) for i in range(N)), name="landmarks.csv")
    assert "warning" not in pack(bifrons).err
    assert numpy.allclose(stored(tmp_path, "landmarks"), FIVE + [1, 0])
    write_csv(folder, *(row(f"p{i}", FIVE + [LEFT + 9 * (i == 2), 0]) for i in range(N)), name="landmarks.csv")
    told(pack(bifrons, code=65), "p2.png: the left eye of landmarks.csv (line 4) and of points.csv (line 4) lie 9.0",
         "correct one of the two")
    assert numpy.allclose(stored(tmp_path, "landmarks"), FIVE + [1, 0])  # the set that was there


# ---- what is shown ------------------------------------------------------------------------------

def test_inspect_tells_how_many_points_are_known(bifrons, tmp_path):
    write_set(tmp_path / "a.h5", faces())
    assert "70 of 70 known in each picture\n" in inspect(bifrons, "a.h5").out
    points = faces()
    points[1] = numpy.nan
    points[2, :60, 0] = numpy.nan
    points[3, 5] = [-1, 20]
    write_set(tmp_path / "a.h5", points)
    assert "0 to 70 of 70 known a picture, 37.5 on average; none in 1 of 4 pictures; 1 outside of the picture\n" \
        in inspect(bifrons, "a.h5").out
    shown = json.loads(inspect(bifrons, "a.h5", "--json").out)
    assert shown["points"] == {"least": 0, "most": 70, "mean": 37.5, "without": 1, "outside": 1}
    write_set(tmp_path / "a.h5")
    assert "points" not in inspect(bifrons, "a.h5").out
    assert json.loads(inspect(bifrons, "a.h5", "--json").out)["points"] is None


def test_the_sheet_shows_points_where_they_are(bifrons, tmp_path):
    points = numpy.full_like(faces(), numpy.nan)
    points[0, [36, 45, 30]] = [[10, 20], [50, 20], [31, 40]]
    points[0, 8] = [31, 70]  # outside
    write_set(tmp_path / "a.h5", points)
    inspect(bifrons, "a.h5", "--sheet", "with.png", "--points")
    inspect(bifrons, "a.h5", "--sheet", "small.png")
    write_set(tmp_path / "b.h5", numpy.full_like(points, numpy.nan))
    inspect(bifrons, "b.h5", "--sheet", "bare.png", "--points")
    drawn, bare = (numpy.asarray(PIL.Image.open(tmp_path / name)).astype(int) for name in ("with.png", "bare.png"))
    assert drawn.shape == bare.shape and drawn.shape[1] > 700
    assert numpy.asarray(PIL.Image.open(tmp_path / "small.png")).shape != drawn.shape
    changed = numpy.argwhere(numpy.abs(drawn - bare).sum(2) > 0) - [28, 4]  # caption, gap
    for x, y in ((10, 20), (50, 20), (31, 40)):
        centre = numpy.array([(y + .5) * 3, (x + .5) * 3])
        near = changed[numpy.abs(changed - centre).max(1) < 4]
        assert abs(near.mean(0) - centre).max() < 1
        changed = changed[numpy.abs(changed - centre).max(1) >= 4]
    assert len(changed) == 0
    blue, red, yellow = (drawn[28 + int((y + .5) * 3), 4 + int((x + .5) * 3)] for x, y in ((10, 20), (50, 20), (31, 40)))
    assert blue.argmax() == 2 and red.argmax() == 0 and yellow.argmin() == 2


def test_points_of_the_sheet_need_a_sheet_and_points(bifrons, tmp_path):
    write_set(tmp_path / "a.h5")
    assert "--points needs --sheet" in inspect(bifrons, "a.h5", "--points", code=64).err
    result = inspect(bifrons, "a.h5", "--sheet", "s.png", "--points", code=65)
    assert "a.h5 has no points" in result.err and not (tmp_path / "s.png").exists()
