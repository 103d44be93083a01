"""Losses beyond the plain ones, from the outside: what they need, what they tell, and that ranks and
interruptions do not show."""

import json
import struct

import numpy
import pytest
from exact_runs import checkpoint, command, losses, run, sets, tensors, train  # noqa: F401

CHANNELS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256),
            14: (256, 256), 17: (256, 512), 19: (512, 512), 21: (512, 512)}


@pytest.fixture(scope="session")
def vgg(tmp_path_factory):
    """VGG16 with random weights, as safetensors."""
    random, header, data, at = numpy.random.default_rng(1), {}, [], 0
    for layer, (inner, outer) in CHANNELS.items():
        for kind, shape in (("weight", (outer, inner, 3, 3)), ("bias", (outer,))):
            numbers = random.standard_normal(shape, dtype=numpy.float32) / (4 * inner**0.5)
            header[f"features.{layer}.{kind}"] = {
                "dtype": "F32", "shape": shape, "data_offsets": [at, at + numbers.nbytes]}
            data.append(numbers.tobytes())
            at += numbers.nbytes
    text, path = json.dumps(header).encode(), tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))
    return path


def refused(result, code, *told):
    errors = [line for line in result.stderr.splitlines() if "error: " in line]
    assert result.returncode == code and len(errors) == 1, result.stderr
    for words in told:
        assert words in errors[0]


def test_perceptual_loss_without_its_file(sets, vgg, tmp_path):  # noqa: F811
    refused(run(*command(sets, tmp_path / "run", "--perceptual")), 66, "torchvision")
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(vgg.read_bytes()[:-1])
    keys = [f"loss.perceptual_weights={torn}"]
    refused(run(*command(sets, tmp_path / "run", "--perceptual", ranks=2, keys=keys)), 65, str(torn))
    assert not list((tmp_path / "run").rglob("*.pt"))


def test_perceptual_loss_on_ranks_and_resumed(sets, vgg, tmp_path):  # noqa: F811
    keys = ["loss.perceptual=0.1", f"loss.perceptual_weights={vgg}", "checkpoint.every_steps=2",
            "train.global_batch=3"]
    result = train(sets, tmp_path / "one", keys=keys)
    assert "VGG16" in result.stderr
    train(sets, tmp_path / "two", ranks=2, keys=keys)
    for row, other in zip(losses(tmp_path / "one"), losses(tmp_path / "two")):
        one, two = row["loss"], other["loss"]
        for person in "ab":
            assert set(one[person]) == {"l1", "dssim", "perceptual"}
            assert one[person]["perceptual"] > 0
            assert two[person]["perceptual"] == pytest.approx(one[person]["perceptual"], rel=1e-4)
        weighted = sum(one[p]["l1"] + 0.1 * one[p]["perceptual"] for p in "ab")
        assert one["total"] == pytest.approx(weighted, rel=1e-5)
    train(sets, tmp_path / "on", "--resume", checkpoint(tmp_path / "one", 2), keys=keys)
    assert tensors(tmp_path / "on") == tensors(tmp_path / "one")
