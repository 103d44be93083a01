"""bifrons inspect: what sets and checkpoints say of themselves, and what damaged ones come to."""
import json
import zipfile

import h5py
import numpy
import PIL.Image
import pytest

from conftest import picture


@pytest.fixture
def packed(bifrons, folder, tmp_path):
    result = bifrons("pack", folder, "-o", "a.h5", "--size", 32, SOURCE_DATE_EPOCH="1700000000")
    assert result.code == 0, result.err
    return tmp_path / "a.h5"


def foreign(path, images, **attributes):
    """A set as a Python user writes it: variable-length strings, chunks, compression."""
    with h5py.File(path, "w", libver=("earliest", "v110")) as f:
        f.attrs.update({"format": "bifrons-faces", "format_version": 1, **attributes})
        f.create_dataset("images", data=images, chunks=(1, *images.shape[1:]), compression="gzip")
        f.create_dataset("names", data=[f"ü{i}" for i in range(len(images))],
                         dtype=h5py.string_dtype())
        f.create_dataset("something_else", data=[1, 2, 3])


def test_set_as_json_and_as_text(bifrons, packed):
    shown = json.loads(bifrons("inspect", "a.h5", "--json").out)
    assert shown["kind"] == "set" and shown["n"] == 6 and shown["size"] == 32
    assert shown["person"] == "ada" and shown["consent"] == "Ada agreed on 2026-01-31"
    assert shown["parts"] == ["images", "names", "xxh3", "matrix"]
    assert shown["created"] == "2023-11-14T22:13:20Z" and shown["verified"] is None
    assert shown["direct"] is True and len(shown["fingerprint"]) == 16
    verified = bifrons("inspect", "a.h5", "--json", "--verify")
    assert json.loads(verified.out) == {**shown, "verified": True} and verified.err == ""
    text = bifrons("inspect", "a.h5")
    for part in ("ada", "Ada agreed on 2026-01-31", "6 of 32 x 32", shown["fingerprint"]):
        assert part in text.out


def test_sheet(bifrons, packed, tmp_path):
    assert bifrons("inspect", "a.h5", "--sheet", "s.png").code == 0
    assert PIL.Image.open(tmp_path / "s.png").size[0] > 200
    assert bifrons("inspect", "a.h5", "--sheet", "no/such/s.png").code == 74


def test_sets_of_other_writers_are_read(bifrons, tmp_path):
    images = numpy.stack([picture(i, 32, 32) for i in range(5)])
    foreign(tmp_path / "f.h5", images, person="Ünal", consent="ja")
    shown = json.loads(bifrons("inspect", "f.h5", "--json", "--verify", "--sheet", "f.png").out)
    assert shown["n"] == 5 and shown["person"] == "Ünal" and shown["direct"] is False
    assert shown["parts"] == ["images", "names"]
    with h5py.File(tmp_path / "plain.h5", "w") as f:  # the same pictures, stored otherwise
        f.attrs.update({"format": "bifrons-faces", "format_version": 1})
        f["images"] = images
    plain = json.loads(bifrons("inspect", "plain.h5", "--json").out)
    assert plain["fingerprint"] == shown["fingerprint"]


def test_missing_consent_is_shown(bifrons, tmp_path):
    foreign(tmp_path / "f.h5", numpy.zeros((2, 16, 16, 3), "uint8"))
    assert json.loads(bifrons("inspect", "f.h5", "--json").out)["consent"] == ""
    assert "none" in next(line for line in bifrons("inspect", "f.h5").out.splitlines()
                          if line.startswith("consent"))


def test_text_from_a_file_cannot_steer_the_terminal(bifrons, tmp_path):
    foreign(tmp_path / "f.h5", numpy.zeros((2, 16, 16, 3), "uint8"), person="\x1b[2Jeve\x9b31m")
    assert "\x1b" not in bifrons("inspect", "f.h5").out
    assert "\x9b" not in bifrons("inspect", "f.h5").out


def refused(bifrons, name, *told, code=65, arguments=()):
    result = bifrons("inspect", name, *arguments)
    assert result.code == code, (result.out, result.err)
    assert len(result.err.splitlines()) == 1 and name in result.err and result.out == ""
    for part in told:
        assert part in result.err
    return result


