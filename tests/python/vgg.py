"""VGG16 and VGG19 with torchvision's names, random weights, and the files they may come in."""

import json
import struct

import torch
from torch import nn

PLAN = {16: (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512),  # up to conv4_3
        19: (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512)}
TAPS = {16: (3, 8, 15, 22), 19: (3, 8, 15, 24)}  # relu1_2, relu2_2, relu3_3, relu4_3


class VGG(nn.Module):
    """As torchvision.models.vgg16 lays it out, as far as it is needed."""

    def __init__(self, depth, seed=0):
        super().__init__()
        layers, channels = [], 3
        for width in PLAN[depth]:
            if width == 0:
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        self.depth = depth
        self.features, self.classifier = nn.Sequential(*layers), nn.Sequential(nn.Linear(2, 3))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for p in self.parameters():
                scale = (2 / p[0].numel()) ** 0.5 if p.dim() == 4 else 0.1
                p.copy_(torch.randn(p.shape, generator=generator) * scale)

    def forward(self, x):
        """The four features that the perceptual loss compares."""
        taps = []
        mean = torch.tensor([0.485, 0.456, 0.406], dtype=x.dtype).view(1, 3, 1, 1)
        deviation = torch.tensor([0.229, 0.224, 0.225], dtype=x.dtype).view(1, 3, 1, 1)
        x = (x - mean) / deviation
        for i, layer in enumerate(self.features[:TAPS[self.depth][-1] + 1]):
            x = layer(x)
            if i in TAPS[self.depth]:
                taps.append(x)
        return taps


def save_zip(state, path):
    torch.save(state, path)


def save_plain(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


def save_safetensors(state, path):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in state.items():
        raw = tensor.numpy().tobytes()
        kind = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
