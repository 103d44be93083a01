"""bifrons synth, from the outside: what it writes, and what it leaves alone."""
import csv
import hashlib
import json
import shutil

import h5py
import numpy
import PIL.Image
import pytest


@pytest.fixture(autouse=True)
def needs_cairo(bifrons, tmp_path_factory):
    probe = tmp_path_factory.mktemp("probe") / "out"
    if bifrons("synth", probe, "--count", 1, "--size", 64).code == 69:
        pytest.skip("built without cairo")


def synth(bifrons, *arguments, code=0):
    result = bifrons("synth", *arguments)
    assert result.code == code, result.err
    return result


def digest(folder):
    h = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        h.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return h.hexdigest()


def test_layout(bifrons, tmp_path):
    result = synth(bifrons, "faces", "--count", 3, "--size", 72, "--seed", 5)
    names = set()
    for person in ("person_a", "person_b"):
        folder = tmp_path / "faces" / person
        names.add((folder / "person.txt").read_text().strip())
        assert "nobody's likeness" in (folder / "consent.txt").read_text()
        for part in (folder, folder / "masks", folder / "truth"):
            assert sorted(p.name for p in part.glob("*.png")) == [f"{i:05d}.png" for i in range(3)]
            for path in part.glob("*.png"):
                assert PIL.Image.open(path).size == (72, 72)
        mask = numpy.asarray(PIL.Image.open(folder / "masks/00000.png").convert("RGB"))
        assert mask.min() == 0 and mask.max() == 255 and (mask[..., 0] == mask[..., 1]).all()
        rows = list(csv.DictReader((folder / "landmarks.csv").open()))
        assert [r["name"] for r in rows] == ["00000", "00001", "00002"]
        assert len({r["nose_x"] for r in rows}) == 3
        assert 0 < float(rows[0]["left_eye_x"]) < float(rows[0]["right_eye_x"]) < 72
        points = list(csv.reader((folder / "points.csv").open()))
        assert points[0] == ["name", *(f"{axis}{i}" for i in range(70) for axis in "xy")]
        assert [r[0] for r in points[1:]] == ["00000", "00001", "00002"] and {len(r) for r in points} == {141}
    assert len(names) == 2 and all(name in result.err for name in names)


def test_same_seed_gives_same_bytes_whatever_the_threads(bifrons, tmp_path):
    options = ["--count", 5, "--size", 64]
    synth(bifrons, "one", *options, "--threads", 1)
    synth(bifrons, "three", *options, "--threads", 3)
    synth(bifrons, "other", *options, "--seed", 2)
    assert digest(tmp_path / "one") == digest(tmp_path / "three")
    assert (tmp_path / "one/person_a/00000.png").read_bytes() != \
        (tmp_path / "other/person_a/00000.png").read_bytes()


def test_fewer_pictures_are_the_first_of_more(bifrons, tmp_path):
    synth(bifrons, "two", "--count", 2, "--size", 64)
    synth(bifrons, "four", "--count", 4, "--size", 64)
    for i in range(2):
        assert (tmp_path / f"two/person_b/0000{i}.png").read_bytes() == \
            (tmp_path / f"four/person_b/0000{i}.png").read_bytes()


def test_what_is_there_already_is_left_alone(bifrons, tmp_path):
    options = ["--count", 2, "--size", 64]
    synth(bifrons, "faces", *options)
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "faces").rglob("*")}
    assert "already" in synth(bifrons, "faces", *options).err
    assert times == {p: p.stat().st_mtime_ns for p in (tmp_path / "faces").rglob("*")}


def test_an_unfinished_output_is_drawn_again(bifrons, tmp_path):
    options = ["--count", 2, "--size", 64]
    synth(bifrons, "faces", *options)
    whole = digest(tmp_path / "faces")
    record = tmp_path / "faces/synth.json"
    record.write_text(record.read_text().replace('"complete": true', '"complete": false'))
    (tmp_path / "faces/person_a/00001.png").write_bytes(b"torn")
    shutil.rmtree(tmp_path / "faces/person_b")
    synth(bifrons, "faces", *options)
    assert digest(tmp_path / "faces") == whole


