"""Three mood boards, drawn here, that the demo project uses as its references."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Plane = NDArray[np.floating[Any]]
"""Linear light, height x width x 3."""
WIDTH, HEIGHT = 1260, 540
"""21:9, as the film; sizes without large prime factors, which the blurs would pay for."""
PALETTE = ("#0b0f14", "#1a1a2e", "#c2185b", "#00bcd4", "#f2e9dc")
NIGHT, DUSK, MAGENTA, CYAN, PAPER = PALETTE


def mood_boards() -> dict[str, bytes]:
    """Name and JPEG of each board; the same bytes every time."""
    boards = {"Wet neon": wet_neon(), "Colour script": colour_script(PALETTE), "Light and shape": light_and_shape()}
    return {name: _jpeg(image) for name, image in boards.items()}


def wet_neon() -> Image.Image:
    """Two neon tubes over a wet floor: how the light of the film behaves."""
    floor = round(HEIGHT * 0.62)
    tubes = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(tubes)
    draw.rounded_rectangle((250, 110, 640, 250), 70, outline=MAGENTA, width=7)
    draw.line((300, 292, 590, 292), fill=MAGENTA, width=5)
    for x, top in ((905, 60), (948, 92), (991, 124)):
        draw.line((x, top, x, floor - 46), fill=CYAN, width=6)
    light = _glow(_linear(tubes), (4, 18, 60, 150), (1.6, 1.0, 0.9, 0.8))
    tiles = _tiles()[..., None]
    wall = _linear(Image.new("RGB", (WIDTH, HEIGHT), NIGHT)) * (0.5 + 0.5 * tiles) + light * (1.1 + 0.14 * tiles)
    picture = wall + _cores(_linear(tubes))
    picture[floor:] = _reflection(wall[:floor], HEIGHT - floor)
    return _developed(picture, seed=1)


def colour_script(palette: Sequence[str]) -> Image.Image:
    """The palette in the amounts in which the film shows it, with a ramp from each colour into the dark."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "#2b2b2b")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    edge, gap, top, bottom = 44, 6, 44, 396
    shares = (0.36, 0.27, 0.14, 0.11, 0.12)
    room = WIDTH - 2 * edge - gap * (len(palette) - 1)
    left = float(edge)
    for colour, share in zip(palette, shares, strict=True):
        right = left + room * share
        draw.rectangle((left, top, right, bottom), fill=colour)
        steps = 8
        for step in range(steps):
            at = left + (right - left) * step / steps
            until = left + (right - left) * (step + 1) / steps - 2
            draw.rectangle((at, bottom + 14, until, bottom + 62), fill=_mixed(colour, "#000000", step / steps))
        draw.text((left, bottom + 78), colour, fill="#a8a8a8", font=font)
        left = right + gap
    return image


def light_and_shape() -> Image.Image:
    """A figure against a lit window behind blinds: one shape, one source, everything else falls away."""
    lit = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(lit)
    for top in range(52, 400, 26):
        draw.rectangle((600, top, 1120, top + 15), fill=_mixed(CYAN, PAPER, 0.35))
    draw.rectangle((852, 40, 866, 412), fill="#000000")
    source = _linear(lit)
    picture = _glow(source, (3, 26, 90), (1.5, 0.8, 0.7))
    picture += source * 1.4 + _linear(Image.new("RGB", (WIDTH, HEIGHT), DUSK)) * 0.25
    picture += _shafts(source)
    rim = _linear(Image.new("RGB", (WIDTH, HEIGHT), MAGENTA))
    figure, wider = (_soft(_figure(), radius) for radius in (1.4, 7))
    picture = picture * (1 - figure) + rim * np.clip(figure - wider, 0, 1) * np.float32(1.5)
    return _developed(picture + np.float32(0.004) * figure, seed=3)


def _figure() -> Image.Image:
    """Somebody in a hat and a long coat, a third into the frame, from the knees up."""
    mask = Image.new("L", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(mask)
    middle = 742
    draw.ellipse((middle - 96, 152, middle + 96, 184), fill=255)
    draw.polygon(
        [(middle - 52, 166), (middle - 44, 112), (middle + 4, 104), (middle + 46, 114), (middle + 54, 166)], 255
    )
    draw.ellipse((middle - 42, 134, middle + 42, 244), fill=255)
    draw.polygon([(middle - 26, 226), (middle + 26, 226), (middle + 34, 272), (middle - 34, 272)], fill=255)
    draw.polygon(
        [
            (middle - 36, 256),
            (middle + 36, 256),
            (middle + 118, 292),
            (middle + 146, 420),
            (middle + 152, HEIGHT),
            (middle - 150, HEIGHT),
            (middle - 142, 420),
            (middle - 114, 290),
        ],
        fill=255,
    )
    draw.polygon([(middle - 60, 272), (middle - 30, 232), (middle - 6, 276)], fill=255)
    draw.polygon([(middle + 60, 272), (middle + 30, 232), (middle + 6, 276)], fill=255)
    return mask


def _soft(mask: Image.Image, radius: float) -> Plane:
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(radius)), np.float32)[..., None] / np.float32(255)


