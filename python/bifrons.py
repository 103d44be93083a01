"""Bifrons checkpoints in Python: the network as a torch.nn.Module, and how to load one.

    import bifrons
    model = bifrons.load("best.pt")
    recon_a, recon_b = model(img_a, img_b)          # (N, 3, S, S) in [0, 1]
    swapped = model.swap(img_a, "a2b")              # A's pose and expression, B's face

It is also what the C program is compared with in tests/python.
"""

import torch
from torch import nn

CODE_SIZE = 4  # the code is latent x 4 x 4
CHANNELS = {8: 256, 16: 256, 32: 128, 64: 64, 128: 32}  # of the activations of that resolution


class Encoder(nn.Module):
    """Halves the resolution layer by layer; a layer is named by the resolution it takes in."""

    def __init__(self, sizes, channels):
        super().__init__()
        for size in reversed(sizes):
            self.add_module(f"r{size}", nn.Conv2d(channels[size], channels[size // 2], 4, 2, 1))

    def forward(self, x):
        for layer in self.children():
            x = nn.functional.leaky_relu(layer(x), 0.2)
        return x


class Decoder(nn.Module):
    """Doubles it again; a layer is named by the resolution it puts out."""

    def __init__(self, sizes, channels):
        super().__init__()
        for size in sizes:
            layer = nn.ConvTranspose2d(channels[size // 2], channels[size], 4, 2, 1)
            self.add_module(f"r{size}", layer)

    def forward(self, x):
        *inner, last = self.children()
        for layer in inner:
            x = nn.functional.leaky_relu(layer(x), 0.2)
        return torch.sigmoid(last(x))


class Bifrons(nn.Module):
    """One encoder, shared by two people; a decoder for each."""

    def __init__(self, image_size=128, latent=128):
        super().__init__()
        sizes = [s for s in (8, 16, 32, 64, 128, 256) if s <= image_size]
        channels = CHANNELS | {CODE_SIZE: latent, image_size: 3}
        self.encoder = Encoder(sizes, channels)
        self.decoder_a = Decoder(sizes, channels)
        self.decoder_b = Decoder(sizes, channels)

    def forward(self, img_a, img_b):
        return self.decoder_a(self.encoder(img_a)), self.decoder_b(self.encoder(img_b))

    def swap(self, pictures, direction):
        decoder = {"a2b": self.decoder_b, "b2a": self.decoder_a}[direction]
        return decoder(self.encoder(pictures))


def load(path, ema=True):
    """A model in evaluation mode, on the CPU, with the averaged weights where the file has them."""
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    model = Bifrons(**checkpoint["model"])
    weights = checkpoint.get("ema_state_dict") if ema else None
    model.load_state_dict(weights or checkpoint["model_state_dict"], strict=True)
    return model.eval()


def from_bytes(pictures):
    """(N, H, W, 3) uint8 to what the network takes."""
    return torch.as_tensor(pictures).permute(0, 3, 1, 2).float().div(255).contiguous()


def to_bytes(pictures):
    """…and back, rounded to the nearest."""
    return pictures.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).contiguous()
