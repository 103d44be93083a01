"""PNGs of every kind: exactly Pillow's pixels, within 1 with alpha, or refused by name."""
import struct
import zlib

import numpy
import PIL.Image
import pytest

from icc_files import profile
from pixels import decoded, photo, refused, same, survives_damage, tiff, write
from png_files import CHANNELS, SIGNATURE, chunk, encode, packed, palette, samples

KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
         (4, 8), (4, 16), (6, 8), (6, 16)]


def shown(values, bits):
    """Grey or RGB samples as 8 bits, by the definition."""
    values = values.astype(int)
    values = values >> 8 if bits == 16 else values * 255 // ((1 << bits) - 1)
    return numpy.repeat(values, 3, axis=2) if values.shape[2] == 1 else values


@pytest.mark.parametrize("colour, bits", KINDS)
@pytest.mark.parametrize("interlaced", [False, True])
def test_every_colour_type_and_depth(tmp_path, colour, bits, interlaced):
    for width, height in ((1, 1), (2, 3), (3, 5), (8, 8), (33, 17)):
        values = samples(width, height, bits, colour)
        if colour in (4, 6):
            values[0, 0, -1] = (1 << bits) - 1  # something to see
        before = [palette(1 << bits)] if colour == 3 else []
        path = write(tmp_path / f"{width}.png", encode(values, bits, colour, before,
                                                       interlaced=interlaced))
        if (colour, bits) == (0, 16):  # where Pillow cuts off at 255
            assert (decoded(path) == shown(values, bits)).all()
        else:
            same(path, within=1 if colour in (4, 6) else 0)


def test_a_blank_picture_that_packs_best_is_read(tmp_path):
    """7000 pixels for each byte of the file: near the most that DEFLATE reaches."""
    path = write(tmp_path / "blank.png", encode(numpy.zeros((2048, 2048, 1), int), 1, 0))
    assert path.stat().st_size < 2048 * 2048 / 7000 and not decoded(path).any()


@pytest.mark.parametrize("colour", [0, 2])
def test_sixteen_bits_by_their_high_byte(tmp_path, colour):
    values = samples(9, 9, 8, colour) * 256 + 255
    path = write(tmp_path / "a.png", encode(values, 16, colour))
    assert (decoded(path) == shown(values, 16)).all()


# ---- palettes and transparency ------------------------------------------------------------------

@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_colours_beyond_a_short_palette_are_black(tmp_path, bits):
    values, n = samples(20, 20, bits, 3), max(1, (1 << bits) // 3)
    path = write(tmp_path / "a.png", encode(values, bits, 3, [palette(n)]))
    got = same(path)
    assert (got[values[..., 0] >= n] == 0).all() and (values >= n).any()


def test_palettes_of_odd_lengths_and_places(tmp_path):
    values = samples(20, 20, 8, 3)
    alphas = b"tRNS", bytes(range(0, 200))
    for i, (before, after) in enumerate((
            ([palette(256), (b"tRNS", bytes([0, 100, 200]))], []),
            ([palette(100), alphas], []), ([palette(100), (b"tRNS", bytes(range(90)))], []),
            ([alphas, palette(256)], []), ([palette(256)], [alphas]),
            ([palette(256), (b"tRNS", b"\xff\xff\0\xff")], []),
            ([(b"PLTE", palette(256)[1] + b"xy")], []))):
        same(write(tmp_path / f"{i}.png", encode(values, 8, 3, before, after)), within=1)
    same(write(tmp_path / "long.png", encode(samples(9, 9, 4, 3), 4, 3, [palette(200)])))
    refused(write(tmp_path / "none.png", encode(values, 8, 3)), "palette")


@pytest.mark.parametrize("colour, bits", [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16)])
def test_one_colour_is_transparent(tmp_path, colour, bits):
    values = samples(20, 20, bits, colour)
    gone = values[3, 3]
    key = struct.pack(f">{CHANNELS[colour]}H", *map(int, gone))
    for extra in (b"", b"\1\2\3"):
        path = write(tmp_path / "a.png", encode(values, bits, colour, [(b"tRNS", key + extra)]))
        want = shown(values, bits)
        want[(values == gone).all(axis=2)] = 0
        assert (decoded(path) == want).all()
        if bits == 8:  # Pillow compares other depths after it has scaled them
            same(path)


