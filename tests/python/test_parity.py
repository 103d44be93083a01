"""The C model against PyTorch: outputs, losses, gradients, Adam, checkpoints.

The network on PyTorch's side is python/bifrons/network.py; losses are written out below, independently.
The program tests/model/parity.c writes the C side's numbers.
"""

import os
import pathlib
import re
import statistics
import subprocess

import numpy
import pytest

try:
    import torch

    import bifrons
except ImportError:
    torch = None

pytestmark = pytest.mark.skipif(torch is None, reason="this Python has no torch to compare with")

SIDE, SAMPLES, STEPS, LR = 128, 2, 20, 1e-4
PROGRAM = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons")).parent / "tests/model_parity"


class Dump:
    """The files of one run of parity.c."""

    def __init__(self, folder, precision, mask_weight, steps, side=SIDE, keys=()):
        command = [PROGRAM, folder, precision, str(mask_weight), str(steps), *keys]
        subprocess.run(command, check=True, timeout=240)
        self.folder, self.mask_weight = folder, mask_weight
        self.dtype = torch.float64 if precision == "fp64" else torch.float32
        self.losses = numpy.loadtxt(folder / "losses.txt", ndmin=2)
        self.images = self.bytes("images.bin").reshape(2, SAMPLES, side, side, 3)
        self.masks = self.bytes("masks.bin").reshape(2, SAMPLES, 1, side, side)

    def bytes(self, name):
        return torch.from_numpy(numpy.fromfile(self.folder / name, dtype=numpy.uint8))

    def numbers(self, name):
        kind = numpy.float64 if self.dtype == torch.float64 else numpy.float32
        return torch.from_numpy(numpy.fromfile(self.folder / name, dtype=kind))

    def per_tensor(self, name, model):
        """A flat array cut into the tensors of model.parameters()."""
        sizes = [p.numel() for p in model.parameters()]
        parts = self.numbers(name).split(sizes)
        return [part.view_as(p) for part, p in zip(parts, model.parameters())]


@pytest.fixture(scope="module")
def fp64(tmp_path_factory):
    return Dump(tmp_path_factory.mktemp("fp64"), "fp64", 3, 1)


@pytest.fixture(scope="module")
def fp32(tmp_path_factory):
    return Dump(tmp_path_factory.mktemp("fp32"), "fp32", 0, STEPS)


def relative(ours, theirs):
    return ((ours.double() - theirs.double()).norm() / theirs.double().norm()).item()


def load(dump, name="init.pt", dtype=None):
    return bifrons.load(dump.folder / name).to(dtype or dump.dtype).train()


def inputs(dump, dtype=None):
    return [person.permute(0, 3, 1, 2).to(dtype or dump.dtype) / 255 for person in dump.images]


def gaussian_window():
    x = torch.arange(11, dtype=torch.float64) - 5
    line = torch.exp(-(x**2) / (2 * 1.5**2))
    square = torch.outer(line, line)
    return square / square.sum()


def ssim_map(x, y):
    window = gaussian_window().to(x.dtype).expand(3, 1, 11, 11)

    def mean(t):
        return torch.nn.functional.conv2d(t, window, groups=3)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))


def ssim_by_definition(x, y):
    """One channel (H, W), every 11 x 11 window taken out, centred and weighed."""
    window = gaussian_window()

    def mean(t):
        return (t * window).sum((-1, -2))

    wx, wy = x.unfold(0, 11, 1).unfold(1, 11, 1), y.unfold(0, 11, 1).unfold(1, 11, 1)
    mx, my = mean(wx), mean(wy)
    dx, dy = wx - mx[..., None, None], wy - my[..., None, None]
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * mx * my + c1) * (2 * mean(dx * dy) + c2)) / (
        (mx * mx + my * my + c1) * (mean(dx * dx) + mean(dy * dy) + c2)
    )


