"""Binding recipes into graphs and request bodies: what goes where, and what is refused when the catalogue is read."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from pipelines import binding
from pipelines.binding import BadBinding
from pipelines.spec import Input, Param, Pipeline, PipelineError, RunnerName, TierSpec

RECIPE: dict[str, Any] = {
    "prompt": {"direct": "a door", "identity": "Vera", "aesthetic": "noir", "context": "night"},
    "negative_prompt": "(blur:1.3), text",
    "seed": 42,
    "width": 1000,
    "height": 570,
    "parameters": {
        "steps": 12,
        "guidance": 4.5,
        "seconds": 2.0,
        "strength": 0.4,
        "image_guidance": 2.5,
        "restore": "none",
    },
}
GRAPH = {
    "1": {"class_type": "Loader", "inputs": {"name": "base"}},
    "2": {"class_type": "Work", "inputs": {"model": ["1", 0], "clip": ["1", 1], "text": "", "size": 1}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": ""}},
}


def number(name: str) -> Param:
    return Param(name, "float", 1.0, name, name)


STEPS, GUIDANCE = number("steps"), number("guidance")
IMAGE = Input("image", ("Image",), "Image")
SD = {"checkpoint": "base.safetensors"}
FLUX = {"checkpoint": "flux.safetensors", "weight_dtype": "fp8_e4m3fn", "text_encoder": "t5.safetensors"}
LTX = {"checkpoint": "ltx.safetensors", "text_encoder": "t5.safetensors"}
OMNIGEN = {"checkpoint": "omnigen.safetensors", "weight_dtype": "default", "text_encoder": "qwen.safetensors"}
SOURCE, FILM = Input("source", ("Image",), "Source"), Input("source", ("Video",), "Source")
FACES = (Input("target", ("Image",), "Target"), Input("source", ("Image",), "Source"))
RESTORE = Param("restore", "enum", "none", "Restore", "", choices=("none", "GFPGANv1.4.pth"))

# Every graph that comes along, with the parameters, inputs and options of a pipeline that runs it.
GRAPHS: dict[str, tuple[tuple[Param, ...], tuple[Input, ...], dict[str, Any]]] = {
    "sd-text-to-image": ((STEPS, GUIDANCE), (), SD),
    "sd-image-to-image": ((STEPS, GUIDANCE, number("strength")), (IMAGE,), SD),
    "flux-text-to-image": ((STEPS, GUIDANCE), (), FLUX),
    "ltx-text-to-video": ((STEPS, GUIDANCE, number("seconds")), (), LTX),
    "wan-text-to-video": ((STEPS, GUIDANCE, number("seconds")), (), FLUX),
    "omnigen2-image-edit": ((STEPS, GUIDANCE, number("image_guidance")), (SOURCE,), OMNIGEN),
    "seedvr2-restore": ((number("strength"),), (FILM,), {"checkpoint": "seedvr2.safetensors"}),
    "reactor-face-swap": ((RESTORE,), FACES, {"swap_model": "inswapper_128.onnx"}),
}


def pipeline(
    options: dict[str, Any],
    params: Sequence[Param] = (),
    inputs: Sequence[Input] = (),
    *,
    entry: str = "inline",
    runner: RunnerName = "comfyui",
) -> tuple[Pipeline, TierSpec]:
    spec = TierSpec(runner, entry, 0, 512, 1, options)
    ids: dict[str, Any] = {"id": "probe", "version": "1", "uuid": str(uuid.uuid4()), "label": "Probe", "summary": ""}
    rest: dict[str, Any] = {"price_usd": 0.0, "needs": "it", "licence": "MIT", "source": "here", "output": "Image"}
    return Pipeline(**ids, **rest, inputs=tuple(inputs), params=tuple(params), tiers={"low": spec}), spec


def of_graph(name: str) -> tuple[Pipeline, TierSpec]:
    params, inputs, options = GRAPHS[name]
    return pipeline(options, params, inputs, entry=name)


def bound(spec: TierSpec, files: binding.Files | None = None, **changes: Any) -> binding.Graph:
    recipe = {**RECIPE, **changes}
    return binding.bound_graph(spec, recipe, binding.values_of(recipe, binding.options_of(spec), files or {}, "run-1"))


def test_every_graph_that_comes_along_is_in_the_table() -> None:
    assert {path.stem for path in binding.GRAPHS.glob("*.json")} == set(GRAPHS)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_agrees_with_its_declared_bindings(name: str) -> None:
    binding.checks(*of_graph(name))


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_of_a_graph_stays_empty_once_it_is_bound(name: str) -> None:
    _, spec = of_graph(name)
    graph = bound(spec, {"image": ["up.png"], "target": ["a.png"], "source": ["b.png"]})
    assert not [
        (node, field) for node, entry in graph.items() for field, value in entry["inputs"].items() if value == ""
    ]
    assert "42" in json.dumps(graph) or name == "reactor-face-swap"
    saved = [entry["inputs"]["filename_prefix"] for entry in graph.values() if "filename_prefix" in entry["inputs"]]
    assert saved == ["workprint/run-1"]


def test_flux_gets_sentences_whole_sizes_and_the_tiers_files() -> None:
    graph = bound(of_graph("flux-text-to-image")[1])
    assert graph["6"]["inputs"]["text"] == "A door. Vera. Night. Noir."
    assert (graph["27"]["inputs"]["width"], graph["27"]["inputs"]["height"]) == (992, 560)
    assert graph["12"]["inputs"] == {"unet_name": "flux.safetensors", "weight_dtype": "fp8_e4m3fn"}


def test_a_clip_has_as_many_frames_as_its_model_can_make() -> None:
    assert bound(of_graph("ltx-text-to-video")[1])["70"]["inputs"]["length"] == 49  # 8n + 1 at 24 per second
    assert bound(of_graph("wan-text-to-video")[1])["40"]["inputs"]["length"] == 33  # 4n + 1 at 16 per second


def test_loras_stand_in_a_row_between_the_model_and_its_users() -> None:
    options = {**SD, "loras": [{"name": "noir.safetensors", "strength": 0.6}]}
    spec = pipeline(options, entry="sd-text-to-image")[1]
    graph = bound(spec, loras=[{"name": "vera.safetensors", "strength": 0.9}])
    assert graph["lora0"]["inputs"]["model"] == ["4", 0]
    assert graph["lora1"]["inputs"]["clip"] == ["lora0", 1]
    assert graph["lora1"]["inputs"]["lora_name"] == "vera.safetensors"
    assert graph["3"]["inputs"]["model"] == ["lora1", 0]
    assert graph["6"]["inputs"]["clip"] == graph["7"]["inputs"]["clip"] == ["lora1", 1]
    assert graph["8"]["inputs"]["vae"] == ["4", 2]


def test_a_model_without_a_text_encoder_of_its_own_gets_loras_of_the_model_alone() -> None:
    graph = bound(of_graph("wan-text-to-video")[1], loras=[{"name": "slow.safetensors"}])
    assert graph["lora0"]["class_type"] == "LoraLoaderModelOnly"
    assert graph["48"]["inputs"]["model"] == ["lora0", 0]


def test_a_lora_may_come_from_a_parameter_and_an_empty_one_is_none() -> None:
    options = {**SD, "loras": [{"name": "parameters.lora", "strength": "parameters.strength"}]}
    spec = pipeline(options, entry="sd-text-to-image")[1]
    assert "lora0" not in bound(spec, parameters={**RECIPE["parameters"], "lora": ""})
    graph = bound(spec, parameters={**RECIPE["parameters"], "lora": "noir.safetensors"})
    assert graph["lora0"]["inputs"]["strength_model"] == 0.4


def test_a_low_tier_takes_one_style_lora_at_most() -> None:
    spec = pipeline({**FLUX, "max_loras": 1}, entry="flux-text-to-image")[1]
    loras = [{"name": f"{name}.safetensors"} for name in ("one", "two")]
    assert "lora0" in bound(spec, loras=loras[:1])
    with pytest.raises(PipelineError, match="takes at most 1 LoRA"):
        bound(spec, loras=loras)


def test_a_missing_file_is_told_before_anything_runs() -> None:
    with pytest.raises(PipelineError, match="a file at its input image"):
        bound(of_graph("sd-image-to-image")[1])


def test_binding_leaves_the_graph_of_the_next_run_alone() -> None:
    spec = of_graph("sd-text-to-image")[1]
    bound(spec, loras=[{"name": "noir.safetensors"}])
    assert binding.graph_of(spec)["3"]["inputs"]["model"] == ["4", 0]


def test_a_request_body_is_made_by_paths_and_leaves_out_what_is_not_there() -> None:
    bind = {
        "input.prompt": "prompt",
        "input.size.width": "width",
        "input.image": "inputs.image",
        "input.references": "inputs.references.*",
        "input.seed": "seed",
    }
    options = {"body": {"input": {"format": "png", "size": {"unit": "px"}}}, "bind": bind, "size_multiple": 8}
    spec = pipeline(options, entry="fal:a/b", runner="provider")[1]
    values = binding.values_of(RECIPE, options, {"references": ["data:1", "data:2"]}, "run-1")
    assert binding.bound_body(spec, values) == {
        "input": {
            "format": "png",
            "size": {"unit": "px", "width": 1000},
            "prompt": "A door. Vera. Night. Noir.",
            "references": ["data:1", "data:2"],
            "seed": 42,
        }
    }


FOREGROUND = Input("foreground", ("String",), "Foreground")


def test_words_of_an_input_of_their_own_go_where_they_are_bound() -> None:
    options = {"graph": GRAPH, "bind": {"2.text": "texts.foreground"}}
    made, spec = pipeline(options, inputs=(FOREGROUND,))
    binding.checks(made, spec)
    values = binding.values_of({**RECIPE, "texts": {"foreground": "a red bus"}}, options, {}, "run-1")
    assert binding.bound_graph(spec, RECIPE, values)["2"]["inputs"]["text"] == "a red bus"
    with pytest.raises(BadBinding, match="the input foreground is bound nowhere"):
        binding.checks(*pipeline({"graph": GRAPH, "bind": {"2.text": "prompt"}}, inputs=(FOREGROUND,)))
    with pytest.raises(PipelineError, match="needs words at its input foreground"):
        binding.bound_graph(spec, RECIPE, binding.values_of(RECIPE, options, {}, "run-1"))


def test_loras_of_a_recipe_reach_a_provider_that_takes_them_and_are_refused_by_one_that_does_not() -> None:
    recipe = {**RECIPE, "loras": [{"name": "noir.safetensors", "strength": 0.8}]}
    options: dict[str, Any] = {"bind": {"input.prompt": "prompt", "input.loras": "loras"}, "files": "images"}
    made, spec = pipeline(options, entry="fal:model", runner="provider")
    binding.checks(made, spec)
    assert binding.bound_body(spec, binding.values_of(recipe, options, {}, "r"))["input"]["loras"] == recipe["loras"]
    assert "loras" not in binding.bound_body(spec, binding.values_of(RECIPE, options, {}, "r"))["input"]
    options = {**options, "bind": {"input.prompt": "prompt"}}
    _, spec = pipeline(options, entry="fal:model", runner="provider")
    with pytest.raises(PipelineError, match="this provider takes no LoRA"):
        binding.bound_body(spec, binding.values_of(recipe, options, {}, "r"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bind": {"7.text": "prompt"}}, "no node '7'; it has 1, 2, 9"),
        ({"bind": {"2.txt": "prompt"}}, "node 2 .Work. has no input 'txt'; it has model, clip, text, size"),
        ({"bind": {"2.text": "promt"}}, "'promt', which is not there"),
        ({"bind": {"2.text": "parameters.style"}}, "its parameters are steps"),
        ({"bind": {"2.text": "inputs.mask"}}, "its inputs are none"),
        ({"bind": {"2.text": "options.checkpoint"}}, "'options.checkpoint', which is not there"),
        ({"bind": {}}, "the parameter steps is bound nowhere"),
        ({"family": "poem"}, "'poem' is none of sentence, tags, instruction"),
        ({"lora": {"model": ["5", 0]}}, "lora: model is node '5'"),
        ({"loras": [{"name": "x"}]}, "does not say where"),
        ({"output": "4"}, "output: the graph has no node '4'"),
        ({"graph": {"nodes": [], "links": []}}, r"Use Export \(API\)"),
        ({"graph": {"1": {"class_type": "A"}}}, "node '1' has no class_type or no inputs"),
        ({"graph": {"1": {"class_type": "A", "inputs": {"x": ["3", 0]}}}}, "takes x from '3'"),
    ],
)
def test_what_could_not_work_is_refused_in_words(options: dict[str, Any], message: str) -> None:
    base = {"graph": GRAPH, "bind": {"2.size": "parameters.steps"}}
    with pytest.raises(BadBinding, match=message):
        binding.checks(*pipeline({**base, **options}, (STEPS,)))


@pytest.mark.parametrize(
    ("entry", "options", "message"),
    [
        ("acme:model", {"files": "x"}, "is not of the form provider:model with one of fal, replicate, runpod"),
        ("fal", {"files": "x"}, "is not of the form provider:model"),
        ("fal:a/b", {}, "files: where in the provider's answer"),
        ("fal:a/b", {"files": "x", "bind": {"prompt": "promt"}}, "'promt', which is not there"),
    ],
)
def test_a_providers_tier_is_checked_as_well(entry: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadBinding, match=message):
        binding.checks(*pipeline(options, entry=entry, runner="provider"))


def test_a_joined_file_that_nobody_reads_is_refused_and_so_is_one_that_a_graph_cannot_do_without() -> None:
    options = {"graph": GRAPH, "bind": {}}
    with pytest.raises(BadBinding, match="the input image is bound nowhere"):
        binding.checks(*pipeline(options, inputs=(IMAGE,)))
    optional = Input("image", ("Image",), "Image", required=False)
    with pytest.raises(BadBinding, match="a graph cannot do without image"):
        binding.checks(*pipeline({**options, "bind": {"2.text": "inputs.image"}}, inputs=(optional,)))


def test_a_graph_that_is_not_there_and_one_outside_the_folder_are_refused() -> None:
    for entry in ("no-such", "../catalog/x", "/etc/passwd"):
        with pytest.raises(BadBinding, match="no graph called"):
            binding.checks(*pipeline({}, entry=entry))
