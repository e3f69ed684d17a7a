"""The rule book of shapes: it names every field of every record, and it takes whatever it is asked about."""

from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc

from crdt_schema import records, validate
from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId
from crdt_schema.nodes import NODE_SPECS, NodeType, blank_node
from crdt_schema.shapes import Kind, Shape, json_size
from crdt_schema.validate import NODE_SHAPES, faults

BOOKS: list[tuple[type, dict[str, Shape]]] = [
    (records.ShotNode, NODE_SHAPES["shot"]),
    (records.PipelineNode, NODE_SHAPES["pipeline"]),
    (records.StyleNode, NODE_SHAPES["style"]),
    (records.PromptNode, NODE_SHAPES["prompt"]),
    (records.NoteNode, NODE_SHAPES["note"]),
    (records.Edge, validate.EDGE_SHAPES),
    (records.StyleRecord, validate.STYLE_SHAPES),
    (records.StyleRemark, validate.STYLE_REMARK_SHAPES),
    (records.Mark, validate.MARK_SHAPES),
    (records.Remark, validate.REMARK_SHAPES),
    (records.Asset, validate.ASSET_SHAPES),
    (records.Segment, validate.SEGMENT_SHAPES),
]
PLAIN_DICTS = {("Mark", "data")}
"""Fields that are a dict and no Y.Map, because they are one value."""

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=4),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=4), children, max_size=3),
    max_leaves=6,
)

HELD: st.SearchStrategy[Kind] = st.sampled_from(["map", "text", "other"])


def held_as(record: type, name: str, hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is Annotated and get_args(hint)[1] == "Y.Text":
        return ("text", "plain")
    if get_origin(hint) is dict and (record.__name__, name) not in PLAIN_DICTS:
        return ("map", "plain")
    return ("plain",)


@pytest.mark.parametrize(("record", "book"), BOOKS)
def test_every_field_has_a_shape_that_is_held_as_the_record_says(record: type, book: dict[str, Shape]) -> None:
    hints = get_type_hints(record, include_extras=True)
    assert {name: shape.held for name, shape in book.items()} == {
        name: held_as(record, name, hint) for name, hint in hints.items()
    }


def test_an_intent_has_the_fields_of_all_intents() -> None:
    fields = {name for intent in get_args(records.Intent) for name in get_type_hints(intent)}
    assert set(validate.INTENT_SHAPES) == fields


@pytest.mark.parametrize("kind", NODE_SPECS)
def test_a_new_node_has_no_fault(kind: NodeType) -> None:
    canvas = Canvas(Doc[Any]())
    canvas.add_node(NodeId("n"), kind, {"x": 0, "y": 0})
    node = cast("dict[str, object]", canvas.node("n"))
    assert list(faults(NODE_SHAPES[kind], node, node, {})) == []
    assert list(faults(NODE_SHAPES[kind], blank_node(kind), blank_node(kind), {})) == []


@given(st.sampled_from(BOOKS), st.dictionaries(st.text(max_size=5), anything, max_size=4), st.data())
def test_whatever_is_asked_about_there_is_an_answer(
    pair: tuple[type, dict[str, Shape]], extra: dict[str, Any], data: st.DataObject
) -> None:
    _, book = pair
    values = {**{name: data.draw(anything) for name in book}, **extra}
    kinds = data.draw(st.dictionaries(st.sampled_from(sorted(values)), HELD))
    found = {fault.field for fault in faults(book, values, values, kinds)}
    assert found <= values.keys()
    kept = {name: value for name, value in values.items() if name not in found}
    left: dict[str, Kind] = {name: held for name, held in kinds.items() if name in kept}
    assert list(faults(book, kept, kept, left)) == []


def test_what_is_no_json_has_no_size() -> None:
    deep: object = "bottom"
    for _ in range(100_000):
        deep = [deep]
    for odd in (b"bytes", float("nan"), {1, 2}, deep):
        assert json_size(odd) == float("inf")
    assert json_size({"é": [1, 2]}) == len('{"é":[1,2]}')
