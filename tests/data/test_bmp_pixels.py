"""BMPs of every kind: exactly Pillow's pixels, within 1 with alpha, or refused by name."""
import numpy
import PIL.Image
import pytest

from bmp_files import (ALPHA_BITFIELDS, BITFIELDS, MASKS_555, MASKS_565, RLE4, RLE8, encode,
                       palette, rows, runs4, runs8, values)
from pixels import decoded, photo, refused, same, survives_damage, write

HEADERS = [12, 40, 52, 56, 64, 108, 124]
BGRA = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def colours_of(indices, table):
    return numpy.asarray(table, "uint8")[indices]


# ---- palettes -----------------------------------------------------------------------------------

@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("header", HEADERS)
def test_palettes(tmp_path, bits, header):
    table = palette(1 << bits)
    for width in (1, 3, 8, 17, 33):
        indices = values(width, 5, bits)
        data = rows(indices, bits)
        got = same(write(tmp_path / "a.bmp", encode(width, 5, bits, data, table, header)))
        assert (got == colours_of(indices[::-1], table)).all()
        if header > 12:
            got = same(write(tmp_path / "b.bmp", encode(width, -5, bits, data, table, header)))
            assert (got == colours_of(indices, table)).all()


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palettes_of_other_lengths(tmp_path, bits):
    whole, half = 1 << bits, max(1, (1 << bits) // 2)
    indices = values(33, 5, bits)
    data, few = rows(indices, bits), rows(indices % half, bits)
    same(write(tmp_path / "few.bmp", encode(33, 5, bits, few, palette(half))))
    got = same(write(tmp_path / "beyond.bmp", encode(33, 5, bits, data, palette(half))))
    assert (got[indices[::-1] >= half] == 0).all()
    same(write(tmp_path / "unsaid.bmp", encode(33, 5, bits, data, palette(whole), colours=0)))
    same(write(tmp_path / "offset.bmp", encode(33, 5, bits, data, palette(whole), offset=54)))
    same(write(tmp_path / "none.bmp", encode(33, 5, bits, data, palette(whole), offset=0)))
    same(write(tmp_path / "gap.bmp", encode(33, 5, bits, data, palette(whole), gap=b"12345")))
    grey = numpy.repeat(numpy.arange(whole)[:, None] * 255 // (whole - 1), 3, axis=1)
    same(write(tmp_path / "grey.bmp", encode(33, 5, bits, data, grey)))
    same(write(tmp_path / "inverted.bmp", encode(33, 5, bits, data, grey[::-1])))
    many = palette(whole + 9)
    got = decoded(write(tmp_path / "many.bmp", encode(33, 5, bits, data, many)))
    assert (got == colours_of(indices[::-1], many)).all()


def test_two_bits_and_short_os2_headers(tmp_path):
    """Pillow reads neither."""
    indices, table = values(33, 5, 2), palette(4)
    path = write(tmp_path / "a.bmp", encode(33, 5, 2, rows(indices, 2), table))
    assert (decoded(path) == colours_of(indices[::-1], table)).all()
    indices, table = values(33, 5, 4), palette(16)
    path = write(tmp_path / "b.bmp", encode(33, 5, 4, rows(indices, 4), table, header=16))
    assert (decoded(path) == colours_of(indices[::-1], table)).all()


def test_black_and_white_of_more_bits(tmp_path):
    """Pillow takes them for one bit a pixel."""
    indices, table = values(33, 5, 1), numpy.array([[0] * 3, [255] * 3])
    for bits in (4, 8):
        path = write(tmp_path / "a.bmp", encode(33, 5, bits, rows(indices, bits), table))
        assert (decoded(path) == colours_of(indices[::-1], table)).all()


# ---- 16, 24, 32 bits ----------------------------------------------------------------------------

@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("header", HEADERS)
def test_without_a_palette(tmp_path, bits, header):
    """A byte that no mask names is not alpha; masks without the compression that has them count not."""
    for width in (1, 2, 33):
        data = rows(values(width, 5, bits), bits)
        same(write(tmp_path / "a.bmp", encode(width, 5, bits, data, header=header)))
        if header > 12:
            same(write(tmp_path / "b.bmp", encode(width, -5, bits, data, header=header)))
        if header > 56:
            same(write(tmp_path / "c.bmp", encode(width, 5, bits, data, header=header, masks=BGRA)))
    clear = rows(values(33, 5, 32) & 0xFFFFFF, 32)
    same(write(tmp_path / "d.bmp", encode(33, 5, 32, clear, header=header)))


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("bits, masks", [
    (16, MASKS_565), (16, MASKS_555), (16, MASKS_555 + (0x8000,)), (24, BGRA[:3]), (24, BGRA),
    (32, BGRA[:3] + (0,)), (32, BGRA), (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    (32, (0xFF000000, 0xFF0000, 0xFF00, 0)), (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
    (32, (0xFF000000, 0xFF00, 0xFF, 0)), (32, (0xFF000000, 0xFF00, 0xFF, 0xFF0000)),
    (32, (0, 0, 0, 0))], ids=str)
def test_masks_that_pillow_knows(tmp_path, header, bits, masks):
    masks = masks[:4 if header >= 56 else 3]
    if bits == 32 and header < 56 and masks == (0xFF, 0xFF00, 0xFF0000):
        return  # this one Pillow knows with alpha only
    for height in (5, -5):
        data = encode(33, height, bits, rows(values(33, 5, bits), bits), header=header,
                      compression=BITFIELDS, masks=masks)
        same(write(tmp_path / "a.bmp", data), within=1 if len(masks) == 4 and bits == 32 else 0)


@pytest.mark.parametrize("bits, masks", [
    (16, (0xF00, 0xF0, 0xF)), (16, MASKS_565[::-1]), (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    (32, (0xFF, 0xFF00, 0xFF0000)), (32, (0xFFFF0000, 0xFF00, 0xFF))], ids=str)
def test_odd_masks(tmp_path, bits, masks):
    """Pillow refuses them; a channel is its bits, from 0 to 255."""
    pixels = values(33, 5, bits)
    data = encode(33, -5, bits, rows(pixels, bits), compression=BITFIELDS, masks=masks)
    got = decoded(write(tmp_path / "a.bmp", data))
    for c, mask in enumerate(masks):
        low = mask & -mask
        assert (got[..., c] == (pixels & mask) // low * 255 // (mask // low)).all()


def test_alpha_of_a_windows_ce_bitmap(tmp_path):
    pixels = values(33, 5, 31) | 1 << 30
    data = rows(pixels, 32)
    ours = encode(33, 5, 32, data, compression=ALPHA_BITFIELDS, masks=BGRA)
    known = encode(33, 5, 32, data, header=56, compression=BITFIELDS, masks=BGRA)
    assert (decoded(write(tmp_path / "a.bmp", ours)) == same(write(tmp_path / "b.bmp", known),
                                                             within=1)).all()


def test_wholly_transparent_pictures_are_named(tmp_path):
    pixels = values(33, 5, 32) & 0xFFFFFF
    path = write(tmp_path / "a.bmp", encode(33, 5, 32, rows(pixels, 32), header=124,
                                            compression=BITFIELDS, masks=BGRA))
    refused(path, "transparent")


def test_pillows_own(tmp_path):
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        PIL.Image.fromarray(photo(33, 21)).convert(mode).save(tmp_path / "a.bmp")
        same(tmp_path / "a.bmp")


# ---- runs ---------------------------------------------------------------------------------------

TABLE = palette(256)


def rle(width, height, data, bits=8, **options):
    return encode(width, height, bits, data, TABLE[:1 << bits],
                  compression=RLE8 if bits == 8 else RLE4, **options)


def drawn(seed=4):
    indices = numpy.repeat(values(9, 7, 8, seed), 4, axis=1)[:, :33]
    indices[2] = values(33, 1, 8, seed)
    return indices


@pytest.mark.parametrize("bits, runs", [(8, runs8), (4, runs4)])
def test_runs(tmp_path, bits, runs):
    indices = drawn() % (1 << bits)
    data = runs(indices)
    for header in (40, 64, 108, 124):
        got = same(write(tmp_path / "a.bmp", rle(33, 7, data, bits, header=header)))
        assert (got == colours_of(indices, TABLE)).all()
    got = same(write(tmp_path / "top.bmp", rle(33, -7, data, bits)))
    assert (got == colours_of(indices[::-1], TABLE)).all()
    got = same(write(tmp_path / "no_end.bmp", rle(33, 7, data[:-2], bits)))
    assert (got == colours_of(indices, TABLE)).all()
    refused(write(tmp_path / "cut.bmp", rle(33, 7, data[:-12], bits)), "truncated")


def test_steps_and_early_ends(tmp_path):
    """What no run names has colour 0. Pillow reads such files only where their last row is full."""
    rows_of = {  # from below
        "early": (b"\3\7\0\0\2\5\0\1", [[7] * 3 + [0] * 3, [5] * 2 + [0] * 4, [0] * 6]),
        "nothing": (b"\0\1", [[0] * 6] * 3),
        "short rows": (b"\2\7\0\0\3\x08\0\0\6\x09\0\1", [[7] * 2 + [0] * 4, [8] * 3 + [0] * 3,
                                                         [9] * 6]),
        "step": (b"\2\7\0\2\1\1\3\x08\0\0\6\x09\0\1", [[7] * 2 + [0] * 4, [0] * 3 + [8] * 3,
                                                       [9] * 6]),
        "step first": (b"\0\2\2\2\4\x09\0\1", [[0] * 6, [0] * 6, [0, 0] + [9] * 4]),
        "empty row": (b"\6\7\0\0\0\0\6\x09\0\1", [[7] * 6, [0] * 6, [9] * 6]),
        "too long": (b"\x0f\7\0\0\x0f\x08\0\0\x0f\x09\0\1", [[7] * 6, [8] * 6, [9] * 6]),
        "pixels as they are": (b"\0\5\1\2\3\4\5\0\1\6\0\0\0\4\1\2\3\4\0\1",
                               [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 0, 0], [0] * 6]),
        "step over the end": (b"\1\7\0\2\0\xff\1\7", [[7] + [0] * 5, [0] * 6, [0] * 6]),
    }
    full = {"short rows", "step", "step first", "too long"}
    for name, (data, want) in rows_of.items():
        path = write(tmp_path / f"{name}.bmp", rle(6, 3, data))
        assert (decoded(path) == colours_of(numpy.array(want[::-1]), TABLE)).all(), name
        if name in full:
            same(path)
    four = write(tmp_path / "four.bmp", rle(6, 2, b"\5\x12\0\0\0\5\x34\x56\x70\0\0\1", bits=4))
    want = [[3, 4, 5, 6, 7, 0], [1, 2, 1, 2, 1, 0]]
    assert (decoded(four) == colours_of(numpy.array(want), TABLE)).all()


# ---- refused ------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, words", [
    ({"bits": 8, "compression": 4}, ("JPEG", "save it as PNG")),
    ({"bits": 24, "compression": 5}, ("PNG", "compression 5")),
    ({"bits": 1, "compression": 3, "header": 64}, ("Huffman", "save it as PNG")),
    ({"bits": 24, "compression": 4, "header": 64}, ("RLE24", "save it as PNG")),
    ({"bits": 24, "compression": 77}, ("compression 77", "save it as PNG")),
    ({"bits": 24, "compression": 1}, ("24 bits", "RLE8")),
    ({"bits": 8, "compression": 3}, ("bit fields",)),
    ({"bits": 3}, ("3 bits",)),
    ({"bits": 0}, ("0 bits",)),
    ({"bits": 24, "header": 44}, ("header of 44 bytes",)),
    ({"bits": 32, "compression": 3, "masks": (0xFF, 0xFF00, 0)}, ("000000ff", "save it as PNG")),
    ({"bits": 32, "compression": 3, "masks": (0xF0F, 0xF0, 0xF000)}, ("00000f0f",)),
    ({"bits": 16, "compression": 3, "masks": (0xF0000, 0xF0, 0xF)}, ("000f0000",)),
    ({"bits": 24, "width": 0}, ("0 x 3",)),
    ({"bits": 24, "height": 0}, ("3 x 0",)),
    ({"bits": 24, "width": 2**32 - 3}, ("16384",)),
    ({"bits": 24, "height": -2**31}, ("16384",)),
    ({"bits": 24, "width": 99}, ("truncated",)),
    ({"bits": 24, "offset": 20}, ("damaged",)),
    ({"bits": 24, "offset": 2**32 - 1}, ("truncated",))], ids=str)
def test_what_is_not_read_is_named(tmp_path, options, words):
    options = {"width": 3, "height": 3, "data": bytes(99), "palette": TABLE[:16], **options}
    refused(write(tmp_path / "a.bmp", encode(**options)), "BMP" if "16384" not in words else "",
            *words)


def test_the_last_rows_padding_may_lack(tmp_path):
    for bits in (1, 4, 8, 24):
        data = rows(values(33, 5, bits), bits, pad=False)
        table = palette(1 << bits) if bits < 16 else None
        same(write(tmp_path / "a.bmp", encode(33, 5, bits, data, table)))
        refused(write(tmp_path / "b.bmp", encode(33, 5, bits, data[:-1], table)), "truncated")


@pytest.mark.parametrize("data", [
    rle(33, 7, runs8(drawn())), rle(33, 7, runs4(drawn() % 16), bits=4),
    encode(9, 5, 4, rows(values(9, 5, 4), 4), palette(16), header=12),
    encode(5, -5, 16, rows(values(5, 5, 16), 16), compression=BITFIELDS, masks=MASKS_565),
    encode(5, 5, 32, rows(values(5, 5, 32), 32), header=124, compression=BITFIELDS, masks=BGRA),
    encode(5, 5, 24, rows(values(5, 5, 24), 24))],
    ids=["rle8", "rle4", "os2", "565", "v5", "24"])
def test_damaged_ones_end_in_a_picture_or_a_reason(tmp_path, data):
    survives_damage(write(tmp_path / "a.bmp", data))
