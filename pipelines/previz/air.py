"""The air of a frame: haze with beams of light in it, curling steam, rain and snow."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from pipelines.previz.camera import Camera
from pipelines.previz.cast import View
from pipelines.previz.geometry import Plane, Rgb, Vec
from pipelines.previz.light import Light, Lighting
from pipelines.previz.noise import fbm, step
from pipelines.previz.optics import resized, soft
from pipelines.previz.scene import Scene
from pipelines.previz.shadows import ShadowMap, lit

_SLABS = 12
_COARSE = 5
SKY_FROM = 1500.0
Lamps = list[tuple[Light, ShadowMap | None]]


def haze(rgb: list[Plane], depth: Plane, camera: Camera, lighting: Lighting, lamps: Lamps) -> list[Plane]:
    """Air that dims what is far and glows where lamps shine through it."""
    height, width = depth.shape
    beams = _beams(camera.view.resized(max(width // _COARSE, 8), max(height // _COARSE, 8)), depth, lighting, lamps)
    # Behind everything is the sky, which already has its own haze.
    through = np.where(depth > SKY_FROM, np.float32(0.9), np.exp(-lighting.haze * depth))
    return [
        plane * through + (1 - through) * tint + beam
        for plane, tint, beam in zip(rgb, lighting.haze_colour, beams, strict=True)
    ]


def _beams(view: View, depth: Plane, lighting: Lighting, lamps: Lamps) -> list[Plane]:
    """Light scattered towards the camera, summed slab by slab up to each pixel's depth so that edges stay sharp."""
    total = [np.zeros_like(depth) for _ in range(3)]
    shining = [(light, shadow) for light, shadow in lamps if light.beam > 0]
    columns, rows = view.columns(0, view.width)[None, :], view.rows(0, view.height)[:, None]
    ray = [float(view.forward[k]) + float(view.right[k]) * columns + float(view.up[k]) * rows for k in range(3)]
    y, x = np.indices((view.height, view.width), dtype=np.float32)
    jitter = np.mod(52.9829189 * np.mod(0.06711056 * x + 0.00583715 * y, 1), 1)
    furthest = min(60.0, 3.2 / lighting.haze + 8, float(depth.max()))
    edges = furthest * (np.arange(_SLABS + 1) / _SLABS) ** 1.6
    for start, stop in pairwise(edges):
        slab = [np.zeros((view.height, view.width), np.float32) for _ in range(3)]
        for half in (0.0, 0.5):
            t = np.float32(start) + (half + 0.125 + 0.25 * jitter) * np.float32(stop - start)
            points: list[Plane] = [np.float32(view.origin[k]) + t * ray[k] for k in range(3)]
            thick = 0.45 + 1.1 * fbm(points[0] * 0.8 + points[2] * 0.5, points[1] * 0.9, 2)
            fade = np.exp(-lighting.haze * t) * thick * np.float32(lighting.haze * (stop - start) / 2)
            for light, shadow in shining:
                seen = _seen(light, shadow, points) * fade
                for k in range(3):
                    slab[k] += seen * (light.power[k] * light.beam * 0.5)
        share = np.clip((depth - np.float32(start)) / np.float32(stop - start), 0, 1)
        for k in range(3):
            total[k] += share * resized(soft(slab[k], 2.6), (depth.shape[1], depth.shape[0]))
    return total


def _seen(light: Light, shadow: ShadowMap | None, points: list[Plane]) -> Plane:
    if light.at is None:
        strength: Plane = np.full_like(points[0], 0.35)
    else:
        offset = [points[k] - np.float32(light.at[k]) for k in range(3)]
        square = offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2
        strength = 1 / (square + 0.6 + light.size**2)
        if light.cone is not None:
            axis, wide = light.cone
            inside = (offset[0] * float(axis[0]) + offset[1] * float(axis[1]) + offset[2] * float(axis[2])) / np.sqrt(
                square + 1e-4
            )
            strength = strength * (0.05 + step(wide, 0.95, inside))
    return strength if shadow is None else strength * lit(shadow, (points[0], points[1], points[2]), None)


def steam(
    rgb: list[Plane], depth: Plane, camera: Camera, lighting: Lighting, plumes: list[tuple[Vec, float]]
) -> list[Plane]:
    """Plumes (foot, height in metres) that curl upwards, lit by the lamps around them."""
    height, width = depth.shape
    view = camera.view.resized(width, height)
    for number, (foot, tall) in enumerate(plumes):
        x, y, z = view.project(np.stack([foot, foot + np.array([0, tall, 0])]))
        if z[0] < camera.near * 0.8 or not np.isfinite([x, y]).all():
            continue
        size = abs(y[0] - y[1])
        box = (
            int(max(x[0] - size * 0.75, 0)),
            int(max(y[1] - size * 0.1, 0)),
            int(min(x[0] + size * 0.75, width)),
            int(min(y[0] + 2, height)),
        )
        if box[2] - box[0] < 4 or box[3] - box[1] < 4:
            continue
        part = (slice(box[1], box[3]), slice(box[0], box[2]))
        cover = _plume(box, (float(x[0]), float(y[0]), float(size)), number)
        cover *= step(-0.35, 0.5, depth[part] - np.float32(z[0]))
        tint = _light_at(lighting, foot + np.array([0, tall * 0.55, 0.0]))
        for k in range(3):
            rgb[k][part] += (tint[k] * 0.8 - rgb[k][part]) * cover
    return rgb


