"""bifrons extract, from the outside, on rendered people. Where scripts/setup --photographs has not been run, what
takes its networks is skipped."""

import pathlib
import shutil

import h5py
import numpy
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
import pytest

from conftest import picture, save
from cut_faces import MODELS, PICTURES, ada, beside, extract, needs_models, pixels, rows, verdicts
from icc_files import profile

# Where the two people's pupils, tip of the nose and corners of the mouth are, as they were rendered.
TRUTH = {"a0003": [(101.08, 91.43), (149.78, 88.78), (133.44, 115.82), (114.56, 146.56), (150.24, 141.66)],
         "a0009": [(106.90, 104.00), (147.64, 102.20), (125.60, 124.76), (110.05, 145.87), (145.70, 143.73)],
         "b0003": [(101.13, 91.45), (149.91, 88.80), (135.02, 126.02), (111.63, 153.17), (150.81, 148.59)],
         "b0009": [(106.81, 103.79), (147.60, 101.99), (125.46, 132.77), (109.15, 151.82), (148.81, 150.16)]}
POSE = {"a0003": (11.44, 1.42, -4.12), "a0009": (-5.62, 8.55, -1.46)}  # yaw, pitch, roll in degrees
FIVE = (68, 69, 30, 48, 54)  # of the 70 points


# ---- What needs no network -----------------------------------------------------------------------

def test_without_the_networks_the_command_that_brings_them_is_told_first(bifrons, tmp_path):
    (tmp_path / "empty").mkdir()
    result = bifrons("extract", "nowhere", "-o", "out", "--person", "Ada", "--consent", "yes", "--models", tmp_path / "empty")
    assert result.code == 69
    assert "scripts/setup --photographs" in result.err and str(tmp_path / "empty") in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("consent", [None, "", "… 。"])
def test_without_a_statement_of_consent_nothing_is_done(bifrons, ada, tmp_path, consent):
    result = extract(bifrons, ada, code=64, consent=consent)
    assert "no consent statement" in result.err and "--consent \"Ada agreed on DATE to PURPOSE\"" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments, said", [
    (["-o", "out", "--consent", "yes", "--person", "Ada"], "which pictures or videos?"),
    (["x", "--consent", "yes", "--person", "Ada"], "where to?"),
    (["x", "-o", "out", "--consent", "yes"], "who is meant?"),
    (["x", "-o", "out", "--person", "Ada", "--coverage", "neck"], "face or head, not \"neck\""),
    (["x", "-o", "out", "--person", "Ada", "--other", "y"], "takes a --reference"),
])
def test_bad_usage_is_told(bifrons, arguments, said):
    result = bifrons("extract", *arguments)
    assert result.code == 64 and said in result.err


