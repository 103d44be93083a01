"""Draws two people in quite another style than `bifrons synth`: cel-shaded cartoons with hair and
shoulders, anywhere in the picture. `python other_faces.py OUT COUNT` writes OUT/cleo and OUT/dan,
with masks of the faces, the true swaps (the other one, doing the same in the same place) and
points.csv: the 70 points of src/base/include/base/points.h.

The heads turn, and tilt. With --lively they also nod and raise their brows. Without it the pictures
are those that earlier measurements were made on."""

import argparse
import math
import pathlib
import random

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


def doings(rng, lively_rng=None):
    """What varies from picture to picture, whoever it is."""
    pitch, brows = ((lively_rng.uniform(-0.35, 0.35), lively_rng.uniform(-0.5, 1)) if lively_rng
                    else (0, 0))
    return {"pitch": pitch, "brows": brows,
            "x": 0.5 + rng.uniform(-0.08, 0.08), "y": 0.52 + rng.uniform(-0.06, 0.06),
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


def places(who, do):
    """Where things are, in canvas pixels, before the head is tilted; y grows downwards. What is
    nearer to the viewer moves more when the head turns or nods."""
    x, y = CANVAS * do["x"], CANVAS * do["y"]
    width, height = (CANVAS * part for part in who["head"])
    turn, nod = do["yaw"] * width, -do["pitch"] * height
    return {"x": x, "y": y, "width": width, "height": height, "radius": CANVAS * who["eye"],
            "eyes": [x + side * width + 0.5 * turn for side in (-0.42, 0.42)],
            "eye_y": y - 0.1 * height + 0.25 * nod,
            "nose": (x + 0.8 * turn, y + 0.5 * nod), "nose_height": 0.3 * height,
            "mouth": (x + 0.5 * turn, y + 0.55 * height + 0.25 * nod),
            "mouth_size": (0.4 * width, CANVAS * (0.012 + 0.05 * do["mouth"])),
            "lids": 0.15 if do["blink"] else 0.8}  # half the opening, in radii


def brow(do, at, eye):
    """Ends of the brow above an eye."""
    up = at["eye_y"] - (1.5 + 0.6 * do["brows"]) * at["radius"]
    return [eye - 1.4 * at["radius"], up, eye + 1.4 * at["radius"], up - 0.2 * at["radius"]]


def draw_eyes(draw, who, do, at):
    radius, y = at["radius"], at["eye_y"]
    for eye in at["eyes"]:
        ellipse(draw, eye, y, 1.3 * radius, at["lids"] * radius, lit((250, 250, 250), do["light"]))
        if not do["blink"]:
            ellipse(draw, eye + 0.6 * do["gaze"] * radius, y, 0.55 * radius, 0.55 * radius,
                    lit(who["iris"], do["light"]))
        draw.line(brow(do, at, eye), fill=lit(who["hair"], do["light"]), width=who["brow"])


def draw_mouth(draw, who, do, at):
    (x, y), (width, height) = at["mouth"], at["mouth_size"]
    ellipse(draw, x, y, width, height, lit(who["lips"], do["light"]))
    if do["mouth"] > 0.5:
        draw.rectangle([x - 0.6 * width, y - 0.5 * height, x + 0.6 * width, y],
                       fill=lit((240, 240, 235), do["light"]))


def on_ellipse(x, y, width, height, degrees):
    """Points at these angles: 180 is left, 270 is up."""
    return [(x + width * math.cos(math.radians(a)), y + height * math.sin(math.radians(a)))
            for a in degrees]


def face_points(who, do):
    """The 70 points, in pixels of the picture, at pixel centres."""
    at = places(who, do)
    radius, eye_y, (nose, bridge) = at["radius"], at["eye_y"], at["nose"]
    points = on_ellipse(at["x"], at["y"], at["width"], 0.97 * at["height"],
                        [180 - 180 * k / 16 for k in range(17)])
    for eye in at["eyes"]:
        x0, y0, x1, y1 = brow(do, at, eye)
        points += [(x0 + (x1 - x0) * k / 4, y0 + (y1 - y0) * k / 4) for k in range(5)]
    points += [(nose, bridge + at["nose_height"] * 0.3 * k) for k in range(4)]
    points += [(nose + 0.05 * k * at["width"], bridge + at["nose_height"]) for k in range(-2, 3)]
    for eye in at["eyes"]:
        points += on_ellipse(eye, eye_y, 1.3 * radius, at["lids"] * radius,
                             [180, 240, 300, 0, 60, 120])
    (x, y), (width, height) = at["mouth"], at["mouth_size"]
    points += on_ellipse(x, y, width, height, range(180, 540, 30))
    points += on_ellipse(x, y, 0.9 * width, 0.6 * height, range(180, 540, 45))
    points += [(eye + 0.6 * do["gaze"] * radius, eye_y) for eye in at["eyes"]]
    cos, sin = math.cos(math.radians(do["roll"])), math.sin(math.radians(do["roll"]))
    for px, py in points:
        right, down = px - at["x"], py - at["y"]
        yield tuple((place + 0.5) * SIZE / CANVAS - 0.5
                    for place in (at["x"] + cos * right + sin * down,
                                  at["y"] - sin * right + cos * down))


def draw_face(who, do):
    """A picture of SIZE x SIZE and the mask of its face."""
    image = Image.new("RGB", (CANVAS, CANVAS), do["background"])
    draw = ImageDraw.Draw(image)
    at = places(who, do)
    x, y, width, height = at["x"], at["y"], at["width"], at["height"]
    hair = lit(who["hair"], do["light"])
    draw.ellipse([x - 1.15 * width, y - 1.2 * height,
                  x + 1.15 * width, y + who["hair_below"] * height], fill=hair)
    draw_body(draw, who, do, x, y, width, height)
    mask = draw_head(image, who, do, x, y, width, 0.97 * height)
    draw_eyes(draw, who, do, at)
    nose, bridge = at["nose"]
    draw.polygon([(nose, bridge), (nose - 0.1 * width, bridge + at["nose_height"]),
                  (nose + 0.1 * width, bridge + at["nose_height"])],
                 fill=lit(who["skin"], 0.6 * do["light"]))
    draw_mouth(draw, who, do, at)
    if who["beard"]:
        draw.arc([x - 0.8 * width, y + 0.1 * height, x + 0.8 * width, y + 0.95 * height], 20, 160,
                 fill=hair, width=CANVAS // 40)

    def turned(layer, fill):
        layer = layer.rotate(do["roll"], Image.Resampling.BICUBIC, center=(x, y), fillcolor=fill)
        return layer.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return turned(image, do["background"]), turned(mask, 0)


def draw_people(out, count, seed=1, side_data=True, lively=False):
    """COUNT pictures of each, in a folder each; the same seed draws the same."""
    for name, who in PEOPLE.items():
        folder = pathlib.Path(out) / name
        other = next(PEOPLE[n] for n in PEOPLE if n != name)
        for part in (folder, folder / "masks", folder / "truth") if side_data else (folder,):
            part.mkdir(parents=True)
        rng = random.Random(f"{name} {seed}")
        lively_rng = random.Random(f"{name} {seed} lively") if lively else None
        table = ["name," + ",".join(f"x{k},y{k}" for k in range(70))]
        for i in range(count):
            suffix, do = SUFFIXES[i % len(SUFFIXES)], doings(rng, lively_rng)
            options = {"quality": 92} if suffix.lower() in ("jpg", "jpeg") else {}
            picture, mask = draw_face(who, do)
            picture.save(folder / f"{name}{i:04d}.{suffix}", **options)
            table.append(f"{name}{i:04d}," + ",".join(f"{x:.3f},{y:.3f}" for x, y in face_points(who, do)))
            if side_data:
                mask.save(folder / f"masks/{name}{i:04d}.png")
                draw_face(other, do)[0].save(folder / f"truth/{name}{i:04d}.png")
        if side_data:
            (folder / "points.csv").write_text("\n".join(table) + "\n")


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", metavar="OUT")
    p.add_argument("count", metavar="COUNT", type=int)
    p.add_argument("--lively", action="store_true", help="nodding heads, raised brows")
    args = p.parse_args()
    draw_people(args.out, args.count, lively=args.lively)
