"""What people may change in production: the text, the trims and the level of a segment, as far as nothing is locked."""

from typing import Any

import pytest

from crdt_schema.production import BLANK_SEGMENT, NO_LOCKS, Locks
from server.guard.touches import Breach
from tests.support.touched import Sheet, as_role, judge, lock, plain, settle, shared

SEGMENT = {**BLANK_SEGMENT, "chain": "c1", "shot": "s1", "text": "She waits"}
BEFORE = Sheet().having("segments", seg=shared(["text"], **SEGMENT))
SHOT_LOCKED = Locks(shots={"s1": lock("shot", "s1")}, chain_of_segment={"seg": "c1"})
PICTURE_LOCKED = Locks(pictures={"c1": lock("picture", "c1")}, chain_of_segment={"seg": "c1"})
EDIT: dict[str, Any] = {
    "text": "She runs",
    "trim_start": 4,
    "trim_end": 5,
    "audio_trim_start": 2,
    "audio_trim_end": 3,
    "audio_gain_db": -6.5,
}


def edited(**values: Any) -> Sheet:
    return Sheet().having("segments", seg=shared(["text"], **{**SEGMENT, **values}))


def rules_and_fields(breaches: list[Breach]) -> list[tuple[str, str | None]]:
    return [(each.rule, each.field) for each in breaches]


def test_an_editor_writes_text_trims_and_level() -> None:
    assert judge("production", BEFORE, edited(**EDIT)) == []


def test_a_reviewer_writes_nothing() -> None:
    breaches = judge("production", BEFORE, edited(**EDIT), as_role("reviewer"))
    assert {each.rule for each in breaches} == {"role"}
    assert settle(BEFORE, edited(**EDIT), breaches) == BEFORE


@pytest.mark.parametrize("field", ["chain", "shot", "something_else"])
def test_where_a_segment_belongs_is_the_servers_to_write(field: str) -> None:
    after = edited(**{field: "other", "text": "kept"})
    breaches = judge("production", BEFORE, after, as_role("owner"))
    assert rules_and_fields(breaches) == [("server_only", field)]
    assert settle(BEFORE, after, breaches) == edited(text="kept")


def test_segments_come_and_go_by_the_server_alone() -> None:
    for before, after in (
        (BEFORE, Sheet()),
        (Sheet(), BEFORE),
        (BEFORE, Sheet().having("segments", seg=plain(**SEGMENT))),
    ):
        breaches = judge("production", before, after, as_role("owner"))
        assert rules_and_fields(breaches) == [("server_only", None)]
        assert settle(before, after, breaches).get("segments", "seg") == before.get("segments", "seg")


@pytest.mark.parametrize("root", ["locks", "chains", "audit"])
def test_locks_chains_and_audit_are_the_servers_to_write(root: str) -> None:
    after = Sheet().having(root, x=plain(kind="shot", target="s1"))
    for one, other in ((Sheet(), after), (after, Sheet())):
        breaches = judge("production", one, other, as_role("owner"))
        assert rules_and_fields(breaches) == [("server_only", None)]


@pytest.mark.parametrize(
    ("locks", "rule", "open_fields"),
    [
        (SHOT_LOCKED, "shot_lock", set(EDIT) - {"text"}),
        (PICTURE_LOCKED, "picture_lock", {"audio_gain_db"}),
        (Locks(shots=SHOT_LOCKED.shots, pictures=PICTURE_LOCKED.pictures), "picture_lock", {"audio_gain_db"}),
        (Locks(shots={"s2": lock("shot", "s2")}, pictures={"c2": lock("picture", "c2")}), "", set(EDIT)),
    ],
)
def test_a_lock_leaves_open_what_it_leaves_open(locks: Locks, rule: str, open_fields: set[str]) -> None:
    for name, value in EDIT.items():
        expected = [] if name in open_fields else [(rule, name)]
        breaches = judge("production", BEFORE, edited(**{name: value}), locks=locks)
        assert rules_and_fields(breaches) == expected
        assert all(each.lift == "an admin or the owner of this project" and "Ada" in each.message for each in breaches)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trim_start", -1),
        ("trim_end", 1.5),
        ("audio_trim_start", "4"),
        ("audio_gain_db", float("inf")),
        ("audio_gain_db", 25),
        ("text", 7),
    ],
)
def test_a_value_out_of_its_range_is_put_back(field: str, value: Any) -> None:
    breaches = judge("production", BEFORE, edited(**{field: value}), locks=NO_LOCKS)
    assert rules_and_fields(breaches) == [("schema", field)]
