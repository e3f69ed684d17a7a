"""Shadow maps: how far a light sees in each direction, and how much of it reaches a point."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from dataclasses import dataclass

import numpy as np

from pipelines.previz.cast import View, cast
from pipelines.previz.geometry import Plane, Prim, Vec, frame_along, unit
from pipelines.previz.light import Light

_TAPS = 5
_MOST_PX = 14.0
_SUN_REACH = 9.0


@dataclass(frozen=True)
class ShadowMap:
    """Depths seen from a light, with the view they were seen through and the blur, in samples, of its edges."""

    view: View
    depth: Plane
    soft_px: float
    outside_lit: bool


def shadow_map(prims: list[Prim], light: Light, size_px: int) -> ShadowMap | None:
    """The map of a light that asks for one."""
    if light.shadow_aim is None:
        return None
    view = _view(light, light.shadow_aim, size_px)
    throwing = [prim for prim in prims if prim.casts and max(prim.material.emission) < 1.0]
    hits = cast(throwing, view, (0, 0, size_px, size_px), normals=False, near=0.12)
    if view.parallel:
        metres = 2 * view.tan_x
    else:
        assert light.at is not None  # noqa: S101 - a light without parallel rays has a place
        metres = 2 * view.tan_x * float(np.sqrt(((light.shadow_aim - light.at) ** 2).sum()))
    soft = float(np.clip(light.size * 0.16 / metres * size_px, 0.8, _MOST_PX))
    return ShadowMap(view, hits.depth, soft, light.outside_lit)


def _view(light: Light, aim: Vec, size_px: int) -> View:
    if light.at is None:
        assert light.towards is not None  # noqa: S101 - a light is near or far
        forward = -light.towards
        frame = frame_along(forward, np.array([0.3, 1.0, 0.1]))
        origin = aim - forward * 60.0
        return View(origin, forward, frame[:, 0], frame[:, 2], _SUN_REACH, _SUN_REACH, size_px, size_px, parallel=True)
    forward = unit(aim - light.at)
    frame = frame_along(forward, np.array([0.05, 1.0, 0.1]))
    return View(light.at, forward, frame[:, 0], frame[:, 2], light.shadow_tan, light.shadow_tan, size_px, size_px)


def lit(shadow: ShadowMap, points: tuple[Plane, Plane, Plane], angle: Plane | None) -> Plane:
    """The share of light that reaches points, from 0 to 1.

    `angle` turns the filter per point, so that soft edges are grain and not bands; None takes one sample only.
    """
    view = shadow.view
    x, y, z = (p - np.float32(o) for p, o in zip(points, view.origin, strict=True))
    depth = _along(view.forward, x, y, z)
    u, v = _along(view.right, x, y, z), _along(view.up, x, y, z)
    if not view.parallel:
        inverse = 1 / np.maximum(depth, 0.05)
        u, v = u * inverse, v * inverse
    column = (u / view.tan_x + 1) * (view.width / 2)
    row = (1 - v / view.tan_y) * (view.height / 2)
    inside = (column > 1) & (column < view.width - 2) & (row > 1) & (row < view.height - 2) & (depth > 0.05)
    # A soft filter looks sideways as well: leave room for the slope of what it looks at, or surfaces shadow themselves.
    sample = 2 * view.tan_x / view.width * 0.9 * shadow.soft_px
    limit = depth - (0.05 + sample if view.parallel else 0.012 + (0.006 + sample) * depth)
    reached = _filtered(shadow, column, row, limit, angle)
    return np.where(inside, reached, np.float32(1 if shadow.outside_lit else 0))


def _filtered(shadow: ShadowMap, column: Plane, row: Plane, limit: Plane, angle: Plane | None) -> Plane:
    flat = shadow.depth.ravel()
    width, height = shadow.view.width, shadow.view.height
    total = np.zeros(column.shape, np.float32)
    column = np.clip(column, _MOST_PX + 1, width - _MOST_PX - 2)
    row = np.clip(row, _MOST_PX + 1, height - _MOST_PX - 2)
    taps = 1 if angle is None else _TAPS
    turned = None if angle is None else (np.cos(angle) * shadow.soft_px, np.sin(angle) * shadow.soft_px)
    for tap in range(taps):
        if turned is None:
            i, j = row, column
        else:
            radius, turn = np.sqrt((tap + 0.5) / taps), tap * 2.399963
            dx, dy = radius * np.cos(turn), radius * np.sin(turn)
            c, s = turned
            j, i = column + (dx * c - dy * s), row + (dx * s + dy * c)
        at = i.astype(np.int32) * width + j.astype(np.int32)
        total += flat[at] > limit
    return total / taps


def _along(axis: Vec, x: Plane, y: Plane, z: Plane) -> Plane:
    return float(axis[0]) * x + float(axis[1]) * y + float(axis[2]) * z
