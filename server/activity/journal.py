"""Journal: what people did to the records of a document, in entries that a person can read, and who wrote what last."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2s
from sys import intern
from typing import Any, NamedTuple

from server.activity.replay import Change, ChangeKind, Record
from server.store.base import LoggedUpdate

TOGETHER_SECONDS = 300.0
"""What one person does to one record within this time is one entry."""

Position = tuple[int, str]
"""Where an entry stands among all of a project: `seq` of the update that began it, and a word for the record."""


class Stamp(NamedTuple):
    """Who did something, and when."""

    user_id: str
    name: str
    at: str


@dataclass(slots=True)
class Entry:
    """What one person did to one record, in a few minutes at most."""

    position: Position
    first: Stamp
    until: str
    document: str
    record: str
    title: str
    type: str
    change: ChangeKind
    fields: set[str]

    def plain(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "id": f"{self.position[0]}-{self.position[1]}",
            "at": self.first.at,
            "until": self.until,
            "by": {"id": self.first.user_id, "name": self.first.name},
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
        self.entries: deque[Entry] = deque(maxlen=most)
        self.dropped = False
        """Whether older entries were let go."""
        self._document = document
        self._keep = keep
        self._latest: dict[Record, Entry] = {}
        self._stamps: dict[Record, dict[str, Stamp]] = {}

    def add(self, update: LoggedUpdate, changes: Iterable[Change]) -> None:
        """Take what the next update did."""
        stamp = Stamp(intern(update.actor_id), intern(update.actor_name), update.at)
        begun: list[Entry] = []
        for change in changes:
            record = (change.root, change.key)
            self._stamp(record, change, stamp)
            latest = self._latest.get(record)
            if latest is not None and not latest.title:
                # What it was called then was compacted away.
                latest.title = change.title
            if latest is not None and _continues(latest, change, stamp):
                latest.until = stamp.at
                latest.title, latest.type = change.title, change.type
                if latest.change == "changed":
                    latest.fields |= change.fields
                continue
            position = (update.seq, blake2s("\0".join(record).encode(), digest_size=4).hexdigest())
            fields = set(map(intern, change.fields)) if change.kind == "changed" else set[str]()
            entry = Entry(
                position, stamp, stamp.at, self._document, change.key, change.title, change.type, change.kind, fields
            )
            self._latest[record] = entry
            begun.append(entry)
        for entry in sorted(begun, key=lambda entry: entry.position):
            if self._keep(entry):
                self.dropped = self.dropped or len(self.entries) == self.entries.maxlen
                self.entries.append(entry)

    def newest_first(self, wanted: Callable[[Entry], bool]) -> Iterator[Entry]:
        """The kept entries that are wanted."""
        return filter(wanted, reversed(self.entries))

    def blame(self, key: str, roots: Iterable[str]) -> dict[str, Stamp] | None:
        """Who wrote each field of a record last, in the first root that has one; None when none has.

        A map in it appears by itself, with whoever wrote any of it last, and once more for each of its keys.
        """
        stamps = next((found for root in roots if (found := self._stamps.get((root, key))) is not None), None)
        if stamps is None:
            return None
        whole: dict[str, Stamp] = {}
        # In the order of writing: a field that is written again moves to the end.
        for field, stamp in stamps.items():
            whole[field] = stamp
            whole[field.partition(".")[0]] = stamp
        return whole

    def _stamp(self, record: Record, change: Change, stamp: Stamp) -> None:
        if change.kind == "removed" and not change.fields:
            self._stamps.pop(record, None)
            return
        stamps = self._stamps.setdefault(record, {})
        for field in change.fields:
            for gone in [each for each in stamps if each == field or each.startswith(f"{field}.")]:
                del stamps[gone]
            stamps[intern(field)] = stamp


def _continues(latest: Entry, change: Change, stamp: Stamp) -> bool:
    """Whether a change belongs to the entry before it."""
    if latest.first.user_id != stamp.user_id or latest.change == "removed" or change.kind != "changed":
        return False
    return 0 <= _seconds(stamp.at) - _seconds(latest.first.at) <= TOGETHER_SECONDS


def _seconds(at: str) -> float:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        # Only this server writes times. One that cannot be read keeps nobody from reading the rest.
        return 0.0
