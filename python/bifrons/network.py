"""The network as a torch.nn.Module.

Names and order of its parameters are those of the C program. tests/python compares outputs and gradients of both.
"""

import math
import os
import pathlib
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
    """The pose z of a face: (point - mean) / deviation of its 70 points, with the mean of each person
    and one deviation for both (one each in earlier runs)."""

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


# What the keys model.* may be: a range of whole numbers, or words. The program's table: model_config.h.
KEYS = {"image_size": (64, 512), "code_size": (2, 64), "latent": (8, 4096), "bottleneck": ("conv", "dense"),
        "width": (8, 1024), "width_max": (8, 4096), "blocks": (0, 8), "upsample": ("transposed", "subpixel"),
        "norm": ("none", "group"), "mask": (False, True), "mean_codes": (False, True),
        "pose": ("none", "predicted", "given")}


def check_keys(keys):
    """ValueError, as the program says it, unless the keys model.* describe a network."""
    for key, value in keys.items():
        allowed = KEYS[key]
        number = type(allowed[0]) is int
        if type(value) is not type(allowed[0]) or not (allowed[0] <= value <= allowed[1] if number else value in allowed):
            takes = f"a whole number from {allowed[0]} to {allowed[1]}" if number else " or ".join(map(repr, allowed))
            raise ValueError(f"model.{key} = {value!r}: give {takes}")
    size, code_size = keys["image_size"], keys["code_size"]
    sizes = [code_size << i for i in range(1, 9) if 64 <= code_size << i <= 512]
    if size not in sizes:
        raise ValueError(f"model.image_size = {size} cannot be halved to model.code_size = {code_size}; "
                         f"set it to {' or '.join(map(str, sizes))}")
    if keys["norm"] == "group" and keys["blocks"] == 0:
        raise ValueError('model.norm = "group" normalizes in residual blocks, but model.blocks = 0: set model.blocks to '
                         '1 or more, or model.norm = "none"')


class Bifrons(nn.Module):
    """One encoder, shared by two people; a decoder for each. The arguments are the keys model.* of a
    configuration; a checkpoint has them in "model": Bifrons(**checkpoint["model"]).
    ValueError: a key has a value that it cannot have. Pictures of another size than image_size are refused, too."""

    def __init__(self, image_size: int = 128, code_size: int = 4, latent: int = 128, bottleneck: str = "conv",
                 width: int = 64, width_max: int = 256, blocks: int = 0, upsample: str = "transposed", norm: str = "none",
                 mask: bool = False, mean_codes: bool = False, pose: str = "none"):
        super().__init__()
        self.config = {"image_size": image_size, "code_size": code_size, "latent": latent, "bottleneck": bottleneck,
                       "width": width, "width_max": width_max, "blocks": blocks, "upsample": upsample, "norm": norm,
                       "mask": mask, "mean_codes": mean_codes, "pose": pose}
        check_keys(self.config)
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
    def from_config(cls, config: str | os.PathLike | Mapping) -> "Bifrons":
        """The network of a checkpoint's "model" or "config", or of another configuration: a pathlib.Path of a TOML file,
        TOML as text, or a dict."""
        if isinstance(config, str) and config.endswith(".toml"):
            raise ValueError(f"{config!r} is no TOML: give pathlib.Path({config!r})")
        if isinstance(config, (str, os.PathLike)):
            import tomllib  # Python 3.11 or newer
            try:
                config = tomllib.loads(config if isinstance(config, str) else pathlib.Path(config).read_text())
            except tomllib.TOMLDecodeError as error:
                raise ValueError(f"{'the text' if isinstance(config, str) else config} is no TOML: {error}") from None
        tables = "name" in config or any(isinstance(value, dict) for value in config.values())
        return cls(**config.get("model", {} if tables else config))

    def forward(self, img_a: Tensor, img_b: Tensor, points: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The reconstructions of pictures of A and of B, (N, 3, S, S) from 0 to 1. points: of both, as in swap."""
        codes = self.encode(img_a), self.encode(img_b)
        return tuple(decoder(self.posed(own, own, points[who] if points else None, who))[0]
                     for who, (decoder, own) in enumerate(zip((self.decoder_a, self.decoder_b), codes)))

    def swap(self, pictures: Tensor, direction: str, points: Tensor | None = None) -> Tensor:
        """Pictures of A with B's face ("a2b"), or the reverse ("b2a"): (N, 3, S, S) from 0 to 1.
        points: None, or where the face's points are in the pictures: (N, 70, 2), x and y from -1 to 1,
        NaN where unknown. bifrons swap takes those of a set with model.pose = "given"."""
        check_direction(direction)
        decoder = self.decoder_b if direction == "a2b" else self.decoder_a
        codes = self.encode(pictures)
        return decoder(self.posed(self.move(codes, direction), codes, points, "ab".index(direction[0])))[0]

    def encode(self, pictures: Tensor) -> Tensor:
        """The encoder's codes. ValueError: the pictures are not (N, 3, S, S) from 0 to 1."""
        check_pictures(pictures, self.image_size, values=not (self.training and pictures.is_cuda))  # training need not wait
        return self.encoder(pictures)

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


def check_pictures(pictures, size, values):
    if torch.jit.is_tracing() or torch.compiler.is_compiling():
        return
    shape = tuple(pictures.shape)
    if len(shape) != 4 or shape[1:] != (3, size, size):
        raise ValueError(f"pictures of shape {shape}: this network takes (N, 3, {size}, {size}); "
                         f"Set(path, size={size}) reads a set at that size")
    if not pictures.is_floating_point():
        raise ValueError(f"pictures of {pictures.dtype}: bifrons.from_bytes makes numbers from 0 to 1 of bytes")
    if not values or pictures.is_meta or not len(pictures):
        return
    low, high = (value.item() for value in torch.aminmax(pictures.detach()))
    if not (low >= -0.01 and high <= 1.01):  # nor NaN; rounding may lead a little outside
        raise ValueError(f"pictures with values from {low:.4g} to {high:.4g}: the network takes 0 to 1; "
                         "bifrons.from_bytes converts bytes, clamp(0, 1) cuts off the rest")


def from_bytes(pictures) -> Tensor:
    """Pictures as bytes, (N, H, W, 3), to what the network takes: (N, 3, H, W) from 0 to 1."""
    pictures = pictures if isinstance(pictures, Tensor) else torch.tensor(pictures)  # a copy: arrays may be read-only
    if pictures.dtype != torch.uint8 or pictures.dim() != 4 or pictures.shape[3] != 3:
        raise ValueError(f"pictures of {pictures.dtype} and shape {tuple(pictures.shape)}: give bytes (uint8), (N, H, W, 3)")
    return pictures.permute(0, 3, 1, 2).float().div(255).contiguous()


def to_bytes(pictures: Tensor) -> Tensor:
    """The reverse of from_bytes, rounded to the nearest."""
    return pictures.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).contiguous()
