"""What a shot's sockets bring to its pipeline (C-024): words, files by hash, looks; each of a type it takes; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from crdt_schema.records import CanvasPlain, Take
from crdt_schema.sockets import SocketType
from pipelines.spec import Input, Pipeline
from server.intents.joined import Node, Refused, joined, text_of, texts_of

PROMPT = "prompt"
"""The shot's own words and those joined to it, which every recipe keeps apart from other inputs."""
_NAMED: dict[SocketType, str] = {
    "String": "words",
    "Image": "a picture",
    "Video": "a film",
    "Audio": "a sound",
    "Mask": "a mask",
    "ControlMap": "a control map",
    "AssetReference": "a style",
}
_GIVES = {"prompt": "words", "style": "a style", "shot": "a take"}
_OF_MEDIA: dict[str, frozenset[SocketType]] = {
    "image": frozenset({"Image", "Mask", "ControlMap"}),
    "video": frozenset({"Video", "ControlMap"}),
    "audio": frozenset({"Audio"}),
}
"""What a file may stand for: masks and control maps are pictures, and maps may move."""


@dataclass
class Given:
    """What is joined to each input besides the prompt."""

    texts: dict[str, str] = field(default_factory=dict[str, str])
    """The words of every input that takes words, "" where none are joined."""
    files: dict[str, list[dict[str, str]]] = field(default_factory=dict[str, list[dict[str, str]]])
    references: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])


def given_to(canvas: CanvasPlain, node_id: str, pipeline: Pipeline, takes: Mapping[str, Take]) -> Given:
    """What the sockets bring that the pipeline declares; raises Refused, naming the socket."""
    given = Given()
    for wanted in pipeline.inputs:
        if wanted.name != PROMPT:
            _fill(given, wanted, pipeline, list(joined(canvas, node_id, wanted.name)), takes)
    return given


def must_have_words(pipeline: Pipeline, words: str) -> None:
    """Raise Refused when a pipeline is nothing without a prompt, and there is none."""
    wanted = next((entry for entry in pipeline.inputs if entry.name == PROMPT), None)
    if wanted is not None and wanted.required and not words:
        raise Refused(
            f"{pipeline.label} needs words at its input {wanted.label}: write a prompt in this shot, or join one."
        )


def _fill(given: Given, wanted: Input, pipeline: Pipeline, sources: list[Node], takes: Mapping[str, Take]) -> None:
    if len(sources) > 1 and not wanted.many:
        raise Refused(
            f"{pipeline.label} takes one at its input {wanted.label}, and {len(sources)} are joined. "
            "Take the others away."
        )
    words: list[Node] = []
    for source in sources:
        match source.get("type"):
            case "prompt" if "String" in wanted.types:
                words.append(source)
            case "style" if "AssetReference" in wanted.types:
                given.references.setdefault(wanted.name, []).append(_look(source))
            case "shot" if wanted.types != ("String",):
                given.files.setdefault(wanted.name, []).append(_file(source, wanted, pipeline, takes))
            case _:
                raise _wrong(source, _GIVES.get(str(source.get("type")), "nothing"), wanted, pipeline)
    if "String" in wanted.types:
        given.texts[wanted.name] = texts_of(words)
    if wanted.required and not _has(given, wanted):
        joined_empty = " Its words are empty." if words else ""
        raise Refused(
            f"{pipeline.label} needs {_kinds(wanted)} at its input {wanted.label}: join it to this shot first."
            + joined_empty
        )


def _has(given: Given, wanted: Input) -> bool:
    return bool(given.texts.get(wanted.name)) or wanted.name in given.files or wanted.name in given.references


def _file(source: Node, wanted: Input, pipeline: Pipeline, takes: Mapping[str, Take]) -> dict[str, str]:
    """What a shot gives: its active take."""
    take = takes.get(str(source.get("active_take", "")))
    if take is None:
        raise Refused(f"{_title(source)} has no take yet, which this shot is made from. Generate it first.")
    kind = take["media"]["media_type"].partition("/")[0]
    if _OF_MEDIA.get(kind, frozenset()).isdisjoint(wanted.types):
        given = {"image": "a picture", "video": "a film", "audio": "a sound"}.get(kind, "a file of another kind")
        raise _wrong(source, given, wanted, pipeline)
    return {"blob": take["media"]["blob"], "media_type": take["media"]["media_type"], "name": take["name"]}


def _look(source: Node) -> dict[str, Any]:
    """What a Style gives: its words and its colours."""
    palette = source.get("palette")
    colours = cast("list[object]", palette) if isinstance(palette, list) else []
    return {
        "kind": "style",
        "title": text_of(source, "title"),
        "context": text_of(source, "context"),
        "palette": [colour for colour in colours if isinstance(colour, str)],
    }


def _wrong(source: Node, given: str, wanted: Input, pipeline: Pipeline) -> Refused:
    return Refused(
        f"{pipeline.label} takes {_kinds(wanted)} at its input {wanted.label}; {_title(source)} gives {given}. "
        "Join something else there."
    )


def _kinds(wanted: Input) -> str:
    return " or ".join(_NAMED.get(kind, kind) for kind in wanted.types)


def _title(source: Node) -> str:
    return (text_of(source, "title") or "The joined node")[:60]
