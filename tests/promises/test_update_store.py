"""What every UpdateStore promises; each store runs through all of it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from server.store.base import Compaction, LogEnds, LoggedUpdate, LogSize, NewerStore, NewUpdate, UpdateStore
from server.store.memory import MemoryUpdateStore
from server.store.sqlite import MIGRATIONS, SqliteUpdateStore


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


def checkpoint(state: bytes, *credited: LoggedUpdate, waiting: tuple[int, ...] = ()) -> Compaction:
    return Compaction(max(each.seq for each in credited), state, credited, waiting)


def ada_did(seqs: list[int]) -> list[LoggedUpdate]:
    """The credit for some changes, as one entry."""
    return [LoggedUpdate(seqs[-1], "ada", "Ada", "2026-11-20T10:00:00Z", b"", bytes(seqs))]


async def test_a_checkpoint_takes_the_place_of_what_it_stands_for(store: UpdateStore) -> None:
    await store.append([change(b"1"), change(b"2"), change(b"t", "takes")])
    seqs = [row.seq for row in await store.load("canvas")]
    credited = ada_did(seqs)
    await store.append([change(b"3", actor="ben")])
    await store.compact("canvas", checkpoint(b"12", *credited))
    assert [(row.seq > 0, row.update) for row in await store.load("canvas")] == [(False, b"12"), (True, b"3")]
    assert await store.checkpoint("canvas") == b"12"
    assert [row.update for row in await store.load("takes")] == [b"t"]
    assert await store.checkpoint("takes") is None


async def test_compaction_keeps_who_and_when(store: UpdateStore) -> None:
    await store.append([change(b"1"), change(b"2")])
    credited = ada_did([row.seq for row in await store.load("canvas")])
    await store.append([change(b"3", actor="ben")])
    await store.compact("canvas", checkpoint(b"12", *credited))
    rows = await store.log("canvas")
    assert rows[0] == credited[0]
    assert [(row.actor_id, row.wrote is None, row.update) for row in rows[1:]] == [("ben", True, b"3")]
    assert await store.log("canvas", limit=1) == rows[:1]
    assert await store.log("canvas", after=rows[0].seq) == rows[1:]


async def test_changes_that_wait_stay_behind_the_checkpoint(store: UpdateStore) -> None:
    await store.append([change(b"1"), change(b"w"), change(b"2")])
    first, waits, last = (row.seq for row in await store.load("canvas"))
    await store.compact("canvas", checkpoint(b"12", *ada_did([first, last]), waiting=(waits,)))
    assert [row.update for row in await store.load("canvas")] == [b"12", b"w"]
    assert [row.update for row in await store.log("canvas")] == [b"w", b""]


async def test_a_log_is_compacted_again_and_again(store: UpdateStore) -> None:
    for number in range(1, 4):
        await store.append([change(bytes([number]))])
        newest = (await store.load("canvas"))[-1].seq
        await store.compact("canvas", checkpoint(bytes(range(number)), *ada_did([newest])))
    assert [row.update for row in await store.load("canvas")] == [bytes(range(3))]
    assert len(await store.log("canvas")) == 3


async def test_the_size_of_a_log_is_known(store: UpdateStore) -> None:
    assert await store.size("canvas") == LogSize(0, 0, 0)
    await store.append([change(b"123"), change(b"45"), change(b"t", "takes")])
    assert await store.size("canvas") == LogSize(2, 5, 0)
    credited = ada_did([row.seq for row in await store.load("canvas")])
    await store.append([change(b"6")])
    await store.compact("canvas", checkpoint(b"12345", *credited))
    assert await store.size("canvas") == LogSize(1, 1, 5)


async def test_every_document_is_known_and_where_its_log_ends(store: UpdateStore) -> None:
    assert await store.documents() == {}
    await store.append([change(b"1"), change(b"2"), change(b"a", "annotations/shot-1")])
    first, second = (row.seq for row in await store.load("canvas"))
    (other,) = (row.seq for row in await store.load("annotations/shot-1"))
    assert await store.documents() == {"canvas": LogEnds(second, 0), "annotations/shot-1": LogEnds(other, 0)}
    await store.compact("canvas", checkpoint(b"12", *ada_did([first, second])))
    assert (await store.documents())["canvas"] == LogEnds(0, second)
    await store.append([change(b"3")])
    newest = (await store.load("canvas"))[-1].seq
    assert await store.documents() == {"canvas": LogEnds(newest, second), "annotations/shot-1": LogEnds(other, 0)}


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


async def test_sqlite_of_version_1_is_opened_and_can_be_compacted(path: Path) -> None:
    older = sqlite3.connect(path)
    for statement in MIGRATIONS[0]:
        older.execute(statement)
    older.execute("PRAGMA user_version = 1")
    older.execute("INSERT INTO updates VALUES (7, 'canvas', 'ada', 'Ada', '2026-11-20T10:00:00Z', x'01')")
    older.commit()
    older.close()
    store = await SqliteUpdateStore.open(path)
    assert [(row.seq, row.update) for row in await store.load("canvas")] == [(7, b"\1")]
    await store.append([change(b"2")])
    await store.compact("canvas", checkpoint(b"12", *ada_did([7, 8])))
    await store.close()
    again = await SqliteUpdateStore.open(path)
    assert [row.update for row in await again.load("canvas")] == [b"12"]
    await again.close()


async def test_sqlite_replaces_a_log_in_one_transaction_or_not_at_all(path: Path) -> None:
    store = await SqliteUpdateStore.open(path)
    await store.append([change(b"1"), change(b"2")])
    taken = ada_did([row.seq for row in await store.load("canvas")])
    with pytest.raises(sqlite3.IntegrityError):
        # The same credit twice: the last statement of the transaction fails.
        await store.compact("canvas", checkpoint(b"12", *taken, *taken))
    assert [row.update for row in await store.load("canvas")] == [b"1", b"2"]
    assert await store.checkpoint("canvas") is None
    assert len(await store.log("canvas")) == 2
    await store.close()


async def test_sqlite_gives_space_back_when_it_compacts(path: Path) -> None:
    store = await SqliteUpdateStore.open(path)
    await store.append([change(bytes(4000)) for _ in range(1000)])
    seqs = [row.seq for row in await store.load("canvas")]
    await store.compact("canvas", checkpoint(b"12", LoggedUpdate(seqs[-1], "ada", "Ada", "now", b"", b"")))
    await store.close()
    assert path.stat().st_size < 100_000  # noqa: ASYNC240 - nobody else is on this loop


async def test_sqlite_of_a_newer_workprint_is_left_alone(path: Path) -> None:
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(NewerStore):
        await SqliteUpdateStore.open(path)
