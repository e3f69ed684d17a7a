"""What the sockets of a shot bring to its pipeline: words, files and looks, each of a type it takes, or a refusal."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from crdt_schema.project import Manifest
from crdt_schema.records import CanvasPlain, Take
from pipelines.registry import load_catalog, read_definition
from pipelines.runners.job_folder import prepare
from pipelines.spec import Input, Pipeline
from server.intents import recipe
from server.intents.recipe import Refused, hash_of
from server.projects.manifest import NewProject, new_manifest
from tests.support.run_context import Attempt

DEFINITIONS = Path(__file__).parents[2] / "pipelines" / "definitions"
LAYERFLOW = read_definition(DEFINITIONS / "layerflow.toml")
FLEXIACT = read_definition(DEFINITIONS / "flexiact.toml")
SEEDVR2 = read_definition(DEFINITIONS / "seedvr2.toml")
LTX = read_definition(DEFINITIONS / "ltx-video.toml")


def manifest() -> Manifest:
    empty: Any = {"structure": "three-act", "chapters": [], "emotionalBeats": []}
    return new_manifest(NewProject("Night Bus", quality="high"), "project-1", "2026-01-01T00:00:00Z", empty)


def take(media_type: str, blob: str = "a" * 64) -> Take:
    media = {"blob": blob, "media_type": media_type, "width": 64, "height": 36, "size_bytes": 9}
    return cast("Take", {"media": media, "name": f"S01_S01_take01.{media_type.rpartition('/')[2]}"})


TAKES = {"still": take("image/png"), "clip": take("video/mp4", "b" * 64), "voice": take("audio/wav", "c" * 64)}
OTHERS: dict[str, dict[str, Any]] = {
    "still": {"type": "shot", "title": "The still", "active_take": "still"},
    "clip": {"type": "shot", "title": "The clip", "active_take": "clip"},
    "voice": {"type": "shot", "title": "The voice", "active_take": "voice"},
    "empty": {"type": "shot", "title": "The empty one", "active_take": ""},
    "words": {"type": "prompt", "title": "Words", "prompt": " a red\nbus, "},
    "more": {"type": "prompt", "title": "More", "prompt": "in the rain"},
    "blank": {"type": "prompt", "title": "Blank", "prompt": " "},
    "look": {"type": "style", "title": "Noir", "context": "wet neon", "palette": ["#0b0f14", "#ffffff", 7]},
}


def canvas(joins: dict[str, list[str]], prompt: str = "A bus") -> CanvasPlain:
    """A shot, all the other nodes, and what of them is joined to which of its sockets."""
    shot: dict[str, Any] = {"type": "shot", "title": "S", "chapter": 1, "scene": 1, "shot": 1, "prompt": prompt}
    shot |= {"parameters": {}, "seed_mode": "fixed", "seed": 7}
    edges = [
        {"source": source, "source_socket": "output", "target": "shot", "target_socket": socket}
        for socket, sources in joins.items()
        for source in sources
    ]
    return {
        "schema": "canvas.1",
        "nodes": {"shot": shot, **OTHERS},
        "edges": {f"e{number}": cast("Any", edge) for number, edge in enumerate(edges)},
    }


def built(pipeline: Pipeline, joins: dict[str, list[str]], prompt: str = "A bus") -> dict[str, Any]:
    tier = next(iter(pipeline.tiers))
    return recipe.build(canvas(joins, prompt), manifest(), "shot", pipeline, seed=1, tier=tier, takes=TAKES)


def refusal(pipeline: Pipeline, joins: dict[str, list[str]], prompt: str = "A bus") -> str:
    with pytest.raises(Refused) as refused:
        built(pipeline, joins, prompt)
    return refused.value.reason


def test_each_input_of_words_has_its_own(tmp_path: Path) -> None:
    made = built(LAYERFLOW, {"foreground": ["words"], "background": ["more"], "whole": ["words", "more"]})
    assert made["texts"] == {
        "foreground": "a red bus",
        "background": "in the rain",
        "whole": "a red bus, in the rain",
    }
    assert made["inputs"] == {}
    folder = prepare(LAYERFLOW, LAYERFLOW.tiers["high"], made, Attempt(tmp_path))
    told = json.loads((folder.root / "job.json").read_text())
    assert told["texts"] == made["texts"]


def test_words_that_are_needed_and_not_joined_are_asked_for_by_their_socket() -> None:
    assert refusal(LAYERFLOW, {"foreground": ["words"]}) == (
        "LayerFlow needs words at its input Background: join it to this shot first."
    )
    assert "input Background" in refusal(LAYERFLOW, {"foreground": ["words"], "background": ["blank"]})
    assert built(LAYERFLOW, {"foreground": ["words"], "background": ["more"]})["texts"]["whole"] == ""


def test_a_model_of_words_alone_is_given_none_but_the_prompt() -> None:
    assert refusal(LTX, {}, prompt="") == (
        "LTX-Video needs words at its input Prompt: write a prompt in this shot, or join one."
    )
    for joins, prompt in (({"prompt": ["words"]}, ""), ({}, "A bus")):
        assert built(LTX, joins, prompt)["prompt"]["direct"]


def test_files_come_from_the_active_takes_of_joined_shots_by_their_hash() -> None:
    made = built(FLEXIACT, {"target": ["still"], "motion": ["clip"]})
    assert made["inputs"] == {
        "target": [{"blob": "a" * 64, "media_type": "image/png", "name": "S01_S01_take01.png"}],
        "motion": [{"blob": "b" * 64, "media_type": "video/mp4", "name": "S01_S01_take01.mp4"}],
    }
    other = {**made["inputs"], "motion": [{**made["inputs"]["motion"][0], "blob": "d" * 64}]}
    assert hash_of({**made, "inputs": other}) != hash_of(made)


@pytest.mark.parametrize(
    ("pipeline", "joins", "words"),
    [
        (SEEDVR2, {}, "SeedVR2 needs a film at its input Source: join it to this shot first."),
        (SEEDVR2, {"source": ["empty"]}, "The empty one has no take yet"),
        (SEEDVR2, {"source": ["still"]}, "SeedVR2 takes a film at its input Source; The still gives a picture."),
        (SEEDVR2, {"source": ["voice"]}, "The voice gives a sound"),
        (SEEDVR2, {"source": ["words"]}, "Words gives words"),
        (SEEDVR2, {"source": ["look"]}, "Noir gives a style"),
        (SEEDVR2, {"source": ["clip", "clip"]}, "SeedVR2 takes one at its input Source, and 2 are joined."),
        (LAYERFLOW, {"foreground": ["still"]}, "LayerFlow takes words at its input Foreground; The still gives"),
    ],
)
def test_what_does_not_fit_a_socket_is_refused_with_its_name(
    pipeline: Pipeline, joins: dict[str, list[str]], words: str
) -> None:
    assert words in refusal(pipeline, joins)


@pytest.mark.parametrize(
    ("kind", "source", "fits"),
    [
        ("Image", "still", True),
        ("Mask", "still", True),
        ("ControlMap", "still", True),
        ("ControlMap", "clip", True),
        ("Audio", "voice", True),
        ("Mask", "clip", False),
        ("Audio", "clip", False),
        ("Image", "voice", False),
    ],
)
def test_a_file_stands_for_what_it_can_be(kind: Any, source: str, fits: bool) -> None:
    pipeline = replace(SEEDVR2, inputs=(Input("it", (kind,), "It"),))
    if fits:
        assert built(pipeline, {"it": [source]})["inputs"]["it"][0]["blob"] == TAKES[source]["media"]["blob"]
    else:
        assert "at its input It" in refusal(pipeline, {"it": [source]})


def test_a_style_is_a_reference_where_a_pipeline_takes_one() -> None:
    pipeline = replace(SEEDVR2, inputs=(Input("look", ("AssetReference",), "Look"),))
    assert built(pipeline, {"look": ["look"]})["references"] == {
        "look": [{"kind": "style", "title": "Noir", "context": "wet neon", "palette": ["#0b0f14", "#ffffff"]}]
    }


def test_what_is_still_joined_for_a_pipeline_before_means_nothing_to_this_one() -> None:
    assert built(LTX, {"motion": ["clip"]})["inputs"] == {}


def test_every_part_of_a_recipe_counts_for_its_hash() -> None:
    made = built(LTX, {})
    assert made["loras"] == []
    changes: dict[str, Any] = {
        "loras": [{"name": "noir.safetensors", "strength": 0.8}],
        "texts": {"foreground": "a cat"},
        "references": {"look": [{"kind": "style"}]},
        "prompt": {**made["prompt"], "identity": "Vera"},
        "tier": "standard",
    }
    hashes = [hash_of(made), *(hash_of({**made, name: value}) for name, value in changes.items())]
    assert len(set(hashes)) == len(hashes)


def test_a_prompt_is_asked_for_by_every_model_of_the_catalogue_that_is_nothing_without_one() -> None:
    drawn = load_catalog()["previz-image"]
    made = recipe.build(canvas({}, prompt=""), manifest(), "shot", drawn, seed=1, tier="high", takes={})
    assert made["prompt"]["direct"] == "", "the previz draws from the seed too"
