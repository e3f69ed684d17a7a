"""What the production document promises about locks, scene chains, segments and its notes."""

from typing import Any

import pytest
from pycrdt import Doc

from crdt_schema.production import NO_LOCKS, BadProductionEdit, Production, locks_of
from crdt_schema.records import AuditNote, Lock, LockKind, SceneChain, Segment


def lock(kind: LockKind, target: str = "") -> Lock:
    return {"kind": kind, "target": target, "by": "u1", "by_name": "Ada", "at": "2026-01-02T03:04:05Z", "reason": ""}


def chain(look: str = "", *, deleted: bool = False) -> SceneChain:
    return {
        "name": "Arrival",
        "master_style_context": look,
        "aspect_ratio": "16:9",
        "order": ["seg-1"],
        "deleted": deleted,
    }


def segment(of_chain: str, shot: str) -> Segment:
    return {
        "chain": of_chain,
        "shot": shot,
        "text": "She waits",
        "trim_start": 0,
        "trim_end": 0,
        "audio_trim_start": 0,
        "audio_trim_end": 0,
        "audio_gain_db": 0,
    }


def new_production() -> tuple[Doc[Any], Production]:
    doc: Doc[Any] = Doc()
    return doc, Production(doc)


def test_a_new_production_locks_nothing() -> None:
    doc, _ = new_production()
    assert locks_of(doc) == NO_LOCKS


def test_each_kind_of_lock_is_found_under_what_it_locks() -> None:
    doc, production = new_production()
    for each in (lock("shot", "s1"), lock("style", "st"), lock("picture", "c1"), lock("contract")):
        production.set_lock(each)
    locks = locks_of(doc)
    assert (set(locks.shots), set(locks.styles), set(locks.pictures)) == ({"s1"}, {"st"}, {"c1"})
    assert locks.contract == lock("contract")
    assert sorted(production.locks()) == ["contract", "picture:c1", "shot:s1", "style:st"]


def test_an_opened_lock_is_gone_and_opens_once() -> None:
    doc, production = new_production()
    production.set_lock(lock("shot", "s1"))
    assert production.remove_lock("shot", "s1") is True
    assert production.remove_lock("shot", "s1") is False
    assert production.lock("shot", "s1") is None
    assert locks_of(doc) == NO_LOCKS


def test_shots_of_a_chain_with_a_master_style_are_styled_and_those_of_others_are_not() -> None:
    doc, production = new_production()
    for key, each in {"c1": chain("noir"), "c2": chain(), "c3": chain("noir", deleted=True)}.items():
        production.add_chain(key, each)
        production.add_segment(f"seg-{key}", segment(key, f"shot-{key}"))
    locks = locks_of(doc)
    assert locks.styled == {"shot-c1": "c1"}
    assert locks.chain_of_segment == {"seg-c1": "c1", "seg-c2": "c2", "seg-c3": "c3"}
    assert set(production.chains()) == {"c1", "c2"}


def test_only_trims_and_the_level_of_a_segment_are_set() -> None:
    _, production = new_production()
    production.add_segment("seg-1", segment("c1", "s1"))
    production.set_segment("seg-1", trim_start=12, audio_gain_db=-3.5)
    read: Any = production.segment("seg-1")
    assert (read["trim_start"], read["audio_gain_db"], read["text"]) == (12, -3.5, "She waits")
    with pytest.raises(BadProductionEdit):
        production.set_segment("seg-1", shot=5)
    with pytest.raises(BadProductionEdit):
        production.set_segment("seg-2", trim_start=1)


def test_nothing_is_added_twice() -> None:
    _, production = new_production()
    note: AuditNote = {
        "at": "2026-01-02T03:04:05Z",
        "by": "u1",
        "by_name": "Ada",
        "action": "unlock",
        "target": "shot:s1",
        "reason": "new take",
        "detail": "",
    }
    for add in (
        lambda: production.add_chain("c1", chain()),
        lambda: production.add_segment("seg-1", segment("c1", "s1")),
        lambda: production.note_audit("note-1", note),
    ):
        add()
        with pytest.raises(BadProductionEdit):
            add()
    assert production.audit() == {"note-1": note}


def test_what_cannot_be_read_locks_nothing_and_hides_nothing() -> None:
    doc, production = new_production()
    doc["locks"]["odd"] = 5
    doc["locks"]["odder"] = {"kind": "door", "target": "x"}
    doc["segments"]["odd"] = "no segment"
    production.set_lock(lock("shot", "s1"))
    assert set(locks_of(doc).shots) == {"s1"}
