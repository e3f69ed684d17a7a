"""Compaction: one state and its credits in the place of a document's log, proved before anything is let go."""

import time
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from typing import Any

from pycrdt import Doc, Snapshot, get_update

from server.hub.codec import Reader
from server.hub.deletes import covers, encoded, read_deletes
from server.hub.replica import merged, panics_told
from server.hub.structs import NO_DELETES, Slices, Written, written, written_by
from server.store.base import Compaction, LoggedUpdate

AT_ONCE = 200
"""Changes applied before other threads get their turn."""
PIECE_BYTES = 1 << 16
ENCODINGS = 4
"""yrs joins what lies side by side when it loads a state: the second encoding is smaller, the third never was."""


class NotProved(Exception):
    """A state does not hold what the log holds, so the log stays as it is."""


def compacted(checkpoint: bytes | None, changes: Sequence[LoggedUpdate]) -> Compaction:
    """What takes the place of a checkpoint and the changes after it; raises NotProved, Ruined. Call it in a thread.

    The state is encoded by a document that was itself loaded from the state: nothing deleted lives on in it, and
    loading it once more gives the same bytes. It lacks nothing that any of the changes brings, except what waits for
    others: those changes are kept beside it.
    """
    before = [checkpoint] if checkpoint is not None else []
    updates = [change.update for change in changes]
    with panics_told():
        doc = _loaded([*before, *updates])
        state, proved = _settled(doc.get_update())
        waiting: list[LoggedUpdate] = []
        if updates and proved.lacks(merged(updates)):
            waiting = [change for change in changes if proved.lacks(change.update)]
            state, _ = _settled(proved.without_what_waits(state))
            proved = _Known(_loaded([state, *(change.update for change in waiting)]))
        if not proved.covers(_Known(doc)):
            raise NotProved("the new state lacks something that the log has")
    kept = {change.seq for change in waiting}
    done = [change for change in changes if change.seq not in kept]
    upto = max((change.seq for change in changes), default=0)
    return Compaction(upto, state, [_credit(run) for run in _runs(done)], sorted(kept))


def _loaded(updates: Sequence[bytes]) -> Doc[Any]:
    doc: Doc[Any] = Doc()
    for at in range(0, len(updates), AT_ONCE):
        with doc.transaction():
            for update in updates[at : at + AT_ONCE]:
                doc.apply_update(update)
        # Lets go of the interpreter: the rooms go on meanwhile.
        time.sleep(0)
    return doc


def _settled(state: bytes) -> tuple[bytes, "_Known"]:
    """A state that stays as it is when it is loaded, and what a document loaded from it has."""
    for _ in range(ENCODINGS):
        doc = _loaded([state])
        again = doc.get_update()
        if _alike(again, state):
            return state, _Known(doc)
        state = again
    raise NotProved("the state is another one each time it is loaded")


def _alike(one: bytes, other: bytes) -> bool:
    """Whether two encodings are the same but for the order of keys in plain objects, which yrs shuffles."""
    return len(one) == len(other) and _census(one) == _census(other)


def _census(data: bytes) -> Counter[int]:
    counted = Counter[int]()
    for at in range(0, len(data), PIECE_BYTES):
        counted.update(data[at : at + PIECE_BYTES])
    return counted


class _Known:
    """What a document has, asked many times. What waits in it for others does not count."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._state = doc.get_state()
        self.clocks = _clocks(self._state)
        # A snapshot is the delete set and the state vector: after "no structs" it reads as an update that only deletes.
        deletes = read_deletes(b"\0" + _snapshot(doc)) or {}
        self.deletes = {
            client_id: [(start, end) for start, end in ranges if start < self.clocks.get(client_id, 0)]
            for client_id, ranges in deletes.items()
        }

    def lacks(self, update: bytes) -> bool:
        """Whether `update` holds anything, content or deletion, that the document does not have."""
        wanted = read_deletes(get_update(update, self._state))
        return wanted is None or not covers(self.deletes, wanted)

    def without_what_waits(self, state: bytes) -> bytes:
        """The document's whole state, less the structs in it that miss others."""
        structs = Slices(state).cut(written(Written(client, 0, clock) for client, clock in self.clocks.items()))
        return structs.removesuffix(NO_DELETES) + encoded(self.deletes)

    def covers(self, other: "_Known") -> bool:
        """Whether the document has all that another one has."""
        return covers(self.deletes, other.deletes) and all(
            clock <= self.clocks.get(client_id, 0) for client_id, clock in other.clocks.items()
        )


def _snapshot(doc: Doc[Any]) -> bytes:
    return Snapshot.from_doc(doc).encode()  # pyright: ignore[reportUnknownMemberType] - pycrdt leaves Doc's type open


def _clocks(state_vector: bytes) -> dict[int, int]:
    reader = Reader(state_vector)
    return {reader.uint(): reader.uint() for _ in range(reader.uint())}


def _runs(changes: Sequence[LoggedUpdate]) -> list[list[LoggedUpdate]]:
    """What one person did without interruption, together."""

    def take(runs: list[list[LoggedUpdate]], change: LoggedUpdate) -> list[list[LoggedUpdate]]:
        if runs and runs[-1][-1].actor_id == change.actor_id:
            runs[-1].append(change)
        else:
            runs.append([change])
        return runs

    return reduce(take, changes, [])


def _credit(run: Sequence[LoggedUpdate]) -> LoggedUpdate:
    last = run[-1]
    wrote = written_by([change.update for change in run])
    return LoggedUpdate(last.seq, last.actor_id, last.actor_name, last.at, b"", wrote)
