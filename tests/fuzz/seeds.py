#!/usr/bin/env python3
"""tests/fuzz/seeds.py: the first inputs of each fuzzer, in tests/fuzz/corpus/HARNESS/seed-*.

Written by the programs of build/dev, by torch and by the writers of tests/data. Run it again when a
format has changed; scripts/build dev and scripts/setup come first. Inputs that fuzzers found lie
beside them under other names, and stay.
"""
import io
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile

import numpy
import torch
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent / "data"), str(HERE.parent / "python")]
import bmp_files  # noqa: E402
import icc_files  # noqa: E402
import jpeg_files  # noqa: E402
import png_files  # noqa: E402
from test_operations import small  # noqa: E402

SIDE = 16
END_OF_PART = b"\xff"


def keep(harness, name, data):
    folder = HERE / "corpus" / harness
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data)


def bifrons(folder, *arguments):
    environment = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **os.environ}
    subprocess.run([ROOT / "build/dev/bifrons", *arguments], check=True, cwd=folder, env=environment,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def tiff(orientation, order="<"):
    return (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIHHHIHHI", 42, 8, 1, 0x112, 3, 1,
                                                            orientation, 0, 0)


def pillow(kind, mode="RGB", **options):
    noise = numpy.random.default_rng(5).integers(0, 255, (4, 4, 3), dtype=numpy.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((SIDE, SIDE)).convert(mode).save(out, kind, **options)
    return out.getvalue()


def pictures():
    samples = png_files.samples(8, 8, 8, 6)
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation=\"6\"/>"
    keep("picture", "rgba", png_files.encode(samples, 8, 6, before=[(b"eXIf", tiff(6, ">"))]))
    keep("picture", "interlaced", png_files.encode(png_files.samples(5, 5, 16, 2), 16, 2, interlaced=True,
                                                   before=[(b"iTXt", xmp)]))
    keep("picture", "palette", png_files.encode(
        png_files.samples(8, 3, 4, 3), 4, 3,
        before=[(b"PLTE", bytes(48)), (b"tRNS", bytes(range(16)))]))
    keep("picture", "grey", png_files.encode(png_files.samples(9, 3, 1, 0), 1, 0, split=4))
    keep("picture", "baseline", pillow("JPEG", quality=20, exif=b"Exif\0\0" + tiff(8)))
    keep("picture", "profile", pillow("JPEG", quality=20, icc_profile=icc_files.profile()))
    keep("picture", "progressive", pillow("JPEG", quality=20, progressive=True))
    keep("picture", "cmyk", pillow("JPEG", "CMYK", quality=20))
    planes = [numpy.full((SIDE, SIDE), level) for level in (90, 120, 140)]
    keep("picture", "restarts", jpeg_files.encode(planes, [(2, 1), (1, 1), (1, 1)], restart=1,
                                                  separate=True, segments=jpeg_files.JFIF))
    values = bmp_files.values(7, 5, 8)
    palette = bmp_files.palette(16)
    keep("picture", "bmp24", pillow("BMP"))
    keep("picture", "rle8", bmp_files.encode(7, 5, 8, bmp_files.runs8(values), palette, compression=1))
    keep("picture", "rle4", bmp_files.encode(7, 5, 4, bmp_files.runs4(values % 16), palette, compression=2))
    keep("picture", "masks", bmp_files.encode(2, -2, 16, bytes(8), compression=3, masks=(0xF800, 0x7E0, 0x1F)))
    for number, block in enumerate((tiff(3), b"Exif\0\0" + tiff(5, ">"), xmp,
                                    b"eXIf" + tiff(7), b"zTXtRaw profile type exif\0\0" + bytes(8))):
        keep("exif", str(number), block)


def weights():
    tensors = {"features.0.weight": torch.arange(8.0).reshape(2, 2, 2),
               "features.0.bias": torch.nn.Parameter(torch.zeros(2, dtype=torch.float64)),
               "half": torch.zeros(3, dtype=torch.float16), "text": "x", "n": [1, 2.5, None, True, 1 << 40]}
    for name, new in (("zip", True), ("plain", False)):
        out = io.BytesIO()
        torch.save(tensors, out, _use_new_zipfile_serialization=new)
        keep("weights", name, out.getvalue())
        if new:
            keep("pickle", "tensors", pickle_of(out))
        else:
            keep("pickle", "plain", out.getvalue())
    keep("pickle", "protocol4", pickle.dumps({"a": (1, "b"), "c": [-(1 << 70), 2.5]}, protocol=4))
    header = json.dumps({"__metadata__": {"format": "pt"},
                         "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
                         "b": {"dtype": "F64", "shape": [3], "data_offsets": [16, 40]},
                         "c": {"dtype": "BF16", "shape": [], "data_offsets": [40, 42]}}).encode()
    keep("safetensors", "three", header)
    keep("weights", "safetensors", struct.pack("<Q", len(header)) + header + bytes(64))
    out = io.BytesIO()
    torch.save(small(), out)
    keep("operations", "small", pickle_of(out))


def pickle_of(archive):
    with zipfile.ZipFile(archive) as z:
        return next(z.read(name) for name in z.namelist() if name.endswith("data.pkl"))


def run_folder(folder):
    """A run of a few steps, by the programs; its people, tables and checkpoints."""
    bifrons(folder, "synth", "drawn", "--count", "4", "--size", "64")
    for person in "ab":
        bifrons(folder, "pack", f"drawn/person_{person}", "-o", f"{person}.h5")
    bifrons(folder, "train", ROOT / "configs/debug.toml", "--out", "run", "--set", "data.a=a.h5",
            "--set", "data.b=b.h5", "--set", "train.max_steps=2", "--set", "train.global_batch=2",
            "--set", "checkpoint.every_steps=2")


def tables(folder):
    person = folder / "drawn/person_a"
    rows = {0: (person / "landmarks.csv").read_bytes(),
            1: b"\n".join((person / "points.csv").read_bytes().split(b"\n")[:2]),
            2: b"name,source,time,yaw,pitch,roll,verdict\r\na.png,x.jpg,1.5,-3,4,,kept\r\n"
               b"\"b.jpg\",\"a, \"\"b\"\"\",,nan,0,0,unsure\r\n",
            3: b"name,i0\na.png" + b",0.25" * 128}
    for which, text in rows.items():
        text = text.replace(b"00000.png", b"a.png").replace(b"00001.png", b"b.jpg")
        keep("tables", str(which), bytes([ord("0") + which]) + text)
    keep("stored", "both", rows[2] + END_OF_PART + rows[3])


def runs(folder):
    run = folder / "run"
    files = [(run / name).read_bytes() for name in ("run.json", "metrics.jsonl", "events.jsonl",
                                                    "config.resolved.toml")]
    files[3] = b"\n".join(line.split(b"  #")[0].rstrip() for line in files[3].split(b"\n") if line[:1] != b"#")
    keep("page", "run", END_OF_PART.join(files))
    with zipfile.ZipFile(next((run / "checkpoints").glob("step-*.pt"))) as z:
        record = next(z.read(name) for name in z.namelist() if name.endswith("bifrons.json"))
    keep("record", "step", record)
    keep("meta", "step", json.loads(record)["meta"].encode())
    keep("report", "run", json.dumps({"runs": [{"folder": "x", "record": json.loads(files[0])}]}).encode())
    keep("sidecar", "step", next((run / "checkpoints").glob("step-*.xxh3")).read_bytes())


def texts():
    for name in ("recipe", "prod256"):
        lines = (ROOT / f"configs/{name}.toml").read_bytes().split(b"\n")
        keep("config", name, b"\n".join(line.split(b"#")[0].rstrip() for line in lines))
    keep("config", "stages", b"[[train.stages]]\nimage_size = 64\nepochs = 2\n[[train.stages]]\n"
         b"image_size = 128\nlr = 1e-4\nglobal_batch = 8\n")
    keep("assignment", "some", b"train.lr=1e-4\nname=x\ndata.a=\"b.h5\"\ntrain.stages=[{image_size=64}]\n"
         b"train.timeout_s=off\nmodel.pose=none\nloss.l1=true\n")
    for path in (ROOT / "configs/clusters").glob("*.toml"):
        lines = path.read_bytes().split(b"\n")
        keep("cluster", path.stem, b"\n".join(line.split(b"#")[0].rstrip() for line in lines))


def children():
    """Of the structs in base/status.h and video_wire.h; a set of which zeros ask for all that is right."""
    keep("set", "right", bytes(64))
    errmsg = struct.pack("<iii48s1984s", 2, -1, 7, b"where", b"text")
    keep("probe", "fails", errmsg)
    keep("probe", "good", bytes(len(errmsg)))
    message = lambda kind, data, ticks=0: struct.pack("<IIQqq", 0x42694656, kind, len(data), ticks, 1) + data  # noqa: E731
    head = struct.pack("<iiqqddi?3x48s48s", 2, 2, 1, 25, 1.0, 25.0, 0, False, b"h264", b"")
    end = struct.pack("<qqd?7x", 1, 1, 0.1, True)
    keep("video", "read", b"\0" + message(1, head) + message(3, b"") + message(2, bytes(12)) + message(4, end))
    keep("video", "failed", b"\0" + message(5, errmsg))


def main():
    pictures()
    weights()
    texts()
    children()
    with tempfile.TemporaryDirectory() as folder:
        run_folder(pathlib.Path(folder))
        tables(pathlib.Path(folder))
        runs(pathlib.Path(folder))


main()
