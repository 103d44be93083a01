"""bifrons extract, from the outside, on rendered people. Where scripts/setup --photographs has not been run, what
takes its networks is skipped."""

import csv
import os
import pathlib
import shutil

import h5py
import numpy
import PIL.Image
import pytest

from conftest import ROOT, picture, save

PICTURES = pathlib.Path(__file__).parent / "photographs"
MODELS = pathlib.Path(os.environ.get("BIFRONS_MODELS", ROOT / "build/share/bifrons"))
needs_models = pytest.mark.skipif(not (MODELS / "identity.pt").exists(),
                                  reason="the networks come with scripts/setup --photographs")
# Where the two people's pupils, tip of the nose and corners of the mouth are, as they were rendered.
TRUTH = {"a0003": [(101.08, 91.43), (149.78, 88.78), (133.44, 115.82), (114.56, 146.56), (150.24, 141.66)],
         "a0009": [(106.90, 104.00), (147.64, 102.20), (125.60, 124.76), (110.05, 145.87), (145.70, 143.73)],
         "b0003": [(101.13, 91.45), (149.91, 88.80), (135.02, 126.02), (111.63, 153.17), (150.81, 148.59)],
         "b0009": [(106.81, 103.79), (147.60, 101.99), (125.46, 132.77), (109.15, 151.82), (148.81, 150.16)]}
POSE = {"a0003": (11.44, 1.42, -4.12), "a0009": (-5.62, 8.55, -1.46)}  # yaw, pitch, roll in degrees
FIVE = (68, 69, 30, 48, 54)  # of the 70 points


def extract(bifrons, *arguments, code=0, consent="Ada agreed on 2026-01-31"):
    result = bifrons("extract", *arguments, "-o", "out", "--person", "Ada", "--models", MODELS,
                     *(["--consent", consent] if consent else []))
    assert result.code == code, result.err
    return result


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def pixels(name):
    return numpy.asarray(PIL.Image.open(PICTURES / f"{name}.jpg").convert("RGB"))


@pytest.fixture
def ada(tmp_path):
    """A folder with two pictures of one person, one of them in a folder inside."""
    (tmp_path / "ada/more").mkdir(parents=True)
    shutil.copy(PICTURES / "a0003.jpg", tmp_path / "ada")
    shutil.copy(PICTURES / "a0009.jpg", tmp_path / "ada/more")
    return tmp_path / "ada"


# ---- What needs no network -----------------------------------------------------------------------

def test_without_the_networks_the_command_that_brings_them_is_told_first(bifrons, tmp_path):
    (tmp_path / "empty").mkdir()
    result = bifrons("extract", "nowhere", "-o", "out", "--person", "Ada", "--consent", "yes", "--models", tmp_path / "empty")
    assert result.code == 69
    assert "scripts/setup --photographs" in result.err and str(tmp_path / "empty") in result.err
    assert not (tmp_path / "out").exists()


def test_without_a_statement_of_consent_nothing_is_done(bifrons, ada, tmp_path):
    result = extract(bifrons, ada, code=64, consent=None)
    assert "no consent statement" in result.err and "--consent \"Ada agreed on DATE to PURPOSE\"" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments, said", [
    (["-o", "out", "--consent", "yes", "--person", "Ada"], "which pictures?"),
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
    result = bifrons("extract", ada, "-o", "out.h5", "--person", "Ada", "--consent", "yes")
    assert result.code == 64 and "bifrons pack FOLDER -o out.h5" in result.err


@needs_models
def test_inputs_that_are_no_pictures_are_told(bifrons, tmp_path):
    assert extract(bifrons, "nowhere", code=66).err.count("nowhere") == 1
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(64))
    assert "videos are not read yet" in extract(bifrons, "film.mp4", code=65).err
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


