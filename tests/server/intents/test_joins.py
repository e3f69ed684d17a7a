"""What is joined to a shot is what the whole canvas says, whatever was joined, parted, deleted or spoiled before."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from crdt_schema import plain
from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId
from crdt_schema.records import CanvasPlain
from server.intents.joined import joined
from server.intents.joins import Joins
from tests.support.film import joins

SHOTS, PIPES = ("shot-1", "shot-2"), ("pipe-1", "pipe-2")
SPOILED: tuple[Any, ...] = ("words", {"target": "shot-1"}, {"target": ["shot-1"]}, {**joins("x", "y", "shot-1", "z")})
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "part", "spoil", "delete", "restore", "type", "look"]),
        st.sampled_from(["e", "f", "g"]),
        st.sampled_from(SHOTS),
        st.sampled_from(PIPES),
        st.integers(0, len(SPOILED) - 1),
    ),
    max_size=25,
)


def a_canvas() -> Doc[Any]:
    doc: Doc[Any] = Doc()
    for node in SHOTS:
        Canvas(doc).add_node(NodeId(node), "shot", {"x": 0, "y": 0})
    for node in PIPES:
        Canvas(doc).add_node(NodeId(node), "pipeline", {"x": 0, "y": 0}, pipeline="previz-image")
    return doc


@given(STEPS)
def test_what_is_around_a_shot_is_what_the_whole_canvas_says(steps: list[tuple[str, str, str, str, int]]) -> None:
    doc = a_canvas()
    canvas, edges, followed = Canvas(doc), doc.get("edges", type=Map), Joins(doc)
    for what, key, shot, pipe, number in steps:
        match what:
            case "join":
                edges[key] = dict(joins(pipe, "pipeline", shot, "pipeline"))
            case "part" if key in edges:
                del edges[key]
            case "spoil":
                edges[key] = SPOILED[number]
            case "delete" | "restore":
                canvas.set_field(pipe, "deleted", what == "delete")
            case "type":
                canvas.set_field(shot, "seed", number)
            case _:
                followed.around(shot)
    whole = cast("CanvasPlain", plain.dump(doc, "canvas"))
    for shot in SHOTS:
        near = followed.around(shot)
        assert near["nodes"].get(shot) == whole["nodes"].get(shot)
        assert list(joined(near, shot, "pipeline")) == list(joined(whole, shot, "pipeline"))
        assert near["edges"] == {key: edge for key, edge in whole["edges"].items() if edge["target"] == shot}
    assert followed.around("nowhere")["nodes"] == {}
