"""The node types of the canvas: their sockets and the values a new node starts with."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from crdt_schema.sockets import SocketType, compatible

SOCKET_NAME = re.compile(r"[a-z][a-z0-9_]*")
NodeType = Literal["shot", "pipeline", "style", "prompt", "note"]


@dataclass(frozen=True)
class Socket:
    """A place where an edge can be joined; `many` inputs accept several edges."""

    name: str
    label: str
    types: tuple[SocketType, ...]
    many: bool = False


@dataclass(frozen=True)
class Declared:
    """What the pipeline that is joined to a shot declares: the shot's sockets follow it (C-024)."""

    inputs: tuple[Socket, ...]
    makes: tuple[SocketType, ...]


@dataclass(frozen=True)
class NodeSpec:
    """What the palette offers and what an edge may join."""

    label: str
    summary: str
    inputs: tuple[Socket, ...]
    outputs: tuple[Socket, ...]
    texts: tuple[str, ...]
    """Fields held as Y.Text, so that two people typing in one field merge per character."""
    maps: tuple[str, ...]
    """Fields held as Y.Map, so that two people setting different keys both keep theirs."""
    defaults: dict[str, Any]
    """Plain fields of a new node; texts and maps start empty or with what is given here under their name."""


NODE_SPECS: dict[NodeType, NodeSpec] = {
    "shot": NodeSpec(
        label="Shot",
        summary="One shot of the film: a prompt, its pipeline and its takes.",
        inputs=(
            Socket("pipeline", "Pipeline", ("PipelineReference",)),
            Socket("prompt", "Prompt", ("String",), many=True),
            Socket("style", "Style", ("AssetReference",)),
        ),
        outputs=(Socket("output", "Output", ("Video", "Image")),),
        texts=("prompt", "negative_prompt"),
        maps=("parameters", "stars"),
        defaults={
            "title": "Shot",
            "chapter": 1,
            "scene": 1,
            "shot": 1,
            "seed": 1,
            "seed_mode": "random",
            "active_take": "",
            "parameters": {"lighting": "natural-window", "lens_mm": 35, "shot_size": "auto"},
        },
    ),
    "pipeline": NodeSpec(
        label="Pipeline",
        summary="The model that turns a prompt into a picture.",
        inputs=(),
        outputs=(Socket("pipeline", "Pipeline", ("PipelineReference",)),),
        texts=(),
        maps=(),
        defaults={"title": "Pipeline", "pipeline": "previz-image"},
    ),
    "style": NodeSpec(
        label="Style",
        summary="A look: words and a palette that go into every shot joined to it.",
        inputs=(),
        outputs=(Socket("style", "Style", ("AssetReference",)),),
        texts=("context",),
        maps=(),
        defaults={"title": "Style", "palette": ["#16181d", "#3b4252", "#8f6f4e", "#d9a066", "#f2e9dc"]},
    ),
    "prompt": NodeSpec(
        label="Prompt",
        summary="Words shared by several shots.",
        inputs=(),
        outputs=(Socket("text", "Text", ("String",)),),
        texts=("prompt",),
        maps=(),
        defaults={"title": "Prompt"},
    ),
    "note": NodeSpec(
        label="Note",
        summary="A sticky note for the team; it joins nothing.",
        inputs=(),
        outputs=(),
        texts=("text",),
        maps=(),
        defaults={"title": "Note"},
    ),
}

OPTICS: tuple[str, ...] = ("lens_mm", "lighting", "shot_size", "angle", "t_stop", "grain")
"""Parameters of a shot that are its look: a master style fixes them (G-033)."""


def blank_node(kind: NodeType) -> dict[str, Any]:
    """Every field of a node of that type, for those that a client has left out."""
    spec = NODE_SPECS[kind]
    return {
        "type": kind,
        "position": {"x": 0, "y": 0},
        "deleted": False,
        **spec.defaults,
        **dict.fromkeys(spec.texts, ""),
        **{name: {} for name in spec.maps},
    }


def find_socket(sockets: tuple[Socket, ...], name: str) -> Socket | None:
    """The socket of that name, if there is one."""
    return next((socket for socket in sockets if socket.name == name), None)


def inputs_of(kind: NodeType, declared: Declared | None = None) -> tuple[Socket, ...]:
    """The inputs of a node; those of a shot are its own and what its pipeline declares.

    A pipeline that declares inputs but no words takes none: a shot on it has no prompt socket.
    """
    own = NODE_SPECS[kind].inputs
    if kind != "shot" or declared is None or not declared.inputs:
        return own
    names = {socket.name for socket in declared.inputs}
    kept = tuple(socket for socket in own if socket.name != "prompt" or "prompt" in names)
    return (*kept, *(socket for socket in declared.inputs if find_socket(own, socket.name) is None))


def outputs_of(kind: NodeType, declared: Declared | None = None) -> tuple[Socket, ...]:
    """The outputs of a node; a shot gives what its pipeline makes."""
    own = NODE_SPECS[kind].outputs
    if kind != "shot" or declared is None:
        return own
    return tuple(Socket(socket.name, socket.label, declared.makes, socket.many) for socket in own)


def may_join(
    source: NodeType,
    source_socket: str,
    target: NodeType,
    target_socket: str,
    *,
    gives: Declared | None = None,
    takes: Declared | None = None,
) -> bool:
    """Whether an edge between these two sockets joins compatible types (C-020).

    `gives` and `takes` are what the pipelines of the two ends declare, where these are shots that have one.
    """
    out = find_socket(outputs_of(source, gives), source_socket)
    into = find_socket(inputs_of(target, takes), target_socket)
    return out is not None and into is not None and compatible(out.types, into.types)


def may_stand(source: NodeType, source_socket: str, target: NodeType, target_socket: str) -> bool:
    """Whether an edge belongs on a canvas whose pipelines are not known here.

    An edge into a socket that a shot lost when its pipeline was changed stays where it is: the next change of the
    pipeline may bring the socket back.
    """
    out = find_socket(NODE_SPECS[source].outputs, source_socket)
    into = find_socket(NODE_SPECS[target].inputs, target_socket)
    if out is None or (into is None and (target != "shot" or not SOCKET_NAME.fullmatch(target_socket))):
        return False
    return into is None or compatible(out.types, into.types)
