"""Furniture and fittings, each built around its own origin on the floor, its front towards +z."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipelines.previz.geometry import UP, Material, Model, Plane, Rgb, vec

WOOD = Material((0.16, 0.085, 0.042), second=(0.05, 0.026, 0.014), pattern="planks", scale=0.12, gloss=0.35)
DARK_WOOD = Material((0.06, 0.032, 0.018), second=(0.02, 0.011, 0.007), pattern="planks", scale=0.14, gloss=0.45)
STEEL = Material((0.45, 0.46, 0.48), gloss=0.8, metal=0.85)
BLACK = Material((0.018, 0.018, 0.02), gloss=0.5)
ENAMEL = Material((0.62, 0.64, 0.64), gloss=0.55)
LEATHER = Material((0.09, 0.035, 0.025), gloss=0.4)
LINEN = Material((0.55, 0.53, 0.50), second=(0.4, 0.4, 0.4), pattern="fabric", gloss=0.05)
GLASS = Material((0.012, 0.016, 0.018), gloss=0.95, metal=0.25)


def glow(colour: Rgb, strength: float) -> Material:
    """A surface that shines by itself."""
    return Material((0.1, 0.1, 0.1), emission=(colour[0] * strength, colour[1] * strength, colour[2] * strength))


def washing_machine(ghost: Model | None = None, display: Rgb = (0.1, 0.8, 0.6)) -> Model:
    """A front loader, 0.70 wide, 1.02 high; `ghost` is what shows in its round glass."""
    model = Model()
    model.new_group()
    model.block((-0.345, 0.05, -0.33), (0.345, 1.02, 0.33), ENAMEL)
    model.block((-0.345, 0.0, -0.30), (0.345, 0.05, 0.30), BLACK)
    model.new_group()
    model.block((-0.345, 0.86, 0.325), (0.345, 1.02, 0.345), Material((0.16, 0.17, 0.18), gloss=0.5))
    model.tube(vec(0.20, 0.94, 0.34), vec(0.20, 0.94, 0.38), (0.04, 0.036), STEEL)
    model.block((-0.26, 0.91, 0.34), (-0.06, 0.97, 0.349), glow(display, 0.9))
    model.new_group()
    model.tube(vec(0, 0.47, 0.32), vec(0, 0.47, 0.385), (0.265, 0.235), STEEL)
    model.new_group()
    model.tube(vec(0, 0.47, 0.33), vec(0, 0.47, 0.392), (0.20, 0.195), BLACK)
    model.new_group()
    if ghost is None:
        model.ball(vec(0, 0.47, 0.372), (0.185, 0.185, 0.05), GLASS)
    else:
        model.disc(vec(0, 0.47, 0.3935), vec(0, 0, 1), 0.19, GLASS)
        model.add(ghost, vec(0, 0.47, 0.396))
    return model


def table(size: tuple[float, float, float] = (1.5, 0.76, 0.8), material: Material = WOOD) -> Model:
    """A table: width, height, depth."""
    model = Model()
    model.new_group()
    w, h, d = size[0] / 2, size[1], size[2] / 2
    model.block((-w, h - 0.04, -d), (w, h, d), material)
    model.block((-w + 0.06, h - 0.11, -d + 0.06), (w - 0.06, h - 0.04, d - 0.06), material)
    for x in (-w + 0.07, w - 0.07):
        for z in (-d + 0.07, d - 0.07):
            model.tube(vec(x, 0, z), vec(x, h - 0.04, z), (0.025, 0.035), material)
    return model


def desk() -> Model:
    """A writing desk with a solid front, a blotter, papers and a small lamp's place left free."""
    model = Model()
    model.new_group()
    model.block((-0.85, 0.72, -0.42), (0.85, 0.76, 0.42), DARK_WOOD)
    for x in (-0.62, 0.62):
        model.block((x - 0.21, 0, -0.38), (x + 0.21, 0.72, 0.38), DARK_WOOD)
        for y in (0.15, 0.37, 0.59):
            model.block((x - 0.17, y - 0.08, 0.378), (x + 0.17, y + 0.08, 0.392), WOOD)
    model.block((-0.42, 0.2, -0.40), (0.42, 0.72, -0.36), DARK_WOOD)
    model.new_group()
    paper = Material((0.6, 0.58, 0.52))
    model.block((-0.30, 0.76, -0.16), (0.0, 0.768, 0.1), paper)
    model.block((0.30, 0.76, -0.05), (0.55, 0.80, 0.2), LEATHER)
    return model