def test_places_that_cannot_be_written_are_told_first(bifrons, ada, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/note.txt").write_text("mine")
    assert "holds something already" in extract(bifrons, ada, code=64).err
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").write_text("a file")
    assert "a file is there" in extract(bifrons, ada, code=64).err
    (tmp_path / "out.h5").write_text("a file")
    assert "a file is there; name a new one" in extract(bifrons, ada, out="out.h5", code=64).err
    (tmp_path / "out.h5").unlink()
    (tmp_path / "out.h5.unsure").write_text("a file")
    assert "where unsure faces of out.h5 would go" in extract(bifrons, ada, out="out.h5", code=64).err
    (tmp_path / "new.part").mkdir()
    (tmp_path / "new.part/note.txt").write_text("mine")
    assert "not of a stopped extract" in extract(bifrons, ada, out="new", code=64).err
    assert (tmp_path / "new.part/note.txt").read_text() == "mine"


@needs_models
def test_inputs_that_are_no_pictures_are_told(bifrons, tmp_path):
    assert extract(bifrons, "nowhere", code=66).err.count("nowhere") == 1
    (tmp_path / "song.mp3").write_bytes(b"ID3\3" + bytes(64))
    assert "is an MP3 sound: name a JPEG, PNG or BMP picture, a video" in extract(bifrons, "song.mp3", code=65).err
    (tmp_path / "empty/inside").mkdir(parents=True)
    assert "no JPEG, PNG or BMP picture" in extract(bifrons, "empty", code=66).err


# ---- What is cut ---------------------------------------------------------------------------------

def moved(row, points):
    """Points of the picture in the cut one, by faces.csv's matrix."""
    m = numpy.array([float(row[f"m{i}{j}"]) for i in range(2) for j in range(3)]).reshape(2, 3)
    return points @ m[:, :2].T + m[:, 2]


@needs_models
@pytest.mark.parametrize("coverage, eyes", [("head", 1 / 4.4), ("face", 1 / 2.7)])
def test_faces_are_cut_with_points_masks_and_matrix(bifrons, ada, tmp_path, coverage, eyes):
    extract(bifrons, ada, "--size", "200", "--coverage", coverage)
    faces, points = rows(tmp_path / "out/faces.csv"), rows(tmp_path / "out/points.csv")
    assert [row["name"] for row in faces] == ["000001-a0003.png", "000002-a0009.png"] == [row["name"] for row in points]
    assert [row["source"] for row in faces] == [str(ada / "a0003.jpg"), str(ada / "more/a0009.jpg")]
    for face, row in zip(faces, points):
        truth = numpy.array(TRUTH[face["name"][7:12]])
        p = numpy.array(list(row.values())[1:], float).reshape(70, 2)
        apart = numpy.linalg.norm(p[69] - p[68])
        assert numpy.linalg.norm(p[list(FIVE)] - moved(face, truth), axis=1).max() < 0.15 * apart
        turned = [float(face[key]) for key in ("yaw", "pitch", "roll")]
        assert numpy.abs(numpy.array(turned) - POSE[face["name"][7:12]]).max() < 8
        # level, in the middle, as wide as the coverage says
        assert abs(p[69, 1] - p[68, 1]) < 0.15 * apart and abs(p[68:, 0].mean() - 99.5) < 25
        assert abs(apart / 200 - eyes) < 0.25 * eyes
        mask = numpy.asarray(PIL.Image.open(tmp_path / "out/masks" / face["name"]).convert("L"))
        assert mask.shape == (200, 200) and set(numpy.unique(mask)) == {0, 255}
        inside = [mask[int(y), int(x)] for x, y in p[17:] if 0 <= x < 200 and 0 <= y < 200]
        assert numpy.mean(inside) > 250 and (0.1 if coverage == "head" else 0.3) < (mask > 0).mean() < 0.8
        # the cut picture shows what the matrix says: at each pupil, the picture's own colour
        cut = numpy.asarray(PIL.Image.open(tmp_path / "out" / face["name"]).convert("RGB")).astype(float)
        whole = pixels(face["name"][7:12]).astype(float)
        for at, to in zip(truth, moved(face, truth)):
            (x, y), (u, v) = at.round().astype(int), to.round().astype(int)
            assert numpy.abs(cut[v - 2:v + 3, u - 2:u + 3].mean((0, 1)) - whole[y - 1:y + 2, x - 1:x + 2].mean((0, 1))).max() < 25


@needs_models
def test_pack_takes_the_folder_as_it_is(bifrons, ada, tmp_path):
    extract(bifrons, ada)
    result = bifrons("pack", "out", "-o", "ada.h5", "--size", "128")
    assert result.code == 0 and "2 pictures of Ada" in result.err
    told = bifrons("inspect", "ada.h5")
    assert told.code == 0 and "Ada agreed on 2026-01-31" in told.out
    with h5py.File(tmp_path / "ada.h5") as packed:  # half as large as what was cut
        given = [list(row.values())[1:] for row in rows(tmp_path / "out/points.csv")]
        numpy.testing.assert_allclose(packed["points"][...], numpy.array(given, float).reshape(2, 70, 2) / 2 - 0.25, atol=0.01)
        assert packed["masks"].shape == (2, 128, 128)


def cartoon():
    """A circle with two dots and a line."""
    drawing = PIL.Image.new("RGB", (300, 300), "white")
    draw = PIL.ImageDraw.Draw(drawing)
    draw.ellipse((50, 50, 250, 250), fill="yellow", outline="black", width=5)
    draw.ellipse((105, 110, 125, 130), fill="black")
    draw.ellipse((175, 110, 195, 130), fill="black")
    draw.arc((100, 120, 200, 210), 20, 160, fill="black", width=5)
    return numpy.asarray(drawing)


@needs_models
def test_what_cannot_be_used_is_counted_named_and_left_out(bifrons, ada, tmp_path):
    whole = pixels("a0003")
    save(ada / "small.png", numpy.asarray(PIL.Image.fromarray(whole).resize((100, 100))))
    save(ada / "off.png", whole[:, 115:])
    save(ada / "thin.png", picture(2, 1, 20000))
    save(ada / "tiny.png", numpy.asarray(PIL.Image.fromarray(whole).resize((40, 40))))  # a face of 20 pixels
    save(ada / "zz-cartoon.png", cartoon())
    save(ada / "a0004-again.png", whole)
    save(ada / "a0004-soft.png", numpy.asarray(PIL.Image.fromarray(whole).filter(PIL.ImageFilter.GaussianBlur(5))))
    (ada / "torn.jpg").write_bytes((PICTURES / "a0009.jpg").read_bytes()[:900])
    save(ada / "plain.png", picture(1, 300, 300), icc_profile=profile(more={b"A2B0": bytes(40)}))
    said = extract(bifrons, ada).err
    assert "1 picture has a colour profile that is not applied:" in said and "plain.png (Test); convert" in said
    found = verdicts(tmp_path / "out")
    assert found == {"a0003.jpg": "kept", "a0009.jpg": "kept", "small.png": "too small", "plain.png": "no face",
                     "off.png": found["off.png"], "thin.png": found["thin.png"], "torn.jpg": "unreadable",
                     "tiny.png": found["tiny.png"], "zz-cartoon.png": "no face", "a0004-soft.png": "blurred",
                     "a0004-again.png": "nearly the same as the one before"}
    assert found["thin.png"] in ("unreadable", "no face") and found["tiny.png"] in ("too small", "no face")
    assert found["off.png"] in ("cut off by the border", "no face")
    assert "2 faces of Ada of 11 pictures, 9 left out" in said
    assert all(name in said for name, verdict in found.items() if verdict != "kept")


@needs_models
def test_no_face_at_all_is_told(bifrons, tmp_path):
    save(tmp_path / "in/plain.png", picture(1, 300, 300))
    assert "none of the 1 pictures shows a face" in extract(bifrons, "in", code=66).err
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.part").exists()


# ---- Damaged networks ----------------------------------------------------------------------------

@needs_models
def test_damaged_and_foreign_networks_are_told(bifrons, ada, tmp_path):
    def told(code):
        result = bifrons("extract", ada, "-o", "out", "--person", "Ada", "--consent", "yes", "--models", tmp_path / "models")
        assert result.code == code, result.err
        assert "scripts/setup --photographs" in result.err or "torn" in result.err
        return result.err
    (tmp_path / "models").mkdir()
    for name in "faces.pt", "identity.pt":
        shutil.copy(MODELS / name, tmp_path / "models")
    whole = (MODELS / "faces.pt").read_bytes()
    (tmp_path / "models/faces.pt").write_bytes(whole[:len(whole) // 2])
    assert "faces.pt" in told(65)
    shutil.copy(MODELS / "identity.pt", tmp_path / "models/faces.pt")  # whole, and of other networks
    assert "not those that are read here" in told(65)
    (tmp_path / "models/faces.pt").unlink()
    assert "no faces.pt there" in told(69)
    assert not (tmp_path / "out").exists()
