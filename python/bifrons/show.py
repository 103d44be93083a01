"""Draws pictures as matplotlib figures. Sheets with decoded faces carry a visible "AI"."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .network import Bifrons, to_bytes

PAPER, INK = "#faf9f6", "#26282e"


def figure(rows: int, columns: int, width: float, height: float):
    """An empty figure and its axes, (rows, columns). A notebook shows it once, where a cell ends with it."""
    from matplotlib import pyplot
    made, axes = pyplot.subplots(rows, columns, figsize=(width, height), dpi=80, squeeze=False, layout="constrained",
                                 facecolor=PAPER)
    pyplot.close(made)
    return made, axes


def show_pictures(rows: Sequence[Tensor], titles: Sequence[str] = (), captions: Sequence[str] = (), decoded: bool = False):
    """A sheet of pictures: each element of rows is a row, (N, 3, S, S) from 0 to 1.

    titles: left of the rows. captions: above the columns. decoded: the sheet shows decoded faces, and is marked "AI"."""
    made, axes = figure(len(rows), max(map(len, rows)), 1.2 * max(map(len, rows)) + 0.4, 1.2 * len(rows) + 0.3)
    for axis in axes.flat:
        axis.set_axis_off()
    for line, pictures in zip(axes, rows):
        for axis, picture in zip(line, to_bytes(pictures.detach().float().cpu())):
            axis.imshow(picture.numpy())
    for line, title in zip(axes, titles):
        line[0].text(-0.06, 0.5, title, transform=line[0].transAxes, rotation=90, va="center", ha="right", color=INK,
                     fontsize=9)
    for axis, caption in zip(axes[0], captions):
        axis.set_title(caption, fontsize=9, color=INK)
    if decoded:
        axes[-1, -1].text(0.97, 0.04, "AI", transform=axes[-1, -1].transAxes, ha="right", va="bottom", color=PAPER,
                          fontsize=8, bbox={"facecolor": INK, "edgecolor": "none", "pad": 2})
    return made


def show_pair(model: Bifrons, a: Tensor, b: Tensor, points: tuple[Tensor, Tensor] | None = None):
    """2 x 3: picture, reconstruction and swap of one picture of each person, (3, S, S); the figure.

    points: where the points of both faces are, (70, 2) each, as in Bifrons.swap."""
    a, b = a[None], b[None]
    points = (points[0][None], points[1][None]) if points else (None, None)
    with torch.no_grad():
        recon_a, recon_b = model(a, b, points)
        rows = [[a, recon_a, model.swap(a, "a2b", points[0])], [b, recon_b, model.swap(b, "b2a", points[1])]]
    return show_pictures([torch.cat(row) for row in rows], model.people, ["original", "reconstruction", "swap"], True)


def show_swaps(model: Bifrons, a: Tensor, b: Tensor, captions: Sequence[str] = (),
               points: tuple[Tensor, Tensor] | None = None):
    """4 x N: A, A as B, B, B as A. a, b: N pictures of each person, (N, 3, S, S); the figure.

    points: where the points of both people's faces are, (N, 70, 2) each, as in Bifrons.swap."""
    names, points = model.people, points or (None, None)
    with torch.no_grad():
        rows = [a, model.swap(a, "a2b", points[0]), b, model.swap(b, "b2a", points[1])]
    return show_pictures(rows, [names[0], f"as {names[1]}", names[1], f"as {names[0]}"], captions, True)
