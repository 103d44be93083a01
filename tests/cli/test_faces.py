"""What sets know of each face beside its points: pose, identity, source and time."""
import json
import re
import zipfile

import h5py
import numpy
import PIL.Image
import PIL.PngImagePlugin
import pytest

from conftest import picture, save

N, SIZE = 4, 32
POSE = numpy.array([[-30, 5, 1], [0, 0, 0], [20, -10, 2], [numpy.nan, 1, 1]], "float32")
RANDOM = numpy.random.default_rng(1)
IDENTITY = RANDOM.normal(0, .1, (N, 128)).astype("float32")


def write_set(path, person="Ada", **parts):
    """A set as h5py makes one."""
    path.parent.mkdir(parents=True, exist_ok=True)
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
    assert said.count("identity.csv") == 1
    assert not stored(tmp_path)


@pytest.mark.parametrize("name, line, told", [
    ("faces.csv", row(1, yaw="12x"), 'faces.csv:3: yaw is "12x"; write a number from -180 to 180 (degrees)'),
    ("faces.csv", row(1, roll="999"), 'faces.csv:3: roll is "999"'),
    ("faces.csv", row(1, time="inf"), 'faces.csv:3: time is "inf"; write a number from -1e+09 to 1e+09 (seconds)'),
    ("faces.csv", "p1.png,x.jpg,0.9,1", "faces.csv:3: 4 fields; the first line has 8: is the file cut short?"),
    ("faces.csv", 'p1.png,"x.jpg,0.9', "faces.csv:3: a quote is opened and not closed"),
    ("faces.csv", 'p1.png,"x".jpg,0.9,1,2,3,4,kept', 'faces.csv:3: ".jpg,0.9,1,2,3,4,kept" follows a closing quote'),
    ("faces.csv", row(1, verdict='"kept"?'), 'faces.csv:3: "?" follows a closing quote'),
    ("identity.csv", identity_row(1, 127), "identity.csv:3: 127 numbers; write a name and 128 numbers"),
    ("identity.csv", identity_row(1)[:-3] + "e", 'identity.csv:3: number 127 is "'),
    ("identity.csv", identity_row(1) + ",0" * 200, "identity.csv:3: more than 256 fields"),
])
def test_torn_lists_name_the_line(bifrons, folder, name, line, told):
    write(folder, name, *((HEADER, row(0)) if name == "faces.csv" else ("name", identity_row(0))), line)
    assert told in pack(bifrons, code=65).err
    assert not (folder.parent / "a.h5").exists()


def test_two_columns_of_one_name_are_refused(bifrons, folder):
    write(folder, "faces.csv", HEADER + ",yaw", row(0) + ",7")
    assert 'faces.csv:1: columns 4 and 9 are both named "yaw"' in pack(bifrons, code=65).err
    (folder / "faces.csv").unlink()
    write(folder, "identity.csv", "name," + ",".join(f"i{max(k, 1)}" for k in range(128)), identity_row(0))
    assert 'identity.csv:1: columns 2 and 3 are both named "i1"' in pack(bifrons, code=65).err


# ---- what inspect shows ---------------------------------------------------------------------------

def many(n, person, yaws, **parts):
    """A set of n small pictures with these yaws."""
    pose = numpy.zeros((n, 3), "float32")
    pose[:, 0] = yaws
    return {"person": person, "pose": pose, **parts}


def write_many(path, n, person, **parts):
    with h5py.File(path, "w") as f:
        f.attrs.update(format="bifrons-faces", format_version=1, person=person, consent="drawn")
        f["images"] = numpy.stack([picture(i % 5, 16, 16) for i in range(n)])
        f["names"] = [f"p{i}.png" for i in range(n)]
        for name, data in parts.items():
            f[name] = data


def shown(bifrons, *arguments):
    return json.loads(run(bifrons, "inspect", *arguments, "--json").out)


