"""What the outside-in tests share: the program, pictures to feed it, PNG files by hand, a small disk."""
import contextlib
import ctypes
import os
import pathlib
import struct
import subprocess
import sys
import zlib

import numpy
import PIL.Image
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/data"))  # the writers of files
PROGRAM = os.environ.get("BIFRONS", str(ROOT / "build/dev/bifrons"))


@contextlib.contextmanager
def small_disk(folder, size):
    """The folder, made as a file system of its own. Without root the test is skipped."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], capture_output=True).returncode:
        pytest.skip("a file system of its own takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


@pytest.fixture
def bifrons(tmp_path):
    """Runs `bifrons ARG...` in tmp_path, with a deadline; never through a shell."""

    def run(*arguments, **environment):
        done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=tmp_path, text=True,
                              capture_output=True, timeout=120,
                              env={**os.environ, **environment})
        assert done.returncode >= 0, f"killed by signal {-done.returncode}: {done.stderr}"
        return Result(done)

    return run


def picture(seed, width=48, height=40):
    """Smooth colours that differ from seed to seed, as (height, width, 3) bytes."""
    y, x = numpy.mgrid[0:height, 0:width]
    waves = [numpy.sin(x / 7 + seed) + numpy.cos(y / (5 + c) + seed * (c + 1)) for c in range(3)]
    return (127 + 60 * numpy.stack(waves, axis=-1)).astype("uint8")


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(path, **options)


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bytes(width, height, bits, colour, raw):
    """A PNG by hand: raw holds the filtered rows."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
            + png_chunk(b"IDAT", zlib.compress(raw)) + png_chunk(b"IEND", b""))


@pytest.fixture
def folder(tmp_path):
    """Six good pictures of one person with a consent statement."""
    for i in range(6):
        save(tmp_path / "ada" / f"p{i}.png", picture(i))
    (tmp_path / "ada/consent.txt").write_text("Ada agreed on 2026-01-31\n")
    return tmp_path / "ada"


def obey_permissions():
    """In a child: root reads what it has the right to, like anybody else."""
    drop_from_bounding_set, may_override, may_search = 24, 1, 2
    libc = ctypes.CDLL(None)
    for right in (may_override, may_search):
        libc.prctl(drop_from_bounding_set, right, 0, 0, 0)
