"""Gathers what a judgement is about out of a project's rooms, so that each answer reads as little as it can."""

from typing import NamedTuple, cast

from crdt_schema.ids import ProjectId
from crdt_schema.production import locks_of
from crdt_schema.project import Manifest
from crdt_schema.records import CanvasPlain, Take
from crdt_schema.takes import Costs, Takes
from render_farm.overview import Overview
from server.auth.actor import Actor
from server.hub.room import Room
from server.intents.equal import Making
from server.intents.judge import Case

MOST_SHELVES = 64


class Rooms(NamedTuple):
    """The documents of one project that an answer depends on."""

    canvas: Room
    takes: Room
    production: Room


class Wish(NamedTuple):
    """Who asks for a take of which shot, and how."""

    actor: Actor
    node: str
    batch: str = ""
    fresh: bool = False


class Shelves:
    """The takes of projects as plain records: a take is written once, so each is read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[ProjectId, str], dict[str, Take]] = {}

    def takes(self, room: Room) -> dict[str, Take]:
        """Every take of a project, as it stands now; do not change it."""
        takes, key = Takes(room.doc), (room.project, room.epoch)
        before = self._known.pop(key, {})
        now = {
            take_id: take
            for take_id in takes.take_ids()
            if (take := before.get(take_id) or takes.take(take_id)) is not None
        }
        while len(self._known) >= MOST_SHELVES:
            del self._known[next(iter(self._known))]
        self._known[key] = now
        return now


def case_of(wish: Wish, rooms: Rooms, manifest: Manifest, farm: Overview, shelves: Shelves) -> Case:
    """Everything the judge needs, as it is now."""
    takes, made = Takes(rooms.takes.doc), shelves.takes(rooms.takes)
    return Case(
        actor=wish.actor,
        node=wish.node,
        canvas=cast("CanvasPlain", rooms.canvas.plain()),
        costs=Costs(sum(take["cost_usd"] for take in made.values()), takes.reserved_usd()),
        manifest=manifest,
        locks=locks_of(rooms.production.doc),
        farm=farm,
        takes=made,
        making=tuple(Making(key, job["recipe"]) for key, job in takes.live_jobs(node=wish.node).items()),
        batch=wish.batch,
        fresh=wish.fresh,
    )