def test_distributions_and_pictures_that_stand_out(bifrons, tmp_path):
    n = 41
    identity = RANDOM.normal(0, .02, (n, 128)).astype("float32")
    identity[7] += .08  # another person: farther than 4 deviations
    identity[9] = numpy.nan
    images = numpy.stack([RANDOM.integers(90, 160, (16, 16, 3), "uint8") for _ in range(n)])
    images[5] = (numpy.mgrid[0:16, 0:16][0][..., None] * [9, 9, 9]).astype("uint8")  # no edges at all
    write_many(tmp_path / "a.h5", n, **many(n, "Ada", numpy.linspace(-40, 40, n)), identity=identity,
               time=numpy.arange(n) / 4, source=[f"{i % 3}.mp4" for i in range(n)])
    with h5py.File(tmp_path / "a.h5", "r+") as f:
        f["images"][...] = images
    faces = shown(bifrons, "a.h5")["faces"]
    assert faces["pose"]["from"] == "pose"
    assert faces["pose"]["yaw"] == {"known": n, "least": -40, "p5": -36, "p50": 0, "p95": 36, "most": 40}
    assert faces["sources"] == 3 and faces["time"]["least"] == 0 and faces["time"]["most"] == 10
    assert [x["name"] for x in faces["sharpness"]["blurred"]] == ["p5.png"]
    assert [x["name"] for x in faces["identity"]["strangers"]] == ["p7.png"]
    near = numpy.delete(identity, [7, 9], 0)
    distances = numpy.sort(numpy.linalg.norm(near - near.mean(0), axis=1))
    assert faces["identity"]["known"] == n - 1 and abs(faces["identity"]["p50"] - distances[n // 2]) < .02
    text = run(bifrons, "inspect", "a.h5").out
    assert "-40 to 40; 5 % below -36, half below 0, 5 % above 36" in text and "3 files" in text
    assert "1 less than half as sharp as most: p5.png (" in text and "1 may show another person: p7.png (" in text
    assert "not known of 1 of 41 pictures" in text


def test_poses_come_from_points_where_there_are_no_others(bifrons, tmp_path):
    points = numpy.full((N, 70, 2), numpy.nan, "float32")
    points[:, 68], points[:, 69], points[:, 48], points[:, 54] = [8, 10], [24, 10], [10, 26], [22, 26]
    points[:, 30] = [[16, 20], [16 + 16 * .28, 20], [16 - 16 * .28, 20], [numpy.nan] * 2]  # sin 30 degrees, times 0.56
    write_set(tmp_path / "a.h5", points=points)
    faces = shown(bifrons, "a.h5")["faces"]
    assert faces["pose"]["from"] == "points" and faces["pose"]["yaw"]["known"] == 3
    assert [round(faces["pose"]["yaw"][key]) for key in ("least", "p50", "most")] == [-30, 0, 30]
    assert faces["pose"]["pitch"]["p50"] == 0 and faces["pose"]["roll"]["most"] == 0
    assert faces["identity"] is None and faces["time"] is None
    assert "from /points: estimated" in run(bifrons, "inspect", "a.h5").out


# ---- overlap --------------------------------------------------------------------------------------

def test_where_the_poses_of_two_people_do_not_overlap_is_told_and_drawn(bifrons, tmp_path):
    n = 60
    write_many(tmp_path / "a.h5", n, **many(n, "Ada", numpy.linspace(-50, 20, n)))
    write_many(tmp_path / "b.h5", n, **many(n, "Bo", numpy.linspace(-19, 20, n)))
    result = run(bifrons, "inspect", "a.h5", "b.h5", "--overlap", "o.png")
    left = int((numpy.linspace(-50, 20, n) < -20).sum())
    assert f"Ada has {left} of 60 faces turned to the left beyond 20 degrees, Bo has none\n" in result.out
    assert result.out.count("gap") == 2 and "add pictures of the person who has few" in result.out  # one, and the advice
    assert "100 % of Bo's 60 faces" in result.out and "plot of the poses: o.png" in result.err
    pixels = numpy.asarray(PIL.Image.open(tmp_path / "o.png")).astype(int)
    blue = numpy.argwhere(numpy.abs(pixels - [0, 115, 179]).sum(2) < 20)[:, 1]
    orange = numpy.argwhere(numpy.abs(pixels - [214, 94, 0]).sum(2) < 20)[:, 1]
    assert blue.min() + 100 < orange.min()
    got = shown(bifrons, "a.h5", "b.h5", "--overlap", "o.png")
    assert got["gaps"] == [{"set": 0, "faces": "turned to the left", "beyond": 20, "n": [left, 0]}]
    run(bifrons, "inspect", "a.h5", "a.h5", "--overlap", "o.png")
    assert "both people turn equally far" in run(bifrons, "inspect", "a.h5", "a.h5", "--overlap", "o.png").out


def test_two_sets_of_one_person_are_told(bifrons, tmp_path):
    """By their identities, in overlap and before a training; where a set has none, nothing is said."""
    n, one = 60, RANDOM.normal(0, .1, 128)
    for name, person, shift in (("a", "Ada", 0), ("b", "Bo", .02), ("c", "Cy", .05), ("d", "Di", None)):
        identity = {} if shift is None else {"identity": (one + shift + RANDOM.normal(0, .03, (n, 128))).astype("float32")}
        write_many(tmp_path / f"{name}.h5", n, **{**many(n, person, numpy.linspace(-40, 40, n)), **identity})
        with h5py.File(tmp_path / f"{name}.h5", "a") as f:
            f["images"][0] = picture(ord(name), 16, 16)
    told = {"b": "identity the means of their identities are 0.2", "c": "apart: two people (two people: 0.45 or more)", "d": None}
    for other, text in told.items():
        out = run(bifrons, "inspect", "a.h5", f"{other}.h5", "--overlap", "o.png").out
        trained = run(bifrons, "train", "--data-a", "a.h5", "--data-b", f"{other}.h5", "--image-size", 64, "--dry-run").err
        assert text in re.sub(" +", " ", out) if text else "identit" not in out
        assert ("one person" in out) == (other == "b") == ("seem to show one person: the means" in trained)


def test_sets_without_poses_and_bad_usage_are_told(bifrons, tmp_path):
    write_set(tmp_path / "a.h5", pose=POSE)
    write_set(tmp_path / "b.h5")
    write_set(tmp_path / "c.h5", pose=numpy.full((N, 3), numpy.nan, "float32"))
    told = run(bifrons, "inspect", "a.h5", "b.h5", "--overlap", "o.png", code=65).err
    assert "neither /pose (from the folder of bifrons extract) nor /points" in told
    assert "c.h5: the pose of no face is known" in run(bifrons, "inspect", "a.h5", "c.h5", "--overlap", "o.png", code=65).err
    assert "--overlap compares two sets" in run(bifrons, "inspect", "a.h5", "--overlap", "o.png", code=64).err
    assert "one file at a time" in run(bifrons, "inspect", "a.h5", "b.h5", code=64).err
    assert "can be combined with --json only" in run(bifrons, "inspect", "a.h5", "--uses", "a.h5", "--verify", code=64).err


# ---- uses -----------------------------------------------------------------------------------------

def checkpoint(path, people, prints):
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"format": "bifrons-checkpoint", "format_version": 1,
              "meta": json.dumps({"people": people, "fingerprints": prints})}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as z:
        z.writestr("archive/bifrons.json", json.dumps(record))


def run_record(path, people, prints):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"people": [{"person": n, "fingerprint": p} for n, p in zip(people, prints)]}))


