"""The rules of the canvas: nodes, the edges between them, requests to generate, and what locks forbid on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

from crdt_schema.canvas import is_intent
from crdt_schema.nodes import NODE_SPECS, OPTICS, Declared, NodeType, may_join
from crdt_schema.production import Locks
from crdt_schema.rules import Rule
from crdt_schema.shapes import Shape
from crdt_schema.validate import EDGE_SHAPES, INTENT_SHAPES, NODE_SHAPES
from server.auth.actor import Actor
from server.guard.rules_common import (
    breach,
    changes,
    is_whole,
    misfits,
    same,
    text_of,
    unusable,
    values_of,
)
from server.guard.touches import Breach, Record, Rules, Touch, View

COMING_AND_GOING: tuple[str | None, ...] = (None, "deleted", "type")
"""What decides whether an edge may join a node: the record as a whole, or these of its fields."""


DeclaredBy = Callable[[str], Declared | None]
"""What the pipeline of a name declares for the sockets of the shots it is joined to; None where there is none."""


def canvas_rules(declared_by: DeclaredBy) -> Rules:
    """The rules of the canvas in a workspace with these pipelines."""

    def judge(_actor: Actor, touches: Sequence[Touch], view: View, locks: Locks) -> Iterator[Breach]:
        yield from _judge(_Board(touches, view, locks, declared_by))

    return judge


def _judge(board: "_Board") -> Iterator[Breach]:
    touches = board.touches
    for touch in touches:
        if touch.root == "nodes":
            for found in _judge_node(touch, board):
                if found.field in COMING_AND_GOING:
                    board.put_back[touch.key] = touch.before
                yield found
    for touch in touches:
        if touch.root == "edges":
            yield from _judge_edge(touch, board)
        elif touch.root == "intents":
            yield from _judge_intent(touch)


@dataclass
class _Board:
    """The canvas as the rules look at it."""

    touches: Sequence[Touch]
    view: View
    locks: Locks
    declared_by: DeclaredBy
    put_back: dict[str, Record | None] = field(default_factory=dict[str, "Record | None"])
    """Nodes whose coming or going was refused a moment ago, as they will stand."""

    def standing(self, node: str) -> NodeType | None:
        """The type of a node that an edge may join."""
        return _standing(self.put_back[node] if node in self.put_back else self.view.get("nodes", node))

    def declared(self, node: str) -> Declared | None:
        """What the pipeline that is joined to a node declares; None where none is."""
        pipeline = self.view.get("nodes", self.pipelines.get(node, ""))
        return self.declared_by(text_of(pipeline, "pipeline")) if pipeline is not None else None

    @cached_property
    def pipelines(self) -> dict[str, str]:
        """For each shot the Pipeline node that is joined to it, the first by the edges' ids as recipes read them."""
        found: dict[str, str] = {}
        for key in sorted(self.view.keys("edges")):
            edge = self.view.get("edges", key)
            if text_of(edge, "target_socket") == "pipeline":
                found.setdefault(text_of(edge, "target"), text_of(edge, "source"))
        return found

    @cached_property
    def feeds(self) -> dict[str, Record]:
        """For each node that was joined to something locked before these changes, such an edge."""
        touched = {touch.key: touch.before for touch in self.touches if touch.root == "edges"}
        edges = [self.view.get("edges", key) for key in self.view.keys("edges") if key not in touched]
        return {
            text_of(edge, "source"): edge
            for edge in (*edges, *touched.values())
            if edge is not None and _lock_on_edge(edge, self.locks) is not None
        }


def _judge_node(touch: Touch, board: _Board) -> Iterator[Breach]:
    locked = list(_judge_node_locks(touch, board))
    yield from locked
    refused = frozenset(each.field for each in locked)
    if touch.after is None or None in refused:
        return
    if is_whole(touch):
        if wrong := _judge_whole_node(touch):
            yield wrong
    else:
        yield from _judge_fields(touch, refused)


def _judge_node_locks(touch: Touch, board: _Board) -> Iterator[Breach]:
    locks, key = board.locks, touch.key
    if lock := locks.shots.get(key):
        yield from (breach("shot_lock", touch, name, name=lock["by_name"]) for name in changes(touch))
    elif key in locks.styles:
        yield from (breach("style_lock", touch, name) for name in changes(touch))
    else:
        if key in locks.styled and _changes_optics(touch):
            yield breach("style_lock", touch, None if is_whole(touch) else "parameters")
        if (_standing(touch.before) is None) != (_standing(touch.after) is None):
            yield from _judge_feeding(touch, board)


