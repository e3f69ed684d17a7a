"""The rules upon real documents: honest work passes untouched, and what a lock forbids comes back on every replica."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from client.merging import merge_canvas
from crdt_schema.canvas import Canvas
from crdt_schema.ids import EdgeId, IntentId, NodeId
from crdt_schema.nodes import NODE_SPECS
from crdt_schema.production import NO_LOCKS, Locks
from server.auth.actor import Actor
from server.guard.guard import RuleGuard
from server.guard.rules import ROOTS, RULES
from server.hub.refusals import Refusal
from server.projects import demo
from tests.support.touched import EVE, ROB, as_role, lock

Edit = Callable[[Doc[Any]], object]
MOST_ROUNDS = 8


class Live:
    """A document on the server under its guard."""

    def __init__(self, kind: str) -> None:
        self.doc: Doc[Any] = Doc()
        self.locks = NO_LOCKS
        self._guard = RuleGuard(ROOTS[kind], RULES[kind], lambda _: self.locks)
        self._guard.attach(self.doc)
        self._guard.prepare()

    def replica(self) -> Doc[Any]:
        doc: Doc[Any] = Doc()
        doc.apply_update(self.doc.get_update())
        return doc

    def send(self, replica: Doc[Any], actor: Actor = EVE) -> list[Refusal]:
        """Take what somebody has written in a replica, and give the replica what came of it; what was refused."""
        self.doc.apply_update(replica.get_update(self.doc.get_state()))
        refused: list[Refusal] = []
        for _ in range(MOST_ROUNDS):
            found = self._guard.judge(actor)
            if not found:
                break
            refused += found
            with self.doc.transaction():
                self._guard.put_back(self.doc)
        else:
            raise AssertionError(f"the rules never settle: {refused}")
        replica.apply_update(self.doc.get_update(replica.get_state()))
        return refused

    def edit(self, edit: Edit, actor: Actor = EVE) -> list[Refusal]:
        replica = self.replica()
        with replica.transaction():
            edit(replica)
        return self.send(replica, actor)


def demo_canvas() -> Live:
    live = Live("canvas")
    steps: list[Callable[[Canvas], object]] = [
        demo._add_shared_nodes,
        *(lambda canvas, shot=shot: demo._add_shot(canvas, shot) for shot in demo.SHOTS),
        demo._choose_cameras,
        demo._leave_note,
    ]
    for step in steps:
        assert live.edit(lambda doc, step=step: step(Canvas(doc))) == []
    return live


def test_the_demo_breaks_no_rule() -> None:
    live = demo_canvas()
    assert len(Canvas(live.doc).nodes()) == 7
    assert len(Canvas(live.doc).edges()) == 9


def test_an_artists_day_breaks_no_rule() -> None:
    live = demo_canvas()
    shot = demo.SHOTS[0].id
    day: list[Edit] = [
        lambda doc: [Canvas(doc).add_node(NodeId(f"new-{kind}"), kind, {"x": 1.5, "y": -2}) for kind in NODE_SPECS],
        lambda doc: Canvas(doc).text(shot, "prompt").insert(0, "Rain. "),
        lambda doc: Canvas(doc).set_field(shot, "position", {"x": 10, "y": 20}),
        lambda doc: Canvas(doc).set_field(shot, "title", "The door, again"),
        lambda doc: Canvas(doc).set_key(shot, "parameters", "lens_mm", 50),
        lambda doc: Canvas(doc).set_key(shot, "stars", "take-1", value=True),
        lambda doc: Canvas(doc).set_field(shot, "active_take", "take-1"),
        lambda doc: Canvas(doc).ask(IntentId("i1"), {"kind": "generate", "node": shot}),
        lambda doc: Canvas(doc).ask(IntentId("i2"), {"kind": "cancel", "job": "i1"}),
        lambda doc: Canvas(doc).set_field(demo.STYLE, "palette", ["#000000", "#fff"]),
        lambda doc: doc.get("edges", type=Map).pop(f"{demo.STYLE}-{shot}"),
        lambda doc: Canvas(doc).set_field("new-note", "deleted", value=True),
        lambda doc: Canvas(doc).set_field("new-note", "deleted", value=False),
        lambda doc: doc.get("nodes", type=Map).pop("new-note"),
        lambda doc: doc.get("nodes", type=Map).update({"theirs": {"type": "shot", "title": "One plain value"}}),
        lambda doc: Canvas(doc).set_field("theirs", "active_take", "take-2"),
    ]
    for edit in day:
        assert live.edit(edit) == []
    old = live.replica()
    Canvas(old).add_node(NodeId("only-here"), "shot", {"x": 0, "y": 0}, prompt="from another life")
    assert live.edit(lambda doc: merge_canvas(old, doc, mine=True)) == []


@pytest.mark.parametrize("kind", ["style", "prompt"])
def test_of_an_edit_that_breaks_a_rule_the_rest_survives_on_every_replica(kind: Any) -> None:
    live = demo_canvas()
    shot, free = demo.SHOTS[0].id, demo.SHOTS[1].id
    live.locks = Locks(shots={shot: lock("shot", shot)})
    before = Canvas(live.doc).node(shot)
    other = live.replica()

    def edit(doc: Doc[Any]) -> None:
        canvas = Canvas(doc)
        canvas.text(shot, "prompt").insert(3, "smuggled ")
        canvas.set_field(free, "title", "Free")
        canvas.add_node(NodeId("fresh"), kind, {"x": 0, "y": 0})
        socket = NODE_SPECS[kind].outputs[0].name
        for target in (shot, free):
            canvas.add_edge(
                EdgeId(f"to-{target}"),
                {"source": "fresh", "source_socket": socket, "target": target, "target_socket": kind},
            )

    refused = live.edit(edit)
    assert {(each.rule, *each.path) for each in refused} == {
        ("shot_lock", "nodes", shot, "prompt"),
        ("shot_lock", "edges", f"to-{shot}"),
    }
    other.apply_update(live.doc.get_update(other.get_state()))
    for doc in (live.doc, other):
        assert Canvas(doc).node(shot) == before
        assert (Canvas(doc).node(free) or {})["title"] == "Free"
        assert f"to-{free}" in Canvas(doc).edges()
        assert f"to-{shot}" not in Canvas(doc).edges()


def test_two_first_votes_at_the_same_time_both_count_or_their_writer_sees_it_gone() -> None:
    live = Live("styles")
    zoe = as_role("reviewer", "zoe")
    replicas = {ROB: live.replica(), zoe: live.replica()}
    for actor, replica in replicas.items():
        replica.get("votes", type=Map)["noir"] = Map({actor.user_id: 1})
    for actor, replica in replicas.items():
        live.send(replica, actor)
    for replica in replicas.values():
        replica.apply_update(live.doc.get_update(replica.get_state()))
    votes: Any = live.doc.get("votes", type=Map)["noir"].to_py()
    assert votes["rob"] == 1, "what stood when the second came is kept"
    assert all(replica.get("votes", type=Map)["noir"].to_py() == votes for replica in replicas.values())


def test_somebody_elses_words_come_back_letter_by_letter() -> None:
    live = Live("annotations")
    note = {"mark": "", "reply_to": "", "created_at": "", "resolved": False, "deleted": False}

    def write(doc: Doc[Any]) -> None:
        doc.get("notes", type=Map)["n"] = Map({**note, "author": "rob", "text": Text("softer")})

    assert live.edit(write, ROB) == []
    refused = live.edit(lambda doc: doc.get("notes", type=Map)["n"]["text"].clear())
    assert [each.rule for each in refused] == ["not_yours"]
    assert live.edit(lambda doc: doc.get("notes", type=Map)["n"].update({"resolved": True})) == []
    stands: Any = live.doc.get("notes", type=Map)["n"].to_py()
    assert (stands["text"], stands["resolved"]) == ("softer", True)


edits = st.lists(
    st.tuples(
        st.sampled_from(["title", "prompt", "position", "deleted", "lens", "star", "join", "cut", "remove", "replace"]),
        st.sampled_from([shot.id for shot in demo.SHOTS]),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=6,
)


def cut(edges: Map[Any], shot: str) -> None:
    for key in list(edges.keys()):
        if edges[key]["target"] == shot:
            del edges[key]


def wreak(doc: Doc[Any], what: str, shot: str, words: str) -> None:
    canvas, nodes, edges = Canvas(doc), doc.get("nodes", type=Map), doc.get("edges", type=Map)
    join = {"source": demo.SETTING, "source_socket": "text", "target": shot, "target_socket": "prompt"}
    copy: dict[str, Any] = {
        "type": "shot",
        "title": words,
        "prompt": Text(words),
        "parameters": Map({"a": 1}),
        "stars": Map({}),
    }
    ways: dict[str, Callable[[], object]] = {
        "title": lambda: canvas.set_field(shot, "title", words),
        "prompt": lambda: canvas.text(shot, "prompt").insert(0, words),
        "position": lambda: canvas.set_field(shot, "position", {"x": len(words), "y": 1}),
        "deleted": lambda: canvas.set_field(shot, "deleted", value=True),
        "lens": lambda: canvas.set_key(shot, "parameters", "lens_mm", len(words)),
        "star": lambda: canvas.set_key(shot, "stars", "take-1", value=True),
        "join": lambda: edges.update({f"new-{shot}": join}),
        "cut": lambda: cut(edges, shot),
        "remove": lambda: nodes.pop(shot),
        "replace": lambda: nodes.update({shot: Map(copy)}),
    }
    if shot in nodes:
        ways[what]()


@given(edits)
@settings(max_examples=60, deadline=None)
def test_whatever_is_done_to_a_locked_shot_it_stands_as_it_was_and_the_others_as_they_were_made(
    script: list[tuple[str, str, str]],
) -> None:
    live, control = demo_canvas(), demo_canvas()
    locked = demo.SHOTS[0].id
    live.locks = Locks(shots={locked: lock("shot", locked)})
    before = Canvas(live.doc).node(locked)
    joined = {key: edge for key, edge in Canvas(live.doc).edges().items() if edge["target"] == locked}

    def play(doc: Doc[Any], steps: list[tuple[str, str, str]]) -> None:
        for step in steps:
            wreak(doc, *step)

    live.edit(lambda doc: play(doc, script))
    control.edit(lambda doc: play(doc, [step for step in script if step[1] != locked]))
    assert Canvas(live.doc).node(locked) == before
    assert {key: edge for key, edge in Canvas(live.doc).edges().items() if edge["target"] == locked} == joined
    for shot in demo.SHOTS[1:]:
        assert Canvas(live.doc).node(shot.id) == Canvas(control.doc).node(shot.id)
