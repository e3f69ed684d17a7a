"""A document from its plain value is the same document, and foreign values that cannot stand are named."""

from typing import Any, cast

import pytest
from pycrdt import Doc, Map, Text

from crdt_schema import founding, plain
from crdt_schema.documents import initialise
from crdt_schema.nodes import blank_node

NOTE = {"author": "ana", "text": "Darker", "created_at": "2026-01-02T03:04:05Z"}
LOCK = {"kind": "shot", "target": "s1", "by": "ana", "by_name": "Ana", "at": "2026-01-02T03:04:05Z", "reason": ""}
CHAIN = {"name": "One", "master_style_context": "", "aspect_ratio": "16:9", "order": ["g1"], "deleted": False}
SEGMENT = {"chain": "c1", "shot": "s1", "text": "She waits", "trim_start": 2, "trim_end": 0, "audio_gain_db": -3.5}
SHOT = {
    **blank_node("shot"),
    "prompt": "rain \U0001f327",
    "parameters": {"lens_mm": 35},
    "stars": {"t1": True},
    "x_new": 1,
}
MARK = {**NOTE, "take": "t1", "frame": 3, "kind": "pin", "data": {"x": 0.5}, "deleted": False}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "canvas": {
        "nodes": {"s1": SHOT, "p1": blank_node("pipeline")},
        "edges": {"e1": {"source": "p1", "source_socket": "pipeline", "target": "s1", "target_socket": "pipeline"}},
    },
    "styles": {
        "styles": {"noir": {"title": "Noir", "context": "wet", "palette": ["#000000"], "parameters": {"k": 1.5}}},
        "votes": {"noir": {"ana": 1, "bo": -1}},
        "notes": {"n1": {**NOTE, "style": "noir", "deleted": False}},
    },
    "annotations/s1": {
        "marks": {"m1": MARK},
        "notes": {"r1": {**NOTE, "mark": "m1", "reply_to": "", "resolved": False, "deleted": False}},
        "verdicts": {"t1": {"ana": "approved"}},
    },
    "library": {
        "assets": {"a1": {"kind": "prop", "title": "Coat", "description": "long", "tags": ["red"], "fields": {}}}
    },
    "production": {
        "locks": {"shot:s1": LOCK, "contract": {**LOCK, "kind": "contract", "target": ""}},
        "chains": {"c1": CHAIN},
        "segments": {"g1": SEGMENT},
        "audit": {
            "u1": {**{k: LOCK[k] for k in ("at", "by", "by_name", "target", "reason")}, "action": "lock", "detail": ""}
        },
        "forks": {"dusk": {**{k: LOCK[k] for k in ("by", "by_name", "at")}, "commit": "", "deleted": False}},
    },
    "script/treatment": {"text": "A bus at night.\n"},
}


def founded(name: str, value: dict[str, Any]) -> Doc[Any]:
    doc: Doc[Any] = Doc()
    initialise(doc, name)
    founding.fill(doc, name, value)
    return doc


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_filled_in_reads_as_it_was(name: str) -> None:
    value = DOCUMENTS[name]
    once = plain.dump(founded(name, value), name)
    assert {root: records for root, records in once.items() if root != "schema"} == value
    assert plain.dump(founded(name, dict(once)), name) == once


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_value_of_ours_may_stand_whole(name: str) -> None:
    checked = founding.check(name, {"schema": "x", **DOCUMENTS[name]})
    assert checked.problems == []
    assert checked.value == DOCUMENTS[name]


def test_what_people_write_into_together_is_shared() -> None:
    doc = founded("canvas", DOCUMENTS["canvas"])
    shot = doc.get("nodes", type=Map)["s1"]
    assert isinstance(shot["prompt"], Text)
    assert isinstance(shot["parameters"], Map)
    assert isinstance(founded("production", DOCUMENTS["production"]).get("segments", type=Map)["g1"]["text"], Text)


@pytest.mark.parametrize(
    ("name", "root", "key", "record"),
    [
        ("canvas", "nodes", "s2", {"type": "virus"}),
        ("canvas", "nodes", "s2", {"type": ["shot"]}),
        ("canvas", "nodes", "s2", {**SHOT, "seed": "seven"}),
        ("canvas", "nodes", "../s2", SHOT),
        ("canvas", "nodes", "s2", [1, 2]),
        ("canvas", "edges", "e2", {"source": "p1"}),
        ("takes", "takes", "t1", {"node": "s1"}),
        ("production", "locks", "shot:../x", LOCK),
        ("styles", "votes", "noir", {"ana": 100}),
    ],
)
def test_a_record_that_cannot_stand_is_left_out_and_named(name: str, root: str, key: str, record: object) -> None:
    known = DOCUMENTS.get(name, {})
    foreign = {**known, root: {**known.get(root, {}), key: record}}
    checked = founding.check(name, foreign)
    assert key not in cast("dict[str, object]", checked.value.get(root, {}))
    (problem,) = checked.problems
    assert f"{root}/{key}" in problem
    founded(name, checked.value)


@pytest.mark.parametrize(
    "value", [None, [], {"nodes": {"s1": {"title": "\ud800"}}}, {"nodes": {"s1": {"seed": 10**30}}}]
)
def test_what_is_no_document_is_none(value: object) -> None:
    checked = founding.check("canvas", value)
    assert checked.value == {}
    assert checked.problems
