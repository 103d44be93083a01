"""What sets know of each face beside its points: pose, identity, source and time."""
import h5py
import numpy
import pytest

from conftest import picture, save

N, SIZE = 4, 32
POSE = numpy.array([[-30, 5, 1], [0, 0, 0], [20, -10, 2], [numpy.nan, 1, 1]], "float32")
RANDOM = numpy.random.default_rng(1)
IDENTITY = RANDOM.normal(0, .1, (N, 128)).astype("float32")


def write_set(path, person="Ada", **parts):
    """A set as h5py makes one."""
    with h5py.File(path, "w") as f:
        f.attrs.update(format="bifrons-faces", format_version=1, person=person, consent="drawn")
        f["images"] = numpy.stack([picture(i, SIZE, SIZE) for i in range(N)])
        f["names"] = [f"p{i}.png" for i in range(N)]
        for name, data in parts.items():
            f[name] = data


def run(bifrons, *arguments, code=0):
    result = bifrons(*arguments)
    assert result.code == code, result.err
    return result


# ---- sets ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("part, data, told", [
    ("pose", POSE[:, :2], "/pose is float32 (4, 2), not float32 (4, 3)"),
    ("pose", POSE.astype("float64"), "/pose is float64 (4, 3), not float32 (4, 3)"),
    ("pose", POSE[:3], "/pose is float32 (3, 3), not float32 (4, 3)"),
    ("identity", IDENTITY[:, :64], "/identity is float32 (4, 64), not float32 (4, 128)"),
    ("identity", IDENTITY.astype("int32"), "/identity is int32 (4, 128), not float32 (4, 128)"),
    ("time", numpy.zeros(N, "float32"), "/time is float32 (4), not float64 (4)"),
    ("source", numpy.zeros(N), "/source is float64 (4), not string (4)"),
    ("source", ["a.mp4"], "/source is string (1), not string (4)"),
    ("pose", POSE + [0, 0, 400], "row 0 (p0.png): number 2 of /pose is 401; it must be from -180 to 180 degrees"),
    ("identity", IDENTITY / [[1], [1], [0], [1]], "row 2 (p2.png): number 0 of /identity is "),
    ("time", numpy.array([0, 1, numpy.inf, 2]), "row 2 (p2.png): number 0 of /time is inf"),
])
def test_what_is_not_of_the_format_is_refused_by_name(bifrons, tmp_path, part, data, told):
    if isinstance(data, numpy.ndarray) and data.dtype == "float64" and "must" in told:
        data = data.astype("float32")
    with numpy.errstate(all="ignore"):
        write_set(tmp_path / "a.h5", **{part: data.astype("float32") if "number 0 of /identity" in told else data})
    assert told in run(bifrons, "inspect", "a.h5", code=65).err


# ---- folders -------------------------------------------------------------------------------------

HEADER = "name,source,score,yaw,pitch,roll,time,verdict"


def row(i, **changes):
    fields = {"name": f"p{i}.png", "source": f'"in, the ""park""/{i}.jpg"', "score": "0.9", "yaw": f"{10 * i}.5",
              "pitch": "-2", "roll": "0", "time": f"{i}.25", "verdict": "kept", **changes}
    return ",".join(fields.values())


@pytest.fixture
def folder(tmp_path):
    for i in range(N):
        save(tmp_path / "ada" / f"p{i}.png", picture(i, SIZE, SIZE))
    (tmp_path / "ada/consent.txt").write_text("Ada agreed on 2026-01-31\n")
    return tmp_path / "ada"


def identity_row(i, n=128):
    return ",".join([f"p{i}.png", *(f"{x:.6g}" for x in IDENTITY[i, :n])])


def write(folder, name, *lines):
    (folder / name).write_text("\r\n".join(lines) + "\r\n")


def pack(bifrons, *more, code=0):
    return run(bifrons, "pack", "ada", "-o", "a.h5", "--size", 32, "--no-sheet", *more, code=code)


def stored(tmp_path):
    with h5py.File(tmp_path / "a.h5") as f:
        return {name: f[name][...] for name in ("pose", "identity", "source", "time") if name in f}


