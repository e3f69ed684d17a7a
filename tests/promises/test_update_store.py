"""What every UpdateStore promises; each store runs through all of it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from server.store.base import NewerStore, NewUpdate, UpdateStore
from server.store.memory import MemoryUpdateStore
from server.store.sqlite import SqliteUpdateStore


def change(update: bytes, document: str = "canvas", actor: str = "ada") -> NewUpdate:
    return NewUpdate(document, actor, actor.title(), "2026-11-20T10:00:00Z", update)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UpdateStore]:
    makers: dict[str, Callable[[], Awaitable[UpdateStore]]] = {
        "memory": _memory,
        "sqlite": lambda: SqliteUpdateStore.open(tmp_path / ".workprint" / "documents.sqlite"),
    }
    made = await makers[request.param]()
    yield made
    await made.close()


async def _memory() -> UpdateStore:
    return MemoryUpdateStore()


async def test_a_document_that_was_never_written_is_empty(store: UpdateStore) -> None:
    assert await store.load("canvas") == []
    assert await store.log("canvas") == []


async def test_updates_come_back_in_the_order_they_were_appended(store: UpdateStore) -> None:
    await store.append([change(b"1"), change(b"2")])
    await store.append([change(b"3")])
    rows = await store.load("canvas")
    assert [row.update for row in rows] == [b"1", b"2", b"3"]
    assert [row.seq for row in rows] == sorted({row.seq for row in rows})


async def test_documents_do_not_see_each_other(store: UpdateStore) -> None:
    await store.append([change(b"c", "canvas"), change(b"t", "takes"), change(b"a", "annotations/shot-1")])
    assert [row.update for row in await store.load("canvas")] == [b"c"]
    assert [row.update for row in await store.load("annotations/shot-1")] == [b"a"]
    assert await store.load("annotations") == []


async def test_who_and_when_are_kept_with_every_update(store: UpdateStore) -> None:
    await store.append([change(b"1", actor="ada"), change(b"2", actor="béla")])
    rows = await store.log("canvas")
    assert [(row.actor_id, row.actor_name, row.at, row.update) for row in rows] == [
        ("ada", "Ada", "2026-11-20T10:00:00Z", b"1"),
        ("béla", "Béla", "2026-11-20T10:00:00Z", b"2"),
    ]


async def test_the_log_is_read_in_pages(store: UpdateStore) -> None:
    await store.append([change(bytes([number])) for number in range(5)])
    first = await store.log("canvas", limit=2)
    second = await store.log("canvas", after=first[-1].seq, limit=2)
    assert [row.update for row in (*first, *second)] == [b"\0", b"\1", b"\2", b"\3"]


async def test_appends_at_once_lose_nothing_and_keep_each_batch_together(store: UpdateStore) -> None:
    batches = [[change(bytes([batch, row])) for row in range(10)] for batch in range(20)]
    await asyncio.gather(*(store.append(batch) for batch in batches))
    stored = [row.update for row in await store.load("canvas")]
    assert sorted(stored) == sorted(new.update for batch in batches for new in batch)
    by_batch = [update[0] for update in stored]
    assert [by_batch[start] for start in range(0, 200, 10)] == [by_batch[start + 9] for start in range(0, 200, 10)]


async def test_binary_updates_come_back_as_they_were(store: UpdateStore) -> None:
    everything = bytes(range(256)) * 4096
    await store.append([change(everything), change(b"")])
    assert [row.update for row in await store.load("canvas")] == [everything, b""]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "documents.sqlite"


async def test_sqlite_keeps_everything_when_it_is_closed_and_opened_again(path: Path) -> None:
    store = await SqliteUpdateStore.open(path)
    await store.append([change(b"1")])
    await store.close()
    again = await SqliteUpdateStore.open(path)
    await again.append([change(b"2")])
    assert [row.update for row in await again.load("canvas")] == [b"1", b"2"]
    await again.close()


async def test_sqlite_can_be_read_by_others_as_soon_as_append_returned(path: Path) -> None:
    store = await SqliteUpdateStore.open(path)
    await store.append([change(b"1")])
    reader = sqlite3.connect(path)
    assert reader.execute('SELECT "update" FROM updates').fetchall() == [(b"1",)]
    reader.close()
    await store.close()


async def test_sqlite_waits_for_the_disk_on_every_commit(path: Path) -> None:
    store = await SqliteUpdateStore.open(path)
    rows = list(await store._database.execute_fetchall("PRAGMA synchronous"))
    mode = list(await store._database.execute_fetchall("PRAGMA journal_mode"))
    assert (rows[0][0], mode[0][0]) == (2, "wal")
    await store.close()


async def test_sqlite_keeps_nothing_of_a_batch_that_failed(path: Path) -> None:
    store = await SqliteUpdateStore.open(path)
    broken = NewUpdate("canvas", "ada", "Ada", "now", None)  # pyright: ignore[reportArgumentType] - that is the point
    with pytest.raises(sqlite3.IntegrityError):
        await store.append([change(b"1"), broken])
    await store.append([change(b"2")])
    assert [row.update for row in await store.load("canvas")] == [b"2"]
    await store.close()


async def test_sqlite_of_a_newer_workprint_is_left_alone(path: Path) -> None:
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(NewerStore):
        await SqliteUpdateStore.open(path)
