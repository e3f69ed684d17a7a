"""Documents as canonical JSON: sorted, stable, the same bytes for the same state every time."""

import json
from typing import Any

from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.documents import kind_of
from crdt_schema.records import CanvasPlain, TakesPlain
from crdt_schema.takes import Takes
from crdt_schema.values import normal


def dump(doc: Doc[Any], name: str) -> CanvasPlain | TakesPlain:
    """The plain value of a document; what was deleted or joins nothing is left out."""
    kind = kind_of(name)
    if kind.name == "canvas":
        canvas = Canvas(doc)
        return {"schema": kind.schema, "nodes": dict(canvas.nodes()), "edges": canvas.edges()}
    takes = Takes(doc)
    jobs = {job_id: job for job_id in takes.job_ids() if (job := takes.job(job_id)) is not None}
    return {"schema": kind.schema, "jobs": jobs, "takes": takes.takes()}


def encode(value: object) -> bytes:
    """Canonical UTF-8 JSON: sorted keys, two spaces, one line feed at the end, 3.0 written as 3."""
    text = json.dumps(normal(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"
