"""The package python/bifrons: what it computes, reads, shows, starts and writes."""

import json
import os
import pathlib
import re
import shutil

import numpy
import pytest

try:
    import h5py
    import torch
    from PIL import Image

    import bifrons
except ImportError:
    torch = None

pytestmark = pytest.mark.skipif(torch is None, reason="this Python has no torch or h5py")

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNT, SIZE = 10, 64
WEIGHTS = {"l1": 1.0, "dssim": 0.5, "gradient": 0.25, "mask_head": 0.3, "pose": 0.2}
PIXELS = {"mask": 3, "eyes": 8, "mouth": 5}
NO_AUGMENTATION = {f"augment.{key}": 0 for key in ("flip", "rotate_deg", "zoom", "shift", "warp", "colour_transfer",
                                                   "colour_jitter")}
SMALL = {"model.image_size": SIZE, "model.width": 16, "model.latent": 16, "train.threads": 1,
         "train.precision": "fp32", "log.every_steps": 1, "log.report": False, "log.tensorboard": False}
# A step on all pictures that changes nothing: its losses are those of the checkpoint.
STANDING = {**SMALL, **NO_AUGMENTATION, "augment.predicted_pose": 1, "data.val_fraction": 0, "model.mask": True,
            "model.mean_codes": True, "model.pose": "predicted", "train.global_batch": COUNT, "train.max_steps": 1,
            "train.lr": 1e-30, **{f"loss.{key}": weight for key, weight in {**WEIGHTS, **PIXELS}.items()}}


@pytest.fixture(scope="module", autouse=True)
def the_program(tmp_path_factory):
    os.environ["BIFRONS"] = str(pathlib.Path(os.environ.get("BIFRONS", ROOT / "build/dev/bifrons")).resolve())
    os.environ["MPLBACKEND"] = "Agg"
    os.environ["MPLCONFIGDIR"] = str(tmp_path_factory.mktemp("matplotlib"))


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    bifrons.command("synth", folder / "drawn", "--count", COUNT, "--size", SIZE)
    for person in "ab":
        bifrons.command("pack", folder / f"drawn/person_{person}", "-o", folder / f"{person}.h5", "--size", SIZE)
    return [bifrons.Set(folder / f"{person}.h5") for person in "ab"]


def train(people, out, keys, **more):
    return bifrons.train(a=people[0].path, b=people[1].path, out=out, keys=keys, **more)


@pytest.fixture(scope="module")
def run(people, tmp_path_factory):
    return train(people, tmp_path_factory.mktemp("run") / "run", STANDING)


@pytest.fixture(scope="module")
def model(run):
    return bifrons.load(run.latest)


def inputs(people):
    """What losses takes of the people's sets."""
    a, b = people
    return dict(a=a.pictures(), b=b.pictures(), masks=(a.masks(), b.masks()), points=(a.points(), b.points()),
                landmarks=(a.landmarks(), b.landmarks()))


def compare_losses(ours, run):
    assert set(ours["a"]) == set(WEIGHTS)
    for person in "ab":
        for name, loss in ours[person].items():
            assert run.train[f"loss.{person}.{name}"][0] == pytest.approx(loss.item(), rel=1e-5), (person, name)
    assert run.train["loss.total"][0] == pytest.approx(ours["total"].item(), rel=1e-5)
    assert ours["a"]["l1"].item() != pytest.approx(ours["b"]["l1"].item(), rel=1e-3)


def test_losses_are_those_of_the_program(people, run, model):
    compare_losses(bifrons.losses(model, weights=run.config["loss"], **inputs(people)), run)


def test_losses_with_given_poses_and_derived_landmarks(people, tmp_path):
    bare = []
    for person in people:
        shutil.copy(person.path, tmp_path)
        bare.append(bifrons.Set(tmp_path / pathlib.Path(person.path).name))
        with h5py.File(bare[-1].path, "a") as file:
            for name in {"landmarks"} & set(file):
                del file[name]
            file["points"][1, 36:42] = numpy.nan  # an eye of which only the pupil is known
            file["points"][2, 54] = numpy.nan  # the end of a mouth: no landmarks there
    bare = [bifrons.Set(person.path) for person in bare]
    run = train(bare, tmp_path / "run", {**STANDING, "model.pose": "given", "augment.predicted_pose": 0})
    model, weights = bifrons.load(run.latest), {**WEIGHTS, **PIXELS}
    compare_losses(bifrons.losses(model, weights=weights, **inputs(bare)), run)
    with torch.no_grad():
        a, b, points = bare[0].pictures(), bare[1].pictures(), (bare[0].points(), bare[1].points())
        told, predicted = model(a, b, points), model(a, b)
    assert not torch.allclose(told[0], predicted[0]) and not torch.allclose(told[1], predicted[1])


