"""Mirror: every record of a document as plain values, as it was before what a session has just changed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from pycrdt import Doc, Map, MapEvent, Text

from crdt_schema.values import normal
from server.guard.rules_common import same
from server.guard.touches import Kind, Record, Touch

_MISSING = object()
RECORDS_AT_ONCE = 100
"""Records read before others get their turn: about 4 ms."""


class Mirror:
    """The records of one document's roots. Fed by the CRDT's events, because reading a document whole is slow.

    What has changed is kept apart until `accept`: only then it becomes what was there before.
    """

    def __init__(self, roots: Sequence[str]) -> None:
        self._names = tuple(roots)
        self._doc: Doc[Any] = Doc()
        self._live: dict[tuple[str, str], Map[Any]] = {}
        self._roots: dict[str, Map[Any]] = {}
        self._subscriptions: list[Any] = []
        self._records: dict[str, dict[str, Record]] = {}
        self._unread: list[tuple[str, str]] = []
        self._changed: dict[tuple[str, str], set[str] | None] = {}

    def attach(self, doc: Doc[Any]) -> None:
        """Watch a document from here on; it is read by `read_some` or, at the latest, by `read_all`."""
        self._doc = doc
        self._roots = {name: doc.get(name, type=Map) for name in self._names}
        self._records = {name: {} for name in self._names}
        self._unread = [(name, key) for name, root in self._roots.items() for key in root.keys()]  # noqa: SIM118 - iterating a Map reads its values
        self._changed = {}
        for name, root in self._roots.items():
            self._subscriptions.append(root.observe_deep(partial(self._note, name)))

    def detach(self) -> None:
        """Watch no more; a document that is observed is never let go."""
        for root, subscription in zip(self._roots.values(), self._subscriptions, strict=True):
            root.unobserve(subscription)
        self._roots, self._subscriptions, self._unread, self._live = {}, [], [], {}

    async def read_some(self) -> None:
        """Read what is there, giving others their turn."""
        while self._unread:
            self._read(RECORDS_AT_ONCE)
            await asyncio.sleep(0)

    def read_all(self) -> None:
        """Read what has not been read: from now on everything has a `before`."""
        self._read(len(self._unread))

    def get(self, root: str, key: str) -> Record | None:
        """A record as it was last accepted."""
        return self._records[root].get(key)

    def keys(self, root: str) -> Iterable[str]:
        """The id of every record that was accepted."""
        return self._records[root]

    def touches(self) -> list[Touch]:
        """What has changed since the last `accept`; what is again as it was is left out."""
        found: list[Touch] = []
        # In one transaction: pycrdt would open one for each value that is read, and commit it.
        with self._doc.transaction():
            for (root, key), fields in self._changed.items():
                before = self._records[root].get(key)
                after = self._read_fields(root, key, before, fields)
                if _differ(before, after, fields):
                    whole = fields is None or before is None or after is None
                    found.append(Touch(root, key, None if whole else frozenset(fields or ()), before, after))
        return found

    def accept(self, touches: Iterable[Touch]) -> None:
        """What has changed is how it is now."""
        self._changed = {}
        for touch in touches:
            if touch.after is None:
                self._records[touch.root].pop(touch.key, None)
            else:
                self._records[touch.root][touch.key] = touch.after

    def put_back(self, root: str, key: str, field: str | None) -> None:
        """Make a record, or one field of it, what it was; inside a transaction of the document."""
        records, before = self._roots[root], self._records[root].get(key)
        record: object = records.get(key)
        if before is None:
            if key in records:
                del records[key]
        elif before.kind == "map" and isinstance(record, Map):
            shared = cast("Map[Any]", record)
            names = {*before.values, *shared.keys()} if field is None else {field}
            for name in names:
                _put_field_back(shared, name, before)
        elif before.kind == "plain" and field is not None and isinstance(record, dict):
            others = {name: value for name, value in cast("dict[str, object]", record).items() if name != field}
            records[key] = others | {name: value for name, value in before.values.items() if name == field}
        else:
            records[key] = _built(before)

    def _note(self, root: str, events: Sequence[Any]) -> None:
        # Runs inside the transaction: it may read the events and note, and nothing else.
        for event in events:
            path: list[Any] = event.path
            if not path:
                for key in event.keys if isinstance(event, MapEvent) else ():
                    self._changed[root, key] = None
                    self._live.pop((root, key), None)
                continue
            place = (root, cast("str", path[0]))
            fields = self._changed.setdefault(place, set())
            if fields is None:
                continue
            if len(path) > 1:
                fields.add(cast("str", path[1]))
            elif isinstance(event, MapEvent):
                fields.update(event.keys)
            else:
                # A piece of text in the place of a record.
                self._changed[place] = None

    def _read(self, count: int) -> None:
        for name, key in self._unread[len(self._unread) - count :]:
            # What a change has touched meanwhile is read as it is now: it was the server's own, or there is a `before`.
            record = _record_of(self._roots[name].get(key))
            if record is not None:
                self._records[name][key] = record
        del self._unread[len(self._unread) - count :]

    def _read_fields(self, root: str, key: str, before: Record | None, fields: set[str] | None) -> Record | None:
        shared = self._live.get((root, key))
        if shared is None:
            value: object = self._roots[root].get(key)
            if fields is None or before is None or not isinstance(value, Map):
                return _record_of(value)
            # Kept until the record as a whole is replaced: making one takes as long as reading a field.
            shared = self._live[root, key] = cast("Map[Any]", value)
        if fields is None or before is None:
            return _record_of(shared)
        values, kinds = dict(before.values), dict(before.kinds)
        for field in fields:
            values.pop(field, None)
            kinds.pop(field, None)
            found: object = shared.get(field, _MISSING)
            if found is not _MISSING:
                _read_field(found, field, values, kinds)
        return Record("map", values, kinds)


def _differ(before: Record | None, after: Record | None, fields: set[str] | None) -> bool:
    if before is None or after is None:
        return before is not after
    if (before.kind, before.kinds) != (after.kind, after.kinds):
        return True
    names = {*before.values, *after.values} if fields is None else fields
    missing = object()
    return any(not same(before.values.get(name, missing), after.values.get(name, missing)) for name in names)


def _record_of(value: object) -> Record | None:
    if value is None:
        return None
    values: dict[str, object] = {}
    kinds: dict[str, Kind] = {}
    kind = _kind_of(value)
    if kind == "map":
        shared = cast("Map[Any]", value)
        for field in shared.keys():  # noqa: SIM118 - as in `attach`
            _read_field(shared.get(field), field, values, kinds)
    elif isinstance(value, Mapping):
        values = cast("dict[str, object]", normal(cast("object", value)))
    else:
        values[""] = normal(value)
    return Record(kind, values, kinds)


def _read_field(value: object, field: str, values: dict[str, object], kinds: dict[str, Kind]) -> None:
    kind = _kind_of(value)
    values[field] = normal(value)
    if kind != "plain":
        kinds[field] = kind


def _kind_of(value: object) -> Kind:
    if isinstance(value, Map):
        return "map"
    if isinstance(value, Text):
        return "text"
    plain = value is None or isinstance(value, str | int | float | bool | dict | list)
    return "plain" if plain else "other"


def _built(record: Record) -> object:
    """A record as something that can be put into a document."""
    if record.kind == "map":
        return Map({name: _built_field(value, record.kinds.get(name)) for name, value in record.values.items()})
    value = record.values.get("") if "" in record.values else dict(record.values)
    return Text(str(value)) if record.kind == "text" else value


def _built_field(value: object, kind: Kind | None) -> object:
    if kind == "text":
        return Text(str(value))
    return Map(cast("dict[str, Any]", value)) if kind == "map" else value


def _put_field_back(record: Map[Any], field: str, before: Record) -> None:
    if field not in before.values:
        if field in record:
            del record[field]
        return
    wanted, kind = before.values[field], before.kinds.get(field)
    now: object = record.get(field)
    if kind == "text" and isinstance(now, Text):
        _put_text_back(now, str(wanted))
    elif kind == "map" and isinstance(now, Map):
        _put_map_back(cast("Map[Any]", now), cast("dict[str, object]", wanted))
    elif kind is not None or _kind_of(now) != "plain" or field not in record or not same(normal(now), wanted):
        record[field] = _built_field(wanted, kind)


def _put_map_back(values: Map[Any], wanted: Mapping[str, object]) -> None:
    for name in list(values.keys()):
        if name not in wanted:
            del values[name]
    for name, value in wanted.items():
        if name not in values or not same(normal(values.get(name)), value):
            values[name] = value


def _put_text_back(text: Text, wanted: str) -> None:
    """Change only what differs: carets of those who type beside it stay where they are."""
    # pycrdt counts UTF-8 bytes.
    now, then = str(text).encode(), wanted.encode()
    start = _shared_start(now, then)
    end = _shared_end(now[start:], then[start:])
    if len(now) - end > start:
        del text[start : len(now) - end]
    if len(then) - end > start:
        text.insert(start, then[start : len(then) - end].decode())


def _shared_start(one: bytes, other: bytes) -> int:
    """How many bytes are the same at the start; never half a character."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    while same and (_continues(one, same) or _continues(other, same)):
        same -= 1
    return same


def _shared_end(one: bytes, other: bytes) -> int:
    """The same at the end."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    same = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    while same and (_continues(one, len(one) - same) or _continues(other, len(other) - same)):
        same -= 1
    return same


def _continues(data: bytes, at: int) -> bool:
    """Whether a character of UTF-8 goes on here."""
    return at < len(data) and data[at] & 0xC0 == 0x80  # noqa: PLR2004 - 10xxxxxx
