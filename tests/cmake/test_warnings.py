"""Optimising, GCC sees more than in the dev build: a release build of our C has to be free of warnings, too."""

import json
import os
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

BUILD = Path(os.environ["BIFRONS"]).parent
SOURCE = Path(os.environ["BIFRONS_SOURCE"])
OTHERS = ("-O", "-g", "-fsanitize", "-fno-sanitize", "-Werror")  # what a build type or preset adds


def commands():
    """{file: its compilation as a release build does it, with nothing written}; a file compiled twice counts once."""
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        if not entry["file"].endswith(".c") or not Path(entry["file"]).is_relative_to(SOURCE) or "-Wall" not in words:
            continue  # C++ takes minutes; generated code is not held to our warnings
        words = words[1:] if words[0].endswith("ccache") else words
        words[words.index("-o") + 1] = os.devnull
        words = [word for word in words if not word.startswith(OTHERS)]
        found[entry["file"]] = [*words, "-O3", "-DNDEBUG"], entry["directory"]
    return found


def complaints_of(compilation):
    command, folder = compilation
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.stderr or ("" if done.returncode == 0 else f"{shlex.join(command)} ends with {done.returncode}")


def test_a_release_build_has_no_warnings():
    found = commands()
    assert len(found) > 100
    (compiler, *_), _ = next(iter(found.values()))
    if b"Free Software Foundation" not in subprocess.run([compiler, "--version"], capture_output=True).stdout:
        pytest.skip("the warnings of GCC are meant")
    with ThreadPoolExecutor(2) as pool:
        complaints = [text for text in pool.map(complaints_of, found.values()) if text]
    assert not complaints, "\n".join(complaints)
