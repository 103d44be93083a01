"""The Python lines of the documentation, run as they are written on checkpoints of several networks."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

bifrons = pytest.importorskip("bifrons", reason="this Python has no torch, or PYTHONPATH lacks python/")

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIFRONS = pathlib.Path(os.environ.get("BIFRONS", ROOT / "build/dev/bifrons")).resolve()
NETWORKS = {
    "as the demonstration's": ["model.mean_codes=true", "train.init=he", "model.image_size=64", "train.ema=0.9"],
    "of another size, with masks": ["model.mean_codes=true", "model.mask=true", "loss.mask_head=1",
                                    "model.image_size=128", "model.width=8", "model.code_size=8", "model.latent=24"],
    "with everything": ["model.image_size=64", "model.bottleneck=dense", "model.width=16", "model.width_max=48",
                        "model.blocks=1", "model.upsample=subpixel", "model.norm=group", "model.mask=true",
                        "model.mean_codes=true"],
}
DOCUMENTS = ["README.md", "python/README.md", "docs/checkpoints.md"]


def run(folder, *words):
    done = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=240,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    run(folder, BIFRONS, "synth", "drawn", "--count", 10, "--size", 64)
    for person in "ab":
        run(folder, BIFRONS, "pack", f"drawn/person_{person}", "-o", f"{person}.h5", "--size", 64)
    return folder


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return request.param


@pytest.fixture(scope="module")
def checkpoint(network, sets, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    keys = [*NETWORKS[network], "train.max_steps=1", "train.global_batch=2", "train.threads=1"]
    run(sets, BIFRONS, "train", "--data-a", "a.h5", "--data-b", "b.h5", "--out", out,
        *(word for key in keys for word in ("--set", key)))
    return out / "checkpoints/best.pt"


def blocks(document):
    """The document's Python; pages without any are not listed above."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.M | re.S)


def test_no_document_with_python_is_left_out():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert [name for name in listed if blocks(name) and name not in DOCUMENTS and name != "README.ja.md"] == []
    assert all(map(blocks, DOCUMENTS))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_lines_run_as_they_are_written(document, network, checkpoint, sets, tmp_path):
    (tmp_path / "runs/demo/checkpoints").mkdir(parents=True)
    for place in ("best.pt", "runs/demo/checkpoints/best.pt"):
        (tmp_path / place).symlink_to(checkpoint)
    shutil.copy(next((sets / "drawn/person_a").glob("*.png")), tmp_path / "a.png")
    for block in blocks(document):
        told = "import json\nprint(json.dumps([model.image_size, sorted(model.state_dict())]))"
        size, names = json.loads(run(tmp_path, sys.executable, "-W", "error", "-c", block + told))
        assert size == bifrons.load(checkpoint).image_size and names
    assert document != "python/README.md" or (tmp_path / "swapped.png").stat().st_size > 0
    if document == "docs/checkpoints.md":
        run(tmp_path, BIFRONS, "swap", "changed.pt", sets / "a.h5", "-o", "swapped")
        assert len(list((tmp_path / "swapped").glob("*.png"))) == 10
        run(tmp_path, BIFRONS, "train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--init-from", "changed.pt",
            "--out", "next", *(word for key in (*NETWORKS[network], "train.max_steps=1") for word in ("--set", key)))


def test_a_configuration_without_the_network_is_that_of_the_defaults():
    want = {name: value.shape for name, value in bifrons.Bifrons().state_dict().items()}
    for config in ("[train]\nlr = 1e-4\n", 'name = "x"\n', "", {"data": {"a": "a.h5"}}):
        got = bifrons.Bifrons.from_config(config).state_dict()
        assert {name: value.shape for name, value in got.items()} == want


def test_every_way_gives_the_same_network(checkpoint):
    import torch
    saved = torch.load(checkpoint, weights_only=True)
    loaded = bifrons.load(checkpoint, ema=False)
    for model in (bifrons.Bifrons(**saved["model"]), bifrons.Bifrons.from_config(saved["model"]),
                  bifrons.Bifrons.from_config(saved["config"])):
        model.load_state_dict(saved["model_state_dict"], strict=True)
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True))