def chair(material: Material = WOOD) -> Model:
    """A plain chair; the seat is 0.46 high and the back at -z."""
    model = Model()
    model.new_group()
    for x in (-0.20, 0.20):
        model.tube(vec(x, 0, 0.2), vec(x, 0.45, 0.19), (0.016, 0.02), material)
        model.tube(vec(x, 0, -0.24), vec(x, 0.45, -0.2), (0.016, 0.02), material)
        model.tube(vec(x, 0.45, -0.2), vec(x, 0.96, -0.26), (0.02, 0.016), material)
    model.block((-0.23, 0.43, -0.22), (0.23, 0.47, 0.22), material)
    model.block((-0.21, 0.84, -0.27), (0.21, 0.97, -0.235), material)
    model.block((-0.21, 0.64, -0.255), (0.21, 0.72, -0.225), material)
    return model


def armchair() -> Model:
    """A low leather chair."""
    model = Model()
    model.new_group()
    model.block((-0.34, 0.14, -0.36), (0.34, 0.42, 0.36), LEATHER)
    model.box(vec(0, 0.68, -0.34), (0.36, 0.36, 0.09), LEATHER)
    for x in (-0.42, 0.42):
        model.block((x - 0.08, 0.1, -0.38), (x + 0.08, 0.58, 0.36), LEATHER)
        model.tube(vec(x, 0.60, -0.38), vec(x, 0.60, 0.38), (0.085, 0.085), LEATHER)
    return model


def bench(length: float = 1.8) -> Model:
    """A slatted bench, 0.45 high."""
    model = Model()
    model.new_group()
    for z in (-0.16, 0.0, 0.16):
        model.block((-length / 2, 0.42, z - 0.07), (length / 2, 0.455, z + 0.07), WOOD)
    for x in (-length / 2 + 0.2, length / 2 - 0.2):
        model.block((x - 0.03, 0, -0.2), (x + 0.03, 0.42, 0.2), STEEL)
    return model


def bed() -> Model:
    """A double bed, the head at -z."""
    model = Model()
    model.new_group()
    model.block((-0.8, 0.1, -1.0), (0.8, 0.34, 1.0), DARK_WOOD)
    model.block((-0.82, 0.0, -1.06), (0.82, 1.1, -0.98), DARK_WOOD)
    model.new_group(smooth=0.012)
    model.block((-0.78, 0.34, -0.98), (0.78, 0.56, 0.98), LINEN)
    model.ball(vec(0, 0.55, 0.35), (0.80, 0.09, 0.68), Material((0.2, 0.17, 0.19), pattern="fabric"))
    for x in (-0.38, 0.38):
        model.new_group()
        model.ball(vec(x, 0.66, -0.74), (0.32, 0.11, 0.2), LINEN)
    return model


def floor_lamp(colour: Rgb, strength: float) -> Model:
    """A standing lamp, 1.6 high; its light is a practical at (0, 1.45, 0)."""
    model = Model()
    model.new_group()
    model.tube(vec(0, 0, 0), vec(0, 0.03, 0), (0.14, 0.13), BLACK)
    model.tube(vec(0, 0.03, 0), vec(0, 1.35, 0), (0.012, 0.012), BLACK)
    model.casts = False
    model.tube(vec(0, 1.3, 0), vec(0, 1.62, 0), (0.22, 0.13), glow(colour, strength))
    return model


def desk_lamp(colour: Rgb, strength: float) -> Model:
    """A lamp on a table top at y = 0; shines from (0, 0.36, 0)."""
    model = Model()
    model.new_group()
    model.tube(vec(0, 0, 0), vec(0, 0.02, 0), (0.08, 0.07), BLACK)
    model.tube(vec(0, 0.02, 0), vec(0, 0.30, 0), (0.010, 0.010), BLACK)
    model.casts = False
    model.tube(vec(0, 0.28, 0), vec(0, 0.45, 0), (0.15, 0.08), glow(colour, strength))
    return model


