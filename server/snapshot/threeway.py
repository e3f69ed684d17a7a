"""Brings what somebody changed in a file into the live document: text by hunks, records field by field; pure."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple, cast

from pycrdt import Doc, Map, Text

from crdt_schema import validate
from crdt_schema.documents import kind_of
from crdt_schema.nodes import NodeType
from crdt_schema.shapes import Shape
from crdt_schema.values import normal

Record = Mapping[str, object]
Book = Mapping[str, Shape]

REMOVED_BY_FLAG = frozenset({"nodes", "styles", "marks", "notes", "assets"})
"""Roots whose records are never taken out: what is removed keeps its identity."""
BOOKS: dict[tuple[str, str], Book] = {
    ("styles", "styles"): validate.STYLE_SHAPES,
    ("styles", "notes"): validate.STYLE_REMARK_SHAPES,
    ("annotations", "marks"): validate.MARK_SHAPES,
    ("annotations", "notes"): validate.REMARK_SHAPES,
    ("library", "assets"): validate.ASSET_SHAPES,
    ("production", "segments"): validate.SEGMENT_SHAPES,
}
"""How the fields of new records are held; votes and verdicts are maps of plain values, edges plain values."""
PLAIN_ROOTS = frozenset({"edges"})


class Hunk(NamedTuple):
    """`words` stand in the place of what stood from `start` to `end`, in characters."""

    start: int
    end: int
    words: str


def merge_text(text: Text, base: str, theirs: str) -> None:
    """Do to a script what was done to its file, which ends with a line feed whether the script does or not."""
    ours = str(text)
    ended = not ours or ours.endswith("\n")
    hunks = rebased(hunks_of(base, theirs), base, ours if ended else f"{ours}\n")
    if not ended and any(hunk.end > len(ours) for hunk in hunks):
        text.insert(len(ours.encode()), "\n")
    _apply(text, hunks)


def merge_records(doc: Doc[Any], name: str, base: Record, theirs: Record) -> None:
    """Do to the records of a document what was done to its JSON, inside a transaction."""
    kind = kind_of(name)
    for root in kind.roots:
        was, wanted = _record(base.get(root)), _record(theirs.get(root))
        records: Map[Any] = doc.get(root, type=Map)
        for key in sorted(was.keys() | wanted.keys()):
            if was.get(key) != wanted.get(key):
                _merge_record(records, (kind.name, root, key), was.get(key), wanted.get(key))


def hunks_of(before: str, after: str) -> list[Hunk]:
    """What turns one text into another: by lines, and in changed lines only what differs."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    found: list[Hunk] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            whole = "".join(old[old_from:old_to])
            found.append(_trimmed(starts[old_from], whole, "".join(new[new_from:new_to])))
    return found


def rebased(hunks: Sequence[Hunk], base: str, ours: str) -> list[Hunk]:
    """Hunks that change `base` as they change `ours`, which came from it too; what is done there already is left out.

    Where both replaced the same words, both new ones stay, one after the other.
    """
    if base == ours:
        return list(hunks)
    done = hunks_of(base, ours)
    kept = _kept(base, done)
    found: list[Hunk] = []
    for hunk in hunks:
        if hunk in done:
            continue
        at = _place(kept, hunk.start, len(ours))
        cuts = [
            Hunk(shift + max(start, hunk.start), shift + min(end, hunk.end), "")
            for start, end, shift in kept
            if max(start, hunk.start) < min(end, hunk.end)
        ]
        if cuts and cuts[0].start == at:
            cuts[0] = cuts[0]._replace(words=hunk.words)
        elif hunk.words:
            cuts.insert(0, Hunk(at, at, hunk.words))
        found += cuts
    return sorted(found, key=lambda each: (each.start, each.end))


def _kept(base: str, done: Sequence[Hunk]) -> list[tuple[int, int, int]]:
    """The stretches of `base` that are still there, and how far each has moved."""
    kept: list[tuple[int, int, int]] = []
    at = shift = 0
    for hunk in done:
        kept.append((at, hunk.start, shift))
        at, shift = hunk.end, shift + len(hunk.words) - (hunk.end - hunk.start)
    return [*kept, (at, len(base), shift)]


