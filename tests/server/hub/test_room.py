"""What a room promises to everybody in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, MapEvent, Subscription

from crdt_schema.wire import CloseCode
from server.errors import Unavailable
from server.hub import messages
from server.hub.room import Room
from tests.support.hub import FILM, QUICK, HeldStore, open_hub
from tests.support.sockets import ADA, BEN, EVE, Peer, turn, until

POISON_BASE = bytes.fromhex(
    "0108fb07002701056e6f646573026e30012700fb07000170020400fb07010268692800fb07000178017c3f80000008010172017c3f80000004"
    "0101740568c3a96c6c46fb070604626f6c640474727565c6fb0706fb070704626f6c64046e756c6c01fb07010501"
)
POISON = bytes.fromhex("0101050028 00fb0702 0178017f00")
"""A map entry inside a letter of a text: pycrdt 0.14.13 takes what stands before it, fails, and the Doc is ruined."""


@pytest.fixture
def store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def room(store: HeldStore) -> AsyncIterator[Room]:
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as opened:
        yield opened


def enter(room: Room, count: int = 2) -> list[Peer]:
    peers = [Peer(room, actor) for actor in (ADA, BEN, replace(ADA, user_id="cyd", name="Cyd"))[:count]]
    for peer in peers:
        peer.join()
    return peers


def set_x(value: object) -> Callable[[Doc[Any]], None]:
    def change(doc: Doc[Any]) -> None:
        doc.get("nodes", type=Map)["x"] = value

    return change


async def test_an_edit_reaches_everybody_else_once_and_does_not_come_back(room: Room) -> None:
    ada, ben, cyd = enter(room, 3)
    await turn(ada, ben, cyd)
    ada.nodes["x"] = 1
    ada.send()
    await asyncio.sleep(0.01)
    assert [len(peer.link.arriving) for peer in (ada, ben, cyd)] == [0, 1, 1]
    await turn(ada, ben, cyd)
    assert ben.plain() == cyd.plain() == ada.plain()


async def test_everybody_is_sent_the_same_bytes(room: Room) -> None:
    ada, ben, cyd = enter(room, 3)
    await turn(ada, ben, cyd)
    ada.nodes["x"] = 1
    ada.send()
    await asyncio.sleep(0.01)
    assert ben.link.arriving[0] is cyd.link.arriving[0]
    assert ben.link.arriving[0].frame(b"\6canvas") is cyd.link.arriving[0].frame(b"\6canvas")


async def test_edits_that_arrive_together_leave_as_one(room: Room) -> None:
    ada, ben, cyd = enter(room, 3)
    await turn(ada, ben, cyd)
    for number in range(10):
        ada.nodes[f"a{number}"] = number
        ben.nodes[f"b{number}"] = number
    ada.send()
    ben.send()
    await asyncio.sleep(0.01)
    assert len(cyd.link.arriving) == 1
    await turn(ada, ben, cyd)
    assert len(cyd.plain()["nodes"]) == 20
    assert ada.plain() == ben.plain() == cyd.plain()


async def test_an_edit_is_acknowledged_after_it_is_on_disk_and_is_broadcast_before(
    room: Room, store: HeldStore
) -> None:
    ada, ben = enter(room)
    await turn(ada, ben)
    before = ada.link.acknowledged
    store.free.clear()
    ada.nodes["x"] = 1
    ada.nodes["x"] = 2
    await turn(ada, ben)
    assert ben.plain()["nodes"] == {"x": 2}
    assert ada.link.acknowledged == before
    store.free.set()
    await room.saved()
    assert ada.link.acknowledged == before + 2


async def test_a_repeated_edit_is_acknowledged_only_when_the_first_is_on_disk(room: Room, store: HeldStore) -> None:
    ada, ben = enter(room)
    await turn(ada, ben)
    before = ada.link.acknowledged, ben.link.acknowledged
    store.free.clear()
    ada.nodes["x"] = 1
    ben.leaving.append(ada.leaving[0])
    await turn(ada, ben)
    assert (ada.link.acknowledged, ben.link.acknowledged) == before
    store.free.set()
    await room.saved()
    assert (ada.link.acknowledged, ben.link.acknowledged) == (before[0] + 1, before[1] + 1)
    assert len(await store.load("canvas")) == 2


async def test_an_edit_during_a_save_is_saved_too(room: Room, store: HeldStore) -> None:
    store.free.clear()
    room.edit(ADA, set_x(1))
    await until(lambda: store.begun == 2)
    room.edit(ADA, set_x(2))
    store.free.set()
    await room.saved()
    kept: Doc[Any] = Doc()
    for row in await store.load("canvas"):
        kept.apply_update(row.update)
    assert kept.get("nodes", type=Map).to_py() == {"x": 2}


async def test_a_full_disk_acknowledges_nothing_and_recovers(room: Room, store: HeldStore) -> None:
    ada, ben = enter(room)
    await turn(ada, ben)
    before = ada.link.acknowledged
    store.error = OSError("no space left on device")
    ada.nodes["x"] = 1
    await turn(ada, ben)
    await until(lambda: store.begun > 1)
    assert (ada.link.acknowledged, ben.plain()["nodes"]) == (before, {"x": 1})
    store.error = None
    await room.saved()
    assert ada.link.acknowledged == before + 1


async def test_a_reader_is_refused_and_nobody_sees_its_edit(room: Room, store: HeldStore) -> None:
    ada, ben = enter(room)
    eve = Peer(room, EVE, writable=False)
    eve.join()
    await turn(ada, ben, eve)
    assert (eve.link.refused, eve.link.acknowledged) == (0, 1)
    rows = len(await store.load("canvas"))
    eve.nodes["x"] = "mine"
    await turn(ada, ben, eve)
    await room.saved()
    assert (eve.link.refused, eve.link.acknowledged) == (1, 1)
    assert ada.plain()["nodes"] == {}
    assert len(await store.load("canvas")) == rows


async def test_a_reader_that_comes_back_with_deletions_it_was_told_of_is_not_refused(room: Room) -> None:
    ada, ben = enter(room)
    ada.text.insert(0, "hello world")
    await turn(ada, ben)
    del ada.text[2:5]
    ada.nodes["x"] = 1
    await turn(ada, ben)
    del ada.nodes["x"]
    await turn(ada, ben)
    eve = Peer(room, EVE, writable=False, doc=ben.doc)
    eve.join()
    await turn(ada, eve)
    assert (eve.link.refused, eve.link.acknowledged) == (0, 1)


async def test_a_stuck_socket_delays_nobody_and_gets_one_diff(room: Room) -> None:
    ada, ben, cyd = enter(room, 3)
    await turn(ada, ben, cyd)
    cyd.link.stuck = True
    size = QUICK.outbox_bytes // 4
    for number in range(40):
        ada.nodes["x"] = f"{number}" + "." * size
        await turn(ada, ben)
    assert ben.plain() == ada.plain()
    assert cyd.link.backlog_bytes() < QUICK.outbox_bytes + 2 * size
    cyd.link.stuck = False
    cyd.receive()
    await until(lambda: cyd.link.arriving)
    assert [message.body[:2] for message in cyd.link.arriving if message.body[0] == 0] == [b"\0\1"]
    await turn(ada, ben, cyd)
    assert cyd.plain() == ada.plain()


async def test_who_joins_an_unchanged_document_shares_the_same_bytes(room: Room) -> None:
    room.edit(ADA, set_x("." * 10_000))
    await room.saved()
    peers = enter(room, 3)
    for peer in peers:
        peer.send()
    whole = [next(message for message in peer.link.arriving if message.body[:2] == b"\0\1") for peer in peers]
    assert whole[0] is whole[1] is whole[2]
    room.edit(ADA, set_x("new"))
    late = Peer(room, BEN)
    late.join()
    await turn(*peers, late)
    assert late.plain()["nodes"] == {"x": "new"}


async def test_the_log_says_who_did_what(room: Room, store: HeldStore) -> None:
    ada, ben = enter(room)
    ada.nodes["x"] = 1
    await turn(ada, ben)
    await room.saved()
    ben.nodes["y"] = 1
    await turn(ada, ben)
    room.edit(EVE, set_x(3))
    await room.saved()
    assert [row.actor_id for row in await store.log("canvas")] == ["workprint", "ada", "ben", "eve"]


async def test_an_observer_reads_who_is_changing_what_number(room: Room) -> None:
    seen: list[tuple[str, int]] = []
    nodes: Map[Any] = room.doc.get("nodes", type=Map)
    subscription = nodes.observe(
        lambda _: seen.append((room.actor.user_id if room.actor is not None else "", room.applied))
    )
    durable: list[int] = []
    forget = room.on_saved(durable.append)
    ada, ben = enter(room)
    ada.nodes["x"] = 1
    await turn(ada, ben)
    room.edit(BEN, set_x(2))
    await room.saved()
    assert seen == [("ada", 2), ("ben", 3)]
    assert durable[-1] == 3
    assert room.actor is None
    forget()
    nodes.unobserve(subscription)


async def test_an_edit_that_fails_halfway_keeps_what_it_did_and_tells_its_caller(room: Room) -> None:
    ada, ben = enter(room)
    await turn(ada, ben)

    def change(doc: Doc[Any]) -> None:
        set_x(1)(doc)
        raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        room.edit(BEN, change)
    await turn(ada, ben)
    assert ada.plain()["nodes"] == {"x": 1}


async def test_a_goodbye_reaches_the_others(room: Room) -> None:
    ada, ben = enter(room)
    ada.say(7, 1, '{"cursor":1}')
    await turn(ada, ben)
    assert ben.heard == {7: '{"cursor":1}'}
    ada.say(7, 2, "null")
    await turn(ada, ben)
    assert ben.heard == {7: "null"}


async def test_a_lost_socket_is_announced(room: Room) -> None:
    ada, ben = enter(room)
    ada.say(7, 1, '{"cursor":1}')
    await turn(ada, ben)
    ada.leave()
    await turn(ben)
    assert ben.heard == {7: "null"}
    late = Peer(room, ADA)
    late.join()
    await turn(late)
    assert late.heard == {}


async def test_who_joins_is_told_who_is_here(room: Room) -> None:
    (ada,) = enter(room, 1)
    ada.say(7, 1, '{"cursor":1}')
    room.present("farm", {"jobs": {}})
    await turn(ada)
    late = Peer(room, BEN)
    late.join()
    await turn(late)
    assert sorted(late.heard.values()) == ['{"cursor":1}', '{"farm":{"jobs":{}}}']


async def test_presence_that_changes_often_is_sent_once_per_tick(room: Room) -> None:
    ada, ben = enter(room)
    await turn(ada, ben)
    for clock in range(100):
        ada.say(7, clock + 1, f'{{"x":{clock}}}')
    ada.send()
    await asyncio.sleep(0.01)
    assert len(ben.link.arriving) == 1
    await turn(ada, ben)
    assert ben.heard == {7: '{"x":99}'}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", CloseCode.BAD_MESSAGE),
        (b"\xff\xff\xff", CloseCode.BAD_MESSAGE),
        (b"\x63", CloseCode.BAD_MESSAGE),
        (b"\0\7\0", CloseCode.BAD_MESSAGE),
        (b"\0\2\5abc", CloseCode.BAD_MESSAGE),
        (b"\0\2\5abcde", CloseCode.BAD_MESSAGE),
        (b"\0\0\3\xff\xff\xff", CloseCode.BAD_MESSAGE),
        (b"\1\4\1\7\1\3nul", CloseCode.BAD_MESSAGE),
        (messages.presence(b"\1\7\1\4oops").body, CloseCode.BAD_MESSAGE),
        (messages.presence(b"\1\7\1\3NaN").body, CloseCode.BAD_MESSAGE),
        (messages.presence(b"\1\7\1\2\xff\xff").body, CloseCode.BAD_MESSAGE),
        (messages.presence(b"\1\7\1\1" + b"1").body, CloseCode.BAD_MESSAGE),
        (messages.change(b"\0" * (QUICK.update_bytes + 1)).body, CloseCode.TOO_LARGE),
    ],
    ids=lambda value: value[:12].hex() if isinstance(value, bytes) else "",
)
async def test_garbage_ends_only_its_sender(room: Room, body: bytes, code: CloseCode) -> None:
    ada, ben, mal = enter(room, 3)
    await turn(ada, ben, mal)
    mal.leaving.append(body)
    await turn(mal)
    assert mal.link.closed is not None
    assert mal.link.closed[0] == code
    ada.nodes["x"] = 1
    await turn(ada, ben)
    assert ben.plain()["nodes"] == {"x": 1}
    assert (ada.link.closed, ben.link.closed) == (None, None)


async def test_what_a_session_sent_before_its_garbage_is_kept(room: Room) -> None:
    ada, mal = enter(room)
    await turn(ada, mal)
    mal.nodes["x"] = 1
    mal.leaving.append(messages.change(b"garbage").body)
    await turn(ada, mal)
    assert ada.plain()["nodes"] == {"x": 1}
    assert mal.link.closed is not None


async def test_a_poisoned_document_is_rebuilt_and_the_others_stay(room: Room, store: HeldStore) -> None:
    ada, ben, mal = enter(room, 3)
    room.edit(ADA, lambda doc: doc.apply_update(POISON_BASE))
    await turn(ada, ben, mal)
    ada.nodes["before"] = 1
    await turn(ada, ben, mal)
    await room.saved()
    rows = len(await store.load("canvas"))
    ruined = room.doc
    store.readable.clear()
    mal.leaving.append(messages.change(POISON).body)
    mal.send()
    await until(lambda: mal.link.closed is not None)
    assert mal.link.closed is not None
    assert mal.link.closed[0] == CloseCode.BAD_MESSAGE
    with pytest.raises(Unavailable):
        room.edit(ADA, set_x(1))
    ben.nodes["meanwhile"] = 1
    await turn(ada, ben)
    store.readable.set()
    await room.ready()
    await turn(ada, ben)
    assert room.doc is not ruined
    assert ada.plain() == ben.plain()
    assert ada.plain()["nodes"].items() >= {"before": 1, "meanwhile": 1}.items()
    assert (ada.link.closed, ben.link.closed) == (None, None)
    await room.saved()
    stored = [row.update for row in await store.load("canvas")]
    assert POISON not in stored
    assert len(stored) == rows + 1


def three_in_a_row() -> list[bytes]:
    author: Doc[Any] = Doc()
    updates: list[bytes] = []
    subscription = author.observe(lambda event: updates.append(event.update))
    items: Array[Any] = author.get("items", type=Array)
    for number in range(3):
        items.append(number)
    author.unobserve(subscription)
    return updates


async def test_an_update_that_waits_for_others_is_not_saved_or_acknowledged_before_they_come(
    room: Room, store: HeldStore
) -> None:
    updates = three_in_a_row()
    ada, ben = enter(room)
    await turn(ada, ben)
    before, rows = ada.link.acknowledged, len(await store.load("canvas"))
    ada.leaving.extend(messages.change(updates[number]).body for number in (2, 1))
    await turn(ada, ben)
    await room.saved()
    assert (ada.link.acknowledged, len(await store.load("canvas"))) == (before, rows)
    # Ben brings back what Ada wrote and the server has lost.
    ben.leaving.append(messages.step2(updates[0]).body)
    await turn(ada, ben)
    await room.saved()
    assert room.doc.get("items", type=Array).to_py() == [0, 1, 2]
    assert ada.link.acknowledged == before + 2
    assert [row.actor_id for row in await store.log("canvas")][-2:] == ["ben", "ada"]


async def test_an_observer_that_fails_does_not_break_the_room(store: HeldStore) -> None:
    subscriptions: list[Subscription] = []
    opened: list[Room] = []

    def fail(_: MapEvent) -> None:
        raise RuntimeError("observer")

    def attach(room: Room) -> Callable[[], None]:
        opened.append(room)
        subscriptions.append(room.doc.get("nodes", type=Map).observe(fail))
        return lambda: None

    def broken(_: Room) -> Callable[[], None]:
        raise RuntimeError("attach")

    async with open_hub(store, on_open=[broken, attach]) as hub, hub.room(FILM, "canvas") as room:
        ada, ben = enter(room)
        ada.nodes["x"] = 1
        await turn(ada, ben)
        assert ben.plain()["nodes"] == {"x": 1}
        await room.saved()
        assert opened == [room]


async def test_what_a_client_sent_just_before_it_left_is_kept(room: Room, store: HeldStore) -> None:
    ada, ben = enter(room)
    await turn(ada, ben)
    ada.nodes["x"] = 1
    ada.send()
    ada.leave()
    await turn(ben)
    assert ben.plain()["nodes"] == {"x": 1}
    await room.saved()
    assert [row.actor_id for row in await store.log("canvas")] == ["workprint", "ada"]


async def test_the_servers_presence_is_renewed_before_clients_forget_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.hub.renewal.RENEW_SECONDS", 0.01)
    ada, ben = enter(room)
    await turn(ada, ben)
    room.present("farm", {"jobs": {}})
    await turn(ada, ben)
    await until(lambda: len(ada.link.arriving) >= 2)


async def test_a_room_that_was_closed_takes_no_edits() -> None:
    async with open_hub() as hub, hub.room(FILM, "canvas") as room:
        room.edit(ADA, set_x(1))
        await hub.close()
        with pytest.raises(Unavailable):
            room.edit(ADA, set_x(2))
        await room.saved()


async def test_a_rebuild_that_fails_sends_everybody_away_to_come_back(store: HeldStore) -> None:
    async with open_hub(store) as hub:
        async with hub.room(FILM, "canvas") as room:
            room.edit(ADA, lambda doc: doc.apply_update(POISON_BASE))
            ada, mal = enter(room)
            await turn(ada, mal)
            store.readable.clear()
            mal.leaving.append(messages.change(POISON).body)
            mal.send()
            await until(lambda: mal.link.closed is not None)
            store.load_error = OSError("disk")
            store.readable.set()
            await until(lambda: ada.link.closed is not None)
            assert ada.link.closed is not None
            assert ada.link.closed[0] == CloseCode.TRY_AGAIN_LATER
        store.load_error = None
        await until(lambda: not hub.rooms())
        async with hub.room(FILM, "canvas") as again:
            assert "n0" in again.doc.get("nodes", type=Map)
