"""BMP files by hand: any header, depth, masks and run lengths."""
import struct

import numpy

RAW, RLE8, RLE4, BITFIELDS, JPEG, PNG, ALPHA_BITFIELDS = range(7)
MASKS_565, MASKS_555 = (0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)


def rows(values, bits, pad=True):
    """(height, width) pixel values as padded rows, in the order given."""
    parts = []
    for row in values:
        if bits < 8:
            places = numpy.asarray(row)[:, None] >> numpy.arange(bits - 1, -1, -1) & 1
            data = numpy.packbits(places.ravel()).tobytes()
        else:
            data = b"".join(int(v).to_bytes(bits // 8, "little") for v in row)
        parts.append(data + bytes(-len(data) % 4))
    whole = b"".join(parts)
    return whole if pad else whole[:len(whole) - (len(parts[-1]) - len(data))]


def encode(width, height, bits, data, palette=None, header=40, compression=RAW, masks=(),
           colours=None, offset=None, gap=b""):
    """
    height < 0: rows from the top. data: the pixels as stored. palette: (n, 3) RGB. masks: three or
    four; behind a header of 40 bytes, else in it. offset: what the file says, the truth if None.
    """
    if colours is None:
        colours = len(palette) if palette is not None and header != 12 else 0
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
        table = b"".join(bytes([b, g, r]) for r, g, b in palette) if palette is not None else b""
    else:
        info = struct.pack("<IIiHHIIIIII", header, width, height, 1, bits, compression, len(data), 0,
                           0, colours, 0)
        info += struct.pack(f"<{len(masks)}I", *masks) if header > 40 else b""
        info = info[:header] + bytes(max(header - len(info), 0))
        table = struct.pack(f"<{len(masks)}I", *masks) if header == 40 else b""
        if palette is not None:
            table += b"".join(bytes([b, g, r, 0]) for r, g, b in palette)
    body = info + table + gap
    at = 14 + len(body) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(data), 0, 0, at) + body + data


def palette(n, seed=3):
    return numpy.random.default_rng(seed).integers(0, 256, (n, 3))


def values(width, height, bits, seed=4):
    return numpy.random.default_rng(seed).integers(0, 1 << min(bits, 31), (height, width))


def runs8(indices):
    """Runs of 8 bits, the first row at the bottom: turns of encoded and absolute ones."""
    out = b""
    for y, row in enumerate(indices[::-1]):
        x = 0
        while x < len(row):
            n = 1
            while x + n < len(row) and row[x + n] == row[x] and n < 255:
                n += 1
            if n == 1 and len(row) - x >= 3 and y % 2:
                n = min(len(row) - x, 7)
                out += bytes([0, n, *map(int, row[x:x + n])]) + bytes(n % 2)
            else:
                out += bytes([n, int(row[x])])
            x += n
        out += b"\0\0"
    return out[:-2] + b"\0\1"


def runs4(indices):
    """Runs of 4 bits: two colours in turn, or as they are."""
    out = b""
    for y, row in enumerate(indices[::-1]):
        row, x = list(map(int, row)), 0
        while x < len(row):
            pair = (row[x:x + 2] * 2)[:2]
            n = 1
            while x + n < len(row) and row[x + n] == pair[n % 2] and n < 255:
                n += 1
            if n < 4 and len(row) - x >= 3 and y % 2:
                n = min(len(row) - x, 9)
                digits = row[x:x + n] + [0] * (-n % 4)
                out += bytes([0, n]) + bytes(a << 4 | b for a, b in zip(digits[::2], digits[1::2]))
            else:
                out += bytes([n, pair[0] << 4 | pair[1]])
            x += n
        out += b"\0\0"
    return out[:-2] + b"\0\1"
