"""Looks at shapes through a camera or a light: exact ray hits, into buffers of depth, normal and shape number."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.previz.geometry import Plane, Prim, Vec

NEAR = 0.02
_FAR = np.float32(1e6)
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)


@dataclass(frozen=True)
class View:
    """A camera (or a light as a camera): a grid of rays whose direction has length one along `forward`.

    A parallel view has parallel rays; then `tan_x` and `tan_y` are half-sizes in metres.
    """

    origin: Vec
    forward: Vec
    right: Vec
    up: Vec
    tan_x: float
    tan_y: float
    width: int
    height: int
    parallel: bool = False

    def columns(self, start: int, stop: int) -> Plane:
        """Horizontal ray offsets of sample columns."""
        return (((np.arange(start, stop) + 0.5) / self.width * 2 - 1) * self.tan_x).astype(np.float32)

    def rows(self, start: int, stop: int) -> Plane:
        """Vertical ray offsets of sample rows."""
        return ((1 - (np.arange(start, stop) + 0.5) / self.height * 2) * self.tan_y).astype(np.float32)

    def project(self, points: Vec) -> tuple[Vec, Vec, Vec]:
        """Sample column, sample row and depth of points (n, 3)."""
        relative = points - self.origin
        depth = relative @ self.forward
        x, y = relative @ self.right, relative @ self.up
        if not self.parallel:
            safe = np.maximum(depth, 1e-6)
            x, y = x / safe, y / safe
        return (x / self.tan_x + 1) / 2 * self.width, (1 - y / self.tan_y) / 2 * self.height, depth

    def resized(self, width: int, height: int) -> "View":
        """The same view with another number of samples."""
        return View(
            self.origin, self.forward, self.right, self.up, self.tan_x, self.tan_y, width, height, self.parallel
        )

    def mirrored(self, point: Vec, normal: Vec) -> "View":
        """What a plane mirror shows at each sample of this view."""
        flip = np.eye(3) - 2 * np.outer(normal, normal)
        origin = flip @ (self.origin - point) + point
        return View(
            origin,
            flip @ self.forward,
            flip @ self.right,
            flip @ self.up,
            self.tan_x,
            self.tan_y,
            self.width,
            self.height,
            self.parallel,
        )


@dataclass
class Hits:
    """What each sample of a window sees: planes of equal size; `prim` is -1 and depth huge where there is nothing."""

    depth: Plane
    nx: Plane
    ny: Plane
    nz: Plane
    prim: NDArray[np.int16]


Window = tuple[int, int, int, int]


def cast(prims: list[Prim], view: View, window: Window, *, normals: bool = True, near: float = NEAR) -> Hits:
    """The nearest shape at each sample of `window` (x0, y0, x1, y1).

    `near` cuts away what stands between camera and subject, like a wall taken out of a stage set; floors stay.
    """
    x0, y0, x1, y1 = window
    size = (y1 - y0, x1 - x0)
    zero = np.zeros(size if normals else (0, 0), np.float32)
    hits = Hits(np.full(size, _FAR), zero, zero.copy(), zero.copy(), np.full(size, -1, np.int16))
    columns, rows = view.columns(x0, x1), view.rows(y0, y1)
    for index, prim in enumerate(prims):
        box = _clip(_bounds(prim, view), window)
        if box is None:
            continue
        rays = _Rays(prim, view, columns[box[0] - x0 : box[2] - x0], rows[box[1] - y0 : box[3] - y0])
        part = (slice(box[1] - y0, box[3] - y0), slice(box[0] - x0, box[2] - x0))
        t = _HIT[prim.shape](prim, rays)
        closer = (t < hits.depth[part]) & (t > (near if prim.casts else NEAR))
        if prim.texture is not None:
            closer = _cut(prim.texture, rays, t, closer)
        i, j = np.nonzero(closer)
        if not len(i):
            continue
        i_full, j_full = i + (box[1] - y0), j + (box[0] - x0)
        depth = t[i, j]
        hits.depth[i_full, j_full] = depth
        hits.prim[i_full, j_full] = index
        if normals:
            world = _world_normal(prim, rays, (i, j), depth)
            hits.nx[i_full, j_full], hits.ny[i_full, j_full], hits.nz[i_full, j_full] = world
    return hits


def local(prim: Prim, view: View, at: tuple[Plane, Plane], depth: Plane) -> tuple[Plane, Plane, Plane]:
    """Hit points in the shape's own unit coordinates; `at` holds the ray offsets (column, row) of each point."""
    rays = _Rays(prim, view, at[0], at[1], paired=True)
    return rays.point(depth)


