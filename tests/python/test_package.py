"""The package python/bifrons: what it computes, reads, shows, starts and writes."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy
import pytest

try:
    import h5py
    import torch

    import bifrons
except ImportError:
    torch = None

pytestmark = pytest.mark.skipif(torch is None, reason="this Python has no torch or h5py")

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNT, SIZE = 10, 64
WEIGHTS = {"l1": 1.0, "dssim": 0.5, "gradient": 0.25, "mask_head": 0.3, "pose": 0.2}
NO_AUGMENTATION = {f"augment.{key}": 0 for key in ("flip", "rotate_deg", "zoom", "shift", "warp", "colour_transfer",
                                                   "colour_jitter")}
SMALL = {"model.image_size": SIZE, "model.width": 16, "model.latent": 16, "train.threads": 1,
         "train.precision": "fp32", "log.every_steps": 1, "log.report": False, "log.tensorboard": False}
# A step on all pictures that changes nothing: its losses are those of the checkpoint.
STANDING = {**SMALL, **NO_AUGMENTATION, "augment.predicted_pose": 1, "data.val_fraction": 0, "model.mask": True,
            "model.mean_codes": True, "model.pose": "predicted", "loss.mask": 3, "train.global_batch": COUNT,
            "train.max_steps": 1, "train.lr": 1e-30, **{f"loss.{key}": weight for key, weight in WEIGHTS.items()}}


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


def test_losses_are_those_of_the_program(people, run, model):
    a, b = people
    ours = bifrons.losses(model, a.pictures(), b.pictures(), WEIGHTS, (a.masks(), b.masks()), 3,
                          (a.points(), b.points()))
    assert set(ours["a"]) == set(WEIGHTS)
    for person in "ab":
        for name, loss in ours[person].items():
            assert run.train[f"loss.{person}.{name}"][0] == pytest.approx(loss.item(), rel=1e-5), (person, name)
    assert run.train["loss.total"][0] == pytest.approx(ours["total"].item(), rel=1e-5)
    assert ours["a"]["l1"].item() != pytest.approx(ours["b"]["l1"].item(), rel=1e-3)


def test_a_loss_that_is_not_here_is_refused(people, model):
    a, b = (person.pictures(slice(0, 2)) for person in people)
    for name in ("latent", "mask_head", "pose", "typo"):  # the second and third lack masks and points
        with pytest.raises(ValueError, match=f"loss.{name} = 1.*l1, dssim"):
            bifrons.losses(model, a, b, {name: 1})
    with pytest.raises(ValueError, match="mask_weight = 3 needs masks"):
        bifrons.losses(model, a, b, mask_weight=3)
    assert set(bifrons.losses(model, a, b, {"l1": 1, "latent": 0})["a"]) == {"l1", "dssim", "gradient"}


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
    with pytest.raises(KeyError, match="has no pose; it has images"):
        a.numbers("pose")


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
        with pytest.raises(ValueError, match=f"{name} is no set"):
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
    sheet.savefig(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_a_notebook_shows_warnings_and_draws_no_empty_figure(run, tmp_path, monkeypatch, capsys):
    pytest.importorskip("IPython.display", reason="IPython is not installed")
    shown = []
    monkeypatch.setattr("bifrons.launch._in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda figure, display_id: shown.append(figure))
    progress = bifrons.launch._progress(tmp_path)
    for line in ("ranks: 1", "warning: few pictures"):
        progress(line, False)
    progress("error: no", True)
    assert capsys.readouterr().out == "warning: few pictures\n" and not shown
    bifrons.launch._progress(run.folder)("1 step in 1 s", True)
    assert len(shown) == 1 and len(shown[0].axes[0].lines) == 2


def test_the_program_is_looked_for_where_BIFRONS_says(tmp_path, monkeypatch):
    found = bifrons.program()
    monkeypatch.setenv("PATH", str(pathlib.Path(found).parent))
    for wrong in (tmp_path / "gone", tmp_path):
        monkeypatch.setenv("BIFRONS", str(wrong))
        with pytest.raises(FileNotFoundError, match=f"BIFRONS = '{wrong}' is not a program"):
            bifrons.command("info")
    monkeypatch.delenv("BIFRONS")
    assert bifrons.program() == found


def test_errors_of_the_program_are_exceptions(people, tmp_path):
    with pytest.raises(bifrons.ProgramError, match="ranks") as failed:
        train(people, tmp_path / "run", {}, ranks=0, show=False)
    assert failed.value.code == 64
    with pytest.raises(bifrons.ProgramError, match="train.lrr") as failed:
        train(people, tmp_path / "run", {"train.lrr": 1}, show=False)
    assert failed.value.code == 78
    with pytest.raises(bifrons.ProgramError, match="gone.h5") as failed:
        bifrons.command("inspect", tmp_path / "gone.h5")
    assert failed.value.code == 66


def test_an_interrupt_saves_a_checkpoint_and_the_same_call_resumes(people, tmp_path):
    keys = {**SMALL, "train.max_steps": 400, "train.global_batch": 2, "train.epochs": 1000}
    script = tmp_path / "script.py"
    script.write_text(f"import bifrons, pathlib\nrun = bifrons.train(a={str(people[0].path)!r}, b={str(people[1].path)!r}, "
                      f"out={str(tmp_path / 'run')!r}, keys={keys!r})\nprint('returned', run.train['step'][-1])\n")
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
    metrics = tmp_path / "run/metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "the same call resumes the run" in said, said
    stopped = float(re.search(r"returned (.*)", said).group(1))
    assert 1 <= stopped < 400 and bifrons.Run(tmp_path / "run").latest.exists()
    run = train(people, tmp_path / "run", {**keys, "train.max_steps": int(stopped) + 2}, show=False)
    assert run.train["step"].tolist() == list(range(1, int(stopped) + 3))


def test_what_is_no_network_is_refused(model, people, tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    for name in ("other.pt", "text.pt"):
        with pytest.raises(ValueError, match=f"{name} is no network of bifrons"):
            bifrons.load(tmp_path / name)
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
    with pytest.raises(ValueError, match="other.safetensors is no network of bifrons"):
        bifrons.load(tmp_path / "other.safetensors")


def test_pip_installs_it(tmp_path):
    """Without a network: pip fetches no dependency, and builds with the setuptools that is installed."""
    shutil.copytree(ROOT / "python", tmp_path / "python", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index",
                           "--target", tmp_path / "site", tmp_path / "python"], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    environment = {key: value for key, value in os.environ.items() if key != "BIFRONS"}
    done = subprocess.run([sys.executable, "-c", "import bifrons, importlib.metadata as m\nprint(bifrons.__file__, "
                           "bifrons.__version__, m.version('bifrons'), bifrons.summary(bifrons.Bifrons()).parameters)"],
                          cwd=tmp_path, env={**environment, "PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True,
                          timeout=240)
    assert done.returncode == 0, done.stderr
    version = re.search(r"project\(bifrons VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert done.stdout.split() == [str(tmp_path / "site/bifrons/__init__.py"), version, version, "6696134"]
    assert (tmp_path / "site/bifrons/py.typed").exists()
