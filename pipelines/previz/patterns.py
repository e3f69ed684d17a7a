"""Paints surfaces: what colour, glow and wetness a material has at a point."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.previz.geometry import Material, Plane
from pipelines.previz.noise import cell, fbm, noise, step

NEEDS_LOCAL = frozenset({"bark", "hair", "face", "face-woman"})
_WINDOW = 0.5


@dataclass
class Spots:
    """The points of one shape that need paint: world position and normal, and position in the shape's unit form."""

    x: Plane
    y: Plane
    z: Plane
    nx: Plane
    ny: Plane
    nz: Plane
    local: tuple[Plane, Plane, Plane]  # only for the patterns of NEEDS_LOCAL
    material: Material

    def along(self) -> Plane:
        """The horizontal coordinate on an upright surface, in metres."""
        return np.where(np.abs(self.nx) > np.abs(self.nz), self.z, self.x)

    def flat(self) -> tuple[Plane, Plane]:
        """Two surface coordinates in metres: the ground plan on level surfaces, along and up on upright ones."""
        level = np.abs(self.ny) > 0.7
        return np.where(level, self.x, self.along()), np.where(level, self.z, self.y)


@dataclass
class Paint:
    """`share` of the second colour, factors on colour and wetness, glow per colour, a nudge of the normal."""

    share: Plane | float = 0.0
    factor: Plane | float = 1.0
    glow: tuple[Plane, Plane, Plane] | None = None
    wet: Plane | float = 1.0
    bump: tuple[Plane, Plane] | None = None


def paint(spots: Spots) -> Paint:
    """The paint of the pattern that the material names."""
    return _PATTERNS[pattern_of(spots.material)](spots)


def pattern_of(material: Material) -> str:
    """The name of the pattern that paints it: cloth without one falls in folds."""
    return material.pattern or ("drape" if material.cloth else "")


def _lines(value: Plane, width: float) -> Plane:
    part = value - np.floor(value)
    return 1 - step(width, width * 2, np.minimum(part, 1 - part))


def _checker(s: Spots) -> Paint:
    u, v = s.flat()
    u, v = u / s.material.scale, v / s.material.scale
    odd = np.mod(np.floor(u) + np.floor(v), 2)
    worn = 0.75 + 0.5 * fbm(u * 0.7, v * 0.7)
    return Paint(
        odd,
        worn * (1 - 0.35 * np.maximum(_lines(u, 0.012), _lines(v, 0.012))),
        wet=0.6 + 0.7 * fbm(u * 0.4, v * 0.4, 3),
    )


def _tiles(s: Spots) -> Paint:
    u, v = s.flat()
    u, v = u / s.material.scale, v / s.material.scale
    grout = np.maximum(_lines(u, 0.02), _lines(v, 0.02))
    return Paint(grout * 0.8, 0.85 + 0.3 * cell(u, v) * 0.5 + 0.2 * fbm(u * 0.5, v * 0.5, 3))


def _planks(s: Spots) -> Paint:
    u, v = s.flat()
    row = u / s.material.scale
    shifted = v / (s.material.scale * 9) + cell(np.floor(row), np.floor(row) * 0) * 7
    seam = np.maximum(_lines(row, 0.02), _lines(shifted, 0.003))
    grain = fbm(row * 9, v * 0.9 / s.material.scale * 0.2, 3)
    return Paint(seam, 0.7 + 0.4 * cell(row, shifted) + 0.35 * (grain - 0.5))


def _brick(s: Spots) -> Paint:
    u, v = s.flat()
    row = v / (s.material.scale * 0.36)
    column = u / s.material.scale + 0.5 * np.mod(np.floor(row), 2)
    mortar = np.maximum(_lines(column, 0.03), _lines(row, 0.08))
    return Paint(mortar * 0.7, 0.65 + 0.5 * cell(column, row) + 0.4 * (fbm(u, v) - 0.5))


