"""Hub: from a project and a document's name to its one room: opened once, shared, closed when idle and saved."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from crdt_schema.documents import NewerSchema, UnknownDocument, kind_of
from crdt_schema.ids import ProjectId, new_id
from crdt_schema.wire import CloseCode
from server.errors import Conflict, NotFound, Unavailable
from server.hub.census import Census
from server.hub.common import Common
from server.hub.limits import Limits
from server.hub.refusals import GuardFor, OnRefused, kept_nowhere, unguarded
from server.hub.room import OnOpen, Room
from server.hub.saver import Saver
from server.hub.shared import Shared
from server.store.base import UpdateStore

OpenStore = Callable[[ProjectId], Awaitable[UpdateStore]]
"""The update log of a project; raises NotFound when there is no such project."""

TOLD_IN = "takes"
"""The document in whose room it is told what to ask for again: every page of a project has it open."""

log = structlog.get_logger("workprint.hub")


@dataclass(frozen=True)
class LogState:
    """The logs of all open projects together."""

    rows: int
    bytes: int
    checkpoint_bytes: int
    failing: int
    """Projects whose last commit failed; their edits are shown, but not acknowledged until one succeeds."""


class Hub:
    """All live documents of this process."""

    def __init__(
        self,
        open_store: OpenStore,
        *,
        on_open: Sequence[OnOpen] = (),
        limits: Limits | None = None,
        guard_for: GuardFor = unguarded,
        on_refused: OnRefused = kept_nowhere,
    ) -> None:
        self._guard_for = guard_for
        self._on_refused = on_refused
        self.limits = limits or Limits()
        self._common = Common(self.limits)
        self.counts = self._common.counts
        self.census = Census(self.limits.sessions_per_user)
        self._open_store = open_store
        self._on_open = on_open
        self._held: dict[Room, AsyncExitStack] = {}
        self._closing = False
        self._barred: dict[ProjectId, str] = {}
        self.rights_changes = 0
        """How often rights have changed: whoever was let in before one, and joins after it, is asked again."""
        grace = self.limits.grace_seconds
        self._savers: Shared[ProjectId, Saver] = Shared(self._open_saver, Saver.close, grace_seconds=grace)
        self._rooms: Shared[tuple[ProjectId, str], Room] = Shared(
            self._open_room, self._close_room, grace_seconds=grace, settle=Room.saved
        )

    @asynccontextmanager
    async def room(self, project: ProjectId, document: str) -> AsyncGenerator[Room, None]:
        """A document's room, kept open while it is used; raises NotFound, Unavailable, NewerSchema."""
        if self._closing:
            raise Unavailable("Workprint is shutting down.")
        try:
            kind_of(document)
        except UnknownDocument as error:
            raise NotFound(f"{str(error).capitalize()}.") from None
        async with AsyncExitStack() as using:
            try:
                room = await using.enter_async_context(self._rooms.use((project, document)))
            except NewerSchema as error:
                raise Unavailable(f"{error}. Update Workprint to open this document.") from error
            await room.ready()
            yield room

    @asynccontextmanager
    async def log(self, project: ProjectId) -> AsyncGenerator[UpdateStore, None]:
        """What is on disk of a project's documents, to be read, whether they are open or not; raises NotFound."""
        if self._closing:
            raise Unavailable("Workprint is shutting down.")
        async with self._savers.use(project) as saver:
            yield saver.store

    @asynccontextmanager
    async def close_project(self, project: ProjectId, reason: str) -> AsyncGenerator[None, None]:
        """Save and close every document of a project, and let nobody open one for as long as the context lasts.

        Who has one open is told the reason. Raises Conflict when somebody does the same already.
        """
        if project in self._barred:
            raise Conflict("Somebody is moving this project right now. Try again in a moment.")
        self._barred[project] = reason
        try:
            ours = [room for room in self.rooms() if room.project == project]
            for room in ours:
                room.end_all(CloseCode.NO_SUCH_DOCUMENT, reason)
            await self._rooms.close(lambda key: key[0] == project)
            await self._savers.close(lambda key: key == project)
            yield
            for room in ours:
                # Whoever was between the door and the room when it closed sits in it alone.
                for session in list(room.sessions):
                    session.link.close(CloseCode.NO_SUCH_DOCUMENT, reason)
        finally:
            del self._barred[project]

    def rooms(self) -> Collection[Room]:
        """Every room that is open now."""
        return self._rooms.values()

    def tell(self, project: ProjectId, field: str, **more: str) -> None:
        """Let whoever has the project open ask for something again (W-085): its `files`, its `manifest`."""
        for room in self.rooms():
            if room.project == project and room.document == TOLD_IN:
                room.present(field, {"version": new_id(field), **more})

    def log_state(self) -> LogState:
        """How the logs of the open projects stand."""
        savers = self._savers.values()
        sizes = [size for saver in savers for size in saver.compactor.sizes.values()]
        return LogState(
            rows=sum(size.rows for size in sizes),
            bytes=sum(size.bytes for size in sizes),
            checkpoint_bytes=sum(size.checkpoint_bytes for size in sizes),
            failing=sum(saver.failing for saver in savers),
        )

    async def reconsider(self, user_id: str = "") -> None:
        """Ask again who somebody is and what they may do, wherever they are connected; everybody, without a name.

        When this returns, nobody can do what they may not any more.
        """
        self.rights_changes += 1
        asking = [
            session.reconsider()
            for room in self.rooms()
            for session in room.sessions
            if session.reconsider is not None and user_id in ("", session.actor.user_id)
        ]
        for failure in await asyncio.gather(*asking, return_exceptions=True):
            if failure is not None:
                log.error("rights_not_asked_again", exc_info=failure)

    async def close(self) -> None:
        """End every session, save everything, close every store. Nobody is let in any more."""
        self._closing = True
        for room in self.rooms():
            room.end_all(CloseCode.GOING_AWAY, "Workprint is shutting down.")
        await self._rooms.close()
        await self._savers.close()

    def _demand_open(self, project: ProjectId) -> None:
        if (reason := self._barred.get(project)) is not None:
            raise NotFound(reason)

    async def _open_saver(self, project: ProjectId) -> Saver:
        self._demand_open(project)
        return Saver(await self._open_store(project), gather_seconds=self.limits.gather_seconds, counts=self.counts)

    async def _open_room(self, key: tuple[ProjectId, str]) -> Room:
        project, document = key
        self._demand_open(project)
        async with AsyncExitStack() as opening:
            saver = await opening.enter_async_context(self._savers.use(project))
            guard = await opening.enter_async_context(self._guard_for(project, document))
            room = Room(key, saver, self._common, guard=guard, on_refused=self._on_refused)
            try:
                await room.open(self._on_open)
            except BaseException:
                # Observers hold a document where no collector sees it.
                room.close()
                raise
            # While the disk fails nothing is acknowledged; those in the room are told why.
            opening.callback(
                saver.on_trouble(lambda failing: room.present("disk", {"failing": True} if failing else None))
            )
            self._held[room] = opening.pop_all()
        return room

    async def _close_room(self, room: Room) -> None:
        room.end_all(CloseCode.TRY_AGAIN_LATER, "this document was closed")
        room.close()
        await self._held.pop(room).aclose()
