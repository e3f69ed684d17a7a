"""Looks at one drawn picture from beside where it was drawn: what is near moves more than what is far.

The picture is some sheets, one behind the other, each filled in where a nearer one hides it; each has the distance
of every sample, so that floors and walls keep their perspective.
"""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.previz.geometry import Plane
from pipelines.previz.moves import Pose
from pipelines.previz.optics import resized

Pixels = NDArray[Any]
_ROUNDS = 5
"""Steps to the sample that a ray meets; more change nothing that can be seen."""
_FAR_METRES = 400.0
_LEAST_SHARE = 0.002
WIDEST = 1.7
"""Times the frame: how large a plate may be."""


@dataclass(frozen=True)
class Sheet:
    """Colour, cover and distance of a part of the picture."""

    rgba: Plane
    depth: Plane


@dataclass(frozen=True)
class Plate:
    """A picture whose edges lie at the tangents `tan_x` and `tan_y`, as sheets from far to near."""

    sheets: tuple[Sheet, ...]
    tan_x: float
    tan_y: float


def cut(pixels: Pixels, depth: Plane, tangents: tuple[float, float], at_metres: Sequence[float]) -> Plate:
    """The plate of a picture (8 bits, RGB), parted at some distances, the nearest first."""
    colour = pixels.astype(np.float32)
    depth = np.minimum(depth, np.float32(_FAR_METRES))
    sheets: list[Sheet] = []
    shown = np.ones_like(depth)
    for metres in at_metres:
        near = shown * (depth < metres)
        if not _LEAST_SHARE < float(near.mean()) < float(shown.mean()) - _LEAST_SHARE:
            continue
        sheets.append(_sheet(colour, depth, near, near))
        # What lies right behind an outline holds some of what is in front; a floor that runs on does not.
        beside = depth > np.float32(1.15) * -_grown(-depth, 3)
        shown = shown - near
        clean = shown * (1 - _grown(near, 3) * beside)
        filled = [_filled(colour[..., k], clean) for k in range(3)]
        colour = np.stack(filled, axis=-1)
        depth = _filled_depth(depth, clean)
    sheets.append(_sheet(colour, depth, np.ones_like(depth), np.ones_like(depth)))
    return Plate(tuple(reversed(sheets)), *tangents)


def _sheet(colour: Plane, depth: Plane, known: Plane, cover: Plane) -> Sheet:
    rgba = np.concatenate([colour, cover[..., None]], axis=-1).astype(np.float32)
    return Sheet(rgba, _filled_depth(depth, known))


def _filled_depth(depth: Plane, known: Plane) -> Plane:
    return (1 / np.maximum(_filled(1 / depth, known), 1 / _FAR_METRES)).astype(np.float32)


