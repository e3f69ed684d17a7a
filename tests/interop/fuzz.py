"""One seeded life of a project with editors of all kinds; at its end all replicas and the stored log are equal."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from pycrdt import Doc

from crdt_schema.ids import ProjectId
from server.hub.hub import Hub
from server.store.base import UpdateStore
from server.store.sqlite import SqliteUpdateStore
from tests.interop.scribble import reading, scribble
from tests.interop.socket_peer import SocketPeer
from tests.support.hub import FILM, QUICK, NodeClients, serve
from tests.support.sockets import BEN, until

STEPS = 100
END_SECONDS = 60.0
LIMITS = replace(QUICK, grace_seconds=0.0)
NODE_PEERS = {"ada": "hocuspocus", "ben": "yjs", "cyd": "hocuspocus", "raf": "raw", "rob": "raw"}
PY_PEERS = {"pam": ("hocuspocus", False), "pip": ("yjs", False), "pug": ("hocuspocus", True), "pod": ("yjs", True)}


class Life:
    """The hub, its clients, and everything that can happen to them."""

    def __init__(self, seed: int, node: NodeClients, folder: Path, *, careful: bool) -> None:
        self.rng = random.Random(seed)
        self._seed = seed
        self._careful = careful
        self._node = node
        self._file = folder / f"{seed}.sqlite"
        self._port = 0
        self._base = ""
        self._running = AsyncExitStack()
        self.hub: Hub
        self._away: set[str] = set()
        self._pys: dict[str, SocketPeer] = {}

    def _peer(self, name: str) -> str:
        # One Node process lives through many seeds.
        return f"{name}-{self._seed}"

    async def start(self) -> None:
        """Start the hub, at the same address each time."""

        async def open_store(_: ProjectId) -> UpdateStore:
            return await SqliteUpdateStore.open(self._file)

        self.hub = Hub(open_store, limits=LIMITS)
        self._running.push_async_callback(self.hub.close)
        self._base = await self._running.enter_async_context(serve(self.hub, self._port))
        self._port = int(self._base.rpartition(":")[2].partition("/")[0])

    async def stop(self) -> None:
        """Stop the hub: everything is saved, everybody is told."""
        await self._running.aclose()

    async def gather(self, http: aiohttp.ClientSession) -> None:
        """Everybody connects."""
        for number, (name, dialect) in enumerate(NODE_PEERS.items(), start=1):
            await self._node.open(
                self._peer(name), self._base, dialect=dialect, clientId=self._seed * 100 + number,
                token=f"editor:{name}", undoes=self.rng.random() < 0.5, sessionAware=name == "cyd",
            )  # fmt: skip
        for number, (name, (dialect, jumbles)) in enumerate(PY_PEERS.items(), start=50):
            self._pys[name] = SocketPeer(
                http, lambda: self._base, name, client_id=self._seed * 100 + number, dialect=dialect,
                jumbles=jumbles, careful=self._careful,
            )  # fmt: skip
            self._pys[name].online()

    async def act(self) -> None:
        """One thing that happens."""
        acts: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (30, self._node_edits),
            (16, self._python_edits),
            (10, self._jumble),
            (6, self._undo),
            (6, self._server_edits),
            (8, self._goes),
            (10, self._comes),
            (3, self._works_for_hours_offline),
            (1, self._everybody_goes),
            (1, self._restart),
            (6, self._pause),
        ]
        await self.rng.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()

    def _seeded(self) -> int:
        return self.rng.randrange(1 << 30)

    async def _do(self, op: str, name: str, **details: object) -> Any:
        return await self._node.do(op, self._peer(name), **details)

    async def _node_edits(self, count: int = 0, name: str = "") -> None:
        name = name or self.rng.choice(list(NODE_PEERS))
        await self._do("scribble", name, seed=self._seeded(), count=count or 1 + self.rng.randrange(5))

    async def _python_edits(self, count: int = 0, name: str = "") -> None:
        peer = self._pys[name or self.rng.choice(list(PY_PEERS))]
        scribble(peer.doc, self.rng, count or 1 + self.rng.randrange(5))
        await peer.send(self.rng)

    async def _jumble(self) -> None:
        await self._do("jumble", self.rng.choice(["raf", "rob"]), seed=self._seeded())
        await self._pys[self.rng.choice(["pug", "pod"])].send(self.rng)

    async def _undo(self) -> None:
        if self.rng.random() < 0.6:
            await self._do("undo", self.rng.choice(list(NODE_PEERS)), seed=self._seeded())
        else:
            peer = self._pys[self.rng.choice(list(PY_PEERS))]
            for _ in range(self.rng.randrange(4)):
                peer.undoer.undo() if self.rng.random() < 0.6 else peer.undoer.redo()
            await peer.send(self.rng)

    async def _server_edits(self) -> None:
        async with self.hub.room(FILM, "canvas") as room:
            room.edit(BEN, lambda doc: scribble(doc, self.rng, 1 + self.rng.randrange(3)))

    async def _goes(self, name: str = "") -> None:
        name = name or self.rng.choice([*NODE_PEERS, *PY_PEERS])
        if name not in self._away:
            self._away.add(name)
            await (self._pys[name].offline() if name in PY_PEERS else self._do("offline", name))

    async def _comes(self, name: str = "") -> None:
        name = name or self.rng.choice(sorted(self._away) or ["ada"])
        if name in self._away:
            self._away.discard(name)
            if name in PY_PEERS:
                self._pys[name].online()
            else:
                await self._do("online", name)

    async def _works_for_hours_offline(self) -> None:
        name = self.rng.choice([*NODE_PEERS, *PY_PEERS])
        await self._goes(name)
        await (self._python_edits if name in PY_PEERS else self._node_edits)(200, name)

    async def _everybody_goes(self) -> None:
        for name in [*NODE_PEERS, *PY_PEERS]:
            await self._goes(name)
        await until(lambda: not self.hub.rooms())

    async def _restart(self) -> None:
        await self.stop()
        if self.rng.random() < 0.5:
            await self._node_edits(20)
        await self.start()

    async def _pause(self) -> None:
        await asyncio.sleep(self.rng.random() * 0.01)

    async def come_together(self) -> None:
        """Everybody is here, and asks once more."""
        for name in [*NODE_PEERS, *PY_PEERS]:
            # What a jumbling client lost or holds back is found when it reconnects.
            if name in ("raf", "rob", "pug", "pod"):
                await self._goes(name)
            if NODE_PEERS.get(name) == "raw":
                await self._do("straight", name)
            await self._comes(name)

    async def everything(self) -> dict[str, str]:
        """Every replica's canonical JSON."""
        async with self.hub.room(FILM, "canvas") as room:
            said = {"hub": await self.canonical(room.doc)}
        for name in NODE_PEERS:
            said[name] = await self._do("canonical", name)
        for name, peer in self._pys.items():
            said[name] = await self.canonical(peer.doc)
        return said

    async def canonical(self, doc: Doc[Any]) -> str:
        """A pycrdt document as Yjs reads it."""
        return await self._node.do("canonicalOf", hex=doc.get_update().hex())

    async def settled(self) -> bool:
        """Whether everybody is synced and every change is acknowledged."""
        for name, dialect in NODE_PEERS.items():
            what = "saved" if dialect == "hocuspocus" else "synced"
            if not await self._node.read(self._peer(name), f"p.{what}"):
                return False
        return all(peer.synced for peer in self._pys.values()) and not any(
            peer.unacknowledged for name, peer in self._pys.items() if PY_PEERS[name][0] == "hocuspocus"
        )

    async def reloaded(self) -> Doc[Any]:
        """The document as the store has it, read while no hub runs."""
        store = await SqliteUpdateStore.open(self._file)
        doc: Doc[Any] = Doc()
        for row in await store.load("canvas"):
            doc.apply_update(row.update)
        await store.close()
        return doc

    async def end(self) -> None:
        """Everybody leaves for good."""
        for peer in self._pys.values():
            await peer.offline()
        for name in NODE_PEERS:
            await self._do("forget", name)

    def readings(self) -> list[dict[str, Any]]:
        """What the pycrdt replicas say."""
        return [reading(peer.doc) for peer in self._pys.values()]


