"""Replica: a room's own copy of its document; judges updates, and says when one has ruined it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import structlog
from pycrdt import Doc, TransactionEvent, get_update, merge_updates

from server.errors import Forbidden, TooLarge
from server.hub.claims import Claims
from server.hub.codec import BadMessage, Reader
from server.hub.deletes import covers, read_deletes
from server.hub.limits import Limits
from server.hub.single import Ends, new_end
from server.hub.structure import Id, Levels, may_hold_pairs, survey
from server.hub.waiting import Held, Waiting

T = TypeVar("T")
NOTHING = b"\0\0"
"""An update without a change. pycrdt also reports it for one that has to wait for others."""
EMPTY_STATE = b"\0"
"""State vector of a replica that has nothing."""
LOAD_AT_ONCE = 1000
"""Updates applied before others get their turn: about 6 ms."""
MEASURE_SHARE = 20
"""A full document is measured again after so many times as long as that took: whoever fills it costs 5 % at most."""
MERGE_AT_ONCE = 100
"""Merging is quadratic past about 200 updates (measured on pycrdt 0.14)."""


class UnknownRoot(Forbidden):
    """An update writes in a shared type that documents of this kind do not have: no rule would look at it."""


class Ruined(Exception):
    """An update made pycrdt panic, or was taken in part: that Doc must not be used again."""


class panics_told:  # noqa: N801 - used as a function; written as a class it costs an edit a third
    """A context that turns a panic of the Rust code into Ruined."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _type: type[BaseException] | None, error: BaseException | None, _at: object) -> None:
        """Look at what was raised."""
        # pyo3 derives PanicException from BaseException and exports it nowhere: its name must do.
        if error is not None and type(error).__name__ == "PanicException":
            raise Ruined(str(error)) from error


@dataclass(slots=True)
class Outcome(Generic[T]):
    """What one transaction did, even when its code failed halfway: a CRDT has no rollback."""

    update: bytes | None
    """The change as an update; None when there was none."""
    held: bool = False
    """The update builds on changes that have not arrived. It was put aside: nothing of it is applied, and nothing may
    be logged, shown or acknowledged before `ripe` gives it back."""
    result: T | None = None
    error: BaseException | None = None


