"""Chooses the builder of a scene's set and puts the people on their marks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.previz import figures
from pipelines.previz.colour import Palette, at_luminance
from pipelines.previz.geometry import Material, Rgb, Vec, vec
from pipelines.previz.scene import Person, Scene
from pipelines.previz.sets import exterior, insert, interior, laundromat, stuff
from pipelines.previz.sets.plan import Crew, Mark, Plan

Builder = Callable[[Scene, Crew], Plan]

_BUILDERS: dict[str, Builder] = {
    "laundromat": laundromat.laundromat,
    "corridor": interior.corridor,
    "bar": interior.bar,
    "street": exterior.street,
    "skyline": exterior.skyline,
    "forest": exterior.forest,
    "desert": exterior.desert,
    "sea": exterior.sea,
    "mountains": exterior.mountains,
    "field": exterior.field,
}

NEON: dict[str, Rgb] = {
    "red": (0.95, 0.015, 0.02),
    "blue": (0.03, 0.10, 0.95),
    "green": (0.02, 0.75, 0.10),
    "pink": (0.95, 0.03, 0.40),
    "cyan": (0.0, 0.62, 0.80),
    "amber": (0.98, 0.38, 0.02),
}


@dataclass
class Placed:
    """A person on a mark."""

    who: Person
    at: Vec
    yaw: float
    eye: Vec


def crew_of(scene: Scene, palette: Palette, rng: np.random.Generator, *, night: bool) -> Crew:
    """The crew for a scene: signs take the palette's strongest colours unless the prompt names one."""
    first, second = palette.accents
    if scene.neon_colour:
        first = NEON[scene.neon_colour]
        second = palette.accents[1] if scene.neon_colour != "cyan" else palette.accents[0]
    return Crew(rng, (at_luminance(first, 0.35), at_luminance(second, 0.35)), night, "wet" in scene.weather)


def build(scene: Scene, crew: Crew) -> tuple[Plan, list[Placed]]:
    """The set with its people in it."""
    if scene.insert:
        return insert.build(scene, crew), []
    plan = _BUILDERS.get(scene.setting, interior.room)(scene, crew)
    placed = [_place(plan, scene, crew, index) for index in range(len(scene.people))]
    return plan, placed


def _place(plan: Plan, scene: Scene, crew: Crew, index: int) -> Placed:
    who = scene.people[index]
    seats = [mark for mark in plan.marks if mark.seat > 0]
    standing = [mark for mark in plan.marks if mark.seat == 0]
    seated = who.pose == "sit" or (who.pose == "lie" and bool(seats))
    mark = _mark(seats if seated and index < len(seats) else standing, index, crew)
    yaw = mark.yaw if mark.seat else _yaw(who, mark, crew)
    at = mark.at.copy()
    if who.pose == "sit" and mark.seat == 0:
        plan.model.add(stuff.chair(), at, yaw=yaw)
        mark = Mark(at, yaw, 0.46)
    if who.pose == "lie":
        at[1] += mark.seat
    elif seated:
        at[1] += mark.seat - 0.235 * figures.HEIGHT[who.kind] + 0.02
    silhouette = Material((0.012, 0.012, 0.014), gloss=0.05) if "silhouette" in scene.look else None
    model = figures.person(who, crew.rng, silhouette)
    plan.model.add(model, at, yaw=yaw)
    h = figures.HEIGHT[who.kind]
    eye = {"sit": 0.68 * h, "lie": 0.12 * h, "crouch": 0.55 * h}.get(who.pose, 0.935 * h)
    return Placed(who, at, yaw, at + vec(0, eye, 0))


def _mark(marks: list[Mark], index: int, crew: Crew) -> Mark:
    if index < len(marks):
        return marks[index]
    return Mark(
        vec(crew.pick(-2.4, 2.4), 0, -1.0 - 0.9 * (index - len(marks)) - crew.pick(0, 0.6)), crew.pick(-0.5, 0.5)
    )


def _yaw(who: Person, mark: Mark, crew: Crew) -> float:
    base = {"camera": mark.yaw * 0.6, "away": np.pi, "left": -1.35, "right": 1.35}[who.facing]
    return float(base) + crew.pick(-0.3, 0.3)
