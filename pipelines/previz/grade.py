"""Develops the picture: exposure, film curve, the style's palette, and eight bits without bands."""

import numpy as np
from numpy.typing import NDArray

from pipelines.previz.colour import Palette, encode, from_oklab, to_oklab
from pipelines.previz.geometry import Plane
from pipelines.previz.light import Preset
from pipelines.previz.noise import step


def expose(rgb: list[Plane], preset: Preset) -> list[Plane]:
    """Scale light so that the frame's middle tones land where the preset wants them."""
    bright = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
    sparse = bright[::3, ::3]
    mean = float(np.exp(np.mean(np.log(np.clip(sparse, 2e-4, 4.0)))))
    high = float(np.quantile(sparse, 0.985))
    gain = preset.exposure * 0.62 / max(mean, 1e-4)
    # Never so bright that more than a little of the frame burns out, nor so dark that its lights look dim.
    gain = float(np.clip(gain, 0.22 / max(high, 1e-3), 3.2 / max(high, 1e-3)))
    return [plane * np.float32(gain) for plane in rgb]


def film(rgb: list[Plane]) -> list[Plane]:
    """A film-like curve from open-ended light to 0..1 (the rational fit of Krzysztof Narkowicz, 2016)."""
    peak = np.maximum(np.maximum(rgb[0], rgb[1]), rgb[2])
    spill = np.clip((peak - 1.2) * 0.10, 0, 0.75)
    out: list[Plane] = []
    for plane in rgb:
        x = np.maximum(plane + (peak - plane) * spill, 0) * np.float32(0.82)
        out.append(np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1))
    return out


def wear(rgb: list[Plane], palette: Palette, contrast: float) -> list[Plane]:
    """Draw the picture's colours towards the palette's, at equal lightness, and bend its contrast."""
    lightness, a, b = to_oklab(rgb[0], rgb[1], rgb[2])
    lightness = np.clip(0.42 + (lightness - 0.42) * contrast, 0, 1)
    if not palette.given:
        r, g, blue = from_oklab(lightness, a, b)
        return [r, g, blue]
    total = np.full_like(lightness, 1e-5)
    to_a, to_b = np.zeros_like(lightness), np.zeros_like(lightness)
    for at, pa, pb in palette.lab:
        near = np.exp(-(((lightness - at) / 0.30) ** 2) - ((a - pa) ** 2 + (b - pb) ** 2) / 0.021)
        total += near
        to_a += near * pa
        to_b += near * pb
    pull = 0.62 * np.clip(total * 6, 0.35, 1)
    a, b = a + (to_a / total - a) * pull, b + (to_b / total - b) * pull
    dark, light = palette.lab[0], palette.lab[-1]
    shadow, shine = 0.55 * step(0.42, 0.08, lightness), 0.35 * step(0.72, 0.98, lightness)
    a += (dark[1] - a) * shadow + (light[1] - a) * shine
    b += (dark[2] - b) * shadow + (light[2] - b) * shine
    low, high = min(dark[0] * 0.55, 0.14), max(light[0], 0.86)
    lightness = low + lightness * (high - low)
    r, g, blue = from_oklab(lightness, a, b)
    return [r, g, blue]


def to_bytes(rgb: list[Plane], grain: Plane, strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Eight bits per channel with grain, strongest in the middle tones, and a dither that breaks bands."""
    coded = [encode(plane) for plane in rgb]
    bright = 0.3 * coded[0] + 0.59 * coded[1] + 0.11 * coded[2]
    amount = strength * 0.030 * (0.35 + 0.65 * np.sin(np.pi * np.clip(bright, 0, 1)))
    grained = grain * amount
    out = np.empty((*bright.shape, 3), np.uint8)
    for k in range(3):
        dither = rng.random(bright.shape, dtype=np.float32) + rng.random(bright.shape, dtype=np.float32) - 1
        out[..., k] = np.clip(np.rint((coded[k] + grained) * 255 + dither * 0.5), 0, 255).astype(np.uint8)
    return out