class _Rays:
    """The rays of a window in the unit coordinates of one shape; planes broadcast from a row and a column."""

    def __init__(self, prim: Prim, view: View, columns: Plane, rows: Plane, *, paired: bool = False) -> None:
        self.inverse = np.linalg.inv(prim.axes)
        moving = [
            (self.inverse @ view.forward),
            (self.inverse @ view.right),
            (self.inverse @ view.up),
        ]
        start = self.inverse @ (view.origin - prim.centre)
        x, y = (columns, rows) if paired else (columns[None, :], rows[:, None])
        base = start if view.parallel else moving[0]
        spread = tuple(float(base[k]) + float(moving[1][k]) * x + float(moving[2][k]) * y for k in range(3))
        fixed = tuple(float(v) for v in (moving[0] if view.parallel else start))
        self.o: tuple[Plane | float, ...] = spread if view.parallel else fixed
        self.d: tuple[Plane | float, ...] = fixed if view.parallel else spread
        self.shape = np.broadcast_shapes(x.shape, y.shape)

    def point(self, t: Plane) -> tuple[Plane, Plane, Plane]:
        """Where the rays are at `t`."""
        return tuple(o + t * d for o, d in zip(self.o, self.d, strict=True))  # pyright: ignore[reportReturnType] - three

    def points_at(self, at: tuple[NDArray[np.intp], NDArray[np.intp]], t: Plane) -> tuple[Plane, Plane, Plane]:
        """Where the rays of samples `at` are at `t`."""

        def pick(value: Plane | float) -> Plane | float:
            return value[at] if isinstance(value, np.ndarray) else value

        points = [pick(o) + t * pick(d) for o, d in zip(self.o, self.d, strict=True)]
        return points[0], points[1], points[2]


def _bounds(prim: Prim, view: View) -> Window | None:
    wide = max(1.0, prim.taper) if prim.shape == "frustum" else 1.0
    flat = 0.0 if prim.shape in ("quad", "disc") else wide
    corners = _CORNERS * np.array([wide, 1.0, flat])
    x, y, depth = view.project(corners @ prim.axes.T + prim.centre)
    if depth.max() < NEAR:
        return None
    if not view.parallel and depth.min() < NEAR:
        return (0, 0, view.width, view.height)
    limit = 1e6
    low_x, high_x = np.clip([x.min() - 1, x.max() + 2], -limit, limit)
    low_y, high_y = np.clip([y.min() - 1, y.max() + 2], -limit, limit)
    return int(low_x), int(low_y), int(high_x), int(high_y)


def _clip(box: Window | None, window: Window) -> Window | None:
    if box is None:
        return None
    clipped = max(box[0], window[0]), max(box[1], window[1]), min(box[2], window[2]), min(box[3], window[3])
    return clipped if clipped[0] < clipped[2] and clipped[1] < clipped[3] else None


def _hit_sphere(_prim: Prim, rays: _Rays) -> Plane:
    (ox, oy, oz), (dx, dy, dz) = rays.o, rays.d
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    c = ox * ox + oy * oy + oz * oz - 1.0
    inside = b * b - a * c
    return _masked(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, rays)


def _hit_box(_prim: Prim, rays: _Rays) -> Plane:
    enter: Plane | None = None
    leave: Plane | None = None
    for o, d in zip(rays.o, rays.d, strict=True):
        inverse = 1.0 / _nonzero(d)
        first, second = (-1.0 - o) * inverse, (1.0 - o) * inverse
        low, high = np.minimum(first, second), np.maximum(first, second)
        enter = low if enter is None else np.maximum(enter, low)
        leave = high if leave is None else np.minimum(leave, high)
    assert enter is not None  # noqa: S101 - the loop ran three times; this is for the type checker
    assert leave is not None  # noqa: S101 - as above
    return _masked(enter < leave, enter, rays)


def _hit_frustum(prim: Prim, rays: _Rays) -> Plane:
    (ox, oy, oz), (dx, dy, dz) = rays.o, rays.d
    middle, slope = (1 + prim.taper) / 2, (prim.taper - 1) / 2
    at_start = middle + slope * oy
    a = _nonzero(dx * dx + dz * dz - slope * slope * (dy * dy))
    b = ox * dx + oz * dz - slope * at_start * dy
    c = ox * ox + oz * oz - at_start * at_start
    root = b * b - a * c
    spread = np.sqrt(np.maximum(root, 0))
    best: Plane = np.full(rays.shape, _FAR, np.float32)
    for t in ((-b - spread) / a, (-b + spread) / a):
        y = oy + t * dy
        fits = (root > 0) & (np.abs(y) <= 1) & (t > NEAR) & (middle + slope * y >= 0)
        np.minimum(best, np.where(fits, t, _FAR), out=best)
    for end, radius in ((-1.0, 1.0), (1.0, prim.taper)):
        t = (end - oy) / _nonzero(dy)
        x, z = ox + t * dx, oz + t * dz
        fits = (x * x + z * z <= radius * radius) & (t > NEAR)
        np.minimum(best, np.where(fits, t, _FAR), out=best)
    return best