def _judge_feeding(touch: Touch, board: _Board) -> Iterator[Breach]:
    """A node that comes or goes takes its edges with it, so one that is joined to something locked may not."""
    locked = _lock_on_edge(board.feeds.get(touch.key), board.locks) if board.locks.shots or board.locks.styled else None
    if locked is not None:
        rule, name = locked
        guilty = [each for each in changes(touch) if each in COMING_AND_GOING]
        yield from (breach(rule, touch, each, name=name) for each in guilty)


def _judge_whole_node(touch: Touch) -> Breach | None:
    if wrong := unusable(touch):
        return wrong
    kind, was = _type_of(touch.after), _type_of(touch.before)
    if kind is None:
        return breach("unknown_type", touch, type=text_of(touch.after, "type")[:80] or "none")
    if was is not None and kind != was:
        return breach("write_once", touch, what="The type of a node")
    return next(misfits(touch, NODE_SHAPES[kind]), None)


def _judge_fields(touch: Touch, refused: frozenset[str | None]) -> Iterator[Breach]:
    names = {name for name in touch.fields or () if name not in refused}
    kind, was = _type_of(touch.after), _type_of(touch.before)
    if "type" in names and (kind is None or was not in (None, kind)):
        names.discard("type")
        if was is not None:
            yield breach("write_once", touch, "type", what="The type of a node")
        else:
            yield breach("unknown_type", touch, "type", type=text_of(touch.after, "type")[:80] or "none")
    yield from misfits(touch, _book(was or kind), names)


def _book(kind: NodeType | None) -> Mapping[str, Shape]:
    return NODE_SHAPES[kind] if kind is not None else {}


def _changes_optics(touch: Touch) -> bool:
    if touch.before is None or not (is_whole(touch) or "parameters" in (touch.fields or ())):
        return False
    before, after = (_optics(record) for record in (touch.before, touch.after))
    return not same(before, after)


def _optics(record: Record | None) -> dict[str, object]:
    parameters = values_of(record).get("parameters")
    if not isinstance(parameters, Mapping):
        return {}
    found = cast("Mapping[str, object]", parameters)
    return {name: found[name] for name in OPTICS if name in found}


def _type_of(record: Record | None) -> NodeType | None:
    kind = text_of(record, "type")
    return kind if kind in NODE_SPECS else None


def _standing(record: Record | None) -> NodeType | None:
    """The type of a node that is there and not deleted."""
    return None if values_of(record).get("deleted") else _type_of(record)


def _judge_edge(touch: Touch, board: _Board) -> Iterator[Breach]:
    if not changes(touch):
        return
    for edge in (touch.before, touch.after):
        if locked := _lock_on_edge(edge, board.locks):
            rule, name = locked
            yield breach(rule, touch, name=name)
            return
    if touch.after is not None and (wrong := _judge_new_edge(touch, touch.after, board)):
        yield wrong


def _judge_new_edge(touch: Touch, edge: Record, board: _Board) -> Breach | None:
    if wrong := unusable(touch):
        return wrong
    if edge.values.keys() != EDGE_SHAPES.keys() or any(misfits(_as_new(touch), EDGE_SHAPES)):
        return breach("schema", touch, what="This edge", must="two nodes and the sockets that it joins")
    source, target = board.standing(text_of(edge, "source")), board.standing(text_of(edge, "target"))
    if source is None or target is None:
        return breach("dangling_edge", touch)
    sockets = source, text_of(edge, "source_socket"), target, text_of(edge, "target_socket")
    if may_join(*sockets):
        return None
    gives, takes = board.declared(text_of(edge, "source")), board.declared(text_of(edge, "target"))
    return None if may_join(*sockets, gives=gives, takes=takes) else breach("wrong_socket", touch)


def _as_new(touch: Touch) -> Touch:
    """The same record, judged as a whole: an edge is one value, however a client holds it."""
    return replace(touch, fields=None)


def _lock_on_edge(edge: Record | None, locks: Locks) -> tuple[Rule, str] | None:
    """The lock that holds an edge in its place, and who has set it."""
    target = text_of(edge, "target")
    if lock := locks.shots.get(target):
        return "shot_lock", lock["by_name"]
    if target in locks.styled and text_of(edge, "target_socket") == "style":
        return "style_lock", ""
    return None


def _judge_intent(touch: Touch) -> Iterator[Breach]:
    if not changes(touch):
        return
    if touch.before is not None:
        yield breach("write_once", touch, what="A request")
    elif wrong := unusable(touch) or next(misfits(touch, INTENT_SHAPES), None):
        yield wrong
    elif not is_intent(dict(values_of(touch.after))):
        yield breach("schema", touch, what="This request", must="one to generate a node, or to cancel a job or a batch")