def person_losses(recon, target, mask, mask_weight):
    """L1 and DSSIM, each the mean over samples of a mean over weighted pixels."""
    weight = 1 + mask_weight * mask
    inner = weight[:, :, 5:-5, 5:-5]
    l1 = (recon - target).abs() * weight / weight.mean((1, 2, 3), keepdim=True)
    dssim = (1 - ssim_map(recon, target)) / 2
    dssim = dssim * inner / inner.mean((1, 2, 3), keepdim=True)
    return l1.mean(), dssim.mean()


def all_losses(model, dump, dtype=None):
    """total, l1 and dssim of A, of B: as a line of losses.txt."""
    pictures = inputs(dump, dtype)
    terms = []
    for recon, target, mask in zip(model(*pictures), pictures, dump.masks):
        terms += person_losses(recon, target, mask.to(target.dtype) / 255, dump.mask_weight)
    return torch.stack([terms[0] + terms[2] + 0.5 * (terms[1] + terms[3]), *terms])


def mean_code_losses(model, codes):
    """What the mean codes follow, and nothing else does."""
    means = [p for name, p in model.encoder.named_parameters() if "mean_code" in name]
    return sum(torch.nn.functional.mse_loss(mean.expand_as(own), own.detach())
               for mean, own in zip(means, codes))


def gradients(dump, dtype=None):
    model = load(dump, dtype=dtype)
    codes = [model.encoder(x) for x in inputs(dump, dtype)]
    (all_losses(model, dump, dtype)[0] + mean_code_losses(model, codes)).backward()
    return [p.grad for p in model.parameters()]


def outputs(dump, dtype=None):
    model, (a, b) = load(dump, dtype=dtype), inputs(dump, dtype)
    with torch.no_grad():
        return torch.stack([*model(a, b), model.swap(a, "a2b"), model.swap(b, "b2a")])


def test_fp64_outputs(fp64):
    ours = fp64.numbers("outputs.bin").view(4, SAMPLES, 3, SIDE, SIDE)
    for our, their in zip(ours, outputs(fp64)):
        assert relative(our, their) < 1e-9


def test_fp64_losses(fp64):
    theirs = all_losses(load(fp64), fp64).detach().numpy()
    assert numpy.abs(fp64.losses[0] / theirs - 1).max() < 1e-9


def test_dssim_by_definition(fp64):
    recon = fp64.numbers("outputs.bin").view(4, SAMPLES, 3, SIDE, SIDE)[0]
    target = inputs(fp64)[0]
    weight = (1 + fp64.mask_weight * fp64.masks[0].double() / 255)[:, 0, 5:-5, 5:-5]
    terms = []
    for i in range(SAMPLES):
        for c in range(3):
            dssim = (1 - ssim_by_definition(recon[i, c], target[i, c])) / 2
            terms.append((dssim * weight[i]).sum() / weight[i].sum())
    assert abs(fp64.losses[0][2] / torch.stack(terms).mean().item() - 1) < 1e-9


def test_fp64_gradients(fp64):
    ours = fp64.per_tensor("gradients.bin", load(fp64))
    for our, their in zip(ours, gradients(fp64)):
        assert relative(our, their) < 1e-9


def test_fp32_outputs(fp32):
    ours = fp32.numbers("outputs.bin").view(4, SAMPLES, 3, SIDE, SIDE)
    for our, their in zip(ours, outputs(fp32)):
        assert relative(our, their) < 1e-5


def test_fp32_gradients(fp32):
    ours = fp32.per_tensor("gradients.bin", load(fp32))
    theirs, exact = gradients(fp32), gradients(fp32, torch.float64)
    # against fp64: PyTorch's own fp32 differs from it more than ours does
    assert statistics.median(relative(o, e) for o, e in zip(ours, exact)) < 1e-5
    for our, their, right in zip(ours, theirs, exact):
        # where a value sits at a kink of LeakyReLU or L1, rounding decides the side
        assert relative(our, right) < max(3 * relative(their, right), 5e-3)