def pendant(drop: float, colour: Rgb, strength: float) -> Model:
    """A hanging lamp; the origin is at the ceiling, the bulb `drop` below it."""
    model = Model(casts=False)
    model.new_group()
    model.tube(vec(0, -drop + 0.12, 0), vec(0, 0, 0), (0.006, 0.006), BLACK)
    model.tube(vec(0, -drop, 0), vec(0, -drop + 0.16, 0), (0.19, 0.04), BLACK)
    model.ball(vec(0, -drop, 0), 0.055, glow(colour, strength))
    return model


def bookshelf(width: float = 1.6, height: float = 2.2) -> Model:
    """Shelves full of books."""
    model = Model()
    model.new_group()
    spines = Material((0.14, 0.05, 0.03), second=(0.05, 0.08, 0.09), pattern="books")
    model.block((-width / 2, 0.04, -0.16), (width / 2, height - 0.04, 0.08), spines)
    for y in np.arange(0.0, height + 0.01, 0.36):
        model.block((-width / 2, y - 0.015, -0.16), (width / 2, y + 0.015, 0.16), DARK_WOOD)
    for x in (-width / 2, width / 2):
        model.block((x - 0.025, 0, -0.17), (x + 0.025, height, 0.17), DARK_WOOD)
    return model


def counter(length: float = 4.0, stools: int = 4) -> Model:
    """A bar with stools in front."""
    model = Model()
    model.new_group()
    model.block((-length / 2, 0, -0.3), (length / 2, 1.04, 0.22), DARK_WOOD)
    model.block(
        (-length / 2 - 0.05, 1.04, -0.36),
        (length / 2 + 0.05, 1.10, 0.34),
        Material((0.05, 0.026, 0.015), gloss=0.9, mirror=0.25),
    )
    model.limb(
        vec(-length / 2, 0.18, 0.36),
        vec(length / 2, 0.18, 0.36),
        (0.022, 0.022),
        Material((0.5, 0.36, 0.12), gloss=0.9, metal=0.9),
    )
    for index in range(stools):
        x = (index + 0.5) / stools * length - length / 2
        model.new_group()
        model.tube(vec(x, 0, 0.72), vec(x, 0.72, 0.72), (0.03, 0.02), STEEL)
        model.tube(vec(x, 0.72, 0.72), vec(x, 0.79, 0.72), (0.17, 0.18), LEATHER)
        model.tube(vec(x, 0, 0.72), vec(x, 0.02, 0.72), (0.19, 0.17), STEEL)
    return model


def staircase(steps: int = 12, width: float = 1.3) -> Model:
    """Stairs that rise towards -z, with a rail on the right."""
    model = Model()
    model.new_group()
    for index in range(steps):
        y, z = 0.175 * index, -0.28 * index
        model.block((-width / 2, 0, z - 0.29), (width / 2, y + 0.175, z), WOOD)
        model.tube(
            vec(width / 2 - 0.05, y + 0.175, z - 0.14),
            vec(width / 2 - 0.05, y + 1.0, z - 0.14),
            (0.014, 0.014),
            DARK_WOOD,
        )
    top = vec(width / 2 - 0.05, 0.175 * steps + 0.9, -0.28 * steps + 0.14)
    model.limb(vec(width / 2 - 0.05, 1.02, -0.14), top, (0.035, 0.035), DARK_WOOD)
    return model


def telephone() -> Model:
    """A black telephone with a dial, on a surface at y = 0."""
    model = Model()
    model.new_group(smooth=0.012)
    black = Material((0.016, 0.016, 0.018), gloss=0.9)
    model.tube(vec(0, 0, 0), vec(0, 0.10, -0.02), (0.115, 0.06), black, (vec(0, 0, 1), 0.9))
    model.new_group()
    model.tube(vec(0, 0.045, 0.062), vec(0, 0.062, 0.082), (0.052, 0.05), STEEL)
    for index in range(10):
        angle = 0.5 + index * 0.53
        model.ball(
            vec(np.sin(angle) * 0.035, 0.066 + np.cos(angle) * 0.022, 0.078 + np.cos(angle) * -0.02), 0.008, black
        )
    model.new_group(smooth=0.012)
    model.limb(vec(-0.115, 0.135, -0.02), vec(0.115, 0.135, -0.02), (0.017, 0.017), black)
    for x in (-0.115, 0.115):
        model.tube(vec(x, 0.135, -0.02), vec(x, 0.095, -0.015), (0.030, 0.036), black)
    return model


