"""What changed between two states of a project, in words for `git log`; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from server.auth.actor import FARM, SYSTEM, Actor
from server.snapshot.assets import files_listed
from server.snapshot.told import tell
from server.snapshot.wording import (
    TITLE_LENGTH,
    Record,
    counted,
    label,
    listed,
    one_line,
    place,
    record_of,
    records_of,
    values_changed,
)

_NOTHING: Record = {}
SUBJECT_LENGTH = 100
NAMED_AT_MOST = 3
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
    others: Mapping[str, Record] = field(default_factory=dict[str, Record])
    """The other documents that matter here, by name."""

    @property
    def nodes(self) -> dict[str, Record]:
        """The nodes of the canvas."""
        return records_of(self.canvas.get("nodes"))


def describe(old: State, new: State, rewritten: Iterable[str] = (), removed: Iterable[str] = ()) -> list[str]:
    """One clause per thing that changed, shots first in the order of the film.

    `rewritten` are changed documents, `removed` the paths of files that are gone.
    """
    clauses = [*_node_clauses(old, new), *_count_clauses(old, new), *_manifest_clauses(old.manifest, new.manifest)]
    for name in sorted(rewritten):
        clauses += tell(name, old.others.get(name, _NOTHING), new.others.get(name, _NOTHING), new.nodes)
    clauses += [f"{one_line(PurePosixPath(path).name)} removed" for path in removed]
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


def _node_clauses(old: State, new: State) -> Iterator[str]:
    before, after = old.nodes, new.nodes
    other = [node_id for node_id in before.keys() & after.keys() if before[node_id] != after[node_id]]
    facts = {node_id: [*_changed(before[node_id], after[node_id], new)] for node_id in other}
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
        yield f"moved in the film from {place(before)}"
    yield from (words for field, words in TEXT_WORDS.items() if before.get(field) != after.get(field))
    yield from values_changed(record_of(before.get("parameters")), record_of(after.get("parameters")))
    old, fresh = ({field: node.get(field) for field in PLAIN_FIELDS} for node in (before, after))
    yield from values_changed(old, fresh)
    if before.get("active_take") != after.get("active_take"):
        number = record_of(records_of(new.takes.get("takes")).get(str(after.get("active_take")))).get("number")
        yield f"take {number} chosen" if number else "no take chosen"
    yield from _star_facts(record_of(before.get("stars")), record_of(after.get("stars")))


def _star_facts(before: Record, after: Record) -> Iterator[str]:
    given = sum(1 for take, star in after.items() if star and not before.get(take))
    taken = sum(1 for take, star in before.items() if star and not after.get(take))
    if given:
        yield f"{counted(given, 'take')} starred"
    if taken:
        yield f"{counted(taken, 'star')} removed"


def _take_facts(old: State, new: State) -> Iterator[tuple[str, str]]:
    """Takes made and jobs that changed, per shot."""
    had, have = records_of(old.takes.get("takes")), records_of(new.takes.get("takes"))
    made: dict[str, list[int]] = {}
    for take_id in have.keys() - had.keys():
        made.setdefault(str(have[take_id].get("node")), []).append(int(have[take_id].get("number", 0)))
    for node_id, numbers in made.items():
        listed = ", ".join(str(number) for number in sorted(numbers))
        yield node_id, f"take {listed} made" if len(numbers) == 1 else f"takes {listed} made"
    had, have = records_of(old.takes.get("jobs")), records_of(new.takes.get("jobs"))
    moved = (job for job_id, job in have.items() if job.get("status") != had.get(job_id, {}).get("status"))
    counts = Counter((str(job.get("node")), str(job.get("status"))) for job in moved)
    for (node_id, status), count in sorted(counts.items()):
        if status in JOB_WORDS:
            yield node_id, f"{counted(count, 'job')} {JOB_WORDS[status]}"


def _come_and_gone(before: Mapping[str, Record], after: Mapping[str, Record]) -> Iterator[str]:
    """Nodes added and removed: by name when they are few."""
    for words, here, there in (("added", after, before), ("removed", before, after)):
        ids = sorted(here.keys() - there.keys(), key=lambda node_id: _order(node_id, here, here))
        if 0 < len(ids) <= NAMED_AT_MOST:
            yield f"{listed([label(here[node_id]) for node_id in ids])} {words}"
        elif ids:
            yield f"{counted(len(ids), 'node')} {words}"


def _count_clauses(old: State, new: State) -> Iterator[str]:
    """What is only worth a number: nodes moved, edges joined and cut."""
    before, after = old.nodes, new.nodes
    both = before.keys() & after.keys()
    if moved := sum(before[node_id].get("position") != after[node_id].get("position") for node_id in both):
        yield f"{counted(moved, 'node')} moved"
    had, have = records_of(old.canvas.get("edges")), records_of(new.canvas.get("edges"))
    if joined := len(have.keys() - had.keys()):
        yield f"{counted(joined, 'edge')} joined"
    if cut := len(had.keys() - have.keys()):
        yield f"{counted(cut, 'edge')} cut"


def _manifest_clauses(old: Record, new: Record) -> Iterator[str]:
    if not old:
        return
    if old.get("title") != new.get("title"):
        yield f"Project renamed from {one_line(old.get('title', ''), TITLE_LENGTH)}"
    if old.get("description") != new.get("description"):
        yield "Description edited"
    settings = [*values_changed(record_of(old.get("project_settings")), record_of(new.get("project_settings")))]
    if settings:
        yield f"Settings: {', '.join(settings)}"
    brief = [*_brief_facts(record_of(old.get("creative_contract")), record_of(new.get("creative_contract")))]
    if brief:
        yield f"Brief: {', '.join(brief)}"
    if old.get("narrative") != new.get("narrative"):
        yield "Story structure changed"
    yield from _files_added(record_of(old.get("assets")), record_of(new.get("assets")))


def _files_added(old: Record, new: Record) -> Iterator[str]:
    """Files of the lists of assets; styles and the library tell of theirs, and removed ones are told by their path."""
    for name in sorted(old.keys() | new.keys()):
        had, have = (files_listed(lists.get(name)) for lists in (old, new))
        added = [one_line(file, TITLE_LENGTH) for file in sorted(have - had)]
        if added:
            some = listed(added) if len(added) <= NAMED_AT_MOST else f"{len(added)} files"
            yield f"{one_line(name).capitalize()}: {some} added"


def _brief_facts(old: Record, new: Record) -> Iterator[str]:
    before, after = ({key: brief.get(key) for key in BRIEF_WORDS} for brief in (old, new))
    yield from values_changed(before, after, BRIEF_WORDS)
    if old.get("styleNotes") != new.get("styleNotes"):
        yield "style notes edited"
    had, have = (set(map(str, brief.get("referencePack") or ())) for brief in (old, new))
    if have - had:
        yield f"{counted(len(have - had), 'reference')} added"
    if had - have:
        yield f"{counted(len(had - have), 'reference')} removed"


def _order(node_id: str, *places: Mapping[str, Record]) -> tuple[int, tuple[int, ...], str]:
    """Shots in the order of the film, then the other kinds; ids last, so that the order is always the same."""
    node: Record = next((nodes[node_id] for nodes in places if node_id in nodes), _NOTHING)
    kind = str(node.get("type"))
    levels = (node.get(level) for level in ("chapter", "scene", "shot"))
    rank = KIND_ORDER.index(kind) if kind in KIND_ORDER else len(KIND_ORDER)
    return rank, tuple(level if isinstance(level, int) else 0 for level in levels), node_id