def test_loss_curve(fp32):
    model = load(fp32)
    adam = torch.optim.Adam(model.parameters(), lr=LR)
    for step in range(STEPS):
        losses = all_losses(model, fp32)
        assert abs(fp32.losses[step][0] / losses[0].item() - 1) < 1e-4, f"step {step + 1}"
        adam.zero_grad()
        losses[0].backward()
        adam.step()
    assert fp32.losses[-1][0] < 0.95 * fp32.losses[0][0]


def test_adam_goes_on_from_a_checkpoint(fp32):
    """PyTorch's Adam takes our state, and its next step on our gradient is ours."""
    checkpoint = torch.load(fp32.folder / "final.pt", weights_only=True)
    model = load(fp32, "final.pt")
    adam = torch.optim.Adam(model.parameters(), lr=0.7)
    adam.load_state_dict(checkpoint["optimizer_state_dict"])
    assert adam.param_groups[0]["lr"] == LR
    before = [p.detach().clone() for p in model.parameters()]
    for p, gradient in zip(model.parameters(), fp32.per_tensor("next_gradients.bin", model)):
        p.grad = gradient
    adam.step()
    ours = fp32.per_tensor("next_parameters.bin", model)
    for our, their, start in zip(ours, model.parameters(), before):
        assert not torch.equal(their, start)
        # of the step itself: parameters round to 2^-24 of their size
        assert (our - their).abs().max() < 1e-6 * LR + start.abs().max() * 2**-23


def test_checkpoint_is_plain_and_complete(fp32):
    checkpoint = torch.load(fp32.folder / "init.pt", weights_only=True)
    assert checkpoint["model"] == {
        "image_size": 128, "code_size": 4, "latent": 128, "bottleneck": "conv", "width": 64, "width_max": 256,
        "blocks": 0, "upsample": "transposed", "norm": "none", "mask": False,
        "mean_codes": False}
    assert (checkpoint["epoch"], checkpoint["step"], checkpoint["position"]) == (2, 0, 99)
    assert (checkpoint["loss"], checkpoint["val_loss"]) == (0.5, 0.25)
    state = checkpoint["model_state_dict"]
    model = bifrons.Bifrons(**checkpoint["model"])
    assert list(state) == [name for name, _ in model.named_parameters()]
    assert sum(t.numel() for t in state.values()) == 6_696_134
    assert all(t.dtype == torch.float32 and t.is_contiguous() for t in state.values())
    model.load_state_dict(state, strict=True)
    adam = torch.optim.Adam(model.parameters())
    known = set(adam.param_groups[0])
    adam.load_state_dict(checkpoint["optimizer_state_dict"])
    assert set(checkpoint["optimizer_state_dict"]["param_groups"][0]) == known


def test_initial_weights_are_drawn_as_pytorch_draws_them(fp32):
    ours = dict(bifrons.load(fp32.folder / "init.pt").named_parameters())
    theirs = dict(bifrons.Bifrons().named_parameters())
    for name, our in ours.items():
        weight = theirs[name.replace(".bias", ".weight")]
        bound = weight[0].numel() ** -0.5  # torch.nn.init's fan in, of either kind of layer
        assert max(our.abs().max().item(), theirs[name].abs().max().item()) <= bound * 1.000001
        if our.numel() > 1000:
            assert our.abs().max().item() == pytest.approx(bound, rel=0.01)
            assert our.std().item() == pytest.approx(theirs[name].std().item(), rel=0.05)


def test_swap_is_the_same_picture(fp32):
    model = bifrons.load(fp32.folder / "final.pt")
    with torch.no_grad():
        theirs = bifrons.to_bytes(model.swap(bifrons.from_bytes(fp32.images[0]), "a2b"))
    ours = fp32.bytes("swap.bin").view_as(theirs)
    assert (ours.int() - theirs.int()).abs().max() <= 1
    assert theirs.float().std() > 1  # and not a grey one


