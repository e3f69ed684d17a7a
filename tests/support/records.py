"""Whole records for tests of what reads them."""

from typing import Any

from crdt_schema.records import Job, JobStatus


def job_record(status: JobStatus, node: str = "s", **fields: Any) -> Job:
    """A job of Ana's for a still, with what a test gives instead."""
    values: dict[str, Any] = {
        "kind": "generate",
        "node": node,
        "status": status,
        "reason": "",
        "trace_id": "",
        "pipeline": "previz-image",
        "tier": "low",
        "asked_by": "u",
        "asked_by_name": "Ana",
        "asked_at": "",
        "queued_at": "",
        "started_at": "",
        "ended_at": "",
        "attempts": [],
        "take": "",
        "seconds": 0.0,
        "cost_usd": 0.0,
        "recipe": {},
    }
    made: Any = {**values, **fields}
    return made
