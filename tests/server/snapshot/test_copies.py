"""A copy that follows a document by differences gives the same bytes as the document read whole."""

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text, UndoManager

from crdt_schema import plain
from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId
from server.snapshot.copies import Copy
from server.snapshot.tree import encode

KEYS = st.sampled_from(["a", "b", "é\n", ""])
VALUES = st.sampled_from([None, True, 0.5, 3.0, float("nan"), b"bytes", "words", [], {}, {"deep": [{"er": 1.0}]}])
ROOTS = st.sampled_from(["nodes", "edges", "intents"])
CANVAS_EDITS = st.one_of(
    st.tuples(st.just("node"), KEYS, st.sampled_from(["shot", "style", "note", "nothing"])),
    st.tuples(st.just("edge"), st.tuples(KEYS, KEYS)),
    st.tuples(st.just("type"), KEYS, st.text(max_size=3)),
    st.tuples(st.just("field"), KEYS, st.sampled_from(["deleted", "type", "position", "own"]), VALUES),
    st.tuples(st.just("parameter"), KEYS, VALUES),
    st.tuples(st.just("value"), ROOTS, KEYS, VALUES),
    st.tuples(st.just("shared"), ROOTS, KEYS),
    st.tuples(st.just("remove"), ROOTS, KEYS),
    st.tuples(st.just("undo")),
    st.tuples(st.just("snapshot")),
)


class Writer:
    """Somebody who changes a canvas, and not only as our own client does."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self.roots: dict[str, Map[Any]] = {name: self.doc.get(name, type=Map) for name in ("nodes", "edges", "intents")}
        self.undo = UndoManager(scopes=list(self.roots.values()), capture_timeout_millis=0)

    def do(self, kind: str, *given: Any) -> None:
        with self.doc.transaction():
            getattr(self, f"_{kind}")(*given)

    def _node(self, key: str, kind: str) -> None:
        self.roots["nodes"][key] = Map({"type": kind, "prompt": Text("p"), "parameters": Map({"lens_mm": 35})})

    def _edge(self, ends: tuple[str, str]) -> None:
        source, target = ends
        edge = {"source": source, "target": target, "source_socket": "style", "target_socket": "style"}
        self.roots["edges"]["-".join(ends)] = edge

    def _type(self, key: str, words: str) -> None:
        node: object = self.roots["nodes"].get(key)
        text: object = cast("Map[Any]", node).get("prompt") if isinstance(node, Map) else None
        if isinstance(text, Text):
            text.insert(0, words)
            # pycrdt counts UTF-8 bytes, and half a character ruins a document.
            del text[: len(words[: len(words) // 2].encode())]

    def _field(self, key: str, name: str, value: Any) -> None:
        if isinstance(node := self.roots["nodes"].get(key), Map):
            node[name] = value

    def _parameter(self, key: str, value: Any) -> None:
        node: object = self.roots["nodes"].get(key)
        values: object = cast("Map[Any]", node).get("parameters") if isinstance(node, Map) else None
        if isinstance(values, Map):
            cast("Map[Any]", values)["own"] = Map({"value": value})

    def _value(self, root: str, key: str, value: Any) -> None:
        self.roots[root][key] = value

    def _shared(self, root: str, key: str) -> None:
        self.roots[root][key] = Text("a piece of text for a record")

    def _remove(self, root: str, key: str) -> None:
        self.roots[root].pop(key, None)


@settings(max_examples=150, deadline=None)
@given(st.lists(CANVAS_EDITS, max_size=25))
def test_a_copy_that_follows_is_the_document_read_whole(edits: list[tuple[Any, ...]]) -> None:
    writer, copy = Writer(), Copy("canvas")
    for kind, *given_ in [*edits, ("snapshot",)]:
        if kind == "undo":
            writer.undo.undo()
        elif kind == "snapshot":
            copy.receive(writer.doc.get_update(copy.state))
            copy.catch_up()
            value = plain.dump(writer.doc, "canvas")
            assert copy.plain == value
            assert copy.file == encode("canvas", value)
        else:
            writer.do(kind, *given_)


@pytest.mark.parametrize(("name", "root"), [("styles", "styles"), ("takes", "takes"), ("library", "assets")])
def test_every_kind_of_document_is_followed(name: str, root: str) -> None:
    doc: Doc[Any] = Doc()
    records: Map[Any] = doc.get(root, type=Map)
    copy = Copy(name)
    for change in (
        lambda: records.update({"one": Map({"title": "Noir", "parts": Map({"x": 1.0})}), "two": {"title": "Plain"}}),
        lambda: records["one"]["parts"].update({"y": 2}),
        lambda: records["one"].update({"deleted": True}),
        lambda: records.pop("two"),
    ):
        change()
        copy.receive(doc.get_update(copy.state))
        copy.catch_up()
        assert copy.file == encode(name, plain.dump(doc, name))


def test_a_script_is_followed() -> None:
    doc: Doc[Any] = Doc()
    text, copy = doc.get("text", type=Text), Copy("script/treatment")
    for words in ("INT. LAUNDROMAT", " - NIGHT\n"):
        text += words
        copy.receive(doc.get_update(copy.state))
        copy.catch_up()
        assert copy.file == encode("script/treatment", plain.dump(doc, "script/treatment"))


def test_what_did_not_change_is_not_read_again() -> None:
    doc: Doc[Any] = Doc()
    for key in ("a", "b"):
        Canvas(doc).add_node(NodeId(key), "shot", {"x": 0, "y": 0})
    copy = Copy("canvas", doc.get_update())
    copy.catch_up()
    before, file = copy.plain["nodes"], copy.file
    copy.receive(doc.get_update())
    copy.catch_up()
    assert copy.file is file
    Canvas(doc).set_field("a", "title", "The door")
    difference = doc.get_update(copy.state)
    assert len(difference) < len(doc.get_update()) // 4
    copy.receive(difference)
    copy.catch_up()
    assert copy.plain["nodes"]["a"]["title"] == "The door"
    assert copy.plain["nodes"]["b"] is before["b"]


def test_a_copy_that_could_not_take_in_a_change_has_it_still() -> None:
    doc: Doc[Any] = Doc()
    Canvas(doc).add_node(NodeId("a"), "shot", {"x": 0, "y": 0})
    copy = Copy("canvas", doc.get_update())
    copy.receive(b"no update")
    Canvas(doc).set_field("a", "title", "The door")
    copy.receive(doc.get_update())
    with pytest.raises(ValueError, match="update"):
        copy.catch_up()
    copy._received.pop(0)
    copy.catch_up()
    assert copy.file == encode("canvas", plain.dump(doc, "canvas"))
