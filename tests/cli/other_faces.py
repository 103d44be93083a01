"""Draws two people in quite another style than `bifrons synth`: cel-shaded cartoons with hair and
shoulders, anywhere in the picture. `python other_faces.py OUT COUNT` writes OUT/cleo and OUT/dan,
with masks of the faces and the true swaps: the other one, doing the same in the same place."""

import pathlib
import random
import sys

from PIL import Image, ImageChops, ImageDraw

SIZE = 160      # pixels a side of the pictures
CANVAS = 320    # drawn at twice the size, then shrunk: smooth edges
SUFFIXES = ("jpg", "png", "bmp", "JPEG")

# What makes them themselves; lengths in canvas widths.
CLEO = {"head": (0.25, 0.34), "skin": (225, 180, 150), "hair": (70, 40, 20), "hair_below": 0.9,
        "eye": 0.045, "iris": (60, 120, 70), "brow": 4, "lips": (170, 60, 70), "beard": False,
        "neck": 0.09, "cloth": (90, 110, 170)}
DAN = {"head": (0.28, 0.30), "skin": (150, 105, 75), "hair": (20, 20, 25), "hair_below": 0.3,
       "eye": 0.035, "iris": (60, 40, 30), "brow": 7, "lips": (120, 50, 50), "beard": True,
       "neck": 0.14, "cloth": (190, 170, 80)}
PEOPLE = {"cleo": CLEO, "dan": DAN}


def doings(rng):
    """What varies from picture to picture, whoever it is."""
    return {"x": 0.5 + rng.uniform(-0.08, 0.08), "y": 0.52 + rng.uniform(-0.06, 0.06),
            "yaw": rng.uniform(-0.5, 0.5), "roll": rng.uniform(-12, 12),
            "gaze": rng.uniform(-1, 1), "blink": rng.random() < 0.15, "mouth": rng.random(),
            "light": rng.uniform(0.7, 1.15), "lit_from": rng.uniform(-1, 1),
            "background": tuple(rng.randrange(190, 240) for _ in range(3))}


def lit(colour, light):
    return tuple(min(255, int(channel * light)) for channel in colour)


def ellipse(draw, x, y, width, height, colour):
    draw.ellipse([x - width, y - height, x + width, y + height], fill=colour)


def oval(x, y, width, height):
    """Filled, as a mask."""
    mask = Image.new("L", (CANVAS, CANVAS))
    ellipse(ImageDraw.Draw(mask), x, y, width, height, 255)
    return mask


def draw_body(draw, who, do, x, y, width, height):
    neck = CANVAS * who["neck"]
    draw.rectangle([x - neck, y, x + neck, y + 1.5 * height], fill=lit(who["skin"], 0.7 * do["light"]))
    draw.pieslice([x - 1.9 * width, y + 1.15 * height, x + 1.9 * width, y + 3.0 * height], 180, 360,
                  fill=lit(who["cloth"], do["light"]))


def draw_head(image, who, do, x, y, width, height):
    """In two tones, the lighter where the light comes from. Gives the face's mask."""
    head = oval(x, y, width, height)
    bright = oval(x + 0.6 * do["lit_from"] * width, y - 0.1 * height, width, height)
    image.paste(lit(who["skin"], 0.75 * do["light"]), mask=head)
    image.paste(lit(who["skin"], do["light"]), mask=ImageChops.multiply(head, bright))
    return head


def draw_eyes(draw, who, do, x, y, width):
    radius = CANVAS * who["eye"]
    for side in (-0.42, 0.42):
        eye = x + (side + do["yaw"] * 0.5) * width
        ellipse(draw, eye, y, 1.3 * radius, (0.15 if do["blink"] else 0.8) * radius,
                lit((250, 250, 250), do["light"]))
        if not do["blink"]:
            ellipse(draw, eye + 0.6 * do["gaze"] * radius, y, 0.55 * radius, 0.55 * radius,
                    lit(who["iris"], do["light"]))
        draw.line([eye - 1.4 * radius, y - 1.5 * radius, eye + 1.4 * radius, y - 1.7 * radius],
                  fill=lit(who["hair"], do["light"]), width=who["brow"])


def draw_mouth(draw, who, do, x, y, width):
    height = CANVAS * (0.012 + 0.05 * do["mouth"])
    ellipse(draw, x, y, 0.4 * width, height, lit(who["lips"], do["light"]))
    if do["mouth"] > 0.5:
        draw.rectangle([x - 0.24 * width, y - 0.5 * height, x + 0.24 * width, y],
                       fill=lit((240, 240, 235), do["light"]))


def draw_face(who, do):
    """A picture of SIZE x SIZE and the mask of its face."""
    image = Image.new("RGB", (CANVAS, CANVAS), do["background"])
    draw = ImageDraw.Draw(image)
    x, y = CANVAS * do["x"], CANVAS * do["y"]
    width, height = (CANVAS * part for part in who["head"])
    hair = lit(who["hair"], do["light"])
    draw.ellipse([x - 1.15 * width, y - 1.2 * height,
                  x + 1.15 * width, y + who["hair_below"] * height], fill=hair)
    draw_body(draw, who, do, x, y, width, height)
    mask = draw_head(image, who, do, x, y, width, 0.97 * height)
    draw_eyes(draw, who, do, x, y - 0.1 * height, width)
    nose = x + 0.8 * do["yaw"] * width
    draw.polygon([(nose, y), (nose - 0.1 * width, y + 0.3 * height),
                  (nose + 0.1 * width, y + 0.3 * height)], fill=lit(who["skin"], 0.6 * do["light"]))
    draw_mouth(draw, who, do, x + 0.5 * do["yaw"] * width, y + 0.55 * height, width)
    if who["beard"]:
        draw.arc([x - 0.8 * width, y + 0.1 * height, x + 0.8 * width, y + 0.95 * height], 20, 160,
                 fill=hair, width=CANVAS // 40)

    def turned(layer, fill):
        layer = layer.rotate(do["roll"], Image.Resampling.BICUBIC, center=(x, y), fillcolor=fill)
        return layer.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return turned(image, do["background"]), turned(mask, 0)


def draw_people(out, count, seed=1, side_data=True):
    """COUNT pictures of each, in a folder each; the same seed draws the same."""
    for name, who in PEOPLE.items():
        folder = pathlib.Path(out) / name
        other = next(PEOPLE[n] for n in PEOPLE if n != name)
        for part in (folder, folder / "masks", folder / "truth") if side_data else (folder,):
            part.mkdir(parents=True)
        rng = random.Random(f"{name} {seed}")
        for i in range(count):
            suffix, do = SUFFIXES[i % len(SUFFIXES)], doings(rng)
            options = {"quality": 92} if suffix.lower() in ("jpg", "jpeg") else {}
            picture, mask = draw_face(who, do)
            picture.save(folder / f"{name}{i:04d}.{suffix}", **options)
            if side_data:
                mask.save(folder / f"masks/{name}{i:04d}.png")
                draw_face(other, do)[0].save(folder / f"truth/{name}{i:04d}.png")


if __name__ == "__main__":
    draw_people(sys.argv[1], int(sys.argv[2]))
