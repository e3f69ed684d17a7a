"""Compare: what is different between two states of a project, record by record and field by field; pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from crdt_schema.documents import UnknownDocument, kind_of
from crdt_schema.values import normal
from server.activity.shown import SHOWN, Shown
from server.history.words import word_diff

Change = Literal["added", "removed", "changed"]
Plain = Mapping[str, Any]

MAPS: frozenset[str] = frozenset({"parameters", "stars", "fields"})
"""Fields whose keys are told one by one, as `parameters.lens_mm`."""
UNTOLD: frozenset[str] = frozenset({"position", "deleted", "type", "title"})
"""Fields that say nothing of a record which came or went that is not said anyway."""
MOST_RECORDS = 2000
MOST_CHARACTERS = 4_000_000
"""Of all values together: what is longer could not be looked at."""
LONGEST_TITLE = 120
DOCUMENT_ORDER = ("canvas", "fork", "script", "styles", "library", "production", "annotations")
TYPE_ORDER = ("shot", "style", "prompt", "pipeline", "note")
_NOTHING: Plain = {}


@dataclass
class FieldChange:
    """One field, before and after; None where it was or is not there."""

    name: str
    before: object
    after: object

    def plain(self) -> dict[str, Any]:
        """As it is sent; texts also word by word."""
        told: dict[str, Any] = {"name": self.name, "from": self.before, "to": self.after}
        if isinstance(self.before, str) and isinstance(self.after, str) and _is_prose(self.before, self.after):
            told["words"] = [list(piece) for piece in word_diff(self.before, self.after)]
        return told

    def characters(self) -> int:
        """About how long it is when it is sent."""
        return len(str(self.before)) + len(str(self.after))


@dataclass
class RecordChange:
    """One record that came, went or is another."""

    document: str
    root: str
    id: str
    title: str
    type: str
    change: Change
    fields: list[FieldChange] = field(default_factory=list[FieldChange])

    def plain(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "document": self.document,
            "root": self.root,
            "id": self.id,
            "title": self.title,
            "type": self.type,
            "change": self.change,
            "fields": [each.plain() for each in self.fields],
        }


def comparable(document: str, value: object) -> dict[str, Any]:
    """A document as it is compared: as JSON spells it, and a script with the line feed that its file ends with."""
    if document.startswith("script/"):
        text = value if isinstance(value, str) else str(as_record(value).get("text", ""))
        return {"text": {"": {"text": text if text.endswith("\n") else f"{text}\n"}} if text else {}}
    return as_record(normal(value))


def compare(before: Mapping[str, Plain], after: Mapping[str, Plain]) -> list[RecordChange]:
    """What is different between two states, given as comparable documents by name; always in the same order.

    Takes are no part of it: they never change.
    """
    names = {name for name in {*before, *after} if _is_told(name)}
    found: list[RecordChange] = []
    for name in sorted(names, key=_document_place):
        found += compare_document(name, before.get(name, _NOTHING), after.get(name, _NOTHING))
    return found


def compare_document(name: str, before: Plain, after: Plain) -> list[RecordChange]:
    """The same for one document."""
    found: list[RecordChange] = []
    for root, shown in SHOWN[kind_of(name).name].items():
        had, have = as_record(before.get(root)), as_record(after.get(root))
        different = [key for key in {*had, *have} if had.get(key) != have.get(key)]
        changes = [_record_change(_Place(name, root, shown, key), before, after) for key in different]
        # An empty map says as much as none.
        changes = [change for change in changes if change.fields or change.change != "changed"]
        places = {change.id: _film_place(have.get(change.id, had.get(change.id)), change) for change in changes}
        found += sorted(changes, key=lambda change: places[change.id])
    return found


def told(changes: Iterable[RecordChange]) -> tuple[list[dict[str, Any]], int]:
    """As many of the changes as can be looked at, as they are sent, and how many are left out."""
    everything = list(changes)
    shown: list[dict[str, Any]] = []
    characters = 0
    for change in everything[:MOST_RECORDS]:
        characters += sum(each.characters() for each in change.fields)
        if characters > MOST_CHARACTERS:
            break
        shown.append(change.plain())
    return shown, len(everything) - len(shown)


def takes_told(before: Mapping[str, Plain], after: Mapping[str, Plain]) -> dict[str, list[dict[str, Any]]]:
    """Takes that came and went, and the shots that show another one."""
    had, have = (as_record(as_record(state.get("takes")).get("takes")) for state in (before, after))
    old, new = (as_record(as_record(state.get("canvas")).get("nodes")) for state in (before, after))
    return {
        "added": [_take_told(key, have[key]) for key in _by_time(have, have.keys() - had.keys())],
        "removed": [_take_told(key, had[key]) for key in _by_time(had, had.keys() - have.keys())],
        "active": list(_choices(old, new, {**had, **have})),
    }


def _is_told(name: str) -> bool:
    try:
        return kind_of(name).name != "takes" and kind_of(name).name in SHOWN
    except UnknownDocument:
        return False


@dataclass(frozen=True)
class _Place:
    """One record's place."""

    document: str
    root: str
    shown: Shown
    key: str


