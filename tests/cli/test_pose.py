"""model.pose from the outside: training on points, and swaps that need none."""

import json
import pathlib
import re

import h5py
import numpy
import PIL.Image
import pytest
import torch

import bifrons
from exact_runs import BIFRONS, checkpoint, command, losses, run, sets, tensors, train  # noqa: F401

POSE = ["model.pose=predicted", "loss.pose=0.2", "train.init=he", "model.width=16", "model.mean_codes=true",
        "augment.back_translation=0.5", "augment.predicted_pose=0.5", "checkpoint.every_steps=2"]


def state(out, step=4):
    return torch.load(checkpoint(out, step), weights_only=True)


def drawn_sets(folder, count, size):
    drawn = run(BIFRONS, "synth", folder / "drawn", "--count", count, "--size", size)
    assert drawn.returncode == 0, drawn.stderr
    for person in "ab":
        packed = run(BIFRONS, "pack", folder / f"drawn/person_{person}", "-o", folder / f"{person}.h5", "--size", size)
        assert packed.returncode == 0, packed.stderr
    return folder


@pytest.fixture(scope="module")
def trained(sets, tmp_path_factory):  # noqa: F811
    """Two ranks."""
    out = tmp_path_factory.mktemp("pose") / "run"
    train(sets, out, ranks=2, keys=POSE)
    return out


@pytest.fixture(scope="module")
def pointless(sets, tmp_path_factory):  # noqa: F811
    """The same people's sets, B's without points."""
    folder = tmp_path_factory.mktemp("pointless")
    for person in "ab":
        (folder / f"{person}.h5").write_bytes((sets / f"{person}.h5").read_bytes())
    with h5py.File(folder / "b.h5", "r+") as packed:
        del packed["points"]
    return folder


def test_the_loss_is_told_and_the_layers_learn(trained):
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert {row["kind"] for row in rows} == {"train", "val"}
    assert all(row["loss"][who]["pose"] > 0 for row in rows for who in "ab")
    before, after = state(trained, 2)["model_state_dict"], state(trained)["model_state_dict"]
    for name in ("to_code.weight", "from_code.weight", "to_code.bias", "from_code.bias"):
        assert not torch.equal(before[f"pose.{name}"], after[f"pose.{name}"]), name
        assert not torch.equal(state(trained)["ema_state_dict"][f"pose.{name}"], after[f"pose.{name}"]), name
    for name in ("mean", "deviation"):  # of both people; nothing trains it
        assert torch.equal(before[f"pose.{name}"], after[f"pose.{name}"])
        assert torch.equal(state(trained)["ema_state_dict"][f"pose.{name}"], after[f"pose.{name}"])
        assert after[f"pose.{name}"].abs().sum((1, 2)).min() > 1
    assert not torch.equal(after["pose.mean"][0], after["pose.mean"][1])


def test_resumes_without_a_trace(sets, tmp_path):  # noqa: F811
    keys = [*POSE, "train.zero=1", "model.bottleneck=dense"]
    told = train(sets, tmp_path / "whole", ranks=2, keys=keys).stderr
    assert told.count("with so few, leave pose codes out") == 2
    train(sets, tmp_path / "rest", "--resume", checkpoint(tmp_path / "whole", 2), ranks=2, keys=keys)
    assert tensors(tmp_path / "rest") == tensors(tmp_path / "whole")


def test_the_production_model_trains_and_resumes(tmp_path):
    """configs/prod256.toml, narrower: blocks, mean codes, back translation, bf16."""
    drawn_sets(tmp_path, count=4, size=256)
    keys = ["model.image_size=256", "model.width=8", "model.width_max=16",
            "train.global_batch=2", "train.precision=bf16", "augment.back_translation=0.5", "checkpoint.every_steps=1",
            "train.max_steps=2"]
    prod256 = pathlib.Path(__file__).parents[2] / "configs/prod256.toml"
    train(tmp_path, tmp_path / "whole", prod256, ranks=2, keys=keys)
    train(tmp_path, tmp_path / "rest", prod256, "--resume", checkpoint(tmp_path / "whole", 1), ranks=2, keys=keys)
    assert state(tmp_path / "rest", 2)["model"]["blocks"] == 1
    assert tensors(tmp_path / "rest", 2) == tensors(tmp_path / "whole", 2)


