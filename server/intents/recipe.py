"""Makes the recipe of a take out of canvas and manifest: all that is needed to make the same bytes again; pure."""

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any, cast

from crdt_schema import plain
from crdt_schema.nodes import NODE_SPECS
from crdt_schema.project import Manifest
from crdt_schema.records import CanvasPlain, Take, Tier
from crdt_schema.shapes import HIGHEST_NUMBER, HIGHEST_SEED
from pipelines import registry
from pipelines.spec import BadParameter, Pipeline, PipelineError
from server.intents.inputs import given_to, must_have_words
from server.intents.joined import Node, Refused, joined, text_of, texts_of

VERSION = "recipe.1"
GLOBAL_NEGATIVE_PROMPT = (
    "ugly, deformed, disfigured, extra limbs, missing limbs, fused fingers, watermark, text, signature, logo, "
    "low quality, bad anatomy, blurry, noise, artifacts"
)
"""Kept word for word (G-044)."""
MAX_COLOURS = 12
_HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*:\s*(\d+(?:\.\d+)?)")
_SMALLEST_RATIO, _LARGEST_RATIO = 0.1, 10.0

Recipe = dict[str, Any]


def shot_of(canvas: CanvasPlain, node_id: str) -> Node:
    """The shot of that id; raises Refused."""
    node = canvas["nodes"].get(node_id)
    if node is None:
        raise Refused("This shot is no longer on the canvas.")
    if node["type"] != "shot":
        raise Refused("Only a shot can be generated.")
    return cast("Node", node)


def pipeline_of(canvas: CanvasPlain, node_id: str) -> str:
    """The pipeline that is joined to a shot; raises Refused."""
    for node in joined(canvas, node_id, "pipeline"):
        return str(node.get("pipeline", ""))
    raise Refused("Join a Pipeline to this shot first.")


def build(
    canvas: CanvasPlain,
    manifest: Manifest,
    node_id: str,
    pipeline: Pipeline,
    *,
    seed: int,
    tier: Tier | None = None,
    takes: Mapping[str, Take] | None = None,
) -> Recipe:
    """The recipe of the next take of a shot; raises Refused. `seed` is used when the shot wants a random one.

    Without a `tier` it is the project's. `takes` are the project's: what joined shots give is their active take.
    `inputs` are files by hash, `texts` words of inputs other than the prompt, `references` looks by input, and `loras`
    ({name, strength}, the name below the folder of LoRAs of whoever runs it) those on top of the tier's own.
    """
    shot = shot_of(canvas, node_id)
    settings = manifest["project_settings"]
    tier = tier or settings["quality"]
    style = next(joined(canvas, node_id, "style"), None)
    width, height = frame_size(_long_edge(pipeline, tier), settings["aspect_ratio"])
    slate = _slate(manifest, shot)
    direct = texts_of([shot, *joined(canvas, node_id, "prompt")])
    must_have_words(pipeline, direct)
    given = given_to(canvas, node_id, pipeline, takes or {})
    return {
        "version": VERSION,
        "pipeline": pipeline.id,
        "pipeline_version": pipeline.version,
        "tier": tier,
        "width": width,
        "height": height,
        "aspect_ratio": settings["aspect_ratio"],
        "prompt": {
            "direct": direct,
            "identity": "",
            "aesthetic": text_of(style, "context"),
            "context": _context(manifest, slate["chapter"], slate["scene"]),
        },
        "negative_prompt": ", ".join(filter(None, (GLOBAL_NEGATIVE_PROMPT, text_of(shot, "negative_prompt")))),
        "seed": whole(shot, "seed", HIGHEST_SEED) if shot.get("seed_mode") == "fixed" else seed,
        "parameters": _parameters(pipeline, shot),
        "texts": given.texts,
        "inputs": given.files,
        "references": given.references,
        "loras": [],
        "palette": _palette(style),
        "slate": slate,
    }


