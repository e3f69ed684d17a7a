"""Solid shapes in metres (x right, y up, z towards the camera's usual side) and the model that collects them."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Vec = NDArray[np.floating[Any]]
Plane = NDArray[np.floating[Any]]  # in practice float32: half the memory, and plenty for light
Rgb = tuple[float, float, float]
Shape = Literal["sphere", "box", "frustum", "quad", "disc"]

UP: Vec = np.array([0.0, 1.0, 0.0])


def vec(x: float, y: float, z: float) -> Vec:
    """A point or direction."""
    return np.array([x, y, z], dtype=np.float64)


def unit(v: Vec) -> Vec:
    """`v` at length one; the vertical when it has no length."""
    length = float(np.sqrt(v @ v))
    return v / length if length > 1e-9 else UP.copy()


def turned(v: Vec, yaw: float) -> Vec:
    """`v` turned about the vertical by `yaw` radians; a yaw of 0 keeps +z, a positive one goes towards +x."""
    c, s = np.cos(yaw), np.sin(yaw)
    return vec(c * v[0] + s * v[2], v[1], -s * v[0] + c * v[2])


def yaw_matrix(yaw: float) -> Vec:
    """The rotation of `turned` as a matrix."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def frame_along(axis: Vec, hint: Vec) -> Vec:
    """A right-handed frame (columns x, y, z) whose y is `axis` and whose z leans towards `hint`."""
    y = unit(axis)
    z = hint - y * float(y @ hint)
    if float(z @ z) < 1e-8:
        other = vec(0.0, 0.0, 1.0) if abs(y[2]) < 0.9 else vec(1.0, 0.0, 0.0)
        z = other - y * float(y @ other)
    z = unit(z)
    return np.stack([np.cross(y, z), y, z], axis=1)


@dataclass(frozen=True)
class Material:
    """How a surface answers to light; colours are linear sRGB.

    `pattern` names a function of patterns.py that paints with `colour` and `second` at `scale` metres per repeat.
    `mirror` is how much of a planar reflection a floor shows where it is wet.
    """

    colour: Rgb
    second: Rgb = (0.05, 0.05, 0.05)
    pattern: str = ""
    scale: float = 1.0
    gloss: float = 0.1
    metal: float = 0.0
    mirror: float = 0.0
    emission: Rgb = (0.0, 0.0, 0.0)
    cloth: float = 0.0
    translucent: float = 0.0


@dataclass(frozen=True)
class Prim:
    """One shape: its unit form carried into the world by `axes` (columns) and `centre`.

    Unit forms: sphere of radius 1; box and quad from -1 to 1 (a quad lies in z=0); disc of radius 1 in z=0;
    frustum along y from -1 (radius 1) to 1 (radius `taper`). `texture` cuts a quad out where it is below a half (rows
    from the top). `group` joins the parts of one thing: no ink between them, and their normals melt together over
    `smooth` metres.
    """

    shape: Shape
    centre: Vec
    axes: Vec
    material: Material
    group: int = 0
    taper: float = 1.0
    smooth: float = 0.0
    casts: bool = True
    texture: Plane | None = None


