"""JPEGs of every kind: as Pillow shows them, or refused by name."""
import io
import struct

import numpy
import PIL.Image
import pytest

import jpeg_files
from icc_files import profile
from jpeg_files import JFIF, adobe, encode, exif, frame_at, segment, ycc
from pixels import close, decoded, photo, refused, survives_damage, tiff, write

SAMPLINGS = {
    "444": [(1, 1), (1, 1), (1, 1)],
    "422": [(2, 1), (1, 1), (1, 1)],
    "420": [(2, 2), (1, 1), (1, 1)],
    "440": [(1, 2), (1, 1), (1, 1)],
    "411": [(4, 1), (1, 1), (1, 1)],
    "410": [(4, 2), (1, 1), (1, 1)],
    "441": [(1, 4), (1, 1), (1, 1)],
    "422 of 2 x 2": [(2, 2), (1, 2), (1, 2)],
    "thirds": [(3, 1), (1, 1), (1, 1)],
    "each its own": [(2, 2), (2, 1), (1, 2)],
    "colours finer": [(1, 1), (2, 2), (2, 2)],
}


def jpeg(image, **options):
    out = io.BytesIO()
    PIL.Image.fromarray(image).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize("options", [
    {}, {"progressive": True}, {"quality": 20}, {"quality": 98}, {"subsampling": 0},
    {"subsampling": 1}, {"subsampling": 2}, {"keep_rgb": True}, {"optimize": True},
    {"restart_marker_blocks": 3}, {"restart_marker_rows": 1, "progressive": True},
    {"progressive": True, "keep_rgb": True, "quality": 90}], ids=str)
@pytest.mark.parametrize("size", [(67, 53), (16, 16), (1, 1), (9, 31)], ids=str)
def test_pillows_own(tmp_path, options, size):
    close(write(tmp_path / "a.jpg", jpeg(photo(*size), **options)))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_grey_and_four_inks(tmp_path, mode, progressive):
    out = io.BytesIO()
    PIL.Image.fromarray(photo()).convert(mode).save(out, "JPEG", progressive=progressive)
    got = close(write(tmp_path / "a.jpg", out.getvalue()))
    assert abs(got.mean(axis=(0, 1)) - (photo() if mode == "CMYK" else photo().mean(axis=2)[..., None])
               .mean(axis=(0, 1))).max() < 12  # neither inverted


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("restart", [0, 2])
def test_samplings(tmp_path, sampling, separate, restart):
    for size in ((67, 53), (40, 17)):
        close(write(tmp_path / "a.jpg", encode(ycc(photo(*size)), SAMPLINGS[sampling], JFIF,
                                               separate=separate, restart=restart)))


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_colours_that_change_from_pixel_to_pixel(tmp_path, sampling):
    """Up to the edges: stb_image's own 4:2:2 has one wrong column there."""
    for width, height in ((64, 32), (37, 29)):
        noise = numpy.random.default_rng(5).integers(0, 256, (height, width, 3))
        close(write(tmp_path / "a.jpg", encode(ycc(noise), SAMPLINGS[sampling], JFIF)))


@pytest.mark.parametrize("quality", [1, 10, 75, 100])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_qualities(tmp_path, quality, subsampling):
    noise = numpy.random.default_rng(6).integers(0, 256, (33, 45, 3)).astype("uint8")
    for image in (noise, photo(45, 33)):
        close(write(tmp_path / "a.jpg", jpeg(image, quality=quality, subsampling=subsampling)))


def test_fill_bytes_comments_and_what_follows_the_end(tmp_path):
    whole = encode(ycc(photo()), SAMPLINGS["420"], JFIF)
    want = close(write(tmp_path / "a.jpg", whole))
    scan = whole.index(b"\xff\xda")
    for i, other in enumerate((
            encode(ycc(photo()), SAMPLINGS["420"], JFIF, fill=b"\xff\xff"),
            whole + b"something else",
            whole[:scan] + segment(0xFE, b"words") + segment(0xE5, bytes(60000)) + whole[scan:],
            whole[:-2] + segment(0xDC, struct.pack(">H", 48)) + whole[-2:])):
        assert (close(write(tmp_path / f"{i}.jpg", other)) == want).all()


