"""Every loss of base/losses.h against PyTorch, in fp64, and the files a VGG may come in.

Each loss is written out below, independently, as the function loss_KEY; tests/model/losses_parity.c writes
the C side's numbers. A new loss fails here until it has its function.
"""

import os
import pathlib
import subprocess
from types import SimpleNamespace

import numpy
import pytest

try:
    import torch
    from test_parity import mean_code_losses, relative, ssim_map
    from vgg import VGG, save_plain, save_safetensors, save_zip

    import bifrons
except ImportError:
    torch = None

pytestmark = pytest.mark.skipif(torch is None, reason="this Python has no torch to compare with")

SIDE, SAMPLES, MASK_WEIGHT = 64, 2, 3
R1 = 2
BUILD = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons")).parent
PROGRAM = BUILD / "tests/losses_parity"


def run(*words):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=240)


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory):
    """The network and its file."""
    network, path = VGG(16), tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    save_zip(network.state_dict(), path)
    return network.double(), path


class Dump:
    """What losses_parity wrote, and the network it began with."""

    def __init__(self, folder, *words):
        done = run("train", folder, *words)
        assert done.returncode == 0, done.stderr
        self.folder = folder
        self.model = bifrons.load(folder / "init.pt").double().train()
        images = self.numbers("images.bin", numpy.uint8).view(2, SAMPLES, SIDE, SIDE, 3)
        self.images = [person.permute(0, 3, 1, 2).double() / 255 for person in images]
        masks = self.numbers("masks.bin", numpy.uint8).view(2, SAMPLES, 1, SIDE, SIDE)
        self.masks = [person.double() / 255 for person in masks]
        (_, total), *rows = map(str.split, (folder / "losses.txt").read_text().splitlines())
        self.total = float(total)
        self.weights = {key: float(weight) for key, weight, *_ in rows if float(weight)}
        self.terms = [{key: float(of[who]) for key, _, *of in rows} for who in range(2)]

    def numbers(self, name, kind=numpy.float64):
        return torch.from_numpy(numpy.fromfile(self.folder / name, dtype=kind))

    def gradients(self, name, parameters):
        parameters = list(parameters)
        parts = self.numbers(name).split([p.numel() for p in parameters])
        return [part.view_as(p) for part, p in zip(parts, parameters)]


def mean_of(values, weight):
    weight = weight.expand(-1, values.shape[1], -1, -1)
    return ((values * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))).mean()


# ---- One function a loss: the mean over the samples of one person ------------------------------

def loss_l1(x):
    return mean_of((x.recon - x.target).abs(), x.weight)


def loss_dssim(x):
    return mean_of((1 - ssim_map(x.recon, x.target)) / 2, x.weight[:, :, 5:-5, 5:-5])


def loss_gradient(x):
    across, down = ((x.recon.diff(dim=d) - x.target.diff(dim=d)).abs() for d in (3, 2))
    return (mean_of(across, (x.weight[..., 1:] + x.weight[..., :-1]) / 2)
            + mean_of(down, (x.weight[:, :, 1:] + x.weight[:, :, :-1]) / 2))


def loss_perceptual(x):
    pairs = zip(x.vgg(x.recon), x.vgg(x.target))
    return sum(mean_of((ours - theirs) ** 2, torch.nn.functional.avg_pool2d(x.weight, 2**i))
               for i, (ours, theirs) in enumerate(pairs))


def loss_mask_head(x):
    return ((x.mask_drawn - x.mask) ** 2).mean()


def loss_latent(x):
    far = (x.codes - x.codes_wanted).square().flatten(1).mean(1)
    return (far / x.codes_wanted.square().flatten(1).mean(1)).mean()


def loss_pose(x):
    far = ((x.pose_made - x.pose) * x.pose_known).square().sum(1)
    return (far / x.pose_known.sum(1).clamp(min=1)).mean()


def loss_adversarial(x):
    judged = x.discriminator(x.recon * 2 - 1)
    return -judged.mean() if x.hinge else ((judged - 1) ** 2).mean()


# ------------------------------------------------------------------------------------------------