def test_a_loss_that_is_not_here_is_refused(people, model):
    a, b = (person.pictures(slice(0, 2)) for person in people)
    lacking = {"latent": "is not computed here", "mask_head": "needs masks", "pose": "needs points", "mask": "needs masks",
               "eyes": "needs landmarks", "mouth": "needs landmarks", "typo": "is not computed here"}
    with pytest.raises(ValueError) as refused:  # all of them at once
        bifrons.losses(model, a, b, dict.fromkeys(lacking, 1))
    for name, why in lacking.items():
        assert f"loss.{name} = 1: {why}" in str(refused.value)
    with pytest.raises(ValueError, match="loss.mask = 3: needs masks"):
        bifrons.losses(model, a, b, mask_weight=3)
    assert set(bifrons.losses(model, a, b, {"l1": 1, "latent": 0})["a"]) == {"l1", "dssim", "gradient"}
    assert torch.equal(bifrons.losses(model, a, b, {})["total"], torch.zeros(()))


def test_pictures_that_the_network_cannot_take_are_refused(people, model):
    picture = people[0].pictures(0)
    small = torch.nn.functional.interpolate(picture, size=32)
    for wrong, words in ((small, r"\(1, 3, 32, 32\): this network takes \(N, 3, 64, 64\)"), (picture[0], r"\(3, 64, 64\)"),
                         (picture * 255, "values from .* to 2.*from_bytes"), (picture * 2 - 1, "values from -"),
                         (picture * torch.nan, "values from nan"), ((picture * 255).byte(), "uint8: bifrons.from_bytes")):
        for use in (lambda x: model(x, picture), lambda x: model(picture, x), lambda x: model.swap(x, "a2b"),
                    lambda x: bifrons.losses(model, x, picture)):
            with pytest.raises(ValueError, match=words):
                use(wrong)
    for wrong in (picture, bifrons.to_bytes(picture)[0]):
        with pytest.raises(ValueError, match=r"give bytes \(uint8\), \(N, H, W, 3\)"):
            bifrons.from_bytes(wrong)


def test_keys_of_the_network_are_checked_as_the_program_does():
    for key, value in {"image_size": 100, "norm": "batch", "bottleneck": "fc", "pose": "bogus", "upsample": "bilinear",
                       "latent": 8.5, "mask": 1, "blocks": 9}.items():
        with pytest.raises(ValueError, match=f"model.{key} = "):
            bifrons.Bifrons(**{key: value})
    with pytest.raises(ValueError, match="model.blocks = 0"):
        bifrons.Bifrons(norm="group")
    table = dict(re.findall(r"^\| `model\.(\w+)` \| .*? \| (.*?) \|", bifrons.command("train", "--print-keys"), re.M))
    ours = bifrons.network.KEYS
    assert list(table) == list(ours)
    for key, words in table.items():
        allowed = re.findall(r'"(\w+)"', words) or [int(n) for n in re.findall(r"\d+", words)] or [False, True]
        assert sorted(allowed) == sorted(ours[key]), key


def test_a_configuration_may_be_a_path(tmp_path):
    (tmp_path / "a.toml").write_text("[model]\nlatent = 16\n")
    assert bifrons.Bifrons.from_config(tmp_path / "a.toml").config["latent"] == 16
    with pytest.raises(ValueError, match="give pathlib.Path"):
        bifrons.Bifrons.from_config(str(tmp_path / "a.toml"))
    (tmp_path / "a.toml").write_text("[model\n")
    with pytest.raises(ValueError, match="a.toml is no TOML: .*line 1"):
        bifrons.Bifrons.from_config(tmp_path / "a.toml")


def test_summary_of_the_light_network():
    light = bifrons.summary(bifrons.Bifrons())
    assert light.parameters == 6_696_134
    assert (light.code, light.picture, light.compression) == ((128, 4, 4), (3, 128, 128), 24)
    assert [(layer.name, layer.shape) for layer in light.parts["encoder"]][:2] == [
        ("r128", (64, 64, 64)), ("r64", (128, 32, 32))]
    assert light.parts["decoder_a"][-1].shape == (3, 128, 128)
    for text in ("6,696,134", "ConvTranspose", "128 x 4 x 4: 24 to 1"):
        assert text in str(light)


