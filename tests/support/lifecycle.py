"""What a process holds on to, and visits to rooms: opened, edited by real sessions, left and closed."""

import asyncio
import gc
import os
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from pycrdt import Doc

from crdt_schema.ids import ProjectId
from server.hub.hub import Hub
from server.hub.limits import Limits
from server.hub.room import Room
from server.hub.session import Session
from server.store.base import UpdateStore
from server.store.sqlite import SqliteUpdateStore
from tests.support.hub import QUICK
from tests.support.sockets import ADA, BEN, Peer, turn, until

DOCUMENTS = ("canvas", "takes")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Held:
    """What was opened and not closed, and Python objects that should have gone with their room."""

    descriptors: int
    threads: int
    tasks: int
    documents: int
    rooms: int
    sessions: int


def held() -> Held:
    """What this process holds now, once the collector was there."""
    gc.collect()
    # By type: `isinstance` would ask proxies in other people's modules what they are, and wake them.
    alive = [type(each) for each in cast("list[object]", gc.get_objects())]
    return Held(
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names are enough
        threading.active_count(),
        len(asyncio.all_tasks()),
        alive.count(Doc),
        alive.count(Room),
        alive.count(Session),
    )


async def nothing_more(before: Held) -> None:
    """Wait until this process holds no more than before: a thread that was told to end may take its time."""
    more = dict[str, int]()

    def is_more() -> bool:
        more.clear()
        now, was = asdict(held()), asdict(before)
        more.update({name: count - was[name] for name, count in now.items() if count > was[name]})
        return bool(more)

    try:
        await until(lambda: not is_more())
    except TimeoutError:
        raise AssertionError(f"left behind: {more}") from None


def rss_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


@asynccontextmanager
async def hub_on_disk(folder: Path, limits: Limits = QUICK) -> AsyncGenerator[Hub]:
    """A hub whose projects have real logs."""

    async def open_store(project: ProjectId) -> UpdateStore:
        return await SqliteUpdateStore.open(folder / project / "documents.sqlite")

    hub = Hub(open_store, limits=limits)
    try:
        yield hub
    finally:
        await hub.close()


async def visit(hub: Hub, project: ProjectId, document: str, key: str = "x") -> None:
    """Two people come into a room, edit and point at things, and go again; what they did is on disk then."""
    async with hub.room(project, document) as room:
        peers = (Peer(room, ADA, writable=document == "canvas"), Peer(room, BEN, writable=False))
        for client_id, peer in enumerate(peers, start=1):
            peer.join()
            peer.say(client_id, 1, '{"cursor":1}')
        await turn(*peers)
        peers[0].nodes[key] = "." * 100
        peers[0].text.insert(0, "word ")
        await turn(*peers)
        assert document != "canvas" or peers[1].nodes[key] == "." * 100
        for peer in peers:
            peer.leave()
            # pycrdt's observers hold their document, where no collector sees it.
            peer.doc.unobserve(peer._subscription)
        await room.saved()


async def visit_many(hub: Hub, first: int, count: int) -> None:
    """Visit the documents of `count` projects at a time, then wait until all of them are closed."""
    await asyncio.gather(
        *(
            visit(hub, ProjectId(f"p{number}"), document)
            for number in range(first, first + count)
            for document in DOCUMENTS
        )
    )
    await closed(hub)


async def closed(hub: Hub) -> None:
    """Wait until no room and no log is open, and who closed them is done."""

    def closing() -> bool:
        return any(task.get_name().startswith(("idle ", "close ")) for task in asyncio.all_tasks())

    await until(lambda: not (hub._rooms.values() or hub._savers.values() or closing()), within_seconds=30.0)