def car(paint: Rgb, *, lights: bool) -> Model:
    """A saloon 4.6 long that points to +x; its lamps glow where it is dark."""
    model = Model()
    model.new_group(smooth=0.012)
    body = Material(paint, gloss=0.95, metal=0.25)
    model.box(vec(0, 0.52, 0), (2.15, 0.22, 0.86), body)
    for x, r in ((2.1, 0.26), (-2.1, 0.26)):
        model.ball(vec(x, 0.53, 0), (r, 0.22, 0.85), body)
    model.ball(vec(1.25, 0.72, 0), (0.95, 0.13, 0.80), body)
    model.ball(vec(-1.55, 0.74, 0), (0.65, 0.14, 0.80), body)
    model.new_group(smooth=0.012)
    model.box(vec(-0.30, 1.02, 0), (0.95, 0.30, 0.66), GLASS)
    for x in (0.62, -1.22):
        model.tube(vec(x, 0.74, -0.62), vec(x, 0.74, 0.62), (0.30, 0.30), GLASS)
    for z in (0.66, -0.66):
        for x in (0.72, -0.3, -1.28):
            model.limb(vec(x, 0.72, z * 1.08), vec(x * 0.72 - 0.08, 1.33, z * 0.92), (0.035, 0.03), body)
    model.new_group(smooth=0.012)
    model.ball(vec(-0.30, 1.32, 0), (1.05, 0.10, 0.66), body)
    for x in (1.35, -1.35):
        for z in (0.80, -0.80):
            model.new_group()
            model.tube(vec(x, 0.33, z - 0.1), vec(x, 0.33, z + 0.1), (0.33, 0.33), BLACK)
            model.tube(vec(x, 0.33, z - 0.11), vec(x, 0.33, z + 0.115), (0.19, 0.19), STEEL)
    for z in (0.58, -0.58):
        model.new_group()
        model.ball(vec(2.30, 0.58, z), (0.07, 0.10, 0.15), glow((1.0, 0.86, 0.62), 26.0 if lights else 0.4))
        model.ball(vec(-2.30, 0.62, z), (0.05, 0.08, 0.17), glow((1.0, 0.03, 0.02), 4.0 if lights else 0.3))
    model.new_group()
    for x in (2.36, -2.34):
        model.limb(vec(x, 0.38, -0.80), vec(x, 0.38, 0.80), (0.06, 0.06), STEEL)
    model.new_group()
    for k in range(7):
        model.limb(vec(2.33, 0.50 + 0.035 * k, -0.38), vec(2.33, 0.50 + 0.035 * k, 0.38), (0.010, 0.010), STEEL)
    return model


def pine(height: float, rng: np.random.Generator) -> Model:
    """A conifer."""
    model = Model()
    model.new_group()
    bark = Material((0.075, 0.05, 0.035), second=(0.03, 0.02, 0.015), pattern="bark")
    needles = Material((0.03, 0.06, 0.032), second=(0.015, 0.03, 0.02), pattern="leaves")
    model.tube(vec(0, 0, 0), vec(0, height * 0.9, 0), (height * 0.022, height * 0.006), bark)
    texture = _branches()
    for turn in (0.0, 1.05, 2.1):
        angle = turn + float(rng.uniform(-0.2, 0.2))
        facing = vec(np.sin(angle), 0, np.cos(angle))
        model.card(vec(0, height * 0.58, 0), facing, (height * 0.24, height * 0.46), needles, texture)
    return model


