"""bifrons swap --into, from the outside, on rendered people. Where scripts/setup --photographs has not been run, what
takes its networks is skipped."""

import csv
import io
import re
import shutil
import subprocess
import zipfile

import h5py
import numpy
import PIL.Image
import PIL.ImageCms
import pytest

from conftest import PROGRAM, picture, save
from icc_files import profile
from test_bad_input import SMALL, write_set
from test_extract import MODELS, PICTURES, beside, extract, needs_models, pixels

REFERENCES = ("--reference", PICTURES / "a0003.jpg", "--reference", PICTURES / "a0009.jpg",
              "--other", PICTURES / "b0003.jpg", "--other", PICTURES / "b0009.jpg")


def write_identities(path, rows):
    """Gives a set of 8 pictures the 128 numbers of these rows of identity.csv, and pupils."""
    numbers = [list(row.values())[1:] for row in csv.DictReader(open(PICTURES / "identity.csv")) if row["name"] in rows]
    with h5py.File(path, "a") as f:
        f["identity"] = numpy.concatenate([numpy.array(numbers, "float32"), numpy.full((6, 128), numpy.nan, "float32")])
        f["points"] = numpy.full((8, 70, 2), numpy.nan, "float32")
        f["points"][:, 68:] = [[20, 30], [20 + 22, 30]]  # pupils as far apart as in faces cut with --coverage face


