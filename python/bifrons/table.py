"""What a network consists of: layers, shapes, parameters."""

import dataclasses

import torch
from torch import nn


@dataclasses.dataclass
class Layer:
    name: str
    kind: str
    shape: tuple[int, ...]  # of its output, for one picture; (): it has none
    parameters: int


@dataclasses.dataclass
class Summary:
    """Printed, it is a table. parts: the layers of encoder, decoder_a, …; code: the shape of a code."""

    parts: dict[str, list[Layer]]
    picture: tuple[int, ...]
    code: tuple[int, ...]

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layers in self.parts.values() for layer in layers)

    @property
    def compression(self) -> float:
        """How many numbers of a picture become one number of a code."""
        return torch.Size(self.picture).numel() / torch.Size(self.code).numel()

    def __str__(self) -> str:
        lines = [f"{'layer':<16}{'kind':<16}{'output':<16}{'parameters':>12}"]
        for part, layers in self.parts.items():
            lines.append(f"{part:<48}{sum(layer.parameters for layer in layers):>12,}")
            lines += [f"  {layer.name:<14}{layer.kind:<16}{_text(layer.shape):<16}{layer.parameters:>12,}"
                      for layer in layers]
        lines.append(f"{'all':<48}{self.parameters:>12,}")
        lines.append(f"a picture of {_text(self.picture)} becomes a code of {_text(self.code)}: "
                     f"{self.compression:.0f} to 1")
        return "\n".join(lines)

    __repr__ = __str__


def _text(shape):
    return " x ".join(map(str, shape))


def summary(model: nn.Module) -> Summary:
    """Layers of a network with the shapes of their outputs (channels x height x width) and their parameters.

    One black picture runs through the network once. The network stays as it is."""
    rows: dict[str, list[Layer]] = {}
    hooks = []
    for part, module in model.named_children():
        rows[part] = [Layer(name, "parameter", tuple(value.shape), value.numel())
                      for name, value in module.named_parameters(recurse=False)]
        for name, child in module.named_children():
            layer = Layer(name, _kind(child), (), sum(p.numel() for p in child.parameters()))
            if layer.parameters:
                rows[part].append(layer)
                hooks.append(child.register_forward_hook(
                    lambda _, __, output, layer=layer: setattr(layer, "shape", tuple(output.shape[1:]))))
    like = next(model.parameters())
    picture = like.new_zeros(1, 3, model.image_size, model.image_size)
    try:
        with torch.no_grad():
            code = model.encoder(picture)
            model(picture, picture)
    finally:
        for hook in hooks:
            hook.remove()
    return Summary(rows, tuple(picture.shape[1:]), tuple(code.shape[1:]))


def _kind(module):
    if isinstance(module, nn.Sequential):
        return f"{len(module)} {type(module[0]).__name__}" if len(module) else ""
    return type(module).__name__
