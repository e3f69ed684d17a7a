"""Builds rooms: floor, walls with real openings, and what is seen through them."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from pipelines.previz.geometry import Material, Model, vec
from pipelines.previz.scene import Scene
from pipelines.previz.sets import dressing, stuff
from pipelines.previz.sets.plan import Crew, Mark, Plan, Practical, wall

PLASTER = Material((0.30, 0.29, 0.27), pattern="plaster", gloss=0.05)
CEILING = Material((0.34, 0.34, 0.33), pattern="plaster", gloss=0.02)
FRAME = Material((0.05, 0.05, 0.055), gloss=0.5)
FAR_Z = 40.0  # rooms are open behind the camera, as a stage is


def checker(*, wet: bool) -> Material:
    """Black and white floor tiles."""
    return Material(
        (0.42, 0.41, 0.38),
        second=(0.02, 0.021, 0.024),
        pattern="checker",
        scale=0.45,
        gloss=0.6,
        mirror=0.55 if wet else 0.22,
    )


def shell(plan: Plan, size: tuple[float, float, float], floor: Material, walls: Material) -> None:
    """Floor, side walls and ceiling of a room `size` = (half width, height, depth behind the middle)."""
    half, height, depth = size
    model = plan.model
    model.casts = False
    model.new_group()
    model.sheet(vec(0, 0, (FAR_Z - depth) / 2), vec(0, 1, 0), (half, (FAR_Z + depth) / 2), floor)
    model.new_group()
    model.sheet(vec(0, height, (FAR_Z - depth) / 2), vec(0, -1, 0), (half, (FAR_Z + depth) / 2), CEILING)
    for side in (-1, 1):
        model.new_group()
        model.sheet(
            vec(side * half, height / 2, (FAR_Z - depth) / 2),
            vec(-side, 0, 0),
            ((FAR_Z + depth) / 2, height / 2),
            walls,
        )
        model.new_group()
        model.block((side * half - 0.03, 0, -depth), (side * half + 0.03, 0.14, FAR_Z), FRAME)
    model.casts = True
    plan.ceiling, plan.half = height, half


def window_frame(model: Model, hole: tuple[float, float, float, float], z: float, bars: tuple[int, int]) -> None:
    """Frame and glazing bars around a hole of a back wall."""
    x0, x1, y0, y1 = hole
    model.new_group()
    for k in range(bars[0] + 1):
        x = x0 + (x1 - x0) * k / bars[0]
        model.block((x - 0.025, y0, z - 0.1), (x + 0.025, y1, z + 0.02), FRAME)
    for k in range(bars[1] + 1):
        y = y0 + (y1 - y0) * k / bars[1]
        model.block((x0, y - 0.025, z - 0.1), (x1, y + 0.025, z + 0.02), FRAME)


def venetian(model: Model, hole: tuple[float, float, float, float], z: float) -> None:
    """Slats that stripe the light."""
    x0, x1, y0, y1 = hole
    slat = Material((0.36, 0.34, 0.3), gloss=0.2)
    model.new_group()
    count = int((y1 - y0) / 0.085)
    for k in range(count):
        y = y0 + (k + 0.5) * 0.085
        model.block((x0, y - 0.018, z + 0.03), (x1, y + 0.018, z + 0.045), slat)


def outside(plan: Plan, crew: Crew, scene: Scene, z: float) -> None:
    """What the openings of a back wall look out on: a street at night, or bright air by day."""
    model = plan.model
    model.casts = False
    model.new_group()
    # By day what is outside is brighter than any room: it shines by itself, for the lamps are set for the room.
    day = (
        (0.0, 0.0, 0.0)
        if crew.night
        else {"dusk": (0.75, 0.42, 0.2), "dawn": (0.7, 0.52, 0.42)}.get(scene.time, (0.62, 0.68, 0.75))
    )
    ground = Material((0.03, 0.031, 0.034), pattern="asphalt", gloss=0.6, mirror=0.5 if crew.wet else 0.1, emission=day)
    model.sheet(vec(0, -0.02, z - 12), vec(0, 1, 0), (30, 12), ground)
    lit = (0.42, 0.27, 0.13) if crew.night else (0.0, 0.0, 0.0)
    for index, x in enumerate((-16.0, -8.5, -1.5, 6.0, 13.5)):
        model.new_group()
        shade = crew.pick(0.04, 0.09) if crew.night else crew.pick(0.16, 0.3)
        facade = Material(
            (shade, shade * 0.95, shade * 0.95),
            second=lit,
            pattern="facade",
            scale=1.25,
            gloss=0.05 * index,
            emission=(day[0] * shade * 2.5, day[1] * shade * 2.5, day[2] * shade * 2.5),
            cloth=0.3,
        )
        model.block((x - 3.6, 0, z - 20), (x + 3.6, crew.pick(7, 13), z - 11 - crew.pick(0, 1.5)), facade)
    if crew.night:
        city_lights(plan, crew, z - 7.0)
    model.casts = True
    if "car" in scene.pieces:
        model.add(stuff.car((0.05, 0.012, 0.014), lights=crew.night), vec(crew.pick(-3, 3), 0, z - 4.5))
    plan.open_sky = True


def city_lights(plan: Plan, crew: Crew, z: float) -> None:
    """Street and car lamps in the distance, which a wide open lens turns into discs."""
    for index in range(26):
        colour = ((1.0, 0.66, 0.32), crew.neon[1], (0.9, 0.92, 1.0), crew.neon[0])[index % 4]
        plan.model.new_group()
        at = vec(crew.pick(-9, 9), crew.pick(0.5, 4.2), z - crew.pick(0, 3.5))
        plan.model.ball(at, 0.035 + 0.03 * (index % 3), stuff.glow(colour, 9.0))


def hang_neon(plan: Plan, crew: Crew, scene: Scene, at: tuple[float, float, float], *, walled: bool = True) -> None:
    """The neon sign, with the light it gives."""
    sign = stuff.neon_sign(scene.sign, 0.62, crew.neon, 7.0)
    spot = vec(*at)
    plan.model.add(sign, spot)
    plan.practicals.append(
        Practical(
            spot + vec(0, 0, 0.25), "neon-1", 7.0, size=0.5, aim=vec(0, 0.6, 1.5), visible_beam=1.4, walled=walled
        )
    )


def glass_front(plan: Plan, crew: Crew, scene: Scene, z: float, half: float) -> float:
    """A shop front of door and windows across the back wall; returns the x of the door."""
    door_x = crew.side() * crew.pick(0.15, 0.32) * half
    door = (door_x - 0.62, door_x + 0.62, 0.0, 2.35)
    left = (-half + 0.35, door_x - 0.95, 0.75, 2.35)
    right = (door_x + 0.95, half - 0.35, 0.75, 2.35)
    plan.model.new_group()
    wall(
        plan.model,
        (-half, half, z),
        plan.ceiling,
        [left, door, right],
        Material((0.15, 0.16, 0.17), second=(0.09, 0.09, 0.09), pattern="tiles", scale=0.3, gloss=0.4),
    )
    window_frame(plan.model, left, z, (2, 1))
    window_frame(plan.model, right, z, (2, 1))
    plan.model.new_group()
    for x in (door[0], door[1]):
        plan.model.block((x - 0.05, 0, z - 0.14), (x + 0.05, 2.4, z + 0.03), stuff.STEEL)
    plan.model.block((door[0], 2.3, z - 0.14), (door[1], 2.42, z + 0.03), stuff.STEEL)
    outside(plan, crew, scene, z)
    plan.backlight = vec(door_x * 1.25, 2.1, z - 3.4)
    wide = left if left[1] - left[0] > right[1] - right[0] else right
    hang_neon(plan, crew, scene, ((wide[0] + wide[1]) / 2, 1.86, z - 0.5))
    return door_x


def open_door(plan: Plan, hinge: tuple[float, float], angle: float, *, width: float = 1.15) -> None:
    """A glass door that stands open at a hinge (x, z)."""
    leaf = Model()
    leaf.new_group()
    for x in (0.04, width - 0.04):
        leaf.block((x - 0.04, 0.0, -0.02), (x + 0.04, 2.28, 0.02), stuff.STEEL)
    for y in (0.09, 2.2):
        leaf.block((0, y - 0.09, -0.02), (width, y + 0.09, 0.02), stuff.STEEL)
    leaf.limb(vec(width - 0.16, 0.85, 0.06), vec(width - 0.16, 1.25, 0.06), (0.016, 0.016), stuff.STEEL)
    plan.model.add(leaf, vec(hinge[0], 0, hinge[1]), yaw=angle)


def corridor(scene: Scene, crew: Crew) -> Plan:
    """A long passage with doors on both sides and a light at its end."""
    plan = Plan(yaw_range=(-0.06, 0.06))
    half, z = 1.35, -11.0
    walls = Material((0.24, 0.24, 0.21), pattern="plaster", gloss=0.1)
    floor = (
        checker(wet=crew.wet)
        if "checker" in scene.look
        else Material((0.13, 0.12, 0.11), second=(0.05, 0.05, 0.05), pattern="tiles", scale=0.6, gloss=0.7, mirror=0.35)
    )
    shell(plan, (half, 2.75, -z), floor, walls)
    hole = (-0.6, 0.6, 0.0, 2.2)
    plan.model.new_group()
    wall(plan.model, (-half, half, z), 2.75, [hole], walls)
    outside(plan, crew, scene, z)
    for k in range(8):
        side = 1 if k % 2 else -1
        plan.model.new_group()
        plan.model.block(
            (side * half - 0.05, 0, z + 1 + k * 1.7), (side * half + 0.05, 2.15, z + 1.95 + k * 1.7), stuff.DARK_WOOD
        )
        plan.model.new_group()
        plan.model.block(
            (side * half - 0.07, 0, z + 0.93 + k * 1.7), (side * half + 0.07, 2.22, z + 1.0 + k * 1.7), FRAME
        )
        plan.model.block(
            (side * half - 0.07, 0, z + 1.95 + k * 1.7), (side * half + 0.07, 2.22, z + 2.02 + k * 1.7), FRAME
        )
    for k in range(5):
        plan.model.casts = False
        plan.model.new_group()
        plan.model.block(
            (-0.12, 2.68, z + 1.5 + k * 3.2),
            (0.12, 2.74, z + 2.4 + k * 3.2),
            stuff.glow((1.0, 0.93, 0.75), 1.4 if k != 2 else 0.05),
        )
        plan.model.casts = True
    plan.practicals += [Practical(vec(0, 2.6, z + 2), "tube", 1.0), Practical(vec(0, 2.6, z + 8.4), "tube", 0.8)]
    plan.backlight = vec(0, 1.9, z - 2.5)
    plan.marks = [Mark(vec(0.05, 0, -2.6)), Mark(vec(-0.55, 0, -4.5)), Mark(vec(0.6, 0, -6.0))]
    return plan


def bar(scene: Scene, crew: Crew) -> Plan:
    """A counter with stools, bottles that glow behind it, lamps hanging over it."""
    plan = Plan(yaw_range=(-0.45, 0.45))
    half, z = 4.2, -3.4
    shell(
        plan,
        (half, 3.0, -z),
        Material((0.10, 0.06, 0.035), second=(0.04, 0.02, 0.012), pattern="planks", scale=0.16, gloss=0.6, mirror=0.3),
        Material((0.12, 0.05, 0.04), pattern="plaster", gloss=0.1),
    )
    plan.model.new_group()
    plan.model.block(
        (-half, 0, z - 0.2),
        (half, 3.0, z - 0.1),
        Material((0.10, 0.04, 0.03), second=(0.06, 0.05, 0.04), pattern="brick", scale=0.24),
    )
    plan.model.new_group()
    plan.model.block(
        (-2.3, 1.15, z - 0.1),
        (2.3, 2.42, z + 0.1),
        Material((0.10, 0.07, 0.04), second=(1.0, 0.62, 0.25), pattern="bottles"),
    )
    for y in (1.12, 1.68, 2.1, 2.44):
        plan.model.block((-2.4, y - 0.02, z - 0.1), (2.4, y + 0.02, z + 0.2), stuff.DARK_WOOD)
    plan.model.add(stuff.counter(4.4, 5), vec(0, 0, z + 1.35))
    for x in (-1.5, 0.0, 1.5):
        plan.model.add(stuff.pendant(1.0, (1.0, 0.72, 0.38), 8.0), vec(x, 3.0, z + 1.4))
        plan.practicals.append(Practical(vec(x, 1.92, z + 1.45), "tungsten", 0.9, size=0.12))
    if "neon" in scene.pieces or crew.night:
        hang_neon(plan, crew, scene, (crew.side() * 3.1, 2.3, z + 0.05), walled=False)
    plan.backlight = vec(0.0, 2.2, z + 0.5)
    seat = 0.79
    plan.marks = [
        Mark(vec(crew.pick(-0.5, 0.5), 0, z + 2.45), 0.25),
        Mark(vec(1.3, 0, z + 2.3), -0.7),
        Mark(vec(0.3, 0, z + 0.62), 0.0),
    ]
    if any(who.pose == "sit" for who in scene.people):
        plan.marks = [
            Mark(vec(-0.44 * 0 - 0.0, 0, z + 2.07), 2.5, seat=seat),
            Mark(vec(0.88, 0, z + 2.07), -2.3, seat=seat),
            Mark(vec(0.2, 0, z + 0.62), 0.0),
        ]
    return plan


def room(scene: Scene, crew: Crew) -> Plan:
    """A room for living or working in, with the furniture that was asked for along its walls."""
    plan = Plan(yaw_range=(-0.3, 0.3))
    half, z = 3.1, -3.2
    floor = (
        checker(wet=crew.wet)
        if "checker" in scene.look
        else Material(
            (0.19, 0.105, 0.055),
            second=(0.05, 0.03, 0.018),
            pattern="planks",
            scale=0.13,
            gloss=0.5,
            mirror=0.4 if crew.wet else 0.16,
        )
    )
    shell(plan, (half, 2.85, -z), floor, PLASTER)
    _back_wall(plan, scene, crew, (half, z))
    dressing.dress(plan, crew, scene, (half, z))
    plan.marks += [
        Mark(vec(crew.pick(-0.3, 0.3), 0, -0.3)),
        Mark(vec(1.0, 0, -0.9), -0.5),
        Mark(vec(-1.2, 0, -1.2), 0.5),
    ]
    return plan


def _back_wall(plan: Plan, scene: Scene, crew: Crew, size: tuple[float, float]) -> None:
    half, z = size
    side = crew.side()
    holes: list[tuple[float, float, float, float]] = []
    door_x = side * crew.pick(0.5, 0.95)
    with_door = "door" in scene.pieces
    if with_door:
        holes.append((door_x - 0.5, door_x + 0.5, 0.0, 2.15))
    centre = -side * 1.55 if with_door else crew.pick(-0.9, 0.9)
    window = (centre - 0.85, centre + 0.85, 0.8, 2.3)
    if not with_door or "window" in scene.pieces or "neon" in scene.pieces:
        holes.append(window)
        window_frame(plan.model, window, z, (2, 2))
        if "blinds" in scene.pieces or (scene.setting == "office" and crew.night):
            venetian(plan.model, window, z)
        elif scene.setting in ("bedroom", "room", "kitchen"):
            _curtains(plan, window, z)
    plan.model.new_group()
    wall(plan.model, (-half, half, z), plan.ceiling, holes, PLASTER)
    if with_door:
        plan.model.new_group()
        for x in (door_x - 0.5, door_x + 0.5):
            plan.model.block((x - 0.06, 0, z - 0.14), (x + 0.06, 2.2, z + 0.04), FRAME)
        plan.model.block((door_x - 0.56, 2.12, z - 0.14), (door_x + 0.56, 2.24, z + 0.04), FRAME)
        plan.model.new_group()
        leaf = Model()
        leaf.block((0, 0, -0.02), (0.98, 2.1, 0.02), stuff.DARK_WOOD)
        plan.model.add(leaf, vec(door_x + 0.5 * side, 0, z + 0.04), yaw=-1.25 if side > 0 else -1.9)
        plan.marks.append(Mark(vec(door_x, 0, z + 0.1)))
        plan.backlight = vec(door_x, 1.35, z - 4.2)
    else:
        plan.backlight = vec(centre, 2.0, z - 2.5)
    outside(plan, crew, scene, z)
    if "neon" in scene.pieces:
        hang_neon(plan, crew, scene, (centre, 1.62, z - 0.55))
    plan.practicals.append(
        Practical(vec(centre, 2.1, z - 1.2), "day", 2.2, size=0.8, aim=vec(0, 0.4, 0.6), visible_beam=1.2, walled=True)
    )


def _curtains(plan: Plan, window: tuple[float, float, float, float], z: float) -> None:
    cloth = Material((0.28, 0.23, 0.2), pattern="curtain", translucent=0.3)
    for x0, x1 in ((window[0] - 0.25, window[0] + 0.12), (window[1] - 0.12, window[1] + 0.25)):
        plan.model.new_group()
        plan.model.block((x0, 0.1, z + 0.05), (x1, 2.5, z + 0.10), cloth)
