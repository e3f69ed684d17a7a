"""A disk that is full, read-only or fails to sync: nothing is acknowledged that is not safe, and nothing is lost."""

import asyncio
import random
from pathlib import Path

import pytest

from crdt_schema.wire import CloseCode
from server.hub.saver import Saver
from server.store.base import NewUpdate
from server.store.sqlite import SqliteUpdateStore
from tests.support.crash import Client, check_file, connected, hub_process, log_file, read_everything
from tests.support.hub import FILM, HeldStore, open_hub
from tests.support.ports import free_port
from tests.support.sockets import BEN, Peer, turn, until

FAILURES = ["full", "read-only", "sync"]


async def put_some(client: Client, prefix: str, count: int = 20) -> None:
    for number in range(count):
        await client.put(f"{prefix}.{number}")
        await asyncio.sleep(random.uniform(0, 0.01))


def fail(control: Path, failure: str) -> None:
    """Replaced at once: the hub must not read half a word."""
    written = control.with_suffix(".new")
    written.write_text(failure)
    written.replace(control)


@pytest.mark.parametrize("failure", FAILURES)
async def test_nothing_is_acknowledged_while_the_disk_fails_and_everything_once_it_works(
    tmp_path: Path, failure: str
) -> None:
    control, port = tmp_path / "control", free_port()
    address = f"ws://127.0.0.1:{port}/ws/film"
    said = bytearray()
    async with hub_process(port, tmp_path, control, said) as process:
        async with connected(address) as ada, connected(address, "ben") as ben:
            await put_some(ada, "before")
            await until(lambda: ada.acknowledged == len(ada.sent))
            fail(control, failure)
            safe = len(ada.sent)
            await put_some(ada, "during")
            # The others see it at once, as ever; its author does not hear that it is safe.
            await until(lambda: set(ada.sent) <= ben.nodes)
            await until(lambda: said.count(b"log_not_written") >= 2)
            assert ada.acknowledged == safe
            fail(control, "")
            await until(lambda: ada.acknowledged == len(ada.sent))
            await put_some(ada, "after")
            await until(lambda: ada.acknowledged == len(ada.sent))
        process.kill()
    check_file(log_file(tmp_path))
    async with hub_process(port, tmp_path):
        assert ada.safe <= await read_everything(address)


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_hub_that_is_killed_while_its_disk_fails_has_lost_nothing_that_was_acknowledged(
    tmp_path: Path, failure: str
) -> None:
    control, port = tmp_path / "control", free_port()
    address = f"ws://127.0.0.1:{port}/ws/film"
    safe: set[str] = set()
    for run in range(3):
        async with hub_process(port, tmp_path, control) as process, connected(address) as ada:
            editing = asyncio.create_task(put_some(ada, f"{run}", 60))
            # Something is safe before the disk fails: it does so for good in the end.
            await until(lambda ada=ada: ada.acknowledged > 0)
            for word in (failure, "", failure):
                await asyncio.sleep(0.1)
                fail(control, word)
            await editing
            process.kill()
            await process.wait()
            safe |= ada.safe
        fail(control, "")
        check_file(log_file(tmp_path))
    async with hub_process(port, tmp_path):
        assert safe <= await read_everything(address)


async def test_a_log_that_cannot_be_opened_on_a_full_disk_sends_its_people_away_to_come_back(tmp_path: Path) -> None:
    control, port = tmp_path / "control", free_port()
    address = f"ws://127.0.0.1:{port}/ws/film"
    async with hub_process(port, tmp_path, control) as process:
        async with connected(address) as ada:
            await put_some(ada, "before")
            await until(lambda: ada.acknowledged == len(ada.sent))
        process.kill()
    # SQLite needs a few pages for the index of its WAL before it can read.
    fail(control, "full")
    async with hub_process(port, tmp_path, control):
        with pytest.raises(ConnectionError, match=str(int(CloseCode.TRY_AGAIN_LATER))):
            await read_everything(address)
        fail(control, "")
        assert ada.safe <= await read_everything(address)


async def test_the_saver_says_when_the_database_is_full_and_when_it_has_room_again(tmp_path: Path) -> None:
    store = await SqliteUpdateStore.open(tmp_path / "documents.sqlite")
    saver = Saver(store, gather_seconds=0, retry_seconds=0.01)
    told: list[bool] = []
    stop = saver.on_trouble(told.append)
    saved: list[int] = []
    pages = next(iter(await store._database.execute_fetchall("PRAGMA page_count")))[0]
    await store._database.execute_fetchall(f"PRAGMA max_page_count = {pages}")
    rows = [NewUpdate("canvas", f"user-{number}", "Ada", "now", bytes(9000)) for number in range(3)]
    for number, row in enumerate(rows):
        saver.add([row], lambda number=number: saved.append(number))
    await until(lambda: told == [True])
    late: list[bool] = []
    saver.on_trouble(late.append)
    assert (saved, late, await store.load("canvas")) == ([], [True], [])
    await store._database.execute_fetchall("PRAGMA max_page_count = 1000000")
    await until(lambda: saved == [0, 1, 2])
    await until(lambda: told == late == [True, False])
    assert len(await store.load("canvas")) == 3
    stop()
    await saver.close()


async def test_everybody_in_a_room_is_told_that_the_disk_fails_and_that_it_works_again() -> None:
    store = HeldStore()
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as canvas, hub.room(FILM, "takes") as takes:
        ada, ben = Peer(canvas), Peer(takes, BEN)
        for peer in (ada, ben):
            peer.join()
            await turn(peer)
        safe = ada.link.acknowledged
        store.error = OSError("no space left on device")
        ada.nodes["x"] = 1
        ada.send()
        for peer in (ada, ben):
            await heard(peer, '{"disk":{"failing":true}}')
        assert ada.link.acknowledged == safe
        store.error = None
        for peer in (ada, ben):
            await heard(peer, "null")
        await until(lambda: ada.link.acknowledged == safe + 1)


async def heard(peer: Peer, state: str) -> None:
    """Wait until the server says this of itself."""
    async with asyncio.timeout(30):
        while state not in peer.heard.values():
            await turn(peer)
            await asyncio.sleep(0.005)