def test_what_holds_a_person_is_found_under_any_name(bifrons, tmp_path):
    write_set(tmp_path / "ada.h5")
    write_set(tmp_path / "runs/x/data/renamed.h5", person="Somebody")
    write_many(tmp_path / "runs/some.h5", 3, "Bo")
    with h5py.File(tmp_path / "runs/some.h5", "r+") as f:  # one of Ada's pictures among others
        del f["images"]
        f["images"] = numpy.stack([picture(i, SIZE, SIZE) for i in (7, 2, 8)])
    mine = shown(bifrons, "ada.h5")["fingerprint"]
    run_record(tmp_path / "runs/x/run.json", ["Bo", "Ada B."], ["0" * 16, mine])
    run(bifrons, "report", "runs/x", "-o", "runs/sent.html")
    (tmp_path / "runs/page.html").write_text("<p>of somebody else")
    checkpoint(tmp_path / "runs/x/checkpoints/step-1.pt", ["Bo", "Ada B."], ["0" * 16, mine])
    (tmp_path / "runs/x/checkpoints/best.pt").symlink_to("step-1.pt")
    run_record(tmp_path / "runs/y/run.json", ["Ada", "Bo"], ["1" * 16, "2" * 16])
    checkpoint(tmp_path / "runs/z/step-2.pt", ["Cy", "Bo"], ["3" * 16, "2" * 16])
    (tmp_path / "runs/z/torn.pt").write_bytes((tmp_path / "runs/z/step-2.pt").read_bytes()[:-30])
    (tmp_path / "runs/z/run.json").write_text('{"people":')
    (tmp_path / "runs/link").symlink_to(tmp_path)
    got = shown(bifrons, "--uses", "ada.h5", "runs")
    assert {(x["kind"], x["path"], x["as"], x["match"]) for x in got["found"]} == {
        ("run", "runs/x", "B", "pictures"), ("checkpoint", "runs/x/checkpoints/step-1.pt", "B", "pictures"),
        ("set", "runs/x/data/renamed.h5", "Somebody", "pictures"), ("set", "runs/some.h5", "Bo", "some pictures"),
        ("run", "runs/y", "A", "name"), ("report", "runs/sent.html", "B", "pictures")}
    assert {x["path"] for x in got["unreadable"]} == {"runs/z/torn.pt", "runs/z/run.json"}
    assert (got["runs"], got["checkpoints"], got["sets"], got["reports"], got["links"]) == (2, 2, 2, 1, 1)
    text = run(bifrons, "inspect", "--uses", "ada.h5", "runs").out
    assert "runs/x/checkpoints/step-1.pt: these pictures as person B\n" in text
    assert "runs/y: other pictures of a person of this name as person A\n" in text
    assert "2 runs, 2 checkpoints, 2 sets and 1 other report; 2 could not be read, and may hold them, too\n" in text
    assert "1 link to folders was not followed" in text


