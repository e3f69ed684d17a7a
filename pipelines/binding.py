"""Binds what a recipe holds into a ComfyUI graph or a request body, by paths that the pipeline declares; no code each.

A binding is `"where" = "what"`. In a graph, where is `node.input`, such as `"6.text"`, and has to be there; in a
request body it is a path such as `"input.image_size.width"`, and is made. What is one of

- `prompt`, `negative`: assembled for the model's family (see `prompting`); `parts.direct` and so on: one part as it is
- `seed`, `width`, `height`, `fps`, `frames` (`parameters.seconds` times `fps`), and `run`, a name nobody else has
- `parameters.NAME`, `options.NAME`, `inputs.NAME` (the first file joined there), `inputs.NAME.*` (all of them)
- `texts.NAME`, the words of an input that takes words and is not the prompt
- `loras`, those of the recipe as a list of name and strength; into a graph they go by themselves, see `lora`

Options that shape the values: `family`, `prompt_tokens`, `size_multiple` (of width and height), `fps`, and `frame_step`
(8 for LTX, whose clips have 8n + 1 frames; 4 for Wan). A graph's own options stand beside it in a .toml of its name;
those of the tier win. `checks` refuses, when the catalogue is read, whatever could not work or would do nothing.
"""

import copy
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from pipelines.prompting import FAMILIES, Family, assemble
from pipelines.providers import providers, split_entry
from pipelines.spec import Input, Pipeline, PipelineError, Recipe, TierSpec

GRAPHS = Path(__file__).parent / "graphs"

Graph = dict[str, dict[str, Any]]
Files = Mapping[str, Sequence[str]]
"""Input name -> what stands for each file that is joined there: an uploaded name, a data URI, an address."""

_PLAIN = ("prompt", "negative", "seed", "width", "height", "fps", "frames", "run", "loras")
_PARTS = ("direct", "identity", "aesthetic", "context")
_GRAPH_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


class BadBinding(PipelineError):
    """A pipeline binds something that is not there, or leaves out something that it offers."""


def options_of(spec: TierSpec) -> dict[str, Any]:
    """The tier's options, over those that stand beside its graph."""
    beside = _beside(spec.entry) if spec.runner == "comfyui" else {}
    bind = {**beside.get("bind", {}), **spec.options.get("bind", {})}
    return {**beside, **spec.options, "bind": bind}


def graph_of(spec: TierSpec) -> Graph:
    """A graph in ComfyUI's API format: out of the tier's option `graph`, or the file that `entry` names."""
    inline = spec.options.get("graph")
    if isinstance(inline, dict):
        return _api_format(copy.deepcopy(cast("dict[str, Any]", inline)))
    return copy.deepcopy(_read_graph(spec.entry))


def values_of(recipe: Recipe, options: Mapping[str, Any], files: Files, run: str) -> dict[str, Any]:
    """Everything a binding can name, by its first word."""
    parameters: dict[str, Any] = dict(recipe.get("parameters", {}))
    family = cast("Family", options.get("family", "sentence"))
    parts: dict[str, str] = {name: str(recipe.get("prompt", {}).get(name, "")) for name in _PARTS}
    negative = str(recipe.get("negative_prompt", ""))
    prompt = assemble(parts, negative, family, limit_tokens=int(options.get("prompt_tokens", 0)))
    fps = float(parameters.get("fps", options.get("fps", 24)))
    values: dict[str, Any] = {
        "prompt": prompt.text,
        "negative": prompt.negative,
        "left_out": prompt.left_out,
        "parts": parts,
        "seed": int(recipe.get("seed", 0)),
        "fps": fps,
        "frames": _frames(float(parameters.get("seconds", 0)) * fps, int(options.get("frame_step", 1))),
        "run": run,
        "parameters": parameters,
        "options": options,
        "inputs": files,
        "texts": dict(recipe.get("texts", {})),
        "references": dict(recipe.get("references", {})),
        "loras": list(recipe.get("loras", [])),
    }
    for side in ("width", "height"):
        values[side] = _multiple(int(recipe.get(side, 0)), int(options.get("size_multiple", 1)))
    return values


def bound_graph(spec: TierSpec, recipe: Recipe, values: Mapping[str, Any]) -> Graph:
    """The graph of a tier with everything in its place, its LoRAs in a row, and files of the run's own name."""
    graph, options = graph_of(spec), options_of(spec)
    for where, what in options["bind"].items():
        node, _, name = str(where).partition(".")
        found = _look_up(str(what), values)
        if found is _MISSING:
            raise PipelineError(f"This pipeline needs {_spoken(str(what))}, and nothing is joined there")
        graph[node]["inputs"][name] = found
    with_loras(graph, options, [*_declared_loras(options, values), *recipe.get("loras", [])])
    for node in graph.values():
        # ComfyUI answers an equal graph out of its cache, with files that may be gone by now.
        if "filename_prefix" in node["inputs"]:
            node["inputs"]["filename_prefix"] = file_prefix(str(values["run"]))
    return graph