def test_what_looks_like_a_bad_table_elsewhere(tmp_path):
    """In a profile, in a camera's notes, in the video behind a picture: no decoder gets there."""
    whole, table = encode(ycc(photo()), SAMPLINGS["420"], JFIF), b"\xff\xc4\0\x13\0" + b"\xff" * 16
    close(write(tmp_path / "video.jpg", whole + bytes(99) + table + bytes(99)))
    close(write(tmp_path / "profile.jpg", with_segments(whole, segment(0xE2, b"ICC_PROFILE\0" + table))))
    scan = whole.index(b"\xff\xda")
    close(write(tmp_path / "notes.jpg", whole[:scan] + segment(0xED, table) + whole[scan:]))
    for i, at in enumerate((scan, len(whole) - 2, scan + 40)):  # where one does
        refused(write(tmp_path / f"{i}.jpg", whole[:at] + table + whole[at:]), "Huffman")
    refused(write(tmp_path / "cut.jpg", whole[:-2] + table + b"\xff\xd9"), "Huffman")
    refused(write(tmp_path / "thumbnail.jpg", with_segments(whole[:-2], segment(0xED, whole))),
            "truncated")


# what the channels are: JFIF, Adobe's mark, or their names; libjpeg's order
CHANNELS = {
    "nothing": (b"", (1, 2, 3), False), "other names": (b"", (7, 8, 9), False),
    "JFIF": (JFIF, (1, 2, 3), False), "Adobe 1": (adobe(1), (1, 2, 3), False),
    "Adobe 0": (adobe(0), (1, 2, 3), True), "named": (b"", b"RGB", True),
    "Adobe 0, named": (adobe(0), b"RGB", True), "JFIF, Adobe 0": (JFIF + adobe(0), (1, 2, 3), False),
    "short Adobe": (segment(0xEE, b"Adobe\0\x64\0\0\0"), (1, 2, 3), False),
}


@pytest.mark.parametrize("what", CHANNELS)
def test_ycbcr_or_rgb(tmp_path, what):
    segments, names, rgb = CHANNELS[what]
    image = photo()
    planes = [image[..., c] for c in range(3)] if rgb else ycc(image)
    got = close(write(tmp_path / "a.jpg", encode(planes, SAMPLINGS["444"], segments, names)))
    assert abs(got.astype(int) - image).mean() < 3


@pytest.mark.parametrize("segments", [JFIF, adobe(1), adobe(2), JFIF + adobe(0)])
def test_channels_that_contradict_themselves(tmp_path, segments):
    data = encode(ycc(photo()), SAMPLINGS["444"], segments, b"RGB")
    refused(write(tmp_path / "a.jpg", data), "named R, G, B", "convert it to RGB")


def test_inks_of_adobes_kinds(tmp_path):
    image = photo()
    black = 255 - image.max(axis=-1) // 3
    for name, planes, segments, factors in (
            ("cmyk", [image[..., c] for c in range(3)], adobe(0), [(1, 1)] * 4),
            ("cmyk2", [image[..., c] for c in range(3)], JFIF + adobe(0), [(1, 1)] * 4),
            ("ycck", ycc(image), adobe(2), [(1, 1)] * 4),
            ("ycck420", ycc(image), adobe(2), [(2, 2), (1, 1), (1, 1), (2, 2)])):
        close(write(tmp_path / f"{name}.jpg", encode(planes + [black], factors, segments)))
    for i, segments in enumerate((b"", JFIF, adobe(1), adobe(3))):
        path = write(tmp_path / f"{i}.jpg", encode(ycc(image) + [black], [(1, 1)] * 4, segments))
        refused(path, "CMYK", "inks", "convert it to RGB")


@pytest.mark.parametrize("frame, name", [
    (0xC9, "arithmetic"), (0xCA, "arithmetic"), (0xC3, "lossless"), (0xCB, "lossless"),
    (0xC5, "hierarchical"), (0xC6, "hierarchical"), (0xCD, "hierarchical")])
def test_kinds_that_are_not_read_are_named(tmp_path, frame, name):
    data = encode(ycc(photo()), SAMPLINGS["420"], JFIF, sof=frame)
    refused(write(tmp_path / "a.jpg", data), name, "PNG")


def test_frames_that_are_not_read_are_named(tmp_path):
    good = encode(ycc(photo()), SAMPLINGS["420"], JFIF)
    close(write(tmp_path / "extended.jpg", encode(ycc(photo()), SAMPLINGS["420"], JFIF, sof=0xC1)))
    at = frame_at(good)

    def edited(place, data):
        return good[:at + place] + data + good[at + place + len(data):]

    refused(write(tmp_path / "12.jpg", edited(3, b"\x0c")), "12 bits", "PNG")
    refused(write(tmp_path / "0.jpg", edited(4, b"\0\0")), "height", "PNG")
    refused(write(tmp_path / "2.jpg", encode(ycc(photo())[:2], [(1, 1)] * 2, JFIF)), "2 channels")
    refused(write(tmp_path / "cut.jpg", good[:-2]), "truncated")
    refused(write(tmp_path / "none.jpg", good[:at]), "no picture data")


