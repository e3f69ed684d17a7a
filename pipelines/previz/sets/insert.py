"""Close shots of things: a hand on a door handle, a hand, a gun, a telephone, a cup; near the origin, life size."""

import numpy as np

from pipelines.previz.figures import SKIN
from pipelines.previz.geometry import UP, Material, Model, Vec, bent, frame_along, unit, vec
from pipelines.previz.scene import Scene
from pipelines.previz.sets import stuff
from pipelines.previz.sets.interior import hang_neon, outside
from pipelines.previz.sets.plan import Crew, Mark, Plan, Practical, wall

SLEEVE = Material((0.035, 0.03, 0.034), gloss=0.15, cloth=0.5)
CHROME = Material((0.62, 0.64, 0.66), gloss=1.0, metal=1.0)


def build(scene: Scene, crew: Crew) -> Plan:
    """The set of an insert: the thing at about (0, 1.05, 0), a door or table with it, the place behind out of focus."""
    plan = Plan(yaw_range=(-0.35, 0.35), ceiling=3.0, min_camera_y=0.6)
    _background(plan, scene, crew)
    if scene.insert == "handle":
        _handle(plan, scene)
    else:
        _table(plan, scene)
    plan.marks = [Mark(vec(0, 0, 0))]
    plan.backlight = vec(crew.side() * 1.2, 1.7, -3.0)
    return plan


def hand(wrist: Vec, along: Vec, palm_down: Vec, curl: float, skin: Material = SKIN) -> Model:
    """A right hand: `along` points from wrist to knuckles, `palm_down` out of the palm; `curl` is 0 flat to 1 fist."""
    model = Model()
    model.new_group(smooth=0.005)
    frame = frame_along(along, palm_down)  # x across the knuckles, y along, z out of the palm

    def spot(x: float, y: float, z: float) -> Vec:
        return wrist + frame @ vec(x, y, z)

    model.limb(spot(0, -0.10, 0), spot(0, 0.0, 0), (0.032, 0.027), skin)
    model.ball(spot(0, 0.045, 0), (0.042, 0.058, 0.017), skin, frame)
    model.ball(spot(0.022, 0.03, 0.008), (0.02, 0.036, 0.016), skin, frame)
    for index, length in enumerate((0.072, 0.082, 0.077, 0.06)):
        x = 0.030 - 0.020 * index
        knuckle = spot(x, 0.092 - 0.006 * abs(index - 1.2), -0.003)
        angles = np.cumsum(np.array([0.55, 0.95, 0.75]) * curl * (1.0 + 0.05 * index))
        radius, at = 0.0105 - 0.0006 * index, knuckle
        model.ball(knuckle, radius * 1.18, skin)
        for part, angle in zip((0.45, 0.32, 0.23), angles, strict=True):
            step = frame @ vec(0, np.cos(angle), np.sin(angle)) * (length * part * 1.12)
            model.limb(at, at + step, (radius, radius * 0.90), skin)
            at, radius = at + step, radius * 0.90
        nail = at - frame @ vec(0, -np.sin(angles[2]), np.cos(angles[2])) * radius * 0.72
        model.ball(nail, (radius * 0.72, radius * 0.95, radius * 0.4), Material((0.5, 0.06, 0.09), gloss=0.9), frame)
    base, tip = spot(0.030, 0.012, 0.010), spot(0.052 - 0.030 * curl, 0.082, 0.022 + 0.026 * curl)
    middle = bent(base, tip, (0.046, 0.040), frame @ vec(1, 0.2, 0.1))
    model.limb(base, middle, (0.0155, 0.012), skin)
    model.limb(middle, tip, (0.012, 0.0095), skin)
    model.new_group(smooth=0.005)
    return model


def _background(plan: Plan, scene: Scene, crew: Crew) -> None:
    z = -2.6
    plan.model.new_group()
    plan.model.casts = False
    floor = Material((0.05, 0.05, 0.055), pattern="asphalt", gloss=0.6, mirror=0.5 if crew.wet else 0.1)
    plan.model.sheet(vec(0, 0, 10), vec(0, 1, 0), (30, 30), floor)
    plan.model.casts = True
    hole = (-1.7, 1.7, 0.6, 2.5)
    plan.model.new_group()
    wall(plan.model, (-6, 6, z), 3.0, [hole], Material((0.10, 0.10, 0.105), pattern="plaster"))
    outside(plan, crew, scene, z)
    if crew.night or "neon" in scene.pieces:
        hang_neon(plan, crew, scene, (crew.side() * 0.9, 1.62, z - 3.0))
        plan.practicals.append(Practical(vec(-1.4, 1.5, -1.2), "neon-2", 2.2, size=0.4))