def test_transparency_that_means_nothing(tmp_path):
    rgb, rgba = samples(9, 9, 8, 2), samples(9, 9, 8, 6)
    same(write(tmp_path / "a.png", encode(rgba, 8, 6, [(b"tRNS", b"\0\1")])), within=1)
    same(write(tmp_path / "p.png", encode(rgb, 8, 2, [palette(20)])))
    same(write(tmp_path / "q.png", encode(rgb, 8, 2, [palette(300)])))
    refused(write(tmp_path / "s.png", encode(rgb, 8, 2, [(b"tRNS", b"\0\1")])), "tRNS", "2", "6")


@pytest.mark.parametrize("colour, bits", [(3, 8), (0, 8), (2, 8), (4, 8), (6, 8), (6, 16), (4, 16)])
def test_wholly_transparent_pictures_are_named(tmp_path, colour, bits):
    values, before = samples(9, 9, bits, colour), []
    if colour in (4, 6):
        values[..., -1] = 0
    elif colour == 3:
        before = [palette(256), (b"tRNS", bytes(256))]
    else:
        values[:] = 77
        before = [(b"tRNS", b"\0\x4d" * CHANNELS[colour])]
    refused(write(tmp_path / "a.png", encode(values, bits, colour, before)), "transparent")
    if colour in (4, 6):  # one pixel, hardly seen, is enough
        values[4, 4, -1] = 1 << (bits - 8)
        assert not isinstance(decoded(write(tmp_path / "b.png", encode(values, bits, colour))), str)


# ---- the file -----------------------------------------------------------------------------------

