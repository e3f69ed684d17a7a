"""Builds the laundromat: from its glass front, or along the wall of machines when somebody sits."""

from pipelines.previz.geometry import Material, Model, vec
from pipelines.previz.scene import Scene
from pipelines.previz.sets import stuff
from pipelines.previz.sets.interior import checker, glass_front, hang_neon, open_door, outside, shell, window_frame
from pipelines.previz.sets.plan import Crew, Mark, Plan, Practical, wall

_PLINTH = 0.38  # the machines stand on a step, their doors at the height of a seated head
_GHOST = 2  # the machine whose glass shows somebody


def laundromat(scene: Scene, crew: Crew) -> Plan:
    """Rows of machines, a checkered floor, a glass front on the street with the sign in the window."""
    if any(who.pose == "sit" for who in scene.people):
        return _laundromat_row(scene, crew)
    plan = Plan(yaw_range=(-0.22, 0.22))
    half, z = 3.7, -3.6
    shell(plan, (half, 2.95, -z), checker(wet=crew.wet), _laundry_tiles())
    door_x = glass_front(plan, crew, scene, z, half)
    open_door(plan, (door_x - 0.6, z + 0.02), -1.9)
    side = -1 if door_x > 0 else 1
    _machines(plan, crew, side * (half - 0.36))
    _folding_side(plan, -side * (half - 0.5), crew)
    _ceiling_tubes(plan, z)
    plan.practicals.append(Practical(vec(0, 2.8, z + 1.0), "tube", 0.9, size=0.8))
    plan.marks = [
        Mark(vec(door_x + 0.05, 0, z + 0.75), 0.0),
        Mark(vec(-side * 0.4, 0, 0.2), 0.0),
        Mark(vec(side * 1.3, 0, -0.8), -side * 0.8),
    ]
    plan.steam = [
        (vec(door_x - 0.5, 0.2, z + 0.4), 1.5),
        (vec(side * (half - 1.0), 0.9, -1.2), 1.2),
        (vec(door_x + 0.8, 0.0, z + 1.2), 1.3),
    ]
    return plan


def _laundromat_row(scene: Scene, crew: Crew) -> Plan:
    """The same place seen from the front: a bench before the wall of machines, the window with its sign to one side."""
    plan = Plan(yaw_range=(-0.35, 0.35))
    half, z = 4.2, -1.75
    shell(plan, (half, 2.95, -z), checker(wet=crew.wet), _laundry_tiles())
    side = crew.side()
    window = (side * 2.9 - 0.95, side * 2.9 + 0.95, 0.6, 2.4)
    plan.model.new_group()
    wall(plan.model, (-half, half, z), 2.95, [window], _laundry_tiles())
    window_frame(plan.model, window, z, (1, 1))
    outside(plan, crew, scene, z)
    hang_neon(plan, crew, scene, (side * 2.9, 1.75, z - 0.5))
    ghost = _ghost(scene) if scene.ghost else None
    plan.model.new_group()
    low, high = sorted((side * 1.85, -side * half))
    plan.model.block(
        (low, 0, z),
        (high, _PLINTH, z + 0.74),
        Material((0.16, 0.17, 0.17), second=(0.1, 0.1, 0.1), pattern="tiles", scale=0.2, gloss=0.4),
    )
    for k in range(8):
        x = side * (1.46 - 0.72 * k)
        machine = stuff.washing_machine(ghost if k == _GHOST else None, crew.neon[1] if k % 3 else (0.9, 0.25, 0.1))
        plan.model.add(machine, vec(x, _PLINTH, z + 0.37))
    plan.model.new_group()
    plan.model.block((low, _PLINTH + 1.16, z), (high, _PLINTH + 1.20, z + 0.5), stuff.STEEL)
    for k in range(7):
        at = vec(side * (1.3 - crew.pick(0.5, 0.7) * k), _PLINTH + 1.2, z + 0.25)
        plan.model.new_group()
        plan.model.tube(
            at,
            at + vec(0, 0.22, 0),
            (0.07, 0.055),
            Material((crew.pick(0.1, 0.5), crew.pick(0.1, 0.3), crew.pick(0.1, 0.4)), gloss=0.5),
        )
    _ceiling_tubes(plan, z)
    bench_at = vec(-side * 0.7, 0, z + 1.35)
    plan.model.add(stuff.bench(1.9), bench_at)
    plan.marks = [
        Mark(bench_at, side * 0.75, seat=0.455),
        Mark(bench_at + vec(side * 1.4, 0, 0.3), -side * 0.9),
        Mark(bench_at - vec(side * 1.5, 0, -0.4), side * 0.8),
    ]
    plan.backlight = vec(side * 3.3, 2.0, z - 1.6)
    plan.steam = [(vec(-side * 1.8, 0.7, z + 0.9), 1.3)]
    return plan


