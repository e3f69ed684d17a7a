"""History: who changed what, also where compaction has put one state in the place of many changes."""

import asyncio
from dataclasses import replace

from server.hub.structs import Slices
from server.store.base import LoggedUpdate, UpdateStore


class History:
    """Reads the logs of one store; a compacted change comes back as what is left of it in the document."""

    def __init__(self, store: UpdateStore) -> None:
        self._store = store
        self._slices: Slices | None = None

    async def read(self, document: str, after: int, limit: int) -> list[LoggedUpdate]:
        """At most `limit` entries with a `seq` above `after`, in order; applied one by one they make the document.

        After compaction an entry is what one person did without interruption, less what was deleted since; who
        deleted or overwrote something is forgotten.
        """
        entries = await self._store.log(document, after, limit)
        if any(entry.wrote is not None for entry in entries):
            # Read after the entries: a newer state holds all that an older one was credited with, or its deletion.
            state = await self._store.checkpoint(document)
            if state is not None:
                if self._slices is None or self._slices.state != state:
                    self._slices = await asyncio.to_thread(Slices, state)
                entries = [_whole(entry, self._slices) for entry in entries]
        if len(entries) < limit:
            self._slices = None
        return entries


def _whole(entry: LoggedUpdate, slices: Slices) -> LoggedUpdate:
    return entry if entry.wrote is None else replace(entry, update=slices.cut(entry.wrote))