@pytest.fixture(scope="module")
def knowing(tmp_path_factory):
    """A model of two steps, which draws no face worth the name, and which knows both people."""
    folder = tmp_path_factory.mktemp("trained")
    write_set(folder / "a.h5", person="Ada", consent="Ada agreed to composites")
    write_set(folder / "b.h5", person="Bo", consent="Bo agreed, too\nin two lines")
    write_identities(folder / "a.h5", ("a0003.jpg", "a0009.jpg"))
    write_identities(folder / "b.h5", ("b0003.jpg", "b0009.jpg"))
    done = subprocess.run([PROGRAM, "train", "--data-a", "a.h5", "--data-b", "b.h5", "--out", "run", *SMALL, "--set",
                           "model.mask=true", "--set", "train.max_steps=2"],
                          cwd=folder, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder / "run/checkpoints/latest.pt"


@pytest.fixture(scope="module")
def checkpoint(knowing):
    """The same, as an earlier program wrote it: it knows nobody."""
    path = knowing.parents[2] / "earlier.pt"
    with zipfile.ZipFile(knowing) as f, zipfile.ZipFile(path, "w") as g:
        for name in f.namelist():
            g.writestr(name, f.read(name).replace(b'"identity"', b'"not_iden"').replace(b'\\"identity\\"', b'\\"not_iden\\"'))
    return path


@pytest.fixture
def into(bifrons, checkpoint):
    def run(given, *arguments, code=0, references=REFERENCES, model=checkpoint, out="out"):
        result = bifrons("swap", model, given, "--into", "-o", out, "--models", MODELS, *references, *arguments)
        assert result.code == code, result.err
        return result

    return run


def shown(path):
    return numpy.asarray(PIL.Image.open(path).convert("RGB")).astype(int)


def changes(before, after):
    """Where a pixel changed: rows, columns."""
    assert before.shape == after.shape
    return numpy.nonzero((before != after).any(-1))


@needs_models
def test_a_model_that_takes_points_is_given_those_of_the_face(into, tmp_path):
    """Two runs that train alike: the one is told the pose of a picture, the other predicts it."""
    rng = numpy.random.default_rng(3)
    face = numpy.zeros((70, 2))  # roughly: jaw, brows, nose, eyes, lips, pupils
    for first, n, (x0, x1), y in ((0, 17, (10, 54), 45), (17, 5, (14, 28), 22), (22, 5, (36, 50), 22), (27, 9, (30, 34), 36),
                                  (36, 6, (17, 27), 30), (42, 6, (37, 47), 30), (48, 20, (24, 40), 48), (68, 2, (21, 43), 30)):
        face[first:first + n] = numpy.stack([numpy.linspace(x0, x1, n), numpy.full(n, y)], axis=1)
    for name, person in (("a", "Ada"), ("b", "Bo")):
        write_set(tmp_path / f"{name}.h5", person=person, consent=f"{person} agreed")
        with h5py.File(tmp_path / f"{name}.h5", "a") as f:
            f["points"] = (face + rng.normal(0, 1, (8, 70, 2))).astype("float32")
    for pose in "given", "predicted":
        done = subprocess.run([PROGRAM, "train", "--data-a", "a.h5", "--data-b", "b.h5", "--out", pose, *SMALL, "--set",
                               f"model.pose={pose}", "--set", "loss.pose=0.2", "--set", "model.width=16", "--set", "train.max_steps=2"], cwd=tmp_path,
                              text=True, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr
        into(PICTURES / "a0003.jpg", model=tmp_path / pose / "checkpoints/latest.pt", out=f"{pose}.png")
    weights = [zipfile.ZipFile(tmp_path / pose / "checkpoints/latest.pt") for pose in ("given", "predicted")]
    names = [n for n in weights[0].namelist() if "/data/" in n]
    assert names and all(weights[0].read(n) == weights[1].read(n) for n in names), "the runs trained differently"
    assert len(changes(shown(tmp_path / "given.png"), shown(tmp_path / "predicted.png"))[0]) > 100


# ---- The composite -------------------------------------------------------------------------------

@needs_models
def test_only_the_face_and_the_label_change(into, checkpoint, tmp_path):
    """Of two people in a picture one is replaced; the composite and its note say what it is."""
    save(tmp_path / "in/both.png", beside("b0009", "a0009"))
    apart = []  # how far the skin's colour moves
    for options in (), ("--colour", "none"):  # the second time over the first one's result
        said = into("in", *options).err
        assert ("1 earlier composite is replaced: out/both.png" in said) == bool(options)
        assert "1 composite written to out, each with a note beside it; 0 pictures left out" in said
        assert "several faces in 1 picture: in/both.png; 1 face of other people left alone" in said
        rows, columns = changes(shown(tmp_path / "in/both.png"), shown(tmp_path / "out/both.png"))
        label = (rows >= 256 - 25) & (columns >= 512 - 37)
        face = (columns > 256 + 70) & (columns < 256 + 190) & (rows > 60) & (rows < 215)
        assert label.sum() > 500 and face.sum() > 3000 and (label | face).all()
        skin = [shown(tmp_path / folder / "both.png")[100:150, 256 + 105:256 + 150].mean((0, 1)) for folder in ("in", "out")]
        apart.append(abs(skin[0] - skin[1]).max())
    assert apart[0] < apart[1] - 5  # the model draws grey; the composite takes on the skin's colour
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["both.png", "both.txt"]
    xmp = PIL.Image.open(tmp_path / "out/both.png").text["XML:com.adobe.xmp"]
    assert "digitalsourcetype/compositeWithTrainedAlgorithmicMedia<" in xmp
    made_by = re.search(r"<bifrons:checkpoint>([0-9a-f]{32})<", xmp).group(1)
    note = (tmp_path / "out/both.txt").read_text()
    assert f"checkpoint (XXH3-128): {made_by}\n" in note and "compositeWithTrainedAlgorithmicMedia" in note
    assert "replaced: the face of Ada, by one of Bo\n" in note and "made from: in/both.png\n" in note
    assert "consent of Ada:\nAda agreed to composites\n" in note and "consent of Bo:\nBo agreed, too\nin two lines\n" in note


@needs_models
def test_a_picture_with_a_colour_profile_keeps_its_colours(into, tmp_path):
    """Display P3 becomes sRGB; a profile that is not applied is named."""
    p3 = PIL.ImageCms.profileToProfile(PIL.Image.fromarray(pixels("a0003")), PIL.ImageCms.createProfile("sRGB"),
                                       PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile())))
    save(tmp_path / "p3.png", numpy.asarray(p3), icc_profile=profile())
    assert "profile" not in into("p3.png", out="out.png").err
    off = abs(shown(tmp_path / "out.png") - pixels("a0003")).max(-1)
    assert off[:, :60].max() <= 2 and abs(numpy.asarray(p3).astype(int) - pixels("a0003"))[:, :60].max() > 10
    save(tmp_path / "in/a.png", pixels("a0003"), icc_profile=profile(more={b"A2B0": bytes(40)}))
    assert "1 picture has a colour profile that is not applied: in/a.png (Test)" in into("in").err


@needs_models
def test_inputs_that_are_composites_are_named(into, tmp_path):
    """By their XMP data, or by the note beside them, where another program saved them again."""
    save(tmp_path / "in/a.png", pixels("a0003"))
    said = into("in").err
    assert "already a composite" not in said and "earlier" not in said
    PIL.Image.open(tmp_path / "out/a.png").save(tmp_path / "in/again.jpg", quality=95)
    shutil.copy(tmp_path / "out/a.txt", tmp_path / "in/again.txt")
    shutil.copy(tmp_path / "out/a.png", tmp_path / "in/marked.png")
    (tmp_path / "in/faces.csv").write_text("name\n")
    said = into("in", out="twice", references=(*REFERENCES, "--reference", tmp_path / "in/marked.png")).err
    assert "2 inputs are already a composite, or drawn by an algorithm: in/again.jpg, in/marked.png" in said
    assert "in holds faces that extract cut out: --into is for the whole photographs" in said