def broadleaf(height: float, rng: np.random.Generator) -> Model:
    """A tree with a round crown."""
    model = Model()
    model.new_group()
    bark = Material((0.09, 0.065, 0.045), second=(0.03, 0.022, 0.016), pattern="bark")
    leaves = Material((0.06, 0.095, 0.03), second=(0.03, 0.05, 0.02), pattern="leaves")
    top = vec(float(rng.uniform(-0.3, 0.3)), height * 0.6, 0)
    model.tube(vec(0, 0, 0), top, (height * 0.035, height * 0.018), bark)
    for index in range(5):
        angle = index * 1.26
        model.tube(
            top * 0.75,
            top + vec(np.cos(angle) * height * 0.2, height * 0.18, np.sin(angle) * height * 0.2),
            (height * 0.012, height * 0.004),
            bark,
        )
    for turn in (0.0, 0.9, 1.9):
        model.card(
            vec(top[0], height * 0.72, 0),
            vec(np.sin(turn), 0, np.cos(turn)),
            (height * 0.40, height * 0.32),
            leaves,
            crown(),
        )
    return model


@cache
def _branches() -> Plane:
    size = 512
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(7)
    for level in np.linspace(0.02, 0.97, 34):
        reach = (0.06 + 0.44 * level) * size
        for side in (-1, 1):
            long = reach * rng.uniform(0.55, 1.0)
            y = level * size
            droop = rng.uniform(0.10, 0.26) * long
            thick = 5 + 13 * level
            draw.polygon(
                [
                    (size / 2, y - thick),
                    (size / 2 + side * long * 0.6, y + droop * 0.3 - thick * 0.3),
                    (size / 2 + side * long, y + droop),
                    (size / 2 + side * long * 0.55, y + droop * 0.9 + thick * 0.4),
                    (size / 2, y + thick),
                ],
                fill=255,
            )
    return np.asarray(image, np.float32) / 255


@cache
def crown() -> Plane:
    """The outline of a clump of leaves."""
    size = 512
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(11)
    for _ in range(520):
        angle, radius = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1)) * 0.43
        x, y = size * (0.5 + np.cos(angle) * radius), size * (0.5 + np.sin(angle) * radius * 0.9)
        r = rng.uniform(5, 24) * (1.15 - radius)
        draw.ellipse((x - r, y - r * 0.7, x + r, y + r * 0.7), fill=255)
    for _ in range(90):
        x, y, r = rng.uniform(0.15, 0.85) * size, rng.uniform(0.15, 0.85) * size, rng.uniform(3, 11)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=0)
    return np.asarray(image, np.float32) / 255


@cache
def neon_letters(text: str) -> Plane:
    """A sign in bent tubes: outlined letters inside a rounded border; 4 : 1 for five letters."""
    size = 128
    font = ImageFont.load_default(size)
    width = int(font.getlength(text)) + 150
    image = Image.new("L", (width, 208))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((8, 8, width - 9, 199), radius=46, outline=255, width=9)
    draw.text((width / 2, 102), text, fill=0, font=font, anchor="mm", stroke_width=7, stroke_fill=255)
    return np.asarray(image, np.float32) / 255


def neon_sign(text: str, height: float, colours: tuple[Rgb, Rgb], strength: float) -> Model:
    """A sign around the origin that faces +z: letters and border on a dark plate."""
    texture = neon_letters(text)
    half_h = height / 2
    half_w = half_h * texture.shape[1] / texture.shape[0]
    model = Model(casts=False)
    model.new_group()
    model.sheet(
        vec(0, 0, -0.03), vec(0, 0, 1), (half_w * 1.05, half_h * 1.1), Material((0.012, 0.012, 0.014), gloss=0.3)
    )
    model.new_group()
    letters, border = texture.copy(), texture.copy()
    letters[:20] = letters[-20:] = 0
    letters[:, :22] = letters[:, -22:] = 0
    border[20:-20, 22:-22] = 0
    model.card(vec(0, 0, 0), vec(0, 0, 1), (half_w, half_h), glow(_hot(colours[0]), strength), letters)
    model.new_group()
    model.card(vec(0, 0, 0.001), vec(0, 0, 1), (half_w, half_h), glow(_hot(colours[1]), strength * 0.8), border)
    return model


def _hot(colour: Rgb) -> Rgb:
    peak = max(colour)
    r, g, b = (c / peak * 0.92 + 0.10 for c in colour)
    return r, g, b


