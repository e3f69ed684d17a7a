"""The `canvas` document: nodes, edges and intents, and typed ways to read and write them."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pycrdt import Doc, Map, Text

from crdt_schema.ids import EdgeId, IntentId, NodeId, check_id
from crdt_schema.nodes import NODE_SPECS, NodeType, may_join
from crdt_schema.records import AnyNode, Edge, Intent, Position


class BadCanvasEdit(ValueError):
    """An edit would break the shape of the canvas."""


class Canvas:
    """Typed access to a `canvas` document; use it inside one transaction per change."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._nodes: Map[Any] = doc.get("nodes", type=Map)
        self._edges: Map[Any] = doc.get("edges", type=Map)
        self._intents: Map[Any] = doc.get("intents", type=Map)

    def nodes(self) -> dict[str, AnyNode]:
        """Every node that is not deleted, as plain records."""
        everything = cast("dict[str, AnyNode]", self._nodes.to_py() or {})
        return {node_id: node for node_id, node in everything.items() if is_whole(node)}

    def node(self, node_id: str) -> AnyNode | None:
        """One node as a plain record, or None when it is not there or deleted."""
        record = self._nodes.get(node_id)
        if not isinstance(record, Map):
            return None
        node = cast("AnyNode", cast("Map[Any]", record).to_py())
        return node if is_whole(node) else None

    def add_node(self, node_id: NodeId, kind: NodeType, position: Position, **fields: object) -> None:
        """Add a node with its type's defaults and `fields`; texts and maps are given as str and dict."""
        check_id(node_id)
        spec = NODE_SPECS[kind]
        values: dict[str, Any] = {"deleted": False, **spec.defaults, **fields}
        record: dict[str, Any] = {"type": kind, "position": position}
        record |= {name: value for name, value in values.items() if name not in (*spec.texts, *spec.maps)}
        record |= {name: Text(str(values.get(name, ""))) for name in spec.texts}
        record |= {name: Map(cast("dict[str, Any]", values.get(name, {}))) for name in spec.maps}
        self._nodes[node_id] = Map(record)

    def set_field(self, node_id: str, name: str, value: object) -> None:
        """Set a plain field of a node."""
        self._record(node_id)[name] = value

    def text(self, node_id: str, name: str) -> Text:
        """A text field of a node, to type into."""
        value = self._record(node_id).get(name)
        if not isinstance(value, Text):
            raise BadCanvasEdit(f"{name} of {node_id} is no text")
        return value

    def set_key(self, node_id: str, name: str, key: str, value: object) -> None:
        """Set one key of a map field of a node, e.g. the lens among the parameters; the others stay as they are."""
        values = self._record(node_id).get(name)
        if not isinstance(values, Map):
            raise BadCanvasEdit(f"{name} of {node_id} is no map")
        cast("Map[Any]", values)[key] = value

    def edges(self) -> dict[str, Edge]:
        """Every edge whose two ends exist and may be joined."""
        everything = cast("dict[str, Edge]", self._edges.to_py() or {})
        return {edge_id: edge for edge_id, edge in everything.items() if self._joins(edge)}

    def add_edge(self, edge_id: EdgeId, edge: Edge) -> None:
        """Join two sockets; raises BadCanvasEdit when they do not fit (C-020)."""
        check_id(edge_id)
        if not self._joins(edge):
            raise BadCanvasEdit("those sockets cannot be joined")
        self._edges[edge_id] = dict(edge)

    def edges_into(self, node_id: str, socket: str) -> Iterator[Edge]:
        """Edges that end at one socket, in the order of their ids so that every reader agrees."""
        for _, edge in sorted(self.edges().items()):
            if edge["target"] == node_id and edge["target_socket"] == socket:
                yield edge

    def intents(self) -> dict[str, Intent]:
        """Every intent by id; only those of a known kind."""
        everything = cast("Mapping[str, object]", self._intents.to_py() or {})
        return {key: cast("Intent", value) for key, value in everything.items() if is_intent(value)}

    def ask(self, intent_id: IntentId, intent: Intent) -> None:
        """Write an intent; raises BadCanvasEdit when that id was used."""
        check_id(intent_id)
        if intent_id in self._intents:
            raise BadCanvasEdit(f"intent {intent_id} exists")
        self._intents[intent_id] = dict(intent)

    def _record(self, node_id: str) -> Map[Any]:
        record = self._nodes.get(node_id)
        if not isinstance(record, Map):
            raise BadCanvasEdit(f"there is no node {node_id}")
        return cast("Map[Any]", record)

    def _joins(self, edge: Edge) -> bool:
        """Assumes nothing about the edge: a client may have written anything."""
        if not isinstance(cast("object", edge), dict) or set(edge) != set(Edge.__annotations__):
            return False
        source, target = self.node(edge["source"]), self.node(edge["target"])
        if source is None or target is None:
            return False
        return may_join(source["type"], edge["source_socket"], target["type"], edge["target_socket"])


def is_whole(node: object) -> bool:
    """Whether a value under `nodes` is a node to show: of a known type and not deleted."""
    if not isinstance(node, dict):
        return False
    record = cast("dict[str, object]", node)
    return record.get("type") in NODE_SPECS and not record.get("deleted", False)


def is_intent(value: object) -> bool:
    """Whether a value under `intents` asks for something we know."""
    if not isinstance(value, dict):
        return False
    record = cast("dict[str, object]", value)
    wanted = {"generate": "node", "cancel": "job"}.get(str(record.get("kind")))
    return wanted is not None and isinstance(record.get(wanted), str)
