"""Colour profiles (ICC.1) of pictures."""
import struct

# red, green and blue as X, Y, Z, adapted to D50
PRIMARIES = {
    "sRGB": ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)),
    "Display P3": ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
    "Adobe RGB": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    "ProPhoto": ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)),
}


def sampled(*values):
    """A curve of an ICC profile: none: a line; one: an exponent * 256."""
    return b"curv" + struct.pack(f">II{len(values)}H", 0, len(values), *values)


def parametric(kind, *values):
    return b"para" + struct.pack(f">IHH{len(values)}i", 0, kind, 0, *(round(v * 65536) for v in values))


SRGB_CURVE = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(primaries="Display P3", curve=SRGB_CURVE, more=(), space=b"RGB "):
    """An ICC profile of primaries (a name or numbers) and a curve, as colour managers write it; `more`: other tags."""
    tags = {b"desc": b"desc" + struct.pack(">II", 0, 5) + b"Test\0" + bytes(79), b"cprt": b"text\0\0\0\0none\0",
            b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)}
    for letter, numbers in zip("rgb", PRIMARIES[primaries] if isinstance(primaries, str) else primaries):
        tags[f"{letter}XYZ".encode()] = b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * v) for v in numbers))
        tags[f"{letter}TRC".encode()] = curve
    tags.update(more)
    table, data = struct.pack(">I", len(tags)), b""
    for tag, contents in tags.items():
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(data), len(contents))
        data += contents + bytes(-len(contents) % 4)
    head = (struct.pack(">I4xI", 128 + len(table + data), 0x02400000) + b"mntr" + space + b"XYZ " + bytes(12) + b"acsp"
            + bytes(28) + struct.pack(">3i", 63190, 65536, 54061))
    return head.ljust(128, b"\0") + table + data
