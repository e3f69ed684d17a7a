"""Renders a previz clip: one plate of the scene, and a camera that moves before it with true parallax."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipelines import media
from pipelines.previz import moves, optics, parallax, slate
from pipelines.previz.geometry import Plane
from pipelines.previz.render import Stage, even, finished, picture, set_stage
from pipelines.spec import Output, Recipe, Result, RunContext

PREVIEW_SECONDS = 1.0
PREVIEW_PX = 384
_PLATE_SHARE = 45.0
_GRAINS = 5
_CUTS = (0.62, 1.2, 2.2)
"""Where near is parted from far, in distances of the subject: before it, behind it, behind what is around it."""
_MOST_PLATE_PX = 3200


@dataclass(frozen=True)
class _Shot:
    """What a clip is made of beside its plate."""

    frames: int
    rate: Fraction
    poses: list[moves.Pose]
    picture: tuple[int, int]
    """Without the slate."""
    tangents: tuple[float, float]


@dataclass(frozen=True)
class _Plated:
    """The context of the plate: its progress is a part of the clip's."""

    context: RunContext

    @property
    def scratch(self) -> Path:
        return self.context.scratch

    @property
    def inputs(self) -> Mapping[str, tuple[Path, ...]]:
        return self.context.inputs

    def progress(self, percent: float, step: str) -> None:
        self.context.progress(percent * _PLATE_SHARE / 100, step)

    def check(self) -> None:
        self.context.check()

    def log(self, line: str) -> None:
        self.context.log(line)

    def preview(self, path: Path) -> None:
        self.context.preview(path)


def render(recipe: Recipe, options: Mapping[str, Any], context: RunContext) -> Result:
    """The local entry of `previz-video`: one MP4 in the scratch folder. Same recipe, options and ffmpeg, same bytes."""
    width, height = even(recipe["width"]), even(recipe["height"])
    parameters: Mapping[str, Any] = recipe["parameters"]
    strip = slate.strip_height(width, height) if parameters.get("slate", True) else 0
    plated = _Plated(context)
    plated.progress(2, "Reading the prompt")
    stage = set_stage(recipe, width / (height - strip), plated)
    shot = _shot(stage, parameters, (width, height - strip))
    plate = _plate(stage, shot, recipe, options, plated)
    path = context.scratch / "clip.mp4"
    with media.h264(path, (width, height), str(shot.rate)) as write:
        overlay = finished(np.zeros((height - strip, width, 3), np.uint8), recipe, stage, (width, height))
        grain = _Grain(shot.picture, int(recipe.get("seed", 0)), float(parameters.get("grain", 0.4)))
        shown = time.monotonic()
        for number, pose in enumerate(shot.poses):
            context.progress(
                _PLATE_SHARE + (99 - _PLATE_SHARE) * number / shot.frames, f"Frame {number + 1} of {shot.frames}"
            )
            light = parallax.seen(plate, pose, shot.tangents, shot.picture)
            image = _frame(grain.on(light, number), overlay, shot, number)
            write(image.tobytes())
            if number == 0 or time.monotonic() - shown > PREVIEW_SECONDS:
                shown = time.monotonic()
                _preview(image, context)
    context.progress(100, "Done")
    rate = f"{shot.rate.numerator}/{shot.rate.denominator}"
    output = Output(path, "video/mp4", width, height, frames=shot.frames, rate=rate)
    return Result((output,), facts={"encoder": media.version(), "plate": f"{plate.sheets[0].depth.shape[1]} px wide"})


def _shot(stage: Stage, parameters: Mapping[str, Any], size: tuple[int, int]) -> _Shot:
    frames, rate = int(parameters.get("frames", 48)), Fraction(str(parameters.get("rate", "24/1")))
    amount = float(parameters.get("amount", 0.6))
    view = stage.camera.view
    poses = moves.path(
        str(parameters.get("move", "push-in")),
        str(parameters.get("ease", "ease-in-out")),
        frames,
        stage.camera.focus,
        amount,
    )
    return _Shot(frames, rate, poses, size, (view.tan_x, view.tan_y))


def _plate(
    stage: Stage, shot: _Shot, recipe: Recipe, options: Mapping[str, Any], context: RunContext
) -> parallax.Plate:
    """The scene through a wider lens, as large as the nearest pose needs it."""
    camera = stage.camera
    wide, high = parallax.overscan(shot.poses, shot.tangents, max(camera.near, 0.4 * camera.focus))
    closer = max(max(pose.zoom, camera.focus / max(camera.focus - pose.forward, 0.1)) for pose in shot.poses)
    detail = min(np.sqrt(closer), _MOST_PLATE_PX / (shot.picture[0] * wide))
    size = even(int(shot.picture[0] * wide * detail)), even(int(shot.picture[1] * high * detail))
    view = replace(camera.view, tan_x=camera.view.tan_x * wide, tan_y=camera.view.tan_y * high)
    # The blur of a lens is told in widths of the picture, and this one is wider.
    around = replace(stage, camera=replace(camera, view=view, t_stop=camera.t_stop * wide))
    still = {**recipe, "parameters": {**recipe["parameters"], "grain": 0.0}}
    pixels, depth = picture(around, still, size, options, context)
    context.progress(98, "Parting near from far")
    return parallax.cut(pixels, depth, (view.tan_x, view.tan_y), [camera.focus * share for share in _CUTS])


class _Grain:
    """Film grain that is another in each frame."""

    def __init__(self, size: tuple[int, int], seed: int, strength: float) -> None:
        rng = np.random.default_rng([seed & 0x7FFF_FFFF_FFFF_FFFF, 5])
        self._planes = [optics.grain((size[1], size[0]), rng) * np.float32(strength * 5.0) for _ in range(_GRAINS)]
        self._rng = rng

    def on(self, light: Plane, number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Eight bits with grain, strongest in the middle tones."""
        speckle = self._planes[number % _GRAINS]
        speckle = np.roll(speckle, tuple(int(n) for n in self._rng.integers(0, min(speckle.shape), 2)), (0, 1))
        middle = light[..., 1] * np.float32(1 / 255)
        amount = speckle * (0.35 + 2.6 * middle * (1 - middle))
        return np.clip(light + amount[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)


def _frame(pixels: np.ndarray[Any, np.dtype[np.uint8]], overlay: Image.Image, shot: _Shot, number: int) -> Image.Image:
    """A picture above the slate, with the mark and the counter burnt in."""
    image = overlay.copy()
    image.paste(Image.fromarray(pixels), (0, 0))
    slate.draw_mark(image, pixels.shape[0])
    slate.draw_counter(image, pixels.shape[0], counter(number, shot.frames, shot.rate))
    return image


def counter(number: int, frames: int, rate: Fraction) -> str:
    """Frame and time code, such as "0013/0048  00:00:00:12"; without drop frames."""
    whole = round(rate)
    seconds, rest = divmod(number, whole)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:02d}"
    return f"{number + 1:04d}/{frames:04d}  {clock}"


def _preview(image: Image.Image, context: RunContext) -> None:
    small = image.copy()
    small.thumbnail((PREVIEW_PX, PREVIEW_PX))
    path = context.scratch / "preview.jpg"
    small.save(path, "JPEG", quality=80)
    context.preview(path)
