"""UpdateStore: what a room's update log must promise, in words, and the rows it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class NewUpdate(NamedTuple):
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
    """A change, or a checkpoint that stands for many, as a room needs it to become itself again."""

    seq: int
    """0 for a checkpoint."""
    update: bytes


@dataclass(frozen=True, slots=True)
class LoggedUpdate:
    """A change as somebody needs it who asks who did what."""

    seq: int
    actor_id: str
    actor_name: str
    at: str
    update: bytes
    """Empty when the checkpoint holds it by now."""
    wrote: bytes | None = None
    """For a change that a checkpoint stands for: which part of the checkpoint it wrote, as `compact` was told."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What takes the place of a document's log up to a change."""

    upto: int
    """`seq` of the last change it stands for."""
    state: bytes
    """The whole document as one update."""
    credits: Sequence[LoggedUpdate]
    """Who wrote what of it, in order; their `wrote` is set."""
    waiting: Sequence[int]
    """`seq` of changes that stay as they are: they wait for others, and no whole state holds all of them."""


@dataclass(frozen=True, slots=True)
class LogSize:
    """How long a document's log is."""

    rows: int
    """Changes since the checkpoint, those that wait included."""
    bytes: int
    """Size of these changes."""
    checkpoint_bytes: int
    """Size of the checkpoint; 0 when there is none."""


@dataclass(frozen=True, slots=True)
class LogEnds:
    """Where a document's log ends: one of them grows whenever something is appended or compacted."""

    change: int
    """`seq` of the newest change that stands for itself; 0 when there is none."""
    credit: int
    """`seq` of the newest entry that compaction made; 0 when there is none."""


class NewerStore(Exception):
    """The log was written by a newer Workprint than this one."""


class UpdateStore(Protocol):
    """The update logs of one project's documents. `tests/promises/test_update_store.py` holds each store to this.

    - Order: a document's updates come back in the order in which they were appended; `seq` only ever grows.
    - Durable: when `append` returns, the whole batch survives a power cut; when it raises, none of it is there.
    - One writer: appends may be called at once, and are done one after the other.
    - Independent: a document never sees another document's updates; one that was never written is empty.
    - Attribution: who and when are kept with every update, and are never changed. Compaction makes one entry of what
      one person did without interruption and forgets who deleted something; who wrote what still stands is kept.
    - Compaction: a checkpoint takes the place of the changes it stands for in one transaction, or not at all; changes
      that were appended meanwhile stay behind it.
    """

    async def load(self, document: str) -> list[StoredUpdate]:
        """The checkpoint, if there is one, then every update after it in order; empty when the document is new."""
        ...

    async def append(self, batch: Sequence[NewUpdate]) -> None:
        """Write a batch in one transaction; it is on disk when this returns. Raises what the disk raises."""
        ...

    async def log(self, document: str, after: int = 0, limit: int = 1000) -> list[LoggedUpdate]:
        """At most `limit` updates of a document whose `seq` is greater than `after`, in order, with their authors."""
        ...

    async def checkpoint(self, document: str) -> bytes | None:
        """The state that stands for all that was compacted; None when nothing was."""
        ...

    async def compact(self, document: str, compaction: Compaction) -> None:
        """Put a checkpoint in the place of the changes it stands for; one compaction of a document at a time."""
        ...

    async def size(self, document: str) -> LogSize:
        """How long the log is; cheap."""
        ...

    async def documents(self) -> dict[str, LogEnds]:
        """Every document that was ever written, and where its log ends; reads no update."""
        ...

    async def close(self) -> None:
        """Let go of the files. Nothing may be called afterwards."""
        ...
