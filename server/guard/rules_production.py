"""The rules of production: the server writes it, but for the text, the trims and the level of a segment."""

from collections.abc import Iterator, Sequence

from crdt_schema.production import AUDIO_GAIN, TRIMS, Locks
from crdt_schema.validate import SEGMENT_SHAPES
from server.auth.actor import Actor
from server.guard.rules_common import breach, changes, is_whole, misfits, text_of
from server.guard.touches import Breach, Touch, View

OPEN: frozenset[str] = frozenset({"text", *TRIMS, AUDIO_GAIN})
"""Fields of a segment that people write."""
OPEN_WHILE_SHOT_LOCKED = OPEN - {"text"}
"""G-073."""
OPEN_WHILE_PICTURE_LOCKED = frozenset({AUDIO_GAIN})
"""G-079."""


def judge_production(_actor: Actor, touches: Sequence[Touch], _view: View, locks: Locks) -> Iterator[Breach]:
    """What of these changes of the segments is not allowed; nothing else in this document is a person's to write."""
    for touch in touches:
        if is_whole(touch):
            if changes(touch):
                yield breach("server_only", touch, what="which segments a scene chain has")
            continue
        refused: set[str] = set()
        for name in changes(touch):
            if name is not None and (wrong := _judge_field(touch, name, locks)):
                refused.add(name)
                yield wrong
        yield from misfits(touch, SEGMENT_SHAPES, (touch.fields or frozenset()) - refused)


def _judge_field(touch: Touch, name: str, locks: Locks) -> Breach | None:
    if name not in OPEN:
        return breach("server_only", touch, name, what="that part of a segment")
    picture = locks.pictures.get(text_of(touch.before, "chain"))
    if picture and name not in OPEN_WHILE_PICTURE_LOCKED:
        return breach("picture_lock", touch, name, name=picture["by_name"])
    shot = locks.shots.get(text_of(touch.before, "shot"))
    if shot and name not in OPEN_WHILE_SHOT_LOCKED:
        return breach("shot_lock", touch, name, name=shot["by_name"])
    return None
