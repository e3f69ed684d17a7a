"""Camera moves of an animatic: where the camera is at each moment, beside where the frame was composed; pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.previz.geometry import Plane


@dataclass(frozen=True)
class Pose:
    """A camera beside the composed one: metres right, up and forward; radians to the right and up; field of view."""

    right: float = 0.0
    up: float = 0.0
    forward: float = 0.0
    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 1.0
    """How much longer the lens is."""

    def rays(self, x: Plane, y: Plane) -> tuple[Plane, Plane, Plane]:
        """Directions in the composed camera's axes of rays at tangents `x`, `y` of this one."""
        x, y = x / self.zoom, y / self.zoom
        up = y * math.cos(self.tilt) + math.sin(self.tilt)
        ahead = math.cos(self.tilt) - y * math.sin(self.tilt)
        return (
            x * math.cos(self.pan) + ahead * math.sin(self.pan),
            up,
            ahead * math.cos(self.pan) - x * math.sin(self.pan),
        )


Move = Callable[[float, float, float], Pose]
"""(how far the move is, 0 to 1; metres to the subject; how far it goes, 0 to 1) -> pose."""


def _centred(t: float) -> float:
    return 2 * t - 1


def _orbit(t: float, focus: float, amount: float) -> Pose:
    angle = 0.16 * amount * _centred(t)
    return Pose(right=focus * math.sin(angle), forward=focus * (1 - math.cos(angle)), pan=-angle)


def _handheld(t: float, focus: float, amount: float) -> Pose:
    """Slow waves that do not repeat within a clip, as an operator breathes."""
    wave = 2 * math.pi * t
    sway = 0.010 * amount * focus
    return Pose(
        right=sway * (math.sin(2 * wave + 0.4) + 0.5 * math.sin(5.3 * wave)),
        up=sway * 0.7 * (math.sin(3 * wave) + 0.4 * math.sin(7.1 * wave + 1.0)),
        pan=0.007 * amount * math.sin(1.7 * wave + 2.0),
        tilt=0.006 * amount * math.sin(2.6 * wave + 0.7),
    )


MOVES: dict[str, Move] = {
    "static": lambda _t, _focus, _amount: Pose(),
    "push-in": lambda t, focus, amount: Pose(forward=0.42 * amount * t * focus),
    "pull-out": lambda t, focus, amount: Pose(forward=0.42 * amount * (1 - t) * focus),
    "pan-left": lambda t, _focus, amount: Pose(pan=-0.14 * amount * _centred(t)),
    "pan-right": lambda t, _focus, amount: Pose(pan=0.14 * amount * _centred(t)),
    "tilt-up": lambda t, _focus, amount: Pose(tilt=0.10 * amount * _centred(t)),
    "tilt-down": lambda t, _focus, amount: Pose(tilt=-0.10 * amount * _centred(t)),
    "truck-left": lambda t, focus, amount: Pose(right=-0.10 * amount * _centred(t) * focus),
    "truck-right": lambda t, focus, amount: Pose(right=0.10 * amount * _centred(t) * focus),
    "crane-up": lambda t, focus, amount: Pose(up=0.10 * amount * _centred(t) * focus),
    "crane-down": lambda t, focus, amount: Pose(up=-0.10 * amount * _centred(t) * focus),
    "orbit": _orbit,
    "zoom-in": lambda t, _focus, amount: Pose(zoom=1 + 0.7 * amount * t),
    "handheld": _handheld,
}
"""Every move is around the composed frame, or begins or ends there."""

EASES: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "ease-in": lambda t: t * t,
    "ease-out": lambda t: t * (2 - t),
    "ease-in-out": lambda t: t * t * (3 - 2 * t),
}


def path(move: str, ease: str, frames: int, focus: float, amount: float) -> list[Pose]:
    """The pose of each frame."""
    last = max(frames - 1, 1)
    return [MOVES[move](EASES[ease](frame / last), focus, amount) for frame in range(frames)]