@pytest.mark.parametrize("zero", [0, 1])
def test_layers_of_poses_train_whatever_is_frozen(sets, trained, tmp_path, zero):  # noqa: F811
    train(sets, tmp_path / "run", "--init-from", checkpoint(trained), ranks=2,
          keys=[*POSE, f"train.freeze={('encoder', 'decoders')[zero]}", f"train.zero={zero}", "train.ema=0"])
    before, after = state(trained)["ema_state_dict"], state(tmp_path / "run")["model_state_dict"]
    stays = ("pose.mean", "pose.deviation", ("encoder.", "decoder_")[zero])
    for name, was in before.items():
        assert torch.equal(was, after[name]) == (name.startswith(stays) and "mean_code" not in name), name


def test_ranks_recomputing_and_sharding_show_in_no_bit(sets, tmp_path):  # noqa: F811
    exact = [*POSE, "train.reproducible=true", "train.slot_size=2"]
    train(sets, tmp_path / "one", keys=exact)
    train(sets, tmp_path / "two", ranks=2, keys=exact)
    train(sets, tmp_path / "again", ranks=2, keys=[*exact, "train.recompute=true", "train.zero=1"])
    for other in ("two", "again"):
        assert losses(tmp_path / other) == losses(tmp_path / "one")
        assert tensors(tmp_path / other) == tensors(tmp_path / "one")


def test_stages_keep_what_poses_are(sets, trained, tmp_path):  # noqa: F811
    """The second stage begins with the first one's layers, which depend on no size of pictures."""
    stages = "[{image_size = 64, epochs = 1}, {image_size = 128, epochs = 1, lr = 0}]"
    keys = [key for key in POSE if not key.startswith("model.mean")]
    large = drawn_sets(tmp_path / "sets", count=14, size=128)
    train(large, tmp_path / "run", ranks=2, keys=[*keys, f"train.stages={stages}", "train.max_steps=0",
                                                  "checkpoint.every_steps=1", "train.ema=0"])
    first, last = (state(tmp_path / "run", step)["model_state_dict"] for step in (2, 4))
    names = [name for name in first if name.startswith("pose.")]
    assert len(names) == 6 and "decoder_a.r128.weight" in last
    for name in names:
        assert torch.equal(first[name], last[name]), name


@pytest.fixture(scope="module")
def shifted(sets, tmp_path_factory):  # noqa: F811
    """The same sets with all points 2 pixels further down."""
    folder = tmp_path_factory.mktemp("shifted")
    for person in "ab":
        (folder / f"{person}.h5").write_bytes((sets / f"{person}.h5").read_bytes())
        with h5py.File(folder / f"{person}.h5", "r+") as packed:
            packed["points"][..., 1] += 2
    return folder


def test_a_run_keeps_its_scale_and_a_new_one_measures_its_own(sets, shifted, trained, tmp_path):  # noqa: F811
    mean = state(trained)["model_state_dict"]["pose.mean"]
    train(shifted, tmp_path / "rest", "--resume", checkpoint(trained, 2), ranks=2, keys=POSE)
    assert torch.equal(state(tmp_path / "rest")["model_state_dict"]["pose.mean"], mean)
    told = [losses(out)[-1]["loss"]["a"]["pose"] for out in (tmp_path / "rest", trained)]
    assert abs(told[0] - told[1]) > 0.1, told  # z has moved with the points, since the scale has not
    train(shifted, tmp_path / "new", "--init-from", checkpoint(trained), keys=POSE)
    moved = state(tmp_path / "new")["model_state_dict"]["pose.mean"] - mean
    # the augmentation turns and shrinks faces a little
    assert (moved[..., 1] - 2 * 2 / 64).abs().max() < 1e-3 and moved[..., 0].abs().max() < 1e-3


