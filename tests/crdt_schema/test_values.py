"""What a client wrote reads as JSON, whatever it is; nothing that pycrdt cannot read hides the rest or hangs."""

from typing import Any

from pycrdt import Array, Doc, Map, Text

from crdt_schema.canvas import Canvas
from crdt_schema.values import normal


def document() -> Doc[Any]:
    doc: Doc[Any] = Doc(client_id=7)
    doc.get("nodes", type=Map)["n"] = Map({"type": "note", "x": 1.0})
    return doc


def test_a_shared_list_reads_as_null_because_one_with_an_emoji_in_it_is_read_for_ever() -> None:
    doc = document()
    doc.get("nodes", type=Map)["n"]["list"] = Array([1])
    item = doc.get_state()[2] - 1
    doc.apply_update(b"\1\1\5\0\x84\7" + bytes((item,)) + b"\6\xf0\x9f\x98\x80\xc3\xa9\0")
    assert normal(doc.get("nodes", type=Map)) == {"n": {"type": "note", "x": 1, "list": None}}


def test_a_key_that_is_listed_and_has_no_value_reads_as_null() -> None:
    doc = document()
    nodes: Map[Any] = doc.get("nodes", type=Map)
    nodes["n"] = 1
    clock = doc.get_state()[2] - 1
    formatting_after_the_value = b"\1\1\5\0\x86\7" + bytes((clock,)) + b"\1b\4true\0"
    doc.apply_update(formatting_after_the_value)
    nodes["m"] = 2
    assert normal(nodes) == {"n": None, "m": 2}
    assert Canvas(doc).nodes() == {}


def test_a_text_reads_as_a_string() -> None:
    doc: Doc[Any] = Doc()
    doc.get("nodes", type=Map)["n"] = Map({"text": Text("a\N{GRINNING FACE}b")})
    assert normal(doc.get("nodes", type=Map)) == {"n": {"text": "a\N{GRINNING FACE}b"}}
