"""Scene chains: shots in the order of the film, with trims and audio levels, as far as locks leave them free."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.ids import ProjectId, new_id
from crdt_schema.production import AUDIO_GAIN, BLANK_SEGMENT, Locks, Production, locks_of
from crdt_schema.records import Lock, SceneChain, Segment
from crdt_schema.rules import RULE_TEXTS
from server.auth.actor import Actor
from server.auth.policy import who_may
from server.errors import BadRequest, Conflict, Locked, NotFound
from server.hub.hub import Hub

NO_CHAIN = "There is no such scene chain."
NO_SEGMENT = "There is no such segment in this scene chain."


@dataclass(frozen=True)
class NewChain:
    """A scene chain that is asked for. With a master style context the look of its shots is locked (G-033)."""

    name: str
    master_style_context: str = ""
    aspect_ratio: str = ""
    shots: Sequence[str] = ()
    """Nodes of the canvas, in the order of the film; each becomes a segment."""


@dataclass(frozen=True)
class Chain:
    """A scene chain as it stands."""

    id: str
    record: SceneChain
    picture_lock: Lock | None
    segments: Sequence[tuple[str, Segment, Lock | None]]
    """In their order: id, segment, and the lock of its shot."""


class SceneChains:
    """The scene chains of all projects. Made once by the app."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def all(self, project: ProjectId) -> list[Chain]:
        """Every scene chain, by name."""
        async with self._hub.room(project, "production") as room:
            return sorted(_chains(room.doc), key=lambda one: (one.record["name"], one.id))

    async def segment(self, project: ProjectId, chain: str, segment: str) -> Segment:
        """A segment of that scene chain; raises NotFound."""
        async with self._hub.room(project, "production") as room:
            return _segment(room.doc, chain, segment)

    async def create(self, project: ProjectId, wanted: NewChain, by: Actor) -> Chain:
        """Make a scene chain; on disk when this returns. Raises NotFound, Locked, Conflict, BadRequest."""
        chain = new_id("chain")
        segments = {new_id("segment"): _new_segment(chain, shot) for shot in wanted.shots}
        record: SceneChain = {
            "name": wanted.name,
            "master_style_context": wanted.master_style_context,
            "aspect_ratio": wanted.aspect_ratio,
            "order": list(segments),
            "deleted": False,
        }

        def change(doc: Doc[Any]) -> None:
            production = Production(doc)
            production.add_chain(chain, record)
            for key, segment in segments.items():
                production.add_segment(key, segment)

        async with self._hub.room(project, "canvas") as canvas, self._hub.room(project, "production") as room:
            _demand_shots(canvas.doc, wanted.shots)
            if wanted.master_style_context:
                _demand_free_look(locks_of(room.doc), wanted.shots)
            room.edit(by, change)
            await room.saved()
            return _chain(room.doc, chain)

    async def adjust(
        self, project: ProjectId, chain: str, segment: str, values: Mapping[str, float], by: Actor
    ) -> Chain:
        """Set trims (frames) and the audio level (dB) of a segment; on disk when this returns.

        A locked shot may be trimmed (G-073); a locked picture leaves only the audio level (G-079).
        Raises NotFound, Locked.
        """
        async with self._hub.room(project, "production") as room:
            today = cast("Mapping[str, object]", _segment(room.doc, chain, segment))
            if any(today[name] != value for name, value in values.items() if name != AUDIO_GAIN):
                _demand_open_picture(room.doc, chain)
            room.edit(by, lambda doc: Production(doc).set_segment(segment, **values))
            await room.saved()
            return _chain(room.doc, chain)

    async def reorder(self, project: ProjectId, chain: str, order: Sequence[str], by: Actor) -> Chain:
        """Put the segments into another order; on disk when this returns. Raises NotFound, Locked, Conflict."""
        async with self._hub.room(project, "production") as room:
            today = _record(room.doc, chain)["order"]
            if sorted(order) != sorted(today):
                raise Conflict("The scene chain has other segments by now. Look at it again, then reorder.")
            if list(order) != today:
                _demand_open_picture(room.doc, chain)
                room.edit(by, lambda doc: Production(doc).set_chain_field(chain, "order", list(order)))
            await room.saved()
            return _chain(room.doc, chain)


def _new_segment(chain: str, shot: str) -> Segment:
    return cast("Segment", {**BLANK_SEGMENT, "chain": chain, "shot": shot})


def _record(doc: Doc[Any], chain: str) -> SceneChain:
    record = Production(doc).chains().get(chain)
    if record is None:
        raise NotFound(NO_CHAIN)
    return record


def _segment(doc: Doc[Any], chain: str, segment: str) -> Segment:
    _record(doc, chain)
    found = Production(doc).segment(segment)
    if found is None or found["chain"] != chain:
        raise NotFound(NO_SEGMENT)
    return found


def _chains(doc: Doc[Any]) -> Iterator[Chain]:
    production, locks = Production(doc), locks_of(doc)
    segments = production.segments()
    for key, record in production.chains().items():
        there = [(each, segments[each]) for each in record["order"] if each in segments]
        told = [(each, segment, locks.shots.get(segment["shot"])) for each, segment in there]
        yield Chain(key, record, locks.pictures.get(key), told)


def _chain(doc: Doc[Any], chain: str) -> Chain:
    return next(one for one in _chains(doc) if one.id == chain)


def _demand_shots(canvas: Doc[Any], shots: Sequence[str]) -> None:
    for shot in shots:
        node = Canvas(canvas).node(shot)
        if node is None or node["type"] != "shot":
            raise NotFound(f"There is no shot {shot[:80]} on the canvas.")
    if len(set(shots)) != len(shots):
        raise BadRequest("A shot stands in a scene chain once.")


def _demand_free_look(locks: Locks, shots: Sequence[str]) -> None:
    """A master style is a style applied to every shot of the chain: not to one that is locked, or has a look."""
    for shot in shots:
        if (lock := locks.shots.get(shot)) is not None:
            raise Locked(f"{RULE_TEXTS['shot_lock'].format(name=lock['by_name'])} Ask {who_may('unlock')}.")
        if shot in locks.styled:
            raise Conflict("One of these shots has its look from another scene chain. Leave it out, or copy the shot.")


def _demand_open_picture(doc: Doc[Any], chain: str) -> None:
    lock = locks_of(doc).pictures.get(chain)
    if lock is not None:
        raise Locked(f"{RULE_TEXTS['picture_lock'].format(name=lock['by_name'])} Ask {who_may('unlock')}.")
