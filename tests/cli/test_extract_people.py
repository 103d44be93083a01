"""bifrons extract: whose face is kept, put aside, and never stored."""
import shutil

import numpy
import PIL.Image
import pytest

from conftest import picture, save
from cut_faces import PICTURES, ada, beside, contents, extract, needs_models, pixels, rows, verdicts

A = ["--reference", PICTURES / "a0003.jpg", "--reference", PICTURES / "a0009.jpg"]
B = ["--other", PICTURES / "b0003.jpg", "--other", PICTURES / "b0009.jpg"]


@needs_models
def test_several_people_without_a_reference_are_shown_and_not_stored(bifrons, ada, tmp_path):
    save(ada / "both.png", beside("a0003", "b0009"))
    said = extract(bifrons, ada, code=65).err
    assert "more than one face shows in 1 picture: no face was stored" in said
    assert "Look at out.people/sheet.png" in said and "such as out.people/person-1.png, out.people/person-2.png)" in said
    left = {"out.people/sheet.png", "out.people/person-1.png", "out.people/person-2.png"}
    assert {name for name in contents(tmp_path) if not name.startswith("ada/")} == left
    # either of the two does as a reference, and says who is who
    kept = []
    for person in 1, 2:
        extract(bifrons, ada, "--reference", f"out.people/person-{person}.png", out=f"out{person}")
        faces = rows(tmp_path / f"out{person}/faces.csv")
        assert [row["verdict"] for row in faces if "both.png" in row["source"]] == ["kept"]
        kept.append(sum(row["verdict"] == "kept" for row in faces))
    assert sorted(kept) == [1, 3]


@needs_models
def test_a_second_face_that_is_left_out_does_not_count(bifrons, ada, tmp_path):
    """A passer-by, too small, and cut off by the border."""
    for name, high in ("small", 100), ("off", 256):
        side = numpy.asarray(PIL.Image.fromarray(pixels("b0009")).resize((high, high)))[:, :high if high < 256 else 150]
        street = numpy.full((256, 256 + side.shape[1], 3), 90, "uint8")
        street[:, :256], street[:high, 256:] = pixels("a0003"), side
        save(ada / f"{name}.png", street)
    extract(bifrons, ada, "--min-difference", "0")
    for name, verdict in ("small", "too small"), ("off", "cut off by the border"):
        found = [row["verdict"] for row in rows(tmp_path / "out/faces.csv") if f"/{name}.png" in row["source"]]
        assert sorted(found) == sorted(["kept", verdict])


@needs_models
def test_two_people_in_pictures_of_their_own_are_not_stored(bifrons, ada, tmp_path):
    shutil.copy(PICTURES / "b0003.jpg", ada)
    shutil.copy(PICTURES / "b0009.jpg", ada)
    assert "two people seem to show" in extract(bifrons, ada, code=65).err
    (ada / "b0003.jpg").unlink()
    (ada / "more/a0009.jpg").unlink()
    assert "two people seem to show" in extract(bifrons, ada, code=65).err  # of two pictures
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.part").exists()


@needs_models
def test_one_face_unlike_all_others_is_taken_out(bifrons, ada, tmp_path):
    shutil.copy(PICTURES / "b0003.jpg", ada / "b\n3.jpg")  # its row in faces.csv takes two lines
    assert "unlike all other faces, left out: 1: 000002-b_3.png" in extract(bifrons, ada).err
    faces = rows(tmp_path / "out/faces.csv")
    kept = ["000001-a0003.png", "000003-a0009.png"]
    assert [row["name"] for row in faces] == [kept[0], "", kept[1]]
    assert faces[1]["source"] == str(ada / "b\n3.jpg") and faces[1]["verdict"] == "unlike all other faces"
    for place in "", "masks":
        assert sorted(path.name for path in (tmp_path / "out" / place).glob("0*.png")) == kept
    for name in "points.csv", "identity.csv":
        assert [row["name"] for row in rows(tmp_path / "out" / name)] == kept


