"""UpdateStore: what a room's update log must promise, in words, and the rows it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """One change that a room has applied, on its way into the log."""

    document: str
    actor_id: str
    actor_name: str
    at: str
    """When it was applied: ISO 8601, UTC."""
    update: bytes
    """Yjs update, encoding version 1."""


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """A change as a room needs it to become itself again."""

    seq: int
    update: bytes


@dataclass(frozen=True, slots=True)
class LoggedUpdate:
    """A change as somebody needs it who asks who did what."""

    seq: int
    actor_id: str
    actor_name: str
    at: str
    update: bytes


class NewerStore(Exception):
    """The log was written by a newer Workprint than this one."""


class UpdateStore(Protocol):
    """The update logs of one project's documents. `tests/promises/test_update_store.py` holds each store to this.

    - Order: a document's updates come back in the order in which they were appended; `seq` only ever grows.
    - Durable: when `append` returns, the whole batch survives a power cut; when it raises, none of it is there.
    - One writer: appends may be called at once, and are done one after the other.
    - Independent: a document never sees another document's updates; one that was never written is empty.
    - Attribution: who and when are kept with every update, and are never changed.
    """

    async def load(self, document: str) -> list[StoredUpdate]:
        """Every update of a document in order; empty when it is new."""
        ...

    async def append(self, batch: Sequence[NewUpdate]) -> None:
        """Write a batch in one transaction; it is on disk when this returns. Raises what the disk raises."""
        ...

    async def log(self, document: str, after: int = 0, limit: int = 1000) -> list[LoggedUpdate]:
        """At most `limit` updates of a document whose `seq` is greater than `after`, in order, with their authors."""
        ...

    async def close(self) -> None:
        """Let go of the files. Nothing may be called afterwards."""
        ...
