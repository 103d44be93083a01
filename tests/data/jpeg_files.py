"""JPEG files that Pillow cannot write: a small baseline encoder, and edits of headers."""
import struct

import numpy

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i % 8 if (i // 8 + i % 8) % 2 == 0
                                                           else i // 8)))
DC_COUNTS = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)  # T.81, table K.3
BASIS = numpy.array([[(0.5 if k else 0.125 ** 0.5) * numpy.cos((2 * x + 1) * k * numpy.pi / 16)
                      for x in range(8)] for k in range(8)])


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def adobe(transform):
    return segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def exif(tiff):
    return segment(0xE1, b"Exif\0\0" + tiff)


def codes(counts, symbols):
    """Symbol to (code, bits), as T.81 C.2 builds them."""
    table, code, at = {}, 0, 0
    for bits, count in enumerate(counts, 1):
        for symbol in symbols[at:at + count]:
            table[symbol] = code, bits
            code += 1
        at += count
        code <<= 1
    return table


# every AC symbol has a code of 8 bits: 162 of 256
AC_COUNTS = (0, 0, 0, 0, 0, 0, 0, 162, 0, 0, 0, 0, 0, 0, 0, 0)
AC_SYMBOLS = [0x00, 0xF0] + [run << 4 | size for run in range(16) for size in range(1, 11)]
DC, AC = codes(DC_COUNTS, list(range(12))), codes(AC_COUNTS, AC_SYMBOLS)


class Bits:
    def __init__(self):
        self.bits = []

    def put(self, value, n):
        self.bits += [value >> (n - 1 - i) & 1 for i in range(n)]

    def number(self, value, n):
        self.put(value if value >= 0 else value + (1 << n) - 1, n)

    def take(self):
        """Bytes, filled with ones, with zeros behind 0xFF."""
        self.bits += [1] * (-len(self.bits) % 8)
        packed = numpy.packbits(self.bits).tobytes() if self.bits else b""
        self.bits = []
        return packed.replace(b"\xff", b"\xff\0")


def put_block(bits, levels, before):
    size = int(abs(levels[0] - before)).bit_length()
    bits.put(*DC[size])
    bits.number(levels[0] - before, size)
    run = 0
    for level in levels[1:]:
        if level == 0:
            run += 1
            continue
        while run > 15:
            bits.put(*AC[0xF0])
            run -= 16
        size = int(abs(level)).bit_length()
        bits.put(*AC[run << 4 | size])
        bits.number(level, size)
        run = 0
    if run:
        bits.put(*AC[0x00])
    return levels[0]


def blocks(plane, step):
    """(rows, columns, 64) quantized levels of a plane whose sides are multiples of 8."""
    h, w = plane.shape
    tiles = (plane - 128.0).reshape(h // 8, 8, w // 8, 8).swapaxes(1, 2)
    spectrum = numpy.rint(BASIS @ tiles @ BASIS.T / step).astype(int)
    return spectrum.reshape(h // 8, w // 8, 64)[..., ZIGZAG]


def sampled(plane, across, down, columns, rows):
    """A plane at a lower resolution, its edges repeated up to rows x columns."""
    h, w = plane.shape
    whole = numpy.pad(plane.astype(float), ((0, rows * down - h), (0, columns * across - w)), "edge")
    return whole.reshape(rows, down, columns, across).mean(axis=(1, 3))


def encode(planes, factors, segments=b"", ids=(1, 2, 3, 4), restart=0, separate=False, step=3,
           sof=0xC0, fill=b""):
    """
    planes: one (height, width) array each component; factors: (h, v) each. separate: a scan for
    each component. fill: bytes before each marker.
    """
    height, width = planes[0].shape
    h_max, v_max = max(h for h, _ in factors), max(v for _, v in factors)
    across, down = -(-width // (8 * h_max)), -(-height // (8 * v_max))
    levels = [blocks(sampled(p, h_max // h, v_max // v, across * h * 8, down * v * 8), step)
              for p, (h, v) in zip(planes, factors)]
    frame = struct.pack(">BHHB", 8, height, width, len(planes)) + b"".join(
        bytes([i, h << 4 | v, 0]) for i, (h, v) in zip(ids, factors))
    parts = [b"\xff\xd8", segments, segment(0xDB, b"\0" + bytes([step] * 64)), segment(sof, frame),
             segment(0xC4, b"\x00" + bytes(DC_COUNTS) + bytes(range(12))),
             segment(0xC4, b"\x10" + bytes(AC_COUNTS) + bytes(AC_SYMBOLS))]
    if restart:
        parts.append(segment(0xDD, struct.pack(">H", restart)))
    scans = [[c] for c in range(len(planes))] if separate else [list(range(len(planes)))]
    for scan in scans:
        parts.append(segment(0xDA, bytes([len(scan)]) + b"".join(bytes([ids[c], 0]) for c in scan)
                             + b"\x00\x3f\x00"))
        parts.append(entropy(levels, factors, scan, across, down, restart, width, height,
                             h_max, v_max))
    parts.append(b"\xff\xd9")
    return b"".join(p if i in (0, 1) or p[:1] != b"\xff" else fill + p for i, p in enumerate(parts))


def entropy(levels, factors, scan, across, down, restart, width, height, h_max, v_max):
    if len(scan) == 1:  # not interleaved: the component's own blocks, none beyond the picture
        h, v = factors[scan[0]]
        across, down = -(-width * h // (8 * h_max)), -(-height * v // (8 * v_max))
        places = [[(0, 0)]]
        steps = [(1, 1)]
    else:
        places = [[(y, x) for y in range(factors[c][1]) for x in range(factors[c][0])]
                  for c in scan]
        steps = [factors[c] for c in scan]
    bits, out, before, done = Bits(), [], [0] * len(scan), 0
    for row in range(down):
        for column in range(across):
            if restart and done and done % restart == 0:
                out += [bits.take(), bytes([0xFF, 0xD0 + (done // restart - 1) % 8])]
                before = [0] * len(scan)
            for k, c in enumerate(scan):
                h, v = steps[k]
                for y, x in places[k]:
                    before[k] = put_block(bits, levels[c][row * v + y, column * h + x], before[k])
            done += 1
    return b"".join(out) + bits.take()


def ycc(rgb):
    """JFIF's YCbCr, one plane each."""
    r, g, b = (rgb[..., c].astype(float) for c in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return [y, 128 + (b - y) / 1.772, 128 + (r - y) / 1.402]


def frame_at(jpeg):
    """Where the frame's marker byte is."""
    at = 2
    while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]
    return at + 1
