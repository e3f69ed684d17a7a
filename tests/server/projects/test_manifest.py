"""`project.json` saves and loads without loss, and understands the keys of S4."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.projects.manifest import BrokenManifest, NewProject, decode, empty_contract, encode, new_manifest
from server.projects.narratives import narrative

S4_EXAMPLE: dict[str, Any] = {
    "id": "unique-project-id",
    "name": "My Film Project",
    "created": "2025-01-02T10:00:00Z",
    "quality": "high",
    "narrative": {"structure": "hero-journey", "chapters": [], "emotionalBeats": []},
    "assets": {"characters": [], "locations": [], "styles": [], "music": []},
    "canvas": {"nodes": [], "edges": [], "viewport": {}},
    "settings": {"fps": 25, "resolution": [1280, 720], "aspectRatio": "4:3"},
}

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


def made(**fields: Any) -> Any:
    request = NewProject("Night Bus", "A road film")
    return {**new_manifest(request, "uuid-1", "2026-01-01T00:00:00Z", narrative("three-act")), **fields}


def test_a_manifest_has_the_keys_of_the_table() -> None:
    manifest = made()
    assert set(manifest) == {
        "schema",
        "uuid",
        "title",
        "description",
        "created",
        "canvas_path",
        "version",
        "project_settings",
        "narrative",
        "assets",
        "creative_contract",
    }
    assert manifest["canvas_path"] == "02_Source_Creative/Canvases/main_canvas.json"
    assert manifest["project_settings"] == {
        "aspect_ratio": "16:9",
        "quality": "standard",
        "fps": 24,
        "resolution": [1920, 1080],
        "governance": "studio",
        "when_busy": "queue",
    }
    assert manifest["assets"] == {"characters": [], "locations": [], "styles": [], "music": []}


@given(st.dictionaries(words.map(lambda word: f"x-{word}"), json_values, max_size=4), words)
def test_a_manifest_comes_back_as_it_was_written(unknown: dict[str, Any], description: str) -> None:
    manifest = made(**unknown, description=description)
    assert decode(encode(manifest)) == manifest
    assert encode(decode(encode(manifest))) == encode(manifest)


def test_the_keys_of_s4_are_understood_and_written_as_those_of_s1() -> None:
    manifest = decode(json.dumps(S4_EXAMPLE).encode())
    assert (manifest["uuid"], manifest["title"]) == ("unique-project-id", "My Film Project")
    assert manifest["project_settings"] == {
        "aspect_ratio": "4:3",
        "quality": "high",
        "fps": 25,
        "resolution": [1280, 720],
        "governance": "studio",
        "when_busy": "queue",
    }
    assert manifest["narrative"]["structure"] == "hero-journey"
    assert {"id", "name", "quality", "settings"}.isdisjoint(manifest)
    assert decode(encode(manifest)) == manifest


def test_where_both_spellings_stand_s1_holds() -> None:
    manifest = decode(json.dumps({**made(), "name": "Other", "id": "other", "quality": "low"}).encode())
    assert (manifest["uuid"], manifest["title"]) == ("uuid-1", "Night Bus")
    assert manifest["project_settings"]["quality"] == "standard"


def test_the_aspect_ratio_of_the_brief_is_that_of_the_project() -> None:
    request = NewProject("Noir", contract={**empty_contract(), "aspectRatio": "21:9"})
    manifest = new_manifest(request, "u", "", narrative("beat-sheet"))
    assert manifest["project_settings"]["aspect_ratio"] == "21:9"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("uuid", "a/b"),
        ("title", 3),
        ("version", -1),
        ("version", True),
        ("project_settings.quality", "ultra"),
        ("project_settings.resolution", [1920]),
        ("project_settings.governance", "none"),
        ("narrative.structure", "five-act"),
        ("narrative.chapters", [{"number": "1", "title": "x"}]),
        ("narrative.chapters", [{"number": 1, "title": "x", "scenes": [3]}]),
        ("assets", {"characters": "x"}),
        ("creative_contract.budgetCap", -1),
        ("creative_contract.budgetCap", "20"),
        ("creative_contract.referencePack", ["../x"]),
        ("creative_contract", []),
    ],
)
def test_a_wrong_field_is_named(path: str, value: object) -> None:
    *parents, last = path.split(".")
    whole = made()
    target = whole
    for parent in parents:
        target[parent] = dict(target[parent])
        target = target[parent]
    target[last] = value
    with pytest.raises(BrokenManifest, match=path.replace(".", r"\.")):
        decode(json.dumps(whole).encode())
