"""What changed between two states of a project, in words for `git log`; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from server.auth.actor import FARM, SYSTEM, Actor

Record = Mapping[str, Any]
"""JSON of an older commit: it may have any shape, so every read of it has a default."""

_NOTHING: Record = {}
SUBJECT_LENGTH = 100
NAMED_AT_MOST = 3
TITLE_LENGTH = 40
NUMBER_LENGTH = 12
UNSET: tuple[object, ...] = (None, "")
SERVICES = frozenset({FARM.user_id, SYSTEM.user_id})
KIND_ORDER = ("shot", "style", "prompt", "pipeline", "note")
TEXT_WORDS = {
    "prompt": "prompt edited",
    "negative_prompt": "negative prompt edited",
    "context": "style context edited",
    "text": "text edited",
    "palette": "palette changed",
}
PLAIN_FIELDS = ("pipeline", "seed", "seed_mode")
JOB_WORDS = {
    "queued": "queued",
    "running": "running",
    "failed": "failed",
    "refused": "refused",
    "cancelled": "cancelled",
    "lost": "lost",
}
DOCUMENT_WORDS = {
    "styles": "Styles changed",
    "library": "Library changed",
    "production": "Locks and scene chains changed",
}
BRIEF_WORDS = {
    "targetFormat": "format",
    "targetRuntime": "runtime in seconds",
    "aspectRatio": "aspect ratio",
    "budgetCap": "budget cap in dollars",
}


@dataclass(frozen=True)
class State:
    """The plain values of one snapshot; empty where there is nothing yet."""

    canvas: Record
    takes: Record
    manifest: Record

    @property
    def nodes(self) -> dict[str, Record]:
        """The nodes of the canvas."""
        return _records(self.canvas.get("nodes"))


def describe(old: State, new: State, rewritten: Iterable[str] = ()) -> list[str]:
    """One clause per thing that changed, shots first in the order of the film; `rewritten` are changed documents."""
    clauses = [*_node_clauses(old, new), *_count_clauses(old, new), *_manifest_clauses(old.manifest, new.manifest)]
    clauses += [words for name in sorted(rewritten) if (words := _document_words(name, new))]
    return clauses or ["Project files updated"]


def compose(clauses: Iterable[str], *, name: str = "", co_authors: Iterable[str] = ()) -> str:
    """The commit message: a subject of bounded length, every clause in the body when some were cut, the trailers."""
    everything = list(clauses)
    whole = "; ".join(everything)
    shown = everything[:1]
    for clause in everything[1:]:
        if len("; ".join([*shown, clause])) > SUBJECT_LENGTH:
            break
        shown.append(clause)
    left = len(everything) - len(shown)
    subject = one_line("; ".join(shown), SUBJECT_LENGTH) + (f"; and {left} more" if left else "")
    body = "\n".join(f"- {clause}" for clause in everything) if subject != whole else ""
    subject = ": ".join(part for part in (one_line(name), subject) if part)
    trailers = "\n".join(f"Co-authored-by: {person}" for person in co_authors)
    return "\n\n".join(part for part in (subject, body, trailers) if part) + "\n"


def credit(changes: Mapping[Actor, int]) -> tuple[Actor, list[Actor]]:
    """Who wrote a snapshot: the person who changed most, then the others; a service only when nobody else did."""
    by_user: dict[str, Actor] = {}
    counts: Counter[str] = Counter()
    for actor, count in changes.items():
        by_user[actor.user_id] = actor
        counts[actor.user_id] += count
    people = sorted((user for user in counts if user not in SERVICES), key=lambda user: (-counts[user], user))
    if not people:
        return (by_user.get(FARM.user_id, SYSTEM), [])
    return by_user[people[0]], [by_user[user] for user in people[1:]]


def one_line(text: object, longest: int = 80) -> str:
    """Text from a document as it may stand in a subject: one line without control characters, and no trailers."""
    words = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"


def label(node: Record) -> str:
    """How people call a node: `Shot 1.1.2 The wait`, `Style Neo-noir`."""
    kind = one_line(node.get("type", "node"), TITLE_LENGTH).capitalize()
    title = one_line(node.get("title", ""), TITLE_LENGTH)
    if node.get("type") == "shot":
        kind += f" {_place(node)}"
    return kind if not title or title == kind.split(" ", maxsplit=1)[0] else f"{kind} {title}"


def _place(node: Record) -> str:
    """`1.2.3`: chapter, scene and shot."""
    return ".".join(one_line(node.get(level, "?"), NUMBER_LENGTH) for level in ("chapter", "scene", "shot"))


def _node_clauses(old: State, new: State) -> Iterator[str]:
    before, after = old.nodes, new.nodes
    facts = {node_id: [*_changed(before[node_id], after[node_id], new)] for node_id in before.keys() & after.keys()}
    for node_id, words in _take_facts(old, new):
        facts.setdefault(node_id, []).append(words)
    for node_id in sorted(facts, key=lambda node_id: _order(node_id, after, before)):
        node = after.get(node_id) or before.get(node_id)
        if facts[node_id]:
            yield f"{label(node) if node else 'A deleted shot'}: {', '.join(facts[node_id])}"
    yield from _come_and_gone(before, after)


def _changed(before: Record, after: Record, new: State) -> Iterator[str]:
    """What changed in one node, apart from its place."""
    if before.get("title") != after.get("title"):
        yield f"renamed from {one_line(before.get('title', ''), TITLE_LENGTH) or 'nothing'}"
    if any(before.get(level) != after.get(level) for level in ("chapter", "scene", "shot")):
        yield f"moved in the film from {_place(before)}"
    yield from (words for field, words in TEXT_WORDS.items() if before.get(field) != after.get(field))
    yield from _values_changed(_record(before.get("parameters")), _record(after.get("parameters")))
    old, fresh = ({field: node.get(field) for field in PLAIN_FIELDS} for node in (before, after))
    yield from _values_changed(old, fresh)
    if before.get("active_take") != after.get("active_take"):
        number = _record(_records(new.takes.get("takes")).get(str(after.get("active_take")))).get("number")
        yield f"take {number} chosen" if number else "no take chosen"
    yield from _star_facts(_record(before.get("stars")), _record(after.get("stars")))


def _values_changed(before: Record, after: Record, words: Mapping[str, str] | None = None) -> Iterator[str]:
    """`lens 35 mm -> 50 mm` for every key that differs."""
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        name, unit = (words or {}).get(key, one_line(key, TITLE_LENGTH).replace("_", " ")), ""
        if name.endswith(" mm"):
            name, unit = name.removesuffix(" mm"), " mm"
        if old in UNSET:
            yield f"{name} set to {_shown(new)}{unit}"
        elif new in UNSET:
            yield f"{name} cleared"
        else:
            yield f"{name} {_shown(old)}{unit} -> {_shown(new)}{unit}"


def _star_facts(before: Record, after: Record) -> Iterator[str]:
    given = sum(1 for take, star in after.items() if star and not before.get(take))
    taken = sum(1 for take, star in before.items() if star and not after.get(take))
    if given:
        yield f"{_count(given, 'take')} starred"
    if taken:
        yield f"{_count(taken, 'star')} removed"


def _take_facts(old: State, new: State) -> Iterator[tuple[str, str]]:
    """Takes made and jobs that changed, per shot."""
    had, have = _records(old.takes.get("takes")), _records(new.takes.get("takes"))
    made: dict[str, list[int]] = {}
    for take_id in have.keys() - had.keys():
        made.setdefault(str(have[take_id].get("node")), []).append(int(have[take_id].get("number", 0)))
    for node_id, numbers in made.items():
        listed = ", ".join(str(number) for number in sorted(numbers))
        yield node_id, f"take {listed} made" if len(numbers) == 1 else f"takes {listed} made"
    had, have = _records(old.takes.get("jobs")), _records(new.takes.get("jobs"))
    moved = (job for job_id, job in have.items() if job.get("status") != had.get(job_id, {}).get("status"))
    counts = Counter((str(job.get("node")), str(job.get("status"))) for job in moved)
    for (node_id, status), count in sorted(counts.items()):
        if status in JOB_WORDS:
            yield node_id, f"{_count(count, 'job')} {JOB_WORDS[status]}"


def _come_and_gone(before: Mapping[str, Record], after: Mapping[str, Record]) -> Iterator[str]:
    """Nodes added and removed: by name when they are few."""
    for words, here, there in (("added", after, before), ("removed", before, after)):
        ids = sorted(here.keys() - there.keys(), key=lambda node_id: _order(node_id, here, here))
        if 0 < len(ids) <= NAMED_AT_MOST:
            yield f"{_listed([label(here[node_id]) for node_id in ids])} {words}"
        elif ids:
            yield f"{_count(len(ids), 'node')} {words}"


def _count_clauses(old: State, new: State) -> Iterator[str]:
    """What is only worth a number: nodes moved, edges joined and cut."""
    before, after = old.nodes, new.nodes
    both = before.keys() & after.keys()
    if moved := sum(before[node_id].get("position") != after[node_id].get("position") for node_id in both):
        yield f"{_count(moved, 'node')} moved"
    had, have = _records(old.canvas.get("edges")), _records(new.canvas.get("edges"))
    if joined := len(have.keys() - had.keys()):
        yield f"{_count(joined, 'edge')} joined"
    if cut := len(had.keys() - have.keys()):
        yield f"{_count(cut, 'edge')} cut"


def _manifest_clauses(old: Record, new: Record) -> Iterator[str]:
    if not old:
        return
    if old.get("title") != new.get("title"):
        yield f"Project renamed from {one_line(old.get('title', ''), TITLE_LENGTH)}"
    if old.get("description") != new.get("description"):
        yield "Description edited"
    settings = [*_values_changed(_record(old.get("project_settings")), _record(new.get("project_settings")))]
    if settings:
        yield f"Settings: {', '.join(settings)}"
    brief = [*_brief_facts(_record(old.get("creative_contract")), _record(new.get("creative_contract")))]
    if brief:
        yield f"Brief: {', '.join(brief)}"
    if old.get("narrative") != new.get("narrative"):
        yield "Story structure changed"
    if old.get("assets") != new.get("assets"):
        yield "Assets listed"


def _document_words(name: str, new: State) -> str:
    """What is said of a document that is told of as a whole; empty for those whose parts are told."""
    kind, _, own_name = name.partition("/")
    if kind == "annotations":
        shot = new.nodes.get(own_name)
        return f"Notes on {label(shot) if shot else 'a deleted shot'}"
    if kind == "script":
        return f"Script {own_name} edited"
    return DOCUMENT_WORDS.get(kind, "")


def _brief_facts(old: Record, new: Record) -> Iterator[str]:
    before, after = ({key: brief.get(key) for key in BRIEF_WORDS} for brief in (old, new))
    yield from _values_changed(before, after, BRIEF_WORDS)
    if old.get("styleNotes") != new.get("styleNotes"):
        yield "style notes edited"
    had, have = (set(map(str, brief.get("referencePack") or ())) for brief in (old, new))
    if have - had:
        yield f"{_count(len(have - had), 'reference')} added"
    if had - have:
        yield f"{_count(len(had - have), 'reference')} removed"


def _order(node_id: str, *places: Mapping[str, Record]) -> tuple[int, tuple[int, ...], str]:
    """Shots in the order of the film, then the other kinds; ids last, so that the order is always the same."""
    node: Record = next((nodes[node_id] for nodes in places if node_id in nodes), _NOTHING)
    kind = str(node.get("type"))
    levels = (node.get(level) for level in ("chapter", "scene", "shot"))
    rank = KIND_ORDER.index(kind) if kind in KIND_ORDER else len(KIND_ORDER)
    return rank, tuple(level if isinstance(level, int) else 0 for level in levels), node_id


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "x".join(one_line(item, TITLE_LENGTH) for item in cast("list[object]", value))
    return one_line(value, TITLE_LENGTH)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _record(value: object) -> Record:
    return cast("Record", value) if isinstance(value, Mapping) else {}


def _records(value: object) -> dict[str, Record]:
    return {key: _record(item) for key, item in _record(value).items()}
