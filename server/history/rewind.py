"""Rewind: turns a document of today into an older state of it by writing only what differs; nothing is undone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, cast

from pycrdt import Doc, Map, Text, TransactionEvent

from crdt_schema.documents import kind_of
from crdt_schema.nodes import NODE_SPECS
from crdt_schema.plain import dump
from crdt_schema.values import normal
from server.errors import Conflict, NotFound
from server.history.compare import FieldChange, Plain, RecordChange, as_record, comparable, compare_document, flat
from server.history.words import word_diff

RECORDS_AT_ONCE = 200
"""Records written in one transaction: what the room has to take at once."""

LARGEST_NUMBER = (1 << 53) - 1
"""What JavaScript can count to."""


@dataclass(frozen=True)
class Root:
    """What of a document comes back, and how."""

    gone: Literal["flag", "remove", "keep"]
    """What becomes of a record that the older state does not have."""
    texts: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    anew: bool = True
    """Whether a record that is not there any more can be made again."""


_CANVAS = {"nodes": Root("flag"), "edges": Root("remove")}
RESTORABLE: dict[str, dict[str, Root]] = {
    "canvas": _CANVAS,
    "fork": _CANVAS,
    "styles": {"styles": Root("flag", ("context",), ("parameters",))},
    "library": {"assets": Root("flag", ("description",), ("fields",))},
    # Which segments there are is the order of the film, and the server's.
    "production": {"segments": Root("keep", ("text",), anew=False)},
    "script": {"text": Root("keep")},
}
"""By kind of document. What people say of one another's work, locks and takes stay as they are: they happened."""


class Target(NamedTuple):
    """What is to be restored: a document, or one record of it, or one field of that."""

    document: str
    root: str = ""
    """Empty: whichever root has the record."""
    record: str = ""
    field: str = ""

    def wants(self, change: RecordChange) -> bool:
        """Whether a record is meant."""
        return self.record in ("", change.id) and self.root in ("", change.root)

    def wants_field(self, name: str) -> bool:
        """Whether a field is meant, perhaps as one key of a map."""
        return self.field in ("", name) or name.startswith(f"{self.field}.")


@dataclass
class Rewound:
    """What was written, and what could not come back."""

    then: dict[str, Any]
    """The older state, as far as it can come back."""
    known: bool
    """Whether the record that is meant is there, today or then."""
    changes: list[RecordChange] = field(default_factory=list[RecordChange])
    gone: list[RecordChange] = field(default_factory=list[RecordChange])
    """Shots whose take of that time is not there any more; they keep the one they have."""
    updates: list[bytes] = field(default_factory=list[bytes])