def samples_of(dump, who, decoded, **more):
    """What the losses look at, of one person's samples; decoded: the codes that the decoder is given."""
    recon, mask_drawn = (dump.model.decoder_a, dump.model.decoder_b)[who](decoded)
    return SimpleNamespace(recon=recon, mask_drawn=mask_drawn, target=dump.images[who],
                           mask=dump.masks[who], weight=1 + MASK_WEIGHT * dump.masks[who], **more)


def compare_losses(dump, people):
    """Each loss that has a weight, and their total, which is returned."""
    total = 0
    for key, weight in dump.weights.items():
        ours = globals().get(f"loss_{key}")
        assert ours, f"base/losses.h has the loss {key}: write loss_{key} here, in PyTorch"
        for samples, theirs in zip(people, dump.terms):
            loss = ours(samples)
            assert theirs[key] == pytest.approx(loss.item(), rel=1e-9), key
            total = total + weight * loss
    assert dump.total == pytest.approx(total.item(), rel=1e-9)
    return total


def compare_gradients(dump, total):
    parameters = list(dump.model.parameters())
    theirs = iter(torch.autograd.grad(total, [p for p in parameters if p.requires_grad]))
    for our, parameter in zip(dump.gradients("gradients.bin", parameters), parameters):
        assert relative(our, next(theirs)) < 1e-9 if parameter.requires_grad else not our.any()


def test_perceptual_loss_and_gradients(vgg16, tmp_path):
    dump = Dump(tmp_path, vgg16[1], MASK_WEIGHT, "none")
    people = [samples_of(dump, who, dump.model.encoder(dump.images[who]), vgg=vgg16[0]) for who in range(2)]
    assert {"l1", "mask_head", "perceptual"} < set(dump.weights)
    compare_gradients(dump, compare_losses(dump, people))


# ---- latent -------------------------------------------------------------------------------------

@pytest.mark.parametrize("means", [False, True])
def test_latent_loss_and_gradients(tmp_path, means):
    """A's last picture comes in as its swap, made with and without mean codes to go between, and poses."""
    dump = Dump(tmp_path, "none", MASK_WEIGHT, "none", "means" if means else "latent")
    model, (of_a, of_b) = dump.model, dump.images
    if means:
        z, known = (dump.numbers(name, numpy.float32).view(2, SAMPLES, 140).double()
                    for name in ("poses.bin", "poses_known.bin"))

    def posed(moved, codes, who, samples=slice(None)):
        """Told the measured pose where it is known, else the predicted one."""
        if not means:
            return moved
        told = torch.where(known[who, samples] > 0, z[who, samples], model.pose(codes).detach())
        return model.pose.add(moved, told)

    with torch.no_grad():
        of_target = model.encoder(of_a[1:])
        wanted = model.move(of_target, "a2b")
        swap = model.decoder_b(posed(wanted, of_target, 0, slice(1, None)))[0]
    assert means != torch.equal(wanted, of_target)
    codes = model.encoder(torch.cat([of_a[:1], swap]))
    codes_b = model.encoder(of_b)
    returned = torch.cat([codes[:1], model.move(codes[1:], "b2a")])
    codes_wanted = torch.cat([codes[:1], wanted]).detach()
    poses = [dict(pose_made=model.pose(own), pose=of, pose_known=there)
             for own, of, there in zip((codes, codes_b), z, known)] if means else [{}, {}]
    returned, told_b = posed(returned, codes, 0), posed(codes_b, codes_b, 1)
    if means:  # B's first decoder is told the prediction alone
        told_b = torch.cat([model.posed(codes_b[:1], codes_b[:1]), told_b[1:]])
    people = [samples_of(dump, 0, returned, codes=codes, codes_wanted=codes_wanted, **poses[0]),
              samples_of(dump, 1, told_b, codes=codes_b,
                         codes_wanted=codes_b.detach(), **poses[1])]
    total = compare_losses(dump, people)  # which leaves the means' loss out
    assert dump.terms[0]["latent"] > 0.01 and dump.terms[1]["latent"] == 0
    if means:
        total = total + mean_code_losses(model, [torch.cat([codes[:1], of_target]), codes_b])
    compare_gradients(dump, total)


# ---- adversarial --------------------------------------------------------------------------------

