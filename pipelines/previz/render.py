"""Renders a previz frame: the steps from a recipe to a PNG, in order."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipelines.previz import air, grade, optics, slate
from pipelines.previz.camera import Camera, Glass, set_up
from pipelines.previz.cast import View, cast
from pipelines.previz.colour import Palette
from pipelines.previz.figures import EMBER
from pipelines.previz.geometry import Plane, Prim, Vec, vec
from pipelines.previz.light import PRESETS, Lighting, Set, light_up
from pipelines.previz.optics import resized
from pipelines.previz.reading import read
from pipelines.previz.scene import Scene
from pipelines.previz.sets.build import Placed, build, crew_of
from pipelines.previz.sets.plan import Plan
from pipelines.previz.shading import Look, ink, melt, prepare, shade
from pipelines.previz.shadows import shadow_map
from pipelines.spec import Output, Recipe, RunContext

BAND_SAMPLES = 400_000
MAX_EDGE_PX = 4096


@dataclass
class Frame:
    """Light at the size of the picture: colour, distance, and the share of reflection on top."""

    rgb: list[Plane]
    depth: Plane
    mirror: Plane


@dataclass(frozen=True)
class Stage:
    """All that has been decided before the first sample is drawn."""

    scene: Scene
    plan: Plan
    placed: list[Placed]
    camera: Camera
    lighting: Lighting
    palette: Palette


def render(recipe: Recipe, options: Mapping[str, Any], context: RunContext) -> list[Output]:
    """The local entry of `previz-image`: one PNG in the scratch folder. Same recipe and options, same bytes."""
    width, height = even(recipe["width"]), even(recipe["height"])
    parameters: Mapping[str, Any] = recipe["parameters"]
    strip = slate.strip_height(width, height) if parameters.get("slate", True) else 0
    context.progress(2, "Reading the prompt")
    stage = set_stage(recipe, width / (height - strip), context)
    pixels, _ = picture(stage, recipe, (width, height - strip), options, context)
    context.progress(96, "Writing the slate")
    path = context.scratch / "frame.png"
    image = finished(pixels, recipe, stage, (width, height))
    image.save(path, "PNG", compress_level=4, optimize=False, pnginfo=_chunks())
    context.progress(100, "Done")
    return [Output(path, "image/png", width, height)]


def picture(
    stage: Stage, recipe: Recipe, size: tuple[int, int], options: Mapping[str, Any], context: RunContext
) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], Plane]:
    """What the camera of a stage sees, without a slate: eight bits, RGB, and the distance of each pixel in metres."""
    parameters: Mapping[str, Any] = recipe["parameters"]
    context.progress(16, "Lighting")
    look = _light(stage, int(options.get("shadow_px", 512)))
    frame = _draw(stage, look, size, float(options.get("samples_mpx", 2.4)), context)
    frame = _reflect(stage, look, frame, context)
    context.progress(76, "Filling the air")
    rgb = _air(stage, look, frame, _rng(recipe, 3))
    context.progress(84, "Focusing the lens")
    rgb = _lens(stage, frame, rgb)
    context.progress(92, "Grading")
    return _develop(stage, rgb, float(parameters.get("grain", 0.4)), _rng(recipe, 4)), frame.depth


def set_stage(recipe: Recipe, aspect: float, context: RunContext) -> Stage:
    """Prompt to scene, set, camera and lights."""
    parameters: Mapping[str, Any] = recipe["parameters"]
    name = str(parameters.get("lighting", "natural-window"))
    prompt: Mapping[str, str] = recipe.get("prompt") or {}
    scene = read(prompt, str(parameters.get("shot_size", "auto")), str(parameters.get("angle", "auto")), name)
    palette = Palette.of(_texts(recipe.get("palette")))
    crew = crew_of(scene, palette, _rng(recipe, 1), night=scene.dark or PRESETS[name].neon)
    context.progress(6, "Building the set")
    plan, placed = build(scene, crew)
    context.progress(12, "Placing the camera")
    glass = Glass(float(parameters.get("lens_mm", 35)), float(parameters.get("t_stop", 2.8)), aspect)
    camera = set_up(scene, plan, placed, glass, _rng(recipe, 2))
    lighting = light_up(Set(scene, plan, placed, camera, palette, crew), name)
    return Stage(scene, plan, placed, camera, lighting, palette)


def _rng(recipe: Recipe, purpose: int) -> np.random.Generator:
    """Chance from seed and prompt; each purpose has its own, so that a lens does not move the furniture."""
    prompt: Mapping[str, str] = recipe.get("prompt") or {}
    said = str(prompt.get("direct") or "")
    return np.random.default_rng(
        [int(recipe.get("seed", 0)) & 0x7FFF_FFFF_FFFF_FFFF, zlib.crc32(said.encode("utf-8", "replace")), purpose]
    )


def _texts(value: Sequence[object] | None) -> list[str]:
    return [str(item) for item in value or ()]


def even(pixels: object) -> int:
    """A size that this renderer and video codecs can take."""
    size = int(str(pixels))
    return max(64, min(size, MAX_EDGE_PX)) // 2 * 2


def _light(stage: Stage, shadow_px: int) -> Look:
    prims = stage.plan.model.prims
    lamps = [(light, shadow_map(prims, light, shadow_px)) for light in stage.lighting.lights]
    return prepare(prims, stage.lighting, lamps)


def _draw(stage: Stage, look: Look, size: tuple[int, int], samples_mpx: float, context: RunContext) -> Frame:
    scale = float(np.clip(np.sqrt(samples_mpx * 1e6 / (size[0] * size[1])), 1.0, 2.0))
    view = stage.camera.view.resized(round(size[0] * scale), round(size[1] * scale))
    context.progress(24, "Drawing shapes")
    hits = cast(look.prims, view, (0, 0, view.width, view.height), near=stage.camera.near)
    melt(look, view, hits)
    planes: list[list[Plane]] = []
    rows = max(BAND_SAMPLES // view.width, 16)
    for top in range(0, view.height, rows):
        context.progress(34 + 28 * top / view.height, "Painting with light")
        band = (top, min(top + rows, view.height))
        shaded = shade(look, view, hits, band)
        line = ink(look, hits, band)
        planes.append([*(np.minimum(plane, 24) * line for plane in shaded.rgb), shaded.mirror])
    whole = [np.concatenate([band[k] for band in planes]) for k in range(4)]
    box = Image.Resampling.BOX
    depth = resized(np.minimum(hits.depth, np.float32(5000)), size, Image.Resampling.NEAREST)
    return Frame([resized(plane, size, box) for plane in whole[:3]], depth, resized(whole[3], size, box))


def _reflect(stage: Stage, look: Look, frame: Frame, context: RunContext) -> Frame:
    """Add what wet floors, water and wall mirrors show."""
    context.progress(64, "Adding reflections")
    if float(frame.mirror.max()) > 0.02:
        floor = _mirror_image(stage, look, frame, (vec(0, 0, 0), vec(0, 1, 0)))
        width = frame.depth.shape[1]
        share = np.clip(frame.mirror, 0, 1)
        for k in range(3):
            smeared = 0.45 * floor[k] + 0.55 * _smear(floor[k], width * 0.02)
            frame.rgb[k] = frame.rgb[k] + smeared * share
    if stage.plan.mirror is not None and float(frame.mirror.min()) < -0.02:
        glass = _mirror_image(stage, look, frame, stage.plan.mirror)
        share = np.clip(-frame.mirror, 0, 1)
        frame.rgb = [plane + seen * share for plane, seen in zip(frame.rgb, glass, strict=True)]
    return frame


def _smear(plane: Plane, length: float) -> Plane:
    """Blurred downwards and a little sideways, as a rippled floor does."""
    height, width = plane.shape
    small = resized(plane, (max(width // 3, 1), max(round(height / max(length, 1)), 1)), Image.Resampling.BOX)
    return resized(small, (width, height), Image.Resampling.BICUBIC)


def _mirror_image(stage: Stage, look: Look, frame: Frame, plane: tuple[Vec, Vec]) -> list[Plane]:
    height, width = frame.depth.shape
    half = (max(width // 2, 2), max(height // 2, 2))
    view: View = stage.camera.view.resized(*half).mirrored(*plane)
    point, normal = plane
    before = [float((prim.centre - point) @ normal) > 0.015 for prim in look.prims]
    prims: list[Prim] = [prim for prim, real in zip(look.prims, before, strict=True) if real]
    mirrored = prepare(prims, look.lighting, look.lamps)
    hits = cast(prims, view, (0, 0, *half), near=stage.camera.near * 0.5)
    shaded = shade(mirrored, view, hits, (0, half[1]), fine=False)
    return [resized(np.minimum(part, 12), (width, height), Image.Resampling.BICUBIC) for part in shaded.rgb]


def _air(stage: Stage, look: Look, frame: Frame, rng: np.random.Generator) -> list[Plane]:
    scene, camera, lighting = stage.scene, stage.camera, stage.lighting
    rgb = optics.depth_shade(frame.rgb, frame.depth)
    rgb = air.haze(rgb, frame.depth, camera, lighting, look.lamps)
    if {"steam", "smoke"} & scene.weather:
        rgb = air.steam(rgb, frame.depth, camera, lighting, stage.plan.steam)
    for ember in (prim for prim in look.prims if prim.material is EMBER):
        rgb = air.smoke_thread(rgb, frame.depth, camera, ember.centre, (0.16, 0.16, 0.17))
    beyond = camera.focus + 5.0 if scene.interior or scene.insert else 0.0
    return air.fall(rgb, frame.depth, scene, beyond, rng)


def _lens(stage: Stage, frame: Frame, rgb: list[Plane]) -> list[Plane]:
    rgb = optics.depth_of_field([np.maximum(plane, 0) for plane in rgb], frame.depth, stage.camera)
    rgb = grade.expose(rgb, stage.lighting.preset)
    hazy = 0.5 + min(stage.lighting.haze * 10, 0.5)
    streak = 0.035 if frame.depth.shape[1] > 2.2 * frame.depth.shape[0] else 0.0
    rgb = optics.glow(rgb, hazy, streak + 0.03 * stage.lighting.preset.flare)
    return optics.corners(rgb, 0.42)


def _develop(
    stage: Stage, rgb: list[Plane], grain: float, rng: np.random.Generator
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    paper = optics.paper(rgb[0].shape)  # pyright: ignore[reportArgumentType] - planes have two sides
    rgb = grade.wear(grade.film([plane * paper for plane in rgb]), stage.palette, stage.lighting.preset.contrast)
    speckle = optics.grain((rgb[0].shape[0], rgb[0].shape[1]), rng)
    return grade.to_bytes(rgb, speckle, grain, rng)


def finished(
    pixels: np.ndarray[Any, np.dtype[np.uint8]], recipe: Recipe, stage: Stage, size: tuple[int, int]
) -> Image.Image:
    """The picture with its mark, and below it the slate where the size leaves room."""
    image = Image.new("RGB", size)
    image.paste(Image.fromarray(pixels), (0, 0))
    slate.draw_mark(image, pixels.shape[0])
    if pixels.shape[0] < size[1]:
        lens = f"{stage.camera.lens_mm:g} mm  T{stage.camera.t_stop:g}"
        left, right = slate.lines(recipe, lens, stage.lighting.preset.label)
        slate.draw_slate(image, pixels.shape[0], left, right)
    return image


def _chunks() -> PngInfo:
    chunks = PngInfo()
    chunks.add(b"sRGB", b"\x00")
    return chunks
