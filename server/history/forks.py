"""Forks: copies of the canvas to try something on, and the way of what was tried back to the canvas."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pycrdt import Doc

from crdt_schema.documents import identity_of
from crdt_schema.ids import ProjectId, new_id
from crdt_schema.plain import dump
from crdt_schema.production import Production
from crdt_schema.records import Fork
from crdt_schema.takes import Takes
from crdt_schema.wire import CloseCode
from server.auth.actor import SYSTEM, Actor
from server.errors import Conflict, NotFound
from server.history.compare import RecordChange, as_record, comparable, compare_document
from server.history.rewind import Target, rewind
from server.history.service import Breach, History
from server.hub.errand import hand_in
from server.hub.hub import Hub
from server.hub.room import Room
from server.store.base import NewUpdate

MOST_FORKS = 50
"""Of one project at a time; each is a whole canvas."""
NOT_THERE = "There is no such fork. Perhaps it was deleted."


class Merged(NamedTuple):
    """What became of a merge."""

    merged: int
    """Records of the canvas that are now as the fork wanted them."""
    refused: list[Breach]
    before: str
    """The version that holds the canvas as it was."""


class Forks:
    """The forks of all projects. Made once by the app.

    A fork shares the history of the canvas, so that merging it is what a client does that comes back from a day
    offline: what it has and the canvas lacks is added. It therefore has the canvas's epoch, and its name is never given
    twice, for a client may still hold a copy of the one that was deleted.
    """

    def __init__(self, history: History, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._history, self._hub, self._clock = history, hub, clock
        self._making: dict[ProjectId, asyncio.Lock] = {}

    async def create(self, project: ProjectId, name: str, by: Actor, commit: str = "") -> Fork:
        """A fork of the canvas as it is, or as it was in a commit; on disk when this returns.

        Raises Conflict when it cannot have that name, NotFound.
        """
        then = (await self._history.documents(project, commit)).get("canvas") if commit else None
        if commit and as_record(then).get("schema") is None:
            raise NotFound("This version holds no canvas.")
        async with self._making.setdefault(project, asyncio.Lock()):
            await self._demand_free(project, name)
            async with self._hub.room(project, "canvas") as canvas, self._hub.room(project, "takes") as takes:
                await canvas.saved()
                state, made = canvas.doc.get_update(), Takes(takes.doc).takes()
            updates: list[bytes] = []
            if commit:
                updates = (await asyncio.to_thread(rewind, state, Target("canvas"), then, made)).updates
            fork: Fork = {"by": by.user_id, "by_name": by.name, "at": self._now(), "commit": commit, "deleted": False}
            rows = [_row(name, SYSTEM, fork["at"], state), *(_row(name, by, fork["at"], each) for each in updates)]
            async with self._hub.log(project) as store:
                await store.append(rows)
            # Only now: whoever opened it before would have founded another document.
            await self._write(project, name, fork, by)
        return fork

    async def all(self, project: ProjectId) -> dict[str, tuple[Fork, int]]:
        """Every fork by its name, with the number of records of the canvas that merging it would change."""
        found = await self._forks(project)
        return {
            name: (fork, len(await self.diff(project, name)))
            for name, fork in sorted(found.items())
            if not fork["deleted"]
        }

    async def diff(self, project: ProjectId, name: str) -> list[RecordChange]:
        """What merging it would change on the canvas; raises NotFound, Conflict."""
        async with self._both(project, name) as (canvas, fork):
            return (await self._ahead(canvas, fork))[0]

    async def merge(self, project: ProjectId, name: str, by: Actor) -> Merged:
        """Add to the canvas what only the fork has, in `by`'s name; on disk when this returns.

        What is locked by now is put back. Raises NotFound, Conflict, Forbidden, Unavailable.
        """
        before = await self._history.commit_now(project)
        async with self._both(project, name) as (canvas, fork):
            wanted, update = await self._ahead(canvas, fork)
            breaches: list[Breach] = []
            if wanted:
                breaches = await hand_in(canvas, by, [update], relayed=True)
            refused = {tuple(breach["path"][:2]) for breach in breaches}
        merged = sum((change.root, change.id) not in refused for change in wanted)
        if merged:
            notice = {
                "type": "merged",
                "id": new_id("notice"),
                "by": {"id": by.user_id, "name": by.name},
                "fork": name,
                "records": merged,
                "before": before,
            }
            self._history.tell_team(project, f"fork/{name}", notice)
        return Merged(merged, breaches, before)

    async def delete(self, project: ProjectId, name: str, by: Actor) -> None:
        """Close a fork for good; whoever has it open is told. Its changes stay in the log. Raises NotFound."""
        fork = (await self._forks(project)).get(name)
        if fork is None or fork["deleted"]:
            raise NotFound(NOT_THERE)
        await self._write(project, name, {**fork, "deleted": True}, by)
        notice = {
            "type": "fork_deleted",
            "id": new_id("notice"),
            "by": {"id": by.user_id, "name": by.name},
            "fork": name,
        }
        self._history.tell_team(project, f"fork/{name}", notice)
        for room in self._hub.rooms():
            if (room.project, room.document) == (project, f"fork/{name}"):
                room.end_all(CloseCode.NO_SUCH_DOCUMENT, f"{by.name} has deleted this fork."[:100])

    async def demand(self, project: ProjectId, name: str) -> None:
        """Raise NotFound when there is no such fork: opening it would found one without the canvas in it."""
        fork = (await self._forks(project)).get(name)
        if fork is None or fork["deleted"]:
            raise NotFound(NOT_THERE)

    async def _forks(self, project: ProjectId) -> dict[str, Fork]:
        async with self._hub.room(project, "production") as room:
            return Production(room.doc).forks()

    async def _write(self, project: ProjectId, name: str, fork: Fork, by: Actor) -> None:
        async with self._hub.room(project, "production") as room:
            room.edit(by, lambda doc: Production(doc).set_fork(name, fork))
            await room.saved()

    async def _demand_free(self, project: ProjectId, name: str) -> None:
        forks = await self._forks(project)
        async with self._hub.log(project) as store:
            used = name in forks or f"fork/{name}" in await store.documents()
        if used:
            raise Conflict("There is, or was, a fork of that name. Choose another one.")
        if sum(not fork["deleted"] for fork in forks.values()) >= MOST_FORKS:
            raise Conflict(f"There are {MOST_FORKS} forks already. Merge or delete some first.")

    @asynccontextmanager
    async def _both(self, project: ProjectId, name: str) -> AsyncGenerator[tuple[Room, Room]]:
        """The rooms of the canvas and of a fork."""
        await self.demand(project, name)
        async with self._hub.room(project, "canvas") as canvas, self._hub.room(project, f"fork/{name}") as fork:
            if identity_of(canvas.doc).epoch != identity_of(fork.doc).epoch:
                raise Conflict("The canvas was begun anew since this fork was made. They cannot be merged any more.")
            await fork.saved()
            yield canvas, fork

    async def _ahead(self, canvas: Room, fork: Room) -> tuple[list[RecordChange], bytes]:
        """What merging a fork would change, and the update that does it."""
        return await asyncio.to_thread(
            _merge_tried, canvas.doc.get_update(), fork.doc.get_update(canvas.doc.get_state())
        )

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _merge_tried(canvas: bytes, update: bytes) -> tuple[list[RecordChange], bytes]:
    """What an update would change on a canvas with that state. It blocks."""
    doc: Doc[Any] = Doc()
    doc.apply_update(canvas)
    before = comparable("canvas", dump(doc, "canvas"))
    doc.apply_update(update)
    return compare_document("canvas", before, comparable("canvas", dump(doc, "canvas"))), update


def _row(name: str, by: Actor, at: str, update: bytes) -> NewUpdate:
    return NewUpdate(f"fork/{name}", by.user_id, by.name, at, update)
