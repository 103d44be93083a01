"""Colour profiles of pictures: pixels become sRGB, as Little CMS computes them; sRGB keeps every bit."""
import io
import struct

import numpy
import PIL.Image
import PIL.ImageCms
import pytest

from icc_files import PRIMARIES, SRGB_CURVE, parametric, profile, sampled
from pixels import close, decoded, photo, survives_damage

COLOURS = numpy.stack(numpy.meshgrid(*[numpy.arange(0, 256, 17)] * 3), axis=-1).reshape(64, 64, 3).astype("uint8")
TABLE = sampled(*(round(65535 * (i / 1023) ** 2.2) for i in range(1024)))


def saved(path, image, icc, **options):
    PIL.Image.fromarray(image).save(path, icc_profile=icc, **options)
    return path


def managed(image, icc):
    """What Little CMS makes of it."""
    return numpy.asarray(PIL.ImageCms.profileToProfile(
        PIL.Image.fromarray(image), PIL.ImageCms.ImageCmsProfile(io.BytesIO(icc)), PIL.ImageCms.createProfile("sRGB"),
        renderingIntent=PIL.ImageCms.Intent.RELATIVE_COLORIMETRIC)).astype(int)


@pytest.mark.parametrize("primaries, curve", [
    ("Display P3", SRGB_CURVE), ("Adobe RGB", sampled(563)), ("ProPhoto", sampled(461)), ("Display P3", TABLE),
    ("sRGB", sampled()), ("sRGB", sampled(256 * 18 // 10)), ("Adobe RGB", sampled(0, 20000, 65535)),
    ("Adobe RGB", parametric(0, 2.2)), ("Adobe RGB", parametric(1, 2.2, 0.9, 0.1)),
    ("Adobe RGB", parametric(2, 2.0, 0.9, -0.1, 0.1)), ("Adobe RGB", parametric(3, 2.4, 0.9, 0.1, 0.1, 0.04)),
    ("Adobe RGB", parametric(4, 2.4, 0.8, 0.1, 0.1, 0.04, 0.05, 0.02))],
    ids=lambda value: value if isinstance(value, str) else "")
def test_primaries_and_curves_are_applied(tmp_path, primaries, curve):
    icc = profile(primaries, curve)
    want = managed(COLOURS, icc)
    assert abs(want - COLOURS).max() > 15
    for name in "a.png", "b.jpg":
        off = abs(decoded(saved(tmp_path / name, COLOURS, icc, quality=100, subsampling=0)) - want)
        assert off.max() <= 1 if name == "a.png" else off.mean() < 2


def test_colours_are_converted_before_alpha_is_applied(tmp_path):
    icc, alpha = profile(), numpy.full((64, 64, 1), 102, "uint8")
    got = decoded(saved(tmp_path / "a.png", numpy.concatenate([COLOURS, alpha], axis=-1), icc))
    assert abs(got - managed(COLOURS, icc) * 0.4).max() <= 1.5


def srgb_table():
    levels = numpy.linspace(0, 1, 1024)
    light = numpy.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return sampled(*(light * 65535).round().astype(int))


@pytest.mark.parametrize("icc", [
    PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes(), profile("sRGB"),
    profile("sRGB", srgb_table()), profile("sRGB", more={b"A2B0": bytes(40)}), profile(space=b"GRAY")],
    ids=["Little CMS", "formula", "table", "both", "grey"])
def test_srgb_keeps_every_bit(tmp_path, icc):
    assert (decoded(saved(tmp_path / "a.png", COLOURS, icc)) == COLOURS).all()
    close(saved(tmp_path / "a.jpg", photo(), icc))


@pytest.mark.parametrize("icc", [
    profile(more={b"A2B0": bytes(40)}),                              # tables
    profile(more={b"gTRC": b"curv" + struct.pack(">II", 0, 9999)}),  # shorter than it says
    profile(more={b"gTRC": b"para" + struct.pack(">IHH", 0, 5, 0)}), # no such kind
    profile([tuple(2 * v for v in one) for one in PRIMARIES["sRGB"]]),  # no white
    profile([(0, 0, 0)] * 3)],
    ids=["tables", "short", "kind", "bright", "black"])
def test_other_profiles_change_nothing(tmp_path, icc):
    assert (decoded(saved(tmp_path / "a.png", COLOURS, icc)) == COLOURS).all()


@pytest.mark.parametrize("curve", [TABLE[:60], SRGB_CURVE], ids=["samples", "formula"])
def test_damaged_profiles(tmp_path, curve):
    for name in "a.png", "a.jpg":
        survives_damage(saved(tmp_path / name, photo(8, 8), profile(curve=curve)))
