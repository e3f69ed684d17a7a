"""Colour arithmetic: hex, linear sRGB, Oklab, colour temperature; and what a style's palette means for light."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from dataclasses import dataclass

import numpy as np

from pipelines.previz.geometry import Plane, Rgb

# Björn Ottosson, "A perceptual color space for image processing" (2020): linear sRGB -> cone response -> Lab.
_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_FROM_LAB = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_FROM_CONES = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)

Planes = tuple[Plane, Plane, Plane]


def _mix(matrix: tuple[tuple[float, float, float], ...], a: Plane, b: Plane, c: Plane) -> Planes:
    rows = [row[0] * a + row[1] * b + row[2] * c for row in matrix]
    return rows[0], rows[1], rows[2]


def to_oklab(r: Plane, g: Plane, b: Plane) -> Planes:
    """Linear sRGB planes to Oklab planes."""
    long, middle, short = (np.cbrt(np.maximum(cone, 0)) for cone in _mix(_TO_CONES, r, g, b))
    return _mix(_TO_LAB, long, middle, short)


def from_oklab(lightness: Plane, a: Plane, b: Plane) -> Planes:
    """Oklab planes to linear sRGB planes, which may leave 0..1."""
    long, middle, short = (cone * cone * cone for cone in _mix(_FROM_LAB, lightness, a, b))
    return _mix(_FROM_CONES, long, middle, short)


def encode(linear: Plane) -> Plane:
    """Linear 0..1 to the sRGB curve."""
    clipped = np.clip(linear, 0, 1)
    return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * np.power(np.maximum(clipped, 1e-6), 1 / 2.4) - 0.055)


def linear_of(hex_colour: str) -> Rgb:
    """#rrggbb in linear sRGB."""
    values = [int(hex_colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return r, g, b


def oklab_of(rgb: Rgb) -> tuple[float, float, float]:
    """One linear colour in Oklab."""
    lightness, a, b = to_oklab(*(np.array([v], np.float32) for v in rgb))
    return float(lightness[0]), float(a[0]), float(b[0])


def kelvin(temperature: float) -> Rgb:
    """The linear sRGB colour of a black body, at luminance one.

    The chromaticity is the cubic fit of Kim and others (US 7024034) to the Planckian locus, 1667 K to 25000 K.
    """
    t = min(max(temperature, 1700.0), 20000.0)
    k = 1000 / t
    if t <= 4000:
        x = -0.2661239 * k**3 - 0.2343589 * k**2 + 0.8776956 * k + 0.179910
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        x = -3.0258469 * k**3 + 2.1070379 * k**2 + 0.2226347 * k + 0.240390
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    big_x, big_z = x / y, (1 - x - y) / y
    r = 3.2406 * big_x - 1.5372 - 0.4986 * big_z
    g = -0.9689 * big_x + 1.8758 + 0.0415 * big_z
    b = 0.0557 * big_x - 0.2040 + 1.0570 * big_z
    # White balance halfway to daylight, as a camera set between the sources would be.
    return max(r, 0.02), max(g, 0.02), max(b, 0.02)


def luminance(rgb: Rgb) -> float:
    """The luminance of a linear colour."""
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def scaled(rgb: Rgb, factor: float) -> Rgb:
    """A colour, brighter or darker."""
    return rgb[0] * factor, rgb[1] * factor, rgb[2] * factor


def at_luminance(rgb: Rgb, wanted: float) -> Rgb:
    """A colour at that luminance, its hue kept."""
    return scaled(rgb, wanted / max(luminance(rgb), 1e-4))


def mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Between two colours: `share` of the second."""
    a, b, c = (x * (1 - share) + y * share for x, y in zip(first, second, strict=True))
    return a, b, c


@dataclass(frozen=True)
class Palette:
    """A style's colours by the part they play: `lab` sorted from dark to light, accents by strength of colour."""

    lab: tuple[tuple[float, float, float], ...]
    accents: tuple[Rgb, Rgb]
    given: bool

    @classmethod
    def of(cls, colours: list[str]) -> "Palette":
        """The palette of a recipe; neon magenta and cyan stand in where it has no strong colours."""
        swatches = sorted((oklab_of(linear_of(colour)), linear_of(colour)) for colour in colours)
        polar = [(float(np.hypot(a, b)), float(np.arctan2(b, a)), rgb) for (_, a, b), rgb in swatches]
        strong = sorted((swatch for swatch in polar if swatch[0] > 0.07), reverse=True)
        first: Rgb = strong[0][2] if strong else (0.75, 0.02, 0.22)
        hue = strong[0][1] if strong else 0.0
        others = [rgb for _, angle, rgb in strong[1:] if abs((angle - hue + np.pi) % (2 * np.pi) - np.pi) > 0.6]
        return cls(
            tuple(lab for lab, _ in swatches), (first, others[0] if others else (0.02, 0.45, 0.62)), bool(colours)
        )