@needs_models
def test_every_picture_is_labelled_or_counted(into, tmp_path):
    whole = pixels("a0003")
    save(tmp_path / "in/small.png", numpy.asarray(PIL.Image.fromarray(whole).resize((90, 90), PIL.Image.LANCZOS)))
    save(tmp_path / "in/low.png", whole[:190, :186])  # the chin is in the lower right corner
    shutil.copy(PICTURES / "b0003.jpg", tmp_path / "in")
    save(tmp_path / "in/plain.png", picture(1, 300, 300))
    (tmp_path / "in/torn.jpg").write_bytes((PICTURES / "a0009.jpg").read_bytes()[:900])
    ours = PIL.PngImagePlugin.PngInfo()
    ours.add_text("Software", "Bifrons")
    for name in "low.png", "plain.png", "torn.png":  # of an earlier run
        save(tmp_path / "out" / name, picture(2), pnginfo=ours)
    earlier = (tmp_path / "out/torn.png").read_bytes()
    said = into("in").err
    assert "2 composites of an earlier run are left as they were: out/plain.png, out/torn.png" in said
    assert "1 earlier composite is replaced: out/low.png" in said
    for name in "plain.png", "torn.png":
        assert (tmp_path / "out" / name).read_bytes() == earlier
        (tmp_path / "out" / name).unlink()
    assert "no face, left out: 1: in/plain.png" in said and "no face of Ada, left out: 1: in/b0003.jpg" in said
    assert "skipped: " in said and "torn.jpg" in said
    assert "2 composites written to out" in said and "3 pictures left out" in said
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["low.png", "low.txt", "small.png", "small.txt"]
    rows, columns = changes(shown(tmp_path / "in/small.png"), shown(tmp_path / "out/small.png"))
    assert ((rows >= 78) & (columns >= 72)).sum() > 100  # 12 by 18 pixels
    before, after = shown(tmp_path / "in/low.png"), shown(tmp_path / "out/low.png")
    assert (before[-5:, -5:] == after[-5:, -5:]).all() and (before[-5:, :5] != after[-5:, :5]).any()


@needs_models
def test_options_and_direction_reach_the_composite(into, tmp_path):
    exchanged = [{"--reference": "--other", "--other": "--reference"}.get(word, word) for word in REFERENCES[:2] + REFERENCES[4:6]]
    def changed(*options):
        into(PICTURES / "b0009.jpg", "--direction", "b2a", *options, references=exchanged, out="x.png")
        return len(changes(pixels("b0009"), shown(tmp_path / "x.png"))[0])

    plain = changed()
    assert "replaced: the face of Bo, by one of Ada\n" in (tmp_path / "x.txt").read_text()
    assert changed("--erode", "0.1", "--feather", "0.3", "--coverage", "face") < 0.9 * plain


@needs_models
def test_a_checkpoint_knows_its_people(into, knowing, tmp_path):
    save(tmp_path / "in/both.png", beside("b0009", "a0003"))
    into("in", references=(), model=knowing)
    note = (tmp_path / "out/both.txt").read_text()
    assert "replaced: the face of Ada, by one of Bo\n" in note and "replaced: the face of Bo, by one of Ada\n" in note
    columns = changes(shown(tmp_path / "in/both.png"), shown(tmp_path / "out/both.png"))[1]
    assert (columns < 200).sum() > 3000 and (columns > 256 + 70).sum() > 3000
    said = into("in", "--direction", "b2a", "--coverage", "head", references=(), model=knowing).err
    assert "--coverage head: by the distance of the pupils, 0.34 of the side, the pictures of the training were cut with --coverage face" in said
    assert "1 face of other people left alone" in said and "the face of Ada" not in (tmp_path / "out/both.txt").read_text()


@needs_models
def test_a_small_face_beside_a_large_one_is_found(into, bifrons, tmp_path):
    """Ada's face is 55 pixels wide, Bo's 530. At the size in which the whole picture is searched, 5.5 pixels are no face."""
    canvas = PIL.Image.new("RGB", (1920, 1080), (90, 110, 90))
    canvas.paste(PIL.Image.fromarray(pixels("b0003")).resize((900, 900)), (100, 100))
    canvas.paste(PIL.Image.fromarray(pixels("a0003")).resize((105, 105)), (1400, 500))
    save(tmp_path / "in/both.png", numpy.asarray(canvas))
    assert "1 composite written to out" in into("in").err
    rows, columns = changes(shown(tmp_path / "in/both.png"), shown(tmp_path / "out/both.png"))
    face = (columns > 1400) & (columns < 1505) & (rows > 500) & (rows < 605)
    assert face.sum() > 500 and columns[~face].min() > 1700  # the label is in the lower right corner
    said = extract(bifrons, "in", *REFERENCES, out="cut", code=66).err
    assert "too small, left out: 1: in/both.png" in said and "other person" not in said