@needs_models
def test_a_reference_says_who_is_meant(bifrons, ada, tmp_path):
    save(ada / "both.png", beside("b0009", "a0009"))
    shutil.copy(PICTURES / "b0003.jpg", ada)
    extract(bifrons, ada, *A, *B, "--min-difference", "0")
    assert verdicts(tmp_path / "out") == {"a0003.jpg": "kept", "a0009.jpg": "kept", "both.png": "kept",
                                          "b0003.jpg": "other person"}
    # of the two, the right one's face was cut: on the right half
    both = [row for row in rows(tmp_path / "out/faces.csv") if "both.png" in row["source"]][0]
    m = numpy.array([float(both[f"m{i}{j}"]) for i in range(2) for j in range(3)]).reshape(2, 3)
    assert m[0] @ (256 + 106.9, 104, 1) == pytest.approx(128, abs=60)
    assert len(list((tmp_path / "out").glob("0*.png"))) == 3
    # the numbers of identity.csv tell that all are near each other
    numbers = numpy.array([list(row.values())[1:] for row in rows(tmp_path / "out/identity.csv")], float)
    assert numbers.shape == (3, 128) and numpy.linalg.norm(numbers - numbers.mean(0), axis=1).max() < 0.4


@needs_models
def test_a_reference_shows_one_face(bifrons, ada, tmp_path):
    save(tmp_path / "both.png", beside("a0003", "b0009"))
    save(tmp_path / "none.png", picture(1, 300, 300))
    for name, n in ("both.png", 2), ("none.png", 0):
        said = extract(bifrons, ada, "--reference", name, code=65).err
        assert f"--reference {name} shows {n} faces: a reference shows one" in said
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.part").exists()


@needs_models
def test_faces_of_a_crowd_are_found_in_parts_of_the_picture(bifrons, tmp_path):
    crowd = picture(3, 1400, 1000)
    small = [numpy.asarray(PIL.Image.fromarray(pixels(name)).resize((90, 90))) for name in ("a0003", "b0009")]
    for i in range(60):
        y, x = 5 + i // 12 * 199, 5 + i % 12 * 115
        crowd[y:y + 90, x:x + 90] = small[i % 2]
    save(tmp_path / "in/crowd.png", crowd)
    assert "more than one face shows in 1 picture" in extract(bifrons, "in", "--min-size", "20", code=65).err
    assert (tmp_path / "out.people/person-2.png").exists()


@pytest.fixture
def unsure(bifrons, ada, tmp_path):
    """A folder with a face that is put aside: of a person like both references."""
    blend = (pixels("a0003").astype(float) * 0.35 + pixels("b0003") * 0.65).astype("uint8")
    save(ada / "blend.png", blend)
    return [ada, *A, *B]


@needs_models
def test_unsure_faces_wait_for_a_decision(bifrons, unsure, tmp_path):
    said = extract(bifrons, *unsure).err
    assert "1 face may be another person's: look at out/unsure" in said
    name = [row["name"] for row in rows(tmp_path / "out/faces.csv") if row["verdict"] == "unsure"][0]
    assert [path.name for path in (tmp_path / "out/unsure").iterdir()] == [name]
    refused = bifrons("pack", "out", "-o", "a.h5")
    assert refused.code == 65 and "out/unsure (1): pictures that may be of another person" in refused.err
    # moved up, it has its mask and points; deleted faces are counted
    (tmp_path / "out/unsure" / name).rename(tmp_path / "out" / name)
    sorted((tmp_path / "out").glob("0*.png"))[0].unlink()
    packed = bifrons("pack", "out", "-o", "a.h5")
    assert packed.code == 0 and "2 pictures of Ada" in packed.err
    assert "1 of the 3 faces that extract stored is culled" in packed.err and "warning" not in packed.err
    assert "mask" not in packed.err


@needs_models
def test_unsure_faces_are_never_in_a_set_at_once(bifrons, unsure, tmp_path):
    said = extract(bifrons, *unsure, out="it's.h5", code=65).err
    assert "1 face may be another person's, so it's.h5 was not written: look at it's.h5.unsure/unsure" in said
    assert r"then bifrons pack 'it'\''s.h5.unsure' -o 'it'\''s.h5'. Or delete it's.h5.unsure and" in said
    assert not (tmp_path / "it's.h5").exists() and len(list((tmp_path / "it's.h5.unsure/unsure").iterdir())) == 1
    extract(bifrons, *unsure, "--discard-unsure", "--no-identity", out="new")
    assert not (tmp_path / "new/unsure").exists() and not (tmp_path / "new/identity.csv").exists()
    assert verdicts(tmp_path / "new")["blend.png"] == "unsure" and len(rows(tmp_path / "new/points.csv")) == 2