def test_what_is_no_set_is_refused(bifrons, packed, tmp_path):
    images = numpy.zeros((2, 16, 16, 3), "uint8")
    foreign(tmp_path / "newer.h5", images, format_version=2)
    refused(bifrons, "newer.h5", "version 2", "up to 1")
    with h5py.File(tmp_path / "other.h5", "w") as f:
        f["x"] = [1, 2]
    refused(bifrons, "other.h5", "not a set of faces")
    for name, shape, kind in (("oblong", (2, 16, 8, 3), "uint8"), ("flat", (2, 16, 16), "uint8"),
                              ("float", (2, 16, 16, 3), "float32"), ("none", (0, 16, 16, 3), "u1")):
        with h5py.File(tmp_path / f"{name}.h5", "w") as f:
            f.attrs.update({"format": "bifrons-faces", "format_version": 1})
            f.create_dataset("images", shape, kind)
        refused(bifrons, f"{name}.h5", "/images")
    (tmp_path / "text.h5").write_text("hello")
    refused(bifrons, "text.h5", "HDF5")
    (tmp_path / "zero.h5").write_bytes(b"")
    refused(bifrons, "zero.h5", "HDF5")
    refused(bifrons, "missing.h5", "no such file", code=66)
    (tmp_path / "folder.h5").mkdir()
    refused(bifrons, "folder.h5", "bifrons pack makes one of a folder of pictures", code=66)
    data = packed.read_bytes()
    for part in (1, 4, 20, 200):
        (tmp_path / "cut.h5").write_bytes(data[:-part * len(data) // 201])
        refused(bifrons, "cut.h5")


def test_changed_pixels_are_found_by_verify(bifrons, packed):
    data = bytearray(packed.read_bytes())
    data[4096 + 2 * 32 * 32 * 3 + 7] ^= 1  # /images begins at 4096
    packed.write_bytes(data)
    assert bifrons("inspect", "a.h5").code == 0
    refused(bifrons, "a.h5", "row 2", "p2.png", arguments=["--verify"])


def flips(path, seed, count):
    """The file with one byte changed, at seeded places outside its pixels."""
    with h5py.File(path) as f:
        first = f["images"].id.get_offset()
        size = f["images"].size if first is not None else 0
    data = path.read_bytes()
    places = [p for p in range(len(data)) if not first or not first <= p < first + size]
    random = numpy.random.default_rng(seed)
    for place in random.choice(places, count, replace=False):
        changed = bytearray(data)
        changed[place] ^= 1 << int(random.integers(8))
        yield int(place), bytes(changed)


def check_damaged(bifrons, tmp_path, place, data):
    (tmp_path / "damaged.h5").write_bytes(data)
    result = bifrons("inspect", "damaged.h5", "--json", "--verify")
    assert result.code in (0, 65), (place, result.code, result.err)
    if result.code == 65:
        assert len(result.err.splitlines()) == 1 and "damaged.h5" in result.err, (place, result.err)
        return 1
    json.loads(result.out)
    return 0


def test_damaged_metadata_never_crashes_ours(bifrons, packed, tmp_path):
    (tmp_path / "a.h5.xxh3").unlink()  # else it would find every flip
    refusals = sum(check_damaged(bifrons, tmp_path, *f) for f in flips(packed, 1, 80))
    assert refusals > 0


def test_damaged_metadata_never_crashes_foreign(bifrons, tmp_path):
    foreign(tmp_path / "f.h5", numpy.stack([picture(i, 16, 16) for i in range(3)]), person="x",
            consent="y")
    with h5py.File(tmp_path / "f.h5", "r+") as f:
        f.create_dataset("source", data=["a.jpg", "b.jpg", ""], dtype=h5py.string_dtype())
        f["pose"], f["time"] = numpy.ones((3, 3), "float32"), numpy.arange(3.)
        f["identity"] = numpy.ones((3, 128), "float32")
    assert json.loads(bifrons("inspect", "f.h5", "--json").out)["faces"]["sources"] == 2
    refusals = sum(check_damaged(bifrons, tmp_path, *f) for f in flips(tmp_path / "f.h5", 2, 80))
    assert refusals > 0


# ---- checkpoints --------------------------------------------------------------------------------

RECORD = {"format": "bifrons-checkpoint", "format_version": 1,
          "model": {"image_size": 128, "latent": 128},
          "parameters": {"encoder": 10, "decoder_a": 5, "decoder_b": 5, "total": 20},
          "epoch": 2, "step": 50, "position": 400, "loss": 0.5, "val_loss": 0.25,
          "config": "[train]\nlr = 1e-4\n", "meta": "{}"}


def checkpoint(path, record=RECORD):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as z:
        z.writestr("archive/data.pkl", b"\x80\x02}." + bytes(1000))
        if record is not None:
            z.writestr("archive/bifrons.json", json.dumps(record))


def test_checkpoint_is_shown(bifrons, tmp_path):
    checkpoint(tmp_path / "c.pt")
    shown = json.loads(bifrons("inspect", "c.pt", "--json").out)
    assert shown == {"kind": "checkpoint", "path": "c.pt", "verified": None, "sets": [],
                     "record": RECORD}
    text = bifrons("inspect", "c.pt").out
    for part in ("50", "400", "0.25", "image_size", "decoder_a", "lr = 1e-4"):
        assert part in text


def test_checkpoint_is_verified_against_its_sidecar(bifrons, folder, tmp_path):
    checkpoint(tmp_path / "c.pt")
    refused(bifrons, "c.pt", "xxh3", code=66, arguments=["--verify"])
    (tmp_path / "c.pt.xxh3").write_text("0" * 32 + "  c.pt\n")
    refused(bifrons, "c.pt", "does not match", arguments=["--verify"])
    # the hash of a file is what pack writes beside a set
    assert bifrons("pack", folder, "-o", "a.h5").code == 0
    assert bifrons("inspect", "a.h5", "--verify").code == 0
    (tmp_path / "a.h5.xxh3").write_text("0" * 32 + "  a.h5\n")
    refused(bifrons, "a.h5", "does not match", arguments=["--verify"])


def test_what_is_no_checkpoint_is_refused(bifrons, tmp_path):
    checkpoint(tmp_path / "bare.pt", None)
    refused(bifrons, "bare.pt", "bifrons.json")
    checkpoint(tmp_path / "newer.pt", {**RECORD, "format_version": 9})
    refused(bifrons, "newer.pt", "version 9")
    checkpoint(tmp_path / "foreign.pt", {"format": "x"})
    refused(bifrons, "foreign.pt", "no checkpoint")
    checkpoint(tmp_path / "list.pt", [1, 2])
    refused(bifrons, "list.pt", "no checkpoint")
    checkpoint(tmp_path / "good.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "good.pt").read_bytes()[:700])
    refused(bifrons, "cut.pt", "damaged")
    refused(bifrons, "good.pt", "--sheet", code=64, arguments=["--sheet", "x.png"])


def augmented(bifrons, tmp_path, name, **keys):
    keys = {**dict.fromkeys(["flip", "rotate_deg", "zoom", "shift", "warp", "colour_jitter"], 0), **keys}
    lines = [f"augment.{key} = {value}" for key, value in keys.items()]
    (tmp_path / f"{name}.toml").write_text("\n".join(["model.image_size = 64", *lines]))
    result = bifrons("inspect", "a.h5", "--augment", f"{name}.toml", "--sheet", f"{name}.png")
    assert result.code == 0, result.err
    return numpy.asarray(PIL.Image.open(tmp_path / f"{name}.png"))


def test_a_sheet_of_augmented_pictures(bifrons, packed, tmp_path):
    """Three rows of pictures: as stored, as targets, as inputs."""
    def thirds(sheet):
        return numpy.array_split(sheet, 3)
    plain = augmented(bifrons, tmp_path, "plain")
    again = augmented(bifrons, tmp_path, "again")
    noisy = augmented(bifrons, tmp_path, "noisy", noise=0.5)
    turned = augmented(bifrons, tmp_path, "turned", rotate_deg=90)
    assert (plain == again).all()
    assert [bool((x == y).all()) for x, y in zip(thirds(plain), thirds(noisy))] == [True, True, False]
    assert [bool((x == y).all()) for x, y in zip(thirds(plain), thirds(turned))] == [True, False, False]


@pytest.mark.parametrize("arguments, code, part", [
    (["--augment", "c.toml"], 64, "needs --sheet"),
    (["--augment", "c.toml", "--sheet", "s.png", "--json"], 64, "--sheet only"),
    (["--augment", "c.toml", "--sheet", "s.png"], 66, "c.toml"),
    (["--augment", "bad.toml", "--sheet", "s.png"], 78, "bad.toml:1:"),
    (["--augment", "good.toml", "--sheet", "no/such/s.png"], 74, "s.png")])
def test_augmented_sheets_that_cannot_be(bifrons, packed, tmp_path, arguments, code, part):
    (tmp_path / "bad.toml").write_text("augment.blurr = 1\n")
    (tmp_path / "good.toml").write_text("augment.blur = 0.01\n")
    result = bifrons("inspect", "a.h5", *arguments)
    assert result.code == code and part in result.err, result.err
    assert not (tmp_path / "s.png").exists()