def file_prefix(run: str) -> str:
    """How the files of a run begin in ComfyUI's folder of outputs."""
    return f"workprint/{run}"


def bound_body(spec: TierSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """The request body of a provider's tier; what has no value is left out."""
    options = options_of(spec)
    body: dict[str, Any] = copy.deepcopy(options.get("body", {}))
    if values["loras"] and "loras" not in options["bind"].values():
        raise PipelineError(f"{len(values['loras'])} LoRAs are joined; this provider takes no LoRA. Take them away")
    for where, what in options["bind"].items():
        found = _look_up(str(what), values)
        if found is _MISSING or found in ("", []):
            continue
        *folders, name = str(where).split(".")
        place = body
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = found
    return body


def with_loras(graph: Graph, options: Mapping[str, Any], loras: Sequence[Mapping[str, Any]]) -> None:
    """Put LoRAs between the outputs that `lora` names and whoever uses them (P-007); raises PipelineError."""
    if not loras:
        return
    anchor: dict[str, list[Any]] = options.get("lora", {})
    most = int(options.get("max_loras", len(loras)))
    if not anchor or len(loras) > most:
        allowed = f"at most {most}" if anchor else "no"
        raise PipelineError(f"{len(loras)} LoRAs are joined; this tier takes {allowed} LoRA. Take some away")
    model, clip = anchor["model"], anchor.get("clip")
    users = [node["inputs"] for node in graph.values()]
    last: dict[str, list[Any]] = {"model": model, **({"clip": clip} if clip else {})}
    for number, lora in enumerate(loras):
        strength = float(lora.get("strength", 1.0))
        inputs = {**last, "lora_name": str(lora["name"]), "strength_model": strength}
        if clip:
            inputs["strength_clip"] = strength
        node = f"lora{number}"
        graph[node] = {"class_type": "LoraLoader" if clip else "LoraLoaderModelOnly", "inputs": inputs}
        last = {"model": [node, 0], **({"clip": [node, 1]} if clip else {})}
    for inputs in users:
        for name, value in inputs.items():
            if value == model:
                inputs[name] = last["model"]
            elif clip and value == clip:
                inputs[name] = last["clip"]


def static_graph(spec: TierSpec) -> Graph:
    """The graph without whatever only a recipe can say: what a server must have, before anybody clicks."""
    graph, options = graph_of(spec), options_of(spec)
    for where, what in options["bind"].items():
        node, _, name = str(where).partition(".")
        if str(what).startswith("options."):
            graph[node]["inputs"][name] = _look_up(str(what), {"options": options})
        else:
            graph[node]["inputs"].pop(name, None)
    literal = [lora for lora in options.get("loras", []) if not str(lora["name"]).startswith("parameters.")]
    with_loras(graph, options, literal)
    return graph


def checks(pipeline: Pipeline, spec: TierSpec) -> None:
    """Raise BadBinding when a tier of a graph or a provider could not be bound."""
    options = options_of(spec)
    if spec.runner == "provider":
        _check_provider(spec, options)
    if options.get("family", "sentence") not in FAMILIES:
        raise BadBinding(f"family: {options['family']!r} is none of {', '.join(FAMILIES)}")
    graph = graph_of(spec) if spec.runner == "comfyui" else None
    for where, what in options["bind"].items():
        if graph is not None:
            _check_place(graph, str(where))
        _check_source(pipeline, options, str(where), str(what))
    _check_use(pipeline, options, required=graph is not None)
    if graph is not None:
        _check_anchor(graph, options)


def _check_provider(spec: TierSpec, options: Mapping[str, Any]) -> None:
    name, model = split_entry(spec.entry)
    if name not in providers() or not model:
        raise BadBinding(
            f"entry: {spec.entry!r} is not of the form provider:model with one of {', '.join(providers())}"
        )
    if not options.get("files"):
        raise BadBinding("files: where in the provider's answer its files are is missing")


def _check_place(graph: Graph, where: str) -> None:
    node, _, name = where.partition(".")
    if node not in graph:
        raise BadBinding(f"bind: the graph has no node {node!r}; it has {', '.join(graph)}")
    if name not in graph[node]["inputs"]:
        has = ", ".join(graph[node]["inputs"]) or "none"
        raise BadBinding(f"bind: node {node} ({graph[node]['class_type']}) has no input {name!r}; it has {has}")


def _check_source(pipeline: Pipeline, options: Mapping[str, Any], where: str, what: str) -> None:
    first, _, name = what.partition(".")
    name = name.removesuffix(".*")
    known: dict[str, Sequence[str]] = {
        "parameters": [param.name for param in pipeline.params],
        "inputs": [entry.name for entry in pipeline.inputs],
        "texts": [entry.name for entry in pipeline.inputs if _is_words(entry)],
        "options": list(options),
        "parts": _PARTS,
    }
    if what not in _PLAIN and (first not in known or name not in known[first]):
        offers = f"; its {first} are {', '.join(known[first]) or 'none'}" if first in known else ""
        raise BadBinding(f"bind: {where} wants {what!r}, which is not there{offers}")


def _check_use(pipeline: Pipeline, options: Mapping[str, Any], *, required: bool) -> None:
    """Whatever the artist can set or join has to have an effect, and a graph cannot do without its files."""
    used = {str(what).removesuffix(".*") for what in options["bind"].values()}
    used |= {str(value) for lora in options.get("loras", []) for value in lora.values()}
    if "frames" in used:
        used |= {"parameters.seconds", "parameters.fps"}
    if "fps" in used:
        used.add("parameters.fps")
    for param in pipeline.params:
        if f"parameters.{param.name}" not in used:
            raise BadBinding(f"bind: the parameter {param.name} is bound nowhere, so it would do nothing")
    for entry in pipeline.inputs:
        if entry.types == ("String",) and entry.name == "prompt":
            continue
        wanted = f"texts.{entry.name}" if _is_words(entry) else f"inputs.{entry.name}"
        if wanted not in used:
            raise BadBinding(f"bind: the input {entry.name} is bound nowhere, so it would do nothing")
        if required and not entry.required and not _is_words(entry):
            raise BadBinding(f"bind: a graph cannot do without {entry.name}, so it has to be a required input")


def _is_words(entry: Input) -> bool:
    """Whether an input takes words that are not the prompt's, which every pipeline gets."""
    return entry.types == ("String",) and entry.name != "prompt"


def _check_anchor(graph: Graph, options: Mapping[str, Any]) -> None:
    anchor: dict[str, list[Any]] = options.get("lora", {})
    for name, link in anchor.items():
        if str(link[0]) not in graph:
            raise BadBinding(f"lora: {name} is node {link[0]!r}, which the graph does not have")
    if options.get("loras") and not anchor:
        raise BadBinding("lora: the tier has LoRAs, but does not say where in the graph they belong")
    output = options.get("output")
    if output is not None and str(output) not in graph:
        raise BadBinding(f"output: the graph has no node {output!r}")


class _Missing:
    """What a binding has when nothing is joined."""


_MISSING = _Missing()


def _look_up(what: str, values: Mapping[str, Any]) -> object:
    first, *rest = what.split(".")
    found: Any = values.get(first, _MISSING)
    if first == "inputs":
        joined = list(cast("Files", found).get(rest[0], ()))
        if not joined:
            return _MISSING
        return joined if rest[1:] == ["*"] else joined[0]
    for name in rest:
        inside: Mapping[str, Any] = cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}
        found = inside.get(name, _MISSING)
    return found