@needs_models
def test_what_cannot_be_used_is_counted_named_and_left_out(bifrons, ada, tmp_path):
    whole = pixels("a0003")
    save(ada / "small.png", numpy.asarray(PIL.Image.fromarray(whole).resize((100, 100))))
    save(ada / "off.png", whole[:, 115:])
    save(ada / "plain.png", picture(1, 300, 300))
    save(ada / "thin.png", picture(2, 1, 12000))
    (ada / "torn.jpg").write_bytes((PICTURES / "a0009.jpg").read_bytes()[:900])
    said = extract(bifrons, ada).err
    verdicts = {pathlib.Path(row["source"]).name: row["verdict"] for row in rows(tmp_path / "out/faces.csv")}
    assert verdicts == {"a0003.jpg": "kept", "a0009.jpg": "kept", "small.png": "too small", "plain.png": "no face",
                        "off.png": verdicts["off.png"], "thin.png": "no face", "torn.jpg": "unreadable"}
    assert verdicts["off.png"] in ("cut off by the border", "no face")
    assert "2 faces of Ada of 7 pictures, 5 left out" in said
    assert all(name in said for name, verdict in verdicts.items() if verdict != "kept")


@needs_models
def test_no_face_at_all_is_told(bifrons, tmp_path):
    save(tmp_path / "in/plain.png", picture(1, 300, 300))
    assert "none of the 1 pictures shows a face" in extract(bifrons, "in", code=66).err
    assert not (tmp_path / "out").exists()


# ---- Who -----------------------------------------------------------------------------------------

def beside(*names):
    return numpy.concatenate([pixels(name) for name in names], axis=1)


@needs_models
def test_several_people_without_a_reference_are_not_stored(bifrons, ada, tmp_path):
    save(ada / "both.png", beside("a0003", "b0009"))
    said = extract(bifrons, ada, code=65).err
    assert "more than one face shows in 1 of 3 pictures: nothing was stored" in said
    assert "--reference" in said and "both.png" in said
    (ada / "both.png").unlink()
    shutil.copy(PICTURES / "b0003.jpg", ada)
    shutil.copy(PICTURES / "b0009.jpg", ada)
    assert "two people seem to show" in extract(bifrons, ada, code=65).err
    (ada / "b0003.jpg").unlink()
    (ada / "more/a0009.jpg").unlink()
    assert "two people seem to show" in extract(bifrons, ada, code=65).err  # of two pictures
    assert not (tmp_path / "out").exists()


@needs_models
def test_a_reference_says_who_is_meant(bifrons, ada, tmp_path):
    save(ada / "both.png", beside("b0009", "a0009"))
    shutil.copy(PICTURES / "b0003.jpg", ada)
    extract(bifrons, ada, "--reference", PICTURES / "a0003.jpg", "--reference", PICTURES / "a0009.jpg",
            "--other", PICTURES / "b0003.jpg", "--other", PICTURES / "b0009.jpg")
    faces = {pathlib.Path(row["source"]).name: row for row in rows(tmp_path / "out/faces.csv")}
    assert {name: row["verdict"] for name, row in faces.items()} == {
        "a0003.jpg": "kept", "a0009.jpg": "kept", "both.png": "kept", "b0003.jpg": "other person"}
    # of the two, the right one's face was cut
    assert moved(faces["both.png"], numpy.array(TRUTH["a0009"][:1]) + (256, 0))[0, 0] == pytest.approx(128, abs=60)
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


@needs_models
def test_a_reference_shows_one_face(bifrons, ada, tmp_path):
    save(tmp_path / "both.png", beside("a0003", "b0009"))
    save(tmp_path / "none.png", picture(1, 300, 300))
    for name, n in ("both.png", 2), ("none.png", 0):
        said = extract(bifrons, ada, "--reference", name, code=65).err
        assert f"--reference {name} shows {n} faces: a reference shows one" in said
    assert not (tmp_path / "out").exists()


@needs_models
def test_small_faces_of_a_crowd_are_found_in_parts_of_the_picture(bifrons, tmp_path):
    crowd = picture(3, 1400, 1000)
    small = [numpy.asarray(PIL.Image.fromarray(pixels(name)).resize((90, 90))) for name in ("a0003", "b0009")]
    for i in range(8):
        crowd[60 + i // 4 * 500:150 + i // 4 * 500, 80 + i % 4 * 330:170 + i % 4 * 330] = small[i % 2]
    save(tmp_path / "in/crowd.png", crowd)
    assert "more than one face shows in 1 of 1 pictures" in extract(bifrons, "in", "--min-size", "20", code=65).err


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