def changed(sets, folder, change):  # noqa: F811
    """The sets without /landmarks, by which wrong points would be refused; change(points of A, of B)."""
    points = []
    for person in "ab":
        (folder / f"{person}.h5").write_bytes((sets / f"{person}.h5").read_bytes())
        with h5py.File(folder / f"{person}.h5", "r+") as packed:
            del packed["landmarks"]
            points.append(packed["points"][:])
    change(*points)
    for person, of in zip("ab", points):
        with h5py.File(folder / f"{person}.h5", "r+") as packed:
            packed["points"][...] = of
    return folder


def test_unknown_points_teach_nothing_of_poses(sets, tmp_path):  # noqa: F811
    def change(a, b):
        a[::2] = numpy.nan
        a[1:6:2, :, 0] = 63 - a[1:6:2, :, 0]  # left for right
        b[:, :17] = numpy.nan
        b[:, 68:, 1] = 25

    told = train(changed(sets, tmp_path, change), tmp_path / "run", ranks=2, keys=POSE).stderr
    assert re.search(r"the points of [123] training pictures? are not used: .*left and right are exchanged", told), told
    assert "34 of 140 coordinates of points are not known" in told, told
    assert "(y of point 68 (pupil), y of point 69 (pupil))" in told, told
    left = state(tmp_path / "run")["model_state_dict"]
    assert all(tensor.isfinite().all() for tensor in left.values())
    assert not left["pose.deviation"][1, :17].any() and left["pose.deviation"][0].all()
    assert not left["pose.deviation"][1, 68:, 1].any() and left["pose.deviation"][1, 68:, 0].all()


def set_to(of, values):
    of[...] = values


@pytest.mark.parametrize("change, words", [
    (lambda a, b: set_to(b, numpy.nan), "no point is known in any of 18 training pictures"),
    (lambda a, b: set_to(b, b[:1]), "the points are the same in 18 training pictures"),
    (lambda a, b: set_to(b[..., 0], 63 - b[..., 0]), "left and right are exchanged"),
    (lambda a, b: set_to(b, b * 5), "most points lie outside of the picture"),
], ids=["unknown", "constant", "exchanged", "outside"])
def test_points_that_say_nothing_are_refused(sets, tmp_path, change, words):  # noqa: F811
    refused = run(*command(changed(sets, tmp_path, change), tmp_path / "run", keys=POSE))
    assert refused.returncode == 65 and words in refused.stderr and "b.h5: " in refused.stderr, refused.stderr
    assert not (tmp_path / "run/checkpoints").exists()


def test_swaps_and_python_need_no_points(trained, pointless, tmp_path):
    swapped = run(BIFRONS, "swap", checkpoint(trained), pointless / "b.h5", "--direction", "b2a", "-o",
                  tmp_path / "swapped")
    assert swapped.returncode == 0, swapped.stderr
    evaluated = run(BIFRONS, "eval", checkpoint(trained), "--data-a", pointless / "a.h5", "--data-b",
                    pointless / "b.h5")
    assert evaluated.returncode == 0, evaluated.stderr
    model = bifrons.load(checkpoint(trained))
    pictures = torch.rand(2, 3, 64, 64)
    assert model.pose(model.encoder(pictures)).shape == (2, 140)
    assert model.swap(pictures, "a2b").shape == pictures.shape


@pytest.fixture(scope="module")
def given(sets, tmp_path_factory):  # noqa: F811
    out = tmp_path_factory.mktemp("given") / "run"
    train(sets, out, ranks=2, keys=[*POSE, "model.pose=given"])
    return out


def swaps_of(checkpoint, pictures, folder):
    """The swaps of B's pictures, and what was said."""
    swapped = run(BIFRONS, "swap", checkpoint, pictures, "--direction", "b2a", "--no-label", "-o", folder)
    assert swapped.returncode == 0, swapped.stderr
    images = [numpy.asarray(PIL.Image.open(path)) for path in sorted(folder.iterdir())]
    return numpy.stack(images).astype(int), swapped.stderr