def test_a_channel_without_a_scan_shows_no_old_memory(tmp_path):
    whole = encode(ycc(photo()), SAMPLINGS["444"], JFIF, separate=True)
    second = whole.index(b"\xff\xda", whole.index(b"\xff\xda") + 2)
    path = write(tmp_path / "a.jpg", whole[:second] + b"\xff\xd9")
    first, again = decoded(path), decoded(path)
    assert isinstance(first, str) and first == again or (first == again).all()


# ---- orientation --------------------------------------------------------------------------------

def with_segments(data, *segments):
    return data[:2] + b"".join(segments) + data[2:]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's, where no directory follows
@pytest.mark.parametrize("orientation", range(0, 10))
@pytest.mark.parametrize("order", "<>")
def test_orientation(tmp_path, orientation, order):
    plain = jpeg(photo(23, 11), quality=95)
    for i, block in enumerate((tiff(order, orientation), tiff(order, orientation, kind=4),
                               tiff(order, orientation, before=9),
                               b"Exif\0\0" + tiff(order, orientation),
                               tiff(order, orientation)[:-4])):
        path = write(tmp_path / f"{i}.jpg", with_segments(plain, exif(block)))
        got = close(path)
        assert got.shape == ((23, 11, 3) if 5 <= orientation <= 8 else (11, 23, 3))


@pytest.mark.filterwarnings("ignore")  # Pillow's, of the same garbage
@pytest.mark.parametrize("block", [
    b"", b"garbage, and more of it", b"II*\0", b"II*\0\xff\xff\xff\x7f", b"II\x2b\0" + tiff("<", 6)[4:],
    b"IM" + tiff("<", 6)[2:], tiff("<", 6)[:16], tiff("<", 6)[:12] + b"\1\0" + tiff("<", 6)[14:],
    tiff("<", 6)[:8]], ids=repr)
def test_garbage_is_no_orientation(tmp_path, block):
    plain = jpeg(photo(23, 11), quality=95)
    got = close(write(tmp_path / "a.jpg", with_segments(plain, exif(block))))
    assert got.shape == (11, 23, 3)


def test_first_orientation_counts_and_xmp_where_there_is_none(tmp_path):
    plain = jpeg(photo(23, 11), quality=95)

    def xmp(text):
        return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text)

    attribute = xmp(b'<rdf:Description tiff:Orientation="6"/>')
    element = xmp(b"<tiff:Orientation>8</tiff:Orientation>")
    for i, (segments, turned) in enumerate((
            ((exif(tiff("<", 6)), exif(tiff("<", 3))), True),
            ((exif(tiff("<", 3)), exif(tiff("<", 6))), False),
            ((attribute,), True), ((element,), True),
            ((exif(tiff("<", 1)), attribute), False),
            ((exif(b"II*\0\x08\0\0\0\0\0\0\0\0\0"), attribute), True),
            ((xmp(b"tiff:Orientation=\""),), False), ((xmp(b'tiff:Orientation="9"'),), False))):
        got = close(write(tmp_path / f"{i}.jpg", with_segments(plain, *segments)))
        assert got.shape == ((23, 11, 3) if turned else (11, 23, 3)), i


# ---- damage -------------------------------------------------------------------------------------

@pytest.mark.parametrize("data", [
    jpeg(photo(24, 16), progressive=True, quality=70),
    encode(ycc(photo(16, 16)), SAMPLINGS["420"], JFIF + exif(tiff("<", 6)), restart=1, step=20),
    encode(ycc(photo(8, 8)) + [numpy.zeros((8, 8))], [(1, 1)] * 4, adobe(2), step=20),
    jpeg(photo(8, 8), icc_profile=profile())],
    ids=["progressive", "restarts", "inks", "profile"])
def test_damaged_ones_end_in_a_picture_or_a_reason(tmp_path, data):
    survives_damage(write(tmp_path / "a.jpg", data))


def test_the_encoder_here_writes_what_pillow_reads():
    image = PIL.Image.open(io.BytesIO(encode(ycc(photo()), SAMPLINGS["444"], JFIF)))
    assert abs(numpy.asarray(image).astype(int) - photo()).mean() < 2
    assert len(jpeg_files.AC) == 162
