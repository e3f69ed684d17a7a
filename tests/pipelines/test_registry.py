"""The catalogue: what a definition must say, what is refused, and what the schema can express."""

import tomllib
import uuid
from pathlib import Path
from typing import Any

import pytest

from pipelines import registry
from pipelines.spec import BadParameter, UnknownPipeline

GOOD = """
id = "a-model"
version = "1.0.0"
uuid = "11111111-2222-4333-8444-555555555555"
label = "A model"
summary = "Makes pictures."
output = "Image"
price_usd = 0.02
needs = "a 12 GB GPU node with the Docker runner"
licence = "Apache-2.0"
source = "https://example.org/a-model"

[[inputs]]
name = "prompt"
types = ["String"]
label = "Prompt"

[[params]]
name = "steps"
type = "integer"
default = 20
minimum = 1
maximum = 50
label = "Steps"
help = "More take longer."

[tiers.low]
runner = "docker"
entry = "workprint/a-model:latest"
vram_gb = 12
long_edge_px = 768
seconds_prior = 6
"""


def parsed(text: str = GOOD, **changes: Any) -> Any:
    return registry.parse({**tomllib.loads(text), **changes})


def test_the_shipped_catalogue_is_valid_and_has_what_the_first_version_needs() -> None:
    catalog = registry.load_catalog()
    assert {"previz-image", "t2i-sd1.5", "t2i-flux-schnell", "t2i-flux-dev-fp16"} <= set(catalog)
    assert catalog["previz-image"].is_local
    assert {tier: spec.vram_gb for tier, spec in catalog["t2i-sd1.5"].tiers.items()} == {"low": 12}
    assert {tier: spec.vram_gb for tier, spec in catalog["t2i-flux-schnell"].tiers.items()} == {"standard": 16}
    assert {tier: spec.vram_gb for tier, spec in catalog["t2i-flux-dev-fp16"].tiers.items()} == {"high": 24}


def test_every_pipeline_says_who_may_use_it_where_it_comes_from_and_what_it_needs() -> None:
    for pipeline in registry.load_catalog().values():
        assert pipeline.licence
        assert pipeline.source
        assert pipeline.is_local or pipeline.unavailable or "node" in pipeline.needs or "Install" in pipeline.needs
        assert str(uuid.UUID(pipeline.uuid)) == pipeline.uuid


def test_previz_serves_every_tier_at_its_long_edge() -> None:
    tiers = registry.get("previz-image").tiers
    assert {tier: spec.long_edge_px for tier, spec in tiers.items()} == {"low": 768, "standard": 1024, "high": 2048}


@pytest.mark.parametrize("name", ["previz-image", "previz-image:1.0.0", "previz-image:latest"])
def test_a_pipeline_is_found_by_name_and_by_name_and_tag(name: str) -> None:
    assert registry.get(name).id == "previz-image"