def drawn(path, by):
    """A picture with the mark of bifrons swap."""
    path.parent.mkdir(parents=True, exist_ok=True)
    info = PIL.PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "digitalsourcetype/trainedAlgorithmicMedia<" + (f"<bifrons:checkpoint>{by}</" if by else ""))
    PIL.Image.new("RGB", (8, 8)).save(path, pnginfo=info)


def test_folders_sheets_and_what_checkpoints_drew_are_found(bifrons, tmp_path):
    """Drawn pictures by the hash of their checkpoint, else by the names in the notes beside them."""
    def note(path, by, *people):
        drawn(path, by)
        path.with_suffix(".txt").write_text(f"Composite with a face drawn by a trained model (Bifrons)\npicture: {path.name}\n"
                                            f"checkpoint (XXH3-128): {by}\n" + "".join(f"\nconsent of {p}:\nx\n" for p in people))

    write_set(tmp_path / "w/ada.h5")
    mine = shown(bifrons, "w/ada.h5")["fingerprint"]
    (tmp_path / "w/ada.sheet.png").write_bytes(b"")
    checkpoint(tmp_path / "w/c/step-1.pt", ["Bo", "Ada"], ["0" * 16, mine])
    (tmp_path / "w/c/step-1.pt.xxh3").write_text("a" * 32 + "  step-1.pt\n")
    checkpoint(tmp_path / "w/c/step-2.pt", ["Bo", "Cy"], ["0" * 16, "2" * 16])  # what it drew is not Ada's, and known
    (tmp_path / "w/c/step-2.pt.xxh3").write_text("c" * 32 + "  step-2.pt\n")
    for name, text in (("cut", "Ada\n"), ("bo", "Bo")):
        save(tmp_path / "w" / name / "unsure/x.png", picture(1, SIZE, SIZE))
        (tmp_path / "w" / name / "person.txt").write_text(text)
    drawn(tmp_path / "w/swapped/x.png", "a" * 32)
    drawn(tmp_path / "w/swapped/y.png", "a" * 32)
    (tmp_path / "w/swapped/y.txt").write_text("a caption, no note")
    drawn(tmp_path / "w/swapped/z.png", "b" * 32)
    drawn(tmp_path / "w/swapped/o.png", "c" * 32)
    note(tmp_path / "w/put/a.png", "a" * 32, "Ada", "Bo")
    note(tmp_path / "w/put/b.png", "b" * 32, "Ada", "Bo")
    note(tmp_path / "w/put/c.png", "b" * 32, "Bo", "Cy")
    run_record(tmp_path / "w/r/run.json", ["Cy", "Bo"], ["3" * 16, "2" * 16])
    drawn(tmp_path / "w/r/previews/step-1.png", None)
    got = shown(bifrons, "--uses", "w/ada.h5", "w")
    assert {(x["kind"], x["path"], x["match"], x["n"]) for x in got["found"] if "n" in x} == {
        ("sheet", "w/ada.sheet.png", "pictures", 1), ("folder", "w/cut", "name", 1), ("folder", "w/cut/unsure", "unsure", 1),
        ("drawn", "w/swapped", "pictures", 2), ("drawn", "w/put", "pictures", 1), ("drawn", "w/put", "name", 1)}
    assert got["unknown"] == 1
    text = run(bifrons, "inspect", "--uses", "w/ada.h5", "w").out
    for line in ("w/cut/unsure: faces that may be this person's\n", "w/swapped: 2 pictures drawn by a checkpoint of these pictures\n",
                 "w/put: 1 picture drawn by a checkpoint of a person of this name\n",
                 "1 picture is drawn by a checkpoint that is not here", "not seen  "):
        assert line in text


