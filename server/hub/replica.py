"""Replica: a room's own copy of its document; judges updates, and says when one has ruined it."""

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import structlog
from pycrdt import Doc, TransactionEvent, get_update, merge_updates

from server.hub.codec import BadMessage
from server.hub.deletes import covers, read_deletes

T = TypeVar("T")
NOTHING = b"\0\0"
"""An update without a change. pycrdt also reports it for one that has to wait for others."""
EMPTY_STATE = b"\0"
"""State vector of a replica that has nothing."""
WAITING_UPDATES = 100
"""How many updates that came too early are tried again when others arrive."""
LOAD_AT_ONCE = 1000
"""Updates applied before others get their turn: about 6 ms."""
MERGE_AT_ONCE = 100
"""Merging is quadratic past about 200 updates (measured on pycrdt 0.14)."""


class Ruined(Exception):
    """An update made pycrdt panic: that Doc can never be used again."""


@contextmanager
def panics_told() -> Generator[None, None, None]:
    """Turn a panic of the Rust code into Ruined."""
    try:
        yield
    except BaseException as error:
        # pyo3 derives PanicException from BaseException and exports it nowhere: its name must do.
        if type(error).__name__ == "PanicException":
            raise Ruined(str(error)) from error
        raise


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What one transaction did, even when its code failed halfway: a CRDT has no rollback."""

    update: bytes | None
    """The change as an update; None when there was none."""
    waits: bytes | None = None
    """An update of which a part must wait for changes that have not arrived. No event will show that part before they
    do, so the whole has to be kept as it came."""
    result: T | None = None
    error: BaseException | None = None


class Replica:
    """One pycrdt Doc. Every change goes through `apply` or `change`; after Ruined it must be thrown away."""

    def __init__(self, history: Sequence[bytes] = ()) -> None:
        self.doc: Doc[Any] = Doc()
        self._log = structlog.get_logger(__name__)
        self._event: bytes | None = None
        self._state: bytes | None = None
        self.version = 0
        """Grows with every change."""
        self._waiting: deque[bytes] = deque(maxlen=WAITING_UPDATES)
        self._load(history)
        self._subscription = self.doc.observe(self._note)

    @classmethod
    async def loaded(cls, history: Sequence[bytes]) -> Self:
        """A replica with a long history, made without keeping others from the event loop; raises Ruined."""
        replica = cls()
        replica.close()
        for at in range(0, len(history), LOAD_AT_ONCE):
            replica._load(history[at : at + LOAD_AT_ONCE])
            await asyncio.sleep(0)
        replica._subscription = replica.doc.observe(replica._note)
        return replica

    def apply(self, update: bytes, origin: object) -> Outcome[None]:
        """Apply an update in one transaction. Raises BadMessage when it does not decode, Ruined when it was poison."""
        done = self._apply_once(update, origin)
        if done.waits is not None:
            self._waiting.append(update)
        elif done.update is not None and self._waiting:
            return Outcome(merged([done.update, *self._retry(origin)]))
        return done

    def _load(self, history: Sequence[bytes]) -> None:
        # One by one: merging them first takes twice as long as applying them (measured with 50,000 updates).
        with panics_told(), self.doc.transaction():
            for update in history:
                self.doc.apply_update(update)

    def _apply_once(self, update: bytes, origin: object) -> Outcome[None]:
        done = self.change(lambda doc: doc.apply_update(update), origin)
        if isinstance(done.error, ValueError):
            raise BadMessage("an update does not decode") from done.error
        if done.error is not None:
            raise done.error
        if done.update == update:
            return done
        with panics_told():
            waits = not self._is_in(update, done.update or NOTHING) and self.lacks(update)
        return Outcome(None if done.update == NOTHING else done.update, waits=update if waits else None)

    def _retry(self, origin: object) -> Iterator[bytes]:
        """Apply again what had to wait. yrs 0.28 does it by itself, but loses some of what came in reverse order."""
        for update in list(self._waiting):
            done = self._apply_once(update, origin)
            if done.waits is None:
                self._waiting.remove(update)
            if done.update is not None:
                yield done.update

    def change(self, change: Callable[[Doc[Any]], T], origin: object) -> Outcome[T]:
        """Run `change` in one transaction. An observer that fails is logged; raises Ruined."""
        self._event = None
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
        """Stop observing."""
        self.doc.unobserve(self._subscription)

    def _is_in(self, update: bytes, event: bytes) -> bool:
        """Whether an event that was just seen shows all that `update` deletes; cheaper than asking the document."""
        wanted = read_deletes(get_update(update, self.state()))
        shown = read_deletes(get_update(event, self.state()))
        return wanted is not None and shown is not None and covers(shown, wanted)

    def _note(self, event: TransactionEvent) -> None:
        self._event = event.update
        self._state = None
        self.version += 1


def merged(updates: Sequence[bytes]) -> bytes:
    """One or more updates as one, in order."""
    left = list(updates)
    while len(left) > 1:
        left = [_merged_once(left[at : at + MERGE_AT_ONCE]) for at in range(0, len(left), MERGE_AT_ONCE)]
    return left[0]


def _merged_once(updates: list[bytes]) -> bytes:
    return updates[0] if len(updates) == 1 else merge_updates(*updates)