def test_summary_counts_every_parameter(model):
    parts = bifrons.summary(model).parts
    assert list(parts) == ["encoder", "decoder_a", "decoder_b", "pose"]
    for name, layers in parts.items():
        assert sum(layer.parameters for layer in layers) == sum(p.numel() for p in getattr(model, name).parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_set_is_what_the_file_holds(people):
    a = people[0]
    with h5py.File(a.path) as file:
        images, points, masks = (file[name][:] for name in ("images", "points", "masks"))
        names, person = [name.decode() for name in file["names"][:]], file.attrs["person"]
    assert (len(a), a.size, a.names, a.person) == (COUNT, SIZE, names, person if isinstance(person, str) else person.decode())
    assert "nobody" in a.consent and {"images", "points", "truth"} <= set(a.parts)
    assert numpy.array_equal(bifrons.to_bytes(a.pictures([1, 4])).numpy(), images[[1, 4]])
    assert torch.equal(a[-1], a.pictures()[-1]) and len(list(a)) == COUNT
    assert numpy.allclose((a.points().numpy() + 1) * SIZE / 2 - 0.5, points, atol=1e-4)
    assert numpy.array_equal(a.masks()[:, 0].mul(255).round().byte().numpy(), masks)
    batch = next(iter(torch.utils.data.DataLoader(a, batch_size=4, num_workers=1)))
    assert torch.equal(batch, a.pictures(slice(0, 4)))
    for rows, want in ((slice(1, 3), [1, 2]), ([4, 1, 4], [4, 1, 4]), (slice(None, None, -3), [9, 6, 3, 0]), (-1, [9]),
                       ([], []), (torch.tensor([2, 0]), [2, 0])):
        assert numpy.array_equal(bifrons.to_bytes(a.pictures(rows)).numpy(), images[want])
    assert torch.equal(a[1:3], a.pictures([1, 2])) and torch.equal(a[[3, 2]], a.pictures([3, 2]))
    assert torch.equal(a[torch.tensor([3, 2])], a.pictures([3, 2])) and torch.equal(a[range(2)], a.pictures([0, 1]))
    with pytest.raises(IndexError):
        a.pictures(COUNT)
    with pytest.raises(KeyError, match="has no pose; it has images"):
        a.numbers("pose")


@pytest.mark.parametrize("size", [48, 96])
def test_a_set_is_resized_as_the_program_does(people, tmp_path, size):
    """Training on the same pictures, packed at that size."""
    a = people[0]
    for folder, pictures in (("pictures", a.pictures()), ("pictures/masks", a.masks().expand(-1, 3, -1, -1))):
        (tmp_path / folder).mkdir()
        for name, picture in zip(a.names, bifrons.to_bytes(pictures)):
            Image.fromarray(picture.numpy()).save(tmp_path / folder / name)
    bifrons.command("pack", tmp_path / "pictures", "-o", tmp_path / "a.h5", "--size", size, "--person", "A", "--consent", "drawn")
    theirs, ours = bifrons.Set(tmp_path / "a.h5"), bifrons.Set(a.path, size=size)
    assert ours.size == theirs.size == size and ours.names == theirs.names
    for part in ("pictures", "masks"):
        apart = (getattr(ours, part)() - getattr(theirs, part)()).abs().mul(255).round()
        assert apart.max() <= 1 and apart.mean() < 0.001
    assert torch.allclose(ours.points(), a.points(), equal_nan=True)


def test_a_file_that_is_no_set_or_has_no_consent_is_refused(people, tmp_path):
    shutil.copy(people[0].path, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file.attrs["consent"]
    with pytest.raises(ValueError, match="a.h5 has no statement of consent"):
        bifrons.Set(tmp_path / "a.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = numpy.zeros((1, 64, 64, 3), "uint8")
    (tmp_path / "text.h5").write_text("no HDF5")
    for name in ("other.h5", "text.h5"):
        with pytest.raises(ValueError, match=f"{name} is damaged, or no set of bifrons"):
            bifrons.Set(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="gone.h5"):
        bifrons.Set(tmp_path / "gone.h5")


def test_a_run_has_its_metrics_as_arrays(run, tmp_path):
    rows = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert run.train["loss.a.l1"].tolist() == [row["loss"]["a"]["l1"] for row in rows if row["kind"] == "train"]
    assert run.config["model"]["latent"] == 16 and run.record["people"][0]["person"] == "Helvia"
    shutil.copytree(run.folder, tmp_path / "run")
    with (tmp_path / "run/metrics.jsonl").open("a") as file:
        file.write('{"kind":"faces","step":1,"faces":{"identity_a":0.5}}\n')
        file.write('{"kind":"train","step":2,"loss":{"total":null},"nonfinite":true}\n{"kind":"tr')
    more = bifrons.Run(tmp_path / "run")
    assert more.train["step"].tolist() == [1, 2] and more.faces["faces.identity_a"].tolist() == [0.5]
    assert numpy.isnan(more.train["loss.total"]).tolist() == [False, True]
    assert numpy.isnan(more.train["loss.a.l1"][1])
    more.plot().savefig(tmp_path / "plot.png")
    with pytest.raises(FileNotFoundError):
        bifrons.Run(tmp_path)


def shown(figure):
    """The pictures of a figure, and its visible texts."""
    return ([axis.images[0].get_array() for axis in figure.axes], [text.get_text() for axis in figure.axes for text in axis.texts])


def test_sheets_show_the_swaps_and_the_mark(people, model, tmp_path):
    a, b = (person.pictures(slice(0, 4)) for person in people)
    with torch.no_grad():
        a2b, b2a, (recon_a, recon_b) = model.swap(a, "a2b"), model.swap(b, "b2a"), model(a[:1], b[:1])
    sheet, pair = bifrons.show_swaps(model, a, b), bifrons.show_pair(model, a[0], b[0])
    pictures, texts = shown(sheet)
    assert len(pictures) == 16 and texts.count("AI") == 1 and {"Helvia", "as Helvia", "as Rufus"} <= set(texts)
    for ours, theirs in zip(pictures, torch.cat([a, a2b, b, b2a])):
        assert numpy.array_equal(ours, bifrons.to_bytes(theirs[None])[0].numpy())
    pictures, texts = shown(pair)
    assert len(pictures) == 6 and texts.count("AI") == 1
    for ours, theirs in zip(pictures, torch.cat([a[:1], recon_a, a2b[:1], b[:1], recon_b, b2a[:1]])):
        assert numpy.array_equal(ours, bifrons.to_bytes(theirs[None])[0].numpy())
    points = [person.points(slice(0, 4)) for person in people]
    with torch.no_grad():
        told = [model.swap(a, "a2b", points[0]), model.swap(b, "b2a", points[1])]
        recon = model(a[:1], b[:1], (points[0][:1], points[1][:1]))
    sheet = bifrons.show_swaps(model, a, b, points=points)
    pair = bifrons.show_pair(model, a[0], b[0], (points[0][0], points[1][0]))
    for place, want in ((4, told[0]), (12, told[1])):
        assert numpy.array_equal(shown(sheet)[0][place], bifrons.to_bytes(want)[0].numpy())
    for place, want in ((1, recon[0]), (2, told[0]), (4, recon[1]), (5, told[1])):
        assert numpy.abs(shown(pair)[0][place].astype(int) - bifrons.to_bytes(want)[0].numpy()).max() <= 1
    assert not torch.allclose(told[0], a2b) and not torch.allclose(told[1], b2a)
    sheet.savefig(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_an_unknown_direction_is_refused(model, people):
    with pytest.raises(ValueError, match="direction = 'a2a': give \"a2b\" or \"b2a\""):
        model.swap(people[0].pictures(slice(0, 1)), "a2a")


def test_onnx_gives_the_same_swap(people, model, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pictures = people[1].pictures(slice(0, 3))
    bifrons.export_onnx(model, tmp_path / "b2a.onnx", "b2a")
    session = onnxruntime.InferenceSession(tmp_path / "b2a.onnx")
    swapped, = session.run(None, {"pictures": pictures.numpy()})
    with torch.no_grad():
        assert numpy.abs(swapped - model.swap(pictures, "b2a").numpy()).max() < 1e-5
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["consent"]) == [person.consent for person in people] and about["direction"] == "b2a"
    with pytest.raises(ValueError, match="a2b"):
        bifrons.export_onnx(model, tmp_path / "x.onnx", "a2a")


def test_safetensors_holds_the_network(people, model, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    bifrons.export_safetensors(model, tmp_path / "best.safetensors")
    tensors = safetensors.load_file(tmp_path / "best.safetensors")
    assert list(sorted(tensors)) == sorted(model.state_dict())
    assert all(torch.equal(tensors[name], value) for name, value in model.state_dict().items())
    again = bifrons.load(tmp_path / "best.safetensors")
    assert again.config == model.config and again.people == ["Helvia", "Rufus"] and not again.training
    assert again.consent == [person.consent for person in people]
    safetensors.save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="other.safetensors is damaged, or no network of bifrons"):
        bifrons.load(tmp_path / "other.safetensors")
