"""Furnishes a room along its walls with what the prompt asked for and what such a room usually has."""

from collections.abc import Callable

from pipelines.previz.geometry import Material, vec
from pipelines.previz.scene import Scene
from pipelines.previz.sets import stuff
from pipelines.previz.sets.plan import Crew, Mark, Plan, Practical

_USUAL: dict[str, tuple[str, ...]] = {
    "office": ("bookshelf", "picture", "lamp"),
    "bedroom": ("bed", "lamp", "picture"),
    "library": ("bookshelf", "lamp", "chair"),
    "kitchen": ("table", "plant"),
    "room": ("picture", "lamp"),
}


def dress(plan: Plan, crew: Crew, scene: Scene, size: tuple[float, float]) -> None:
    """Put the furniture in a room of that half width and back wall z."""
    wanted = scene.pieces | set(_USUAL.get(scene.setting, ()))
    if {"telephone", "screen"} & wanted:
        wanted |= {"table"}  # something has to carry it
    for piece, place in _DRESS.items():
        if piece in wanted:
            place(plan, crew, scene, size)


def _dress_bookshelf(plan: Plan, crew: Crew, scene: Scene, size: tuple[float, float]) -> None:
    side = crew.side()
    plan.model.add(stuff.bookshelf(2.6), vec(side * (size[0] - 0.18), 0, -1.4), yaw=-side * 1.5708)
    if scene.setting == "library":
        plan.model.add(stuff.bookshelf(2.6), vec(-side * (size[0] - 0.18), 0, -1.4), yaw=side * 1.5708)
        plan.model.add(stuff.bookshelf(1.7), vec(side * (size[0] - 1.2), 0, size[1] + 0.2))


def _dress_fire(plan: Plan, crew: Crew, _scene: Scene, size: tuple[float, float]) -> None:
    side = crew.side()
    plan.model.add(stuff.hearth(9.0), vec(side * (size[0] - 0.12), 0, -0.9), yaw=-side * 1.5708)
    plan.practicals.append(
        Practical(vec(side * (size[0] - 0.7), 0.45, -0.9), "fire", 2.6, size=0.3, aim=vec(0, 0.8, 0))
    )


def _dress_mirror(plan: Plan, crew: Crew, _scene: Scene, size: tuple[float, float]) -> None:
    x = crew.side() * 2.3
    z = size[1] + 0.06
    plan.model.new_group()
    plan.model.block(
        (x - 0.62, 0.35, z), (x + 0.62, 2.15, z + 0.03), Material((0.35, 0.25, 0.09), gloss=0.7, metal=0.6)
    )
    plan.model.new_group()
    plan.model.sheet(vec(x, 1.25, z + 0.04), vec(0, 0, 1), (0.55, 0.83), Material((0.02, 0.02, 0.02), mirror=-1.0))
    plan.mirror = (vec(x, 1.25, z + 0.04), vec(0, 0, 1))


def _dress_picture(plan: Plan, crew: Crew, _scene: Scene, size: tuple[float, float]) -> None:
    side = crew.side()
    plan.model.add(stuff.framed_picture(1.0, 0.75), vec(side * (size[0] - 0.02), 1.6, 0.3), yaw=-side * 1.5708)


def _dress_staircase(plan: Plan, crew: Crew, _scene: Scene, size: tuple[float, float]) -> None:
    side = crew.side()
    plan.model.add(stuff.staircase(13), vec(side * (size[0] - 0.75), 0, 0.7))
    plan.marks.insert(0, Mark(vec(side * (size[0] - 1.75), 0, 0.9), -side * 0.3))


def _dress_plant(plan: Plan, crew: Crew, _scene: Scene, size: tuple[float, float]) -> None:
    plan.model.add(stuff.plant(crew.rng), vec(crew.side() * (size[0] - 0.55), 0, size[1] + 0.6))


def _dress_lamp(plan: Plan, crew: Crew, _scene: Scene, size: tuple[float, float]) -> None:
    x = crew.side() * (size[0] - 0.8)
    plan.model.add(stuff.floor_lamp((1.0, 0.68, 0.36), 2.6), vec(x, 0, size[1] + 0.75))
    plan.practicals.append(Practical(vec(x, 1.5, size[1] + 0.8), "tungsten", 1.5, size=0.2))


def _dress_bed(plan: Plan, crew: Crew, scene: Scene, size: tuple[float, float]) -> None:
    x = crew.side() * 1.2
    plan.model.add(stuff.bed(), vec(x, 0, size[1] + 1.2))
    if any(who.pose in ("sit", "lie") for who in scene.people):
        lying = scene.people[0].pose == "lie"
        spot = vec(x, 0, size[1] + 1.25) if lying else vec(x - 0.78 * x / abs(x), 0, size[1] + 1.5)
        plan.marks.insert(0, Mark(spot, 0.0 if lying else -1.1 * x / abs(x), seat=0.58))


def _dress_chair(plan: Plan, crew: Crew, scene: Scene, _size: tuple[float, float]) -> None:
    if "table" in scene.pieces:
        return
    at = vec(crew.pick(-0.8, 0.8), 0, -0.7)
    yaw = crew.pick(-0.6, 0.6)
    plan.model.add(stuff.armchair(), at, yaw=yaw)
    if any(who.pose == "sit" for who in scene.people):
        plan.marks.insert(0, Mark(at + vec(0, 0, 0.02), yaw, seat=0.44))


def _dress_table(plan: Plan, crew: Crew, scene: Scene, _size: tuple[float, float]) -> None:
    at = vec(0, 0, -0.9)
    plan.model.add(stuff.desk() if scene.setting == "office" else stuff.table(), at)
    for side in (-1, 1):
        plan.model.add(stuff.chair(), at + vec(side * 1.12, 0, 0.05), yaw=-side * 1.5708)
    plan.model.add(stuff.desk_lamp((1.0, 0.7, 0.36), 4.0), at + vec(crew.pick(-0.15, 0.15), 0.76, -0.22))
    plan.practicals.append(Practical(at + vec(0, 1.0, -0.1), "tungsten", 0.55, size=0.15))
    if "telephone" in scene.pieces:
        plan.model.add(stuff.telephone(), at + vec(0.42, 0.76, 0.18))
    if "screen" in scene.pieces:
        plan.model.add(stuff.screen((0.4, 0.7, 1.0), 1.4), at + vec(-0.45, 0.76, -0.1))
    if any(who.pose == "sit" for who in scene.people):
        seats = [
            Mark(at + vec(-1.08, 0, 0.05), 1.35, seat=0.47),
            Mark(at + vec(1.08, 0, 0.05), -1.35, seat=0.47),
            Mark(at + vec(0, 0, -1.0), 0.0),
        ]
        plan.marks = [*seats, *plan.marks]


Dresser = Callable[[Plan, Crew, Scene, tuple[float, float]], None]

_DRESS: dict[str, Dresser] = {
    "bookshelf": _dress_bookshelf,
    "fire": _dress_fire,
    "mirror": _dress_mirror,
    "picture": _dress_picture,
    "staircase": _dress_staircase,
    "plant": _dress_plant,
    "lamp": _dress_lamp,
    "bed": _dress_bed,
    "chair": _dress_chair,
    "table": _dress_table,
}
