"""The `canvas` document: nodes, edges and intents, and typed ways to read and write them."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from pycrdt import Doc, Map, Text

from crdt_schema.ids import EdgeId, IntentId, NodeId, check_id
from crdt_schema.nodes import NODE_SPECS, NodeType, blank_node, may_stand
from crdt_schema.records import AnyNode, Edge, Intent, Position
from crdt_schema.values import normal


class BadCanvasEdit(ValueError):
    """An edit would break the shape of the canvas."""


class Canvas:
    """Typed access to a `canvas` document; use it inside one transaction per change."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._nodes: Map[Any] = doc.get("nodes", type=Map)
        self._edges: Map[Any] = doc.get("edges", type=Map)
        self._intents: Map[Any] = doc.get("intents", type=Map)

    def nodes(self) -> dict[str, AnyNode]:
        """Every node that is not deleted, as a plain record with all its fields: JSON values, whoever wrote them."""
        ids = list(self._nodes.keys())
        return {node_id: node for node_id in ids if (node := self.node(node_id)) is not None}

    def node(self, node_id: str) -> AnyNode | None:
        """One node as a plain record, or None when it is not there or deleted."""
        record = self._nodes.get(node_id)
        kind = _kind_of(record)
        if kind is None:
            return None
        return cast("AnyNode", {**blank_node(kind), **cast("dict[str, object]", normal(record))})

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
        record = self._nodes.get(node_id)
        if isinstance(record, dict):
            # Some clients keep a node as one plain value; then it is replaced as one.
            self._nodes[node_id] = {**cast("dict[str, object]", record), name: value}
        else:
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
        everything = cast("dict[str, object]", normal(self._edges))
        return {edge_id: cast("Edge", edge) for edge_id, edge in everything.items() if _joins(edge, self._kind)}

    def add_edge(self, edge_id: EdgeId, edge: Edge) -> None:
        """Join two sockets; raises BadCanvasEdit when they do not fit (C-020)."""
        check_id(edge_id)
        if not _joins(edge, self._kind):
            raise BadCanvasEdit("those sockets cannot be joined")
        self._edges[edge_id] = dict(edge)

    def intent_ids(self) -> list[str]:
        """The id of every intent, readable or not, in an order that is always the same."""
        return sorted(self._intents.keys())

    def has_intent(self, intent_id: str) -> bool:
        """Whether something stands under that id."""
        return intent_id in self._intents

    def intent(self, intent_id: str) -> Intent | None:
        """One intent; None when there is none, or when it asks for nothing we know."""
        value = normal(self._intents.get(intent_id))
        return cast("Intent", value) if is_intent(value) else None

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

    def _kind(self, node_id: object) -> NodeType | None:
        return _kind_of(self._nodes.get(node_id)) if isinstance(node_id, str) else None


def _kind_of(record: object) -> NodeType | None:
    """The type of a node that is there and not deleted; a client may have written anything."""
    if not isinstance(record, Map | dict):
        return None
    fields = cast("dict[str, object]", record)
    kind = fields.get("type")
    if not isinstance(kind, str) or kind not in NODE_SPECS or fields.get("deleted"):
        return None
    return kind


def joined(edges: Mapping[str, object], nodes: Mapping[str, AnyNode]) -> dict[str, Edge]:
    """Of plain edges, those whose two ends are among `nodes` and may be joined."""

    def kind(node_id: object) -> NodeType | None:
        node = nodes.get(node_id) if isinstance(node_id, str) else None
        return node["type"] if node is not None else None

    return {edge_id: cast("Edge", edge) for edge_id, edge in edges.items() if _joins(edge, kind)}


def _joins(edge: object, kind: Callable[[object], NodeType | None]) -> bool:
    """Assumes nothing about the edge; `kind` tells the type of a node that is there."""
    if not isinstance(edge, dict):
        return False
    fields = cast("dict[str, object]", edge)
    if set(fields) != set(Edge.__annotations__):
        return False
    source, target = kind(fields["source"]), kind(fields["target"])
    if source is None or target is None:
        return False
    return may_stand(source, str(fields["source_socket"]), target, str(fields["target_socket"]))


def is_intent(value: object) -> bool:
    """Whether a value under `intents` asks for something we know."""
    if not isinstance(value, dict):
        return False
    record = cast("dict[str, object]", value)
    wanted = {"generate": "node", "cancel": "job", "cancel_batch": "batch"}.get(str(record.get("kind")))
    return wanted is not None and isinstance(record.get(wanted), str)
