"""The losses that the program computes, in PyTorch: the formulas of src/model/include/model/model.h."""

import torch
from torch import Tensor, nn

from .network import Bifrons

# What each key loss.* needs; the program computes others (latent, perceptual, adversarial) in training only.
NEEDS = {"l1": "", "dssim": "", "gradient": "", "mask_head": "masks and model.mask", "pose": "points and model.pose",
         "mask": "masks", "eyes": "landmarks", "mouth": "landmarks"}
PIXEL_WEIGHTS = ("mask", "eyes", "mouth")


def losses(model: Bifrons, a: Tensor, b: Tensor, weights: dict[str, float] | None = None,
           masks: tuple[Tensor, Tensor] | None = None, mask_weight: float = 0.0,
           points: tuple[Tensor, Tensor] | None = None, landmarks: tuple[Tensor, Tensor] | None = None) -> dict:
    """The losses of a batch as the program writes them to metrics.jsonl:
    {"total": …, "a": {"l1": …, "dssim": …}, "b": {…}}.

    a, b: pictures of A and of B, (N, 3, S, S) from 0 to 1. The losses of a person are means over its pictures, without
    weights; total is their weighted sum over both people, and total.backward() gives its gradients.
    weights: the keys loss.* of a configuration, such as run.config["loss"] (default: {"l1": 1.0}). l1, dssim and gradient
    are always computed, mask_head with masks and model.mask, pose with points and model.pose. mask, eyes and mouth are
    weights of pixels; mask_weight is the same as the key mask.
    masks, points, landmarks: of each person, as Set.masks, Set.points and Set.landmarks give them.
    Decoders get the pose as in a validation: measured from points with model.pose = "given", else predicted.
    ValueError names the keys whose losses cannot be computed: latent, perceptual and adversarial, which the program
    computes only in training, and those that lack masks, points or landmarks. Set them to 0, or give what they need."""
    weights = {"l1": 1.0} if weights is None else {key: x for key, x in weights.items() if key != "perceptual_weights"}
    weights["mask"] = weights.get("mask") or mask_weight
    people = {}
    for who, pictures in enumerate((a, b)):
        mask, own_points, own_landmarks = (given[who] if given else None for given in (masks, points, landmarks))
        pixels = _pixel_weights(pictures, weights, mask, own_landmarks)
        people["ab"[who]] = _of_person(model, who, pictures, mask, pixels, own_points)
    have = {*people["a"], *["mask"] * bool(masks), *["eyes", "mouth"] * bool(landmarks)}
    if lacking := [f"loss.{name} = {weight}: " + (f"needs {NEEDS[name]}" if name in NEEDS else "is not computed here")
                   for name, weight in weights.items() if weight and name not in have]:
        raise ValueError(f"{'; '.join(lacking)}. There are {', '.join(NEEDS)}; give what is needed, or a weight of 0")
    terms = [weight * person[name] for name, weight in weights.items() if weight and name not in PIXEL_WEIGHTS
             for person in people.values()]
    return {"total": sum(terms, a.new_zeros(())), **people}


def _of_person(model, who, pictures, mask, weight, points):
    codes = model.encode(pictures)
    told = points if model.config["pose"] == "given" else None
    recon, drawn = (model.decoder_a, model.decoder_b)[who](model.posed(codes, codes, told, who))
    terms = {"l1": _mean((recon - pictures).abs(), weight),
             "dssim": _mean((1 - ssim_map(recon, pictures)) / 2, weight[:, :, 5:-5, 5:-5]),
             "gradient": _gradient(recon - pictures, weight)}
    if drawn is not None and mask is not None:
        terms["mask_head"] = (drawn - mask).square().mean()
    if model.pose is not None and points is not None:
        z, known = model.pose.measure(points, who)
        squares = (model.pose(codes) - z).square() * known
        terms["pose"] = (squares.sum(1) / known.sum(1).clamp(min=1)).mean()
    return terms


def _pixel_weights(pictures, weights, mask, landmarks):
    """(N, 1, S, S): 1, more inside the mask and around eyes and mouth."""
    pixels = torch.ones_like(pictures[:, :1])
    if mask is not None:
        pixels = pixels + weights["mask"] * mask
    eyes, mouth = (weights.get(key) or 0.0 for key in ("eyes", "mouth"))
    if landmarks is not None and (unit := max(eyes, mouth)):
        pixels = pixels + unit * _priority(landmarks, eyes / unit, mouth / unit, pictures.shape[-1]).to(pixels)
    return pixels


def _priority(landmarks, eyes, mouth, size):
    """src/data/include/data/priority.h, with weights up to 1: (N, 1, S, S), in steps of 1 / 255 as the program has it."""
    at = (((landmarks.double() + 1) * size - 1) / 2)[:, :, None, None]  # (N, 5, 1, 1, 2) in pixels
    left, right, _, corner, end = at.unbind(1)
    line = torch.arange(size, dtype=at.dtype, device=at.device)
    here = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
    reach = torch.maximum((left - right).norm(dim=-1), (corner - end).norm(dim=-1))
    along = ((here - corner) * (end - corner)).sum(-1) / (end - corner).square().sum(-1).clamp(min=1e-30)
    to_eye = torch.minimum((here - left).norm(dim=-1), (here - right).norm(dim=-1))
    to_mouth = (here - corner - along.clamp(0, 1)[..., None] * (end - corner)).norm(dim=-1)
    bumps = [weight * (1 - (far / (share * reach)).square()).clamp(min=0).square()
             for weight, far, share in ((eyes, to_eye, 0.4), (mouth, to_mouth, 0.3))]
    known = landmarks.isfinite().all(2).all(1)[:, None, None]
    return torch.where(known, torch.maximum(*bumps), 0).mul(255).round().div(255)[:, None]


def _mean(values, weight):
    """The mean over a sample's pixels by their weights, then over samples."""
    return (values * weight / weight.mean((1, 2, 3), keepdim=True)).mean()


def _gradient(error, weight):
    """The mean over pairs of neighbouring pixels. The weight of a pair is the sum of both pixels' weights."""
    return sum(_mean(error.diff(dim=dim).abs(), weight.narrow(dim, 1, weight.shape[dim] - 1)
                     + weight.narrow(dim, 0, weight.shape[dim] - 1)) for dim in (3, 2))


def ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """SSIM of each window of 11 x 11 pixels inside the picture: (N, 3, S - 10, S - 10)."""
    line = torch.exp(-(torch.arange(11, dtype=x.dtype, device=x.device) - 5).square() / (2 * 1.5**2))
    window = torch.outer(line, line).div(line.sum()**2).expand(x.shape[1], 1, 11, 11)

    def mean(values):
        return nn.functional.conv2d(values, window, groups=x.shape[1])

    mean_x, mean_y = mean(x), mean(y)
    variances = mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mean_x * mean_y + c1) * (2 * covariance + c2) / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))
