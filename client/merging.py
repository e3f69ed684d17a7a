"""Brings what a copy of another epoch holds into today's canvas, as new edits; the two share no history, only ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pycrdt import Array, Doc, Map, Text

from crdt_schema.canvas import BadCanvasEdit, Canvas
from crdt_schema.ids import EdgeId
from crdt_schema.nodes import NODE_SPECS
from crdt_schema.records import Edge


@dataclass(frozen=True)
class Merged:
    """What a merge found, by the ids of nodes and edges."""

    added: list[str] = field(default_factory=list[str])
    """Only the copy had them; they are in the document now."""
    differing: list[str] = field(default_factory=list[str])
    """Both have them, and not alike (or one has deleted it): the copy's was taken if that was asked for."""


def merge_canvas(copy: Doc[Any], doc: Doc[Any], *, mine: bool) -> Merged:
    """Add to `doc` what only `copy` holds; where both differ take the copy's if `mine`, else leave the document's.

    The caller holds the transaction. Intents are not merged: what was asked for belonged to the other life.
    """
    merged = Merged()
    _merge_nodes(copy, doc, merged, mine=mine)
    _merge_edges(Canvas(copy), Canvas(doc), doc, merged, mine=mine)
    return merged


def _merge_nodes(copy: Doc[Any], doc: Doc[Any], merged: Merged, *, mine: bool) -> None:
    old, today = Canvas(copy), Canvas(doc)
    theirs: Map[Any] = copy.get("nodes", type=Map)
    nodes: Map[Any] = doc.get("nodes", type=Map)
    for node_id in sorted(theirs.keys()):
        was, now = old.node(node_id), today.node(node_id)
        if node_id not in nodes:
            if was is not None:
                nodes[node_id] = _clone(theirs[node_id])
                merged.added.append(node_id)
        elif was != now:
            merged.differing.append(node_id)
            if mine and was is None:
                today.set_field(node_id, "deleted", value=True)
            elif mine:
                _overwrite(nodes, node_id, theirs[node_id])


def _merge_edges(old: Canvas, today: Canvas, doc: Doc[Any], merged: Merged, *, mine: bool) -> None:
    edges: Map[Any] = doc.get("edges", type=Map)
    there = today.edges()
    for edge_id, edge in old.edges().items():
        if edge in there.values():
            continue
        rivals = _rivals(today, edge, there)
        (merged.differing if rivals else merged.added).append(edge_id)
        if rivals and not mine:
            continue
        try:
            today.add_edge(EdgeId(edge_id), edge)
        except BadCanvasEdit:
            # One of its ends was left out.
            (merged.differing if rivals else merged.added).remove(edge_id)
            continue
        for rival in rivals:
            if rival != edge_id:
                del edges[rival]


def _rivals(today: Canvas, edge: Edge, there: Mapping[str, Edge]) -> list[str]:
    """Edges into the same input, where that takes only one."""
    target = today.node(edge["target"])
    if target is None:
        return []
    socket = next((each for each in NODE_SPECS[target["type"]].inputs if each.name == edge["target_socket"]), None)
    if socket is None or socket.many:
        return []
    place = (edge["target"], edge["target_socket"])
    return [other_id for other_id, other in there.items() if (other["target"], other["target_socket"]) == place]


def _overwrite(parent: Map[Any], key: str, wanted: object) -> None:
    """Change what stands there as little as its kind allows: a text or map that others have open stays the same one."""
    now: object = parent.get(key)
    if isinstance(now, Map) and isinstance(wanted, Map):
        inner, source = cast("Map[Any]", now), cast("Map[Any]", wanted)
        for name in set(inner.keys()) - set(source.keys()):
            del inner[name]
        for name in sorted(source.keys()):
            _overwrite(inner, name, source[name])
    elif isinstance(now, Text) and isinstance(wanted, Text):
        if str(now) != str(wanted):
            now.clear()
            now += str(wanted)
    elif key not in parent or _plain(cast("object", now)) != _plain(wanted):
        parent[key] = _clone(wanted)


def _clone(value: object) -> object:
    """The same value as a new one: a shared type belongs to one document."""
    if isinstance(value, Text):
        return Text(str(value))
    if isinstance(value, Map):
        source = cast("Map[Any]", value)
        return Map({name: _clone(source[name]) for name in source.keys()})  # noqa: SIM118 - iterating a pycrdt Map yields no keys
    if isinstance(value, Array):
        return Array([_clone(each) for each in cast("Array[Any]", value)])
    return value


def _plain(value: object) -> object:
    if isinstance(value, Text | Map | Array):
        return cast("Map[Any]", value).to_py()
    return value
