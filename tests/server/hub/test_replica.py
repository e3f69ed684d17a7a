"""What an update brings, what it lacks, and when a document is ruined."""

from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from server.hub.codec import BadMessage
from server.hub.deletes import covers, read_deletes
from server.hub.replica import NOTHING, Replica


def history() -> list[bytes]:
    doc: Doc[Any] = Doc()
    made: list[bytes] = []
    subscription = doc.observe(lambda event: made.append(event.update))
    text: Text = doc.get("text", type=Text)
    items: Array[int] = doc.get("items", type=Array)
    text.insert(0, "hello")
    items.append(1)
    del text[1:3]
    text.insert(1, "y")
    doc.get("nodes", type=Map)["x"] = Map({"y": 1})
    del items[0]
    doc.unobserve(subscription)
    return made


def test_an_update_in_its_turn_changes_the_document_and_waits_for_nothing() -> None:
    replica = Replica()
    for update in history():
        assert replica.lacks(update)
        outcome = replica.apply(update, None)
        assert (outcome.update, outcome.waits) == (update, None)
        assert not replica.lacks(update)


def test_a_known_update_changes_nothing() -> None:
    updates = history()
    replica = Replica(updates)
    version = replica.version
    for update in (*updates, replica.missing(b"\0"), NOTHING):
        outcome = replica.apply(update, None)
        assert (outcome.update, outcome.waits) == (None, None)
    assert replica.version == version


def test_an_update_before_its_turn_is_kept_whole_until_the_others_come() -> None:
    updates = history()
    replica = Replica()
    kept: list[bytes] = []
    for update in reversed(updates):
        outcome = replica.apply(update, None)
        kept.append(outcome.waits or outcome.update or NOTHING)
    assert kept[:-1] == updates[:0:-1]
    in_turn = Replica(updates).doc
    for again in (replica.doc, Replica(kept).doc):
        assert str(again.get("text", type=Text)) == str(in_turn.get("text", type=Text))
        assert again.get("items", type=Array).to_py() == in_turn.get("items", type=Array).to_py()
        assert again.get("nodes", type=Map).to_py() == in_turn.get("nodes", type=Map).to_py()


def test_deletions_are_told_apart() -> None:
    updates = history()
    replica = Replica(updates[:4])
    assert not replica.lacks(updates[2])
    assert replica.lacks(updates[5])


@pytest.mark.parametrize("update", [b"", b"\1", b"garbage", b"\xff" * 20])
def test_what_does_not_decode_is_refused_and_changes_nothing(update: bytes) -> None:
    replica = Replica(history())
    before = replica.missing(b"\0")
    with pytest.raises(BadMessage):
        replica.apply(update, None)
    assert replica.missing(b"\0") == before


def test_a_state_vector_that_does_not_decode_is_refused() -> None:
    with pytest.raises(BadMessage):
        Replica().missing(b"\xff\xff")


def test_ranges_of_deletions_cover_each_other() -> None:
    known = read_deletes(b"\0\1\7\3\0\2\2\3\x10\4")
    assert known == {7: [(0, 5), (16, 20)]}
    assert known is not None
    assert covers(known, {7: [(1, 4), (16, 17)]})
    assert not covers(known, {7: [(4, 6)]})
    assert not covers(known, {7: [(10, 11)]})
    assert not covers(known, {8: [(0, 1)]})
    assert read_deletes(b"\1\1\7\0") is None
