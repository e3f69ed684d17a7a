"""What an update brings, what it lacks, and when a document is ruined."""

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from server.errors import TooLarge
from server.hub import codec
from server.hub.codec import BadMessage
from server.hub.deletes import covers, read_deletes
from server.hub.limits import Limits
from server.hub.replica import NOTHING, Replica, Ruined
from server.hub.structure import survey
from server.hub.waiting import WaitsTooMuch
from tests.support.sockets import until


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
        assert (outcome.update, outcome.held) == (update, False)
        assert not replica.lacks(update)


def test_a_known_update_changes_nothing() -> None:
    updates = history()
    replica = Replica(updates)
    version = replica.version
    for update in (*updates, replica.missing(b"\0"), NOTHING):
        outcome = replica.apply(update, None)
        assert (outcome.update, outcome.held) == (None, False)
    assert replica.version == version


def apply_all(replica: Replica, updates: list[bytes], origin: object = None) -> list[bytes]:
    """Apply updates and whatever became ripe; returns what has to be logged, in order."""
    lasting: list[bytes] = []
    for update in updates:
        outcome = replica.apply(update, origin)
        while True:
            if outcome.update is not None:
                lasting.append(outcome.update)
            held = replica.ripe()
            if held is None:
                break
            outcome = replica.apply(held.update, held.origin)
    return lasting


def test_an_update_before_its_turn_is_kept_beside_the_document_until_the_others_come() -> None:
    updates = history()
    replica = Replica()
    early = list(reversed(updates))
    assert apply_all(replica, early[:-1]) == []
    assert replica.missing(b"\0") == NOTHING
    lasting = apply_all(replica, early[-1:])
    assert sorted(lasting) == sorted(updates)
    in_turn = Replica(updates).doc
    for again in (replica.doc, Replica(lasting).doc):
        assert str(again.get("text", type=Text)) == str(in_turn.get("text", type=Text))
        assert again.get("items", type=Array).to_py() == in_turn.get("items", type=Array).to_py()
        assert again.get("nodes", type=Map).to_py() == in_turn.get("nodes", type=Map).to_py()


def test_what_waited_is_given_back_with_the_name_of_its_sender() -> None:
    updates = history()
    replica = Replica()
    assert replica.apply(updates[1], "ada").held
    assert replica.ripe() is None
    replica.apply(updates[0], "ben")
    ripe = replica.ripe()
    assert ripe is not None
    assert (ripe.origin, ripe.update) == ("ada", updates[1])
    assert replica.ripe() is None


def test_what_waits_is_forgotten_with_its_sender() -> None:
    updates = history()
    replica = Replica()
    replica.apply(updates[1], "ada")
    replica.forget("ada")
    replica.apply(updates[0], "ben")
    assert replica.ripe() is None


def orphan(number: int, size_bytes: int = 1) -> bytes:
    """An update that builds on something nobody will ever send."""
    return b"\1\1" + codec.uint(1000 + number) + b"\0\x84\7\x64" + codec.text("." * size_bytes) + b"\0"


def test_what_waits_is_bounded_per_session_in_number_and_size() -> None:
    replica = Replica(limits=Limits(waiting_updates=10, waiting_bytes=10_000))
    for number in range(10):
        assert replica.apply(orphan(number), "ada").held
    with pytest.raises(WaitsTooMuch):
        replica.apply(orphan(10), "ada")
    assert replica.apply(orphan(11), "ben").held
    with pytest.raises(WaitsTooMuch):
        replica.apply(orphan(12, 10_000), "ben")
    assert len(replica.waiting) == 11


def test_what_waits_is_bounded_per_room_whoever_sent_it() -> None:
    replica = Replica(limits=Limits(room_waiting_updates=5, room_waiting_bytes=10_000))
    for number in range(5):
        replica.apply(orphan(number), number)
    with pytest.raises(WaitsTooMuch):
        replica.apply(orphan(5), 5)
    replica.forget(0)
    with pytest.raises(WaitsTooMuch):
        replica.apply(orphan(6, 10_000), 6)
    assert replica.missing(b"\0") == NOTHING


def change_of(replica: Replica, change: Callable[[Map[Any]], object]) -> bytes:
    """The update of somebody who has the whole document and changes its nodes."""
    writer: Doc[Any] = Doc()
    writer.apply_update(replica.missing(b"\0"))
    before = writer.get_state()
    change(writer.get("nodes", type=Map))
    return writer.get_update(before)


def fill(nodes: Map[Any]) -> None:
    nodes.update({f"n{number}": "." * 10_000 for number in range(9)})


async def test_a_full_document_takes_only_deletions_until_there_is_room_again() -> None:
    replica = Replica(limits=Limits(document_bytes=100_000))
    replica.apply(change_of(replica, fill), None)
    with pytest.raises(TooLarge):
        replica.apply(change_of(replica, lambda nodes: nodes.update({"large": "." * 20_000})), None)
    assert len(replica.doc.get("nodes", type=Map)) == 9
    replica.apply(change_of(replica, lambda nodes: nodes.clear()), None)
    assert len(replica.doc.get("nodes", type=Map)) == 0

    def refilled() -> bool:
        try:
            replica.apply(change_of(replica, fill), None)
        except TooLarge:
            return False
        return True

    await until(refilled)
    assert len(replica.doc.get("nodes", type=Map)) == 9


def test_an_update_that_is_taken_in_part_ruins_the_document() -> None:
    base: Doc[Any] = Doc(client_id=7)
    base.get("text", type=Text).insert(0, "hi")
    replica = Replica([base.get_update()])
    inside_a_letter = b"\1\1\5\0\x27\0\7\0\1x\1\0"
    with pytest.raises(Ruined):
        replica.apply(inside_a_letter, None)


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


def test_a_history_that_would_be_refused_today_is_not_blamed_on_who_writes_next() -> None:
    # A text with an emoji, and one of Yjs's old hooks of XML.
    old = b"\1\2\7\0" + b"\4\1\1t\4" + "🎬".encode() + b"\7\1\1u\5\1h" + b"\0"
    with pytest.raises(BadMessage):
        survey(old)
    doc: Doc[Any] = Doc()
    doc.get("nodes", type=Map)["x"] = 1
    replica = Replica([old])
    assert replica.apply(doc.get_update(), None).update is not None