class Replica:
    """One pycrdt Doc. Every change goes through `apply` or `change`; after Ruined it must be thrown away."""

    def __init__(self, history: Sequence[bytes] = (), limits: Limits | None = None) -> None:
        self.doc: Doc[Any] = Doc()
        self._limits = limits or Limits()
        self._log = structlog.get_logger(__name__)
        self._event: bytes | None = None
        self._state: bytes | None = None
        self.version = 0
        """Grows with every change."""
        self.waiting = Waiting(self._limits)
        """A room that is loaded again hands it on to its new replica."""
        self._known: Ends | None = None
        """End clock by Yjs client; None when it has to be read from the document again."""
        self._levels = Levels()
        self._halves: set[Id] = set()
        self._unread: list[bytes] = []
        """History whose characters have not been looked at: it takes longer than loading, and readers need it not."""
        self._size_bytes = 0
        self._measure_after = 0.0
        self.claims: Claims | None = None
        """Whose the Yjs client ids are; None: everybody may write with every id."""
        self.roots: frozenset[bytes] | None = None
        """The shared types at the top that a document of this kind has; None: any."""
        self._load(history)
        self._subscription = self.doc.observe(self._note)

    @classmethod
    async def loaded(cls, history: Sequence[bytes], limits: Limits | None = None) -> Self:
        """A replica with a long history, made without keeping others from the event loop; raises Ruined."""
        replica = cls(limits=limits)
        replica.close()
        for at in range(0, len(history), LOAD_AT_ONCE):
            replica._load(history[at : at + LOAD_AT_ONCE])
            await asyncio.sleep(0)
        replica._subscription = replica.doc.observe(replica._note)
        return replica

    def apply(self, update: bytes, origin: object, messages: int = 1) -> Outcome[None]:
        """Apply an update in one transaction, or put it aside when it builds on what has not arrived.

        Raises BadMessage when nobody honest wrote it, TooLarge when the document is full, WaitsTooMuch, and Ruined when
        it was poison. After each update that was applied, apply what `ripe` gives back, in the name of its own sender.
        """
        if self._unread:
            self._read_history()
        ends = self._ends()
        if not self._halves and self._size_bytes + len(update) <= self._limits.document_bytes:
            usual = new_end(update, ends)
            if usual is not None:
                if self.claims is not None:
                    self.claims.check(origin, usual[0])
                    self.claims.note(origin, usual[0])
                event = self._apply_quickly(update, origin)
                if event != update:
                    self._demand_whole(update)
                ends.grow(*usual)
                self._size_bytes += len(update)
                return Outcome(event)
        return self._apply_surveyed(update, origin, messages)

    def _apply_surveyed(self, update: bytes, origin: object, messages: int) -> Outcome[None]:
        found, ends = survey(update, self._levels), self._ends()
        known = ends.by_number
        if self.roots is not None and not found.roots <= self.roots:
            raise UnknownRoot(f"This document has no root called {min(found.roots - self.roots).decode()[:80]}.")
        new = [client for client, _, end in found.runs if end > known.get(client, 0)]
        if self.claims is not None:
            for client in new:
                self.claims.check(origin, client)
        if found.missing(known):
            self.waiting.add(Held(origin, update, found, messages))
            return Outcome(None, held=True)
        found.check_cuts(self._halves)
        if found.runs:
            self._demand_room(len(update))
        if found.overlaps(known):
            # Found by fuzzing: a half known item whose known half was collected loses its place in the document, and
            # the next edit beside it never ends. Cut off, the rest is collected too.
            with panics_told():
                update = get_update(update, self.state())
        done = self._apply_whole(update, origin)
        if self.claims is not None:
            for client in new:
                self.claims.note(origin, client)
        self._grow(ends, [(client, end) for client, _, end in found.runs], len(update))
        self._levels.add(found.levels)
        return done

    def _grow(self, ends: Ends, runs: Sequence[tuple[int, int]], size_bytes: int) -> None:
        for client, end in runs:
            ends.grow(client, end)
        self._known = ends
        self._size_bytes += size_bytes

    def ripe(self) -> Held | None:
        """An update that waited and need not any longer; None when there is none."""
        return self.waiting.take(self._ends().by_number) if self.waiting else None

    def forget(self, origin: object) -> None:
        """Drop what waits of a session that has gone."""
        if self.waiting:
            self.waiting.forget(origin)

    def _load(self, history: Sequence[bytes]) -> None:
        # One by one: merging them first takes twice as long as applying them (measured with 50,000 updates).
        with panics_told(), self.doc.transaction():
            for update in history:
                self.doc.apply_update(update)
                self._size_bytes += len(update)
                if may_hold_pairs(update):
                    self._unread.append(update)

    def _apply_whole(self, update: bytes, origin: object) -> Outcome[None]:
        done = self.change(lambda doc: doc.apply_update(update), origin)
        if isinstance(done.error, ValueError):
            raise BadMessage("an update does not decode") from done.error
        if done.error is not None:
            # E.g. "block parent must be deleted or shared ref type": what stood before that item is in the Doc now.
            raise Ruined(str(done.error)) from done.error
        if done.update != update:
            self._demand_whole(update)
        return Outcome(None if done.update == NOTHING else done.update)

    def _apply_quickly(self, update: bytes, origin: object) -> bytes | None:
        """Apply what `new_end` has judged: as `change`, but nothing in it fails that leaves the Doc whole."""
        self._event = None
        try:
            with self.doc.transaction(origin=origin):
                self.doc.apply_update(update)
        except ExceptionGroup:
            self._log.exception("observer_failed")
        except BaseException as error:
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                raise Ruined(str(error)) from error
            raise
        return self._event

    def _demand_whole(self, update: bytes) -> None:
        """Raise Ruined unless the event that was just seen shows all of an update, or the document had it."""
        with panics_told():
            if not self._is_in(update, self._event or NOTHING) and self.lacks(update):
                raise Ruined("an update was taken in part only")

    def _demand_room(self, more_bytes: int) -> None:
        """Raise TooLarge when the document is full."""
        # The sum of its updates; measured when that is too much, because what was written over counts no longer.
        limit = self._limits.document_bytes
        if self._size_bytes + more_bytes <= limit:
            return
        started = time.perf_counter()
        if started >= self._measure_after:
            self._size_bytes = len(self.missing(EMPTY_STATE))
            self._measure_after = started + MEASURE_SHARE * (time.perf_counter() - started)
        if self._size_bytes + more_bytes > limit:
            raise TooLarge(f"This document is full: it may hold {limit} bytes. Delete something, or start another one.")

    def _ends(self) -> Ends:
        if self._known is None:
            reader = Reader(self.state())
            self._known = Ends({reader.uint(): reader.uint() for _ in range(reader.uint())})
        return self._known

    def change(self, change: Callable[[Doc[Any]], T], origin: object) -> Outcome[T]:
        """Run `change` in one transaction. An observer that fails is logged; raises Ruined."""
        self._event = self._known = None
        result: T | None = None
        error: BaseException | None = None
        try:
            with panics_told(), self.doc.transaction(origin=origin):
                try:
                    with panics_told():
                        result = change(self.doc)
                except BaseException as raised:  # noqa: BLE001 - kept for the caller, once what was done is committed
                    error = raised
        except ExceptionGroup:
            self._log.exception("observer_failed")
        if self._event is not None:
            self._note_pairs(self._event)
        if isinstance(error, Ruined):
            raise error
        return Outcome(self._event, result=result, error=error)

    def lacks(self, update: bytes) -> bool:
        """Whether `update` holds anything, content or deletion, that the document does not have."""
        if update == NOTHING:
            return False
        wanted = read_deletes(get_update(update, self.state()))
        known = read_deletes(self.missing(self.state()))
        return wanted is None or known is None or not covers(known, wanted)

    def state(self) -> bytes:
        """The state vector; the same bytes until something changes."""
        if self._state is None:
            self._state = self.doc.get_state()
        return self._state

    def missing(self, state: bytes) -> bytes:
        """What a replica with that state vector lacks; raises BadMessage when it is no state vector."""
        try:
            return self.doc.get_update(state)
        except ValueError:
            raise BadMessage("a state vector does not decode") from None

    def close(self) -> None:
        """Stop observing; a Doc that is observed is never let go."""
        # One that is ruined may panic once more.
        with suppress(Ruined), panics_told():
            self.doc.unobserve(self._subscription)

    def _is_in(self, update: bytes, event: bytes) -> bool:
        """Whether an event that was just seen shows all that `update` deletes; cheaper than asking the document."""
        wanted = read_deletes(get_update(update, self.state()))
        shown = read_deletes(get_update(event, self.state()))
        return wanted is not None and shown is not None and covers(shown, wanted)

    def _read_history(self) -> None:
        unread, self._unread = self._unread, []
        for update in unread:
            try:
                self._note_pairs(update)
            except BadMessage as error:
                # Written before updates were judged, and loaded all the same: no fault of whoever writes now.
                self._log.warning("history_not_read", error=error.message)

    def _note_pairs(self, update: bytes) -> None:
        if may_hold_pairs(update):
            self._halves.update(survey(update).halves)

    def _note(self, event: TransactionEvent) -> None:
        self._event = event.update
        self._state = None
        self.version += 1


def merged(updates: Sequence[bytes]) -> bytes:
    """One or more updates as one, in order."""
    if len(updates) == 1:
        return updates[0]
    left = list(updates)
    while len(left) > 1:
        left = [_merged_once(left[at : at + MERGE_AT_ONCE]) for at in range(0, len(left), MERGE_AT_ONCE)]
    return left[0]


def _merged_once(updates: list[bytes]) -> bytes:
    return updates[0] if len(updates) == 1 else merge_updates(*updates)


def as_few(updates: list[bytes]) -> Sequence[bytes]:
    """The updates as one; as they are when they cannot be merged, so that the guilty one is found by applying."""
    if len(updates) == 1:
        return updates
    try:
        with panics_told():
            return (merged(updates),)
    except (ValueError, Ruined):
        return updates
