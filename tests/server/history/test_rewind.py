"""A document of today becomes what it was: for any two states of it, by writing only what differs."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from crdt_schema.canvas import Canvas
from crdt_schema.documents import initialise
from crdt_schema.ids import NodeId
from crdt_schema.nodes import NODE_SPECS
from crdt_schema.plain import dump
from crdt_schema.values import normal
from server.errors import Conflict, NotFound
from server.history.compare import comparable, compare_document
from server.history.rewind import Rewound, Target, left_of, rewind, rewrite_text

WORDS = st.text(alphabet="ab é🎬\n", max_size=12)
KEYS = st.sampled_from(["a", "b", "c", "d"])
STEP = st.one_of(
    st.tuples(st.just("title"), KEYS, WORDS),
    st.tuples(st.just("prompt"), KEYS, WORDS),
    st.tuples(st.just("lens"), KEYS, st.integers(10, 200)),
    st.tuples(st.just("delete"), KEYS, st.booleans()),
    st.tuples(st.just("vanish"), KEYS, st.none()),
    st.tuples(st.just("plain"), KEYS, WORDS),
    st.tuples(st.just("join"), KEYS, KEYS),
    st.tuples(st.just("cut"), KEYS, st.none()),
)


def do(doc: Doc[Any], step: tuple[str, str, Any]) -> None:
    """One edit, as some client might make it."""
    what, key, value = step
    nodes: Map[Any] = doc.get("nodes", type=Map)
    edges: Map[Any] = doc.get("edges", type=Map)
    if what == "plain":
        nodes[key] = {"type": "note", "title": value, "position": {"x": 1, "y": 2}, "deleted": False, "text": value}
    elif what == "join" and key != value:
        edges[key] = {"source": value, "source_socket": "text", "target": key, "target_socket": "prompt"}
    elif what in ("cut", "vanish"):
        root = edges if what == "cut" else nodes
        if key in root:
            del root[key]
    elif what != "join":
        if not isinstance(nodes.get(key), Map):
            Canvas(doc).add_node(NodeId(key), "shot" if key in "ab" else "prompt", {"x": 0, "y": 0})
        edit(nodes[key], what, value)


def edit(record: Map[Any], what: str, value: Any) -> None:
    if what == "prompt":
        rewrite_text(record["prompt"], value)
    elif what == "lens" and "parameters" in record:
        record["parameters"]["lens_mm"] = value
    else:
        record["deleted" if what == "delete" else "title"] = value


def canvas_of(steps: list[tuple[str, str, Any]], doc: Doc[Any] | None = None) -> Doc[Any]:
    if doc is None:
        doc = Doc()
        initialise(doc, "canvas")
    for step in steps:
        with doc.transaction():
            do(doc, step)
    return doc


def restored(doc: Doc[Any], target: Target, old: object, takes: dict[str, object] | None = None) -> Rewound:
    """Do what `rewind` says, as the room would."""
    plan = rewind(doc.get_update(), target, old, takes or {})
    for update in plan.updates:
        doc.apply_update(update)
    return plan


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=12), st.lists(STEP, max_size=12))
@example([("title", "a", ""), ("title", "c", "")], [("vanish", "a", None), ("join", "a", "c")])
def test_whatever_was_done_since_the_canvas_becomes_what_it_was(
    before: list[tuple[str, str, Any]], since: list[tuple[str, str, Any]]
) -> None:
    doc = canvas_of(before)
    old = normal(dump(doc, "canvas"))
    canvas_of(since, doc)
    target = Target("canvas")
    plan = restored(doc, target, old)
    assert compare_document("canvas", comparable("canvas", dump(doc, "canvas")), comparable("canvas", old)) == []
    assert left_of(doc.get_update(), plan, target, old, {}) == 0
    assert restored(doc, target, old).updates == [], "a second time there is nothing to do"


@given(st.text(alphabet="ab é🎬\n", max_size=60), st.text(alphabet="ab é🎬\n", max_size=60))
def test_a_text_becomes_what_it_was_in_any_alphabet(now: str, then: str) -> None:
    doc: Doc[Any] = Doc()
    text = doc.get("text", type=Text)
    text.insert(0, now)
    rewrite_text(text, then)
    assert str(text) == then


def test_who_types_beside_a_restored_word_keeps_what_they_type() -> None:
    doc = canvas_of([("prompt", "a", "She waits in the rain.")])
    old = normal(dump(doc, "canvas"))
    canvas_of([("prompt", "a", "He waits in the rain at dusk.")], doc)
    plan = rewind(doc.get_update(), Target("canvas"), old, {})
    Canvas(doc).text("a", "prompt").insert(len("He waits"), " alone")
    for update in plan.updates:
        doc.apply_update(update)
    assert str(Canvas(doc).text("a", "prompt")) == "She waits alone in the rain."


def test_taking_a_way_back_back_leaves_what_was_changed_since() -> None:
    doc = canvas_of([("title", "a", "Old"), ("lens", "a", 35), ("prompt", "b", "old")])
    old = normal(dump(doc, "canvas"))
    canvas_of([("title", "a", "New"), ("lens", "a", 50), ("prompt", "b", "new")], doc)
    before = normal(dump(doc, "canvas"))
    restored(doc, Target("canvas"), old)
    canvas_of([("title", "a", "Newest")], doc)
    plan = rewind(doc.get_update(), Target("canvas"), before, {}, since=old)
    for update in plan.updates:
        doc.apply_update(update)
    node: Any = Canvas(doc).node("a")
    assert (str(node["title"]), node["parameters"]["lens_mm"]) == ("Newest", 50)
    assert str(Canvas(doc).text("b", "prompt")) == "new"
    assert left_of(doc.get_update(), plan, Target("canvas"), before, {}, since=old) == 0


def test_one_field_comes_back_and_the_others_stay() -> None:
    doc = canvas_of([("title", "a", "Old"), ("lens", "a", 35), ("prompt", "a", "old")])
    old = normal(dump(doc, "canvas"))
    canvas_of([("title", "a", "New"), ("lens", "a", 50), ("prompt", "a", "new")], doc)
    restored(doc, Target("canvas", "nodes", "a", "parameters.lens_mm"), old)
    node: Any = Canvas(doc).node("a")
    assert (node["parameters"]["lens_mm"], node["title"], node["prompt"]) == (35, "New", "new")
    restored(doc, Target("canvas", "", "a", "prompt"), old)
    node = Canvas(doc).node("a")
    assert (node["title"], node["prompt"]) == ("New", "old")


def test_a_deleted_node_comes_back_itself_with_its_edges_and_nothing_else_does() -> None:
    doc = canvas_of(
        [("title", "a", "A"), ("title", "c", "C"), ("title", "d", "D"), ("join", "a", "c"), ("join", "b", "d")]
    )
    old = normal(dump(doc, "canvas"))
    canvas_of([("delete", "a", True), ("cut", "a", None), ("delete", "d", True)], doc)
    record = doc.get("nodes", type=Map)["a"]
    restored(doc, Target("canvas", "nodes", "a"), old)
    assert Canvas(doc).edges().keys() == {"a"}
    assert Canvas(doc).node("d") is None
    record["title"] = "Still me"
    assert Canvas(doc).nodes()["a"]["title"] == "Still me"


def test_a_take_that_is_gone_is_not_chosen_again_and_that_is_said() -> None:
    doc = canvas_of([("title", "a", "A")])
    Canvas(doc).set_field("a", "active_take", "take-1")
    old = normal(dump(doc, "canvas"))
    Canvas(doc).set_field("a", "active_take", "take-2")
    Canvas(doc).set_field("a", "title", "B")
    plan = restored(doc, Target("canvas"), old, {"take-2": {}})
    node: Any = Canvas(doc).node("a")
    assert (node["active_take"], node["title"], [change.id for change in plan.gone]) == ("take-2", "A", ["a"])
    assert restored(doc, Target("canvas"), old, {"take-1": {}}).gone == []
    assert Canvas(doc).nodes()["a"].get("active_take") == "take-1"


def test_shared_texts_and_maps_are_shared_again_after_they_vanished() -> None:
    doc = canvas_of([("prompt", "a", "words"), ("lens", "a", 85)])
    old = normal(dump(doc, "canvas"))
    canvas_of([("vanish", "a", None)], doc)
    restored(doc, Target("canvas"), old)
    record = doc.get("nodes", type=Map)["a"]
    spec = NODE_SPECS["shot"]
    assert all(isinstance(record[name], Text) for name in spec.texts)
    assert all(isinstance(record[name], Map) for name in spec.maps)


def test_a_style_of_the_project_comes_back_and_votes_stay_as_they_are() -> None:
    doc: Doc[Any] = Doc()
    initialise(doc, "styles")
    styles, votes = doc.get("styles", type=Map), doc.get("votes", type=Map)
    styles["noir"] = Map(
        {"title": "Noir", "context": Text("Rain."), "parameters": Map({"contrast": 1}), "deleted": False}
    )
    old = normal(dump(doc, "styles"))
    styles["noir"]["deleted"] = True
    styles["noir"]["parameters"]["contrast"] = 2
    neon: dict[str, Any] = {"title": "Neon", "context": Text(""), "deleted": False}
    styles["neon"] = Map(neon)
    votes["noir"] = Map({"ana": 1})
    restored(doc, Target("styles"), old)
    shown: Any = normal(dump(doc, "styles"))
    assert shown["styles"] == {
        "noir": {"title": "Noir", "context": "Rain.", "parameters": {"contrast": 1}, "deleted": False}
    }
    assert shown["votes"] == {"noir": {"ana": 1}}


def test_a_script_comes_back_without_a_line_feed_that_it_never_had() -> None:
    doc: Doc[Any] = Doc()
    initialise(doc, "script/draft")
    text = doc.get("text", type=Text)
    text.insert(0, "FADE IN: A street.")
    restored(doc, Target("script/draft"), "FADE IN:\n")
    assert str(text) == "FADE IN:"
    restored(doc, Target("script/draft"), None)
    assert str(text) == ""


def test_what_is_in_neither_version_is_not_found_and_half_of_one_is_refused() -> None:
    doc = canvas_of([("title", "a", "A")])
    old = normal(dump(doc, "canvas"))
    canvas_of([("title", "b", "B")], doc)
    with pytest.raises(NotFound):
        rewind(doc.get_update(), Target("canvas", "", "nobody"), old, {})
    with pytest.raises(Conflict, match="as a whole"):
        rewind(doc.get_update(), Target("canvas", "", "b", "title"), old, {})
    restored(doc, Target("canvas", "", "b"), old)
    assert Canvas(doc).node("b") is None


def test_a_version_that_holds_what_no_document_can_is_refused() -> None:
    doc = canvas_of([("title", "a", "A")])
    old: Any = normal(dump(doc, "canvas"))
    old["nodes"]["a"]["seed"] = 10**30
    with pytest.raises(Conflict):
        rewind(doc.get_update(), Target("canvas"), old, {})