@pytest.mark.parametrize("side, keys", [(SIDE, []), (64, ["image_size=64", "latent=16", "mean_codes=1", "pose=1"])])
def test_bf16_is_near(tmp_path, side, keys):
    """Autocast here and there: the same roundings in the same places."""
    dump = Dump(tmp_path, "bf16", 0, 1, side, keys)
    ours = dump.numbers("outputs.bin").view(4, SAMPLES, 3, side, side)
    assert ours.dtype == torch.float32
    for our, their in zip(ours, outputs(dump)):
        assert 0 < relative(our, their) < 1e-2


# By number: parity.c knows no words. Tiny, and so that each option stands alone once.
ARCHITECTURES = {
    "wide": ["latent=24", "width=16", "width_max=40"],
    "dense": ["latent=24", "bottleneck=1", "width=8"],
    "blocks": ["latent=16", "width=8", "blocks=2"],
    "norm": ["latent=16", "width=12", "blocks=1", "norm=1"],
    "mask": ["latent=16", "width=8", "mask=1"],
    "means": ["latent=16", "width=8", "mean_codes=1"],
    "pose": ["latent=16", "width=8", "pose=1"],
    "code": ["image_size=96", "code_size=6", "latent=16", "width=8"],
    "all": ["image_size=80", "code_size=5", "latent=16", "width=16", "bottleneck=1", "blocks=1", "norm=1",
            "upsample=1", "mask=1", "mean_codes=1", "pose=1"],
}
# each way to double the resolution, also those that are added; the first is in all above
HEADER = pathlib.Path(__file__).parents[2] / "src/model/architecture/include/model/model_config.h"
UPSAMPLE_MAP = re.search(r"define UPSAMPLE_MAP.*?(?=\n\n|\n/\*)", HEADER.read_text(), re.S).group()
UPSAMPLES = re.findall(r"^    X\((\w+), \w+, \d\)", UPSAMPLE_MAP, re.M)
assert UPSAMPLES[:2] == ["TRANSPOSED", "SUBPIXEL"]
ARCHITECTURES |= {name.lower(): ["latent=16", "width=8", f"upsample={i}"] for i, name in enumerate(UPSAMPLES) if i > 0}


@pytest.mark.parametrize("keys", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_architectures(tmp_path, keys):
    """Each option of model.*: outputs, masks and gradients in fp64, names and order of the state."""
    side = next((int(k.partition("=")[2]) for k in keys if k.startswith("image_size=")), 64)
    keys = [f"image_size={side}", *keys]
    dump = Dump(tmp_path, "fp64", 3, 1, side, keys)
    checkpoint = torch.load(tmp_path / "init.pt", weights_only=True)
    model = bifrons.Bifrons(**checkpoint["model"])
    assert list(checkpoint["model_state_dict"]) == [name for name, _ in model.named_parameters()]
    assert len(checkpoint["model"]) == 11 + ("pose=1" in keys)  # else as it was before this key
    for ours, theirs in zip(dump.numbers("outputs.bin").view(4, SAMPLES, 3, side, side), outputs(dump)):
        assert relative(ours, theirs) < 1e-9
    for ours, theirs in zip(dump.per_tensor("gradients.bin", load(dump)), gradients(dump)):
        if theirs is not None:
            assert relative(ours, theirs) < 1e-9
        else:  # the mask head's and what predicts poses: no loss here looks at them
            assert {"mask=1", "pose=1"} & set(keys) and not ours.any()
    if "mask=1" in keys:
        with torch.no_grad():
            model = load(dump)
            codes = [model.encoder(x) for x in inputs(dump)]
            codes = [model.posed(own, own) for own in codes] + [
                model.posed(model.move(own, way), own) for own, way in zip(codes, ("a2b", "b2a"))]
            masks = [decoder(own)[1] for own, decoder in zip(
                codes, (model.decoder_a, model.decoder_b, model.decoder_b, model.decoder_a))]
        for ours, theirs in zip(dump.numbers("mask_outputs.bin").view(4, SAMPLES, 1, side, side), masks):
            assert relative(ours, theirs) < 1e-9
