"""Replay: a document's log applied update by update, and what each update did to the records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, cast

from pycrdt import Doc, Map, Text

from crdt_schema.documents import kind_of
from server.activity.shown import SHOWN, Shown
from server.hub.replica import panics_told

LONGEST_TITLE = 80
ARROW = " → "

Record = tuple[str, str]
"""Root and key."""
ChangeKind = Literal["added", "changed", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """What an update did to one record."""

    root: str
    key: str
    kind: ChangeKind
    fields: frozenset[str]
    """What was written: names of fields, and `field.key` in a field that is a map. Of a new record, all it has."""
    title: str
    type: str


class _Look(NamedTuple):
    """How a record stands: what is needed to name it, also when it is gone."""

    title: str
    type: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class _Event:
    root: str
    path: Sequence[object]
    keys: Mapping[str, Mapping[str, object]] | None
    """What became of each key of a map; None when it is no map that changed."""


class Replay:
    """One document. All of it, `close` included, belongs to the thread that made it: pycrdt demands that."""

    def __init__(self, document: str) -> None:
        kind = kind_of(document)
        self._document = document
        self._shown = SHOWN[kind.name]
        self._doc: Doc[Any] = Doc()
        self._events: list[_Event] = []
        self._looks: dict[Record, _Look] = {}
        root_type = Text if kind.name == "script" else Map
        self._roots: dict[str, Any] = {root: self._doc.get(root, type=root_type) for root in self._shown}
        # Not a method of this object: what observes is held where no collector sees it.
        self._watched = [
            (root, root.observe_deep(partial(_note, self._events, name))) for name, root in self._roots.items()
        ]

    def close(self) -> None:
        """Stop watching; the document is let go with this object."""
        for root, watching in self._watched:
            root.unobserve(watching)
        self._events.clear()

    def apply(self, update: bytes) -> list[Change]:
        """Apply the next update and tell what it did; raises Ruined, after which this must not be used again."""
        self._events.clear()
        with panics_told():
            self._doc.apply_update(update)
        # One transaction for all reading: each would begin its own.
        with self._doc.transaction():
            return self._changes()

    def _changes(self) -> list[Change]:
        written: dict[Record, set[str]] = {}
        for event in self._events:
            for record, fields in self._written(event):
                written.setdefault(record, set()).update(fields)
        # What is called after others comes after them.
        order = list(self._shown)
        records = sorted(written, key=lambda record: (order.index(record[0]), record[1]))
        changes = [self._change(record, written[record]) for record in records]
        return [change for change in changes if change is not None]

    def _written(self, event: _Event) -> Iterable[tuple[Record, set[str]]]:
        if event.path:
            yield (event.root, str(event.path[0])), _fields_below(event)
        elif event.keys is None:
            yield (event.root, event.root), {event.root}
        else:
            for key, what in event.keys.items():
                yield (event.root, key), self._replaced(event.root, key, what)

    def _replaced(self, root: str, key: str, what: Mapping[str, object]) -> set[str]:
        """The fields of a record that another one has taken the place of."""
        if what.get("action") != "update":
            return set()
        fields = _differing(what)
        return self._fields_of((root, key)) if fields is None else fields

    def _change(self, record: Record, fields: set[str]) -> Change | None:
        root, key = record
        before = self._looks.get(record)
        after = self._look(record, before, fields)
        if after is None:
            self._looks.pop(record, None)
        else:
            self._looks[record] = after
        was, is_now = before is not None and not before.deleted, after is not None and not after.deleted
        named = after if after is not None and is_now else before
        if named is None or (not was and not is_now) or not (fields or was != is_now):
            return None
        kind: ChangeKind = "changed" if was and is_now else "added" if is_now else "removed"
        if kind == "added":
            fields = fields | self._fields_of(record)
        return Change(root, key, kind, frozenset(fields), named.title, named.type)

    def _look(self, record: Record, before: _Look | None, fields: set[str]) -> _Look | None:
        """How a record stands now; None when it is not there. Read only when its look may have changed."""
        root, key = record
        shown = self._shown[root]
        if isinstance(self._roots[root], Text):
            return _Look(self._document.partition("/")[2], shown.word, deleted=False)
        value = self._roots[root].get(key)
        if value is None:
            return None
        if before is not None and fields and not any(map(shown.names, fields)):
            return before
        title = _words(_get(value, shown.title)) if shown.title else ""
        return _Look(
            title or self._called_after(shown, key, value),
            (_words(_get(value, shown.type)) if shown.type else "") or shown.word,
            deleted=_is_true(_get(value, "deleted")),
        )

    def _called_after(self, shown: Shown, key: str, value: object) -> str:
        """A title made of the titles of other records."""
        if not shown.refers_to:
            return ""
        names = [_words(_get(value, field)) for field in shown.by] if shown.by else [key]
        looks = [(name, self._looks.get((shown.refers_to, name))) for name in names if name]
        return ARROW.join(name if look is None else look.title or look.type for name, look in looks)

    def _fields_of(self, record: Record) -> set[str]:
        """Every field that a record has; keys of a map in it as `field.key`."""
        root, key = record
        if isinstance(self._roots[root], Text):
            return {root}
        value: object = self._roots[root].get(key)
        found: set[str] = set()
        for field in _keys(value):
            inner = _keys(_get(cast("object", value), field)) if isinstance(value, Map) else []
            found |= {f"{field}.{each}" for each in inner} or {field}
        return found


def _note(events: list[_Event], root: str, found: list[Any]) -> None:
    """Keep what pycrdt tells only while the transaction lasts."""
    events += [_Event(root, event.path, getattr(event, "keys", None)) for event in found]


def _fields_below(event: _Event) -> set[str]:
    """The fields that an event inside a record is about."""
    below = event.path[1:]
    if not below:
        return set(event.keys or ())
    if len(below) == 1 and event.keys:
        return {f"{below[0]}.{key}" for key in event.keys}
    return {".".join(map(str, below[:2]))}


def _differing(what: Mapping[str, object]) -> set[str] | None:
    """The fields in which one plain record in the place of another differs; None when they are not both plain."""
    old, new = what.get("oldValue"), what.get("newValue")
    if not isinstance(old, dict) or not isinstance(new, dict):
        return None
    before, after = cast("dict[str, object]", old), cast("dict[str, object]", new)
    return {field for field in before.keys() | after.keys() if before.get(field) != after.get(field)}


def _keys(value: object) -> list[str]:
    if isinstance(value, Map | dict):
        return list(cast("dict[str, object]", value).keys())
    return []


def _get(value: object, field: str) -> object:
    """A field of a record, whether it is shared or plain; None when there is none."""
    return cast("dict[str, object]", value).get(field) if isinstance(value, Map | dict) else None


def _words(value: object) -> str:
    """A title or a type, on one line."""
    if not isinstance(value, str | Text):
        return ""
    words = " ".join(str(value)[: 4 * LONGEST_TITLE].split())
    return words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1] + "…"


def _is_true(value: object) -> bool:
    return isinstance(value, bool | int | float | str) and bool(value)
