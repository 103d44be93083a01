"""The network as a torch.nn.Module, and how to load a checkpoint.

Names and order of its parameters are those of the C program. tests/python compares outputs and gradients of both.
"""

import json
import math
import os
import pathlib
import pickle
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def activate(x):
    return nn.functional.leaky_relu(x, 0.2)


class Conv(nn.Conv2d):
    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out, 4, stride=2, padding=1)

    def forward(self, x):
        return activate(super().forward(x))


class ConvTranspose(nn.ConvTranspose2d):
    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out, 4, stride=2, padding=1)


class Subpixel(nn.Conv2d):
    def __init__(self, n_in, n_out):
        super().__init__(n_in, 4 * n_out, 3, padding=1)

    def forward(self, x):
        return nn.functional.pixel_shuffle(super().forward(x), 2)


class Block(nn.Module):
    def __init__(self, n, norm):
        super().__init__()
        self.conv0 = nn.Conv2d(n, n, 3, padding=1)
        self.norm = nn.GroupNorm(n // math.gcd(n, 16), n) if norm == "group" else nn.Identity()
        self.conv1 = nn.Conv2d(n, n, 3, padding=1)

    def forward(self, x):
        return x + self.conv1(activate(self.norm(self.conv0(x))))


class Encoder(nn.Module):
    """Level rN takes resolution N and halves it; blocks bN work at resolution N. A dense layer may follow."""

    def __init__(self, sizes, channels, blocks, norm, dense, mean_codes):
        super().__init__()
        shape = (dense,) if dense else (channels[sizes[0]], sizes[0], sizes[0])
        for who in "ab":  # the mean of the codes of a person's pictures
            self.register_parameter(f"mean_code_{who}",
                                    nn.Parameter(torch.zeros(shape)) if mean_codes else None)
        for size in reversed(sizes[1:]):
            inner = size // 2
            self.add_module(f"r{size}", Conv(channels[size], channels[inner]))
            blocks_here = [Block(channels[inner], norm) for _ in range(blocks)]
            self.add_module(f"b{inner}", nn.Sequential(*blocks_here))
        if dense:
            self.add_module(f"r{inner}", nn.Linear(channels[inner] * inner**2, dense))

    def forward(self, x):
        for layer in self.children():
            x = layer(x.flatten(1) if isinstance(layer, nn.Linear) else x)
        return x


class Decoder(nn.Module):
    """From codes to pictures and masks (None without model.mask). Level rN outputs resolution N."""

    def __init__(self, sizes, channels, blocks, norm, dense, double, mask):
        super().__init__()
        self.code = (channels[sizes[0]], sizes[0], sizes[0])
        if dense:
            self.add_module(f"r{sizes[0]}", nn.Linear(dense, math.prod(self.code)))
        for size in sizes[1:]:
            inner = channels[size // 2]
            self.add_module(f"b{size // 2}", nn.Sequential(*[Block(inner, norm) for _ in range(blocks)]))
            self.add_module(f"r{size}", double(inner, channels[size]))
        self.add_module(f"m{size}", double(inner, 1) if mask else None)

    def forward(self, x):
        *layers, picture, mask = self._modules.values()
        for layer in layers:
            x = layer(x)
            if isinstance(layer, nn.Linear):
                x = x.unflatten(1, self.code)
            if not isinstance(layer, nn.Sequential):
                x = activate(x)
        return torch.sigmoid(picture(x)), torch.sigmoid(mask(x)) if mask else None


class Pose(nn.Module):
    """The pose z of a face: (point - mean) / deviation of its 70 points, with mean and deviation of each person."""

    def __init__(self, codes):
        super().__init__()
        numbers = 140
        self.to_code = nn.Linear(numbers, codes)
        self.from_code = nn.Linear(codes, numbers)
        for name in ("mean", "deviation"):  # nothing trains them
            self.register_parameter(name, nn.Parameter(torch.zeros(2, 70, 2), requires_grad=False))

    def forward(self, codes):
        """z as predicted from codes: (N, 140)."""
        return self.from_code(codes.flatten(1))

    def measure(self, points, who):
        """z of the points (N, 70, 2) of pictures of person who (0: A), and where it is known: (N, 140) each.
        z is 0 where a point is NaN, or had deviation 0 in training."""
        z = ((points - self.mean[who]) / self.deviation[who]).clamp(-6, 6)
        known = points.isfinite().all(2, keepdim=True) & (self.deviation[who] > 0)
        return torch.where(known, z, 0).flatten(1), known.flatten(1)

    def measured(self, points, who, predicted):
        """measure's z; the predicted z where it is not known."""
        z, known = self.measure(points, who)
        return torch.where(known, z, predicted)

    def add(self, codes, z):
        return codes + self.to_code(z).view_as(codes)


class Bifrons(nn.Module):
    """One encoder, shared by two people; a decoder for each. The arguments are the keys model.* of a
    configuration; a checkpoint has them in "model": Bifrons(**checkpoint["model"])."""

    def __init__(self, image_size: int = 128, code_size: int = 4, latent: int = 128, bottleneck: str = "conv",
                 width: int = 64, width_max: int = 256, blocks: int = 0, upsample: str = "transposed", norm: str = "none",
                 mask: bool = False, mean_codes: bool = False, pose: str = "none"):
        super().__init__()
        self.config = {"image_size": image_size, "code_size": code_size, "latent": latent, "bottleneck": bottleneck,
                       "width": width, "width_max": width_max, "blocks": blocks, "upsample": upsample, "norm": norm,
                       "mask": mask, "mean_codes": mean_codes, "pose": pose}
        self.people = ["A", "B"]  # load reads names and consent from the file
        self.consent = ["", ""]
        self.image_size = image_size
        sizes = [code_size << i for i in range((image_size // code_size).bit_length())]
        channels = {s: min(width_max, math.floor(width * 2.0 ** math.floor(math.log2(64 / s))))
                    for s in sizes} | {image_size: 3}
        dense = latent if bottleneck == "dense" else None
        if not dense:
            channels[code_size] = latent
        double = {"transposed": ConvTranspose, "subpixel": Subpixel}[upsample]
        self.encoder = Encoder(sizes, channels, blocks, norm, dense, mean_codes)
        self.decoder_a = Decoder(sizes, channels, blocks, norm, dense, double, mask)
        self.decoder_b = Decoder(sizes, channels, blocks, norm, dense, double, mask)

        codes = dense or latent * code_size**2
        self.pose = None if pose == "none" else Pose(codes)

    @classmethod
    def from_config(cls, config: str | Mapping) -> "Bifrons":
        """The network of a checkpoint's "model" or "config", or of another configuration: TOML as text,
        or as a dict."""
        if isinstance(config, str):
            import tomllib  # Python 3.11 or newer
            config = tomllib.loads(config)
        tables = "name" in config or any(isinstance(value, dict) for value in config.values())
        return cls(**config.get("model", {} if tables else config))

    def forward(self, img_a: Tensor, img_b: Tensor) -> tuple[Tensor, Tensor]:
        """The reconstructions of pictures of A and of B, (N, 3, S, S) from 0 to 1."""
        codes = self.encoder(img_a), self.encoder(img_b)
        return tuple(decoder(self.posed(own, own))[0]
                     for decoder, own in zip((self.decoder_a, self.decoder_b), codes))

    def swap(self, pictures: Tensor, direction: str, points: Tensor | None = None) -> Tensor:
        """Pictures of A with B's face ("a2b"), or the reverse ("b2a"): (N, 3, S, S) from 0 to 1.
        points: None, or where the face's points are in the pictures: (N, 70, 2), x and y from -1 to 1,
        NaN where unknown. bifrons swap takes those of a set with model.pose = "given"."""
        check_direction(direction)
        decoder = self.decoder_b if direction == "a2b" else self.decoder_a
        codes = self.encoder(pictures)
        return decoder(self.posed(self.move(codes, direction), codes, points, "ab".index(direction[0])))[0]

    def posed(self, moved, codes, points=None, who=None):
        """Adds the pose to `moved`, for a decoder. The pose is measured from points (of pictures of person who,
        0: A), or without points predicted from codes."""
        if self.pose is None:
            return moved
        z = self.pose(codes).detach()
        return self.pose.add(moved, z if points is None else self.pose.measured(points, who, z))

    def move(self, codes, direction):
        """codes of one person's pictures, plus the difference of the mean codes to the other person."""
        means = {"a": self.encoder.mean_code_a, "b": self.encoder.mean_code_b}
        return codes if means["a"] is None else codes + (means[direction[2]] - means[direction[0]]).detach()


def check_direction(direction):
    if direction not in ("a2b", "b2a"):
        raise ValueError(f'direction = {direction!r}: give "a2b" or "b2a"')


def load(path: str | os.PathLike, ema: bool = True) -> Bifrons:
    """A model in evaluation mode, on the CPU, from a checkpoint (.pt) or a file of export_safetensors.

    ema: take the averaged weights where a checkpoint has them. model.people and model.consent say whose pictures it
    was trained on, and what these people agreed to. ValueError: the file is of another program."""
    other = ValueError(f"{path} is no network of bifrons: give a checkpoint, or a file of export_safetensors")
    if pathlib.Path(path).suffix == ".safetensors":
        from safetensors import safe_open
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            if about.get("creator") != "bifrons":
                raise other
            meta = {key: json.loads(about[key]) for key in ("model", "people", "consent")}
            keys, weights = meta["model"], {name: file.get_tensor(name) for name in file.keys()}
    else:
        try:
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:  # torch's message advises weights_only=False, which may run any code
            raise other from None
        if not isinstance(checkpoint, dict) or "model" not in checkpoint or "model_state_dict" not in checkpoint:
            raise other
        keys, meta = checkpoint["model"], json.loads(checkpoint.get("meta") or "{}")
        weights = (checkpoint.get("ema_state_dict") if ema else None) or checkpoint["model_state_dict"]
    model = Bifrons(**keys)
    model.load_state_dict(weights, strict=True)
    model.people = [name or letter for name, letter in zip(meta.get("people", ["", ""]), "AB")]
    model.consent = meta.get("consent", ["", ""])
    return model.eval()


def from_bytes(pictures) -> Tensor:
    """Pictures as bytes, (N, H, W, 3), to what the network takes: (N, 3, H, W) from 0 to 1."""
    return torch.as_tensor(pictures).permute(0, 3, 1, 2).float().div(255).contiguous()


def to_bytes(pictures: Tensor) -> Tensor:
    """The reverse of from_bytes, rounded to the nearest."""
    return pictures.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).contiguous()
