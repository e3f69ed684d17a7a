"""Reads a canvas as it was written to find what is joined to a shot; raises Refused for what cannot be read; pure."""

from collections.abc import Iterator
from typing import Any, cast

from crdt_schema.records import CanvasPlain, Edge

Node = dict[str, Any]


class Refused(Exception):
    """No recipe can be made; the message tells the artist what to do."""

    @property
    def reason(self) -> str:
        """What stands in the way."""
        return str(self)


def joined(canvas: CanvasPlain, node_id: str, socket: str) -> Iterator[Node]:
    """Nodes joined to a socket of a node, in the order of the edges' ids so that every reader agrees."""
    edges: list[tuple[str, Edge]] = sorted(canvas["edges"].items())
    for _, edge in edges:
        if edge["target"] == node_id and edge["target_socket"] == socket and edge["source"] in canvas["nodes"]:
            yield cast("Node", canvas["nodes"][edge["source"]])


def text_of(node: Node | None, name: str) -> str:
    """A text of a node on one line; empty where there is none."""
    value = node.get(name, "") if node is not None else ""
    return " ".join(value.split()) if isinstance(value, str) else ""


def texts_of(nodes: list[Node]) -> str:
    """The prompts of several nodes as one."""
    return ", ".join(filter(None, (text_of(node, "prompt").rstrip(" ,") for node in nodes)))