def test_pack_fills_them_from_the_folder_of_extract(bifrons, folder, tmp_path):
    write(folder, "faces.csv", HEADER, ',"away.jpg",,,,,,no face', row(0), row(3, yaw="", time=""),
          row(2, name="unsure/p2.png"), row(7), row(0, yaw="1"))
    write(folder, "identity.csv", "name,i0", identity_row(0), identity_row(3))
    said = pack(bifrons).err
    assert "1 of 5 rows belongs to pictures that are no longer here: p7.png" in said
    assert "1 row is not used, because an earlier row names the same picture: p0.png" in said
    assert "faces.csv: 1 of 4 pictures has no row" in said and "identity.csv: 2 of 4 pictures have no row" in said
    got, nan = stored(tmp_path), numpy.nan
    assert [got[name].dtype for name in ("pose", "identity", "time")] == ["float32", "float32", "float64"]
    numpy.testing.assert_array_equal(got["pose"], [[.5, -2, 0], [nan] * 3, [20.5, -2, 0], [nan, -2, 0]])
    numpy.testing.assert_array_equal(got["time"], [.25, nan, 2.25, nan])
    numpy.testing.assert_allclose(got["identity"][[0, 3]], IDENTITY[[0, 3]], rtol=1e-5)
    assert numpy.isnan(got["identity"][1:3]).all()
    assert got["source"].tolist() == [b'in, the "park"/0.jpg', b"", b'in, the "park"/2.jpg', b'in, the "park"/3.jpg']
    assert "matrix, pose, identity, source, time\n" in run(bifrons, "inspect", "a.h5").out
    assert "already" in pack(bifrons).err
    write(folder, "faces.csv", HEADER, *(row(i, yaw="3") for i in range(N)))
    assert "already" not in pack(bifrons).err and (stored(tmp_path)["pose"][:, 0] == 3).all()


def test_identity_is_left_out_on_request(bifrons, folder, tmp_path):
    write(folder, "identity.csv", "name,i0", *(identity_row(i) for i in range(N)))
    pack(bifrons)
    assert list(stored(tmp_path)) == ["identity"]
    assert "identity.csv: not used, because of --no-identity" in pack(bifrons, "--no-identity").err
    assert not stored(tmp_path)


def test_a_list_of_other_pictures_or_of_another_program_is_told(bifrons, folder, tmp_path):
    write(folder, "faces.csv", HEADER, row(7), row(8))
    write(folder, "identity.csv", "face;number")
    said = pack(bifrons).err
    assert "faces.csv: none of its 2 rows belongs to a picture of this folder, so it is not used: p7.png, p8.png" in said
    assert 'identity.csv: not used: its first line does not begin with the column "name"' in said
    assert not stored(tmp_path)


@pytest.mark.parametrize("name, line, told", [
    ("faces.csv", row(1, yaw="12x"), 'faces.csv:3: yaw is "12x"; write a number from -180 to 180 (degrees)'),
    ("faces.csv", row(1, roll="999"), 'faces.csv:3: roll is "999"'),
    ("faces.csv", row(1, time="inf"), 'faces.csv:3: time is "inf"; write a number from -1e+09 to 1e+09 (seconds)'),
    ("faces.csv", "p1.png,x.jpg,0.9,1", "faces.csv:3: 4 fields; the first line has 8: is the file cut short?"),
    ("faces.csv", 'p1.png,"x.jpg,0.9', "faces.csv:3: a quote is opened and not closed"),
    ("identity.csv", identity_row(1, 127), "identity.csv:3: 127 numbers; write a name and 128 numbers"),
    ("identity.csv", identity_row(1)[:-3] + "e", 'identity.csv:3: number 127 is "'),
    ("identity.csv", identity_row(1) + ",0" * 200, "identity.csv:3: more than 256 fields"),
])
def test_torn_lists_name_the_line(bifrons, folder, name, line, told):
    write(folder, name, *((HEADER, row(0)) if name == "faces.csv" else ("name", identity_row(0))), line)
    assert told in pack(bifrons, code=65).err
    assert not (folder.parent / "a.h5").exists()