@dataclass
class Model:
    """A growing list of shapes with the group, smoothness and shadow flag that new ones get."""

    prims: list[Prim] = field(default_factory=list[Prim])
    group: int = 0
    smooth: float = 0.0
    casts: bool = True

    def new_group(self, *, smooth: float = 0.0) -> None:
        """Start a new thing: the parts added from now on belong together."""
        self.group = max((prim.group for prim in self.prims), default=self.group) + 1
        self.smooth = smooth

    def _add(self, shape: Shape, centre: Vec, axes: Vec, material: Material) -> None:
        self.prims.append(Prim(shape, centre, axes, material, group=self.group, smooth=self.smooth, casts=self.casts))

    def ball(
        self, centre: Vec, radii: tuple[float, float, float] | float, material: Material, frame: Vec | None = None
    ) -> None:
        """An ellipsoid; `frame` holds its axes as columns."""
        r = np.array([radii] * 3 if isinstance(radii, float | int) else radii, dtype=np.float64)
        base = np.eye(3) if frame is None else frame
        self._add("sphere", centre, base * r, material)

    def box(self, centre: Vec, half: tuple[float, float, float], material: Material, frame: Vec | None = None) -> None:
        """A block of half-sizes `half`."""
        base = np.eye(3) if frame is None else frame
        self._add("box", centre, base * np.array(half), material)

    def block(self, low: tuple[float, float, float], high: tuple[float, float, float], material: Material) -> None:
        """An upright block from one corner to the other."""
        a, b = np.array(low), np.array(high)
        half = np.maximum((b - a) / 2, 0.002)
        self._add("box", (a + b) / 2, np.diag(half), material)

    def limb(self, start: Vec, end: Vec, radii: tuple[float, float], material: Material) -> None:
        """A round limb with balls at both ends."""
        self.tube(start, end, radii, material)
        self.ball(start, radii[0], material)
        self.ball(end, radii[1], material)

    def tube(
        self,
        start: Vec,
        end: Vec,
        radii: tuple[float, float],
        material: Material,
        squash: tuple[Vec, float] | None = None,
    ) -> None:
        """A tapered tube; `squash` = (direction, factor) flattens it along that direction."""
        axis = end - start
        length = float(np.sqrt(axis @ axis))
        if length < 1e-6:
            return
        hint, factor = (vec(0, 0, 1), 1.0) if squash is None else squash
        wide = max(radii[0], 1e-4)
        axes = frame_along(axis, hint) * np.array([wide, length / 2, wide * factor])
        self._add("frustum", (start + end) / 2, axes, material)
        self.prims[-1] = replace(self.prims[-1], taper=radii[1] / wide)

    def disc(self, centre: Vec, facing: Vec, radius: float, material: Material) -> None:
        """A flat round plate that faces `facing`."""
        frame = frame_along(UP if abs(facing[1]) < 0.9 else vec(0, 0, -1), facing)
        self._add("disc", centre, frame * radius, material)

    def sheet(self, centre: Vec, facing: Vec, half: tuple[float, float], material: Material) -> None:
        """A flat rectangle that faces `facing`, its second side as upright as that allows."""
        z = unit(facing)
        up = UP - z * float(z @ UP)
        up = unit(up) if float(up @ up) > 1e-6 else vec(0, 0, -1)
        frame = np.stack([np.cross(up, z) * half[0], up * half[1], z], axis=1)
        self._add("quad", centre, frame, material)

    def card(self, centre: Vec, facing: Vec, half: tuple[float, float], material: Material, texture: Plane) -> None:
        """A rectangle cut out by `texture`."""
        self.sheet(centre, facing, half, material)
        self.prims[-1] = replace(self.prims[-1], texture=texture)

    def add(self, other: "Model", at: Vec | None = None, yaw: float = 0.0, scale: float = 1.0) -> None:
        """Place a copy of another model here; its groups stay apart from ours."""
        offset = np.zeros(3) if at is None else at
        rotation = yaw_matrix(yaw) * scale
        base = max((prim.group for prim in self.prims), default=self.group) + 1
        for prim in other.prims:
            self.prims.append(
                replace(
                    prim,
                    centre=rotation @ prim.centre + offset,
                    axes=rotation @ prim.axes,
                    group=prim.group + base,
                    casts=prim.casts and self.casts,
                )
            )
        self.group = max((prim.group for prim in self.prims), default=base) + 1


def bent(start: Vec, end: Vec, lengths: tuple[float, float], pole: Vec) -> Vec:
    """The elbow or knee between two ends, bent towards `pole`; stretches straight when the end is out of reach."""
    span = end - start
    distance = min(max(float(np.sqrt(span @ span)), 1e-6), sum(lengths) * 0.999)
    along = (lengths[0] ** 2 - lengths[1] ** 2 + distance**2) / (2 * distance)
    out = np.sqrt(max(lengths[0] ** 2 - along**2, 0.0))
    axis = unit(span)
    side = unit(pole - axis * float(axis @ pole))
    return start + axis * along + side * out


def reach(start: Vec, end: Vec, longest: float) -> Vec:
    """`end`, drawn in when it lies further from `start` than `longest`."""
    span = end - start
    distance = float(np.sqrt(span @ span))
    return end if distance <= longest else start + span * (longest / distance)
