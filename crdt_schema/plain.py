"""Documents as canonical JSON: sorted, stable, the same bytes for the same state every time."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from pycrdt import Doc, Map, Text

from crdt_schema.canvas import Canvas, joined
from crdt_schema.documents import kind_of
from crdt_schema.records import AnyNode, DocumentPlain
from crdt_schema.values import normal

CANVASES = frozenset({"canvas", "fork"})
WHOLE = frozenset({*CANVASES, "takes"})
"""Kinds of which no record is left out for being marked as deleted: nodes say that themselves."""


def dump(doc: Doc[Any], name: str) -> DocumentPlain:
    """The plain value of a document; what was deleted or joins nothing is left out."""
    # In one transaction: pycrdt would open one for each value that is read, and commit it.
    with doc.transaction():
        if kind_of(name).name == "script":
            return whole(name, {}, text_of(doc))
        read = reader(doc, name)
        records: dict[str, dict[str, object]] = {}
        for root in roots_of(name):
            keys = list(doc.get(root, type=Map).keys())
            records[root] = {key: record for key in keys if (record := read(root, key)) is not None}
    return whole(name, records)


def is_empty(plain: Mapping[str, object]) -> bool:
    """Whether nothing stands in a document but its label."""
    return not any(value for name, value in plain.items() if name != "schema")


def text_of(doc: Doc[Any]) -> str:
    """The text that a script is."""
    return str(doc.get("text", type=Text))


def roots_of(name: str) -> tuple[str, ...]:
    """The roots whose records are the plain value of a document: an intent is no part of the film."""
    kind = kind_of(name)
    return ("nodes", "edges") if kind.name in CANVASES else tuple(kind.roots)


def reader(doc: Doc[Any], name: str) -> Callable[[str, str], object]:
    """What gives a record by its root and key, in JSON values; None where there is none, or one that is left out."""
    kind = kind_of(name)
    roots: dict[str, Map[Any]] = {root: doc.get(root, type=Map) for root in roots_of(name)}
    canvas = Canvas(doc) if kind.name in CANVASES else None

    def read(root: str, key: str) -> object:
        if canvas is not None and root == "nodes":
            return canvas.node(key)
        record = normal(roots[root].get(key))
        return record if kind.name in WHOLE or _is_there(record) else None

    return read


def whole(name: str, records: Mapping[str, Mapping[str, object]], text: str = "") -> DocumentPlain:
    """The plain value of a document, of its records by root and key; of a script, of its text."""
    schema = kind_of(name).schema
    if kind_of(name).name == "script":
        return cast("DocumentPlain", {"schema": schema, "text": text})
    found: dict[str, object] = {"schema": schema, **records}
    if kind_of(name).name in CANVASES:
        found["edges"] = joined(records["edges"], cast("Mapping[str, AnyNode]", records["nodes"]))
    return cast("DocumentPlain", found)


def _is_there(record: object) -> bool:
    return isinstance(record, dict) and cast("dict[str, object]", record).get("deleted") is not True


def encode(value: object) -> bytes:
    """Canonical UTF-8 JSON: sorted keys, two spaces, one line feed at the end, 3.0 written as 3."""
    return _written(normal(value)).encode() + b"\n"


def lines(key: str, record: object) -> str:
    """The lines of one record, in JSON values, as `encode` writes them in a document, without a comma."""
    # A line feed within a string is written as an escape.
    return f"    {_written(key)}: {_written(record)}".replace("\n", "\n    ")


def _written(value: object) -> str:
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
