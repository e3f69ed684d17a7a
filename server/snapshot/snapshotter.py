"""Snapshotter: commits a project after quiet, at the latest after a while, and on demand with a name."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import pygit2
import structlog
from pycrdt import Doc

from crdt_schema.ids import ProjectId
from server.auth.actor import SYSTEM, Actor
from server.errors import NotFound, Unavailable, WorkprintError
from server.hub.replica import Ruined, panics_told
from server.hub.room import Room
from server.snapshot.copies import Copy
from server.snapshot.disk import Edit, look_now
from server.snapshot.lfs import lfs_status
from server.snapshot.merger import FindPerson, Merger, Rooms, nobody_known, signature
from server.snapshot.pusher import Pusher
from server.snapshot.repo import ProjectRepo
from server.snapshot.tree import DOCUMENT_PATHS, MANIFEST_PATH, has_place
from server.snapshot.writer import Behind, Homes, Order, Written, write_snapshot

log = structlog.get_logger(__name__)
RETRY_SECONDS = 15.0
LONGEST_RETRY_SECONDS = 600.0
MOST_ROUNDS = 5
"""Somebody may save a file again while it is merged."""
NOT_WRITTEN = "The last snapshot could not be written to the Git repository. It will be tried again."


class LiveRoom(Protocol):
    """What a snapshot needs of a room."""

    @property
    def project(self) -> ProjectId:
        """Whose document it is."""
        ...

    @property
    def document(self) -> str:
        """Name of the document."""
        ...

    @property
    def doc(self) -> Doc[Any]:
        """The document itself, today."""
        ...

    @property
    def actor(self) -> Actor | None:
        """Who makes the change that is being applied."""
        ...

    async def ready(self) -> None:
        """Wait until the document can be read."""
        ...

    async def saved(self) -> None:
        """Wait until everything applied is on disk."""
        ...


class WatchedHomes(Homes, Protocol):
    """The index of projects, which also tells of changed manifests."""

    def on_change(self, listener: Callable[[ProjectId, Actor], None], /) -> None:
        """Call `listener` after a manifest was changed."""
        ...


@dataclass
class _Pending:
    """What happened to one project since its last snapshot."""

    rooms: dict[str, LiveRoom] = field(default_factory=dict[str, LiveRoom])
    dirty: set[str] = field(default_factory=set[str])
    copies: dict[str, tuple[Doc[Any], Copy]] = field(default_factory=dict[str, "tuple[Doc[Any], Copy]"])
    """Of documents whose rooms are open, as of the last snapshot, each with the one it follows."""
    left: dict[str, Copy] = field(default_factory=dict[str, Copy])
    """Dirty documents whose rooms have closed."""
    known: set[str] = field(default_factory=set[str])
    """Documents that were compared with the repository since this process started."""
    caught_up: bool = False
    """Whether all those were that nobody has opened since."""
    merged: set[str] = field(default_factory=set[str])
    """Marks of what people did on disk and is in the documents."""
    looked_at: object = None
    """How the files stood when somebody last looked."""
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """By path, what of the last merge was not allowed."""
    problems: dict[str, str] = field(default_factory=dict[str, str])
    """By path, what people have to repair on disk."""
    removed: set[str] = field(default_factory=set[str])
    """Paths of files that were taken out."""
    changes: Counter[Actor] = field(default_factory=Counter[Actor])
    first: float | None = None
    last: float = 0.0
    failures: int = 0
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def copy(self, document: str, doc: Doc[Any]) -> Copy:
        """The copy of a room's document, with everything in it."""
        follows, copy = self.copies.get(document, (None, None))
        if copy is None or follows is not doc:
            # A room that was rebuilt, or opened anew, may have lost what the copy has.
            copy = Copy(document)
            self.copies[document] = doc, copy
        copy.receive(doc.get_update(copy.state))
        return copy


@dataclass(frozen=True)
class _Batch:
    """What one attempt takes out of the pending changes."""

    dirty: set[str]
    removed: set[str]
    changes: Counter[Actor]
    copies: dict[str, Copy] = field(default_factory=dict[str, Copy])


def due(first: float, last: float, *, quiet_seconds: float, latest_seconds: float) -> float:
    """When a snapshot is to be taken, given when the first and the last change since the one before happened."""
    return min(last + quiet_seconds, first + latest_seconds)


