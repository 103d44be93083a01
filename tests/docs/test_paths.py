"""Files and folders that the documents name are there, and ARCHITECTURE.md's drawing has each folder of the source."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
TREE = {part for file in FILES for part in (file, *map(str, pathlib.PurePath(file).parents))}
TOP = {file.partition("/")[0] for file in FILES if "/" in file}
NAMES = {path.rpartition("/")[2] for path in TREE}
DOCUMENTS = [file for file in FILES if file.endswith(".md") and file != "CHANGELOG.md"]  # that one tells of earlier trees


def is_there(path):
    """Capitals and stars stand for any name."""
    pattern = re.compile(re.sub(r"[A-Z]{3,}|\\\*", "[^/]*", re.escape(path)))
    return path in TREE or any(map(pattern.fullmatch, TREE))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_exist(document):
    text = (ROOT / document).read_text()
    named = {word.strip(".,;:()").rstrip("/") for span in re.findall(r"`([^`\n]+)`", text) for word in span.split()}
    paths = {name for name in named if name.partition("/")[0] in TOP and "/" in name and re.fullmatch(r"[\w./*-]+", name)}
    sources = {name for name in named if re.fullmatch(r"\w+\.(c|h|cpp|hpp|cu)", name)}
    links = [link for link in re.findall(r"\]\(([^)#\s:]+)[)#]", text) if not (ROOT / document).parent.joinpath(link).exists()]
    assert [path for path in paths if not is_there(path)] == [] and sources - NAMES == set() and links == []


def test_the_drawing_has_each_folder():
    drawing = re.search(r"```\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), re.S)[1]
    lines = drawing.splitlines()
    folders = {path.rpartition("/")[2] for path in TREE
               if re.match(r"(src|shim)/(?!.*\binclude\b)", path) and (ROOT / path).is_dir()}
    assert len(lines) == len(set(lines))
    assert [name for name in folders - {"off"} if not re.search(rf"\b{name}\b", drawing)] == []
    assert set(re.findall(r"(\w+)/", drawing)) - folders - TOP == set()
