"""Reads networks from files, and turns what readers say of damaged files into one kind of error."""

import contextlib
import json
import os
import pathlib
import zipfile

import torch

from .network import Bifrons

FORMAT, VERSION = "bifrons-checkpoint", 1


@contextlib.contextmanager
def reading(path: str | os.PathLike, kind: str, advice: str):
    """A ValueError with path and cause, for whatever a reader raises of a damaged file. Errors of the system, such as
    FileNotFoundError, and lack of memory stay what they are."""
    open(path, "rb").close()  # FileNotFoundError and the like
    try:
        yield
    except Exception as error:
        short = isinstance(error, MemoryError) or "allocate memory" in str(error)  # torch's is a RuntimeError
        if short or isinstance(error, ImportError) or getattr(error, "errno", None) is not None:
            raise
        cause = f"it has no {error}" if isinstance(error, KeyError) else error
        if "weights_only" in str(error):  # torch's message advises weights_only=False, which may run any code
            cause = "it does not hold plain tensors"
        raise ValueError(f"{path} is damaged, or no {kind} of bifrons ({cause}): {advice}") from None


def check_version(path, version, newest):
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"{path} has no readable format_version: use another file")
    if version > newest:
        raise ValueError(f"{path} is of format version {version}, this package reads up to {newest}; use a newer bifrons")


def load(path: str | os.PathLike, ema: bool = True) -> Bifrons:
    """A model in evaluation mode, on the CPU, from a checkpoint (.pt) or a file of export_safetensors.

    ema: take the averaged weights where a checkpoint has them. model.people and model.consent say whose pictures it
    was trained on, and what these people agreed to. ValueError: the file is of another program, of a newer version, or
    damaged. All bytes of a checkpoint are checked; those of a .safetensors have no checksum."""
    with reading(path, "network", "give a whole checkpoint, or a file of export_safetensors"):
        keys, weights, meta, version = (_of_safetensors if pathlib.Path(path).suffix == ".safetensors" else
                                        _of_checkpoint)(path, ema)
    check_version(path, version, VERSION)
    with reading(path, "network", "use another file"):
        model = Bifrons(**keys)
        model.load_state_dict(weights, strict=True)
        model.people = [name or letter for name, letter in zip(meta.get("people", ["", ""]), "AB")]
        model.consent = meta.get("consent", ["", ""])
    return model.eval()


def _of_safetensors(path, ema):
    from safetensors import safe_open
    with safe_open(path, "pt") as file:
        about = file.metadata() or {}
        if about.get("creator") != "bifrons":
            raise ValueError("export_safetensors did not write it")
        meta = {key: json.loads(about[key]) for key in ("model", "people", "consent")}
        return meta["model"], {name: file.get_tensor(name) for name in file.keys()}, meta, VERSION


def _of_checkpoint(path, ema):
    with zipfile.ZipFile(path) as archive:  # torch.load compares no checksums
        if damaged := archive.testzip():
            raise ValueError(f'its record "{damaged}" does not match its checksum')
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(checkpoint, dict) or checkpoint.get("format") != FORMAT:
        raise ValueError(f'its "format" is not "{FORMAT}"')
    weights = (checkpoint.get("ema_state_dict") if ema else None) or checkpoint["model_state_dict"]
    return checkpoint["model"], weights, json.loads(checkpoint.get("meta") or "{}"), checkpoint.get("format_version")
