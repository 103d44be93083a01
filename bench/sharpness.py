"""bench/sharpness.py: how sharp swaps are, beside the true swaps that drawn people come with.

Prints for each checkpoint and each way the mean size of the gradient (the step to the right and the lower pixel),
inside the face mask, of the swap over that of the true swap: 1.00 is as sharp as the truth. Once as it is and once of
pictures of half the size, which leaves the finest grain out; the same of reconstructions beside the pictures.

  .venv/bin/python bench/sharpness.py --data-a demo/data/a.h5 --data-b demo/data/b.h5 demo/run/checkpoints/best.pt
"""

import argparse
import pathlib
import sys

import h5py
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import bifrons  # noqa: E402

BATCH = 50


def strength(pictures, masks):
    """The sum of the sizes of gradients inside the masks."""
    across, down = pictures.diff(dim=3).abs().mean(1, True), pictures.diff(dim=2).abs().mean(1, True)
    return ((across * masks[..., 1:]).sum() + (down * masks[:, :, 1:]).sum()).item()


def fitted(pictures, size):
    return torch.nn.functional.interpolate(pictures, size=(size, size), mode="area")


def ratios(model, path, way):
    """Swap / true swap, reconstruction / picture; each at full and at half the size."""
    size, sums = model.image_size, torch.zeros(2, 2, 2)
    own = {"a": model.decoder_a, "b": model.decoder_b}[way[0]]
    with h5py.File(path) as file, torch.no_grad():
        for first in range(0, len(file["images"]), BATCH):
            images, truth = (fitted(bifrons.from_bytes(file[key][first:first + BATCH]), size)
                             for key in ("images", "truth"))
            masks = torch.as_tensor(file["masks"][first:first + BATCH]).unsqueeze(1) / 255
            codes = model.encoder(images)
            pairs = [(model.swap(images, way), truth), (own(model.posed(codes, codes))[0], images)]
            for half in range(2):
                inside = fitted(masks, size >> half)
                for i, pair in enumerate(pairs):
                    for j, pictures in enumerate(pair):
                        sums[half, i, j] += strength(fitted(pictures, size >> half), inside)
    return (sums[..., 0] / sums[..., 1]).T.flatten().tolist()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data-a", required=True, help="person A's set, with true swaps and masks")
    p.add_argument("--data-b", required=True)
    p.add_argument("checkpoints", nargs="+")
    args = p.parse_args()
    print("| checkpoint | way | swap / truth | at half size | reconstruction / picture | at half size |")
    print("| --- | --- | --- | --- | --- | --- |")
    for path in args.checkpoints:
        model = bifrons.load(path)
        for way, data in (("a2b", args.data_a), ("b2a", args.data_b)):
            print(f"| {path} | {way} | " + " | ".join(f"{r:.3f}" for r in ratios(model, data, way)) + " |", flush=True)


if __name__ == "__main__":
    main()
