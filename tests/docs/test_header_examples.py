"""Every example in a header compiles, as the program's own code does.

An example is a block of a header's comment that is indented by five spaces or more and has a line that
ends as C does, in ; { or }. It becomes the body of a function and is compiled with its module's include
folders, warnings as errors. What it uses and does not declare stands in GIVEN."""

import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BIFRONS", ROOT / "build/dev/bifrons")).resolve().parent
HEADERS = sorted(path for folder in ("src", "shim") for path in (ROOT / folder).rglob("*.h"))
# An example need not use what it shows, and may name its variables as GIVEN does.
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wvla", "-Wconversion", "-Wformat=2", "-Wstrict-prototypes", "-Werror",
            "-Wno-unused-variable", "-Wno-unused-but-set-variable", "-Wno-unused-value"]

# Header: what its examples take as given, beside `em` and `st`, which every example has.
GIVEN = {
}
EVERYWHERE = "extern struct errmsg em;\nextern enum status st;\n"


def comments(text):
    """(number of its first line, lines without the star) of each comment."""
    for found in re.finditer(r"/\*.*?\*/", text, re.S):
        lines = re.sub(r"^/\*|\*/$", "", found.group()).split("\n")
        yield text.count("\n", 0, found.start()) + 1, [lines[0]] + [re.sub(r"^\s*\*?", "", line, count=1) for line in lines[1:]]


def blocks(header):
    """(number of its first line, lines) of each indented block in the header's comments."""
    for first, lines in comments(header.read_text()):
        block = []
        for number, line in enumerate([*lines, ""], first):
            if re.match(r" {5}", line):
                block.append(line)
            elif block:
                yield number - len(block), block
                block = []


def is_code(block):
    return any(re.search(r"[;{}]$", line.split("//")[0].rstrip()) for line in block)


EXAMPLES = {f"{header.relative_to(ROOT)}:{number}": (header, block)
            for header in HEADERS for number, block in blocks(header) if is_code(block)}


def include_options(header):
    """Of the C or C++ source that is nearest to the header, from the build's compile commands."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    for folder in header.parents:
        for entry in commands:
            if folder in pathlib.Path(entry["file"]).parents:
                words = shlex.split(entry["command"])
                folders = [word for i, word in enumerate(words) if word.startswith("-I")]
                return folders + [f"-isystem{words[i + 1]}" for i, word in enumerate(words) if word == "-isystem"]
    raise AssertionError(f"no source beside {header}")


def as_program(header, block):
    includes, given = GIVEN.get(str(header.relative_to(ROOT)), ((), ""))
    lines = ["#include <math.h>", "#include <stdio.h>", "#include <string.h>", "#include \"base/log.h\"",
             *(f'#include "{name}"' for name in includes), f'#include "{header}"', EVERYWHERE, given,
             "int example(void);", "int example(void)", "{", *block, "return 0;", "}", ""]
    return "\n".join(lines)


@pytest.mark.parametrize("place", EXAMPLES)
def test_an_example_compiles(place):
    header, block = EXAMPLES[place]
    done = subprocess.run(["cc", "-x", "c", "-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", *WARNINGS,
                           f"-I{header.parent}", f"-I{ROOT}/src/base/include", *include_options(header), "-"],
                          input=as_program(header, block), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{place} does not compile:\n{as_program(header, block)}\n{done.stderr}"


def test_no_call_hides_in_what_does_not_count_as_code():
    """A block that calls one of our functions is an example, and is to be written as one."""
    declared = {name for header in HEADERS
                for name in re.findall(r"\b(\w+)\(", re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S))}
    hidden = [f"{header.relative_to(ROOT)}:{number}: {name}(" for header in HEADERS for number, block in blocks(header)
              if not is_code(block) for name in set(re.findall(r"\b(\w+)\(", "\n".join(block))) & declared]
    assert hidden == []


def test_what_is_given_is_used():
    assert set(GIVEN) <= {str(header.relative_to(ROOT)) for header, _ in EXAMPLES.values()}
    assert len(EXAMPLES) >= 35
