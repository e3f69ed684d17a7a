"""Reader: the activity of one document, as far as its log was read; it goes on where it stopped."""

import time
from collections.abc import Callable, Iterator, Sequence

from crdt_schema.documents import kind_of
from server.activity.journal import Entry, Journal, Position, Stamp
from server.activity.replay import Replay
from server.activity.shown import SHOWN
from server.hub.structs import Slices
from server.store.base import LogEnds, LoggedUpdate

TURN_SECONDS = 0.001
"""Work done before other threads get their turn at the interpreter."""
PAUSE_SECONDS = 0.0002
"""Long enough for the event loop to wake up and take it."""
TIMES_BYTES = 10
"""A document in memory takes about so many times the bytes of its updates."""
ENTRY_BYTES = 500


class Reader:
    """One document. `take`, `blame`, `newest_first`, `floor` and `close` are called in one thread, always the same."""

    def __init__(self, document: str, *, most: int, keep: Callable[[Entry], bool] = lambda _: True) -> None:
        self.document = document
        self.ends: LogEnds | None = None
        """Where the log ended before it was read last."""
        self.seq = 0
        """The newest entry of the log that was taken."""
        self.weight = 0
        """About how many bytes of memory it takes."""
        self._bytes = 0
        self._roots = tuple(SHOWN[kind_of(document).name])
        self._replay: Replay | None = None
        self._journal = Journal(document, most=most, keep=keep)
        self._slices: Slices | None = None

    def close(self) -> None:
        """Let go of the document, here: pycrdt lets no other thread do it."""
        if self._replay is not None:
            self._replay.close()
            self._replay = None

    def take(self, page: Sequence[LoggedUpdate], state: bytes | None) -> None:
        """Read on; `state` is the checkpoint that compacted entries are cut from. Raises Ruined."""
        replay = self._replay = self._replay or Replay(self.document)
        since = time.perf_counter()
        for entry in page:
            # Who asked for the last page may have gone before it was taken: it comes again then.
            if entry.seq <= self.seq:
                continue
            update = entry.update if entry.wrote is None else self._cut(entry.wrote, state)
            self._journal.add(entry, replay.apply(update) if update else ())
            self.seq = entry.seq
            self._bytes += len(update)
            if time.perf_counter() - since > TURN_SECONDS:
                time.sleep(PAUSE_SECONDS)
                since = time.perf_counter()
        self.weight = TIMES_BYTES * self._bytes + ENTRY_BYTES * len(self._journal)

    def rest(self) -> None:
        """Nothing more will come for a while: let go of what only serves to read on."""
        self._slices = None

    def newest_first(self, wanted: Callable[[Entry], bool], before: Position | None) -> Iterator[Entry]:
        """The kept entries before a position that are wanted."""
        return self._journal.newest_first(wanted, before)

    def floor(self) -> Position | None:
        """The oldest entry that is kept, when there were older ones; None when all are here."""
        return self._journal.floor()

    def blame(self, key: str) -> dict[str, Stamp] | None:
        """Who wrote each field of a record last; None when there is no such record."""
        return self._journal.blame(key, self._roots)

    def _cut(self, wrote: bytes, state: bytes | None) -> bytes:
        if state is None:
            return b""
        if self._slices is None or self._slices.state != state:
            self._slices = Slices(state)
        return self._slices.cut(wrote)
