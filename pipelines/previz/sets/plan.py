"""What a set hands to the camera and lighting crews: the model, marks for people, lamps that are in the picture."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from dataclasses import dataclass, field

import numpy as np

from pipelines.previz.geometry import Material, Model, Rgb, Vec


@dataclass(frozen=True)
class Mark:
    """Where a person may stand (or sit, at `seat` metres) and which way the place asks them to face (yaw)."""

    at: Vec
    yaw: float = 0.0
    seat: float = 0.0


@dataclass(frozen=True)
class Practical:
    """A lamp of the set itself; `role` decides its colour: neon-1, neon-2, tungsten, tube, moon, fire, day.

    `aim` is where its light is wanted most: a shadow map looks that way.
    A walled lamp stands outside and shines in through the openings only.
    """

    at: Vec
    role: str
    strength: float
    size: float = 0.1
    aim: Vec | None = None
    visible_beam: float = 1.0
    walled: bool = False


@dataclass
class Plan:
    """A set, dressed. The picture is taken from around +z; z falls towards the background."""

    model: Model = field(default_factory=Model)
    marks: list[Mark] = field(default_factory=list[Mark])
    practicals: list[Practical] = field(default_factory=list[Practical])
    steam: list[tuple[Vec, float]] = field(default_factory=list[tuple[Vec, float]])
    open_sky: bool = False
    ceiling: float = 3.0
    yaw_range: tuple[float, float] = (-0.3, 0.3)
    backlight: Vec | None = None
    mirror: tuple[Vec, Vec] | None = None
    half: float = 1e3
    min_camera_y: float = 0.25


@dataclass(frozen=True)
class Crew:
    """What every set builder needs besides the scene: chance, and the colours the style gives to signs."""

    rng: np.random.Generator
    neon: tuple[Rgb, Rgb]
    night: bool
    wet: bool

    def pick(self, low: float, high: float) -> float:
        """A number between two."""
        return float(self.rng.uniform(low, high))

    def side(self) -> int:
        """Left (-1) or right (1)."""
        return 1 if self.rng.random() < 0.5 else -1


def wall(
    model: Model,
    span: tuple[float, float, float],
    height: float,
    holes: list[tuple[float, float, float, float]],
    material: Material,
) -> None:
    """A wall across x from span[0] to span[1] at z = span[2], with holes (x0, x1, y0, y1) that do not overlap in x."""
    x, thick = span[0], 0.12
    z0, z1 = span[2] - thick, span[2]
    for x0, x1, y0, y1 in sorted(holes):
        model.block((x, 0, z0), (x0, height, z1), material)
        if y0 > 0:
            model.block((x0, 0, z0), (x1, y0, z1), material)
        model.block((x0, y1, z0), (x1, height, z1), material)
        x = x1
    model.block((x, 0, z0), (span[1], height, z1), material)
