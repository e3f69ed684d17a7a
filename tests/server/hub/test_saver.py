"""Group commit: order, one write for many, and nothing is called safe before it is."""

import asyncio

import pytest
from pycrdt import Array, Doc

from server.hub.replica import merged
from server.hub.saver import Saver, coalesced
from server.store.base import NewUpdate
from tests.support.hub import HeldStore
from tests.support.sockets import until


def row(update: bytes, actor: str = "ada", document: str = "canvas") -> NewUpdate:
    return NewUpdate(document, actor, actor.title(), "now", update)


def updates(count: int) -> list[bytes]:
    doc: Doc[Array[int]] = Doc()
    made: list[bytes] = []
    subscription = doc.observe(lambda event: made.append(event.update))
    items = doc.get("items", type=Array)
    for number in range(count):
        items.append(number)
    doc.unobserve(subscription)
    return made


async def test_saved_follows_append() -> None:
    store = HeldStore()
    saver = Saver(store, gather_seconds=0)
    safe: list[int] = []
    store.free.clear()
    saver.add([row(b"1")], lambda: safe.append(1))
    await until(lambda: store.begun == 1)
    assert safe == []
    store.free.set()
    await saver.settled()
    assert safe == [1]
    await saver.close()


async def test_what_arrives_during_a_commit_is_the_next_commit() -> None:
    store = HeldStore()
    saver = Saver(store, gather_seconds=0)
    store.free.clear()
    saver.add([row(b"1")], lambda: None)
    await until(lambda: store.begun == 1)
    for number, actor in enumerate(["ada", "ben"] * 5):
        saver.add([row(bytes([number]), actor)], lambda: None)
    store.free.set()
    await saver.settled()
    assert store.appends == 2
    assert [stored.update for stored in await store.load("canvas")] == [b"1", *(bytes([n]) for n in range(10))]
    await saver.close()


async def test_a_quiet_log_is_written_edit_by_edit() -> None:
    store = HeldStore()
    saver = Saver(store, gather_seconds=60)
    for number in (1, 2, 3):
        saved = asyncio.Event()
        saver.add([row(bytes([number]))], saved.set)
        await asyncio.wait_for(saved.wait(), 30)
        await asyncio.sleep(0.02)
    assert store.appends == 3
    await saver.close()


async def test_commits_of_a_busy_log_keep_their_distance_but_the_first_is_not_held_up() -> None:
    store = HeldStore()
    saver = Saver(store, gather_seconds=1.0)
    loop = asyncio.get_running_loop()
    start = loop.time()
    saver.add([row(b"1")], lambda: None)
    for _ in range(500):
        saver.add([], lambda: None)
    for _ in range(10):
        await asyncio.sleep(0)
    assert store.appends == 1
    saver.add([row(b"2")], lambda: None)
    await until(lambda: store.appends == 2)
    assert loop.time() - start >= 0.9
    await saver.close()


async def test_a_failed_commit_is_tried_again_in_order() -> None:
    store = HeldStore()
    saver = Saver(store, gather_seconds=0, retry_seconds=0.01)
    store.error = OSError("no space left on device")
    safe: list[int] = []
    saver.add([row(b"1")], lambda: safe.append(1))
    await until(lambda: store.begun == 2)
    saver.add([row(b"2", "ben")], lambda: safe.append(2))
    assert (saver.failing, safe) == (True, [])
    store.error = None
    await saver.settled()
    assert (saver.failing, safe) == (False, [1, 2])
    assert [stored.update for stored in await store.load("canvas")] == [b"1", b"2"]
    await saver.close()


async def test_closing_writes_what_is_queued() -> None:
    store = HeldStore()
    saver = Saver(store, gather_seconds=0.1)
    saver.add([row(b"1")], lambda: None)
    await until(lambda: store.appends == 1)
    saver.add([row(b"2", "ben")], lambda: None)
    await saver.close()
    assert len(await store.load("canvas")) == 2


async def test_closing_on_a_disk_that_fails_says_so() -> None:
    store = HeldStore()
    saver = Saver(store, gather_seconds=0)
    store.error = OSError("no space left on device")
    saver.add([row(b"1")], lambda: None)
    await until(lambda: saver.failing)
    with pytest.raises(OSError, match="no space"):
        await saver.close()


def test_one_persons_uninterrupted_edits_become_one_row() -> None:
    made = updates(6)
    rows = [
        row(made[0], "ada"),
        row(b"t", "ben", "takes"),
        row(made[1], "ada"),
        row(made[2], "ben"),
        row(made[3], "ada"),
        row(made[4], "ada"),
    ]
    kept = coalesced(rows)
    assert [(each.document, each.actor_id) for each in kept] == [
        ("canvas", "ada"),
        ("takes", "ben"),
        ("canvas", "ben"),
        ("canvas", "ada"),
    ]
    doc: Doc[Array[float]] = Doc()
    for each in kept:
        if each.document == "canvas":
            doc.apply_update(each.update)
    assert doc.get("items", type=Array).to_py() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 1000])
def test_any_number_of_updates_can_be_merged(count: int) -> None:
    doc: Doc[Array[float]] = Doc()
    doc.apply_update(merged(updates(count)))
    assert doc.get("items", type=Array).to_py() == list(range(count))