@dataclass
class _Writer:
    """Writes into one root."""

    doc: Doc[Any]
    name: str
    how: Root
    old: Plain
    records: Map[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.records = self.doc.get(self.name, type=Map)

    def write(self, change: RecordChange) -> None:
        """Make one record what it was; `change` tells from today to then."""
        raw: object = self.records.get(change.id)
        if change.change == "removed":
            self._remove(change.id, raw)
        elif not isinstance(raw, Map) or self._is_of_another_type(cast("Map[Any]", raw), change.id):
            self._replace(change, cast("object", raw))
        elif change.change == "added":
            wanted = {"deleted": False, **as_record(self.old.get(change.id))}
            self._write_fields(cast("Map[Any]", raw), differences(normal(cast("object", raw)), wanted), change)
        else:
            self._write_fields(cast("Map[Any]", raw), change.fields, change)

    def _is_of_another_type(self, raw: Map[Any], key: str) -> bool:
        return raw.get("type") != as_record(self.old.get(key)).get("type")

    def _remove(self, key: str, raw: object) -> None:
        if self.how.gone == "flag" and isinstance(raw, Map):
            cast("Map[Any]", raw)["deleted"] = True
        elif key in self.records:
            del self.records[key]

    def _replace(self, change: RecordChange, raw: object) -> None:
        """A record that is one plain value, or not there at all."""
        wanted = as_record(self.old.get(change.id))
        if isinstance(raw, dict):
            today = cast("dict[str, Any]", raw)
            fields = {each.name for each in change.fields}
            kept = {name: value for name, value in today.items() if name not in fields}
            whole = change.change == "added" or any("." in name for name in fields)
            value = wanted if whole else kept | {name: wanted[name] for name in fields if name in wanted}
            if normal(today) != value:
                self.records[change.id] = value
        elif self.how.gone == "remove":
            self.records[change.id] = wanted
        else:
            texts, maps = self._held(wanted)
            built: dict[str, Any] = dict(wanted)
            built |= {name: Text(str(wanted.get(name) or "")) for name in texts}
            built |= {name: Map(as_record(wanted.get(name))) for name in maps}
            self.records[change.id] = Map(built)

    def _write_fields(self, record: Map[Any], fields: Iterable[FieldChange], change: RecordChange) -> None:
        old = as_record(self.old.get(change.id))
        texts, maps = self._held(old)
        for each in fields:
            name, _, key = each.name.partition(".")
            inner: object = record.get(name)
            if key and isinstance(inner, Map) and name not in old:
                del record[name]
            elif key and isinstance(inner, Map):
                put(cast("Map[Any]", inner), key, each.after)
            elif key or name in maps:
                record[name] = Map(as_record(old.get(name)))
            elif isinstance(inner, Text) and name in old:
                rewrite_text(inner, each.after if isinstance(each.after, str) else "")
            elif name in texts:
                record[name] = Text(str(each.after or ""))
            else:
                put(record, name, each.after)

    def _held(self, record: Plain) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Which fields are shared texts, and which are shared maps."""
        kind = record.get("type")
        if self.name == "nodes" and kind in NODE_SPECS:
            spec = NODE_SPECS[kind]
            return spec.texts, spec.maps
        return self.how.texts, self.how.maps


def rewind(state: bytes, target: Target, old: object, takes: Mapping[str, object], *, since: object = None) -> Rewound:
    """What turns the document with that state into what `target` names of an older one, as updates to send.

    `takes` are those that there are today. With `since`, another state, only what still is as in that one. The updates
    are a client's own: whoever receives them may judge them. It blocks. Raises NotFound when there is no such record,
    Conflict when the older state cannot be written.
    """
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    plan = plan_of(doc, target, old, takes, since)
    if target.record and not plan.known:
        raise NotFound("There is no such record, today or in that version.")
    if target.field and any(change.change != "changed" for change in plan.changes):
        raise Conflict("This record is not in both versions. Restore it as a whole.")
    for change in plan.changes:
        _demand_writable(as_record(plan.then.get(change.root)).get(change.id))
    subscription = doc.observe(partial(_keep, plan.updates))
    try:
        _write_all(doc, target, plan.then, plan.changes)
        # An edge is seen only while both its ends are there: what came back may have brought one that then was not.
        shown = plan_of(doc, target, old, takes, since).changes if plan.changes else []
        _write_all(doc, target, plan.then, shown)
        plan.changes += shown
    finally:
        doc.unobserve(subscription)
    return plan


def plan_of(doc: Doc[Any], target: Target, old: object, takes: Mapping[str, object], since: object = None) -> Rewound:
    """What differs between today and then, as far as it is meant and comes back; `since` as for `rewind`."""
    name = target.document
    today, then = comparable(name, dump(doc, name)), comparable(name, old)
    roots = RESTORABLE[kind_of(name).name]
    everything = compare_document(name, today, then)
    meant = [each for each in everything if each.root in roots and target.wants(each) and _comes(each, roots)]
    if target.record:
        meant += _edges_of(target, everything, meant)
    if since is not None:
        meant = _untouched(meant, compare_document(name, comparable(name, since), today))
    plan = Rewound(then, any(target.record in as_record(state.get(root)) for root in roots for state in (today, then)))
    for change in meant:
        change.fields = [each for each in change.fields if target.wants_field(each.name)]
        if _chooses_what_is_gone(change, then, takes):
            plan.gone.append(change)
            change.fields = [each for each in change.fields if each.name != "active_take"]
            as_record(as_record(then.get("nodes")).get(change.id))["active_take"] = ""
        if change.fields or change.change != "changed":
            plan.changes.append(change)
    return plan


def left_of(
    state: bytes, rewound: Rewound, target: Target, old: object, takes: Mapping[str, object], *, since: object = None
) -> int:
    """How many of the records that were written are not what they were then; it blocks."""
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    written = {(change.root, change.id) for change in rewound.changes}
    left = plan_of(doc, target, old, takes, since).changes
    return sum((change.root, change.id) in written for change in left)


def differences(before: object, after: object) -> list[FieldChange]:
    """Every field that differs, the keys of maps by themselves."""
    had, have = flat(before), flat(after)
    return [
        FieldChange(name, had.get(name), have.get(name))
        for name in sorted({*had, *have})
        if had.get(name) != have.get(name)
    ]


def rewrite_text(text: Text, wanted: str) -> None:
    """Change only the words that differ: carets of those who type beside them stay where they are."""
    at = 0
    for op, piece in word_diff(str(text), wanted):
        # pycrdt counts UTF-8 bytes.
        length = len(piece.encode())
        if op == "-":
            del text[at : at + length]
            continue
        if op == "+":
            text.insert(at, piece)
        at += length


def put(values: Map[Any], key: str, value: object) -> None:
    """Set a plain value, or take it out where there was none."""
    if value is not None:
        values[key] = value
    elif key in values:
        del values[key]


def _write_all(doc: Doc[Any], target: Target, wanted: Plain, changes: Sequence[RecordChange]) -> None:
    for at in range(0, len(changes), RECORDS_AT_ONCE):
        with doc.transaction():
            for change in changes[at : at + RECORDS_AT_ONCE]:
                _write(doc, target.document, wanted, change)


def _write(doc: Doc[Any], document: str, wanted: Plain, change: RecordChange) -> None:
    if document.startswith("script/"):
        text = str(as_record(as_record(wanted.get("text")).get("")).get("text", ""))
        today = doc.get("text", type=Text)
        # The file ends with a line feed whether the script does or not.
        rewrite_text(today, text if str(today).endswith("\n") else text.removesuffix("\n"))
        return
    how = RESTORABLE[kind_of(document).name][change.root]
    _Writer(doc, change.root, how, as_record(wanted.get(change.root))).write(change)


def _demand_writable(value: object) -> None:
    """Raise Conflict for a number that no client could read: somebody has edited the file of that version by hand."""
    if isinstance(value, dict | list):
        inner = cast("dict[str, object]", value).values() if isinstance(value, dict) else cast("list[object]", value)
        for each in inner:
            _demand_writable(each)
    elif isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        raise Conflict("That version holds a number that is too large to be written. Restore other records.")


def _keep(updates: list[bytes], event: TransactionEvent) -> None:
    updates.append(event.update)


def _comes(change: RecordChange, roots: Mapping[str, Root]) -> bool:
    how = roots[change.root]
    return change.change == "changed" or (
        how.anew if change.change == "added" else how.gone != "keep" or change.root == "text"
    )


def _edges_of(target: Target, everything: Iterable[RecordChange], meant: Iterable[RecordChange]) -> list[RecordChange]:
    """A node that comes back brings its edges."""
    back = {change.id for change in meant if change.root == "nodes" and change.change == "added"}
    return [
        change
        for change in everything
        if back and change.root == "edges" and change.change == "added" and _joins(change, target.record)
    ]


def _joins(edge: RecordChange, node: str) -> bool:
    return any(each.name in ("source", "target") and each.after == node for each in edge.fields)


def _untouched(meant: Iterable[RecordChange], later: Iterable[RecordChange]) -> list[RecordChange]:
    """Without what was changed later: records that came, went or were edited as a whole, fields of the others."""
    touched = {(change.root, change.id): change for change in later}
    kept: list[RecordChange] = []
    for change in meant:
        after = touched.get((change.root, change.id))
        if after is not None and "changed" == change.change == after.change:
            names = {each.name for each in after.fields}
            change.fields = [each for each in change.fields if each.name not in names]
            kept += [change] if change.fields else []
        elif after is None:
            kept.append(change)
    return kept


def _chooses_what_is_gone(change: RecordChange, then: Plain, takes: Mapping[str, object]) -> bool:
    if change.root != "nodes" or change.change == "removed":
        return False
    if change.change == "changed" and all(each.name != "active_take" for each in change.fields):
        return False
    wanted = as_record(as_record(then.get("nodes")).get(change.id)).get("active_take")
    return bool(wanted) and wanted not in takes
