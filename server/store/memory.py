"""The promises of UpdateStore kept in a dict, for tests and for runs that should leave nothing behind."""

from collections.abc import Sequence

from server.store.base import LoggedUpdate, NewUpdate, StoredUpdate


class MemoryUpdateStore:
    """Update logs that live as long as the process: here that is as durable as it gets."""

    def __init__(self) -> None:
        self._logs: dict[str, list[LoggedUpdate]] = {}
        self._seq = 0

    async def load(self, document: str) -> list[StoredUpdate]:
        """Every update of a document in order."""
        return [StoredUpdate(row.seq, row.update) for row in self._logs.get(document, ())]

    async def append(self, batch: Sequence[NewUpdate]) -> None:
        """Keep a batch."""
        for new in batch:
            self._seq += 1
            row = LoggedUpdate(self._seq, new.actor_id, new.actor_name, new.at, bytes(new.update))
            self._logs.setdefault(new.document, []).append(row)

    async def log(self, document: str, after: int = 0, limit: int = 1000) -> list[LoggedUpdate]:
        """Updates with their authors."""
        return [row for row in self._logs.get(document, ()) if row.seq > after][:limit]

    async def close(self) -> None:
        """Nothing to let go of."""