def _glow(light: Plane, radii: Sequence[float], strengths: Sequence[float]) -> Plane:
    """Light that spreads: a sum of blurs, wider and weaker."""
    spread = np.zeros_like(light)
    for radius, strength in zip(radii, strengths, strict=True):
        spread += _blurred(light, radius) * np.float32(strength)
    return spread


def _blurred(light: Plane, radius: float) -> Plane:
    """A Gaussian blur in the frequency domain, where a wide one costs as little as a narrow one."""
    down, across = np.fft.fftfreq(light.shape[0])[:, None], np.fft.rfftfreq(light.shape[1])[None, :]
    passes = np.exp(-2 * (np.pi * radius) ** 2 * (down**2 + across**2))[..., None]
    spectrum = np.fft.rfft2(light, axes=(0, 1)) * passes
    return np.fft.irfft2(spectrum, s=light.shape[:2], axes=(0, 1)).astype(np.float32)


def _cores(light: Plane) -> Plane:
    """The tubes themselves burn out to white."""
    bright = light.max(-1, keepdims=True)
    return _blurred(np.repeat(bright, 3, -1), 1) * np.float32(1.8)


def _tiles() -> Plane:
    """Wall tiles: each a little lighter or darker, with dark joints."""
    size = 34
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    shades = np.random.default_rng(7).uniform(0.55, 1.0, (HEIGHT // size + 1, WIDTH // size + 1))
    joints = (rows % size < 2) | (columns % size < 2)  # noqa: PLR2004 - two pixels wide
    return np.where(joints, 0.25, shades[rows // size, columns // size]).astype(np.float32)


def _reflection(wall: Plane, height: int) -> Plane:
    """A wet floor: the wall upside down, torn into streaks by ripples and darker with depth."""
    mirror = wall[::-1][:height]
    generator = np.random.default_rng(11)
    depth = np.linspace(0, 1, height)
    rows = np.clip(np.arange(height) + np.cumsum(generator.normal(0, 1.0, height)) * depth * 5, 0, len(mirror) - 1)
    shifts = (generator.normal(0, 9, height) * depth).astype(int)
    streaks = np.stack([np.roll(mirror[int(row)], shift, axis=0) for row, shift in zip(rows, shifts, strict=True)])
    # Twice, once upside down: the blur wraps around, and top and bottom are alike then.
    doubled = np.concatenate((streaks, streaks[::-1]))
    soft = (_blurred(doubled, 2) * 0.6 + _blurred(doubled, 12) * 0.6)[:height]
    return (soft * (0.85 - 0.5 * depth)[:, None, None]).astype(np.float32)


def _shafts(light: Plane) -> Plane:
    """Light that falls through the blinds into smoke, down and to the left."""
    fallen = np.zeros_like(light)
    for step in range(2, 60, 2):
        fallen += np.roll(light, (step * 3, -step * 7), axis=(0, 1)) * np.float32(0.020 * (1 - step / 60))
    return _blurred(fallen, 10)


def _developed(light: Plane, seed: int) -> Image.Image:
    """Linear light as a print: a shoulder, corners that fall off, grain."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    fall = 1 - 0.45 * np.clip(x**2 * 0.55 + y**2 * 0.55, 0, 1)
    toned = 1 - np.exp(-light * fall[..., None].astype(np.float32) * 1.25)
    coded = np.power(np.clip(toned, 0, 1), 1 / 2.2)
    grain = np.random.default_rng(seed).normal(0, 0.013, (HEIGHT, WIDTH))[..., None]
    return Image.fromarray(np.rint(np.clip(coded + grain, 0, 1) * 255).astype(np.uint8))


def _linear(image: Image.Image) -> Plane:
    return np.power(np.asarray(image, np.float32) / 255, np.float32(2.2))


def _mixed(one: str, other: str, amount: float) -> str:
    pairs = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * amount):02x}" for a, b in pairs)


def _jpeg(image: Image.Image) -> bytes:
    data = io.BytesIO()
    # Without chroma subsampling: a red tube on black is what that damages most.
    image.save(data, "JPEG", quality=90, subsampling=0)
    return data.getvalue()
