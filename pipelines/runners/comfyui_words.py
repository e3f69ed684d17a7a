"""Says in words what a ComfyUI server lacks, refuses, or failed at; pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pipelines.binding import Graph
from pipelines.spec import OutOfMemory, PipelineError

FOLDERS = {
    "ckpt_name": ("checkpoint", "models/checkpoints"),
    "unet_name": ("diffusion model", "models/diffusion_models"),
    "vae_name": ("VAE", "models/vae"),
    "clip_name": ("text encoder", "models/text_encoders"),
    "clip_name1": ("text encoder", "models/text_encoders"),
    "clip_name2": ("text encoder", "models/text_encoders"),
    "lora_name": ("LoRA", "models/loras"),
    "control_net_name": ("ControlNet", "models/controlnet"),
    "model_name": ("model", "models/upscale_models"),
    "swap_model": ("face swap model", "models/insightface"),
}
"""Input of a node -> what it names, and where ComfyUI looks for such files."""

MEMORY_FLAGS = ("--gpu-only", "--highvram", "--normalvram", "--lowvram", "--novram", "--cpu")
"""How a server was told to use the GPU's memory; it takes one of them at most, and without any it decides itself."""

_MESSAGE_CHARS = 400
_FOLDERS = re.compile(r"(?<![\w:/.])(?:[A-Za-z]:)?(?:[\\/][^\\/\s'\":]+)+[\\/](?=[^\\/\s])")
"""The folders in front of a file's name: where a server keeps its files concerns no artist."""


def lacking(graph: Graph, known: Mapping[str, Any]) -> list[str]:
    """What a server lacks for a graph, given its /object_info of the graph's classes; empty when nothing."""
    missing: list[str] = []
    for node in graph.values():
        name = str(node["class_type"])
        if name not in known:
            missing.append(f"it has no node {name}; install the custom nodes that bring it")
            continue
        for field, choices in _choices(known[name]):
            value = node["inputs"].get(field)
            if isinstance(value, str) and value not in choices:
                missing.append(no_such_file(field, value))
    return list(dict.fromkeys(missing))


def no_such_file(field: str, value: str) -> str:
    """That a server has no file of that name for an input."""
    if field not in FOLDERS:
        return f"it does not offer {value!r} for {field}"
    kind, folder = FOLDERS[field]
    return f"it has no {kind} {value}; put it into {folder}" if value else f"no {kind} is named for it"


def started_otherwise(wanted: Sequence[str], argv: Sequence[str]) -> str:
    """How a server's command line differs from the flags that a tier was measured with; empty when it does not.

    One server serves several tiers, so that this is no reason to refuse: it costs time or memory, not the picture.
    """
    given = [word.partition("=")[0] for word in argv]
    memory = next((flag for flag in MEMORY_FLAGS if flag in given), "")
    missing = [flag for flag in wanted if flag not in given and not (flag == "--normalvram" and not memory)]
    if not missing:
        return ""
    told = f" (it has {memory})" if memory else ""
    return (
        f"The ComfyUI server was not started with {' '.join(missing)}{told}, which this tier is meant for: it may take "
        "longer or run out of GPU memory. Who looks after the node can restart it so"
    )


def refusal(reply: Mapping[str, Any]) -> str:
    """Why a prompt was not taken, from the answer to it."""
    reasons = [_reason(error) for node in reply.get("node_errors", {}).values() for error in node["errors"]]
    if not reasons:
        error = reply.get("error")
        told = cast("Mapping[str, Any]", error) if isinstance(error, Mapping) else {"message": str(error)}
        reasons = [f"{told.get('message', '')} {told.get('details', '')}".strip()]
    return f"The ComfyUI server did not take the graph: {'; '.join(dict.fromkeys(reasons))}"[:_MESSAGE_CHARS]


def failure(messages: list[Any]) -> PipelineError:
    """The error for a prompt that failed, from the messages in its history."""
    for kind, data in messages:
        if kind == "execution_interrupted":
            return PipelineError("Somebody interrupted the prompt at the ComfyUI server. Generate again")
        if kind == "execution_error":
            where, what = data.get("node_type", "a node"), str(data.get("exception_message", "")).strip()
            if "OutOfMemory" in str(data.get("exception_type", "")) or "out of memory" in what.lower():
                return OutOfMemory(f"The GPU's memory did not suffice for {where}")
            return PipelineError(f"ComfyUI failed at {where}: {_FOLDERS.sub('', what)}"[:_MESSAGE_CHARS])
    return PipelineError("ComfyUI failed and does not say why. Its own log may")


def _reason(error: Mapping[str, Any]) -> str:
    extra: Mapping[str, Any] = error.get("extra_info") or {}
    if error.get("type") == "value_not_in_list":
        return no_such_file(str(extra.get("input_name")), str(extra.get("received_value")))
    return f"{error.get('message', '')}: {error.get('details', '')}".strip(": ")


def _choices(info: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """The inputs of a class that are chosen from a list; older classes write it plainly, newer ones as COMBO."""
    for group in ("required", "optional"):
        for field, declared in info["input"].get(group, {}).items():
            kind = declared[0]
            if isinstance(kind, list):
                yield field, cast("list[Any]", kind)
            elif kind == "COMBO" and len(declared) > 1 and "options" in declared[1]:
                yield field, declared[1]["options"]
