"""What a frame shows, in words a renderer can act on: the outcome of reading a prompt; pure data."""

from dataclasses import dataclass
from typing import Literal

ShotSize = Literal["extreme-wide", "wide", "medium", "close-up", "extreme-close-up"]
Angle = Literal["eye", "low", "high", "overhead", "dutch"]
TimeOfDay = Literal["night", "dawn", "day", "dusk"]
Kind = Literal["woman", "man", "child"]
Facing = Literal["camera", "away", "left", "right"]

INTERIORS = frozenset({"laundromat", "corridor", "bar", "office", "bedroom", "library", "kitchen", "room"})


@dataclass(frozen=True)
class Person:
    """One figure."""

    kind: Kind
    pose: str = "stand"
    facing: Facing = "camera"
    clothes: str = "plain"
    colour: str = ""
    hat: bool = False
    long_hair: bool = False
    props: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scene:
    """All that the prompt said, or that its silence implies."""

    setting: str
    time: TimeOfDay
    shot: ShotSize
    angle: Angle
    people: tuple[Person, ...]
    pieces: frozenset[str] = frozenset()
    weather: frozenset[str] = frozenset()
    look: frozenset[str] = frozenset()
    insert: str = ""
    neon_colour: str = ""
    sign: str = "OPEN"
    ghost: Kind | None = None

    @property
    def interior(self) -> bool:
        """Whether the set has walls around it."""
        return self.setting in INTERIORS

    @property
    def dark(self) -> bool:
        """Whether there is no daylight."""
        return self.time == "night"