def street_lamp(colour: Rgb, strength: float) -> Model:
    """A lamp post 5.2 high whose arm reaches to +x; shines from (1.3, 5.0, 0)."""
    model = Model(casts=False)
    model.new_group()
    model.tube(vec(0, 0, 0), vec(0, 5.0, 0), (0.09, 0.05), BLACK)
    model.limb(vec(0, 5.0, 0), vec(1.3, 5.15, 0), (0.045, 0.035), BLACK)
    model.ball(vec(1.3, 5.05, 0), (0.26, 0.08, 0.13), glow(colour, strength))
    return model


def framed_picture(width: float, height: float) -> Model:
    """A painting that hangs at the origin."""
    model = Model()
    model.new_group()
    model.box(vec(0, 0, 0.015), (width / 2, height / 2, 0.02), DARK_WOOD)
    model.box(
        vec(0, 0, 0.03),
        (width / 2 - 0.06, height / 2 - 0.06, 0.012),
        Material((0.16, 0.15, 0.11), second=(0.06, 0.08, 0.09), pattern="rock", scale=0.15),
    )
    return model


def plant(rng: np.random.Generator) -> Model:
    """A pot plant, about a metre high."""
    model = Model()
    model.new_group()
    model.tube(vec(0, 0, 0), vec(0, 0.32, 0), (0.13, 0.18), Material((0.2, 0.09, 0.05)))
    green = Material((0.04, 0.085, 0.035), second=(0.02, 0.05, 0.02), pattern="leaves", gloss=0.3)
    for index in range(14):
        angle, rise = index * 2.4, float(rng.uniform(0.5, 1.0))
        tip = vec(np.cos(angle) * 0.42 * rise, 0.35 + 0.75 * rise, np.sin(angle) * 0.42 * rise)
        middle = vec(tip[0] * 0.45, tip[1] * 0.72 + 0.12, tip[2] * 0.45)
        model.tube(vec(0, 0.3, 0), middle, (0.008, 0.012), green)
        model.tube(middle, tip, (0.045, 0.004), green, (UP, 0.2))
    return model


def screen(colour: Rgb, strength: float) -> Model:
    """A monitor on a surface at y = 0."""
    model = Model()
    model.new_group()
    model.block((-0.28, 0.12, -0.03), (0.28, 0.48, 0.0), BLACK)
    model.block((-0.06, 0, -0.06), (0.06, 0.14, -0.02), BLACK)
    model.block((-0.25, 0.15, -0.002), (0.25, 0.45, 0.006), glow(colour, strength))
    return model


def hearth(strength: float) -> Model:
    """A fireplace, 1.8 wide, against a wall; burns at (0, 0.35, 0.1)."""
    model = Model()
    model.new_group()
    brick = Material((0.16, 0.07, 0.05), second=(0.2, 0.18, 0.16), pattern="brick", scale=0.24)
    for x in (-0.72, 0.72):
        model.block((x - 0.2, 0, -0.1), (x + 0.2, 1.2, 0.35), brick)
    model.block((-0.92, 1.0, -0.1), (0.92, 1.3, 0.35), brick)
    model.block((-1.02, 1.3, -0.1), (1.02, 1.38, 0.45), DARK_WOOD)
    model.block((-0.6, 0, -0.1), (0.6, 1.1, -0.05), BLACK)
    model.add(flames(0.5, strength), vec(0, 0.06, 0.12))
    return model


def flames(size: float, strength: float) -> Model:
    """Tongues of fire over logs."""
    model = Model(casts=False)
    model.new_group()
    for x in (-0.5, 0.1, 0.5):
        model.limb(
            vec(x * size - 0.2 * size, 0.06, 0.1),
            vec(x * size + 0.3 * size, 0.1, -0.1),
            (0.06 * size + 0.02, 0.05 * size + 0.02),
            BLACK,
        )
    for index, (x, h) in enumerate(((-0.42, 0.6), (-0.18, 1.0), (0.08, 1.25), (0.30, 0.8), (0.5, 0.45))):
        model.new_group()
        hot = glow((1.0, 0.36 + 0.05 * (index % 2), 0.06), strength)
        model.ball(vec(x * size, 0.18 * size, 0), (0.13 * size, 0.2 * size, 0.1 * size), hot)
        model.tube(vec(x * size, 0.2 * size, 0), vec(x * size + 0.06 * size, h * size, 0), (0.12 * size, 0.004), hot)
    return model