class Snapshotter:
    """Watches the rooms of every project; its own methods are for the event loop, except `history` and `status`."""

    def __init__(  # noqa: PLR0913 - times and who helps, each by its name
        self,
        projects: WatchedHomes,
        *,
        quiet_seconds: float = 20.0,
        latest_seconds: float = 300.0,
        watch_seconds: float = 3.0,
        find_person: FindPerson = nobody_known,
        pusher: Pusher | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._projects = projects
        self._quiet_seconds = quiet_seconds
        self._latest_seconds = latest_seconds
        self._watch_seconds = watch_seconds
        self._merger = Merger(find_person)
        self._pusher = pusher
        self._watching: asyncio.Task[None] | None = None
        self._clock = clock
        self._now = now
        self._pending: dict[ProjectId, _Pending] = {}
        self._rooms: Rooms | None = None
        self._closing = False
        projects.on_change(self.note_manifest)

    def start(self, rooms: Rooms) -> None:
        """Let snapshots on demand open documents that nobody has open, and watch the files of those that are open."""
        self._rooms = rooms
        self._watching = asyncio.create_task(self._watch(), name="watch files")

    async def close(self) -> None:
        """Take the snapshots that are still waiting. The rooms may have closed before."""
        self._closing = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for project_id, pending in list(self._pending.items()):
            _stop_timer(pending)
            if pending.task is not None:
                await asyncio.wait({pending.task})
            if pending.dirty:
                await self._take_quietly(project_id)

    def attach(self, room: LiveRoom) -> Callable[[], None]:
        """Watch a room (an `on_open` of the hub); returns what to call when it closes."""
        document, doc = room.document, room.doc
        if not has_place(document):
            return lambda: None
        pending = self._of(room.project)
        pending.rooms[document] = room
        subscription = doc.observe(lambda _: self.note(room.project, document, room.actor))
        if document not in pending.known:
            # A process that was killed may have left changes that are saved but not committed.
            pending.known.add(document)
            self.note(room.project, document, None)

        def detach() -> None:
            if pending.rooms.get(document) is room:
                del pending.rooms[document]
            with suppress(Ruined), panics_told():
                doc.unobserve(subscription)
                if document in pending.dirty:
                    pending.left[document] = pending.copy(document, doc)
            pending.copies.pop(document, None)

        return detach

    def note(self, project_id: ProjectId, document: str, actor: Actor | None) -> None:
        """A document was changed, by `actor` if that is known. Never waits: it is called inside transactions."""
        pending, now = self._of(project_id), self._clock()
        pending.dirty.add(document)
        if actor is not None:
            pending.changes[actor] += 1
        pending.first = now if pending.first is None else pending.first
        pending.last = now
        self._schedule(project_id, pending)

    def note_manifest(self, project_id: ProjectId, actor: Actor = SYSTEM) -> None:
        """`project.json` was changed."""
        self.note(project_id, MANIFEST_PATH, actor)

    async def remove(self, project_id: ProjectId, path: str, actor: Actor) -> None:
        """Commit that `actor` took a file out of the project's folder: now, or with a later snapshot if that fails."""
        self._of(project_id).removed.add(path)
        self.note_manifest(project_id, actor)
        await self._take_quietly(project_id)

    async def snapshot_now(
        self, project_id: ProjectId, name: str | None = None, actor: Actor | None = None
    ) -> str | None:
        """Commit now and return the commit, None when nothing changed; a `name` becomes an annotated tag.

        Raises NotFound, Unavailable, TipMoved, OSError.
        """
        await asyncio.to_thread(self._projects.get, project_id)
        async with AsyncExitStack() as opened:
            if self._rooms is not None:
                for document in DOCUMENT_PATHS:
                    await opened.enter_async_context(self._rooms.room(project_id, document))
                self._of(project_id).dirty.update(DOCUMENT_PATHS)
            return await self._take(project_id, name or "", actor)

    async def finish(self, project_id: ProjectId) -> None:
        """Commit what waits of a project whose rooms have closed, and forget the project; raises as `snapshot_now`."""
        if (pending := self._pending.get(project_id)) is not None:
            # Also waits for a snapshot that is being taken.
            await self._take(project_id, "", None)
            _stop_timer(pending)
            self._pending.pop(project_id, None)

    def history(self, project_id: ProjectId, limit: int = 100) -> list[dict[str, object]]:
        """`{commit, message, author, at, names}` of the newest commits; it blocks. Raises NotFound, NoRepository."""
        return [asdict(entry) for entry in ProjectRepo(self._projects.get(project_id).folder).history(limit)]

    def status(self, project_id: ProjectId) -> dict[str, object]:
        """How the repository stands, without any path; it blocks. Raises NotFound, NoRepository."""
        repo = ProjectRepo(self._projects.get(project_id).folder)
        newest = next(iter(repo.history(1)), None)
        pending, lfs = self._pending.get(project_id), lfs_status()
        return {
            "branch": repo.tip().branch.removeprefix("refs/heads/"),
            "commit": newest.commit if newest else None,
            "message": newest.message if newest else "",
            "at": newest.at if newest else None,
            "clean": (changed := repo.changed_files()) == 0,
            "changed_files": changed,
            "pending": bool(pending and pending.dirty),
            "problem": NOT_WRITTEN if pending and pending.failures else "",
            "files": sorted(pending.problems.values()) if pending else [],
            "remote": self._pusher.state(project_id) if self._pusher else None,
            "lfs": {"ok": lfs.ok, "version": lfs.version, "message": lfs.message},
        }

    def _of(self, project_id: ProjectId) -> _Pending:
        return self._pending.setdefault(project_id, _Pending())

    def _schedule(self, project_id: ProjectId, pending: _Pending) -> None:
        """Set the timer unless it runs; it looks again when it rings, so that a change costs no timer of its own."""
        if self._closing or pending.timer is not None or pending.first is None:
            return
        wait = self._due(pending, pending.first) - self._clock()
        pending.timer = asyncio.get_running_loop().call_later(max(0.0, wait), self._ring, project_id, pending)

    def _due(self, pending: _Pending, first: float) -> float:
        at = due(first, pending.last, quiet_seconds=self._quiet_seconds, latest_seconds=self._latest_seconds)
        if pending.failures:
            pause = min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2 ** (pending.failures - 1))
            return max(at, first + pause)
        return at

    def _ring(self, project_id: ProjectId, pending: _Pending) -> None:
        pending.timer = None
        if pending.first is None:
            return
        if self._due(pending, pending.first) > self._clock():
            self._schedule(project_id, pending)
        else:
            pending.task = asyncio.create_task(self._take_quietly(project_id), name=f"snapshot {project_id}")

    async def _take_quietly(self, project_id: ProjectId) -> None:
        try:
            await self._take(project_id, "", None)
        except NotFound:
            # Deleted or moved out of the workspace: there is nothing left to commit to.
            self._pending.pop(project_id, None)
        except Exception:
            log.exception("snapshot_failed", project=project_id)

    async def _take(self, project_id: ProjectId, name: str, actor: Actor | None) -> str | None:
        pending = self._of(project_id)
        async with pending.lock:
            _stop_timer(pending)
            if not pending.caught_up and self._rooms is not None and not self._closing:
                await self._catch_up(project_id, pending, self._rooms)
            for _ in range(MOST_ROUNDS):
                try:
                    written = await self._attempt(project_id, pending, name, actor)
                except Behind as behind:
                    await self._merge(project_id, pending, behind.edits)
                else:
                    break
            else:
                raise Unavailable("The files of this project change faster than they can be merged.")
            pending.failures = 0
            pending.problems = {**pending.refused, **written.problems}
        if written.index_behind:
            self.note(project_id, MANIFEST_PATH, None)
        if written.commit is not None:
            log.debug("snapshot", project=project_id, commit=written.commit[:10])
            if self._pusher is not None:
                self._pusher.want(project_id)
        return written.commit

    @staticmethod
    async def _catch_up(project_id: ProjectId, pending: _Pending, rooms: Rooms) -> None:
        """Open every document once: a process that was killed may have left changes that are saved, not committed."""
        try:
            async with rooms.log(project_id) as log_of_project:
                names = await log_of_project.documents()
            for document in sorted(name for name in names if has_place(name) and name not in pending.known):
                await _open_once(rooms, project_id, document)
        except NotFound:
            # The project is gone, or is being closed for everybody.
            return
        pending.caught_up = True

    async def _attempt(self, project_id: ProjectId, pending: _Pending, name: str, actor: Actor | None) -> Written:
        # Cleared before, not after: what changes from here on belongs to the next snapshot.
        batch = _Batch(pending.dirty, pending.removed, pending.changes)
        pending.dirty, pending.removed, pending.changes, pending.first = set(), set(), Counter(), None
        try:
            await self._read(pending, batch)
            merged, removed = frozenset(pending.merged), frozenset(batch.removed)
            order = Order(project_id, self._now(), batch.copies, batch.changes, name, actor, merged, removed)
            written = await asyncio.to_thread(write_snapshot, self._projects, order)
        except BaseException as error:
            self._give_back(project_id, pending, batch, failed=not isinstance(error, Behind))
            raise
        if written.index_behind:
            pending.removed |= batch.removed
        return written

    async def _merge(self, project_id: ProjectId, pending: _Pending, edits: tuple[Edit, ...]) -> None:
        """Bring what people did on disk into the documents; the caller holds the lock. Raises Unavailable."""
        if self._rooms is None or self._closing:
            raise Unavailable("Files were changed on disk. They are merged when Workprint starts again.")
        fresh = [edit for edit in edits if edit.mark not in pending.merged]
        folder = self._projects.get(project_id).folder
        pending.dirty |= {edit.document for edit in fresh}
        pending.refused = await self._merger.merge(self._rooms, project_id, folder, fresh)
        pending.merged |= {edit.mark for edit in fresh}

    async def _watch(self) -> None:
        """Look every few seconds whether somebody has changed the files of a project that is in use."""
        while True:
            await asyncio.sleep(self._watch_seconds)
            for project_id, pending in list(self._pending.items()):
                if pending.rooms and not pending.lock.locked():
                    try:
                        await self._look(project_id, pending)
                    except (WorkprintError, OSError, pygit2.GitError) as error:
                        log.warning("cannot_look_at_files", project=project_id, reason=str(error))

    async def _look(self, project_id: ProjectId, pending: _Pending) -> None:
        folder = self._projects.get(project_id).folder
        stands = await asyncio.to_thread(signature, folder)
        if stands == pending.looked_at:
            return
        async with pending.lock:
            found = await asyncio.to_thread(look_now, folder)
            if any(edit.mark not in pending.merged for edit in found.edits):
                await self._merge(project_id, pending, found.edits)
            pending.problems = {**pending.refused, **found.problems}
            pending.looked_at = stands
        self._tell_team(pending)

    @staticmethod
    def _tell_team(pending: _Pending) -> None:
        """Show everybody on the canvas what somebody has to repair on disk."""
        if isinstance(room := pending.rooms.get("canvas"), Room):
            room.present("files", {"problems": sorted(pending.problems.values())} if pending.problems else None)

    async def _read(self, pending: _Pending, batch: _Batch) -> None:
        """Add the copy of each dirty document, on disk by now, to the batch."""
        for document in sorted(filter(has_place, batch.dirty)):
            if (room := pending.rooms.get(document)) is not None:
                await room.ready()
                await room.saved()
            # It may have closed, or been rebuilt, meanwhile.
            if (room := pending.rooms.get(document)) is not None:
                with panics_told():
                    batch.copies[document] = pending.copy(document, room.doc)
                pending.left.pop(document, None)
            elif document in pending.left:
                batch.copies[document] = pending.left.pop(document)
            else:
                pending.known.discard(document)

    def _give_back(self, project_id: ProjectId, pending: _Pending, batch: _Batch, *, failed: bool) -> None:
        """Put everything back, for the next attempt."""
        pending.failures += failed
        pending.dirty |= batch.dirty
        pending.removed |= batch.removed
        pending.changes += batch.changes
        for document in batch.copies.keys() - pending.rooms.keys():
            pending.left.setdefault(document, batch.copies[document])
        pending.first = self._clock()
        pending.last = pending.first
        if failed:
            # Made anew: one that could not take a change in never will.
            pending.copies.clear()
            self._schedule(project_id, pending)


async def _open_once(rooms: Rooms, project_id: ProjectId, document: str) -> None:
    """Open a document, which is to have it noted; raises NotFound."""
    try:
        async with rooms.room(project_id, document):
            pass
    except NotFound:
        raise
    except WorkprintError as error:
        # One that cannot be read must not keep the others from being committed.
        log.warning("cannot_commit_document", project=project_id, document=document, reason=str(error))


def _stop_timer(pending: _Pending) -> None:
    if pending.timer is not None:
        pending.timer.cancel()
        pending.timer = None