def _plaster(s: Spots) -> Paint:
    u, v = s.flat()
    stain = fbm(u * 0.55 + 3, v * 0.8)
    streak = fbm(u * 2.5, v * 0.25, 3)
    return Paint(0.0, 0.84 + 0.20 * stain + 0.10 * (streak - 0.5) + 0.05 * (noise(u * 28, v * 28) - 0.5))


def _asphalt(s: Spots) -> Paint:
    u, v = s.x, s.z
    puddle = step(0.47, 0.60, fbm(u * 0.35 + 9, v * 0.22 + 4, 4))
    rough = 0.75 + 0.5 * fbm(u * 5, v * 5, 3)
    return Paint(0.0, rough * (1 - 0.45 * puddle), wet=0.35 + 0.9 * puddle)


def _road(s: Spots) -> Paint:
    paint_ = _asphalt(s)
    dash = (np.abs(s.x) < 0.09) & (np.mod(s.z, 6.0) < 3.0)
    edge = np.abs(np.abs(s.x) - s.material.scale) < 0.08
    worn = step(0.30, 0.45, fbm(s.x * 3, s.z * 3, 3))
    return Paint((dash | edge) * worn, paint_.factor)


def _concrete(s: Spots) -> Paint:
    u, v = s.flat()
    joint = np.maximum(_lines(u / s.material.scale, 0.008), _lines(v / s.material.scale, 0.008))
    return Paint(
        joint * 0.6,
        0.7 + 0.5 * fbm(u * 0.8, v * 0.8) + 0.15 * (noise(u * 20, v * 20) - 0.5),
        wet=0.5 + 0.9 * fbm(u * 0.5, v * 0.5, 3),
    )


def _ground(s: Spots) -> Paint:
    u, v = s.x / s.material.scale, s.z / s.material.scale
    patch = fbm(u * 0.15, v * 0.15, 4)
    fine = fbm(u * 2.2, v * 2.2, 3)
    bump = (fbm(u * 1.1 + 5, v * 1.1, 3) - 0.5, fbm(u * 1.1, v * 1.1 + 5, 3) - 0.5)
    return Paint(step(0.4, 0.65, patch), 0.6 + 0.8 * fine, bump=(bump[0] * 0.7, bump[1] * 0.7))


def _sand(s: Spots) -> Paint:
    u, v = s.x / s.material.scale, s.z / s.material.scale
    ripple = np.sin((v * 2.2 + fbm(u * 0.7, v * 0.3, 3) * 5) * 2.6).astype(np.float32)
    return Paint(
        step(0.4, 0.7, fbm(u * 0.1, v * 0.1)), 0.8 + 0.4 * fbm(u * 1.5, v * 1.5, 3), bump=(ripple * 0.06, ripple * 0.16)
    )


def _water(s: Spots) -> Paint:
    u, v = s.x / s.material.scale, s.z / s.material.scale
    swell = fbm(u * 0.35, v * 1.4 + fbm(u * 0.2, v * 0.2, 2) * 2, 4) - 0.5
    chop = fbm(u * 1.2 + 9, v * 4.2, 3) - 0.5
    foam = step(0.5, 0.72, fbm(u * 0.9, v * 2.5, 4) + 0.35 * step(-5.5, -2.0, s.z)) * step(-16, -2, s.z)
    return Paint(foam, 1.0, bump=(swell * 0.3 + chop * 0.2, swell * 0.8 + chop * 0.5), wet=1 - foam)


def _bark(s: Spots) -> Paint:
    around = np.arctan2(s.local[0], s.local[2]) * 4
    ridge = fbm(around * 2.0, s.y * 0.7, 4)
    return Paint(step(0.55, 0.7, ridge), 0.5 + 1.0 * ridge, bump=((ridge - 0.5) * 0.8, ridge * 0))


def _leaves(s: Spots) -> Paint:
    clump = fbm(s.x * 2.2 + s.z, s.y * 2.2, 4)
    bump = (fbm(s.x * 3 + 7, s.y * 3, 3) - 0.5, fbm(s.x * 3, s.y * 3 + 7, 3) - 0.5)
    return Paint(step(0.5, 0.7, clump), 0.4 + 1.1 * clump, bump=(bump[0] * 2.4, bump[1] * 2.4))


