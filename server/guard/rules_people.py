"""The rules of what has an author: styles, assets, marks, notes, votes and verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crdt_schema.production import Locks
from crdt_schema.shapes import Shape
from crdt_schema.validate import (
    ASSET_SHAPES,
    MARK_SHAPES,
    REMARK_SHAPES,
    STYLE_REMARK_SHAPES,
    STYLE_SHAPES,
    VERDICT,
    VOTE,
)
from server.auth.actor import Actor
from server.guard.rules_common import breach, changes, is_whole, misfits, same, text_of, unusable, values_of
from server.guard.touches import Breach, Record, Touch, View


@dataclass(frozen=True)
class Authored:
    """A root whose records carry their author."""

    what: str
    book: Mapping[str, Shape]
    own: bool = True
    """Whether only the author changes a record; else everybody who may write here does."""
    shared: frozenset[str] = frozenset()
    """Fields that others may set all the same."""


@dataclass(frozen=True)
class Ballot:
    """A root whose records hold one word of each person, under their id."""

    what: str
    word: Shape


AUTHORED: dict[str, dict[str, Authored]] = {
    "styles": {
        "styles": Authored("this style", STYLE_SHAPES, own=False),
        "notes": Authored("this note", STYLE_REMARK_SHAPES),
    },
    "annotations": {
        "marks": Authored("this mark", MARK_SHAPES),
        "notes": Authored("this note", REMARK_SHAPES, shared=frozenset({"resolved"})),
    },
    "library": {"assets": Authored("this asset", ASSET_SHAPES, own=False)},
}
BALLOTS: dict[str, dict[str, Ballot]] = {
    "styles": {"votes": Ballot("this vote", VOTE)},
    "annotations": {"verdicts": Ballot("this verdict", VERDICT)},
}


def judge_styles(actor: Actor, touches: Sequence[Touch], _view: View, locks: Locks) -> Iterator[Breach]:
    """What of these changes of the styles is not allowed."""
    for touch in touches:
        if touch.root == "styles" and touch.key in locks.styles:
            yield from (breach("style_lock", touch, name) for name in changes(touch))
        else:
            yield from _judge("styles", actor, touch)


def judge_annotations(actor: Actor, touches: Sequence[Touch], _view: View, _locks: Locks) -> Iterator[Breach]:
    """What of these changes of a shot's annotations is not allowed."""
    for touch in touches:
        yield from _judge("annotations", actor, touch)


def judge_library(actor: Actor, touches: Sequence[Touch], _view: View, _locks: Locks) -> Iterator[Breach]:
    """What of these changes of the library is not allowed."""
    for touch in touches:
        yield from _judge("library", actor, touch)


def _judge(document: str, actor: Actor, touch: Touch) -> Iterator[Breach]:
    if authored := AUTHORED[document].get(touch.root):
        if is_whole(touch):
            if wrong := _judge_whole(authored, actor, touch):
                yield wrong
        else:
            yield from _judge_fields(authored, actor, touch)
    elif ballot := BALLOTS.get(document, {}).get(touch.root):
        yield from _judge_ballot(ballot, actor, touch)


def _judge_whole(authored: Authored, actor: Actor, touch: Touch) -> Breach | None:
    if not changes(touch):
        return None
    wrote = _author(touch.before)
    if touch.before is not None and authored.own and wrote != actor.user_id:
        return breach("not_yours", touch, what=authored.what)
    if touch.after is None:
        return None
    if wrong := unusable(touch):
        return wrong
    if _author(touch.after) != (wrote or actor.user_id):
        return breach("forged_author", touch, what=authored.what)
    return next(misfits(touch, authored.book), None)


def _judge_fields(authored: Authored, actor: Actor, touch: Touch) -> Iterator[Breach]:
    wrote = _author(touch.before)
    refused: set[str | None] = set()
    for name in changes(touch):
        if name == "author" and _author(touch.after) != (wrote or actor.user_id):
            refused.add(name)
            yield breach("forged_author", touch, name, what=authored.what)
        elif authored.own and name not in authored.shared and wrote != actor.user_id:
            refused.add(name)
            yield breach("not_yours", touch, name, what=authored.what)
    yield from misfits(touch, authored.book, (touch.fields or frozenset()) - refused)


def _judge_ballot(ballot: Ballot, actor: Actor, touch: Touch) -> Iterator[Breach]:
    before, after = touch.before, touch.after
    if before is None or after is None or not before.kind == after.kind == "map":
        if wrong := _judge_whole_ballot(ballot, actor, touch):
            yield wrong
        return
    # Also where a whole record has taken the place of another: two people who are the first to vote at the same time
    # write one each, and the words of both are to stand.
    names = touch.fields if touch.fields is not None else before.values.keys() | after.values.keys()
    judged = replace(touch, fields=frozenset(names))
    refused: set[str | None] = set()
    for name in changes(judged):
        if name != actor.user_id:
            refused.add(name)
            yield breach("not_yours", touch, name, what=ballot.what)
    left = {name for name in names if name not in refused}
    yield from misfits(judged, dict.fromkeys(left, ballot.word), left)


def _judge_whole_ballot(ballot: Ballot, actor: Actor, touch: Touch) -> Breach | None:
    before, after = (_others(record, actor) for record in (touch.before, touch.after))
    if not same(before, after):
        return breach("not_yours", touch, what=ballot.what)
    if touch.after is None:
        return None
    if wrong := unusable(touch):
        return wrong
    if touch.after.kind != "map":
        return breach("schema", touch, what=ballot.what.capitalize(), must="in a shared map, for others write in it")
    return next(misfits(touch, dict.fromkeys(touch.after.values, ballot.word)), None)


def _others(record: Record | None, actor: Actor) -> dict[str, object]:
    return {name: value for name, value in values_of(record).items() if name != actor.user_id}


def _author(record: Record | None) -> str:
    return text_of(record, "author")