def _laundry_tiles() -> Material:
    return Material((0.20, 0.25, 0.25), second=(0.11, 0.13, 0.13), pattern="tiles", scale=0.22, gloss=0.45)


def _ceiling_tubes(plan: Plan, z: float) -> None:
    plan.model.casts = False
    for k in range(5):
        tube_z = z + 1.0 + k * 2.4
        plan.model.new_group()
        dead = k in (1, 3)
        plan.model.block(
            (-0.75, 2.86, tube_z - 0.06),
            (0.75, 2.91, tube_z + 0.06),
            stuff.glow((0.75, 1.0, 0.92), 0.08 if dead else 1.6),
        )
    plan.model.casts = True


def _machines(plan: Plan, crew: Crew, x: float) -> None:
    yaw = -1.5708 if x > 0 else 1.5708
    for k in range(9):
        z = -3.15 + k * 0.73
        display = crew.neon[1] if k % 3 else (0.9, 0.25, 0.1)
        plan.model.add(stuff.washing_machine(None, display), vec(x, 0, z), yaw=yaw)
        dryer = stuff.washing_machine(None, display)
        plan.model.add(dryer, vec(x * 1.0, 1.06, z), yaw=yaw)


def _ghost(scene: Scene) -> Model:
    """A face and shoulders dimly in a glass pane of 0.19 radius."""
    ghost = Model(casts=False)
    ghost.new_group()
    pattern = "face-woman" if scene.ghost == "woman" else "face"
    pale = Material((0.30, 0.21, 0.17), second=(0.3, 0.2, 0.16), emission=(0.035, 0.027, 0.026), pattern=pattern)
    cloth = Material((0.07, 0.07, 0.08), emission=(0.008, 0.009, 0.012))
    felt = Material((0.03, 0.03, 0.033), emission=(0.003, 0.003, 0.004))
    ghost.ball(vec(0, -0.125, 0.004), (0.125, 0.058, 0.004), cloth)
    ghost.ball(vec(0, -0.07, 0.006), (0.03, 0.04, 0.004), pale)
    ghost.ball(vec(0, 0.005, 0.008), (0.050, 0.074, 0.02), pale)
    if scene.ghost == "woman":
        ghost.ball(vec(0, 0.02, 0.004), (0.066, 0.085, 0.006), felt)
    else:
        ghost.ball(vec(0, 0.052, 0.026), (0.104, 0.013, 0.003), felt)
        ghost.ball(vec(0, 0.082, 0.024), (0.060, 0.040, 0.003), felt)
    return ghost


def _folding_side(plan: Plan, x: float, crew: Crew) -> None:
    plan.model.add(stuff.table((2.4, 0.9, 0.75), Material((0.4, 0.4, 0.38), gloss=0.4)), vec(x, 0, -0.9), yaw=1.5708)
    for k in range(4):
        shade = crew.pick(0.2, 0.5)
        plan.model.new_group(smooth=0.012)
        plan.model.ball(
            vec(x + crew.pick(-0.15, 0.15), 0.95, -1.8 + k * 0.6),
            (0.16, 0.08 + 0.03 * k, 0.2),
            Material((shade, shade * 0.95, shade * 0.9), pattern="fabric"),
        )
    plan.model.add(stuff.framed_picture(0.7, 0.9), vec(x * 1.14, 1.75, -1.6), yaw=-1.5708 if x > 0 else 1.5708)
