"""What a lens and a negative do to light: depth of field, glow around bright things, corners that fall off, grain."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

import numpy as np
from PIL import Image

from pipelines.previz.camera import SENSOR_MM, Camera
from pipelines.previz.geometry import Plane
from pipelines.previz.noise import fbm, step

_DISC = 4  # radius, in samples, that large blurs are worked out at


def resized(plane: Plane, size: tuple[int, int], method: Image.Resampling = Image.Resampling.BILINEAR) -> Plane:
    """A plane at another size (width, height)."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, method), np.float32)


def _smaller(plane: Plane, factor: float) -> Plane:
    size = max(1, round(plane.shape[1] / factor)), max(1, round(plane.shape[0] / factor))
    return resized(plane, size, Image.Resampling.BOX)


def soft(plane: Plane, radius: float) -> Plane:
    """Blurred by about `radius` samples; cheap for large radii."""
    if radius < 0.5:
        return plane
    small = _smaller(plane, max(radius * 0.7, 1.0))
    return resized(small, (plane.shape[1], plane.shape[0]), Image.Resampling.BICUBIC)


def depth_of_field(rgb: list[Plane], depth: Plane, camera: Camera) -> list[Plane]:
    """Blur what is not in focus, with round highlights; the sharp never bleeds into the soft background."""
    width = depth.shape[1]
    mm = camera.lens_mm**2 / (camera.t_stop * max(camera.focus * 1000 - camera.lens_mm, 1.0))
    offset = depth - np.float32(camera.focus)
    radius = np.minimum(np.abs(mm * offset / np.maximum(depth, 0.05)) / SENSOR_MM * width / 2, width * 0.045)
    behind = np.where(offset > 0, radius, 0)
    if float(behind.max()) > 0.8:
        rgb = _blur_behind(rgb, behind)
    before = np.where(offset < 0, radius, 0)
    if float(before.max()) > 1.5:
        rgb = _blur_before(rgb, before)
    return rgb


def _blur_behind(rgb: list[Plane], radius: Plane) -> list[Plane]:
    weight = step(0.25, 0.9, radius) + np.float32(1e-4)
    level, largest = 0.8, float(radius.max())
    out = [plane.copy() for plane in rgb]
    while level < largest * 1.42:
        share = np.clip(np.log2(np.maximum(radius, 1e-3) / level) + 1, 0, 1)
        spread = _disc(weight, level)
        for k in range(3):
            blurred = _disc(np.minimum(rgb[k], 24) * weight, level) / spread
            out[k] += (blurred - out[k]) * share
        level *= 2
    return out


def _blur_before(rgb: list[Plane], radius: Plane) -> list[Plane]:
    weight = step(0.8, 2.0, radius)
    size = float(np.quantile(radius[weight > 0.5], 0.7)) if (weight > 0.5).any() else 0.0
    if size < 1:
        return rgb
    cover = _disc(weight, size)
    share = np.clip(cover * 1.15, 0, 1)
    return [plane + (_disc(plane * weight, size) / np.maximum(cover, 1e-3) - plane) * share for plane in rgb]


def _disc(plane: Plane, radius: float) -> Plane:
    """The mean over a disc."""
    factor = max(radius / _DISC, 1.0)
    small = _smaller(plane, factor) if factor > 1 else plane
    r = max(radius / factor, 0.5)
    reach = int(np.ceil(r))
    padded = np.pad(small, reach, mode="edge")
    rows = np.pad(np.cumsum(padded, axis=1, dtype=np.float32), [(0, 0), (1, 0)])
    height, width = small.shape
    total, count = np.zeros_like(small), 0
    for dy in range(-reach, reach + 1):
        half = int(np.sqrt(max((r + 0.35) ** 2 - dy * dy, 0)))
        line = rows[reach + dy : reach + dy + height]
        total += line[:, reach + half + 1 : reach + half + 1 + width] - line[:, reach - half : reach - half + width]
        count += 2 * half + 1
    total /= count
    return resized(total, (plane.shape[1], plane.shape[0]), Image.Resampling.BICUBIC) if factor > 1 else total


def glow(rgb: list[Plane], amount: float, streak: float) -> list[Plane]:
    """Light that spreads from the brightest parts: near and far rings, and the streak of an anamorphic lens."""
    out: list[Plane] = []
    width = rgb[0].shape[1]
    for plane in rgb:
        bright = np.maximum(plane - 0.75, 0)
        bright = np.minimum(bright, 14)
        rings = sum(
            soft(bright, width * share) * weight
            for share, weight in ((0.004, 0.42), (0.012, 0.26), (0.035, 0.16), (0.09, 0.08))
        )
        if streak > 0:
            height, wide = plane.shape
            thin = resized(np.maximum(plane - 2.5, 0), (max(wide // 24, 1), max(height // 2, 1)), Image.Resampling.BOX)
            rings = rings + resized(thin, (wide, height), Image.Resampling.BICUBIC) * streak
        out.append(np.maximum(plane + amount * rings, 0))
    return out


def corners(rgb: list[Plane], strength: float) -> list[Plane]:
    """Fall-off towards the corners."""
    height, width = rgb[0].shape
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    shade = 1 - strength * step(0.35, 1.75, x * x * 1.05 + y * y * 0.75)
    return [plane * shade for plane in rgb]


def depth_shade(rgb: list[Plane], depth: Plane) -> list[Plane]:
    """Darken the air just behind nearer things, as a draughtsman separates them from the ground."""
    out = rgb
    near = np.log2(np.minimum(depth, 400))
    width = depth.shape[1]
    factor = np.ones_like(depth)
    for share, weight in ((0.006, 0.55), (0.022, 0.5)):
        gap = np.clip(near - soft(near, width * share), 0, 0.35)
        factor *= 1 - weight * gap
    for_sky = np.where(depth < 1500, factor, 0.5 + 0.5 * factor)
    return [plane * for_sky for plane in out]


def grain(shape: tuple[int, int], rng: np.random.Generator) -> Plane:
    """Film grain of unit strength whose clumps are as large in a small frame as in a large one."""
    height, width = shape
    coarse = max(width / 1100, 1.0)
    fine = rng.standard_normal((round(height / coarse) + 1, round(width / coarse) + 1), dtype=np.float32)
    return resized(fine, (width, height), Image.Resampling.BICUBIC)


def paper(shape: tuple[int, int]) -> Plane:
    """The tooth of drawing paper, around one."""
    height, width = shape
    x = np.arange(width, dtype=np.float32)[None, :] * (900 / width)
    y = np.arange(height, dtype=np.float32)[:, None] * (900 / width)
    return 0.97 + 0.06 * fbm(x * 0.25 + y * 0.02, y * 0.25, 3)
