"""Documents as canonical JSON: sorted, stable, the same bytes for the same state every time."""

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.documents import kind_of
from crdt_schema.records import CanvasPlain, TakesPlain
from crdt_schema.takes import Takes


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


def normal(value: object) -> object:
    """JSON values with one spelling each: JavaScript has no integers, so 3.0 and 3 must be the same bytes.

    A client may write what JSON has no word for, such as NaN or bytes; it becomes null rather than an error.
    """
    if isinstance(value, Mapping):
        return {str(key): normal(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [normal(item) for item in cast("list[object]", value)]
    if isinstance(value, float):
        rounded = round(value, 6)
        if not math.isfinite(rounded):
            return None
        return int(rounded) if rounded.is_integer() else rounded
    return value if isinstance(value, str | int) else None
