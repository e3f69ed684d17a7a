"""The recipe of a take: made of the canvas and the manifest, the same for the same state, or refused in plain words."""

from typing import Any

import pytest

from crdt_schema.project import Manifest, Narrative
from crdt_schema.records import CanvasPlain, Edge
from pipelines import registry
from pipelines.spec import Pipeline
from server.intents import recipe
from server.intents.recipe import GLOBAL_NEGATIVE_PROMPT, Refused, frame_size
from server.projects.manifest import NewProject, new_manifest

PREVIZ = registry.get("previz-image")


def make_manifest() -> Manifest:
    made = new_manifest(NewProject("Night Bus", quality="low"), "project-1", "2026-01-01T00:00:00Z", narrative())
    made["project_settings"]["aspect_ratio"] = "2.35:1"
    return made


def narrative() -> Narrative:
    return {
        "structure": "three-act",
        "chapters": [
            {"number": 1, "title": "The night", "scenes": [{"number": 2, "title": "The stop", "summary": ""}]},
            {"number": 2, "title": "The day", "scenes": []},
        ],
        "emotionalBeats": [],
    }


def edge(source: str, source_socket: str, target_socket: str) -> Edge:
    return {"source": source, "source_socket": source_socket, "target": "shot", "target_socket": target_socket}


def make_canvas(**fields: object) -> CanvasPlain:
    shot: dict[str, Any] = {
        "type": "shot",
        "title": "The bus",
        "chapter": 1.0,
        "scene": 2.0,
        "shot": 3.0,
        "prompt": "A bus at night, ",
        "negative_prompt": "",
        "parameters": {"lens_mm": 50.0},
        "seed": 42.0,
        "seed_mode": "fixed",
        "active_take": "",
        "stars": {},
    }
    return {
        "schema": "canvas.1",
        "nodes": {
            "shot": {**shot, **fields},
            "pipeline": {"type": "pipeline", "title": "Pipeline", "pipeline": "previz-image"},
            "style": {
                "type": "style",
                "title": "Noir",
                "context": " neo-noir,\nwet neon ",
                "palette": ["#0B0F14", "#ffffff"],
            },
            "words-1": {"type": "prompt", "title": "One", "prompt": "rain"},
            "words-2": {"type": "prompt", "title": "Two", "prompt": "neon"},
        },
        "edges": {
            "e9": edge("words-1", "text", "prompt"),
            "e1": edge("words-2", "text", "prompt"),
            "e2": edge("pipeline", "pipeline", "pipeline"),
            "e3": edge("style", "style", "style"),
        },
    }


def build(canvas: CanvasPlain, manifest: Manifest | None = None, pipeline: Pipeline = PREVIZ) -> dict[str, Any]:
    return recipe.build(canvas, manifest or make_manifest(), "shot", pipeline, seed=99)


def test_a_recipe_holds_all_that_a_take_depends_on() -> None:
    made = build(make_canvas())
    assert made == {
        "version": "recipe.1",
        "pipeline": "previz-image",
        "pipeline_version": PREVIZ.version,
        "tier": "low",
        "width": 768,
        "height": 326,
        "aspect_ratio": "2.35:1",
        "prompt": {
            "direct": "A bus at night, neon, rain",
            "identity": "",
            "aesthetic": "neo-noir, wet neon",
            "context": "The night, The stop",
        },
        "negative_prompt": GLOBAL_NEGATIVE_PROMPT,
        "seed": 42,
        "parameters": registry.check(PREVIZ, {"lens_mm": 50}),
        "texts": {},
        "inputs": {},
        "references": {},
        "loras": [],
        "palette": ["#0b0f14", "#ffffff"],
        "slate": {"project": "Night Bus", "chapter": 1, "scene": 2, "shot": 3, "title": "The bus"},
    }


def test_the_global_negative_prompt_stands_before_the_shot_s_own() -> None:
    assert build(make_canvas(negative_prompt="cars"))["negative_prompt"] == f"{GLOBAL_NEGATIVE_PROMPT}, cars"


def test_a_random_seed_is_drawn_for_the_recipe() -> None:
    assert build(make_canvas(seed_mode="random"))["seed"] == 99


def test_a_shot_without_a_style_gets_the_colours_of_a_new_one() -> None:
    canvas = make_canvas()
    del canvas["edges"]["e3"]
    made = build(canvas)
    assert made["prompt"]["aesthetic"] == ""
    assert len(made["palette"]) == 5


def test_a_scene_that_the_narrative_does_not_know_has_no_context() -> None:
    assert build(make_canvas(scene=7))["prompt"]["context"] == "The night"
    assert build(make_canvas(chapter=7))["prompt"]["context"] == ""


@pytest.mark.parametrize(
    ("long_edge_px", "ratio", "size"),
    [
        (1024, "2.35:1", (1024, 436)),
        (768, "16:9", (768, 432)),
        (2048, "2.39:1", (2048, 856)),
        (1024, "9:16", (576, 1024)),
        (1024, "1:1", (1024, 1024)),
        (1024, "4:3", (1024, 768)),
    ],
)
def test_a_frame_has_the_long_edge_of_its_tier_and_even_sides(
    long_edge_px: int, ratio: str, size: tuple[int, int]
) -> None:
    assert frame_size(long_edge_px, ratio) == size


@pytest.mark.parametrize("ratio", ["", "wide", "16:0", "0:9", "1000:1", "-1:2"])
def test_a_ratio_that_is_none_is_refused(ratio: str) -> None:
    with pytest.raises(Refused, match="aspect ratio"):
        frame_size(1024, ratio)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"parameters": {"lens_mm": 5}}, "Lens must be a number from 12"),
        ({"parameters": {"lens_mm": "wide"}}, "Lens must be a number"),
        ({"parameters": None}, "cannot be read"),
        ({"scene": 1.5}, "Scene of this shot must be a whole number"),
        ({"shot": "one"}, "Shot of this shot must be a whole number"),
        ({"chapter": float("inf")}, "Chapter of this shot"),
        ({"chapter": -1}, "Chapter of this shot"),
        ({"seed": True}, "Seed of this shot"),
        ({"seed": 2.0**40}, "Seed of this shot"),
    ],
)
def test_what_a_client_wrote_wrongly_is_refused_in_words(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        build(make_canvas(**fields))


def test_a_shot_that_changes_its_pipeline_keeps_parameters_which_the_new_one_does_not_know() -> None:
    made = build(make_canvas(parameters={"lens_mm": 50, "steps": 8}), pipeline=registry.get("t2i-sd1.5"))
    assert made["parameters"] == {"steps": 8, "guidance": 7.5}


@pytest.mark.parametrize("palette", [None, [], ["red"], ["#12345"], [1], ["#123456"] * 13])
def test_a_palette_of_something_else_is_refused(palette: object) -> None:
    canvas = make_canvas()
    canvas["nodes"]["style"]["palette"] = palette
    with pytest.raises(Refused, match="palette of Noir"):
        build(canvas)


def test_only_a_shot_that_is_there_and_has_a_pipeline_is_generated() -> None:
    canvas = make_canvas()
    with pytest.raises(Refused, match="no longer on the canvas"):
        recipe.shot_of(canvas, "gone")
    with pytest.raises(Refused, match="Only a shot"):
        recipe.shot_of(canvas, "style")
    assert recipe.pipeline_of(canvas, "shot") == "previz-image"
    del canvas["edges"]["e2"]
    with pytest.raises(Refused, match="Join a Pipeline"):
        recipe.pipeline_of(canvas, "shot")
