"""bench/follows.py: a sheet of swaps whose source pictures change one thing at a time.

Draws person A or B with one quantity going from one end to the other (`bifrons synth --series`): head
turned and nodded, brows, mouth, eyes, gaze. Swaps them with a checkpoint and puts each quantity's
source pictures above their swaps. The checkpoint must be of these people (`synth --seed`). Uses
build/release.

  .venv/bin/python bench/follows.py demo/run/checkpoints/best.pt demo/follows.png
"""

import argparse
import pathlib
import shlex
import subprocess
import sys
import tempfile

from PIL import Image, ImageDraw, ImageFont

ROOT = pathlib.Path(__file__).resolve().parent.parent

QUANTITIES = ["yaw", "pitch", "brows", "mouth", "eyes", "gaze"]
STEPS = 7       # pictures of a quantity
NAME = 52       # pixels for its name


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(map(str, words))}: {done.stderr.strip()[-1000:]}")


def sheet(sources, swaps, size):
    """Two columns of quantities; a row of source pictures above a row of their swaps."""
    block = NAME + STEPS * size
    out = Image.new("RGB", (2 * block, len(QUANTITIES) * size), "white")
    draw, font = ImageDraw.Draw(out), ImageFont.load_default()
    for q, name in enumerate(QUANTITIES):
        left, top = q % 2 * block, q // 2 * 2 * size
        draw.text((left + 4, top + size - 6), name, "black", font)
        for i in range(STEPS):
            for row, folder in enumerate((sources, swaps)):
                with Image.open(folder / f"{q * STEPS + i:05d}.png") as picture:
                    out.paste(picture.convert("RGB").resize((size, size), Image.Resampling.LANCZOS),
                              (left + NAME + i * size, top + row * size))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint")
    p.add_argument("sheet", help="the PNG file to write")
    p.add_argument("--direction", default="a2b", choices=["a2b", "b2a"])
    p.add_argument("--seed", default=1, help="of bifrons synth: who they are")
    p.add_argument("--size", type=int, default=80, help="pixels a side of a picture in the sheet")
    p.add_argument("--build", default="build/release", help="folder of the programs")
    args = p.parse_args()
    bifrons = ROOT / args.build / "bifrons"
    with tempfile.TemporaryDirectory(prefix="bifrons-follows-") as folder:
        drawn, swaps = pathlib.Path(folder) / "drawn", pathlib.Path(folder) / "swaps"
        run(bifrons, "synth", drawn, "--series", "--seed", args.seed)
        sources = drawn / f"person_{args.direction[0]}"
        run(bifrons, "swap", args.checkpoint, sources, "--direction", args.direction, "-o", swaps)
        sheet(sources, swaps, args.size).save(args.sheet, optimize=True)


if __name__ == "__main__":
    main()
