"""Room: one live document; merges what arrives, tells everybody once, and waits for no socket and no disk."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import structlog
from pycrdt import Doc

from crdt_schema.documents import identity_of, initialise, kind_of, upgrade
from crdt_schema.ids import ProjectId
from crdt_schema.plain import dump
from crdt_schema.records import DocumentPlain
from crdt_schema.wire import CloseCode, Kind, SyncStep, may_retry
from server.auth.actor import SYSTEM, Actor
from server.errors import TooLarge, Unavailable, WorkprintError
from server.hub import messages
from server.hub.audience import Audience
from server.hub.cached import Cached
from server.hub.census import TooManySessions
from server.hub.claims import Claims
from server.hub.codec import BadMessage, Reader
from server.hub.common import Common
from server.hub.epochs import FOUNDING, OTHER_EPOCH, brings_another, known_by_state, known_by_update
from server.hub.guarded import failures_logged
from server.hub.ledger import Ledger
from server.hub.messages import Message
from server.hub.nesting import check_nesting
from server.hub.presence import Presence
from server.hub.refusals import Guard, OnRefused, kept_nowhere
from server.hub.renewal import Renewal
from server.hub.replica import EMPTY_STATE, Outcome, Replica, Ruined, as_few, merged, panics_told
from server.hub.saver import Saver
from server.hub.session import Session
from server.hub.warden import Warden
from server.store.base import LoggedUpdate, NewUpdate

T = TypeVar("T")
OnOpen = Callable[["Room"], Callable[[], None]]
"""Called with a room once it is loaded; returns what to call when it closes."""

_SYNC = bytes((Kind.SYNC,))


class Room:
    """One document of one project, while somebody uses it. Made by `Hub`; runs on one event loop."""

    def __init__(
        self,
        place: tuple[ProjectId, str],
        saver: Saver,
        common: Common,
        *,
        guard: Guard | None = None,
        on_refused: OnRefused = kept_nowhere,
    ) -> None:
        """`place`: the project and the document's name in it."""
        project, document = place
        self.project = project
        self.document = document
        self.actor: Actor | None = None
        """Who made the change that is being applied right now: for observers of `doc`."""
        self._saver = saver
        self._limits = common.limits
        self._counts = common.counts
        self._pace = common.pace
        self._stamp = common.stamp
        self._log = structlog.get_logger(__name__).bind(project=project, document=document)
        self._replica = Replica()
        self._audience = Audience(common.limits, common.counts, state=self._state_told, catch_up=self._missed_since)
        self._presence = Presence(common.limits, refuse=common.counts.refuse)
        self._renewal = Renewal(self._presence, self._schedule_flush)
        self._inbox: dict[Session, list[bytes]] = {}
        self._news: list[tuple[Session | None, bytes]] = []
        self._unsaved: list[NewUpdate] = []
        self._untold = 0
        self._handed_over = 0
        self._ledger = Ledger(common.counts)
        self._on_open: Sequence[OnOpen] = ()
        self._detach: list[Callable[[], None]] = []
        self._flush_handle: asyncio.Handle | None = None
        self._flushing = False
        self._rebuilding: asyncio.Task[None] | None = None
        self._closed = False
        self._warden = Warden(place, common, guard, on_refused)
        # Nobody but the server could give its changes back: one that was shown and then lost in a crash would part the
        # readers from the document for ever. So they are shown what is on disk.
        self._shows_saved = kind_of(document).shows_saved
        self._shown = EMPTY_STATE
        self._plain = Cached(lambda: dump(self.doc, self.document))
        self._held: list[tuple[Session, bytes]] = []
        self._step1 = Cached(lambda: messages.step1(self._replica.state()))
        self._everything = Cached(lambda: messages.step2(self._replica.missing(EMPTY_STATE)))

    # What the rest of the server uses

    @property
    def doc(self) -> Doc[Any]:
        """The document. Read it; to change it, use `edit`. Do not keep it: a rebuilt room has another one."""
        return self._replica.doc

    def plain(self) -> DocumentPlain:
        """The document as plain values: one object until something changes, shared by all who ask; do not change it."""
        return self._plain.get(self._replica)

    @property
    def applied(self) -> int:
        """Number of the newest change since the room was opened; an observer reads the number of the one it sees."""
        return self._ledger.applied

    @property
    def epoch(self) -> str:
        """Which life of the document this is: clients with another epoch hold another history."""
        return str(self._warden.identity.epoch)

    @property
    def sessions(self) -> Sequence[Session]:
        """Who is connected."""
        return self._audience.sessions

    def edit(self, actor: Actor, change: Callable[[Doc[Any]], T]) -> T:
        """The server's way into a document: run `change` in one transaction, in `actor`'s name.

        It is broadcast and saved like anybody's edit; `await saved()` for the disk. When `change` raises, what it
        had done by then stays (a CRDT has no rollback) and the error is raised. Raises Unavailable during a rebuild.
        """
        if self._closed:
            raise Unavailable("This document was closed. Open it again.")
        self._drain()
        self._demand_whole()
        try:
            done = self._perform(None, actor, partial(self._replica.change, change, actor))
        except Ruined:
            self._start_rebuild()
            raise
        self._warden.accept()
        if done.error is not None:
            raise done.error
        return cast("T", done.result)

    async def saved(self) -> None:
        """Wait until everything applied so far is on disk."""
        self._flush()
        await self._ledger.wait()

    def on_saved(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call `callback` with the number of the newest durable change, each time it grows; returns what ends that."""
        return self._ledger.call(callback)

    async def history(self, after: int = 0, limit: int = 1000) -> list[LoggedUpdate]:
        """Who changed what: at most `limit` entries of the log with a `seq` above `after`, in order."""
        return await self._saver.history.read(self.document, after, limit)

    def present(self, field: str, value: object | None) -> None:
        """Set a field of the server's own presence in this room; None removes it. Only the latest value is sent."""
        if not self._closed:
            self._presence.present(field, value)
            self._schedule_flush()
            self._renewal.start()

    # What the sockets use

    def demand_place(self) -> None:
        """Raise TooManySessions when nobody else may come in."""
        if len(self._audience) >= self._limits.sessions_per_room:
            raise TooManySessions("Too many people have this document open. Come back later.")

    def join(self, session: Session) -> None:
        """Let a session in; it is told who is here."""
        self._audience.join(session)
        if (everybody := self._presence.everybody()) is not None:
            session.link.send(messages.presence(everybody))

    def ask(self, session: Session) -> None:
        """Ask a client for what the room is missing."""
        session.link.send(self._step1.get(self._replica))

    def leave(self, session: Session) -> None:
        """Let a session go: the others are told, and what it had sent stays."""
        if session.ended:
            return
        self._drain()
        session.ended = True
        self._audience.leave(session)
        self._presence.leave(session)
        self._replica.forget(session)
        self._schedule_flush()

    def receive(self, session: Session, body: bytes) -> None:
        """Take a message of a session; raises WorkprintError when it must not send that."""
        if session.ended:
            return
        if self._rebuilding is None:
            self._take(session, body)
        else:
            if len(self._held) >= self._limits.held_frames:
                self._demand_whole()
            self._held.append((session, body))

    def _take(self, session: Session, body: bytes) -> None:
        if body.startswith(_SYNC):
            self._receive_sync(session, *messages.read_sync(body))
            return
        reader = Reader(body)
        match reader.uint():
            case Kind.AWARENESS:
                self._presence.receive(session, reader.chunk())
                self._schedule_flush()
            case Kind.QUERY_AWARENESS:
                if not self._audience.is_full(session):
                    session.link.send(messages.presence(self._presence.everybody() or b"\0"))
            case kind:
                raise BadMessage(f"a message of the unknown kind {kind}")

    def _receive_sync(self, session: Session, step: int, data: bytes) -> None:
        if step == SyncStep.STEP1:
            self._collect(session, known_by_state(session, data, self._replica.state))
            self._answer(session, data)
        elif step not in (SyncStep.STEP2, SyncStep.UPDATE):
            raise BadMessage(f"a sync message of the unknown step {step}")
        elif len(data) > self._limits.update_bytes:
            raise TooLarge(f"An update may hold at most {self._limits.update_bytes} bytes.")
        elif FOUNDING in data and brings_another(data, self._replica.state, self.epoch):
            self._end(session, CloseCode.OTHER_EPOCH, OTHER_EPOCH)
        elif not session.writable:
            self._hear_reader(session, data)
        else:
            check_nesting(data)
            session.relaying |= step == SyncStep.STEP2
            if session.early is None:
                self._collect(session, (data,))
            else:
                self._collect(session, known_by_update(session, step, data, self._limits))

    def _collect(self, session: Session, updates: Sequence[bytes]) -> None:
        if updates:
            self._inbox.setdefault(session, []).extend(updates)
            if self._flush_handle is None:
                self._schedule_flush()

    def _answer(self, session: Session, state: bytes) -> None:
        if self._audience.is_full(session):
            # It asks faster than it reads: one answer will come when it has caught up.
            self._audience.put_behind(session, state)
            return
        try:
            with panics_told():
                whole = state == EMPTY_STATE
                answer = self._everything.get(self._replica) if whole else messages.step2(self._replica.missing(state))
        except Ruined:
            self._start_rebuild()
            raise BadMessage("a state vector could not be read") from None
        if self._shows_saved:
            self._ledger.then(partial(self._audience.answer, session, answer))
        else:
            self._audience.answer(session, answer)
        if session.asks_back:
            self.ask(session)

    def _hear_reader(self, session: Session, update: bytes) -> None:
        """A client that may only read still answers step 1, usually with nothing: then nothing was refused."""
        check_nesting(update)
        try:
            with panics_told():
                lacks = self._replica.lacks(update)
        except (ValueError, Ruined):
            raise BadMessage("an update does not decode") from None
        if lacks:
            self._counts.refuse("read_only")
            session.link.refuse(1)
        else:
            self._acknowledge(session, 1)

    # One room, one tick

    def _schedule_flush(self) -> None:
        if self._flush_handle is None and not self._flushing:
            loop = asyncio.get_running_loop()
            wait = self._pace.wait_seconds() if self._pace.busy else 0.0
            self._flush_handle = loop.call_later(wait, self._flush) if wait else loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._flushing:
            return
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        started = time.perf_counter()
        # What it does asks for a flush: this one.
        self._flushing = True
        try:
            if self._rebuilding is None:
                self._drain()
                self._tell_news()
            if self._presence.changed and (heard := self._presence.take()) is not None:
                self._counts.presence_messages += self._audience.tell(messages.presence(heard[0]), heard[1])
        finally:
            self._flushing = False
        seconds = time.perf_counter() - started
        self._pace.spent(seconds)
        self._counts.flush_seconds.note(seconds)

    def _drain(self) -> None:
        """Apply what has arrived, one transaction per session."""
        while self._inbox and self._rebuilding is None:
            session = next(iter(self._inbox))
            self._merge(session, self._inbox.pop(session))
            if self._replica.waiting:
                self._merge_ripe()

    def _merge_ripe(self) -> None:
        """Take what waited for what has come now, in the name of whoever sent it."""
        while self._rebuilding is None and (ripe := self._replica.ripe()) is not None:
            self._merge(cast("Session", ripe.origin), [ripe.update], ripe.messages)

    def _merge(self, session: Session, updates: list[bytes], messages: int | None = None) -> None:
        few = updates if len(updates) == 1 else as_few(updates)
        taken = messages or len(updates)
        self._warden.prepare()
        try:
            for update in few:
                count = taken if len(few) == 1 else 1
                apply = partial(self._replica.apply, update, session, count)
                if self._perform(session, session.actor, apply).held:
                    taken -= count
                else:
                    self._warden.check(session, self.doc, self._compensate)
        except WorkprintError as error:
            self._end(session, error.close_code, error.message)
        except Ruined:
            self._log.exception("document_ruined", user=session.actor.user_id)
            self._start_rebuild()
            self._end(session, CloseCode.BAD_MESSAGE, "an update could not be applied")
        else:
            if taken:
                self._counts.edits += taken
                self._untold += taken
                self._acknowledge(session, taken)
        session.relaying = False

    def _compensate(self, change: Callable[[Doc[Any]], None]) -> None:
        """A change of the server's own, in the tick that is going on."""
        self._perform(None, SYSTEM, partial(self._replica.change, change, SYSTEM))

    def _perform(self, author: Session | None, actor: Actor, work: Callable[[], Outcome[T]]) -> Outcome[T]:
        """Do one change, in `actor`'s name, and note what became of it."""
        # Numbered before it runs: an observer reads the number of the change it sees.
        self._ledger.applied += 1
        self.actor = actor
        lasting: bytes | None = None
        try:
            outcome = work()
            lasting = outcome.update
        finally:
            self.actor = None
            if lasting is None:
                self._ledger.applied -= 1
        if outcome.update is not None:
            self._news.append((author, outcome.update))
        if lasting is not None:
            self._unsaved.append(NewUpdate(self.document, actor.user_id, actor.name, self._stamp(), lasting))
            self._schedule_flush()
        return outcome

    def _tell_news(self) -> None:
        if self._news:
            news, self._news = self._news, []
            authors = {author for author, _ in news}
            # Who made the only change knows it already.
            only = authors.pop() if len(authors) == 1 else None
            message = messages.change(merged([update for _, update in news]))
            edits, self._untold = self._untold, 0
            if edits:
                self._counts.flush_edits.note(edits)
            if self._shows_saved:
                self._ledger.then(partial(self._show, message, self._replica.state()))
            else:
                self._counts.deliveries += edits * self._audience.tell(message, only, change=True)
        if self._handed_over < self.applied:
            rows, self._unsaved = self._unsaved, []
            self._handed_over = self.applied
            self._saver.add(rows, partial(self._ledger.handle_saved, self.applied))

    def _show(self, message: Message, state: bytes) -> None:
        """Tell everybody a change that is on disk now; `state` is the document's with it."""
        self._shown = state
        self._counts.deliveries += self._audience.tell(message, None, change=True)

    def _state_told(self) -> bytes:
        """State vector of what everybody was told who keeps up."""
        return self._shown if self._shows_saved else self._replica.state()

    def _missed_since(self, state: bytes) -> Sequence[Message] | None:
        settled = self._ledger.settled or not self._shows_saved
        if not settled or self._rebuilding is not None:
            return None
        present = self._presence.everybody() or b"\0"
        return messages.step2(self._replica.missing(state)), messages.presence(present)

    def _acknowledge(self, session: Session, count: int) -> None:
        if not session.ended:
            self._ledger.acknowledge(session, count)
        self._schedule_flush()

    # Life

    async def open(self, on_open: Sequence[OnOpen]) -> None:
        """Load the document, or found it; then let the observers in. A new document is on disk when this returns."""
        history = await self._saver.store.load(self.document)
        self._replace(await Replica.loaded([row.update for row in history], self._limits))
        if history:
            self.edit(SYSTEM, lambda doc: upgrade(doc, self.document))
        else:
            self.edit(SYSTEM, lambda doc: initialise(doc, self.document))
        await self.saved()
        self._warden.identity = identity_of(self.doc)
        self._shown = self._replica.state()
        self._on_open = on_open
        self._attach()

    def _replace(self, replica: Replica) -> None:
        self._replica.close()
        self._replica = replica

    async def ready(self) -> None:
        """Wait for a rebuild, if there is one."""
        if self._rebuilding is not None:
            await asyncio.shield(self._rebuilding)

    def close(self) -> None:
        """Drop the observers and timers; what was applied is with the saver. Nothing can be edited afterwards."""
        self._closed = True
        if self._flush_handle is not None:
            self._flush_handle.cancel()
        self._renewal.close()
        self._audience.close()
        self._detach_all()
        self._replica.close()
        self._saver.compactor.leave(self.document)

    def end_all(self, code: CloseCode, reason: str) -> None:
        """Tell every session to go."""
        self._flush()
        for session in self._audience.sessions:
            self._end(session, code, reason)

    def _end(self, session: Session, code: CloseCode, reason: str) -> None:
        if not may_retry(code):
            self._log.info("session_ended", user=session.actor.user_id, code=int(code), reason=reason)
        self.leave(session)
        session.link.close(code, reason)

    def _demand_whole(self) -> None:
        if self._rebuilding is not None:
            raise Unavailable("This document is being repaired. Try again in a moment.")

    def _start_rebuild(self) -> None:
        self._counts.rebuilds += 1
        self._tell_news()
        self._rebuilding = asyncio.create_task(self._rebuild(), name=f"rebuild {self.document}")

    async def _rebuild(self) -> None:
        """Load the document again without the update that ruined it; the other sessions stay, their messages wait."""
        self._detach_all()
        with failures_logged(self._log, "rebuild_failed"):
            await self._saver.settled()
            history = await self._saver.store.load(self.document)
            replica = await Replica.loaded([row.update for row in history], self._limits)
            replica.waiting = self._replica.waiting
            self._replace(replica)
            self._rebuilding = None
        if self._rebuilding is not None:
            self.end_all(CloseCode.TRY_AGAIN_LATER, "this document could not be repaired")
            return
        self._attach()
        self._merge_ripe()
        held, self._held = self._held, []
        for session, body in held:
            try:
                self._take(session, body)
            except WorkprintError as error:
                self._end(session, error.close_code, error.message)
        self._schedule_flush()

    def _attach(self) -> None:
        self._replica.claims = Claims(self.doc.client_id, SYSTEM.user_id, self._presence.owner_of)
        self._replica.roots = self._warden.roots
        self._warden.attach(self.doc)
        self._detach.append(self._warden.detach)
        for on_open in self._on_open:
            with failures_logged(self._log, "on_open_failed"):
                self._detach.append(on_open(self))

    def _detach_all(self) -> None:
        detach, self._detach = self._detach, []
        for each in detach:
            with failures_logged(self._log, "on_close_failed"):
                each()