def test_chunks_that_change_nothing(tmp_path):
    values = samples(20, 20, 8, 2)
    want = same(write(tmp_path / "a.png", encode(values, 8, 2)))
    for i, options in enumerate((
            {"before": [(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", bytes(32)), (b"sRGB", b"\0"),
                        (b"sBIT", b"\5\5\5"), (b"bKGD", b"\0\1\0\1\0\1"), (b"tIME", bytes(7))]},
            {"before": [(b"gAMA", struct.pack(">I", 100000))]},
            {"before": [(b"iCCP", b"x\0\0" + zlib.compress(b"no profile"))]},
            {"split": 7}, {"before": [(b"IDAT", b"")], "after": [(b"IDAT", b"")]},
            {"before": [(b"abCd", b"x")], "after": [(b"abCd", b"x")]},
            {"before": [(b"ABCD", b"x")]})):
        assert (same(write(tmp_path / f"{i}.png", encode(values, 8, 2, **options))) == want).all()
    same(write(tmp_path / "tail.png", encode(values, 8, 2) + b"more"))


def by_hand(raw, width=20, height=20, bits=8, colour=2, rest=b"\0\0\0"):
    header = struct.pack(">IIBB", width, height, bits, colour) + rest
    return (SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", raw) + chunk(b"IEND", b""))


def test_filters_and_ways_of_packing(tmp_path):
    image = photo(33, 21)
    rows = packed(image.reshape(21, -1).astype(int), 8)
    for kind in range(5):
        filtered = bytearray(rows)
        filtered[::100] = bytes([kind]) * 21
        same(write(tmp_path / f"{kind}.png", by_hand(zlib.compress(bytes(filtered)), 33, 21)))
    for i, (level, window, strategy) in enumerate(((0, 15, 0), (9, 9, 0), (9, 15, zlib.Z_FIXED),
                                                   (6, 15, zlib.Z_RLE))):
        packer = zlib.compressobj(level, zlib.DEFLATED, window, 9, strategy)
        data = packer.compress(rows) + packer.flush()
        same(write(tmp_path / f"p{i}.png", by_hand(data, 33, 21)))
    for options in ({"compress_level": 1}, {"optimize": True}):
        PIL.Image.fromarray(image).save(tmp_path / "o.png", **options)
        assert (same(tmp_path / "o.png") == image).all()


def test_what_is_not_a_png_is_named(tmp_path):
    raw = zlib.compress(packed(samples(20, 20, 8, 2).reshape(20, -1), 8))
    good = by_hand(raw)
    for name, data, words in (
            ("cgbi", SIGNATURE + chunk(b"CgBI", b"\x50\0\x20\2") + good[8:], ("CgBI", "PNG")),
            ("twice", good[:33] + good[8:], ("header",)),
            ("first", SIGNATURE + chunk(b"gAMA", bytes(4)) + good[8:], ("header",)),
            ("rgb4", by_hand(raw, bits=4), ("4 bits", "colour type 2")),
            ("depth3", by_hand(raw, bits=3, colour=0), ("3 bits",)),
            ("colour5", by_hand(raw, colour=5), ("colour type 5",)),
            ("index16", by_hand(raw, bits=16, colour=3), ("16 bits",)),
            ("interlace", by_hand(raw, rest=b"\0\0\2"), ("interlace",)),
            ("no pixels", good[:33] + chunk(b"IEND", b""), ("no picture data",)),
            ("short", by_hand(zlib.compress(zlib.decompress(raw)[:-70])), ("pixels",)),
            ("large", by_hand(raw, width=20000), ("20000 x 20", "16384")),
            ("bomb", by_hand(zlib.compress(bytes(5 << 20))), ("damaged PNG", "unpacks to more")),
            ("cut", good[:-12], ("truncated",))):
        refused(write(tmp_path / f"{name}.png", data), *words)


# ---- orientation --------------------------------------------------------------------------------

@pytest.mark.parametrize("orientation", range(0, 10))
@pytest.mark.parametrize("order", "<>")
def test_orientation(tmp_path, orientation, order):
    values, block = photo(23, 11), tiff(order, orientation)
    text = f"\nexif\n{len(block) + 6:8}\n{(b'Exif' + bytes(2) + block).hex()}\n".encode()
    xmp = f'<x:xmpmeta tiff:Orientation="{orientation}"/>'.encode()
    for i, one in enumerate((
            (b"eXIf", block), (b"eXIf", tiff(order, orientation, kind=4)),
            (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)),
            (b"tEXt", b"Raw profile type exif\0" + text),
            (b"tEXt", b"Raw profile type exif\0" + text[:15] + text[15:].upper()),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
            (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)))):
        for place in ("before", "after"):
            path = write(tmp_path / f"{i}.png", encode(values, 8, 2, **{place: [one]}))
            got = same(path)
            assert got.shape == ((23, 11, 3) if 5 <= orientation <= 8 else (11, 23, 3))


def test_garbage_is_no_orientation(tmp_path):
    values = photo(23, 11)
    for i, one in enumerate((
            (b"eXIf", b""), (b"eXIf", b"garbage, and more"), (b"eXIf", b"II*\0\xff\xff\xff\xff"),
            (b"zTXt", b"Raw profile type exif\0\0garbage"), (b"zTXt", b"Raw profile type exif\0"),
            (b"tEXt", b"Raw profile type exif\0\nexif\n"), (b"iTXt", b"XML:com.adobe.xmp\0"),
            (b"iTXt", b"XML:com.adobe.xmp\0\1\0"))):
        assert (decoded(write(tmp_path / f"{i}.png", encode(values, 8, 2, [one]))) == values).all()


# ---- damage -------------------------------------------------------------------------------------

@pytest.mark.parametrize("data", [
    encode(samples(9, 7, 4, 3), 4, 3, [palette(9), (b"tRNS", b"\0\1\2")], interlaced=True),
    encode(samples(5, 5, 16, 6), 16, 6),
    encode(samples(9, 5, 2, 0), 2, 0, [(b"tRNS", b"\0\1"), (b"eXIf", tiff(">", 6))], split=9),
    encode(samples(2, 2, 8, 0), 8, 0, [(b"iCCP", b"x\0\0" + zlib.compress(profile()))])],
    ids=["palette", "rgba", "grey", "profile"])
def test_damaged_ones_end_in_a_picture_or_a_reason(tmp_path, data):
    survives_damage(write(tmp_path / "a.png", data))