def _plume(box: tuple[int, int, int, int], foot: tuple[float, float, float], number: int) -> Plane:
    u = ((np.arange(box[0], box[2], dtype=np.float32) - foot[0]) / foot[2])[None, :]
    v = ((foot[1] - np.arange(box[1], box[3], dtype=np.float32)) / foot[2])[:, None]
    sway = 0.13 * np.sin(v * 4.2 + number * 2) * v
    warp_u = fbm(u * 2.2 + number * 9, v * 1.6, 3) - 0.5
    warp_v = fbm(u * 2.2 + 31, v * 1.6 + number * 5, 3) - 0.5
    body = fbm((u + sway) * 3.2 + warp_u * 3.0 + number * 3, v * 1.7 + warp_v * 2.4, 5)
    curls = 1 - np.abs(2 * fbm((u + sway) * 4.4 + warp_u * 5.0, v * 2.4 + warp_v * 4.0 + number, 4) - 1)
    column = np.exp(-(((u + sway) / (0.12 + 0.26 * v)) ** 2))
    thick = step(0.30, 0.80, body) * (0.45 + 0.55 * curls**2)
    return (0.55 * column * thick * step(0.0, 0.22, v) * step(1.0, 0.35, v)).astype(np.float32)


def _light_at(lighting: Lighting, point: Vec) -> Rgb:
    total = np.array(lighting.above) * 0.8
    for light in lighting.lights:
        power = np.array(light.power)
        if light.at is not None:
            gap = light.at - point
            power = power / (float(gap @ gap) + 1.0)
        total = total + np.minimum(power * 0.3, 1.2)
    return float(total[0]), float(total[1]), float(total[2])


def smoke_thread(rgb: list[Plane], depth: Plane, camera: Camera, tip: Vec, tint: Rgb) -> list[Plane]:
    """The thin thread that rises from a cigarette at `tip`."""
    height, width = depth.shape
    x, y, z = camera.view.resized(width, height).project(np.stack([tip, tip + np.array([0, 0.75, 0])]))
    size = abs(float(y[0] - y[1]))
    box = int(max(x[0] - size * 0.4, 0)), int(max(y[1], 0)), int(min(x[0] + size * 0.4, width)), int(min(y[0], height))
    if box[2] - box[0] < 4 or box[3] - box[1] < 4:
        return rgb
    u = ((np.arange(box[0], box[2], dtype=np.float32) - x[0]) / size)[None, :]
    v = ((y[0] - np.arange(box[1], box[3], dtype=np.float32)) / size)[:, None]
    cover = np.zeros((box[3] - box[1], box[2] - box[0]), np.float32)
    for strand in range(3):
        bend = (0.02 + 0.14 * v**1.4) * (
            np.sin(v * (9 + strand) + strand * 2.1) + fbm(v * 4 + strand * 7, v * 0 + strand, 3) - 0.5
        )
        wide = 0.006 + 0.03 * v
        cover += 0.34 * np.exp(-(((u - bend) / wide) ** 2)) * step(1.0, 0.25, v) * step(0.0, 0.03, v)
    part = (slice(box[1], box[3]), slice(box[0], box[2]))
    cover *= step(-0.6, 0.1, depth[part] - np.float32(z[0]))
    for k in range(3):
        rgb[k][part] += (tint[k] - rgb[k][part]) * np.clip(cover, 0, 0.8)
    return rgb


def fall(rgb: list[Plane], depth: Plane, scene: Scene, beyond: float, rng: np.random.Generator) -> list[Plane]:
    """Rain streaks or snowflakes in three depths; indoors only past `beyond` metres, where the walls end."""
    snow = "snow" in scene.weather
    if not snow and "rain" not in scene.weather:
        return rgb
    height, width = depth.shape
    around = [soft(plane, width * 0.03) for plane in rgb]
    for number, (distance, count, size) in enumerate(((4.0, 110, 1.0), (9.0, 300, 0.55), (20.0, 620, 0.30))):
        layer = (
            _flakes((width, height), int(count * 1.3), size, rng)
            if snow
            else _streaks((width, height), count, size, rng)
        )
        layer = layer * step(distance - 0.5, distance + 0.5, depth) * step(beyond - 0.3, beyond + 0.3, depth)
        strength = (0.8 if snow else 0.55) * (1 - 0.18 * number)
        for k in range(3):
            rgb[k] = rgb[k] + layer * strength * (np.minimum(around[k], 2.0) * 1.2 + 0.012)
    return rgb


def _streaks(shape: tuple[int, int], count: int, size: float, rng: np.random.Generator) -> Plane:
    width, height = shape
    image = Image.new("L", shape)
    draw = ImageDraw.Draw(image)
    slant = 0.10
    for x, y, long, bright in rng.random((count, 4)):
        length = (0.05 + 0.13 * long) * width * 0.6 * size
        x0, y0 = x * width * 1.1 - 0.05 * width, y * height * 1.3 - 0.2 * height
        draw.line(
            (x0, y0, x0 - slant * length, y0 + length),
            fill=int(90 + 150 * bright),
            width=max(1, round(width / 900 * size * 1.4)),
        )
    return np.asarray(image, np.float32) / 255


def _flakes(shape: tuple[int, int], count: int, size: float, rng: np.random.Generator) -> Plane:
    width, height = shape
    image = Image.new("L", shape)
    draw = ImageDraw.Draw(image)
    for x, y, s, bright in rng.random((count, 4)):
        r = width * 0.0035 * size * (0.5 + s)
        draw.ellipse((x * width - r, y * height - r, x * width + r, y * height + r), fill=int(120 + 130 * bright))
    return soft(np.asarray(image, np.float32) / 255, width * 0.0012)
