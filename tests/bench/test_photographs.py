"""bench/photographs extracts, trains twice, measures held-out scenes and prints. A stand-in for bifrons extracts, trains and
measures here; bench/photographs itself cuts the true swaps."""

import json
import pathlib
import subprocess
import sys

import numpy
import PIL.Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENES = 8
SIZE = 32
MATRIX = (0.5, 0, -4.25, 0, 0.5, -8.25)  # half as large; pixel centres: (2 u + 8.5, 2 v + 16.5)

STAND_IN = '''#!{python}
import json, pathlib, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
command, *words = sys.argv[1:]
after = lambda option: words[words.index(option) + 1]
if command == "extract":
    out = pathlib.Path(after("-o"))
    out.mkdir()
    rows = ["name,source,m00,m01,m02,m10,m11,m12"]
    for i, source in enumerate(words[:words.index("-o")]):
        stem = pathlib.Path(source).stem
        name = "" if stem == "0006" else f"{{i + 1:06d}}-{{stem}}.png"
        rows.append(",".join([name, source, *({matrix!r} if name else [""] * 6)]))
    (out / "faces.csv").write_text("\\n".join(rows) + "\\n")
elif command == "pack":
    pathlib.Path(after("-o")).touch()
elif command == "eval":
    n = 0.1 if "run-with/" in words[0] else 0.2
    part = {{key: {{"l1": n, "ssim": 0.5}} for key in ("swap", "truth_redrawn", "unchanged", "mean_face")}}
    faces = {{"identity": n, **dict.fromkeys("pose mouth width corners eyes brows gaze".split()), "found": 1, "pictures": 2}}
    part |= {{"reconstruction": None, "faces": {{"swap": faces, "true_swap": None}}}}
    print(json.dumps({{"a2b": part, "b2a": part}}))
'''


def scene(person, number):
    """Red and green say where a pixel is, blue says which person and scene it shows."""
    y, x = numpy.mgrid[0:96, 0:96]
    return numpy.stack([2 * x, 2 * y, 0 * x + 20 * number + (100 if person == "b" else 0)], axis=-1).astype("uint8")


def test_held_out_scenes_are_measured_against_the_other_person_s_picture(tmp_path):
    for person in "ab":
        folder = tmp_path / f"in/person_{person}"
        folder.mkdir(parents=True)
        for number in range(SCENES):
            PIL.Image.fromarray(scene(person, number)).save(folder / f"{number:04d}.jpg", quality=100, subsampling=0)
    build, log = tmp_path / "build", tmp_path / "log"
    build.mkdir()
    for name in ("bifrons", "bifrons-engine"):
        (build / name).write_text(STAND_IN.format(python=sys.executable, log=str(log), matrix=[str(m) for m in MATRIX]))
        (build / name).chmod(0o755)
    words = [sys.executable, ROOT / "bench/photographs", tmp_path / "in", "--apart", "--steps", "7", "--size", str(SIZE),
             "--build", build, "--out", tmp_path / "out", "--hold"]
    done = subprocess.run([*words, "3"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "cutting 2 pictures of person_b" in done.stderr and "training without: see" in done.stderr

    calls = [json.loads(line) for line in log.read_text().splitlines()]
    extracted = [[pathlib.Path(word).stem for word in call if word.endswith(".jpg")] for call in calls if call[0] == "extract"]
    assert extracted == [["0001", "0005", "0007"], ["0002", "0004"], ["0000", "0003", "0006"], ["0000", "0003", "0006"]]
    trained = [" ".join(call) for call in calls if call[0] == "train"]
    assert len(trained) == 2 and all("train.max_steps=7" in words and f"data.a={tmp_path}/out/a.h5" in words for words in trained)
    assert ["model.pose=none" in words for words in trained] == [False, True]
    measured = [call for call in calls if call[0] == "eval"]
    assert [call[call.index("--data-b") + 1] for call in measured] == [f"{tmp_path}/out/b-held.h5"] * 2

    truths = sorted(path.name for path in (tmp_path / "out/a-held/truth").iterdir())
    assert truths == ["000001-0000.png", "000002-0003.png"]  # no face was found in scene 6
    shown = numpy.asarray(PIL.Image.open(tmp_path / "out/a-held/truth/000002-0003.png")).astype(int)
    v, u = numpy.mgrid[0:SIZE, 0:SIZE]
    wanted = numpy.stack([2 * (2 * u + 8.5), 2 * (2 * v + 16.5), 0 * u + 160], axis=-1)
    assert shown.shape == (SIZE, SIZE, 3) and numpy.abs(shown - wanted)[2:-2, 2:-2].max() < 3

    lines = done.stdout.splitlines()
    assert "3 and 2 scenes to train on, 3 held out, 7 steps" in lines[0]
    assert "| with pose codes, A to B | 0.1000 / 0.50 | 0.1000 / 0.50 | 0.1000 / 0.50 | 0.1000 / 0.50 | - |" in lines
    assert "| without, B to A: swap | 1 of 2 | 0.20 | - | - | - | - | - | - | - |" in lines

    done = subprocess.run([*words, "4"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "its sets were made with hold 3 instead of 4: name another folder" in done.stderr


def test_too_few_scenes_and_a_bad_hold_are_told(tmp_path):
    for person in "ab":
        (tmp_path / f"person_{person}").mkdir()
    for name in ("bifrons", "bifrons-engine"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o755)
    words = [sys.executable, ROOT / "bench/photographs", tmp_path, "--build", tmp_path]
    done = subprocess.run([*words, "--hold", "1"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--hold 1: give 2 or more" in done.stderr
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "0 scenes (*.jpg) with both people; 20 or more are needed" in done.stderr
