"""What the tests of decoded pixels share: the worker, Pillow's opinion, and pictures to compare."""
import functools
import os
import pathlib
import struct
import subprocess

import numpy
import PIL.Image
import PIL.ImageOps

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKER = os.environ.get("PICTURE_WORKER", str(ROOT / "build/dev/tests/picture_worker"))


@functools.cache
def worker():
    """One for all pictures, which ends with this process."""
    return subprocess.Popen([WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def decoded(path):
    """(height, width, 3) bytes, or the text of the refusal."""
    w = worker()
    w.stdin.write(f"{path}\n".encode())
    w.stdin.flush()
    word, _, text = w.stdout.readline().decode().strip("\n").partition(" ")
    assert word, f"the worker ended at {path}: {w.wait()}"
    if word != "ok":
        return f"{word}: {text}"
    width, height = map(int, text.split())
    return numpy.frombuffer(w.stdout.read(3 * width * height), "uint8").reshape(height, width, 3)


def survives_damage(path):
    """Cut off anywhere, with any bit flipped, the file ends in a picture or in a reason."""
    done = subprocess.run([WORKER, "--damage", path], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("tried"), done.stderr


def write(path, data):
    path.write_bytes(data)
    return path


def refused(path, *words):
    got = decoded(path)
    assert isinstance(got, str), f"{path} was read"
    assert got.startswith("DATA: ") and str(path) in got
    for word in words:
        assert word in got, got


def pillow(path):
    """What Pillow sees: upright, alpha over black."""
    image = PIL.ImageOps.exif_transpose(PIL.Image.open(path))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        black = PIL.Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = PIL.Image.alpha_composite(black, image)
    return numpy.asarray(image.convert("RGB"))


def same(path, within=0):
    """Decodes as Pillow does, to within a number of levels."""
    got, want = decoded(path), pillow(path)
    assert not isinstance(got, str), got
    assert got.shape == want.shape
    worst = abs(got.astype(int) - want.astype(int)).max()
    assert worst <= within, f"{path.name}: off by up to {worst}"
    return got


def close(path):
    """A JPEG: 1 level on the mean, 4 for 99 of 100 pixels."""
    got, want = decoded(path), pillow(path)
    assert not isinstance(got, str), got
    assert got.shape == want.shape
    off = abs(got.astype(int) - want.astype(int))
    near = (off.max(axis=-1) <= 4).mean()
    assert off.mean() <= 1 and near >= 0.99, f"{path.name}: mean {off.mean()}, within 4: {near}"
    return got


def photo(width=64, height=48, seed=1):
    """Smooth colours, sharp grey edges and a little noise, as (height, width, 3) bytes."""
    noise = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width]
    waves = numpy.stack([numpy.sin(x / (9 + c) + seed) + numpy.cos(y / (7 + c) + seed * c)
                         for c in range(3)], axis=-1)
    grey = 50.0 * ((x // 11 + y // 13) % 2)[..., None]
    pixels = 100 + 45 * waves + grey + noise.normal(0, 2, (height, width, 1))
    return pixels.clip(0, 255).astype("uint8")


def tiff(order, orientation, kind=3, before=0, count=1):
    """A TIFF block with an orientation, after some other entries."""
    entry = order + ("HHIHH" if kind == 3 else "HHII")
    value = (orientation, 0) if kind == 3 else (orientation,)
    entries = b"".join(struct.pack(order + "HHII", 0x100 + i, 4, 1, i) for i in range(before))
    entries += struct.pack(entry, 0x112, kind, count, *value)
    return (struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8)
            + struct.pack(order + "H", before + 1) + entries + b"\0\0\0\0")