def _record_change(place: _Place, before: Plain, after: Plain) -> RecordChange:
    had, have = (_record_in(state, place) for state in (before, after))
    change: Change = "added" if had is None else "removed" if have is None else "changed"
    # It is called as it is called today, or as it was called last.
    named = after if have is not None else before
    title, kind = _called(place, as_record(have if have is not None else had), named)
    fields = list(_fields(flat(had), flat(have)))
    if change != "changed":
        fields = [each for each in fields if each.name not in UNTOLD]
    return RecordChange(place.document, place.root, place.key, title, kind, change, fields)


def _record_in(state: Plain, place: _Place) -> object:
    return as_record(state.get(place.root)).get(place.key)


def _fields(before: Plain, after: Plain) -> Iterator[FieldChange]:
    for name in sorted({*before, *after}):
        had, have = before.get(name), after.get(name)
        if had != have:
            yield FieldChange(name, had, have)


def flat(record: object) -> dict[str, Any]:
    """A record with the keys of its maps as fields."""
    fields = as_record(record)
    if record is not None and not isinstance(record, dict):
        return {"": record}
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if name in MAPS and isinstance(value, dict):
            flat |= {f"{name}.{key}": each for key, each in as_record(cast("object", value)).items()}
        else:
            flat[name] = value
    return flat


def _called(place: _Place, record: Plain, state: Plain) -> tuple[str, str]:
    """Title and type of a record."""
    shown = place.shown
    kind = str(record.get(shown.type) or shown.word) if shown.type else shown.word
    if place.document.startswith("script/"):
        return place.document.partition("/")[2], kind
    if not shown.refers_to:
        return " ".join(str(record.get(shown.title, "")).split())[:LONGEST_TITLE] if shown.title else "", kind
    others = as_record(state.get(shown.refers_to))
    keys = [str(record.get(name, "")) for name in shown.by] or [place.key]
    titles = [str(as_record(others.get(key)).get("title", "")) for key in keys]
    return " → ".join(title for title in titles if title)[:LONGEST_TITLE], kind


def _film_place(record: object, change: RecordChange) -> tuple[int, tuple[int, ...], str, str]:
    """Shots in the order of the film, then the other types, each by title; ids last, for an order that never varies."""
    rank = TYPE_ORDER.index(change.type) if change.type in TYPE_ORDER else len(TYPE_ORDER)
    levels = (as_record(record).get(level) for level in ("chapter", "scene", "shot"))
    return rank, tuple(level if isinstance(level, int) else 0 for level in levels), change.title, change.id


def _document_place(name: str) -> tuple[int, str]:
    return DOCUMENT_ORDER.index(kind_of(name).name), name


def _take_told(take_id: str, take: object) -> dict[str, Any]:
    """A take in brief; the picture by its hash."""
    values = as_record(take)
    return {
        "id": take_id,
        "node": str(values.get("node", "")),
        "name": str(values.get("name", "")),
        "number": values.get("number") if isinstance(values.get("number"), int) else 0,
        "thumbnail": str(as_record(values.get("thumbnail")).get("blob", "")),
    }


def _by_time(takes: Plain, keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: (str(as_record(takes[key]).get("created_at", "")), key))


def _choices(old: Plain, new: Plain, takes: Plain) -> Iterator[dict[str, Any]]:
    for node in sorted(old.keys() & new.keys()):
        before, after = as_record(old[node]), as_record(new[node])
        had, have = (str(each.get("active_take") or "") for each in (before, after))
        if had != have:
            yield {
                "node": node,
                "title": str(after.get("title", ""))[:LONGEST_TITLE],
                "from": _take_told(had, takes.get(had)) if had else None,
                "to": _take_told(have, takes.get(have)) if have else None,
            }


def _is_prose(before: str, after: str) -> bool:
    """Whether words can be compared: a name or an id is one."""
    return any(" " in text or "\n" in text for text in (before, after))


def as_record(value: object) -> dict[str, Any]:
    """A JSON object; empty where there is anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
