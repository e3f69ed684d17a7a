"""Smooth pseudo-random patterns that are the same on every run: a fixed tile of values, interpolated."""

from functools import cache

import numpy as np

from pipelines.previz.geometry import Plane

_SIZE = 256


@cache
def _tile() -> Plane:
    return np.random.default_rng(20240611).random((_SIZE + 1, _SIZE + 1), dtype=np.float32)


@cache
def _wrapped() -> Plane:
    tile = _tile().copy()
    tile[-1], tile[:, -1] = tile[0], tile[:, 0]
    return np.ascontiguousarray(tile)


def noise(x: Plane, y: Plane) -> Plane:
    """Values from 0 to 1 that vary smoothly over a distance of one; repeats every 256."""
    fx, fy = np.floor(x), np.floor(y)
    column, row = fx.astype(np.int32) & (_SIZE - 1), fy.astype(np.int32) & (_SIZE - 1)
    u, v = (x - fx).astype(np.float32), (y - fy).astype(np.float32)
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    flat = _wrapped().ravel()
    at = row * (_SIZE + 1) + column
    top = flat[at] + (flat[at + 1] - flat[at]) * u
    at += _SIZE + 1
    bottom = flat[at] + (flat[at + 1] - flat[at]) * u
    return top + (bottom - top) * v


def fbm(x: Plane, y: Plane, octaves: int = 4) -> Plane:
    """Noise over noise, from 0 to 1, each octave twice as fine and half as strong."""
    total = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y)), np.float32)
    strength, whole = 0.5, 0.0
    for octave in range(octaves):
        scale = 2.0**octave
        total += strength * noise(x * scale + 17.3 * octave, y * scale + 41.7 * octave)
        whole += strength
        strength /= 2
    return total / whole


def cell(x: Plane, y: Plane) -> Plane:
    """One value from 0 to 1 per unit cell."""
    column, row = np.floor(x).astype(np.int32) & (_SIZE - 1), np.floor(y).astype(np.int32) & (_SIZE - 1)
    return _tile()[row, column]


def step(low: float, high: float, value: Plane) -> Plane:
    """A smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