def _place(kept: Sequence[tuple[int, int, int]], at: int, length: int) -> int:
    """Where a place of the base is now: behind what was written there."""
    return next((max(at, start) + shift for start, end, shift in kept if at < end), length)


def _trimmed(start: int, old: str, new: str) -> Hunk:
    """The hunk without what is the same at both ends."""
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    left = shorter - head
    tail = next((at for at in range(left) if old[-1 - at] != new[-1 - at]), left)
    return Hunk(start + head, start + len(old) - tail, new[head : len(new) - tail])


def _apply(text: Text, hunks: Sequence[Hunk]) -> None:
    now = str(text)
    for hunk in reversed(hunks):
        # pycrdt counts UTF-8 bytes.
        start, end = len(now[: hunk.start].encode()), len(now[: hunk.end].encode())
        if end > start:
            del text[start:end]
        if hunk.words:
            text.insert(start, hunk.words)


def _merge_record(records: Map[Any], place: tuple[str, str, str], was: object, wanted: object) -> None:
    """One record; what the team has removed meanwhile stays removed."""
    kind, root, key = place
    now: object = records.get(key)
    if wanted is None:
        _remove(records, root, key, now)
    elif now is None:
        if was is None:
            records[key] = _built(_book(kind, root, _record(wanted)), root, wanted)
    elif isinstance(now, Map):
        fields, before = _record(wanted), _record(was)
        for field in sorted(fields.keys() | before.keys()):
            if fields.get(field) != before.get(field):
                _merge_field(cast("Map[Any]", now), field, before.get(field), fields.get(field))
    elif isinstance(now, dict) and isinstance(wanted, Mapping):
        fields, before = _record(cast("object", wanted)), _record(was)
        changed = {name: value for name, value in fields.items() if value != before.get(name)}
        gone = before.keys() - fields.keys()
        kept = {name: value for name, value in cast("dict[str, object]", now).items() if name not in gone}
        records[key] = kept | changed
    else:
        records[key] = wanted


def _remove(records: Map[Any], root: str, key: str, now: object) -> None:
    if now is None:
        return
    if root not in REMOVED_BY_FLAG:
        del records[key]
    elif isinstance(now, Map):
        cast("Map[Any]", now)["deleted"] = True
    else:
        records[key] = {**_record(now), "deleted": True}


def _merge_field(record: Map[Any], field: str, was: object, wanted: object) -> None:
    now: object = record.get(field)
    if isinstance(now, Text):
        before, after = str(was or ""), str(wanted or "")
        _apply(now, rebased(hunks_of(before, after), before, str(now)))
    elif isinstance(now, Map):
        values, before, after = cast("Map[Any]", now), _record(was), _record(wanted)
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) == after.get(key):
                continue
            if key in after:
                values[key] = after[key]
            elif key in values:
                del values[key]
    elif wanted is None:
        if field in record:
            del record[field]
    elif normal(now) != wanted:
        record[field] = wanted


def _built(book: Book, root: str, wanted: object) -> object:
    if root in PLAIN_ROOTS or not isinstance(wanted, Mapping):
        return wanted
    return Map(dict(_fields(book, cast("Record", wanted))))


def _fields(book: Book, record: Record) -> Iterator[tuple[str, object]]:
    for name, value in record.items():
        held = book[name].held[0] if name in book else "plain"
        if held == "text":
            yield name, Text(str(value or ""))
        elif held == "map":
            yield name, Map(dict(_record(value)))
        else:
            yield name, value


def _book(kind: str, root: str, record: Record) -> Book:
    if root == "nodes":
        return validate.NODE_SHAPES.get(cast("NodeType", record.get("type")), {})
    return BOOKS.get((kind, root), {})


def _record(value: object) -> Record:
    return cast("Record", value) if isinstance(value, Mapping) else {}
