"""Definitions as data: what they can express (C-022), what is refused, and how the place of a mistake is told."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipelines import registry, requirements
from pipelines.parsing import FIELDS, BadCatalog, parse

CASES = Path(__file__).parent / "definitions"
PAGE = Path(__file__).parents[2] / "docs" / "pipelines-format.md"

SOCKETS = {
    "ltx-video": {"prompt": ("String",)},
    "flexiact": {"target": ("Image",), "motion": ("Video", "ControlMap")},
    "layerflow": {"foreground": ("String",), "background": ("String",), "whole": ("String",)},
    "seedvr2": {"source": ("Video",)},
}


def table(name: str = "flexiact") -> dict[str, Any]:
    return tomllib.loads((CASES / f"{name}.toml").read_text())


@pytest.mark.parametrize("model", SOCKETS)
def test_words_only_film_and_picture_several_strings_and_film_only_can_all_be_said(model: str) -> None:
    pipeline = registry.read_catalog(CASES)[model]
    assert {socket.name: socket.types for socket in pipeline.inputs} == SOCKETS[model]
    assert pipeline.makes == ("Video",)


def test_a_motion_may_come_as_a_film_or_as_a_control_map() -> None:
    motion = registry.read_catalog(CASES)["flexiact"].inputs[1]
    assert {"Video", "ControlMap"} == set(motion.types)


def test_an_input_may_take_several_edges_and_may_be_left_open() -> None:
    whole = registry.read_catalog(CASES)["layerflow"].inputs[2]
    assert (whole.many, whole.required) == (True, False)


def with_(path: str, value: object) -> dict[str, Any]:
    """The definition of FlexiAct with something else at a path such as `inputs.0.types`."""
    made = table()
    place: Any = made
    *way, last = path.split(".")
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("version", "1 0", "version: '1 0' is not made of"),
        ("uuid", "0E5E6D53-5D39-4B0E-8A5F-1F2F4F6C0A02", "uuid: .* is none"),
        ("task", "Generate Image", "task: .* is not made of"),
        ("also", ["Mesh"], "also: 'Mesh' is no socket type; they are String, "),
        ("price_unit", "minute", "price_unit: 'minute' is none of image, second, job"),
        ("price_usd", float("nan"), "price_usd: a number of at least 0"),
        ("sfw_gate", "yes", "sfw_gate: must be true or false"),
        ("licence", " ", "licence: a text is missing"),
        ("checked", "yesterday", "checked: 'yesterday' is not made of"),
        ("checked", "2026-11-20", "checked: '2026-11-20' is not made of"),
        ("requires", ["FAL_KEY"], "requires: 'FAL_KEY' is not of the form env:NAME"),
        ("weights", [{"url": "ftp://x", "licence": "MIT"}], "weights.1.url: an address that begins with https://"),
        ("weights", [{"url": "https://x", "licence": "MIT", "size_gb": -1}], "weights.1.size_gb: a number"),
        ("weights", {"url": "https://x"}, "weights: must be a list of tables"),
        ("inputs.1.types", ["Film"], "inputs.motion.types: 'Film' is no socket type"),
        ("inputs.1.many", 1, "inputs.motion.many: must be true or false"),
        ("inputs.1.label", "", "inputs.motion.label: a text is missing"),
        ("inputs.1.name", "Motion", "inputs.2.name: 'Motion' is not made of"),
        ("inputs.1.name", "style", "inputs.style.name: style is a socket that every shot has"),
        ("inputs.1.name", "target", "inputs: two have the same name target"),
        ("inputs.1.kind", "Video", "inputs.2: unknown fields: kind; there are name, types"),
        ("tiers.high.runner", "cloud", "tiers.high.runner: 'cloud' is none of local, docker, comfyui, provider"),
        ("tiers.high.vram_gb", True, "tiers.high.vram_gb: a number"),
        ("tiers.high.optimizations", "fp8", "tiers.high.optimizations: a list is missing"),
        ("tiers.high.image", "x", "tiers.high: unknown fields: image"),
        ("tags", {"latest": "high"}, "tags: 'latest' cannot be a tag"),
        ("tags", {"1.0-draft": "low"}, "tags: 1.0-draft stands for 'low', which is no tier of this pipeline"),
        ("tiers", {}, "tiers: there is none; only a pipeline that says why it is `unavailable`"),
    ],
)
def test_a_mistake_is_told_by_the_place_where_it_stands(path: str, value: object, told: str) -> None:
    with pytest.raises(BadCatalog, match=told):
        parse(with_(path, value))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"type": "integer", "default": 1, "minimum": "low"}, "params.thing.minimum: 'low' is no number"),
        ({"type": "string", "default": "", "maximum": 9}, "params.thing.minimum: a string has no range"),
        ({"type": "enum", "default": "a"}, "params.thing.choices: an enum needs them"),
        ({"type": "boolean", "default": True, "choices": ["a"]}, "params.thing.choices: .* nothing else has them"),
        ({"type": "integer", "default": 9, "maximum": 5}, "params.thing.default: it is refused by its own parameter"),
        ({"type": "number", "default": 9}, "params.thing.type: 'number' is none of string, integer"),
    ],
)
def test_a_parameter_that_contradicts_itself_is_told_by_its_name(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BadCatalog, match=told):
        parse({**table(), "params": [{"name": "thing", "label": "Thing", "help": "x", **changes}]})


def test_a_pipeline_that_cannot_run_in_this_version_says_why_and_needs_no_tiers() -> None:
    pipeline = parse({**table(), "tiers": {}, "unavailable": "waits for takes that hold text"})
    assert pipeline.tiers == {}
    assert not pipeline.is_local
    with pytest.raises(Exception, match="FlexiAct cannot run in this version: it waits for takes that hold text"):
        pipeline.tier("low")


def test_optimizations_of_a_tier_are_among_the_options_that_a_run_gets() -> None:
    pipeline = parse(with_("tiers.high.optimizations", ["fp8", "cpu_offloading"]))
    assert pipeline.tier("high").options == {"optimizations": ["fp8", "cpu_offloading"]}


def test_a_mistake_in_a_file_is_told_with_the_files_name(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text((CASES / "flexiact.toml").read_text().replace('"ControlMap"', '"Depth"'))
    with pytest.raises(BadCatalog, match=r"^mine\.toml: inputs\.motion\.types: 'Depth' is no socket type"):
        registry.read_catalog(tmp_path)


def test_the_page_on_the_format_lists_every_field_and_no_other() -> None:
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    for kind, fields in FIELDS.items():
        section = next(text for text in sections if text.startswith(f"`{kind}`"))
        assert tuple(re.findall(r"^\| `(\w+)`", section, flags=re.MULTILINE)) == fields


def test_what_a_machine_lacks_is_told_in_a_sentence_for_each_thing() -> None:
    requires = ("env:FAL_KEY", "program:ffmpeg", "module:no_such_module", "module:no_such.module", "module:json")
    told = requirements.lacking(requires, {"FAL_KEY": ""}, lambda _name: None)
    assert told == (
        "Set FAL_KEY for the farm node. Install the program ffmpeg. Install the Python module no_such_module. "
        "Install the Python module no_such.module."
    )


def test_a_machine_that_has_everything_lacks_nothing() -> None:
    requires = ("env:FAL_KEY", "program:ffmpeg", "module:json")
    assert requirements.lacking(requires, {"FAL_KEY": "x"}, lambda name: f"/usr/bin/{name}") == ""
