"""Canonical JSON: same state, same bytes; and the TypeScript twin that must not fall behind."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from crdt_schema import export_ts, plain
from crdt_schema.canvas import Canvas
from crdt_schema.documents import KINDS, DocumentKind, NewerSchema, UnknownDocument, initialise, kind_of, upgrade
from crdt_schema.ids import NodeId

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values))
def test_the_order_in_which_keys_were_set_does_not_show(value: dict[str, Any]) -> None:
    backwards = dict(reversed(value.items()))
    assert plain.encode(value) == plain.encode(backwards)


@given(st.integers(-(10**9), 10**9))
def test_a_whole_number_has_one_spelling(number: int) -> None:
    assert plain.encode({"x": float(number)}) == plain.encode({"x": number})


@given(st.dictionaries(st.text(), json_values))
def test_what_is_written_reads_back_and_writes_the_same(value: dict[str, Any]) -> None:
    written = plain.encode(value)
    assert plain.encode(json.loads(written)) == written


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), b"bytes"])
def test_what_json_has_no_word_for_is_null(odd: object) -> None:
    doc: Doc[Any] = Doc()
    canvas = Canvas(doc)
    canvas.add_node(NodeId("note-1"), "note", {"x": 0, "y": 0})
    canvas.set_field("note-1", "odd", [odd])
    assert json.loads(plain.encode(plain.dump(doc, "canvas")))["nodes"]["note-1"]["odd"] == [None]


@given(st.permutations(["a", "b", "c", "d"]))
def test_replicas_that_were_built_in_another_order_are_the_same_bytes(order: list[str]) -> None:
    documents = [Doc[Any](), Doc[Any]()]
    for doc, names in zip(documents, (sorted(order), order), strict=True):
        for name in names:
            Canvas(doc).add_node(NodeId(name), "note", {"x": 1.0, "y": 2.5}, text=name)
    first, second = (plain.encode(plain.dump(doc, "canvas")) for doc in documents)
    assert first == second


def test_every_document_carries_its_schema_and_an_epoch_of_its_own() -> None:
    epochs: set[str] = set()
    for kind in KINDS.values():
        name = f"{kind.name}/one" if kind.named else kind.name
        doc: Doc[Any] = Doc()
        initialise(doc, name)
        meta: Any = doc.get("meta", type=Map).to_py()
        assert meta["schema"] == kind.schema
        epochs.add(meta["epoch"])
        assert upgrade(doc, name) is False
    assert len(epochs) == len(KINDS)


def test_a_document_from_a_newer_version_is_not_touched() -> None:
    doc: Doc[Any] = Doc()
    initialise(doc, "canvas")
    doc["meta"]["schema"] = "canvas.99"
    before = doc.get_update()
    with pytest.raises(NewerSchema, match=r"canvas\.99"):
        upgrade(doc, "canvas")
    assert doc.get_update() == before


def fill(doc: Doc[Any], kind: DocumentKind) -> None:
    for root in kind.roots:
        records: Map[Any] = doc.get(root, type=Map)
        records["here"] = Map({"title": Text("kept"), "values": Map({"x": 3.0}), "deleted": False})
        records["gone"] = Map({"title": Text("deleted"), "deleted": True})
        records["odd"] = 5


@pytest.mark.parametrize("name", ["styles", "annotations/shot-1", "library", "production"])
def test_a_document_is_written_root_by_root_without_what_was_deleted(name: str) -> None:
    doc: Doc[Any] = Doc()
    kind = kind_of(name)
    assert plain.is_empty(plain.dump(doc, name))
    fill(doc, kind)
    written = json.loads(plain.encode(plain.dump(doc, name)))
    record = {"title": "kept", "values": {"x": 3}, "deleted": False}
    assert written == {"schema": kind.schema, **{root: {"here": record} for root in kind.roots}}
    assert not plain.is_empty(written)


def test_a_script_is_written_as_its_text() -> None:
    doc: Doc[Any] = Doc()
    doc.get("text", type=Text).insert(0, "INT. LAUNDROMAT - NIGHT")
    assert plain.dump(doc, "script/treatment") == {"schema": "script.1", "text": "INT. LAUNDROMAT - NIGHT"}


def test_only_known_documents_have_a_kind() -> None:
    assert kind_of("canvas").written_by == "editor"
    assert kind_of("takes").written_by is None
    assert kind_of("annotations/shot-1").written_by == "reviewer"
    assert kind_of("script/treatment").name == "script"


@pytest.mark.parametrize(
    "name",
    ["", "nothing", "../canvas", "canvas/../takes", "canvas/a/b", "canvas/x", "script", "annotations", "script/"],
)
def test_a_name_that_is_no_documents_is_refused(name: str) -> None:
    with pytest.raises(UnknownDocument):
        kind_of(name)


def test_the_typescript_twin_is_up_to_date() -> None:
    assert export_ts.TARGET.read_text() == export_ts.render()
