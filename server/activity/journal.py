"""Journal: what people did to the records of a document, in entries that a person can read, and who wrote what last."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import blake2s
from sys import intern
from typing import Any, NamedTuple

from server.activity.replay import Change, ChangeKind, Record
from server.auth.actor import SYSTEM
from server.store.base import LoggedUpdate

TOGETHER_SECONDS = 300.0
"""What one person does to one record within this time is one entry."""

Position = tuple[int, str]
"""Where an entry stands among all of a project: `seq` of the update that began it, and a word for the record."""
PUT_BACK = ("seq", "mark")
"""All that is kept of an entry of which nothing is left: its place."""
Row = tuple[Any, ...]
"""An entry as it is kept, and a stamp. Python's garbage collector looks away from bare tuples of words; it would stop
the event loop to look at thousands of objects of any other kind."""


class Stamp(NamedTuple):
    """Who did something, and when."""

    user_id: str
    name: str
    at: str


class Entry(NamedTuple):
    """What one person did to one record, in a few minutes at most."""

    seq: int
    mark: str
    user_id: str
    name: str
    at: str
    until: str
    document: str
    record: str
    title: str
    type: str
    change: ChangeKind
    fields: tuple[str, ...]

    @property
    def position(self) -> Position:
        """It keeps this place whatever is added to it."""
        return self.seq, self.mark

    def plain(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "id": f"{self.seq}-{self.mark}",
            "at": self.at,
            "until": self.until,
            "by": {"id": self.user_id, "name": self.name},
            "document": self.document,
            "record": self.record,
            "title": self.title,
            "type": self.type,
            "change": self.change,
            "fields": sorted(self.fields),
        }


class Journal:
    """The newest entries of one document, oldest first, and the last writer of each field."""

    def __init__(self, document: str, *, most: int, keep: Callable[[Entry], bool] = lambda _: True) -> None:
        self._document = document
        self._most = most
        self._keep = keep
        self._rows: list[Row] = []
        self._dropped = 0
        self._latest: dict[Record, tuple[int, Row]] = {}
        """The newest entry of each record, with its number among all that were kept."""
        self._stamps: dict[Record, dict[str, Row]] = {}
        self._before: dict[Record, tuple[tuple[int, Row] | None, dict[str, Row]]] = {}
        """Newest entry and stamps of what a person's last update touched, as they were before it."""

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, update: LoggedUpdate, changes: Iterable[Change]) -> None:
        """Take what the next update did."""
        stamp = Stamp(intern(update.actor_id), intern(update.actor_name), intern(update.at))
        by_server = update.actor_id == SYSTEM.user_id
        if not by_server:
            self._before.clear()
        begun: list[tuple[Record, Entry]] = []
        for change in changes:
            record = (change.root, change.key)
            if by_server and record in self._before:
                self._put_back(record, change, tuple(stamp))
                continue
            latest = self._latest.get(record)
            if not by_server:
                self._before[record] = latest, dict(self._stamps.get(record, {}))
            self._stamp(record, change, tuple(stamp))
            if latest is None or not self._continue(record, latest, change, stamp):
                mark = blake2s("\0".join(record).encode(), digest_size=4).hexdigest()
                fields = tuple(map(intern, change.fields)) if change.kind == "changed" else ()
                what = (change.key, change.title, change.type, change.kind, fields)
                begun.append((record, Entry(update.seq, mark, *stamp, stamp.at, self._document, *what)))
        for record, entry in sorted(begun, key=lambda each: each[1].position):
            self._begin(record, entry)

    def newest_first(self, wanted: Callable[[Entry], bool], before: Position | None = None) -> Iterator[Entry]:
        """The kept entries before a position that are wanted."""
        at = len(self._rows) if before is None else bisect_left(self._rows, before)
        rows = (self._rows[each] for each in range(at - 1, -1, -1))
        return filter(wanted, (Entry(*row) for row in rows if len(row) > len(PUT_BACK)))

    def floor(self) -> Position | None:
        """The oldest entry that is kept, when there were older ones; None when all are here."""
        return self._rows[0][: len(PUT_BACK)] if self._dropped else None

    def blame(self, key: str, roots: Iterable[str]) -> dict[str, Stamp] | None:
        """Who wrote each field of a record last, in the first root that has one; None when none has.

        A map in it appears by itself, with whoever wrote any of it last, and once more for each of its keys.
        """
        stamps = next((found for root in roots if (found := self._stamps.get((root, key))) is not None), None)
        if stamps is None:
            return None
        whole = {field: Stamp(*row) for field, row in stamps.items()}
        for field, stamp in list(whole.items()):
            name = field.partition(".")[0]
            # At the same time: whoever was the later one, for a field that is written moves to the end.
            whole[name] = max(stamp, whole.get(name, stamp), key=lambda each: each.at)
        return whole

    def _begin(self, record: Record, entry: Entry) -> None:
        if not self._keep(entry):
            self._latest.pop(record, None)
            return
        row = tuple(entry)
        self._latest[record] = (self._dropped + len(self._rows), row)
        self._rows.append(row)
        # An eighth at a time: each time, all that stay are moved.
        if len(self._rows) > self._most + self._most // 8:
            dropped = len(self._rows) - self._most
            del self._rows[:dropped]
            self._dropped += dropped

    def _continue(self, record: Record, latest: tuple[int, Row], change: Change, stamp: Stamp) -> bool:
        """Whether a change belonged to the entry before it, and was added to that."""
        number, entry = latest[0], Entry(*latest[1])
        continues = _continues(entry, change, stamp)
        if continues:
            fields = entry.fields
            if entry.change == "changed" and not change.fields.issubset(fields):
                fields = tuple(map(intern, change.fields.union(fields)))
            entry = entry._replace(until=stamp.at, title=change.title, type=change.type, fields=fields)
        elif not entry.title and change.title:
            # What it was called then was compacted away.
            entry = entry._replace(title=change.title)
        else:
            return False
        self._keep_as(record, number, tuple(entry))
        return continues

    def _keep_as(self, record: Record, number: int, row: Row) -> None:
        self._latest[record] = (number, row)
        if number >= self._dropped:
            self._rows[number - self._dropped] = row

    def _put_back(self, record: Record, change: Change, stamp: Row) -> None:
        """Take back what somebody was not allowed to do: right after it, the server has undone it."""
        before, stamps = self._before[record]
        self._restore_stamps(record, change, stamps, stamp)
        if (latest := self._latest.get(record)) is None:
            return
        number, entry = latest[0], Entry(*latest[1])
        earlier = Entry(*before[1]) if before is not None and before[0] == number else None
        kept = frozenset(earlier.fields) if earlier is not None else frozenset[str]()
        fields = kept.union(entry.fields) - (change.fields - kept)
        if change.kind == "changed" and (fields or entry.change != "changed"):
            self._keep_as(record, number, tuple(entry._replace(fields=tuple(fields))))
        elif earlier is not None:
            self._keep_as(record, number, tuple(earlier))
        else:
            self._keep_as(record, number, entry[: len(PUT_BACK)])
            self._latest.pop(record)
            if before is not None:
                self._latest[record] = before

    def _restore_stamps(self, record: Record, change: Change, before: dict[str, Row], stamp: Row) -> None:
        """What was put back belongs to whoever had written it, or to the server where nobody knows."""
        if change.kind != "changed":
            self._stamps[record] = before
        else:
            now = self._stamps.setdefault(record, {})
            now |= {field: before.get(field, stamp) for field in change.fields}
        if not self._stamps[record]:
            del self._stamps[record]

    def _stamp(self, record: Record, change: Change, stamp: Row) -> None:
        if change.kind == "removed" and not change.fields:
            self._stamps.pop(record, None)
            return
        stamps = self._stamps.setdefault(record, {})
        for field in change.fields:
            if change.kind == "changed":
                for key in [each for each in stamps if each.startswith(f"{field}.")]:
                    del stamps[key]
            stamps.pop(field, None)
            stamps[intern(field)] = stamp


def _continues(entry: Entry, change: Change, stamp: Stamp) -> bool:
    if entry.user_id != stamp.user_id or entry.change == "removed" or change.kind != "changed":
        return False
    return entry.at == stamp.at or 0 <= _seconds(stamp.at) - _seconds(entry.at) <= TOGETHER_SECONDS


def _seconds(at: str) -> float:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        # Only this server writes times. One that cannot be read keeps nobody from reading the rest.
        return 0.0
