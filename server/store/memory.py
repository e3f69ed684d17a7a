"""The promises of UpdateStore kept in a dict, for tests and for runs that should leave nothing behind."""

from collections.abc import Sequence

from server.store.base import Compaction, LogEnds, LoggedUpdate, LogSize, NewUpdate, StoredUpdate


class MemoryUpdateStore:
    """Update logs that live as long as the process: here that is as durable as it gets."""

    def __init__(self) -> None:
        self._logs: dict[str, list[LoggedUpdate]] = {}
        self._checkpoints: dict[str, bytes] = {}
        self._seq = 0

    async def load(self, document: str) -> list[StoredUpdate]:
        """The checkpoint, then every update after it in order."""
        state = self._checkpoints.get(document)
        rows = [StoredUpdate(row.seq, row.update) for row in self._rows(document)]
        return rows if state is None else [StoredUpdate(0, state), *rows]

    async def append(self, batch: Sequence[NewUpdate]) -> None:
        """Keep a batch."""
        for new in batch:
            self._seq += 1
            row = LoggedUpdate(self._seq, new.actor_id, new.actor_name, new.at, bytes(new.update))
            self._logs.setdefault(new.document, []).append(row)

    async def log(self, document: str, after: int = 0, limit: int = 1000) -> list[LoggedUpdate]:
        """Updates with their authors."""
        return [row for row in self._logs.get(document, ()) if row.seq > after][:limit]

    async def checkpoint(self, document: str) -> bytes | None:
        """The state that stands for all that was compacted."""
        return self._checkpoints.get(document)

    async def compact(self, document: str, compaction: Compaction) -> None:
        """Put a checkpoint in the place of what it stands for."""
        kept = [
            row
            for row in self._logs.get(document, ())
            if row.wrote is not None or row.seq > compaction.upto or row.seq in compaction.waiting
        ]
        self._logs[document] = sorted([*kept, *compaction.credits], key=lambda row: row.seq)
        self._checkpoints[document] = compaction.state

    async def size(self, document: str) -> LogSize:
        """How long the log is."""
        rows = self._rows(document)
        return LogSize(len(rows), sum(len(row.update) for row in rows), len(self._checkpoints.get(document, b"")))

    async def documents(self) -> dict[str, LogEnds]:
        """Every document that was ever written."""
        return {
            document: LogEnds(
                change=max((row.seq for row in rows if row.wrote is None), default=0),
                credit=max((row.seq for row in rows if row.wrote is not None), default=0),
            )
            for document, rows in self._logs.items()
        }

    async def close(self) -> None:
        """Nothing to let go of."""

    def _rows(self, document: str) -> list[LoggedUpdate]:
        return [row for row in self._logs.get(document, ()) if row.wrote is None]
