"""A run folder: configuration, metrics, checkpoints."""

import json
import math
import os
import pathlib

from .files import load, reading
from .network import Bifrons


class Run:
    """What a run has written to its folder so far.

        run = bifrons.Run("runs/demo")
        run.train["step"], run.train["loss.a.l1"]      # numpy arrays; a row every log.every_steps steps
        run.val["metrics.swap_l1"]                     # of the validations
        run.faces["faces.identity_a"]                  # of the previews, with log.faces
        run.plot()

    config: config.resolved.toml as a dict. record: run.json as a dict. best, latest: paths of checkpoints.
    FileNotFoundError: the folder is not that of a run. ValueError: one of its files is damaged."""

    def __init__(self, folder: str | os.PathLike):
        import tomllib  # Python 3.11 or newer
        self.folder = pathlib.Path(folder)
        self.config = _read(self.folder / "config.resolved.toml", tomllib.loads)
        self.record = _read(self.folder / "run.json", json.loads)
        self.best = self.folder / "checkpoints/best.pt"
        self.latest = self.folder / "checkpoints/latest.pt"
        self.reload()

    def reload(self) -> None:
        """Reads metrics.jsonl again."""
        rows = _rows(self.folder / "metrics.jsonl")
        self.train, self.val, self.faces = (_arrays([row for row in rows if row["kind"] == kind])
                                            for kind in ("train", "val", "faces"))

    def load(self) -> Bifrons:
        """The model of best.pt."""
        return load(self.best)

    def plot(self):
        """The curves of loss and L1 over the steps; a matplotlib figure."""
        return plot(self.train, self.val)

    def __repr__(self) -> str:
        steps = [self.record.get("step") or 0, *self.train["step"][-1:], *self.val["step"][-1:]]
        people = " and ".join(person["person"] for person in self.record["people"])
        return f"{self.folder}: {max(steps):.0f} steps on {people}, best.pt {'exists' if self.best.exists() else 'missing'}"


def _flat(value, prefix=""):
    """{"loss": {"a": {"l1": 1}}} to {"loss.a.l1": 1}; null to NaN."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{key}.")
        elif inner is None or isinstance(inner, (int, float)):
            yield prefix + key, math.nan if inner is None else float(inner)


def _read(path, parse):
    with reading(path, "run", "use a copy of it, or another run"):
        return parse(path.read_text())


def _rows(path):
    """The whole lines of a file that may still grow."""
    return _read(path, _rows_of) if path.exists() else []


def _rows_of(text):
    rows = []
    for number, line in enumerate(text.split("\n")[:-1], 1):
        try:
            rows.append(json.loads(line))
            rows[-1]["kind"]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"line {number} is no row of metrics") from None
    return rows


def _arrays(rows):
    """{key: its column as an array}; NaN where a row lacks the key."""
    import numpy
    rows = [dict(_flat(row)) for row in rows]
    keys = dict.fromkeys(["step", *(key for row in rows for key in row)])
    return {key: numpy.array([row.get(key, math.nan) for row in rows]) for key in keys}


def plot(train: dict, val: dict):
    """The figure of Run.plot, from its arrays."""
    from .show import INK, figure
    made, ((left, right),) = figure(1, 2, 9, 3)
    panels = [(left, "loss", [(train, "loss.total", "training", "#9aa5b1"), (val, "loss.total", "held out", "#b3541e")]),
              (right, "L1 inside the face, held out", [(val, "metrics.recon_l1", "reconstruction", "#2b6ca3"),
                                                       (val, "metrics.swap_l1", "swap", "#b3541e")])]
    for axis, title, lines in panels:
        for rows, key, label, colour in lines:
            if key in rows:
                axis.plot(rows["step"], rows[key], label=label, color=colour, marker="." if rows is val else None)
        axis.set_title(title, fontsize=10, color=INK)
        axis.set_xlabel("step")
        axis.grid(color="#e4e2dc")
        axis.set_axisbelow(True)
        if axis.lines:
            axis.legend(fontsize=8)
            axis.set_ylim(bottom=0)
    return made