@pytest.mark.parametrize("name", ["", "nothing", "previz-image:9.9", "../previz-image", "previz-image:1.0.0:x"])
def test_an_unknown_name_or_tag_is_refused(name: str) -> None:
    with pytest.raises(UnknownPipeline):
        registry.get(name)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"id": "Not An Id"}, "id"),
    ({"id": ""}, "id"),
    ({"uuid": "not-a-uuid"}, "uuid"),
    ({"output": "Picture"}, "output"),
    ({"price_usd": -1}, "price_usd"),
    ({"price_usd": True}, "price_usd"),
    ({"needs": ""}, "needs"),
    ({"tiers": {}}, "tiers"),
    ({"tiers": {"ultra": {}}}, "tiers"),
    ({"tiers": "low"}, "tiers"),
    ({"colour": "red"}, "unknown fields"),
    ({"inputs": "prompt"}, "inputs"),
    ({"inputs": [{"name": "prompt", "types": ["Text"], "label": "Prompt"}]}, "prompt"),
    ({"inputs": [{"name": "prompt", "types": [], "label": "Prompt"}]}, "prompt"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_a_definition_that_is_wrong_is_refused_by_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(registry.BadCatalog, match=field):
        parsed(**changes)


@pytest.mark.parametrize(
    "param",
    [
        {"name": "Steps", "type": "integer", "default": 1, "label": "Steps", "help": "x"},
        {"name": "steps", "type": "number", "default": 1, "label": "Steps", "help": "x"},
        {"name": "steps", "type": "integer", "default": 0, "minimum": 1, "label": "Steps", "help": "x"},
        {"name": "kind", "type": "enum", "default": "c", "choices": ["a", "b"], "label": "Kind", "help": "x"},
        {"name": "kind", "type": "enum", "default": "a", "label": "Kind", "help": "x"},
        {"name": "steps", "type": "integer", "default": 1, "label": "Steps"},
    ],
)
def test_a_parameter_whose_own_default_or_form_is_wrong_is_refused(param: dict[str, Any]) -> None:
    with pytest.raises(registry.BadCatalog):
        parsed(params=[param])


def test_two_parameters_of_one_name_are_refused() -> None:
    param = tomllib.loads(GOOD)["params"][0]
    with pytest.raises(registry.BadCatalog, match="same name"):
        parsed(params=[param, param])


def test_a_local_entry_must_name_a_function() -> None:
    tier = {**tomllib.loads(GOOD)["tiers"]["low"], "runner": "local", "entry": "rm -rf"}
    with pytest.raises(registry.BadCatalog, match="module:function"):
        parsed(tiers={"low": tier})


def test_two_files_may_not_share_an_id_or_a_uuid(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "b.toml").write_text(GOOD.replace('"a-model"', '"another"'))
    with pytest.raises(registry.BadCatalog, match=r"b\.toml"):
        registry.read_catalog(tmp_path)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("id = ")
    with pytest.raises(registry.BadCatalog, match=r"broken\.toml"):
        registry.read_catalog(tmp_path)


def test_a_new_model_is_a_new_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a-model.toml").write_text(GOOD)
    assert registry.read_catalog(tmp_path)["a-model"].runner("low") == "docker"


SOCKETS = {
    "ltx-video": ([["String"]], "Video"),
    "flexiact": ([["Image"], ["Video"]], "Video"),
    "layerflow": ([["String"], ["String"], ["String"]], "Video"),
    "seedvr2": ([["Video"]], "Video"),
    "thera": ([["Image", "Video"], ["Float"]], "Image"),
}


@pytest.mark.parametrize("model", SOCKETS)
def test_the_schema_expresses_text_mixed_layered_and_video_only_models(model: str) -> None:
    inputs, output = SOCKETS[model]
    entries = [{"name": f"in{number}", "types": types, "label": "In"} for number, types in enumerate(inputs)]
    pipeline = parsed(id=model, inputs=entries, output=output)
    assert [list(socket.types) for socket in pipeline.inputs] == inputs
    assert pipeline.output == output


def test_missing_parameters_get_their_defaults() -> None:
    assert registry.check(parsed(), {}) == {"steps": 20}


@pytest.mark.parametrize("value", [0, 51, 2.5, "20", True, None, float("nan"), float("inf"), [20]])
def test_a_value_out_of_range_or_of_another_type_is_refused_by_name(value: object) -> None:
    with pytest.raises(BadParameter, match="Steps must be a whole number from 1 up to 50") as caught:
        registry.check(parsed(), {"steps": value})
    assert caught.value.name == "steps"


def test_an_unknown_parameter_is_refused_by_name() -> None:
    with pytest.raises(BadParameter) as caught:
        registry.check(parsed(), {"sampler": "euler"})
    assert caught.value.name == "sampler"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("palette", ["#AABBCC"], ["red"]),
        ("palette", [], ["#fff"]),
        ("palette", ["#000000"] * 12, ["#000000"] * 13),
        ("boolean", False, 0),
        ("string", "x" * 20_000, "x" * 20_001),
        ("float", 1, "1"),
    ],
)
def test_each_type_of_parameter_takes_its_own_values_only(kind: str, good: object, bad: object) -> None:
    default: dict[str, object] = {"palette": [], "boolean": True, "string": "", "float": 0.5}
    entry = {"name": "thing", "type": kind, "default": default[kind], "label": "Thing", "help": "x"}
    pipeline = parsed(params=[entry])
    assert registry.check(pipeline, {"thing": good})
    with pytest.raises(BadParameter):
        registry.check(pipeline, {"thing": bad})


def test_a_choice_outside_the_list_is_answered_with_the_list() -> None:
    with pytest.raises(BadParameter, match="golden-hour-soft, studio-high-key"):
        registry.check(registry.get("previz-image"), {"lighting": "disco"})


def test_quality_mappings_hold_the_pipelines_of_the_specification() -> None:
    mappings = registry.quality_mappings()
    assert mappings["generate-image"]["low"]["pipeline_id"] == "t2i-sd1.5:latest"
    assert mappings["generate-image"]["standard"]["pipeline_id"] == "t2i-flux-schnell:latest"
    assert mappings["generate-image"]["high"]["pipeline_id"] == "t2i-flux-dev-fp16:latest"
    assert mappings["generate-video"]["low"]["pipeline_id"] == "t2v-wan2.1-1.3b:latest"
    assert mappings["generate-video"]["high"]["pipeline_id"] == "t2v-ltx-13b:latest"
    assert [mappings["default"][tier]["target_vram"] for tier in ("low", "standard", "high")] == [12, 16, 24]
    assert mappings["default"]["low"]["optimizations"] == ["cpu_offloading", "sequential"]
    assert mappings["default"]["high"]["use_case"] == "final renders"


def test_no_mapping_claims_to_be_available_without_a_runner() -> None:
    for tiers in registry.quality_mappings().values():
        assert set(tiers) == {"low", "standard", "high"}
        assert not any(mapping["available"] for mapping in tiers.values())