def _rock(s: Spots) -> Paint:
    u, v = s.flat()
    u, v = u / s.material.scale, v / s.material.scale
    layer = fbm(u * 0.25, v * 2.0, 4)
    bump = (fbm(u * 1.3, v * 1.3, 4) - 0.5, fbm(u * 1.3 + 8, v * 1.3, 4) - 0.5)
    return Paint(step(0.45, 0.62, layer), 0.6 + 0.8 * fbm(u, v, 4), bump=(bump[0] * 2.2, bump[1] * 1.4))


def _facade(s: Spots) -> Paint:
    """Rows of windows, some of them lit; the glow is in the material's second colour."""
    size = s.material.scale
    u, v = s.along() / size, s.y / (size * 1.25)
    inside_u, inside_v = u - np.floor(u), v - np.floor(v)
    pane = (np.abs(inside_u - 0.5) < 0.27) & (np.abs(inside_v - 0.52) < 0.31) & (np.abs(s.ny) < _WINDOW)
    chance = cell(u + s.nx * 31, v + s.material.gloss * 97)
    lit = pane & (chance > 1 - s.material.cloth)
    strength = np.where(lit, 0.25 + 1.2 * cell(u * 1.0 + 50, v + 11), 0).astype(np.float32)
    # Brighter towards the lamp at the ceiling of each room, and crossed by glazing bars.
    bars = (np.abs(inside_u - 0.5) > 0.02) & (np.abs(inside_v - 0.60) > 0.02)
    strength *= (0.35 + 1.1 * inside_v) * bars
    r, g, b = s.material.second
    factor = np.where(pane, np.float32(0.35), 0.75 + 0.4 * fbm(u * 0.6, v * 0.6, 3))
    return Paint(0.0, factor, glow=(strength * r, strength * g, strength * b))


def _curtain(s: Spots) -> Paint:
    fold = np.sin(s.along() * 38 + 3 * noise(s.along() * 3, s.y * 0.6)).astype(np.float32)
    return Paint(0.0, 0.8 + 0.2 * fold, bump=(fold * 0.5, fold * 0))


def _books(s: Spots) -> Paint:
    u = s.along() / 0.045
    row = np.floor(s.y / 0.36)
    tint = cell(u, row)
    gap = _lines(u, 0.06)
    height = (s.y / 0.36 - row) < 0.62 + 0.25 * cell(u + 40, row)
    shown = np.where(height, 0.25 + 1.5 * tint, np.float32(0.12)) * (1 - 0.6 * gap)
    return Paint(step(0.55, 0.6, cell(u + 90, row)), shown)


def _bottles(s: Spots) -> Paint:
    u = s.along() / 0.11
    row = np.floor(s.y / 0.42)
    inside_u, inside_v = u - np.floor(u) - 0.5, s.y / 0.42 - row
    tall = 0.55 + 0.3 * cell(u, row)
    wide = np.where(inside_v < tall * 0.62, np.float32(0.36), np.float32(0.13))
    glass = (np.abs(inside_u) < wide) & (inside_v < tall)
    glint = np.exp(-(((inside_u + 0.12) / 0.06) ** 2)) * glass
    tone = cell(u + 20, row)
    glow = np.where(glass, 0.10 + 0.35 * tone, np.float32(0.02))
    r, g, b = s.material.second
    shine = glint * 0.5
    shades = ((glow + shine) * r, (glow * (0.5 + 0.5 * tone) + shine) * g, (glow * tone + shine) * b)
    return Paint(0.0, np.where(glass, 0.8 + tone, np.float32(0.2)), glow=shades)


def _hair(s: Spots) -> Paint:
    strand = fbm(s.local[0] * 9 + s.local[2] * 3, s.local[1] * 1.2, 3)
    return Paint(0.0, 0.55 + 0.9 * strand, bump=((strand - 0.5) * 1.1, strand * 0))


