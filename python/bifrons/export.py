"""Exports a network for other programs. The files say whose pictures it was trained on, and what these people agreed to."""

import io
import json
import os
import warnings

import torch
from torch import nn

from .network import Bifrons, check_direction

NOTE = "Pictures of this network are made by a trained model. Mark them as such where you show them."


class _Swap(nn.Module):
    def __init__(self, model, direction):
        super().__init__()
        self.model, self.direction = model, direction

    def forward(self, pictures):
        return self.model.swap(pictures, self.direction)


def _about(model, **more):
    return {"creator": "bifrons", "note": NOTE, "model": json.dumps(model.config),
            "people": json.dumps(model.people, ensure_ascii=False),
            "consent": json.dumps(model.consent, ensure_ascii=False), **more}


def export_onnx(model: Bifrons, path: str | os.PathLike, direction: str) -> None:
    """Writes the swap of one direction ("a2b" or "b2a") as an ONNX file.

    Input "pictures", output "swapped": (N, 3, S, S) from 0 to 1, of any N. Needs the package onnx."""
    import onnx
    check_direction(direction)
    weight = next(model.parameters())
    example = torch.zeros(2, 3, model.image_size, model.image_size, dtype=weight.dtype, device=weight.device)
    training, network = model.training, io.BytesIO()  # no file without the statements of consent
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch advises its newer exporter, which needs one more package
            torch.onnx.export(_Swap(model, direction).eval(), (example,), network, dynamo=False, opset_version=17,
                              input_names=["pictures"], output_names=["swapped"],
                              dynamic_axes={"pictures": {0: "N"}, "swapped": {0: "N"}})
    finally:
        model.train(training)
    file = onnx.load_model_from_string(network.getvalue())
    onnx.helper.set_model_props(file, _about(model, direction=direction))
    onnx.save(file, os.fspath(path))


def export_safetensors(model: Bifrons, path: str | os.PathLike) -> None:
    """Writes the parameters, named as in model.state_dict(), as a .safetensors file. load reads it again.

    Needs the package safetensors."""
    from safetensors.torch import save_file
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path, _about(model))
