"""What the canvas promises about nodes, edges and merges."""

from typing import Any

import pytest
from pycrdt import Doc

from crdt_schema.canvas import BadCanvasEdit, Canvas
from crdt_schema.ids import EdgeId, IntentId, NodeId
from crdt_schema.records import Edge

JOIN: Edge = {"source": "p", "source_socket": "pipeline", "target": "s", "target_socket": "pipeline"}


def new_canvas() -> tuple[Doc[Any], Canvas]:
    doc: Doc[Any] = Doc()
    canvas = Canvas(doc)
    with doc.transaction():
        canvas.add_node(NodeId("s"), "shot", {"x": 0, "y": 0}, prompt="rain")
        canvas.add_node(NodeId("p"), "pipeline", {"x": -300, "y": 0})
    return doc, canvas


def copy_of(doc: Doc[Any]) -> tuple[Doc[Any], Canvas]:
    other: Doc[Any] = Doc()
    canvas = Canvas(other)
    other.apply_update(doc.get_update())
    return other, canvas


def merge(a: Doc[Any], b: Doc[Any]) -> None:
    a.apply_update(b.get_update(a.get_state()))
    b.apply_update(a.get_update(b.get_state()))


def test_two_people_typing_in_one_prompt_merge_per_character() -> None:
    doc, canvas = new_canvas()
    other_doc, other = copy_of(doc)
    canvas.text("s", "prompt").insert(0, "Neon ")
    other.text("s", "prompt").insert(4, " on glass")
    merge(doc, other_doc)
    assert canvas.nodes() == other.nodes()
    assert canvas.node("s")["prompt"] == "Neon rain on glass"  # type: ignore[index]


def test_different_fields_of_one_node_both_survive() -> None:
    doc, canvas = new_canvas()
    other_doc, other = copy_of(doc)
    canvas.set_field("s", "title", "The door")
    other.set_field("s", "seed", 7)
    merge(doc, other_doc)
    node: Any = canvas.node("s")
    assert (node["title"], node["seed"]) == ("The door", 7)


def test_deleting_a_node_while_another_joins_it_leaves_no_dangling_edge() -> None:
    doc, canvas = new_canvas()
    other_doc, other = copy_of(doc)
    canvas.set_field("s", "deleted", value=True)
    other.add_edge(EdgeId("e"), JOIN)
    merge(doc, other_doc)
    assert canvas.edges() == other.edges() == {}


def test_bringing_a_deleted_node_back_brings_its_joins_back() -> None:
    _, canvas = new_canvas()
    canvas.add_edge(EdgeId("e"), JOIN)
    canvas.set_field("s", "deleted", value=True)
    assert canvas.edges() == {}
    canvas.set_field("s", "deleted", value=False)
    assert canvas.edges() == {"e": JOIN}


@pytest.mark.parametrize(
    "edge",
    [
        {**JOIN, "target_socket": "style"},
        {**JOIN, "target": "nobody"},
        {**JOIN, "source": "s", "source_socket": "output"},
    ],
)
def test_sockets_that_do_not_fit_cannot_be_joined(edge: Edge) -> None:
    _, canvas = new_canvas()
    with pytest.raises(BadCanvasEdit):
        canvas.add_edge(EdgeId("e"), edge)


def test_an_intent_is_written_once() -> None:
    _, canvas = new_canvas()
    canvas.ask(IntentId("i"), {"kind": "generate", "node": "s"})
    with pytest.raises(BadCanvasEdit):
        canvas.ask(IntentId("i"), {"kind": "generate", "node": "s"})


def test_what_a_client_wrote_wrongly_is_not_shown() -> None:
    doc, canvas = new_canvas()
    doc["edges"]["x"] = "no edge at all"
    doc["edges"]["y"] = {"source": "p"}
    doc["nodes"]["n"] = 5
    doc["intents"]["i"] = {"kind": "format-disk"}
    assert set(canvas.nodes()) == {"s", "p"}
    assert canvas.edges() == {}
    assert canvas.has_intent("i")
    assert canvas.intent("i") is None