def _face(s: Spots) -> Paint:
    """Eyes, brows and mouth on the ellipsoid of a head: x to its left, y up, z to the front, each from -1 to 1."""
    return _features(s, lips=0.35, lash=0.0)


def _face_woman(s: Spots) -> Paint:
    return _features(s, lips=0.9, lash=1.0)


def _features(s: Spots, *, lips: float, lash: float) -> Paint:
    x, y, z = s.local
    front = step(0.25, 0.5, z)
    side = np.abs(x)
    socket = np.exp(-(((side - 0.40) / 0.25) ** 2) - ((y - 0.06) / 0.13) ** 2)
    across, up = side - 0.40, y - 0.035
    almond = 0.062 * (1 - (across / 0.205) ** 2)
    eye = (np.abs(up) < almond * (1.0 + 0.15 * lash)) & (np.abs(across) < 0.2)
    iris = (across / 0.085) ** 2 + (up / 0.060) ** 2 < 1
    pupil = (across / 0.040) ** 2 + (up / 0.028) ** 2 < 1
    lid = (np.abs(up - almond) < 0.012 + 0.012 * lash) & (np.abs(across) < 0.215)
    arch = 0.185 + 0.04 * lash - 0.9 * (across - 0.02) ** 2
    brow = np.exp(-(((y - arch) / (0.030 - 0.010 * lash)) ** 2)) * (np.abs(across) < 0.22)
    blush = np.exp(-(((side - 0.5) / 0.2) ** 2) - ((y + 0.2) / 0.15) ** 2)
    factor = 1 - 0.42 * socket * front
    factor = np.where(eye & (front > 0), np.float32(1.35), factor)
    factor = np.where(iris & eye, np.float32(0.22), factor)
    factor = np.where((pupil & eye) | lid, np.float32(0.05), factor)
    factor *= 1 - 0.88 * brow * front
    # A catchlight, high on the same side in both eyes, brings a face to life.
    spark = np.exp(-(((np.abs(x - 0.025) - 0.40) / 0.020) ** 2) - ((y - 0.060) / 0.014) ** 2) * front
    glow = (0.10 * spark, 0.10 * spark, 0.10 * spark)
    return Paint(0.25 * lips * blush * front, factor.astype(np.float32), glow=glow)


def _fabric(s: Spots) -> Paint:
    u, v = s.flat()
    weave = noise(u * 60, v * 60)
    return Paint(0.0, 0.8 + 0.2 * weave + 0.3 * (fbm(u * 3, v * 3, 3) - 0.5))


def _drape(s: Spots) -> Paint:
    """Folds that fall: broad across, long down."""
    across = (s.x + s.z * 0.7) * 9
    fold = fbm(across + 3 * noise(s.y * 1.3, across * 0.15), s.y * 1.1, 3) - 0.5
    return Paint(0.0, 0.85 + 0.5 * fold, bump=(fold * 1.5 * s.material.cloth, fold * 0))


def _blades(s: Spots) -> Paint:
    u, v = s.x, s.z
    tuft = fbm(u * 1.8, v * 1.8, 4)
    return Paint(
        step(0.45, 0.7, fbm(u * 0.12, v * 0.12)),
        0.45 + 1.1 * tuft,
        bump=((tuft - 0.5) * 1.2, (noise(u * 9, v * 9) - 0.5) * 1.2),
    )


_PATTERNS: dict[str, Callable[[Spots], Paint]] = {
    "checker": _checker,
    "tiles": _tiles,
    "planks": _planks,
    "brick": _brick,
    "plaster": _plaster,
    "asphalt": _asphalt,
    "road": _road,
    "concrete": _concrete,
    "ground": _ground,
    "sand": _sand,
    "water": _water,
    "bark": _bark,
    "leaves": _leaves,
    "rock": _rock,
    "facade": _facade,
    "curtain": _curtain,
    "books": _books,
    "bottles": _bottles,
    "hair": _hair,
    "face": _face,
    "face-woman": _face_woman,
    "fabric": _fabric,
    "drape": _drape,
    "grass": _blades,
}
