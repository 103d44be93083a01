"""A person's packed set of pictures (src/data/include/data/set.h)."""

import os

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .files import check_version, reading
from .network import from_bytes

EYES, NOSE, MOUTH, PUPILS = ((36, 42), (42, 48)), 30, (48, 54), (68, 69)  # of the 70 points: base/points.h


class Set(Dataset):
    """The pictures of one person, as `bifrons pack` or `bifrons extract -o` writes them; a torch Dataset.

        people = bifrons.Set("a.h5")
        people[0]                              # (3, S, S) from 0 to 1
        people[0:8]                            # (8, 3, S, S); the same as people.pictures(slice(0, 8))
        bifrons.Set("a.h5", size=64)           # for a network of 64 pixels, resized as the program does

    person, consent: text. size: pixels a side. names: of the pictures. parts: what the set has ("images", "masks",
    "points", "truth", "pose", …). rows, below: a slice, a row number, or a list of row numbers. The file is opened for
    each access, so workers of a DataLoader may share a Set.
    ValueError: the file is no set, is cut short, or has no statement of consent. The bytes of pictures are not compared
    with their hashes: `bifrons inspect --verify` does that."""

    def __init__(self, path: str | os.PathLike, size: int | None = None):
        self.path = path
        with self._reading(), self._open() as file:
            if _text(file.attrs.get("format", "")) != "bifrons-faces":
                raise ValueError('its attribute "format" is not "bifrons-faces"')
            self.person, self.consent = (_text(file.attrs.get(key, "")) for key in ("person", "consent"))
            self.parts = sorted(file)
            self._stored = file["images"].shape[1]
            self.names = [_text(name) for name in file["names"][:]]
            version = int(file.attrs.get("format_version", 0))
        check_version(path, version, 1)
        if not self.consent:
            raise ValueError(f"{path} has no statement of consent: pack it again with --consent")
        self.size = size or self._stored

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, rows) -> Tensor:
        import numpy
        pictures = self.pictures(rows)
        return pictures if isinstance(rows, slice) or numpy.ndim(rows) else pictures[0]

    def pictures(self, rows=slice(None)) -> Tensor:
        """(N, 3, S, S) from 0 to 1."""
        return from_bytes(self._resized("images", rows))

    def truth(self, rows=slice(None)) -> Tensor:
        """The true swaps: the other person in the same pose, expression and light. Drawn people have them."""
        return from_bytes(self._resized("truth", rows))

    def masks(self, rows=slice(None)) -> Tensor:
        """(N, 1, S, S): 1 inside the face, else 0."""
        return self._resized("masks", rows).permute(0, 3, 1, 2).float().div(255)

    def points(self, rows=slice(None)) -> Tensor:
        """The 70 points of each face, (N, 70, 2): x and y from -1 to 1 over the picture, NaN where not known."""
        return self._places("points", rows)

    def landmarks(self, rows=slice(None)) -> Tensor:
        """Eyes, nose and ends of the mouth, (N, 5, 2), like points: stored, or from the points."""
        if "landmarks" in self.parts:
            return self._places("landmarks", rows)
        points = self.points(rows)
        eyes = [points[:, first:end].mean(1) for first, end in EYES]
        eyes = [torch.where(eye.isnan().any(1, keepdim=True), points[:, pupil], eye) for eye, pupil in zip(eyes, PUPILS)]
        return torch.stack([*eyes, points[:, NOSE], *(points[:, end] for end in MOUTH)], 1)

    def numbers(self, part: str, rows=slice(None)):
        """A part of the file as it is stored, as a numpy array. KeyError names the parts that there are."""
        import numpy
        if part not in self.parts:
            raise KeyError(f"{self.path} has no {part}; it has {', '.join(self.parts)}")
        order = slice(None)
        if not isinstance(rows, slice) or (rows.step or 1) < 0:  # h5py takes rising numbers only
            rows, order = numpy.unique(numpy.atleast_1d(numpy.arange(len(self))[rows]), return_inverse=True)
        with self._reading(), self._open() as file:
            return file[part][rows][order]

    def _places(self, part, rows):
        return (2 * torch.as_tensor(self.numbers(part, rows)) + 1) / self._stored - 1

    def _resized(self, part, rows):
        """Bytes, (N, S, S, channels), in the size of this Set."""
        pictures = torch.as_tensor(self.numbers(part, rows))
        pictures = pictures if pictures.dim() == 4 else pictures[..., None]
        if self.size == self._stored:
            return pictures
        weights = _weights(self._stored, self.size)
        return torch.einsum("oh,nhwc,pw->nopc", weights, pictures.float(), weights).clamp(0, 255).add(0.5).byte()

    def _reading(self):
        return reading(self.path, "set", "make one with bifrons pack")

    def _open(self):
        import h5py
        return h5py.File(self.path)

    def __repr__(self) -> str:
        return f"{self.path}: {len(self)} pictures of {self.person}, {self.size} x {self.size} px"


def _weights(before, after):
    """The weight of each pixel of a line in each pixel of the resized line, (after, before), as
    src/data/picture/picture_resize.c has it: means over areas to shrink, Lanczos to enlarge."""
    step = before / after
    out, at = torch.arange(after, dtype=torch.float64)[:, None], torch.arange(before, dtype=torch.float64)
    if before > after:
        weights = (torch.minimum((out + 1) * step, at + 1) - torch.maximum(out * step, at)).clamp(min=0)
    else:
        x = (out + 0.5) * step - (at + 0.5)
        weights = torch.where(x.abs() < 3, torch.sinc(x) * torch.sinc(x / 3), 0)
    return (weights / weights.sum(1, keepdim=True)).float()


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