def test_given_poses_train_alike_and_are_used_afterwards(trained, given):
    assert tensors(given) == tensors(trained)
    ours, theirs = (losses(out) for out in (given, trained))
    assert len(ours) == len(theirs) and sum(a != b for a, b in zip(ours, theirs)) == 2  # the validations
    sheets = [sorted((out / "previews").iterdir())[-1] for out in (given, trained)]
    assert sheets[0].name == sheets[1].name and sheets[0].read_bytes() != sheets[1].read_bytes()


def test_a_swap_takes_the_points_of_its_set(sets, given, pointless, tmp_path):  # noqa: F811
    with h5py.File(sets / "b.h5") as b:
        points, images = b["points"][:], b["images"][:]
    with h5py.File(tmp_path / "some.h5", "w") as some, h5py.File(pointless / "b.h5") as b:
        for name in b:
            b.copy(name, some)
        some.attrs.update(b.attrs)
        points[:3] = points[3, 17:] = numpy.nan  # three are not known, of one the jaw alone
        some["points"] = points
    model = bifrons.load(checkpoint(given))
    with torch.no_grad():
        theirs = bifrons.to_bytes(model.swap(bifrons.from_bytes(images), "b2a",
                                             torch.from_numpy((2 * points + 1) / 64 - 1))).int()
    ours, told = swaps_of(checkpoint(given), tmp_path / "some.h5", tmp_path / "measured")
    assert "3 of 20 pictures have no known points: their pose was predicted" in told, told
    assert numpy.abs(ours - theirs.numpy()).max() <= 1
    predicted, told = swaps_of(checkpoint(given), pointless / "b.h5", tmp_path / "predicted")
    assert "20 of 20 pictures have no known points" in told, told
    apart = numpy.abs(predicted - ours).max((1, 2, 3))
    assert not apart[:3].any() and apart[3:].min() > 2


@pytest.fixture
def culled(sets, tmp_path):  # noqa: F811
    """Six of B's pictures in a folder, one twice as large, one wider than high, one without a row; two rows of no picture."""
    folder = tmp_path / "B's pictures"
    folder.mkdir()
    drawn = sets / "drawn/person_b"
    rows = (drawn / "points.csv").read_text().splitlines()
    names = [row.split(",")[0] for row in rows[1:7]]
    numbers = numpy.array([row.split(",")[1:] for row in rows[1:7]], float)
    pictures = [numpy.asarray(PIL.Image.open(drawn / f"{name}.png")) for name in names]
    pictures[0] = pictures[0].repeat(2, 0).repeat(2, 1)
    numbers[0] = 2 * numbers[0] + 0.5
    pictures[1] = numpy.pad(pictures[1], ((0, 0), (8, 8), (0, 0)))
    numbers[1, ::2] += 8
    for name, pixels in zip(names, pictures):
        PIL.Image.fromarray(pixels).save(folder / f"{name}.png")
    lines = [",".join([name, *map(str, row)]) for name, row in zip(names[:5], numbers)]
    (folder / "points.csv").write_text("\n".join([*lines, *rows[7:9]]) + "\n")
    (folder / "consent.txt").write_text("B agreed\n")
    return folder


def test_a_swap_of_a_folder_equals_that_of_the_set_packed_from_it(given, culled, tmp_path):
    def noted(text):
        return sorted(line for line in text.splitlines() if "points.csv" in line)

    packed = run(BIFRONS, "pack", culled, "-o", tmp_path / "b.h5", "--size", "64")
    assert packed.returncode == 0, packed.stderr
    told = {source: swaps_of(checkpoint(given), source, tmp_path / name)[1]
            for source, name in ((culled, "folder"), (tmp_path / "b.h5", "set"))}
    swaps = {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()}
    assert len(swaps) == 6 and swaps == {path.name: path.read_bytes() for path in (tmp_path / "set").iterdir()}
    assert all("1 of 6 pictures have no known points: their pose was predicted" in text for text in told.values()), told
    assert "2 of 7 rows belong to no picture" in told[culled] and "1 of 6 pictures has no usable row" in told[culled]
    assert noted(told[culled]) == noted(packed.stderr)
    alone = sorted(culled.glob("*.png"))[1]
    swaps_of(checkpoint(given), alone, tmp_path / "alone")
    assert {path.name: path.read_bytes() for path in (tmp_path / "alone").iterdir()} == {alone.name: swaps[alone.name]}
    (culled / "points.csv").rename(tmp_path / "points.csv")
    told = swaps_of(checkpoint(given), culled, tmp_path / "predicted")[1]
    assert "6 of 6 pictures have no known points" in told and "points.csv beside the pictures" in told, told
    same = [(tmp_path / "predicted" / name).read_bytes() == swap for name, swap in sorted(swaps.items())]
    assert same == [False] * 5 + [True]


