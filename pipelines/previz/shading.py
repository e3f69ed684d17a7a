"""Turns ray hits into light: materials, paint, lamps, shadows, sky, and ink lines where things end."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from dataclasses import dataclass

import numpy as np

from pipelines.previz.cast import Hits, View, local
from pipelines.previz.geometry import Plane, Prim
from pipelines.previz.light import Light, Lighting
from pipelines.previz.noise import cell, fbm, step
from pipelines.previz.patterns import NEEDS_LOCAL, Paint, Spots, paint, pattern_of
from pipelines.previz.shadows import ShadowMap, lit

SKY_DEPTH = 2000.0

Lamp = tuple[Light, ShadowMap | None]
Sum = tuple[list[Plane], list[Plane]]  # diffuse light and shine, each per colour


@dataclass
class Surface:
    """What a band of samples shows before it is lit."""

    points: tuple[Plane, Plane, Plane]
    normal: list[Plane]
    colour: list[Plane]
    glow: list[Plane]
    gloss: Plane
    metal: Plane
    mirror: Plane
    translucent: Plane


@dataclass
class Shaded:
    """Light of a band of samples, and how much of a reflection belongs on top (negative: of the wall mirror)."""

    rgb: list[Plane]
    mirror: Plane


@dataclass(frozen=True)
class Look:
    """What shading needs, prepared once: the shapes, their material table, the lamps with their shadows."""

    prims: list[Prim]
    table: Plane
    groups: Plane
    lighting: Lighting
    lamps: list[Lamp]


def prepare(prims: list[Prim], lighting: Lighting, lamps: list[Lamp]) -> Look:
    """The material table: one row per shape and a last row for the sky."""
    rows = [
        [
            *p.material.colour,
            *p.material.emission,
            p.material.gloss,
            p.material.metal,
            p.material.mirror,
            p.material.translucent,
        ]
        for p in prims
    ]
    table = np.array([*rows, [0.0] * 10], np.float32).T.copy()
    groups = np.array([*(p.group for p in prims), -1], np.float32)
    return Look(prims, table, groups, lighting, lamps)


def shade(look: Look, view: View, hits: Hits, rows: tuple[int, int], *, fine: bool = True) -> Shaded:
    """The light of sample rows from rows[0] to rows[1]; `fine` softens shadow edges."""
    columns, lines = view.columns(0, view.width), view.rows(*rows)
    band = slice(*rows)
    depth = np.minimum(hits.depth[band], np.float32(SKY_DEPTH))
    sky_here = hits.prim[band] < 0
    ray: list[Plane] = [
        float(view.forward[k]) + float(view.right[k]) * columns[None, :] + float(view.up[k]) * lines[:, None]
        for k in range(3)
    ]
    surface = _surface(look, view, hits, band, ray)
    length = 1 / np.sqrt(ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2)
    towards: list[Plane] = [-r * length for r in ray]
    rgb = _ambient(look.lighting, surface)
    angle = _dither(view, rows) if fine else None
    shine = [np.zeros_like(depth) for _ in range(3)]
    for lamp in look.lamps:
        _add_light(lamp, surface, towards, angle, (rgb, shine))
    for k in range(3):
        rgb[k] = rgb[k] * surface.colour[k] * (1 - 0.85 * surface.metal) + shine[k] + surface.glow[k]
    _environment(look.lighting, surface, towards, rgb)
    if sky_here.any():
        sky = _sky(look.lighting, [-t for t in towards])
        for k in range(3):
            rgb[k] = np.where(sky_here, sky[k], rgb[k])
    facing = np.clip(
        surface.normal[0] * towards[0] + surface.normal[1] * towards[1] + surface.normal[2] * towards[2], 0, 1
    )
    fresnel = 0.10 + 0.90 * (1 - facing) ** 4
    mirror = np.where(surface.mirror < 0, -0.92, np.clip(surface.mirror, 0, 1.2) * fresnel)
    return Shaded(rgb, np.where(sky_here, np.float32(0), mirror).astype(np.float32))


def ink(look: Look, hits: Hits, rows: tuple[int, int]) -> Plane:
    """How much a drawn outline darkens each sample: 1 nowhere, less on the edges of things."""
    top, bottom = max(rows[0] - 1, 0), rows[1]
    prim = hits.prim[top:bottom]
    group = look.groups[prim]
    depth = np.minimum(hits.depth[top:bottom], np.float32(SKY_DEPTH))
    line = np.zeros(group.shape, np.float32)
    for axis in (0, 1):
        a = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        b = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        nearer = np.minimum(depth[a], depth[b])
        jump = np.abs(depth[a] - depth[b]) > 0.012 * nearer
        bend = (
            hits.nx[top:bottom][a] * hits.nx[top:bottom][b]
            + hits.ny[top:bottom][a] * hits.ny[top:bottom][b]
            + hits.nz[top:bottom][a] * hits.nz[top:bottom][b]
        ) < 0.75
        apart = (group[a] != group[b]) & (jump | bend)
        apart |= (np.abs(depth[a] - depth[b]) > 0.07) & (group[a] == group[b]) & (nearer < 60) & (bend | jump)
        strength = np.where(apart, 1.0 / (1.0 + 0.02 * nearer), 0).astype(np.float32)
        line[a] = np.maximum(line[a], strength)
    return 1 - 0.62 * line[rows[0] - top :]


def melt(look: Look, view: View, hits: Hits) -> None:
    """Blur the normals of jointed things so that their parts flow into one another."""
    widths = {p.group: p.smooth for p in look.prims if p.smooth > 0}
    group = look.groups[hits.prim]
    for number, width in widths.items():
        inside = group == number
        if not inside.any():
            continue
        lines, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        part = (slice(lines[0], lines[-1] + 1), slice(columns[0], columns[-1] + 1))
        mask = inside[part]
        depth = float(np.median(hits.depth[part][mask]))
        radius = int(width / depth / view.tan_x * view.width / 2)
        if radius < 1:
            continue
        weights = mask.astype(np.float32)
        blurred = [_box(_box(plane[part] * weights, radius), radius) for plane in (hits.nx, hits.ny, hits.nz)]
        length = np.sqrt(blurred[0] ** 2 + blurred[1] ** 2 + blurred[2] ** 2) + np.float32(1e-6)
        for plane, soft in zip((hits.nx, hits.ny, hits.nz), blurred, strict=True):
            plane[part] = np.where(mask, soft / length, plane[part])


def _box(plane: Plane, radius: int) -> Plane:
    for axis in (0, 1):
        padded = np.pad(plane, [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)])
        total = np.cumsum(padded, axis=axis, dtype=np.float32)
        width = 2 * radius + 1
        plane = total[width:] - total[:-width] if axis == 0 else total[:, width:] - total[:, :-width]
    return plane


def _surface(look: Look, view: View, hits: Hits, band: slice, ray: list[Plane]) -> Surface:
    depth = np.minimum(hits.depth[band], np.float32(SKY_DEPTH))
    prim = hits.prim[band]
    points = [np.float32(view.origin[k]) + depth * ray[k] for k in range(3)]
    rows = [look.table[k][prim] for k in range(10)]
    surface = Surface(
        (points[0], points[1], points[2]), [hits.nx[band].copy(), hits.ny[band].copy(), hits.nz[band].copy()],
        rows[0:3], rows[3:6], rows[6], rows[7], rows[8], rows[9],
    )  # fmt: skip
    _paint(look, view, hits, band, surface)
    return surface


def _paint(look: Look, view: View, hits: Hits, band: slice, surface: Surface) -> None:
    flat = hits.prim[band].ravel()
    order = np.argsort(flat, kind="stable")
    numbers, starts = np.unique(flat[order], return_index=True)
    columns, lines = view.columns(0, view.width), view.rows(band.start, band.stop)
    for number, start, stop in zip(numbers.tolist(), starts.tolist(), [*starts.tolist()[1:], len(flat)], strict=True):
        if number < 0 or not pattern_of(look.prims[int(number)].material):
            continue
        at = np.unravel_index(order[start:stop], hits.prim[band].shape)
        prim = look.prims[int(number)]
        x, y, z = (plane[at] for plane in surface.points)
        nx, ny, nz = (plane[at] for plane in surface.normal)
        inside = (x, y, z)
        if pattern_of(prim.material) in NEEDS_LOCAL:
            inside = local(prim, view, (columns[at[1]], lines[at[0]]), hits.depth[band][at])
        _apply(surface, at, prim, paint(Spots(x, y, z, nx, ny, nz, inside, prim.material)))


At = tuple[np.ndarray[tuple[int], np.dtype[np.intp]], ...]


def _apply(surface: Surface, at: At, prim: Prim, painted: Paint) -> None:
    share = np.asarray(painted.share, np.float32)
    for k in range(3):
        first, second = prim.material.colour[k], prim.material.second[k]
        surface.colour[k][at] = (first + (second - first) * share) * painted.factor
        if painted.glow is not None:
            surface.glow[k][at] += painted.glow[k]
    if prim.material.mirror > 0:
        surface.mirror[at] *= painted.wet
    if painted.bump is not None:
        a, b = painted.bump
        nx, ny, nz = (plane[at] for plane in surface.normal)
        level = np.abs(ny) > 0.7
        nx2 = nx + np.where(level, a, a * nz)
        nz2 = nz + np.where(level, b, -a * nx)
        ny2 = ny + np.where(level, np.float32(0), b)
        scale = 1 / np.sqrt(nx2 * nx2 + ny2 * ny2 + nz2 * nz2)
        for plane, value in zip(surface.normal, (nx2, ny2, nz2), strict=True):
            plane[at] = value * scale


def _ambient(lighting: Lighting, surface: Surface) -> list[Plane]:
    up = 0.5 + 0.5 * surface.normal[1]
    return [below + (above - below) * up for above, below in zip(lighting.above, lighting.below, strict=True)]


def _add_light(lamp: Lamp, surface: Surface, towards: list[Plane], angle: Plane | None, out: Sum) -> None:
    light, shadow = lamp
    normal = surface.normal
    if light.at is None:
        assert light.towards is not None  # noqa: S101 - a light is near or far
        way = [np.float32(v) for v in light.towards]
        strength: Plane | float = 1.0
    else:
        offset = [np.float32(light.at[k]) - surface.points[k] for k in range(3)]
        square = offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2
        inverse = 1 / np.sqrt(square)
        way = [o * inverse for o in offset]
        strength = 1 / (square + np.float32(0.05 + light.size**2))
        if light.cone is not None:
            axis, wide = light.cone
            inside = -(way[0] * float(axis[0]) + way[1] * float(axis[1]) + way[2] * float(axis[2]))
            strength = strength * (0.10 + 0.90 * step(wide, 0.93, inside))
    lean = normal[0] * way[0] + normal[1] * way[1] + normal[2] * way[2]
    wrap = np.float32(light.wrap) + 0.6 * surface.translucent
    diffuse = np.maximum((lean + wrap) / (1 + wrap) ** 1.5, 0) * strength
    if not light.lights_floor:
        diffuse *= step(0.92, 0.6, normal[1])
    if shadow is not None:
        raised = tuple(p + 0.02 * n for p, n in zip(surface.points, normal, strict=True))
        reached = lit(shadow, (raised[0], raised[1], raised[2]), angle)
        diffuse *= reached
        strength = strength * reached
    half = [w + t for w, t in zip(way, towards, strict=True)]
    size = 1 / np.sqrt(half[0] ** 2 + half[1] ** 2 + half[2] ** 2 + 1e-6)
    spread = np.maximum((normal[0] * half[0] + normal[1] * half[1] + normal[2] * half[2]) * size, 0)
    power = 6 + 130 * surface.gloss**2
    shiny = np.exp(power * (spread - 1) * 1.4) * (0.02 + 0.16 * surface.gloss) * (0.3 + 0.05 * power) * light.glint
    shiny = np.where(lean > -0.05, shiny * strength, 0)
    metal = surface.metal
    # A lamp mirrored in metal is broad: it stands for the window, wall or sign that the light comes from.
    shiny = shiny + metal * np.exp(11 * (spread - 1)) * strength * (0.35 * light.glint)
    for k in range(3):
        out[0][k] += diffuse * light.power[k]
        tint = (1 - metal) + metal * surface.colour[k] * 2.2
        out[1][k] += shiny * tint * light.power[k]


def _environment(lighting: Lighting, surface: Surface, towards: list[Plane], rgb: list[Plane]) -> None:
    """What polished things see: a dim room, bright above, with a dark band at the horizon."""
    shiny = surface.metal * 0.8 + 0.06 * surface.gloss
    if not (shiny > 0.01).any():
        return
    n = surface.normal
    facing = n[0] * towards[0] + n[1] * towards[1] + n[2] * towards[2]
    up = 2 * facing * n[1] - towards[1]
    side = 2 * facing * n[0] - towards[0]
    stripe = step(0.12, 0.5, up) + 0.35 * step(0.1, 0.7, -up) + 0.5 * step(0.5, 0.75, np.sin(side * 5 + 1.3))
    rim = (1 - np.clip(facing, 0, 1)) ** 3
    for k in range(3):
        seen = (lighting.above[k] * 1.7 + 0.015) * (0.35 + stripe) * (1 + rim)
        rgb[k] += shiny * seen * (1 - surface.metal + surface.metal * surface.colour[k] * 1.6)


def _sky(lighting: Lighting, ray: list[Plane]) -> list[Plane]:
    sky = lighting.sky
    height = np.clip(ray[1], 0, 1)
    blend = 1 - (1 - height) ** 8
    out = [h + (z - h) * blend for h, z in zip(sky.horizon, sky.zenith, strict=True)]
    if sky.clouds > 0:
        flat = 1 / (np.maximum(ray[1], 0.02) + 0.12)
        u, v = ray[0] * flat * 1.5, ray[2] * flat * 1.5
        body = fbm(u + 11, v + 5, 5)
        cover = step(0.62 - 0.3 * sky.clouds, 0.86 - 0.2 * sky.clouds, body) * step(0.0, 0.12, ray[1])
        light_side = step(0.0, 0.2, body - fbm(u + 11.25, v + 5.12, 4) + 0.08)
        for k in range(3):
            tone = 0.45 * sky.horizon[k] + 0.55 * sky.zenith[k]
            out[k] = out[k] + (tone * (0.62 + 0.9 * light_side) + 0.25 * sky.horizon[k] - out[k]) * cover * 0.75
    _sky_lamps(lighting, ray, out)
    return out


def _sky_lamps(lighting: Lighting, ray: list[Plane], out: list[Plane]) -> None:
    sky = lighting.sky
    if sky.sun is not None:
        near = ray[0] * float(sky.sun[0]) + ray[1] * float(sky.sun[1]) + ray[2] * float(sky.sun[2])
        disc = step(0.99945, 0.9997, near)
        halo = np.exp((near - 1) * 60) * 0.10 + np.exp((near - 1) * 9) * 0.035
        for k in range(3):
            out[k] += sky.sun_colour[k] * (disc + halo)
    if sky.moon is not None:
        near = ray[0] * float(sky.moon[0]) + ray[1] * float(sky.moon[1]) + ray[2] * float(sky.moon[2])
        crater = 0.75 + 0.5 * fbm(ray[0] * 60, ray[1] * 60, 3)
        disc = step(0.9991, 0.9993, near) * crater
        for k, tint in enumerate((0.85, 0.9, 1.0)):
            out[k] += tint * (disc * 1.1 + np.exp((near - 1) * 220) * 0.05)
    if sky.stars:
        u, v = np.arctan2(ray[0], -ray[2]) * 190, ray[1] * 190
        chance = cell(u, v)
        fu, fv = u - np.floor(u) - 0.5, v - np.floor(v) - 0.5
        star = np.where(chance > 0.985, np.exp(-(fu * fu + fv * fv) * 26), 0) * (ray[1] > 0.03)
        for k in range(3):
            out[k] += star * 0.5 * cell(u + 9, v)


def _dither(view: View, rows: tuple[int, int]) -> Plane:
    """An angle per sample whose neighbours differ strongly (interleaved gradient noise, Jorge Jimenez 2014)."""
    x = np.arange(view.width, dtype=np.float32)[None, :]
    y = np.arange(rows[0], rows[1], dtype=np.float32)[:, None]
    inner = np.mod(0.06711056 * x + 0.00583715 * y, 1)
    return (np.mod(52.9829189 * inner, 1) * 2 * np.pi).astype(np.float32)
