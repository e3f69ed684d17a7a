"""From plain values back to a document: the way back from `plain.py`, and what of foreign values may go it; pure."""

import json
from collections.abc import Mapping
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from pycrdt import Doc, Map, Text

from crdt_schema import validate
from crdt_schema.documents import kind_of
from crdt_schema.ids import is_blob_hash, is_id
from crdt_schema.nodes import NODE_SPECS
from crdt_schema.records import AuditNote, Fork, Job, Lock, SceneChain, Take
from crdt_schema.shapes import Kind, Shape
from crdt_schema.takes import LIVE_STATUSES
from crdt_schema.values import normal

BOOKS: dict[tuple[str, str], Mapping[str, Shape]] = {
    ("styles", "styles"): validate.STYLE_SHAPES,
    ("styles", "notes"): validate.STYLE_REMARK_SHAPES,
    ("annotations", "marks"): validate.MARK_SHAPES,
    ("annotations", "notes"): validate.REMARK_SHAPES,
    ("library", "assets"): validate.ASSET_SHAPES,
    ("production", "segments"): validate.SEGMENT_SHAPES,
}
"""What the fields of each record may hold, by the kind of the document and the root it stands in."""
BALLOTS: dict[tuple[str, str], Shape] = {
    ("styles", "votes"): validate.VOTE,
    ("annotations", "verdicts"): validate.VERDICT,
}
TYPES: dict[tuple[str, str], Any] = {
    ("takes", "jobs"): Job,
    ("takes", "takes"): Take,
    ("production", "locks"): Lock,
    ("production", "chains"): SceneChain,
    ("production", "audit"): AuditNote,
    ("production", "forks"): Fork,
}
"""Records that only the server writes: it relies on every field."""
WHOLE_VALUES = frozenset(
    {
        ("takes", "takes"),
        ("production", "locks"),
        ("production", "audit"),
        ("production", "forks"),
        ("canvas", "edges"),
    }
)
"""Roots whose records are written once, as one plain value."""
NOT_KEPT = "{where} was left out: {reason}."
HIGHEST_WHOLE = 2**53
STOPPED = "The project was copied while this was under way. Ask for the take again."

Record = dict[str, object]


class Checked(NamedTuple):
    """A foreign value without what cannot stand, and what that was, in words."""

    value: Record
    problems: list[str]


def fill(doc: Doc[Any], name: str, value: Mapping[str, object]) -> None:
    """Put a plain value into a document that holds nothing but its label; raises UnknownDocument."""
    kind = kind_of(name)
    with doc.transaction():
        if kind.name == "script":
            text: Text = doc.get("text", type=Text)
            text += str(value.get("text", ""))
            return
        for root in kind.roots:
            records = value.get(root)
            if isinstance(records, dict):
                shared: Map[Any] = doc.get(root, type=Map)
                for key, record in cast("Record", records).items():
                    shared[key] = _held(_shape_name(kind.name, root), cast("Record", record))


def check(name: str, value: object) -> Checked:
    """What of a foreign plain value may stand in that document; raises UnknownDocument."""
    kind = kind_of(name)
    if not isinstance(value, dict) or not _is_text(cast("object", value)):
        return Checked({}, [NOT_KEPT.format(where=name, reason="it is no JSON object in UTF-8")])
    known = cast("Record", normal(cast("object", value)))
    if kind.name == "script":
        return Checked({"text": str(known.get("text", ""))}, [])
    kept, problems = dict[str, object](), list[str]()
    for root in kind.roots:
        if root == "intents":
            # What somebody asked for elsewhere is not asked for here.
            continue
        records = known.get(root, {})
        good = kept[root] = dict[str, object]()
        for key, record in cast("Record", records if isinstance(records, dict) else {}).items():
            try:
                good[key] = _checked(_shape_name(kind.name, root), key, record)
            except ValueError as error:
                problems.append(NOT_KEPT.format(where=f"{name}, {root}/{key[:64]}", reason=str(error)))
    return Checked(kept, problems)


def stop_jobs(takes: Mapping[str, object], at: str) -> Record:
    """The plain `takes` of a copy: what was under way is under way in the original only."""
    jobs = cast("Mapping[str, Job]", takes.get("jobs", {}))
    ended = {"status": "cancelled", "reason": STOPPED, "ended_at": at}
    return {
        **takes,
        "jobs": {key: {**job, **ended} if job["status"] in LIVE_STATUSES else job for key, job in jobs.items()},
    }


def _shape_name(kind: str, root: str) -> tuple[str, str]:
    # A fork is a canvas by another name.
    return ("canvas", root) if root in {"nodes", "edges", "intents"} else (kind, root)