def _hit_quad(_prim: Prim, rays: _Rays) -> Plane:
    (ox, oy, oz), (dx, dy, dz) = rays.o, rays.d
    t = -oz / _nonzero(dz)
    return _masked((np.abs(ox + t * dx) <= 1) & (np.abs(oy + t * dy) <= 1), t, rays)


def _hit_disc(_prim: Prim, rays: _Rays) -> Plane:
    (ox, oy, oz), (dx, dy, dz) = rays.o, rays.d
    t = -oz / _nonzero(dz)
    x, y = ox + t * dx, oy + t * dy
    return _masked(x * x + y * y <= 1, t, rays)


_HIT = {"sphere": _hit_sphere, "box": _hit_box, "frustum": _hit_frustum, "quad": _hit_quad, "disc": _hit_disc}


def _nonzero(value: Plane | float) -> Plane | float:
    if isinstance(value, float):
        return value if abs(value) > 1e-9 else 1e-9
    return np.where(np.abs(value) > 1e-9, value, np.float32(1e-9))


def _masked(fits: NDArray[np.bool_] | bool, t: Plane | float, rays: _Rays) -> Plane:
    return np.broadcast_to(np.where(fits, t, _FAR), rays.shape).astype(np.float32, copy=False)


def _cut(texture: Plane, rays: _Rays, t: Plane, closer: NDArray[np.bool_]) -> NDArray[np.bool_]:
    i, j = np.nonzero(closer)
    x, y, _ = rays.points_at((i, j), t[i, j])
    closer[i, j] = sample(texture, x, y) > 0.5
    return closer


def sample(texture: Plane, x: Plane, y: Plane) -> Plane:
    """`texture` at unit coordinates from -1 to 1 (y up), nearest sample between, bilinear."""
    height, width = texture.shape
    u = np.clip((x + 1) / 2 * width - 0.5, 0, width - 1.001)
    v = np.clip((1 - y) / 2 * height - 0.5, 0, height - 1.001)
    column, row = u.astype(np.intp), v.astype(np.intp)
    fu, fv = (u - column).astype(np.float32), (v - row).astype(np.float32)
    top = texture[row, column] * (1 - fu) + texture[row, column + 1] * fu
    bottom = texture[row + 1, column] * (1 - fu) + texture[row + 1, column + 1] * fu
    return top * (1 - fv) + bottom * fv


def _world_normal(
    prim: Prim, rays: _Rays, at: tuple[NDArray[np.intp], NDArray[np.intp]], t: Plane
) -> tuple[Plane | float, Plane | float, Plane | float]:
    if prim.shape in ("quad", "disc"):
        normal = rays.inverse.T @ np.array([0.0, 0.0, 1.0])
        normal = normal / np.sqrt(normal @ normal)
        facing = rays.d[2][at] if isinstance(rays.d[2], np.ndarray) else rays.d[2]
        sign = np.where(facing > 0, np.float32(-1), np.float32(1))
        return sign * float(normal[0]), sign * float(normal[1]), sign * float(normal[2])
    x, y, z = rays.points_at(at, t)
    if prim.shape == "box":
        x, y, z = _box_normal(x, y, z)
    elif prim.shape == "frustum":
        x, y, z = _frustum_normal(prim, x, y, z)
    m = rays.inverse
    world = [float(m[0, k]) * x + float(m[1, k]) * y + float(m[2, k]) * z for k in range(3)]
    length = np.sqrt(world[0] ** 2 + world[1] ** 2 + world[2] ** 2) + np.float32(1e-9)
    return world[0] / length, world[1] / length, world[2] / length


def _box_normal(x: Plane, y: Plane, z: Plane) -> tuple[Plane, Plane, Plane]:
    ax, ay, az = np.abs(x), np.abs(y), np.abs(z)
    on_x = (ax >= ay) & (ax >= az)
    on_y = ~on_x & (ay >= az)
    zero = np.float32(0)
    return (
        np.where(on_x, np.sign(x), zero),
        np.where(on_y, np.sign(y), zero),
        np.where(on_x | on_y, zero, np.sign(z)),
    )


def _frustum_normal(prim: Prim, x: Plane, y: Plane, z: Plane) -> tuple[Plane, Plane, Plane]:
    middle, slope = (1 + prim.taper) / 2, (prim.taper - 1) / 2
    radius = middle + slope * y
    cap = (np.abs(y) > 0.9999) & (x * x + z * z < radius * radius * 0.998)
    zero = np.float32(0)
    return np.where(cap, zero, x), np.where(cap, np.sign(y), -slope * radius), np.where(cap, zero, z)