class Discriminator(torch.nn.Sequential if torch else object):
    def __init__(self, channels=8):
        widths = [3, channels, 2 * channels, 4 * channels, 1]
        super().__init__(*(torch.nn.Conv2d(widths[i], widths[i + 1], 4, 2 if i < 3 else 1, 1)
                           for i in range(4)))

    def forward(self, x):
        *inner, last = self
        for layer in inner:
            x = torch.nn.functional.leaky_relu(layer(x), 0.2)
        return last(x)


@pytest.fixture(scope="module", params=["hinge", "least_squares"])
def adversarial(request, tmp_path_factory):
    """One pass, and the discriminators before it."""
    dump = Dump(tmp_path_factory.mktemp(request.param), "none", MASK_WEIGHT, request.param)
    saved = torch.load(dump.folder / "init.pt", weights_only=True)["discriminators"]
    assert saved["step"] == 0 and not any(t.any() for t in saved["exp_avg"].values())
    dump.discriminators = [Discriminator().double() for _ in range(2)]
    for discriminator, who in zip(dump.discriminators, "ab"):
        prefix = f"discriminator_{who}."
        discriminator.load_state_dict({name.removeprefix(prefix): tensor.double()
                               for name, tensor in saved["state_dict"].items()
                               if name.startswith(prefix)}, strict=True)
    dump.hinge = request.param == "hinge"
    return dump


def test_adversarial_loss_and_gradients(adversarial):
    model, dump = adversarial.model, adversarial
    people = [samples_of(dump, who, model.encoder(dump.images[who]), discriminator=dump.discriminators[who], hinge=dump.hinge)
              for who in range(2)]
    assert "adversarial" in dump.weights
    compare_gradients(dump, compare_losses(dump, people))


def test_the_package_computes_the_same(adversarial):
    """bifrons.losses, which the package's users call."""
    dump = adversarial
    weights = {key: weight for key, weight in dump.weights.items() if key != "adversarial"}
    ours = bifrons.losses(dump.model, *dump.images, weights, dump.masks, MASK_WEIGHT)
    assert set(weights) == set(ours["a"])
    for person, theirs in zip("ab", dump.terms):
        for key, loss in ours[person].items():
            assert theirs[key] == pytest.approx(loss.item(), rel=1e-9), key
    rest = dump.weights["adversarial"] * sum(of["adversarial"] for of in dump.terms)
    assert dump.total == pytest.approx(ours["total"].item() + rest, rel=1e-9)


def test_discriminators_losses_and_gradients(adversarial):
    ours = adversarial.gradients("discriminator_gradients.bin",
                                 [p for discriminator in adversarial.discriminators for p in discriminator.parameters()])
    with torch.no_grad():
        recons = adversarial.model(*adversarial.images)
    for who, discriminator in enumerate(adversarial.discriminators):
        x = (adversarial.images[who] * 2 - 1).requires_grad_()
        true, made = discriminator(x), discriminator(recons[who] * 2 - 1)
        slope, = torch.autograd.grad(true.sum(), x, create_graph=True)
        r1 = slope.square().sum((1, 2, 3)).mean() / 2 / true[0].numel()
        if adversarial.hinge:
            loss = torch.relu(1 - true).mean() + torch.relu(1 + made).mean()
        else:
            loss = ((true - 1) ** 2).mean() + (made**2).mean()
        assert adversarial.terms[who]["discriminator"] == pytest.approx(loss.item(), rel=1e-9)
        assert adversarial.terms[who]["r1"] == pytest.approx(r1.item(), rel=1e-9)
        parameters = list(discriminator.parameters())
        without_r1 = torch.autograd.grad(loss, parameters, retain_graph=True)
        for our, their in zip(ours[who * 8:], torch.autograd.grad(loss + R1 * r1, parameters)):
            # with hinge the last bias gets 1 - 1
            assert torch.equal(our, their) or relative(our, their) < 1e-9
        assert any(relative(our, their) > 1e-6 for our, their in zip(ours[who * 8:], without_r1))


# ---- files --------------------------------------------------------------------------------------

KINDS = {"zip": save_zip, "plain": save_plain, "safetensors": save_safetensors} if torch else {}


def tell(*paths):
    """What is said of each file: "16 HASH", or "65: what is wrong"."""
    done = run("weights", *paths)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def state(vgg16):
    return {name: tensor.float() for name, tensor in vgg16[0].state_dict().items()}