def _held(place: tuple[str, str], record: Record) -> object:
    """A record as it is held: texts and maps that several people write into at once are shared."""
    if place in WHOLE_VALUES:
        return dict(record)
    if place == ("canvas", "nodes"):
        spec = NODE_SPECS[cast("Any", record["type"])]
        return _shared(record, spec.texts, spec.maps)
    book = BOOKS.get(place, {})
    texts = tuple(name for name, shape in book.items() if "text" in shape.held)
    return _shared(record, texts, tuple(name for name, shape in book.items() if "map" in shape.held))


def _shared(record: Record, texts: tuple[str, ...], maps: tuple[str, ...]) -> Map[Any]:
    values: dict[str, Any] = {name: value for name, value in record.items() if name not in (*texts, *maps)}
    values |= {name: Text(str(record.get(name, ""))) for name in texts}
    values |= {name: Map(cast("dict[str, Any]", record.get(name, {}))) for name in maps}
    return Map(values)


def _checked(place: tuple[str, str], key: str, record: object) -> Record:
    """The record with what it needs; raises ValueError with the reason when it cannot stand."""
    if not isinstance(record, dict):
        raise ValueError("it is no record")  # noqa: TRY004 - the reason is what matters here
    if place == ("production", "locks"):
        if not all(is_id(part) for part in key.split(":")):
            raise ValueError("its key is none of a lock")
    elif not is_id(key):
        raise ValueError("its key is no id")
    fields = cast("Record", record)
    if place in TYPES:
        _demand(holds(TYPES[place], fields), "a field is missing or is not what it must be")
        _demand(_has_blobs(fields), "it names no file by its SHA-256")
    elif place in BALLOTS:
        _demand(
            all(
                is_id(who) and isinstance(word, int | str) and BALLOTS[place].fits(word) for who, word in fields.items()
            ),
            "it holds no votes",
        )
    elif place == ("canvas", "edges"):
        _demand(fields.keys() == validate.EDGE_SHAPES.keys(), "it does not join two sockets")
        _demand_shapes(validate.EDGE_SHAPES, fields)
    elif place == ("canvas", "nodes"):
        _demand(str(fields.get("type")) in NODE_SPECS, "there is no such type of node here")
        _demand_shapes(validate.NODE_SHAPES[cast("Any", fields["type"])], fields)
    elif place in BOOKS:
        _demand_shapes(BOOKS[place], fields)
    else:
        raise ValueError("such records are not carried over")
    return fields


def _demand(holds_: bool, reason: str) -> None:
    if not holds_:
        raise ValueError(reason)


def _demand_shapes(book: Mapping[str, Shape], fields: Record) -> None:
    held: dict[str, Kind] = {name: shape.held[0] for name, shape in book.items()}
    for fault in validate.faults(book, {*book, *fields}, fields, held):
        if fault.field in fields:
            raise ValueError(f"{fault.field} must be {fault.must}")


def _has_blobs(fields: Record) -> bool:
    media = (fields[name] for name in ("media", "thumbnail") if name in fields)
    return all(is_blob_hash(cast("Record", each)["blob"]) for each in media)


def holds(hint: Any, value: object) -> bool:  # noqa: ANN401, PLR0911 - a type hint can be any object; one return for each kind
    """Whether a plain value is of a declared type."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Annotated or origin is NotRequired:
        return holds(args[0], value)
    if origin is Literal:
        return value in args
    if origin is UnionType:
        return any(holds(each, value) for each in args)
    if origin is list:
        return isinstance(value, list) and all(holds(args[0], each) for each in cast("list[object]", value))
    if origin is dict:
        return isinstance(value, dict) and all(holds(args[1], each) for each in cast("Record", value).values())
    if is_typeddict(hint):
        fields = get_type_hints(hint, include_extras=True)
        return isinstance(value, dict) and all(
            holds(field, cast("Record", value)[name]) if name in value else get_origin(field) is NotRequired
            for name, field in fields.items()
        )
    if hint in (int, float):
        whole = hint is int
        return isinstance(value, int if whole else int | float) and not isinstance(value, bool) and abs(value) < 1e15  # noqa: PLR2004 - no size, no price
    return isinstance(value, hint)


def _is_text(value: object) -> bool:
    """Whether all of it can be written as UTF-8, and every whole number as a number of JavaScript."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return _small(value)


def _small(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_small, cast("Record", value).values()))
    if isinstance(value, list):
        return all(map(_small, cast("list[object]", value)))
    return not isinstance(value, int) or abs(value) <= HIGHEST_WHOLE
