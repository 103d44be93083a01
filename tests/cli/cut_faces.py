"""What the tests of bifrons extract share: two rendered people, two scenes with each."""
import csv
import os
import pathlib
import shutil

import numpy
import PIL.Image
import pytest

from conftest import ROOT

PICTURES = pathlib.Path(__file__).parent / "photographs"
MODELS = pathlib.Path(os.environ.get("BIFRONS_MODELS", ROOT / "build/share/bifrons"))
needs_models = pytest.mark.skipif(not (MODELS / "identity.pt").exists(),
                                  reason="the networks come with scripts/setup --photographs")


def command(*arguments, out="out", consent="Ada agreed on 2026-01-31"):
    return ["extract", *map(str, arguments), "-o", out, "--person", "Ada", "--models", str(MODELS),
            *(["--consent", consent] if consent else [])]


def extract(bifrons, *arguments, code=0, out="out", consent="Ada agreed on 2026-01-31"):
    result = bifrons(*command(*arguments, out=out, consent=consent))
    assert result.code == code, result.err
    return result


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def verdicts(folder):
    """{name of the source: verdict} of faces.csv."""
    return {pathlib.Path(row["source"]).name: row["verdict"] for row in rows(folder / "faces.csv")}


def pixels(name):
    return numpy.asarray(PIL.Image.open(PICTURES / f"{name}.jpg").convert("RGB"))


def beside(*names):
    return numpy.concatenate([pixels(name) for name in names], axis=1)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def ada(tmp_path):
    """A folder with two pictures of one person, one of them in a folder inside."""
    (tmp_path / "ada/more").mkdir(parents=True)
    shutil.copy(PICTURES / "a0003.jpg", tmp_path / "ada")
    shutil.copy(PICTURES / "a0009.jpg", tmp_path / "ada/more")
    return tmp_path / "ada"