def test_every_kind_of_file_holds_the_same(vgg16, state, tmp_path):
    for kind, save in KINDS.items():
        save(state, tmp_path / kind)
    parameters = {name: torch.nn.Parameter(tensor) for name, tensor in state.items()}
    save_zip(parameters, tmp_path / "parameters")
    told = tell(vgg16[1], *(tmp_path / kind for kind in (*KINDS, "parameters")))
    assert len(told) == 5 and len(set(told)) == 1 and told[0].startswith("16 ")


def test_vgg19_is_known_by_its_names(tmp_path):
    network = VGG(19)
    save_zip(network.state_dict(), tmp_path / "file")
    dump = Dump(tmp_path, tmp_path / "file", MASK_WEIGHT, "none")
    assert tell(tmp_path / "file")[0].startswith("19 ")
    with torch.no_grad():
        compare_losses(dump, [samples_of(dump, who, dump.model.encoder(dump.images[who]), vgg=network.double())
                              for who in range(2)])


def test_a_file_of_another_network_is_refused(state, tmp_path):
    less = {name: tensor for name, tensor in state.items() if name != "features.21.bias"}
    turned = torch.zeros(3, 64, 3, 3).transpose(0, 1)
    cases = [
        (save_zip, {"conv1.weight": torch.zeros(64, 3, 7, 7)}, "neither VGG16 nor VGG19"),
        (save_zip, state | {"features.1.weight": torch.zeros(64)}, "batch normalisation"),
        (save_zip, state | {"features.5.weight": torch.zeros(128, 64, 5, 5)}, "features.5.weight"),
        (save_safetensors, state | {"features.5.bias": torch.zeros(128).half()}, "features.5.bias"),
        (save_plain, less, "features.21.bias"),
        (save_zip, state | {"features.0.weight": turned}, "not where it should be"),
        (save_zip, [torch.zeros(1)], "no dict"),
    ]
    paths = [tmp_path / str(i) for i in range(len(cases))]
    for path, (save, content, _) in zip(paths, cases):
        save(content, path)
    for path, (_, _, words), told in zip(paths, cases, tell(*paths)):
        assert told.startswith("65: ") and str(path) in told and words in told
    missing = tell(tmp_path / "gone.pth")[0]
    assert missing.startswith("66: ") and "gone.pth" in missing and "torchvision" in missing


@pytest.mark.parametrize("kind", KINDS)
def test_a_torn_file_is_refused(state, tmp_path, kind):
    KINDS[kind](state, tmp_path / "whole")
    whole, paths = (tmp_path / "whole").read_bytes(), []
    for size in (0, 5, 100, 4000, len(whole) // 2, len(whole) - 1):
        paths.append(tmp_path / f"{size} bytes")
        paths[-1].write_bytes(whole[:size])
    if kind == "zip":
        paths.append(tmp_path / "one bit")
        at = whole.index(state["features.2.weight"].numpy().tobytes()[:64])
        paths[-1].write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
    for path, told in zip(paths, tell(*paths)):
        assert told.startswith("65: ") and str(path) in told


@pytest.mark.parametrize("kind", KINDS)
def test_headers_that_lie_never_crash(state, tmp_path, kind):
    """Three bytes of those in which sizes and names stand, changed at random."""
    random, paths = numpy.random.default_rng(1), []
    KINDS[kind]({name: state[name] for name in ("features.0.weight", "features.0.bias")},
                tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    headers = numpy.r_[0:600, len(whole) - 600:len(whole)]
    for i in range(300):
        changed = bytearray(whole)
        for at in random.choice(headers, 3):
            changed[at] = random.integers(256)
        paths.append(tmp_path / str(i))
        paths[-1].write_bytes(changed)
    told = tell(*paths)
    assert len(told) == 300 and all(line.startswith(("65: ", "70: ")) for line in told)


def test_a_pickle_that_calls_is_never_executed(tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "made"),))

    for save in (save_zip, save_plain):
        save({"features.0.weight": Evil(), "more": torch.zeros(1)}, tmp_path / "file")
        assert tell(tmp_path / "file")[0].startswith("65: ")
        assert not (tmp_path / "made").exists()