def _spoken(what: str) -> str:
    kind, _, name = what.partition(".")
    if kind == "texts":
        return f"words at its input {name}"
    return f"a file at its input {name.removesuffix('.*')}" if kind == "inputs" else what


def _declared_loras(options: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The LoRAs of a tier; one whose name is a parameter that is left empty is none."""
    for lora in options.get("loras", []):
        name, strength = lora["name"], lora.get("strength", 1.0)
        if str(name).startswith("parameters."):
            name = _look_up(str(name), values)
        if str(strength).startswith("parameters."):
            strength = _look_up(str(strength), values)
        if name and not isinstance(name, _Missing):
            yield {"name": name, "strength": strength}


def _multiple(pixels: int, step: int) -> int:
    return max(step, pixels // step * step)


def _frames(wanted: float, step: int) -> int:
    """The nearest number of frames that the model can make: whole steps, and the first frame."""
    return max(1, round(max(0.0, wanted - 1) / step) * step + 1)


@cache
def _beside(name: str) -> dict[str, Any]:
    path = GRAPHS / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if _GRAPH_NAME.fullmatch(name) and path.is_file() else {}


@cache
def _read_graph(name: str) -> Graph:
    path = GRAPHS / f"{name}.json"
    if not _GRAPH_NAME.fullmatch(name) or not path.is_file():
        raise BadBinding(f"entry: there is no graph called {name!r}")
    return _api_format(json.loads(path.read_text(encoding="utf-8")))


def _api_format(graph: dict[str, Any]) -> Graph:
    """The graph, when it is one that a ComfyUI server runs; raises BadBinding."""
    if "nodes" in graph and "links" in graph:
        raise BadBinding("This graph was saved for ComfyUI's editor. Use Export (API) there, which servers can run")
    for node, found in graph.items():
        entry: dict[str, Any] = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        if not isinstance(entry.get("inputs"), dict) or "class_type" not in entry:
            raise BadBinding(f"The graph's node {node!r} has no class_type or no inputs")
        for name, value in cast("dict[str, Any]", entry["inputs"]).items():
            if isinstance(value, list) and str(cast("list[Any]", value)[0]) not in graph:
                raise BadBinding(f"The graph's node {node} takes {name} from {value[0]!r}, which is not there")
    return cast("Graph", graph)
