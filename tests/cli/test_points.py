"""Points of faces, from the outside: sets that hold them, folders that bring them, and what is wrong with them."""
import h5py
import numpy
import pytest

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
    (faces()[:, :68], "float32 (4, 68, 2), and float32 (4, 70, 2) is wanted"),
    (faces(3), "float32 (3, 70, 2), and float32 (4, 70, 2) is wanted"),
    (faces().reshape(N, 140), "float32 (4, 140), and float32 (4, 70, 2) is wanted"),
    (faces().astype("float64"), "float64 (4, 70, 2), and float32 (4, 70, 2) is wanted"),
    (faces().astype("int32"), "int32 (4, 70, 2), and float32 (4, 70, 2) is wanted"),
    (numpy.zeros((N, 70, 2), "S4"), "of another type (4, 70, 2), and float32 (4, 70, 2) is wanted"),
    (numpy.zeros((N, 1, 70, 2, 1), "float32"), "float32 (4, 70, 2) is wanted")])
def test_another_shape_or_type_is_named(bifrons, tmp_path, points, told):
    write_set(tmp_path / "a.h5", points)
    result = inspect(bifrons, "a.h5", code=65)
    assert "a.h5: dataset /points is " in result.err and told in result.err and len(result.err.splitlines()) == 1


@pytest.mark.parametrize("value, told", [
    (numpy.inf, "x of point 43 (eye) is infinite"), (-numpy.inf, "a point that is not known is NaN"),
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
