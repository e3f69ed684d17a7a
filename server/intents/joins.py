"""What is joined to a shot, found without reading the whole canvas."""

from typing import Any, cast

from pycrdt import Doc, Map

from crdt_schema.canvas import Canvas, joined
from crdt_schema.documents import kind_of
from crdt_schema.records import CanvasPlain
from crdt_schema.values import normal
from server.hub.changes import Changes


class Joins:
    """The edges of one canvas by the node they lead to. Edges change seldom, nodes all the time: these are read."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._doc = doc
        self._changes = Changes(doc, ("edges",))
        self._targets: dict[str, str] = {}
        self._into: dict[str, dict[str, object]] = {}

    def detach(self) -> None:
        """Follow no more."""
        self._changes.detach()

    def around(self, node_id: str) -> CanvasPlain:
        """That node and those that lead to it, as the plain canvas has them, and the edges between."""
        canvas, edges = Canvas(self._doc), self._doc.get("edges", type=Map)
        # In one transaction: pycrdt would open one for each value that is read, and commit it.
        with self._doc.transaction():
            for _, key in self._changes.read():
                self._put(key, normal(edges.get(key)))
            into = self._into.get(node_id, {})
            sources = (str(cast("dict[str, object]", edge).get("source")) for edge in into.values())
            read = {each: canvas.node(each) for each in (node_id, *sources)}
        nodes = {each: node for each, node in read.items() if node is not None}
        return {"schema": kind_of("canvas").schema, "nodes": nodes, "edges": joined(into, nodes)}

    def _put(self, key: str, edge: object) -> None:
        """This is how an edge stands now, whatever a client wrote there."""
        self._into.get(self._targets.pop(key, ""), {}).pop(key, None)
        target = cast("dict[str, object]", edge).get("target") if isinstance(edge, dict) else None
        if isinstance(target, str):
            self._targets[key] = target
            self._into.setdefault(target, {})[key] = edge
