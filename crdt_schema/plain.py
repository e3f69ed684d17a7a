"""Documents as canonical JSON: sorted, stable, the same bytes for the same state every time."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from pycrdt import Doc, Map, Text

from crdt_schema.canvas import Canvas
from crdt_schema.documents import DocumentKind, kind_of
from crdt_schema.records import CanvasPlain, DocumentPlain, ScriptPlain, TakesPlain
from crdt_schema.takes import Takes
from crdt_schema.values import normal


def dump(doc: Doc[Any], name: str) -> DocumentPlain:
    """The plain value of a document; what was deleted or joins nothing is left out."""
    kind = kind_of(name)
    special = _SPECIAL.get(kind.name)
    return special(doc, kind.schema) if special is not None else _records(doc, kind)


def is_empty(plain: Mapping[str, object]) -> bool:
    """Whether nothing stands in a document but its label."""
    return not any(value for name, value in plain.items() if name != "schema")


def _canvas(doc: Doc[Any], schema: str) -> CanvasPlain:
    canvas = Canvas(doc)
    return {"schema": schema, "nodes": dict(canvas.nodes()), "edges": canvas.edges()}


def _takes(doc: Doc[Any], schema: str) -> TakesPlain:
    takes = Takes(doc)
    jobs = {job_id: job for job_id in takes.job_ids() if (job := takes.job(job_id)) is not None}
    return {"schema": schema, "jobs": jobs, "takes": takes.takes()}


def _script(doc: Doc[Any], schema: str) -> ScriptPlain:
    return {"schema": schema, "text": str(doc.get("text", type=Text))}


_SPECIAL: dict[str, Callable[[Doc[Any], str], DocumentPlain]] = {
    "canvas": _canvas,
    "fork": _canvas,
    "takes": _takes,
    "script": _script,
}


def _records(doc: Doc[Any], kind: DocumentKind) -> DocumentPlain:
    """Every root by its name, each record that is one and is not deleted by its key."""
    found: dict[str, object] = {"schema": kind.schema}
    for root in kind.roots:
        records = cast("dict[str, object]", normal(doc.get(root, type=Map)))
        found[root] = {key: record for key, record in records.items() if _is_there(record)}
    return cast("DocumentPlain", found)


def _is_there(record: object) -> bool:
    return isinstance(record, dict) and cast("dict[str, object]", record).get("deleted") is not True


def encode(value: object) -> bytes:
    """Canonical UTF-8 JSON: sorted keys, two spaces, one line feed at the end, 3.0 written as 3."""
    text = json.dumps(normal(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"