@asynccontextmanager
async def _life(seed: int, node: NodeClients, folder: Path, *, careful: bool) -> AsyncGenerator[Life, None]:
    life = Life(seed, node, folder, careful=careful)
    async with aiohttp.ClientSession() as http:
        await life.start()
        try:
            await life.gather(http)
            yield life
        finally:
            await life.end()
            await life.stop()


async def live(seed: int, node: NodeClients, folder: Path, steps: int = STEPS, *, careful: bool = False) -> None:
    """Run one seed; raises AssertionError with the seed when two replicas differ at the end.

    `careful`: pycrdt's clients apply nothing before they are synced.
    """
    async with _life(seed, node, folder, careful=careful) as life:
        for _ in range(steps):
            await life.act()
        await life.come_together()
        said: dict[str, str] = {}
        end = asyncio.get_running_loop().time() + END_SECONDS
        while asyncio.get_running_loop().time() < end:
            if await life.settled() and len(set((said := await life.everything()).values())) == 1:
                break
            await asyncio.sleep(0.01)
        assert await life.settled(), f"seed {seed}: not everybody is synced and acknowledged"
        assert len(set(said.values())) == 1, f"seed {seed}: {_difference(said)}"
        assert not json.loads(said["hub"])["waits"], f"seed {seed}: something waits for what never comes"
        readings = life.readings()
        assert all(each == readings[0] for each in readings), f"seed {seed}: pycrdt reads one document in two ways"
        await life.stop()
        again = await life.reloaded()
        assert await life.canonical(again) == said["hub"], f"seed {seed}: the stored log is another document"
        assert reading(again) == readings[0], f"seed {seed}: the stored log reads otherwise"


def _difference(said: dict[str, str]) -> str:
    groups: dict[str, list[str]] = {}
    for name, each in said.items():
        groups.setdefault(each, []).append(name)
    parts = [(names, json.loads(each)) for each, names in groups.items()]
    fields = [key for key in parts[0][1] if len({json.dumps(part[key]) for _, part in parts}) > 1]
    return json.dumps([{"who": names, **{key: part[key] for key in fields}} for names, part in parts])
