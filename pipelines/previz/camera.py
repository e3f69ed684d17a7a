"""Sets the camera up: where it stands for a shot size, an angle and a lens, and what it is focused on."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from dataclasses import dataclass

import numpy as np

from pipelines.previz.cast import View
from pipelines.previz.figures import HEIGHT
from pipelines.previz.geometry import UP, Vec, turned, unit, vec
from pipelines.previz.scene import Scene
from pipelines.previz.sets.build import Placed
from pipelines.previz.sets.plan import Plan

SENSOR_MM = 24.9  # Super 35, along the longer side of the picture

# Height of the frame at the subject, in heights of a person.
_FRAME_HEIGHT = {"extreme-wide": 3.3, "wide": 1.42, "medium": 0.66, "close-up": 0.30, "extreme-close-up": 0.17}
_INSERT_HEIGHT = {"close-up": 0.33, "extreme-close-up": 0.2}


@dataclass(frozen=True)
class Camera:
    """A view, the distance it is focused at (metres along the axis), and what is in focus."""

    view: View
    focus: float
    subject: Vec
    yaw: float
    lens_mm: float
    t_stop: float
    near: float


@dataclass(frozen=True)
class Glass:
    """The lens and the format."""

    lens_mm: float
    t_stop: float
    aspect: float

    def tangents(self) -> tuple[float, float]:
        """Half the field of view, as tangents, across and up."""
        half = SENSOR_MM / 2 / self.lens_mm
        return (half, half / self.aspect) if self.aspect >= 1 else (half * self.aspect, half)


def set_up(scene: Scene, plan: Plan, placed: list[Placed], glass: Glass, rng: np.random.Generator) -> Camera:
    """The camera for a scene; chance decides the side it looks from and the third the subject stands in."""
    chance = rng.uniform(-1, 1, size=6)
    tan_x, tan_y = glass.tangents()
    target, height = _target(scene, plan, placed)
    width_needed = _width(placed, scene)
    distance = max(height / (2 * tan_y), width_needed / (2 * tan_x))
    yaw = _yaw(plan, target, distance, float(chance[0]))
    away = turned(vec(0, 0, 1), yaw)
    pitch, tilt = _tilt(scene, float(chance[1]))
    offset = away * np.cos(pitch) + UP * np.sin(pitch)
    position = target + offset * distance
    lowest = 0.9 if any(person.who.pose == "lie" for person in placed) and scene.angle != "low" else plan.min_camera_y
    position[1] = max(position[1] + tilt * height, lowest)
    if plan.ceiling < 100:
        position[1] = min(position[1], plan.ceiling - 0.15)
    third = _third(scene, placed, float(chance[2]), float(chance[3]))
    aim = (
        target - np.cross(unit(target - position), UP) * third[0] * tan_x * distance - UP * third[1] * tan_y * distance
    )
    forward = unit(aim - position)
    roll = 0.16 * (1 if chance[4] > 0 else -1) if scene.angle == "dutch" else 0.0
    right = unit(np.cross(forward, UP) if abs(forward[1]) < 0.98 else turned(vec(1, 0, 0), yaw))
    up = np.cross(right, forward)
    right, up = right * np.cos(roll) + up * np.sin(roll), up * np.cos(roll) - right * np.sin(roll)
    focus = float((target - position) @ forward)
    near = 0.32 * focus if scene.interior else min(1.2, 0.3 * focus)
    view = View(position, forward, right, up, tan_x, tan_y, 2, 2)
    return Camera(view, focus, target, yaw, glass.lens_mm, glass.t_stop, near)


def _target(scene: Scene, plan: Plan, placed: list[Placed]) -> tuple[Vec, float]:
    """The point the shot is about and the height of the frame there, in metres."""
    if scene.insert:
        return vec(0, 1.06, 0.04), _INSERT_HEIGHT[scene.shot]
    if not placed:
        mark = plan.marks[0].at if plan.marks else vec(0, 0, 0)
        tall = {"extreme-wide": 6.5, "wide": 2.7, "medium": 1.6, "close-up": 0.8, "extreme-close-up": 0.5}[scene.shot]
        return mark * 0.5 + vec(0, min(tall * 0.42, 1.5), 0), tall
    first = placed[0]
    h = HEIGHT[first.who.kind]
    frame = _FRAME_HEIGHT[scene.shot] * h
    # The middle of the frame, measured down from the eyes, so that head room stays the same for tall and small.
    below = {"extreme-wide": 0.35, "wide": 0.42, "medium": 0.17, "close-up": 0.035, "extreme-close-up": 0.0}[
        scene.shot
    ] * h
    if first.who.pose in ("sit", "crouch", "lie") and scene.shot in ("wide", "extreme-wide"):
        below *= 0.55
    middle = first.eye if len(placed) != 2 else (placed[0].eye + placed[1].eye) / 2
    return middle - vec(0, below, 0), frame


def _width(placed: list[Placed], scene: Scene) -> float:
    if len(placed) < 2 or scene.shot in ("close-up", "extreme-close-up"):
        return 0.0
    group = placed[:2] if len(placed) == 2 else placed[:4]
    xs = [person.at[0] for person in group]
    return (max(xs) - min(xs) + 0.9) * 1.15


def _yaw(plan: Plan, target: Vec, distance: float, chance: float) -> float:
    low, high = plan.yaw_range
    yaw = (low + high) / 2 + chance * (high - low) / 2
    room = plan.half - 1.15
    across = np.clip(target[0] + np.sin(yaw) * distance, -max(room, 0.2), max(room, 0.2))
    return float(np.arcsin(np.clip((across - target[0]) / distance, -0.9, 0.9)))


def _tilt(scene: Scene, chance: float) -> tuple[float, float]:
    """How far the camera is raised about the subject (radians), and shifted (in frame heights)."""
    match scene.angle:
        case "low":
            return (0.0, -0.12) if "shadow" in scene.look else (-0.03, -0.24)
        case "high":
            return 0.42, 0.0
        case "overhead":
            return 1.18, 0.0
        case _:
            return 0.015 + 0.03 * chance, 0.0


def _third(scene: Scene, placed: list[Placed], chance: float, side: float) -> tuple[float, float]:
    """Where in the frame the subject goes, from -1 to 1 across and up."""
    sign = 1.0 if side > 0 else -1.0
    across = sign * (0.26 + 0.12 * chance)
    if len(placed) >= 2:
        across *= 0.3
    elif scene.shot in ("close-up", "extreme-close-up"):
        across *= 0.75
    if not placed and not scene.insert:
        across *= 0.6
    up = 0.0
    if scene.shot == "extreme-wide":
        up = -0.22 if side * chance > 0 else -0.34
    if scene.angle == "low":
        # A shadow on the floor needs floor to fall on.
        up = 0.16 if "shadow" in scene.look else -0.10
    return across, up
