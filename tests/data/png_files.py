"""PNG files by hand: any depth, colour type, interlacing and extra chunks."""
import struct
import zlib

import numpy

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # x, y, step across, step down


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(samples, bits):
    """(rows, columns * channels) samples as rows of bytes, each after its filter byte."""
    if bits == 16:
        rows = samples.astype(">u2").view("uint8").reshape(len(samples), -1)
    else:
        places = samples[..., None] >> numpy.arange(bits - 1, -1, -1) & 1
        rows = numpy.packbits(places.reshape(len(samples), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in rows)


def encode(samples, bits, colour, before=(), after=(), interlaced=False, split=0):
    """
    samples: (height, width, channels). before, after: (kind, data) chunks before and behind the
    pixels. split: at most so many bytes in one IDAT.
    """
    height, width = samples.shape[:2]
    raw = b""
    for x, y, across, down in PASSES if interlaced else ((0, 0, 1, 1),):
        part = samples[y::down, x::across]
        if part.size:
            raw += packed(part.reshape(part.shape[0], -1).astype(int), bits)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    data = zlib.compress(raw)
    pieces = [data[i:i + split] for i in range(0, len(data), split)] if split else [data]
    return SIGNATURE + b"".join(chunk(kind, d) for kind, d in (
        (b"IHDR", header), *before, *((b"IDAT", p) for p in pieces), *after, (b"IEND", b"")))


def samples(width, height, bits, colour, seed=1):
    """Noise that uses every value."""
    noise = numpy.random.default_rng(seed)
    return noise.integers(0, 1 << bits, (height, width, CHANNELS[colour]))


def palette(n, seed=2):
    return b"PLTE", numpy.random.default_rng(seed).integers(0, 256, 3 * n, "uint8").tobytes()
