"""A person's packed set of pictures (src/data/include/data/set.h)."""

import os

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .network import from_bytes


class Set(Dataset):
    """The pictures of one person, as `bifrons pack` or `bifrons extract -o` writes them; a torch Dataset.

        people = bifrons.Set("a.h5")
        people[0]                              # (3, S, S) from 0 to 1
        people.pictures(slice(0, 8))           # (8, 3, S, S)

    person, consent: text. size: pixels a side. names: of the pictures. parts: what the set has ("images", "masks",
    "points", "truth", "pose", …). The file is opened for each access, so workers of a DataLoader may share a Set.
    ValueError: the file is no set, or has no statement of consent."""

    def __init__(self, path: str | os.PathLike):
        import h5py
        self.path = path
        other = ValueError(f"{path} is no set of bifrons: make one with bifrons pack")
        if os.path.exists(path) and not h5py.is_hdf5(path):
            raise other
        with self._open() as file:
            if file.attrs.get("format", "") not in ("bifrons-faces", b"bifrons-faces"):
                raise other
            self.person, self.consent = (_text(file.attrs.get(key, "")) for key in ("person", "consent"))
            if not self.consent:
                raise ValueError(f"{path} has no statement of consent: pack it again with --consent")
            self.parts = sorted(file)
            self.size = file["images"].shape[1]
            self.names = [_text(name) for name in file["names"][:]]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, row: int) -> Tensor:
        row = range(len(self))[row]  # IndexError ends a loop over the set
        return self.pictures(slice(row, row + 1))[0]

    def pictures(self, rows=slice(None)) -> Tensor:
        """(N, 3, S, S) from 0 to 1. rows: a slice, or a list of row numbers in rising order."""
        return from_bytes(self.numbers("images", rows))

    def truth(self, rows=slice(None)) -> Tensor:
        """The true swaps: the other person in the same pose, expression and light. Drawn people have them."""
        return from_bytes(self.numbers("truth", rows))

    def masks(self, rows=slice(None)) -> Tensor:
        """(N, 1, S, S): 1 inside the face, else 0."""
        return torch.as_tensor(self.numbers("masks", rows))[:, None].float().div(255)

    def points(self, rows=slice(None)) -> Tensor:
        """The 70 points of each face, (N, 70, 2): x and y from -1 to 1 over the picture, NaN where not known."""
        return (2 * torch.as_tensor(self.numbers("points", rows)) + 1) / self.size - 1

    def numbers(self, part: str, rows=slice(None)):
        """A part of the file as it is stored, as a numpy array. KeyError names the parts that there are."""
        if part not in self.parts:
            raise KeyError(f"{self.path} has no {part}; it has {', '.join(self.parts)}")
        with self._open() as file:
            return file[part][rows]

    def _open(self):
        import h5py
        return h5py.File(self.path)

    def __repr__(self) -> str:
        return f"{self.path}: {len(self)} pictures of {self.person}, {self.size} x {self.size} px"


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
