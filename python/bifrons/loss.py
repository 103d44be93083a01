"""The losses that the program computes, in PyTorch: the formulas of src/model/include/model/model.h."""

import torch
from torch import Tensor, nn

from .network import Bifrons

NAMES = ("l1", "dssim", "gradient", "mask_head", "pose")


def losses(model: Bifrons, a: Tensor, b: Tensor, weights: dict[str, float] | None = None,
           masks: tuple[Tensor, Tensor] | None = None, mask_weight: float = 0.0,
           points: tuple[Tensor, Tensor] | None = None) -> dict:
    """The losses of a batch as the program writes them to metrics.jsonl:
    {"total": …, "a": {"l1": …, "dssim": …}, "b": {…}}.

    a, b: pictures of A and of B, (N, 3, S, S) from 0 to 1. The losses of a person are means over its pictures, without
    weights; total is their weighted sum over both people, and total.backward() gives its gradients.
    weights: of the losses, as the keys loss.* of a configuration (default: {"l1": 1.0}). l1, dssim and gradient are always
    computed, mask_head with masks and model.mask, pose with points and model.pose.
    masks: (N, 1, S, S) from 0 to 1 for each person. A pixel inside the mask counts 1 + mask_weight times.
    points: (N, 70, 2) for each person, as Set.points gives them.
    Decoders get the predicted pose, as in a validation with model.pose = "predicted". Losses that the program computes
    only in training (latent, perceptual, adversarial) are not here: a weight for one raises ValueError."""
    weights = {"l1": 1.0} if weights is None else weights
    if mask_weight and not masks:
        raise ValueError(f"mask_weight = {mask_weight} needs masks")
    people = {}
    for who, pictures in enumerate((a, b)):
        people["ab"[who]] = _of_person(model, who, pictures, masks[who] if masks else None, mask_weight,
                                       points[who] if points else None)
    for name, weight in weights.items():
        if weight and name not in people["a"]:
            raise ValueError(f"loss.{name} = {weight}: there is no such loss here; there are {', '.join(NAMES)} "
                             "(mask_head needs masks and model.mask, pose needs points and model.pose)")
    total = sum(weight * person[name] for name, weight in weights.items() if weight for person in people.values())
    return {"total": total, **people}


def _of_person(model, who, pictures, mask, mask_weight, points):
    codes = model.encoder(pictures)
    recon, drawn = (model.decoder_a, model.decoder_b)[who](model.posed(codes, codes))
    weight = torch.ones_like(pictures[:, :1]) if mask is None else 1 + mask_weight * mask
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