def hash_of(recipe: Mapping[str, Any], *, any_seed: bool = False) -> str:
    """SHA-256 of a recipe: equal recipes make equal takes. With `any_seed` those that differ in the seed are equal."""
    counted = {name: value for name, value in recipe.items() if name != "seed" or not any_seed}
    return hashlib.sha256(plain.encode(counted)).hexdigest()


def wants_any_seed(canvas: CanvasPlain, node_id: str) -> bool:
    """Whether a shot asks for another seed each time."""
    return shot_of(canvas, node_id).get("seed_mode") != "fixed"


def frame_size(long_edge_px: int, aspect_ratio: str) -> tuple[int, int]:
    """Width and height in pixels, both even as video codecs want them; raises Refused."""
    match = _RATIO.fullmatch(aspect_ratio.strip())
    ratio = float(match[1]) / float(match[2]) if match and float(match[2]) else 0.0
    if not _SMALLEST_RATIO <= ratio <= _LARGEST_RATIO:
        raise Refused(f"The project's aspect ratio {aspect_ratio[:16]!r} is none. Set one such as 16:9.")
    if ratio >= 1:
        return _even(long_edge_px), _even(long_edge_px / ratio)
    return _even(long_edge_px * ratio), _even(long_edge_px)


def whole(node: Mapping[str, Any], name: str, highest: int) -> int:
    """A whole number out of a node, as a client wrote it: JavaScript has only floats. Raises Refused."""
    value = node.get(name)
    number = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    if not number or value != int(cast("float", value)) or not 0 <= cast("float", value) <= highest:
        raise Refused(f"{name.capitalize()} of this shot must be a whole number from 0 to {highest}.")
    return int(cast("float", value))


def _parameters(pipeline: Pipeline, shot: Node) -> dict[str, object]:
    """The parameters, checked; a shot keeps those of pipelines it was on before, which mean nothing to this one."""
    parameters = shot.get("parameters")
    if not isinstance(parameters, dict):
        raise Refused("The parameters of this shot cannot be read.")
    known = {param.name for param in pipeline.params}
    wanted = {name: value for name, value in cast("dict[str, object]", parameters).items() if name in known}
    try:
        return registry.check(pipeline, wanted)
    except BadParameter as error:
        raise Refused(f"{str(error).rstrip('.')}.") from error


def _palette(style: Node | None) -> list[str]:
    """The colours of the style; without a style those that a new one starts with."""
    if style is None:
        return list(NODE_SPECS["style"].defaults["palette"])
    palette = style.get("palette")
    colours = cast("list[object]", palette) if isinstance(palette, list) else []
    good = [colour.lower() for colour in colours if isinstance(colour, str) and _HEX_COLOUR.fullmatch(colour)]
    if len(good) != len(colours) or not 0 < len(good) <= MAX_COLOURS:
        title = text_of(style, "title") or "Style"
        raise Refused(f"The palette of {title[:60]} must hold 1 to {MAX_COLOURS} colours such as #1a2b3c.")
    return good


def _slate(manifest: Manifest, shot: Node) -> dict[str, Any]:
    return {
        "project": manifest["title"],
        "chapter": whole(shot, "chapter", HIGHEST_NUMBER),
        "scene": whole(shot, "scene", HIGHEST_NUMBER),
        "shot": whole(shot, "shot", HIGHEST_NUMBER),
        "title": text_of(shot, "title"),
    }


def _context(manifest: Manifest, chapter: int, scene: int) -> str:
    """Titles of the chapter and the scene, as far as the narrative knows them."""
    for one in manifest["narrative"]["chapters"]:
        if one["number"] == chapter:
            scenes = [each["title"] for each in one.get("scenes", []) if each["number"] == scene]
            return ", ".join(filter(None, (one["title"].strip(), *scenes[:1])))
    return ""


def _long_edge(pipeline: Pipeline, tier: Tier) -> int:
    try:
        return pipeline.tier(tier).long_edge_px
    except PipelineError as error:
        raise Refused(f"{str(error).rstrip('.')}.") from error


def _even(pixels: float) -> int:
    return max(2, 2 * round(pixels / 2))
