"""bench/measures correlates what eval tells of checkpoints. A stand-in tells it here."""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NUMBERS = ["identity", "pose", "mouth", "width", "corners", "eyes", "brows", "gaze"]


def told(l1, **numbers):
    part = {"swap": {"l1": l1}, "faces": {"swap": {name: numbers.get(name) for name in NUMBERS}}}
    return {"checkpoint": "x.pt", "a2b": part, "b2a": part}


def measures(*words):
    return subprocess.run([sys.executable, ROOT / "bench/measures", *words], capture_output=True, text=True, timeout=60)


def stand_in(folder):
    """A build whose program tells what lies in the checkpoint."""
    (folder / "bifrons").write_text('#!/bin/sh\n[ "$1 $3 $4" = "eval --faces=5 --json" ] && exec cat "$2"\n')
    for name in ("bifrons", "bifrons-engine"):
        (folder / name).touch()
        (folder / name).chmod(0o755)


def cells(line):
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


def test_numbers_are_correlated_with_the_error_over_checkpoints(tmp_path):
    stand_in(tmp_path)
    files = []
    for i, l1 in enumerate((0.1, 0.2, 0.05, 0.4)):
        files.append(tmp_path / f"step-{i}.pt")
        files[-1].write_text(json.dumps(told(l1, identity=1 - l1, pose=l1 ** 3, mouth=1, eyes=[3, 2, 1, None][i])))
    done = measures(*files, "--faces", "5", "--build", tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert cells(lines[0])[1:] == ["L1", *NUMBERS] and cells(lines[2])[:3] == ["step-0", "0.100", "0.90"]
    assert cells(lines[-1])[1:] == ["1.000", "-1.00", "1.00", "-", "-", "-", "0.50", "-", "-"]
    again = measures("--read", *files)
    assert again.stdout == done.stdout


def test_what_cannot_be_compared_is_told(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.json").write_text(json.dumps({**told(0.1), "b2a": {"swap": None, "faces": None}}))
    files = sorted(tmp_path.glob("*.json"))
    done = measures("--read", *files)
    assert done.returncode == 1 and "needs sets with true swaps, and --faces" in done.stderr
    stand_in(tmp_path)
    assert "give three checkpoints or more" in measures(files[0], "--build", tmp_path).stderr
