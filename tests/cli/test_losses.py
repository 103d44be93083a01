"""Losses beyond the plain ones, from the outside: what they need, what they tell, and that ranks and
interruptions do not show."""

import json
import struct

import h5py
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
    keys = ["model.width=16", "loss.perceptual=0.1", f"loss.perceptual_weights={vgg}", "checkpoint.every_steps=2",
            "train.global_batch=2"]
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


SLIM = ["model.width=16", "model.width_max=32"]
ADVERSARIAL = [*SLIM, "loss.adversarial=0.1", "discriminator.channels=8", "train.global_batch=3",
               "train.lr=3e-4"]


def test_adversarial_steps_stay_finite_and_go_on_exactly(sets, tmp_path):  # noqa: F811
    keys = [*ADVERSARIAL, "train.max_steps=200", "discriminator.start_step=20",
            "train.global_batch=2", "loss.adversarial=0.02", "discriminator.loss=least_squares"]
    result = train(sets, tmp_path / "run", keys=keys)
    assert "least squares loss from step 21 on" in result.stderr
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    steps = {row["step"]: row["loss"] for row in rows if row["kind"] == "train"}
    assert len(steps) == 200 and not any("nonfinite" in row or "skipped" in row for row in rows)
    for person in "ab":
        assert steps[20][person]["adversarial"] == steps[20][person]["discriminator"] == 0
        for term in ("adversarial", "discriminator", "r1"):
            assert steps[21][person][term] > 0 and steps[200][person][term] > 0
        l1 = [steps[i + 1][person]["l1"] for i in range(200)]
        assert sum(l1[-50:]) < 0.9 * sum(l1[:50])
    validated = [row["loss"] for row in rows if row["kind"] == "val"]
    assert set(validated[-1]["a"]) == {"l1", "dssim"}
    train(sets, tmp_path / "on", "--resume", checkpoint(tmp_path / "run", 189), keys=keys)
    assert tensors(tmp_path / "on", 200) == tensors(tmp_path / "run", 200)


def test_adversarial_loss_on_ranks(sets, tmp_path):  # noqa: F811
    """Uneven shards, micro-batches and a sharded optimizer: the same run, but for rounding."""
    keys = [*ADVERSARIAL, "train.global_batch=5", "train.max_steps=6", "train.replica_check_steps=1"]
    train(sets, tmp_path / "one", keys=keys)
    train(sets, tmp_path / "two", ranks=2, keys=[*keys, "train.accumulate=2", "train.zero=1"])
    for row, other in zip(losses(tmp_path / "one"), losses(tmp_path / "two")):
        for person in "ab":
            assert other["loss"][person] == pytest.approx(row["loss"][person], rel=2e-3, abs=1e-4)
    train(sets, tmp_path / "zero", ranks=2, keys=[*keys, "train.accumulate=2"])
    assert tensors(tmp_path / "zero", 6) == tensors(tmp_path / "two", 6)


def test_adversarial_loss_reproduced_on_ranks(sets, tmp_path):  # noqa: F811
    plain = [*ADVERSARIAL, "train.max_steps=4"]
    keys = [*plain, "train.reproducible=true"]
    train(sets, tmp_path / "plain", keys=plain)
    train(sets, tmp_path / "one", keys=keys)
    train(sets, tmp_path / "two", ranks=2, keys=keys)
    assert losses(tmp_path / "one") == losses(tmp_path / "two")
    assert tensors(tmp_path / "one") == tensors(tmp_path / "two")
    for row, other in zip(losses(tmp_path / "plain"), losses(tmp_path / "one")):
        for person in "ab":
            assert other["loss"][person] == pytest.approx(row["loss"][person], rel=2e-3, abs=1e-4)


def test_the_discriminators_may_come_later(sets, tmp_path):  # noqa: F811
    """A checkpoint without discriminators goes on with new ones; other ones are refused."""
    train(sets, tmp_path / "run", keys=[*SLIM, "train.max_steps=2", "train.lr=3e-4"])
    keys = [*ADVERSARIAL, "train.global_batch=7"]
    train(sets, tmp_path / "on", "--resume", checkpoint(tmp_path / "run", 2), keys=keys)
    assert losses(tmp_path / "on")[0]["loss"]["a"]["discriminator"] > 0
    more = ["--resume", checkpoint(tmp_path / "on")]
    keys = [*keys, "discriminator.channels=16", "train.max_steps=6"]
    refused(run(*command(sets, tmp_path / "x", *more, keys=keys)), 78, "discriminator.channels")


# ---- masks and landmarks ------------------------------------------------------------------------

@pytest.mark.parametrize("key, dataset", [("loss.mask", "masks"), ("loss.eyes", "landmarks"),
                                          ("loss.mouth", "landmarks"), ("loss.mask_head", "masks")])
def test_a_loss_needs_its_part_of_the_sets(sets, tmp_path, key, dataset):  # noqa: F811
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets/a.h5").write_bytes((sets / "a.h5").read_bytes())
    with h5py.File(sets / "b.h5") as whole, h5py.File(tmp_path / "sets/b.h5", "w") as less:
        less.attrs.update(whole.attrs)
        for name in set(whole) - {dataset, "points"}:
            whole.copy(name, less)
    keys = [f"{key}=2", "model.mask=true"]
    result = run(*command(tmp_path / "sets", tmp_path / "run", ranks=2, keys=keys))
    refused(result, 78, key, str(tmp_path / "sets/b.h5"), dataset)
    assert not (tmp_path / "run").exists()


def test_points_serve_where_landmarks_are_needed(sets, tmp_path):  # noqa: F811
    (tmp_path / "sets").mkdir()
    for person in "ab":
        with h5py.File(sets / f"{person}.h5") as whole, h5py.File(tmp_path / f"sets/{person}.h5", "w") as less:
            less.attrs.update(whole.attrs)
            for name in set(whole) - {"landmarks"}:
                whole.copy(name, less)
    result = run(*command(tmp_path / "sets", tmp_path / "run", "--dry-run", keys=["loss.eyes=2"]))
    assert result.returncode == 0, result.stderr


def test_mask_heads_and_priorities_are_trained(sets, tmp_path):  # noqa: F811
    keys = [*SLIM, "model.mask=true", "loss.mask_head=1", "train.max_steps=30", "train.lr=5e-3",
            "train.global_batch=4"]
    train(sets, tmp_path / "plain", keys=keys)
    train(sets, tmp_path / "eyes", keys=[*keys, "loss.eyes=5", "loss.mouth=3"])
    plain, eyes = ([row["loss"] for row in losses(tmp_path / run)] for run in ("plain", "eyes"))
    for person in "ab":
        assert plain[-1][person]["mask_head"] < 0.7 * plain[0][person]["mask_head"]
        assert eyes[0][person]["mask_head"] == plain[0][person]["mask_head"]
        assert eyes[0][person]["l1"] != plain[0][person]["l1"]
    total = sum(plain[0][person][term] for person in "ab" for term in ("l1", "mask_head"))
    assert plain[0]["total"] == pytest.approx(total, rel=1e-5)