def test_links_to_files_are_followed_where_the_walk_does_not_meet_the_file(bifrons, tmp_path):
    write_set(tmp_path / "ada.h5")
    mine = shown(bifrons, "ada.h5")["fingerprint"]
    checkpoint(tmp_path / "store/kept.pt", ["Bo", "Ada"], ["0" * 16, mine])
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/mine.pt").symlink_to(tmp_path / "store/kept.pt")
    (tmp_path / "runs/gone.pt").symlink_to("nowhere.pt")
    (tmp_path / "runs/notes.md").symlink_to("nowhere.md")
    drawn(tmp_path / "store/x.png", "a" * 32)
    (tmp_path / "runs/x.png").symlink_to(tmp_path / "store/x.png")
    got = shown(bifrons, "--uses", "ada.h5", "runs")
    assert [(x["kind"], x["path"], x["match"]) for x in got["found"]] == [("checkpoint", "runs/mine.pt", "pictures")]
    assert got["unknown"] == 1  # x.png is followed, and names a checkpoint that is not here
    assert [(x["path"], x["reason"]) for x in got["unreadable"]] == [("runs/gone.pt", "a link to a file that cannot be reached")]


def test_folders_without_runs_are_told(bifrons, tmp_path):
    write_set(tmp_path / "ada.h5")
    save(tmp_path / "photos/a.png", picture(1, SIZE, SIZE))
    assert "no run, checkpoint or set in photos" in run(bifrons, "inspect", "--uses", "ada.h5", "photos", code=66).err
    assert "no such folder: nowhere" in run(bifrons, "inspect", "--uses", "ada.h5", "nowhere", code=66).err
    assert "in which folders?" in run(bifrons, "inspect", "--uses", "ada.h5", code=64).err
    checkpoint(tmp_path / "photos/c.pt", ["Bo", "Cy"], ["1" * 16, "2" * 16])
    assert "nothing that was trained on these pictures" in run(bifrons, "inspect", "--uses", "ada.h5", "photos").out