# ---- Refused -------------------------------------------------------------------------------------

@needs_models
def test_nobody_to_replace_is_told(into, tmp_path):
    save(tmp_path / "plain.png", picture(1, 300, 300))
    said = into("plain.png", code=65).err
    assert "no face, left out: 1: plain.png" in said
    assert "no face of Ada was found in 1 picture of plain.png: nothing was written" in said
    assert not (tmp_path / "out").exists()


@needs_models
def test_a_reference_shows_one_face(into, tmp_path):
    save(tmp_path / "both.png", beside("a0003", "b0009"))
    said = into(PICTURES / "a0003.jpg", references=("--reference", "both.png"), code=65).err
    assert "--reference both.png shows 2 faces: a reference shows one" in said
    said = into(PICTURES / "a0003.jpg", references=("--reference", "."), code=66).err
    assert "--reference . is a folder: name a picture" in said
    assert not (tmp_path / "out").exists()


@needs_models
def test_a_reference_shows_who_was_trained_on(into, knowing):
    """Else the face of somebody who agreed to nothing would be replaced."""
    said = into(PICTURES / "b0003.jpg", references=("--reference", PICTURES / "b0003.jpg"), model=knowing, code=65).err
    assert "--reference does not show Ada: the face is unlike those that the checkpoint was trained on" in said


def test_without_a_reference_the_checkpoint_knows_nobody(into):
    said = into(PICTURES / "a0003.jpg", references=(), code=64).err
    assert "does not know Ada by face" in said and "--reference PHOTO" in said and "--direction b2a" in said
    assert "does not know Bo by face" in into(PICTURES / "a0003.jpg", "--direction", "b2a", references=(), code=64).err


def test_without_the_networks_the_command_that_brings_them_is_told(bifrons, checkpoint, tmp_path):
    result = bifrons("swap", checkpoint, PICTURES / "a0003.jpg", "--into", "-o", "out", "--models", tmp_path, *REFERENCES)
    assert result.code == 69 and "scripts/setup --photographs" in result.err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments, said", [
    (["--into", "--no-label"], "always carries its visible label"),
    (["--into", "--grid"], "leave out --grid or --into"),
    (["--reference", "x"], "--reference is for --into"),
    (["--erode", "0.1"], "--erode is for --into"),
    (["--into", "--other", "x"], "takes a --reference"),
    (["--into", "--erode", "0.6"], "--erode 0.6: a share of the face's side from 0 to 0.5"),
    (["--into", "--feather", "nan"], "--feather nan: a share"),
    (["--into", "--colour", "rgb"], "none, mean or lab, not \"rgb\""),
    (["--into", "--coverage", "neck"], "face or head, not \"neck\""),
])
def test_bad_usage_is_told(bifrons, arguments, said):
    result = bifrons("swap", "x.pt", "x", "-o", "out", *arguments)
    assert result.code == 64 and said in result.err, result.err


def test_a_set_has_no_whole_pictures(into, checkpoint):
    said = into(checkpoint.parent / "a.h5", code=64).err
    assert "is a set of faces that are cut out" in said and "leave out --into" in said


def test_nothing_is_overwritten(into, tmp_path):
    shutil.copy(PICTURES / "a0003.jpg", tmp_path)
    save(tmp_path / "in/x.png", pixels("a0003"))
    before = (tmp_path / "in/x.png").read_bytes()
    assert "would overwrite its input" in into("in", out="in", code=64).err
    assert "would overwrite its input" in into("in/x.png", out="in/x.png", code=64).err
    (tmp_path / "a0003.txt").write_text("mine")
    said = into("a0003.jpg", out="a0003.png", code=64).err
    assert "a0003.txt is there already and is no note of a composite" in said
    (tmp_path / "taken").write_text("a file")
    assert "taken" in into("in", out="taken", code=64).err
    assert (tmp_path / "in/x.png").read_bytes() == before and (tmp_path / "a0003.txt").read_text() == "mine"
    assert not (tmp_path / "a0003.png").exists()


@needs_models
def test_a_place_that_cannot_be_written_is_told(into, tmp_path):
    (tmp_path / "file").write_text("")
    said = into(PICTURES / "a0003.jpg", out="file/x.png", references=REFERENCES[:2], code=74).err
    assert "file" in said
