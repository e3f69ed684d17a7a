"""What changed in the documents beside the canvas, in words for `git log`: styles, library, production, notes; pure."""

from collections.abc import Callable, Iterator, Mapping

from server.snapshot.wording import (
    TITLE_LENGTH,
    Record,
    counted,
    label,
    listed,
    one_line,
    record_of,
    records_of,
    values_changed,
)

TEXTS = {"context": "style context edited", "description": "description edited", "text": "text edited"}
NOT_TOLD = frozenset({*TEXTS, "title", "author", "deleted", "palette", "tags", "parameters", "fields"})
NAMED_AT_MOST = 3
Nodes = Mapping[str, Record]
Tell = Callable[[Record, Record, Nodes, str], Iterator[str]]


def tell(name: str, before: Record, after: Record, nodes: Nodes) -> list[str]:
    """One clause per thing that changed in the document `name`; `nodes` are those of the canvas, for their names."""
    kind, _, own_name = name.partition("/")
    told, otherwise = KINDS.get(kind, (_nothing, ""))
    return [*told(before, after, nodes, own_name)] or ([otherwise] if otherwise else [])


def _nothing(_before: Record, _after: Record, _nodes: Nodes, _name: str) -> Iterator[str]:
    yield from ()


def _script(_before: Record, _after: Record, _nodes: Nodes, name: str) -> Iterator[str]:
    yield f"Script {one_line(name.replace('_', ' '), TITLE_LENGTH)} edited"


def _styles(before: Record, after: Record, _nodes: Nodes, _name: str) -> Iterator[str]:
    yield from _things(records_of(before.get("styles")), records_of(after.get("styles")), lambda _: "Style", "styles")
    if votes := _touched(before.get("votes"), after.get("votes")):
        yield f"{counted(votes, 'style')} voted on"
    if notes := _new(before.get("notes"), after.get("notes")):
        yield f"{counted(notes, 'note')} on styles"


def _library(before: Record, after: Record, _nodes: Nodes, _name: str) -> Iterator[str]:
    def kind(asset: Record) -> str:
        return one_line(asset.get("kind", "asset"), TITLE_LENGTH).capitalize()

    yield from _things(records_of(before.get("assets")), records_of(after.get("assets")), kind, "library entries")


def _annotations(before: Record, after: Record, nodes: Nodes, shot: str) -> Iterator[str]:
    facts = [
        f"{counted(number, word)} {done}"
        for root, word, done in (("marks", "mark", "drawn"), ("notes", "note", "written"))
        if (number := _new(before.get(root), after.get(root)))
    ]
    had, have = records_of(before.get("notes")), records_of(after.get("notes"))
    if resolved := sum(bool(have[key].get("resolved")) and not had[key].get("resolved") for key in had.keys() & have):
        facts.append(f"{counted(resolved, 'note')} resolved")
    if _touched(before.get("verdicts"), after.get("verdicts")):
        facts.append("verdict given")
    whose = label(nodes[shot]) if shot in nodes else "a deleted shot"
    yield f"Notes on {whose}" + (f": {', '.join(facts)}" if facts else "")


def _production(before: Record, after: Record, nodes: Nodes, _name: str) -> Iterator[str]:
    had, have = records_of(before.get("locks")), records_of(after.get("locks"))
    chains = records_of(before.get("chains")) | records_of(after.get("chains"))
    for words, here, there in (("locked", have, had), ("unlocked", had, have)):
        if what := [_locked(here[key], nodes, chains) for key in sorted(here.keys() - there)]:
            yield f"{listed(what) if len(what) <= NAMED_AT_MOST else f'{len(what)} things'} {words}"
    yield from _chains(before, after)
    had, have = records_of(before.get("segments")), records_of(after.get("segments"))
    if changed := sum(had[key] != have[key] for key in had.keys() & have):
        yield f"{counted(changed, 'segment')} changed"


def _locked(lock: Record, nodes: Nodes, chains: Mapping[str, Record]) -> str:
    kind, target = lock.get("kind"), str(lock.get("target", ""))
    if kind == "contract":
        return "Brief and budget"
    if kind == "picture":
        return f"Picture of scene chain {one_line(chains.get(target, {}).get('name', ''), TITLE_LENGTH)}".rstrip()
    return label(nodes[target]) if target in nodes else f"A deleted {one_line(kind, TITLE_LENGTH)}"


def _chains(before: Record, after: Record) -> Iterator[str]:
    had, have = records_of(before.get("chains")), records_of(after.get("chains"))
    for key in sorted(had.keys() | have):
        old, new = had.get(key), have.get(key)
        name = f"Scene chain {one_line((new or old or {}).get('name', ''), TITLE_LENGTH)}".rstrip()
        if old is None or new is None:
            yield f"{name} {'added' if old is None else 'removed'}"
        elif old != new:
            facts = ["order changed"] if old.get("order") != new.get("order") else []
            was, is_now = ({each: chain.get(each) for each in ("name", "aspect_ratio")} for chain in (old, new))
            facts += values_changed(was, is_now)
            if old.get("master_style_context") != new.get("master_style_context"):
                facts.append("master style changed")
            yield f"{name}: {', '.join(facts) or 'changed'}"


def _things(
    before: Mapping[str, Record], after: Mapping[str, Record], kind: Callable[[Record], str], many: str
) -> Iterator[str]:
    """Records that have a title: each that changed with what changed, the others by name while they are few."""

    def name(thing: Record) -> str:
        return f"{kind(thing)} {one_line(thing.get('title', ''), TITLE_LENGTH)}".rstrip()

    for key in sorted(before.keys() & after, key=lambda key: (name(after[key]), key)):
        if facts := [*_facts(before[key], after[key])]:
            yield f"{name(after[key])}: {', '.join(facts)}"
    for words, here, there in (("added", after, before), ("removed", before, after)):
        names = sorted(name(here[key]) for key in here.keys() - there)
        if names:
            yield f"{listed(names) if len(names) <= NAMED_AT_MOST else f'{len(names)} {many}'} {words}"


def _facts(before: Record, after: Record) -> Iterator[str]:
    if before.get("title") != after.get("title"):
        yield f"renamed from {one_line(before.get('title', ''), TITLE_LENGTH) or 'nothing'}"
    yield from (words for field, words in TEXTS.items() if before.get(field) != after.get(field))
    for field in ("palette", "tags"):
        if before.get(field) != after.get(field):
            yield f"{field} changed"
    for field in ("parameters", "fields"):
        yield from values_changed(record_of(before.get(field)), record_of(after.get(field)))
    was, is_now = ({key: each[key] for key in each.keys() - NOT_TOLD} for each in (before, after))
    yield from values_changed(was, is_now)


def _new(before: object, after: object) -> int:
    return len(record_of(after).keys() - record_of(before))


def _touched(before: object, after: object) -> int:
    had, have = record_of(before), record_of(after)
    return sum(had.get(key) != have.get(key) for key in had.keys() | have)


KINDS: dict[str, tuple[Tell, str]] = {
    "styles": (_styles, "Styles changed"),
    "library": (_library, "Library changed"),
    "production": (_production, "Locks and scene chains changed"),
    "annotations": (_annotations, ""),
    "script": (_script, ""),
}
"""By kind of document: who tells, and what is said where nothing of it has words."""