@pytest.mark.parametrize("change", [lambda row: row.rsplit(",", 1)[0], lambda row: row.rsplit(",", 1)[0] + ",x"])
def test_a_wrong_points_csv_is_refused_as_pack_does(given, culled, tmp_path, change):
    lines = (culled / "points.csv").read_text().splitlines()
    (culled / "points.csv").write_text("\n".join([*lines[:2], change(lines[2]), *lines[3:]]))
    packed = run(BIFRONS, "pack", culled, "-o", tmp_path / "b.h5")
    swapped = run(BIFRONS, "swap", checkpoint(given), culled, "-o", tmp_path / "out")
    assert swapped.returncode == packed.returncode == 65 and "points.csv:3: " in swapped.stderr
    assert swapped.stderr.splitlines()[-1] == packed.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_eval_takes_the_points_of_its_sets(sets, given, pointless):  # noqa: F811
    told = [run(BIFRONS, "eval", checkpoint(given), "--json", "--data-a", sets / "a.h5", "--data-b", folder / "b.h5")
            for folder in (sets, pointless)]
    assert [each.returncode for each in told] == [0, 0], told
    assert "without points" not in told[0].stderr
    assert f"{pointless / 'b.h5'} without points: poses are predicted" in told[1].stderr
    whole, less = (json.loads(each.stdout) for each in told)
    assert whole["a2b"] == less["a2b"]
    assert all(whole["b2a"][what] != less["b2a"][what] for what in ("swap", "truth_redrawn", "reconstruction"))


def test_a_network_without_poses_is_a_beginning(sets, trained, tmp_path):  # noqa: F811
    plain = [key for key in POSE if "pose" not in key]
    train(sets, tmp_path / "plain", keys=plain)
    assert "pose" not in state(tmp_path / "plain")["model"]  # as it was before there was this key
    told = train(sets, tmp_path / "with", "--init-from", checkpoint(tmp_path / "plain"), keys=POSE)
    assert "has no model.pose: these parameters begin untrained" in told.stderr
    assert state(tmp_path / "with")["model"]["pose"] == "predicted"
    refused = run(*command(sets, tmp_path / "without", "--init-from", checkpoint(trained), keys=plain))
    assert refused.returncode == 65 and "model.pose: predicted -> none" in refused.stderr, refused.stderr
    for start, keys in ((tmp_path / "plain", POSE), (trained, plain)):
        refused = run(*command(sets, tmp_path / "other", "--resume", checkpoint(start), keys=keys))
        assert refused.returncode == 78 and "model.pose" in refused.stderr, refused.stderr


@pytest.mark.parametrize("keys, code, words", [
    (["model.pose=predicted"], 78, "set loss.pose = 0.2"),
    (["loss.pose=0.2"], 78, "model.pose = \"given\" or loss.pose = 0"),
    (["model.pose=predicted", "loss.pose=0.2"], 78, "b.h5 (data.b) has none: make the set with bifrons extract, which finds them, or pack it with points.csv"),
])
def test_what_is_missing_is_named(pointless, tmp_path, keys, code, words):
    refused = run(*command(pointless, tmp_path / "run", keys=keys))
    assert refused.returncode == code and words in refused.stderr, refused.stderr
    assert not (tmp_path / "run/checkpoints").exists()


def test_a_checkpoint_with_poses_and_a_set_without(pointless, trained, tmp_path):
    for option, step in (("--init-from", 4), ("--resume", 2)):
        refused = run(*command(pointless, tmp_path / "run", option, checkpoint(trained, step), keys=POSE))
        assert refused.returncode == 78 and "model.pose needs points, and" in refused.stderr, refused.stderr