def test_a_folder_without_points_gets_them(bifrons, tmp_path):
    options = ["--count", 2, "--size", 64]
    synth(bifrons, "faces", *options)
    whole = digest(tmp_path / "faces")
    (tmp_path / "faces/person_b/points.csv").unlink()  # as an older version left it
    assert "already" not in synth(bifrons, "faces", *options).err
    assert digest(tmp_path / "faces") == whole


@pytest.mark.parametrize("change", [["--seed", 9], ["--size", 80], ["--count", 3], ["--loose"], ["--series"]])
def test_other_options_do_not_overwrite(bifrons, tmp_path, change):
    options = ["--count", 2, "--size", 64]
    synth(bifrons, "faces", *options)
    before = digest(tmp_path / "faces")
    result = synth(bifrons, "faces", *options, *change, code=64)
    assert "faces" in result.err and "another folder" in result.err
    assert digest(tmp_path / "faces") == before


def test_a_folder_of_something_else_is_not_touched(bifrons, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/holiday.txt").write_text("keep me")
    result = synth(bifrons, "mine", "--count", 1, code=64)
    assert "mine is not empty" in result.err
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["holiday.txt"]


@pytest.mark.parametrize("arguments", [
    [], ["a", "b"], [""], ["out", "--size", 63], ["out", "--size", 1025], ["out", "--size", "big"],
    ["out", "--count", 0], ["out", "--count", -1], ["out", "--count", 100000],
    ["out", "--seed", -1], ["out", "--seed", "0x"], ["out", "--colour", 3]])
def test_bad_usage(bifrons, tmp_path, arguments):
    result = synth(bifrons, *arguments, code=64)
    assert "bifrons synth" in result.err
    assert not (tmp_path / "out").exists()


def test_output_that_cannot_be_written(bifrons, tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = synth(bifrons, "file/out", "--count", 1, "--size", 64, code=74)
    assert "file" in result.err and len(result.err.splitlines()) == 1
    result = synth(bifrons, "file", "--count", 1, "--size", 64, code=74)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_picture_that_cannot_be_written(bifrons, tmp_path):
    options = ["--count", 2, "--size", 64]
    synth(bifrons, "faces", *options)
    record = tmp_path / "faces/synth.json"
    record.write_text(record.read_text().replace('"complete": true', '"complete": false'))
    (tmp_path / "faces/person_a/00001.png").unlink()
    (tmp_path / "faces/person_a/00001.png").mkdir()
    result = synth(bifrons, "faces", *options, code=74)
    assert "person_a/00001.png" in result.err and len(result.err.splitlines()) == 1
    assert json.loads(record.read_text())["complete"] is False


def test_help_names_every_option(bifrons):
    result = synth(bifrons, "--help")
    for word in ("--count", "--size", "--seed", "--loose", "--series", "person_a", "truth/", "bifrons pack"):
        assert word in result.out


@pytest.mark.parametrize("loose", [[], ["--loose"]])
def test_pack_takes_everything_along(bifrons, tmp_path, loose):
    synth(bifrons, "faces", "--count", 4, "--size", 64, *loose)
    for person in "ab":
        folder = tmp_path / f"faces/person_{person}"
        packed = bifrons("pack", folder, "-o", f"{person}.h5", "--size", 64)
        assert packed.code == 0 and "warning" not in packed.err, packed.err
        with h5py.File(tmp_path / f"{person}.h5") as f:
            for part, where in (("images", "."), ("truth", "truth")):
                for i in range(4):
                    drawn = numpy.asarray(PIL.Image.open(folder / where / f"{i:05d}.png"))
                    assert (f[part][i] == drawn).all()
            assert f["masks"].shape == (4, 64, 64) and f["masks"][...].max() == 255
            rows = list(csv.reader((folder / "landmarks.csv").open()))[1:]
            wanted = numpy.array([[float(x) for x in r[1:]] for r in rows]).reshape(4, 5, 2)
            assert numpy.allclose(f["landmarks"][...], wanted, atol=1e-3)
            rows = list(csv.reader((folder / "points.csv").open()))[1:]
            wanted = numpy.array([[float(x) for x in r[1:]] for r in rows]).reshape(4, 70, 2)
            assert numpy.allclose(f["points"][...], wanted, atol=1e-3)
            assert (folder / "person.txt").read_text().strip() in str(f.attrs["person"])