def seen(plate: Plate, pose: Pose, tangents: tuple[float, float], size: tuple[int, int]) -> Plane:
    """What a camera sees of the plate: height x width x 3, 0 to 255."""
    out = np.zeros((size[1], size[0], 3), np.float32)
    half = max(size[0] // 2, 2), max(size[1] // 2, 2)
    for sheet in plate.sheets:
        column, row = _meeting(plate, sheet, pose, tangents, half)
        drawn = _sampled(sheet.rgba, resized(column, size), resized(row, size))
        cover = drawn[..., 3:]
        out = drawn[..., :3] * cover + out * (1 - cover)
    return out


def overscan(poses: list[Pose], tangents: tuple[float, float], nearest: float) -> tuple[float, float]:
    """How much wider and higher than the frame a plate must be, that no pose looks past its edge."""
    x = np.array([-1.0, 1.0, -1.0, 1.0]) * tangents[0]
    y = np.array([-1.0, -1.0, 1.0, 1.0]) * tangents[1]
    wide = high = 1.0
    for pose in poses[:: max(len(poses) // 24, 1)] + poses[-1:]:
        right, up, ahead = pose.rays(x, y)
        for distance in (nearest, _FAR_METRES):
            scale = np.maximum(distance - pose.forward, 0.05) / ahead
            wide = max(wide, float(np.abs(pose.right + right * scale).max()) / distance / tangents[0])
            high = max(high, float(np.abs(pose.up + up * scale).max()) / distance / tangents[1])
    return min(wide * 1.01, WIDEST), min(high * 1.01, WIDEST)


def _meeting(
    plate: Plate, sheet: Sheet, pose: Pose, tangents: tuple[float, float], size: tuple[int, int]
) -> tuple[Plane, Plane]:
    """Column and row of the sheet's sample that each ray meets."""
    width, height = size
    x = ((np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1) * np.float32(tangents[0])
    y = (1 - (np.arange(height, dtype=np.float32) + 0.5) / height * 2) * np.float32(tangents[1])
    right, up, ahead = pose.rays(*np.meshgrid(x, y))
    rows, columns = sheet.depth.shape
    u, v = right / ahead, up / ahead
    column, row = _place(u, v, plate, (columns, rows))
    for _ in range(_ROUNDS):
        i = np.clip(row, 0, rows - 1).astype(np.intp)
        j = np.clip(column, 0, columns - 1).astype(np.intp)
        distance = sheet.depth[i, j]
        scale = np.maximum(distance - pose.forward, 0.02) / ahead
        u, v = (pose.right + right * scale) / distance, (pose.up + up * scale) / distance
        column, row = _place(u, v, plate, (columns, rows))
    return column.astype(np.float32), row.astype(np.float32)


def _place(u: Pixels, v: Pixels, plate: Plate, size: tuple[int, int]) -> tuple[Pixels, Pixels]:
    return (u / plate.tan_x + 1) / 2 * size[0], (1 - v / plate.tan_y) / 2 * size[1]


def _sampled(picture: Plane, column: Plane, row: Plane) -> Plane:
    height, width, _ = picture.shape
    x, y = np.clip(column - 0.5, 0, width - 1.001), np.clip(row - 0.5, 0, height - 1.001)
    j, i = x.astype(np.intp), y.astype(np.intp)
    fx, fy = (x - j).astype(np.float32)[..., None], (y - i).astype(np.float32)[..., None]
    flat, at = picture.reshape(-1, picture.shape[2]), i * width + j
    top = flat[at] + (flat[at + 1] - flat[at]) * fx
    bottom = flat[at + width] + (flat[at + width + 1] - flat[at + width]) * fx
    return top + (bottom - top) * fy


def _grown(mask: Plane, samples: int) -> Plane:
    out = mask
    for axis in (0, 1):
        line = out
        for step in range(1, samples + 1):
            line = np.maximum(line, np.maximum(_moved(out, step, axis), _moved(out, -step, axis)))
        out = line
    return out


def _moved(plane: Plane, steps: int, axis: int) -> Plane:
    """Shifted, with the edge repeated."""
    last = plane.shape[axis] - 1
    index = [min(max(k - steps, 0), last) for k in range(last + 1)]
    return plane[index] if axis == 0 else plane[:, index]


def _filled(plane: Plane, known: Plane) -> Plane:
    """`plane` where it is known; elsewhere what lies around, the coarser the farther away."""
    height, width = plane.shape
    out, certain = plane * known, known.copy()
    step, total, weight = 2, out, certain
    while min(height, width) // step >= 1:
        size = max(width // step, 1), max(height // step, 1)
        sums = resized(total, size, Image.Resampling.BOX)
        share = resized(weight, size, Image.Resampling.BOX)
        wide = resized(sums, (width, height), Image.Resampling.BILINEAR)
        spread = resized(share, (width, height), Image.Resampling.BILINEAR)
        missing = (certain < 0.5) & (spread > 0.02)
        out = np.where(missing, wide / np.maximum(spread, 1e-6), out)
        certain = np.where(missing, np.float32(1), certain)
        step *= 2
    return np.where(known > 0.5, plane, out).astype(np.float32)
