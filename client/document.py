"""LocalDocument: one document on this machine; edit it at any time, wait until it is saved."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, cast

from pycrdt import Doc, Map, TransactionEvent

from client.errors import ClientError, NotSaved, OtherEpoch
from client.merging import Merged, merge_canvas
from client.offline import OfflineLog
from crdt_schema.documents import kind_of

T = TypeVar("T")
Send = Callable[[int, bytes], None]
"""Sends a sync step (`crdt_schema.wire.SyncStep`) with its data."""
STEP1, STEP2, UPDATE = 0, 1, 2


class LocalDocument:
    """A Yjs document that is kept in step with the server whenever there is a connection.

    When the server has begun the document anew, `wait_synced` and `wait_saved` raise OtherEpoch and nothing is sent or
    merged, now or after a restart of the program, until `discard` or `merge` was called.
    """

    def __init__(self, name: str, log: OfflineLog | None = None) -> None:
        self.name = name
        self.doc: Doc[Any] = Doc()
        self.writable = True
        self._log = log
        self._send: Send | None = None
        self._applying = False
        self._outstanding = 0
        self._unsent = log is not None and log.unsaved() > 0
        self._failure: ClientError | None = None
        self._synced = False
        self._asked: bytes | None = None
        self.ask_again: Callable[[], None] = lambda: None
        """Set by the connection: ask to be admitted to this document once more."""
        self._changed = asyncio.Condition()
        for update in log.load() if log else ():
            self.doc.apply_update(update)
        self._subscription = self.doc.observe(self._note)

    @property
    def epoch(self) -> str:
        """Which life of the document this is; empty before the first sync."""
        meta: Map[Any] = self.doc.get("meta", type=Map)
        return str(cast("object", meta.get("epoch", "")))

    @property
    def is_saved(self) -> bool:
        """Whether everything that was changed here is on the server's disk."""
        return not self._unsent and self._outstanding == 0

    async def wait_synced(self) -> None:
        """Wait until the server's state has arrived; raises what the server refused."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._synced or self._failure is not None)
        self._raise_failure()

    async def wait_saved(self) -> None:
        """Wait until everything changed so far is on the server's disk; raises NotSaved, Refused, OtherEpoch."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.is_saved or self._failure is not None)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # When the server has begun it anew

    async def discard(self) -> None:
        """Let the copy of the other epoch go, and take the server's document: `doc` is another object then."""
        await self._begin_anew(lambda _: None)

    async def merge(self, *, mine: bool = False) -> Merged:
        """Take the server's document (`doc` is another object then) and add what only the copy held, as new edits.

        Where both have a record and differ, the server's stays; with `mine` it becomes the copy's. The copy is kept on
        this machine until the edits are there too. Raises NotSaved where you may only read.
        """
        if not self.writable or kind_of(self.name).name != "canvas":
            raise NotSaved(f"You may read {self.name}, but not change it; the copy is kept.")
        copy = self.doc
        return await self._begin_anew(lambda doc: merge_canvas(copy, doc, mine=mine))

    async def _begin_anew(self, change: Callable[[Doc[Any]], T]) -> T:
        if not isinstance(self._failure, OtherEpoch):
            raise ClientError(f"There is nothing to decide: the copy of {self.name} is not of another epoch.")
        copy, failure, log = self.doc, self._failure, self._log
        # Until it is decided, the log keeps the copy.
        self._failure, self._log = None, None
        self._hold(Doc())
        try:
            self.ask_again()
            await self.wait_synced()
            with self.doc.transaction():
                done = change(self.doc)
        except BaseException:
            self._hold(copy)
            self._failure, self._log = failure, log
            raise
        self._log = log
        if log is not None:
            log.replace(self.doc.get_update(), saved=self.is_saved)
        return done

    def _hold(self, doc: Doc[Any]) -> None:
        self.doc.unobserve(self._subscription)
        self.doc = doc
        self._subscription = doc.observe(self._note)
        self._synced = False

    # What the connection uses

    def connect(self, send: Send) -> None:
        """The server admitted us: compare states. What was on its way when the last connection broke goes again."""
        self._send = send
        self._outstanding = 0
        self._unsent = True
        self._synced = False
        self._asked = None
        send(STEP1, self.doc.get_state())

    def disconnect(self) -> None:
        """The connection is gone; edits are kept until the next one."""
        self._unsent = self._unsent or self._outstanding > 0
        self._outstanding = 0
        self._send = None

    async def receive(self, step: int, data: bytes) -> None:
        """Take a sync message of the server; raises OtherEpoch before anything of another history is merged or sent."""
        if isinstance(self._failure, OtherEpoch):
            return
        if step == STEP1:
            self._asked = data
        elif step == STEP2:
            self._apply(data)
            self._synced = True
        elif self._synced:
            # What comes earlier is in the step 2 as well, and cannot be told by itself from another history's.
            self._apply(data)
        if self._synced and self._asked is not None:
            asked, self._asked = self._asked, None
            self._answer(asked)
        await self._tell()

    async def receive_status(self, *, saved: bool) -> None:
        """One of our messages is on disk, or was not taken."""
        self._outstanding = max(0, self._outstanding - 1)
        if not saved:
            self._failure = NotSaved(f"You may read {self.name}, but not change it.")
        elif self.is_saved and self._log is not None:
            self._log.replace(self.doc.get_update())
        await self._tell()

    async def fail(self, error: ClientError) -> None:
        """Tell whoever waits that it will not happen."""
        self._failure = error
        await self._tell()

    def close(self) -> None:
        """Stop watching and close the log."""
        self.doc.unobserve(self._subscription)
        if self._log is not None:
            self._log.close()

    def _answer(self, state: bytes) -> None:
        if self._send is not None and self._failure is None:
            self._outstanding += 1
            self._unsent = False
            self._send(STEP2, self.doc.get_update(state))

    def _apply(self, update: bytes) -> None:
        self._check_epoch(update)
        self._applying = True
        try:
            self.doc.apply_update(update)
        finally:
            self._applying = False

    def _check_epoch(self, update: bytes) -> None:
        """Raises OtherEpoch before anything of another history is merged."""
        if not self.epoch or self._synced:
            return
        scratch: Doc[Any] = Doc()
        scratch.apply_update(update)
        meta: Map[Any] = scratch.get("meta", type=Map)
        theirs = str(cast("object", meta.get("epoch", self.epoch)))
        if theirs != self.epoch:
            raise other_epoch(self.name)

    def _note(self, event: TransactionEvent) -> None:
        if self._log is not None:
            self._log.append(event.update, saved=self._applying)
        if self._applying:
            return
        if self._send is None or not self._synced or self._failure is not None:
            # The answer to the server's step 1 holds it, once the server's epoch is known.
            self._unsent = True
        else:
            self._outstanding += 1
            self._send(UPDATE, event.update)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def other_epoch(name: str) -> OtherEpoch:
    """What the caller is told, with what to do."""
    return OtherEpoch(
        f"{name} was begun anew on the server since this copy was made, and nothing was merged. "
        "Call discard() to take the server's, or merge() to add to it what only this copy holds."
    )
