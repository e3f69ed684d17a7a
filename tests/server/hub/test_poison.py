"""Poison: updates that ruin a pycrdt document, now or in the next edit of somebody else, harm their sender only.

Each file in `poison/` is one kind of damage, found by fuzzing pycrdt 0.14.13: what the document holds before (`base`),
the update (`poison`), and what an innocent client sends then (`next`).
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc

from crdt_schema.wire import may_retry
from server.hub import messages
from server.hub.codec import BadMessage
from server.hub.replica import Replica, Ruined
from server.hub.room import Room
from server.hub.structure import survey
from tests.support.hub import FILM, HeldStore, open_hub
from tests.support.sockets import ADA, BEN, EVE, Peer, turn

FOLDER = Path(__file__).parent / "poison"
RAW = """
import sys, signal
from pycrdt import Doc, Text
signal.setitimer(signal.ITIMER_REAL, 2)
doc = Doc()
for update in sys.stdin.read().split():
    doc.apply_update(bytes.fromhex(update))
state = doc.get_update()
again = Doc()
again.apply_update(state)
assert [*map(sorted, (again.get_state(), again.get_update()))] == [*map(sorted, (doc.get_state(), state))]
"""
"""What a server without any care would do; it fails, hangs, or keeps a document that reads as another one.

Sorted, because yrs writes clients in any order.
"""


@dataclass(frozen=True)
class Poison:
    """One file of the folder."""

    name: str
    base: bytes
    update: bytes
    following: list[bytes]


def read(file: Path) -> Poison:
    fields = {line.split(" ", 1)[0]: line.split(" ")[1:] for line in file.read_text().splitlines()[1:]}
    return Poison(
        file.stem,
        bytes.fromhex("".join(fields["base"])),
        bytes.fromhex("".join(fields["poison"])),
        [bytes.fromhex(update) for update in fields["next"] if update],
    )


EVERY = [read(file) for file in sorted(FOLDER.glob("*.txt"))]


@pytest.fixture
def store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def room(store: HeldStore) -> AsyncIterator[Room]:
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as opened:
        yield opened


@pytest.mark.parametrize("poison", EVERY, ids=lambda poison: poison.name)
def test_it_would_ruin_a_document_that_takes_it(poison: Poison) -> None:
    updates = [each.hex() for each in (poison.base, poison.update, *poison.following) if each]
    done = subprocess.run(
        [sys.executable, "-c", RAW], input=" ".join(updates), text=True, capture_output=True, check=False, timeout=30
    )
    assert done.returncode != 0


@pytest.mark.parametrize("poison", EVERY, ids=lambda poison: poison.name)
async def test_only_its_sender_goes_and_nothing_of_it_is_saved_or_shown(
    poison: Poison, room: Room, store: HeldStore
) -> None:
    if poison.base:
        room.edit(ADA, lambda doc: doc.apply_update(poison.base))
    ada, ben, mal = Peer(room, ADA), Peer(room, BEN), Peer(room, EVE)
    for peer in (ada, ben, mal):
        peer.join()
    await turn(ada, ben, mal)
    mal.leaving.append(messages.change(poison.update).body)
    ada.nodes["before"] = 1
    await turn(ada, ben, mal)
    # The next edits are of the same Yjs client: its sender's, where the poison was cut down to what is harmless.
    following = ben if mal.link.closed else mal
    for update in poison.following:
        following.leaving.append(messages.change(update).body)
    await turn(ada, ben, mal)
    await room.ready()
    ben.nodes["after"] = 2
    await turn(ada, ben)
    assert (ada.link.closed, ben.link.closed) == (None, None)
    assert ada.nodes["after"] == ben.nodes["after"] == 2
    assert ada.nodes["before"] == ben.nodes["before"] == 1
    await room.saved()
    written = [row for row in await store.log("canvas") if row.actor_id == "eve"]
    if mal.link.closed is None:
        # Cut down to what is harmless.
        assert all(poison.update not in row.update for row in written)
    else:
        assert not may_retry(mal.link.closed[0])
        assert written == []
    survey(room.doc.get_update())
    again: Doc[Any] = Doc()
    again.apply_update(room.doc.get_update())
    assert sorted(again.get_state()) == sorted(room.doc.get_state())


LETTER = bytes.fromhex("0101070004010174026869 00".replace(" ", ""))
INSIDE_THE_LETTER = bytes.fromhex("010105002800070001 78017f00".replace(" ", ""))


async def test_poison_that_waited_is_laid_to_whoever_sent_it_and_not_to_who_completed_it(
    room: Room, store: HeldStore
) -> None:
    ada, ben, mal = Peer(room, ADA), Peer(room, BEN), Peer(room, EVE)
    for peer in (ada, ben, mal):
        peer.join()
    await turn(ada, ben, mal)
    mal.leaving.append(messages.change(INSIDE_THE_LETTER).body)
    await turn(ada, ben, mal)
    assert mal.link.closed is None
    ada.leaving.append(messages.change(LETTER).body)
    await turn(ada, ben, mal)
    await room.ready()
    assert mal.link.closed is not None
    assert (ada.link.closed, ben.link.closed) == (None, None)
    ada.nodes["x"] = 1
    await turn(ada, ben)
    assert ben.plain()["nodes"] == {"x": 1}
    await room.saved()
    assert {row.actor_id for row in await store.log("canvas")} == {"workprint", "ada"}
    assert "t" in room.doc.keys()  # noqa: SIM118 - a Doc is no dict


async def test_updates_without_end_that_nothing_completes_end_their_sender_to_come_back(
    room: Room, store: HeldStore
) -> None:
    ada, ben, mal = Peer(room, ADA), Peer(room, BEN), Peer(room, EVE)
    for peer in (ada, ben, mal):
        peer.join()
    await turn(ada, ben, mal)
    rows = len(await store.load("canvas"))
    sent = 0
    while mal.link.closed is None and sent < 1000:
        orphan = b"\1\1" + bytes((0x80 | sent & 0x7F, 8 + (sent >> 7))) + b"\0\x84\7\x64\1.\0"
        sent += 1
        mal.leaving.append(messages.change(orphan).body)
        mal.send()
        await asyncio.sleep(0)
    assert sent <= 110
    assert mal.link.closed is not None
    assert may_retry(mal.link.closed[0])
    ada.nodes["x"] = 1
    await turn(ada, ben)
    assert ben.plain()["nodes"] == {"x": 1}
    await room.saved()
    assert len(await store.load("canvas")) == rows + 1
    assert room._replica.ripe() is None
    assert len(room._replica.waiting) == 0


@pytest.mark.parametrize("levels", [1001, 50_000])
def test_shared_types_within_shared_types_without_end_are_refused(levels: int) -> None:
    def number(value: int) -> bytes:
        return bytes((0x80 | value & 0x7F, 0x80 | value >> 7 & 0x7F, value >> 14))

    nested = b"".join(b"\x27\0\7" + number(clock - 1) + b"\1a\1" for clock in range(1, levels))
    update = b"\1" + number(levels) + b"\7\0\x27\1\1t\1a\1" + nested + b"\0"
    with pytest.raises(BadMessage, match="levels"):
        survey(update)


def test_shared_types_that_are_nested_little_by_little_are_refused_too() -> None:
    replica = Replica()
    doc: Doc[Any] = Doc()
    doc.apply_update(b"\1\1\7\0\x27\1\1t\1a\1\0")
    replica.apply(doc.get_update(), None)
    applied: list[int] = []

    def nest() -> None:
        for clock in range(1, 2000):
            parent = bytes((0x80 | (clock - 1) & 0x7F, (clock - 1) >> 7))
            own = bytes((0x80 | clock & 0x7F, clock >> 7))
            replica.apply(b"\1\1\7" + own + b"\x27\0\7" + parent + b"\1a\1\0", None)
            applied.append(clock)

    with pytest.raises(BadMessage, match="levels"):
        nest()
    assert 900 < len(applied) <= 1001


@pytest.mark.parametrize("hostile", ["ffffffffffffff03", "01ffffffffffff030500", "00ffffffffffff03"])
def test_a_count_without_its_things_is_refused_before_memory_is_taken_for_it(hostile: str) -> None:
    with pytest.raises(BadMessage):
        Replica().apply(bytes.fromhex(hostile), None)


def test_a_replica_that_took_poison_says_so() -> None:
    with pytest.raises(Ruined):
        Replica([LETTER]).apply(INSIDE_THE_LETTER, None)