def _handle(plan: Plan, scene: Scene) -> None:
    """A glass door seen from close by: a steel stile with an upright bar, the hand around it."""
    model = plan.model
    model.new_group()
    frame = Material((0.07, 0.075, 0.08), gloss=0.7, metal=0.5)
    model.block((-0.10, 0.0, -0.045), (0.02, 2.3, 0.0), frame)
    model.block((-0.09, 0.0, -0.03), (-0.02, 2.3, 0.006), Material((0.11, 0.115, 0.12), gloss=0.8, metal=0.6))
    model.new_group(smooth=0.005)
    bar_x, bar_z = -0.035, 0.075
    model.limb(vec(bar_x, 0.80, bar_z), vec(bar_x, 1.34, bar_z), (0.0155, 0.0155), CHROME)
    for y in (0.84, 1.30):
        model.limb(vec(bar_x, y, bar_z), vec(bar_x, y, 0.0), (0.012, 0.013), CHROME)
        model.tube(vec(bar_x, y, 0.004), vec(bar_x, y, 0.014), (0.034, 0.028), CHROME)
    model.new_group()
    model.tube(vec(bar_x, 0.70, 0.0), vec(bar_x, 0.70, 0.016), (0.026, 0.024), CHROME)
    model.block((bar_x - 0.003, 0.685, 0.012), (bar_x + 0.003, 0.715, 0.0175), stuff.BLACK)
    wrist = vec(0.078, 1.02, 0.125)
    along = unit(vec(-1.0, 0.33, -0.12))
    grip = hand(wrist, along, unit(vec(-0.25, -0.1, -1.0)), 0.98)
    model.add(grip)
    model.new_group(smooth=0.005)
    elbow = wrist - along * 0.30 + vec(0.03, -0.12, 0.06)
    model.limb(elbow, wrist - along * 0.055, (0.062, 0.044), SLEEVE)
    model.tube(wrist - along * 0.075, wrist - along * 0.045, (0.047, 0.045), SLEEVE)
    if "wet" in scene.weather or "chrome" in scene.look:
        _drops(model, (bar_x, bar_z))


def _drops(model: Model, bar: tuple[float, float]) -> None:
    rng = np.random.default_rng(5)
    water = Material((0.12, 0.13, 0.14), gloss=1.0, metal=0.7)
    for _ in range(46):
        y, angle = float(rng.uniform(0.8, 1.33)), float(rng.uniform(-1.4, 1.4))
        at = vec(bar[0] + np.sin(angle) * 0.0155, y, bar[1] + np.cos(angle) * 0.0155)
        size = float(rng.uniform(0.0015, 0.0036))
        model.new_group()
        model.ball(at, (size, size * float(rng.uniform(1.0, 2.2)), size), water)
    for _ in range(60):
        at = vec(float(rng.uniform(-0.10, 0.02)), float(rng.uniform(0.75, 1.35)), 0.006)
        size = float(rng.uniform(0.0015, 0.004))
        model.new_group()
        model.ball(at, (size, size * 1.4, size), water)


def _table(plan: Plan, scene: Scene) -> None:
    """A table top at 0.98 with the thing and a hand on it."""
    model = plan.model
    model.new_group()
    model.block((-1.2, 0.92, -0.5), (1.2, 0.98, 0.5), stuff.DARK_WOOD)
    top = vec(0, 0.98, 0)
    if scene.insert == "telephone":
        model.add(stuff.telephone(), top + vec(-0.06, 0, 0))
        model.add(hand(top + vec(0.21, 0.17, 0.03), unit(vec(-1, 0.0, -0.25)), vec(0, -1, 0), 0.55))
        _sleeve(model, top + vec(0.27, 0.17, 0.045), vec(0.6, 0.12, 0.22))
    elif scene.insert == "gun":
        model.add(_revolver(), top + vec(0, 0.075, 0.0))
        model.add(hand(top + vec(0.20, 0.05, 0.08), unit(vec(-1, 0.05, -0.25)), unit(vec(0, -0.5, -1)), 0.8))
        _sleeve(model, top + vec(0.26, 0.05, 0.09), vec(0.6, 0.05, 0.22))
    elif scene.insert == "cup":
        glass = Material((0.10, 0.075, 0.04), gloss=1.0, metal=0.3)
        model.new_group()
        model.tube(top, top + vec(0, 0.10, 0), (0.036, 0.042), glass)
        model.tube(
            top + vec(0, 0.006, 0),
            top + vec(0, 0.05, 0),
            (0.035, 0.038),
            Material((0.4, 0.16, 0.03), gloss=0.6, emission=(0.05, 0.018, 0.003)),
        )
        model.add(hand(top + vec(0.13, 0.05, 0.03), unit(vec(-1, 0.05, -0.15)), unit(vec(-0.2, 0, -1)), 0.62))
        _sleeve(model, top + vec(0.19, 0.05, 0.04), vec(0.6, 0.02, 0.2))
    else:
        model.add(hand(top + vec(0.12, 0.025, 0.03), unit(vec(-1, 0.03, -0.2)), vec(0, -1, 0), 0.28))
        _sleeve(model, top + vec(0.18, 0.028, 0.042), vec(0.6, 0.06, 0.2))


def _sleeve(model: Model, start: Vec, away: Vec) -> None:
    model.new_group(smooth=0.005)
    model.limb(start + unit(away) * 0.04, start + away, (0.042, 0.065), SLEEVE)


def _revolver() -> Model:
    model = Model()
    model.new_group()
    steel = Material((0.05, 0.05, 0.055), gloss=0.9, metal=0.9)
    model.tube(vec(-0.06, 0.03, 0), vec(-0.20, 0.03, 0), (0.012, 0.011), steel)
    model.block((-0.20, 0.038, -0.003), (-0.06, 0.046, 0.003), steel)
    model.block((-0.07, -0.01, -0.012), (0.05, 0.045, 0.012), steel)
    model.tube(vec(-0.055, 0.018, 0), vec(-0.005, 0.018, 0), (0.024, 0.024), steel)
    model.new_group(smooth=0.005)
    model.limb(vec(0.04, 0.01, 0), vec(0.085, -0.07, 0), (0.017, 0.022), stuff.WOOD)
    model.tube(vec(0.0, -0.012, 0.0), vec(0.01, -0.04, 0), (0.004, 0.004), steel, (UP, 1.0))
    return model
