"""Builds places under the sky: ground, layers of depth to the horizon, and the pieces the prompt asked for."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from functools import cache

import numpy as np

from pipelines.previz.geometry import Material, Model, Plane, vec
from pipelines.previz.noise import fbm
from pipelines.previz.scene import Scene
from pipelines.previz.sets import stuff
from pipelines.previz.sets.plan import Crew, Mark, Plan, Practical

ASPHALT = Material((0.045, 0.046, 0.05), pattern="asphalt", gloss=0.7)


@cache
def ridge(seed: int, rough: float) -> Plane:
    """The outline of hills: 1 below it, 0 above."""
    width, height = 1024, 256
    x = np.linspace(0, 9, width, dtype=np.float32)
    line = fbm(x + seed * 13.7, np.full(width, seed * 3.1, np.float32), 6)
    peaks = 1 - np.abs(2 * fbm(x * 0.8 + seed * 5.3, np.full(width, seed * 7.7, np.float32), 5) - 1)
    top = (1 - rough) * line + rough * peaks**1.6
    top = (top - top.min()) / (top.max() - top.min()) * 0.78 + 0.14
    rows = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    return np.clip((top[None, :] - rows) * height * 0.5 + 0.5, 0, 1).astype(np.float32)


def ground(plan: Plan, material: Material, size: float = 900.0) -> None:
    """Level ground in all directions."""
    plan.model.casts = False
    plan.model.new_group()
    plan.model.sheet(vec(0, 0, -size * 0.8), vec(0, 1, 0), (size, size), material)
    plan.model.casts = True
    plan.open_sky = True
    plan.ceiling = 1e3


def ridges(plan: Plan, crew: Crew, layers: list[tuple[float, float, float]], material: Material, rough: float) -> None:
    """Layers of hills, each (distance, height, width)."""
    plan.model.casts = False
    for index, (distance, height, width) in enumerate(layers):
        plan.model.new_group()
        texture = ridge(int(crew.rng.integers(1, 40)) + index * 41, rough)
        plan.model.card(
            vec(crew.pick(-0.1, 0.1) * width, height / 2 - height * 0.12, -distance),
            vec(0, 0.25, 1),
            (width / 2, height / 2),
            material,
            texture,
        )
    plan.model.casts = True


def street(scene: Scene, crew: Crew) -> Plan:
    """A street between two rows of houses that runs away from the camera."""
    plan = Plan(yaw_range=(-0.16, 0.16))
    wet = crew.wet
    ground(plan, Material((0.04, 0.041, 0.045), pattern="asphalt", gloss=0.7, mirror=0.75 if wet else 0.06))
    _pavements(plan, wet=wet)
    _houses(plan, crew)
    if crew.night:
        _street_lights(plan, crew, scene)
    if "car" in scene.pieces or crew.rng.random() < 0.6:
        side = crew.side()
        plan.model.add(
            stuff.car((0.045, 0.012, 0.014), lights=crew.night),
            vec(side * 1.85, 0, -4.0 - crew.pick(0, 3)),
            yaw=-1.5708,
        )
    plan.backlight = vec(crew.pick(-1.5, 1.5), 3.2, -16.0)
    plan.marks = [Mark(vec(crew.pick(-0.8, 0.8), 0, 0)), Mark(vec(1.9, 0, -1.8), -0.3), Mark(vec(-1.7, 0, -2.6), 0.3)]
    plan.steam = [(vec(-1.6, 0.0, -3.0), 2.4), (vec(1.4, 0.0, -7.5), 2.8)]
    return plan


def _pavements(plan: Plan, *, wet: bool) -> None:
    stone = Material(
        (0.10, 0.10, 0.105),
        second=(0.05, 0.05, 0.055),
        pattern="concrete",
        scale=1.2,
        gloss=0.5,
        mirror=0.35 if wet else 0.03,
    )
    for side in (-1, 1):
        plan.model.new_group()
        low, high = sorted((side * 2.9, side * 4.7))
        plan.model.block((low, 0, -80), (high, 0.14, 40), stone)


def _houses(plan: Plan, crew: Crew) -> None:
    tint = (1.0, 0.70, 0.38) if crew.night else (0.02, 0.025, 0.03)
    for side in (-1, 1):
        z = 9.0
        while z > -62:
            deep = crew.pick(6.5, 11.0)
            shade = crew.pick(0.05, 0.10) if crew.night else crew.pick(0.16, 0.36)
            warm = crew.pick(0.82, 1.1)
            facade = Material(
                (shade * warm, shade, shade / warm),
                second=tint,
                pattern="facade",
                scale=crew.pick(1.5, 2.1),
                gloss=crew.pick(0, 0.3),
                cloth=0.24,
            )
            low, high = sorted((side * 4.7, side * 12.0))
            height = crew.pick(7.5, 17)
            plan.model.new_group()
            plan.model.block((low, 0, z - deep), (high, height, z - 0.15), facade)
            plan.model.new_group()
            low, high = sorted((side * 4.35, side * 4.8))
            plan.model.block(
                (low, 2.9, z - deep + 0.4), (high, 3.3, z - 0.6), Material((shade * 0.5, shade * 0.5, shade * 0.5))
            )
            z -= deep
    plan.model.new_group()
    plan.model.block(
        (-9, 0, -86),
        (9, crew.pick(18, 30), -80),
        Material((0.06, 0.06, 0.065), second=tint, pattern="facade", scale=2.0, cloth=0.24),
    )


def _street_lights(plan: Plan, crew: Crew, scene: Scene) -> None:
    for k, z in enumerate((-4.0, -17.0, -30.0, -43.0)):
        side = 1 if k % 2 else -1
        plan.model.add(
            stuff.street_lamp((1.0, 0.72, 0.38), 8.0), vec(side * 3.2, 0.1, z), yaw=0.0 if side < 0 else 3.1416
        )
        if k < 2:
            plan.practicals.append(Practical(vec(side * 1.9, 4.9, z), "tungsten", 5.0, size=0.25, aim=vec(0, 0, z + 2)))
    side = crew.side()
    spots = [(side, -4.2, scene.sign, 0), (-side, -8.5, "HOTEL", 1), (side, -15.0, "CAFE", 1)]
    for where, z, text, order in spots if "neon" in scene.pieces or crew.rng.random() < 0.8 else spots[1:]:
        colours = crew.neon if order == 0 else (crew.neon[1], crew.neon[0])
        at = vec(where * 3.75, 2.75 + 0.03 * abs(z), z)
        plan.model.add(stuff.neon_sign(text, 0.62, colours, 8.0), at)
        plan.practicals.append(
            Practical(at + vec(-where * 0.3, -0.2, 0.4), f"neon-{order + 1}", 9.0, size=0.6, aim=vec(0, 0.5, z + 5))
        )


def skyline(scene: Scene, crew: Crew) -> Plan:
    """A flat roof with a parapet, and the towers of a city beyond it."""
    plan = Plan(yaw_range=(-0.25, 0.25))
    model = plan.model
    roof = Material(
        (0.12, 0.12, 0.125),
        second=(0.06, 0.06, 0.06),
        pattern="concrete",
        scale=2.0,
        gloss=0.5,
        mirror=0.5 if crew.wet else 0.04,
    )
    plan.open_sky, plan.ceiling = True, 1e3
    model.new_group()
    model.casts = False
    model.sheet(vec(0, 0, 14), vec(0, 1, 0), (30, 16.2), roof)
    model.casts = True
    model.new_group()
    model.block(
        (-30, 0, -2.4),
        (30, 0.95, -2.0),
        Material((0.13, 0.125, 0.12), second=(0.07, 0.07, 0.07), pattern="concrete", scale=1.5),
    )
    _roof_things(plan, crew)
    model.casts = False
    model.new_group()
    model.sheet(
        vec(0, -60, -700),
        vec(0, 1, 0),
        (2000, 900),
        Material((0.05, 0.055, 0.065), second=(0.9, 0.6, 0.3), pattern="ground", scale=12),
    )
    _towers(plan, crew)
    model.casts = True
    plan.marks = [
        Mark(vec(crew.side() * crew.pick(0.3, 1.2), 0, -1.35)),
        Mark(vec(-1.6, 0, -0.6)),
        Mark(vec(1.9, 0, -0.2)),
    ]
    plan.backlight = vec(crew.pick(-6, 6), 6, -40)
    if "neon" in scene.pieces:
        at = vec(crew.side() * 4.5, 2.6, -1.7)
        model.add(stuff.neon_sign(scene.sign, 1.1, crew.neon, 7.0), at)
        plan.practicals.append(Practical(at + vec(0, 0, 0.5), "neon-1", 7.0, size=0.6, aim=vec(0, 0.5, 1)))
    return plan


def _roof_things(plan: Plan, crew: Crew) -> None:
    side = crew.side()
    metal = Material((0.14, 0.14, 0.15), second=(0.07, 0.07, 0.07), pattern="concrete", scale=0.9, gloss=0.3)
    tank = Model()
    tank.new_group()
    for x in (-0.7, 0.7):
        for z in (-0.7, 0.7):
            tank.tube(vec(x, 0, z), vec(x, 2.0, z), (0.06, 0.06), stuff.BLACK)
    tank.tube(vec(0, 1.9, 0), vec(0, 4.1, 0), (1.2, 1.15), stuff.WOOD)
    tank.tube(vec(0, 4.1, 0), vec(0, 4.9, 0), (1.3, 0.05), stuff.BLACK)
    plan.model.add(tank, vec(side * 7.5, 0, -0.6))
    plan.model.new_group()
    plan.model.block((-side * 4.6 - 0.7, 0, -1.6), (-side * 4.6 + 0.7, 1.1, -0.2), metal)
    plan.model.new_group()
    plan.model.tube(vec(-side * 6.2, 0, -1.4), vec(-side * 6.2, 4.6, -1.4), (0.03, 0.015), stuff.BLACK)
    for y in (3.4, 3.9, 4.3):
        plan.model.tube(vec(-side * 6.2 - 0.5, y, -1.4), vec(-side * 6.2 + 0.5, y, -1.4), (0.012, 0.012), stuff.BLACK)


def _towers(plan: Plan, crew: Crew) -> None:
    tint = (1.0, 0.74, 0.42) if crew.night else (0.5, 0.36, 0.2)
    centre = crew.pick(-60, 60)
    for index in range(64):
        distance = 150 + 620 * (index / 63) ** 1.2
        x = crew.pick(-1.15, 1.15) * (40 + distance * 0.62)
        tall = 30 + 120 * np.exp(-(((x - centre) / (70 + distance * 0.2)) ** 2)) * crew.pick(0.4, 1.0)
        wide = crew.pick(7, 15)
        shade = crew.pick(0.05, 0.10) if crew.night else crew.pick(0.10, 0.22)
        facade = Material(
            (shade, shade, shade * 1.08),
            second=tint,
            pattern="facade",
            scale=crew.pick(3.0, 4.2),
            gloss=crew.pick(0, 0.5),
            cloth=0.34 if crew.night else 0.08,
        )
        plan.model.new_group()
        plan.model.block((x - wide, -60, -distance - wide), (x + wide, tall - 34, -distance + wide), facade)
        if index % 3 == 0:
            plan.model.block(
                (x - wide * 0.55, tall - 34, -distance - wide * 0.5),
                (x + wide * 0.55, tall - 22, -distance + wide * 0.5),
                facade,
            )
        if index % 7 == 0:
            plan.model.tube(vec(x, tall - 24, -distance), vec(x, tall - 2, -distance), (0.9, 0.1), facade)


def forest(_scene: Scene, crew: Crew) -> Plan:
    """Trunks in depth with a clearing where people stand and a path that leads away."""
    plan = Plan(yaw_range=(-0.12, 0.12))
    ground(plan, Material((0.06, 0.055, 0.03), second=(0.035, 0.05, 0.02), pattern="ground", scale=0.5))
    bark = Material((0.10, 0.075, 0.055), second=(0.03, 0.024, 0.018), pattern="bark")
    leaves = Material((0.05, 0.085, 0.03), second=(0.03, 0.05, 0.02), pattern="leaves", translucent=0.35)
    model = plan.model
    for index in range(58):
        distance = -4.0 + 50 * (index / 58) ** 1.25
        x = crew.pick(-1, 1) * (3.4 + max(distance, 0) * 0.62)
        path = 0.9 * np.sin(distance * 0.12)
        if abs(x - path) < 1.45 + 0.02 * distance:
            x = path + np.sign(x - path) * (1.7 + crew.pick(0, 1.5))
        radius = crew.pick(0.13, 0.36)
        lean = crew.pick(-0.5, 0.5)
        foot, top = vec(x, -0.05, 3.2 - distance), vec(x + lean, 12 + crew.pick(0, 5), 3.2 - distance)
        model.new_group()
        model.tube(foot, top, (radius, radius * 0.45), bark)
        model.tube(foot, foot + vec(0, 0.5, 0), (radius * 1.7, radius), bark)
        for k in range(3):
            start = foot + (top - foot) * crew.pick(0.25, 0.8)
            model.tube(
                start,
                start + vec(crew.pick(-1.8, 1.8), crew.pick(0.2, 1.4), crew.pick(-0.6, 0.6)),
                (radius * 0.26, radius * 0.05),
                bark,
            )
            if k == 0 and index % 2 == 0:
                model.card(start + vec(0, 2.0, 0.1), vec(crew.pick(-0.4, 0.4), 0, 1), (2.0, 1.5), leaves, stuff.crown())
    _undergrowth(plan, crew, leaves)
    plan.marks = [Mark(vec(crew.pick(0.1, 0.5), 0, -2.0)), Mark(vec(-0.5, 0, -3.0)), Mark(vec(0.9, 0, -4.2))]
    plan.backlight = vec(crew.pick(-3, 3), 5.5, -26)
    return plan


def _undergrowth(plan: Plan, crew: Crew, leaves: Material) -> None:
    plan.model.casts = False
    for _ in range(46):
        distance = crew.pick(-1.0, 26)
        side = crew.side()
        x = side * (1.2 + crew.pick(0.2, 1.0) * (2 + distance * 0.5)) + 0.9 * np.sin((3.2 + distance) * 0.12)
        size = crew.pick(0.25, 0.62)
        plan.model.new_group()
        plan.model.card(
            vec(x, size * 0.55, -distance), vec(crew.pick(-0.5, 0.5), 0, 1), (size * 1.5, size), leaves, stuff.crown()
        )
    plan.model.casts = True


def desert(scene: Scene, crew: Crew) -> Plan:
    """A straight road through dry land to mesas on the horizon, poles beside it."""
    plan = Plan(yaw_range=(-0.2, 0.2))
    sand = Material((0.42, 0.26, 0.135), second=(0.34, 0.21, 0.115), pattern="sand", scale=1.1)
    ground(plan, sand)
    model = plan.model
    model.casts = False
    model.new_group()
    model.sheet(
        vec(0, 0.02, -380),
        vec(0, 1, 0),
        (3.4, 420),
        Material(
            (0.085, 0.083, 0.08),
            second=(0.62, 0.52, 0.24),
            pattern="road",
            scale=3.15,
            gloss=0.3,
            mirror=0.4 if crew.wet else 0.04,
        ),
    )
    model.casts = True
    ridges(
        plan,
        crew,
        [(620, 60, 1500), (430, 42, 1100), (300, 18, 900)],
        Material((0.34, 0.16, 0.085), second=(0.2, 0.1, 0.06), pattern="rock", scale=14),
        0.25,
    )
    side = crew.side()
    for k in range(13):
        z = 1.5 - k * 15.0
        model.new_group()
        model.tube(vec(side * 6.4, 0, z), vec(side * 6.4, 6.4, z), (0.10, 0.075), stuff.DARK_WOOD)
        model.block((side * 6.4 - 0.9, 5.7, z - 0.05), (side * 6.4 + 0.9, 5.82, z + 0.05), stuff.DARK_WOOD)
        for x in (-0.8, 0.8):
            model.tube(vec(side * 6.4 + x, 5.85, z), vec(side * 6.4 + x, 5.45, z - 7.5), (0.012, 0.012), stuff.BLACK)
            model.tube(
                vec(side * 6.4 + x, 5.45, z - 7.5), vec(side * 6.4 + x, 5.85, z - 15), (0.012, 0.012), stuff.BLACK
            )
    _scrub(plan, crew)
    if "car" in scene.pieces:
        model.add(stuff.car((0.32, 0.035, 0.03), lights=crew.night), vec(1.6, 0.02, -7.5), yaw=-1.5708)
    plan.marks = [Mark(vec(crew.pick(-0.9, 0.9), 0.02, -0.5)), Mark(vec(-2.0, 0.02, -1.5)), Mark(vec(2.2, 0.02, -2.0))]
    plan.backlight = vec(crew.pick(-10, 10), 9, -70)
    return plan


def _scrub(plan: Plan, crew: Crew) -> None:
    bush = Material((0.13, 0.12, 0.06), second=(0.09, 0.08, 0.05), pattern="leaves")
    rock = Material((0.28, 0.17, 0.10), second=(0.2, 0.12, 0.08), pattern="rock", scale=0.5)
    for index in range(46):
        distance = 1 + 70 * (index / 46) ** 1.4
        x = crew.side() * (4.6 + crew.pick(0, 1) * (5 + distance * 0.5))
        size = crew.pick(0.2, 0.6)
        plan.model.new_group()
        if index % 4:
            plan.model.card(
                vec(x, size * 0.6, -distance + 2),
                vec(crew.pick(-0.4, 0.4), 0, 1),
                (size * 1.3, size * 0.8),
                bush,
                stuff.crown(),
            )
        else:
            plan.model.ball(vec(x, size * 0.15, -distance + 2), (size * 1.2, size * 0.6, size), rock)


def sea(_scene: Scene, crew: Crew) -> Plan:
    """A beach, the surf line and open water to the horizon."""
    plan = Plan(yaw_range=(-0.4, 0.4))
    ground(
        plan,
        Material((0.012, 0.03, 0.038), second=(0.6, 0.62, 0.62), pattern="water", scale=1.4, gloss=0.9, mirror=0.85),
    )
    model = plan.model
    model.casts = False
    model.new_group()
    sand = Material((0.34, 0.27, 0.18), second=(0.26, 0.20, 0.14), pattern="sand", scale=0.9, gloss=0.2)
    slope = 0.035
    model.sheet(vec(0, slope * 20 - 0.02, 18.4), vec(0, 1, -slope), (220, 20), sand)
    model.casts = True
    side = crew.side()
    ridges(
        plan,
        crew,
        [(520, 30, 900)],
        Material((0.08, 0.09, 0.1), second=(0.06, 0.07, 0.08), pattern="rock", scale=10),
        0.5,
    )
    rock = Material((0.06, 0.055, 0.05), second=(0.03, 0.03, 0.03), pattern="rock", scale=0.7, gloss=0.5)
    for index in range(9):
        model.new_group(smooth=0.012)
        size = crew.pick(0.3, 1.3)
        model.ball(
            vec(side * (3.5 + index * 0.9 + crew.pick(-0.6, 0.6)), 0.1, -4.0 - crew.pick(0, 7)),
            (size * 1.3, size * 0.8, size),
            rock,
        )
    plan.marks = [Mark(vec(crew.pick(-0.9, -0.3), 0.08, 1.6)), Mark(vec(0.35, 0.07, 1.45)), Mark(vec(-1.9, 0.1, 2.2))]
    plan.backlight = vec(crew.pick(-10, 10), 8, -60)
    return plan


def mountains(scene: Scene, crew: Crew) -> Plan:
    """A ledge, a valley, and ranges that pale with distance."""
    plan = Plan(yaw_range=(-0.4, 0.4))
    snow = "snow" in scene.weather
    meadow = (
        Material((0.42, 0.44, 0.47), second=(0.5, 0.5, 0.52), pattern="ground", scale=0.8)
        if snow
        else Material((0.10, 0.115, 0.05), second=(0.14, 0.12, 0.07), pattern="ground", scale=0.8)
    )
    ground(plan, meadow)
    ridges(
        plan,
        crew,
        [(900, 420, 2300), (700, 300, 1800), (500, 190, 1400)],
        Material((0.20, 0.20, 0.22), second=(0.6, 0.62, 0.66), pattern="rock", scale=40),
        0.8,
    )
    ridges(
        plan, crew, [(260, 50, 700)], Material((0.05, 0.07, 0.045), second=(0.035, 0.05, 0.03), pattern="leaves"), 0.35
    )
    for index in range(20):
        distance = 14 + 90 * (index / 20)
        plan.model.add(
            stuff.pine(crew.pick(6, 11), crew.rng),
            vec(crew.side() * (5 + crew.pick(0, 1) * distance * 0.7), -0.2, -distance),
        )
    rock = Material((0.16, 0.15, 0.145), second=(0.09, 0.09, 0.09), pattern="rock", scale=0.8)
    for _ in range(12):
        size = crew.pick(0.2, 0.8)
        plan.model.new_group()
        plan.model.ball(
            vec(crew.side() * crew.pick(1.5, 6), 0.05, crew.pick(-5, 1)), (size * 1.4, size * 0.7, size), rock
        )
    plan.marks = [Mark(vec(crew.pick(-0.6, 0.6), 0, 0)), Mark(vec(1.4, 0, -0.8)), Mark(vec(-1.4, 0, -0.6))]
    plan.backlight = vec(crew.pick(-20, 20), 20, -120)
    return plan


def field(scene: Scene, crew: Crew) -> Plan:
    """Open country: grass, a lone tree, low hills."""
    plan = Plan(yaw_range=(-0.4, 0.4))
    snow = "snow" in scene.weather
    grass = (
        Material((0.45, 0.47, 0.5), second=(0.5, 0.5, 0.52), pattern="ground", scale=0.8)
        if snow
        else Material((0.11, 0.13, 0.04), second=(0.17, 0.14, 0.06), pattern="grass")
    )
    ground(plan, grass)
    ridges(
        plan,
        crew,
        [(420, 46, 1300), (240, 20, 800)],
        Material((0.06, 0.08, 0.045), second=(0.04, 0.055, 0.035), pattern="leaves"),
        0.2,
    )
    side = crew.side()
    plan.model.add(stuff.broadleaf(crew.pick(6.5, 8.5), crew.rng), vec(side * crew.pick(3.2, 5.0), 0, -6.0))
    for k in range(9):
        plan.model.add(stuff.broadleaf(crew.pick(4, 7), crew.rng), vec(crew.pick(-70, 70), 0, -60 - 8 * k))
    for k in range(14):
        plan.model.new_group()
        x = -side * 2.4 - 0.05 * k
        plan.model.tube(vec(x, 0, 2.0 - k * 2.6), vec(x, 1.1, 2.0 - k * 2.6), (0.05, 0.045), stuff.DARK_WOOD)
        for y in (0.5, 0.9):
            plan.model.tube(vec(x, y, 2.0 - k * 2.6), vec(x - 0.05, y, -0.6 - k * 2.6), (0.025, 0.025), stuff.DARK_WOOD)
    if "fire" in scene.pieces:
        plan.model.add(stuff.flames(0.55, 10.0), vec(side * 0.9, 0, 0.5))
        plan.practicals.append(Practical(vec(side * 0.9, 0.5, 0.5), "fire", 3.2, size=0.3, aim=vec(0, 0.8, -0.6)))
    plan.marks = [Mark(vec(-side * 0.4, 0, 0)), Mark(vec(-side * 1.5, 0, -0.5)), Mark(vec(side * 1.9, 0, -1.2))]
    plan.backlight = vec(crew.pick(-10, 10), 8, -60)
    return plan
