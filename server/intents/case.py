"""Gathers what a judgement is about out of a project's rooms, so that each answer reads as little as it can."""

from typing import NamedTuple

from crdt_schema.production import locks_of
from crdt_schema.project import Manifest
from render_farm.overview import Overview
from server.auth.actor import Actor
from server.hub.room import Room
from server.intents.judge import Case
from server.intents.shelves import Shelves


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


def case_of(wish: Wish, rooms: Rooms, manifest: Manifest, farm: Overview, shelves: Shelves) -> Case:
    """Everything the judge needs, as it is now; for use at once, for the shelf lives on."""
    shelf = shelves.of(rooms.takes)
    return Case(
        actor=wish.actor,
        node=wish.node,
        canvas=shelves.around(rooms.canvas, wish.node),
        costs=shelf.costs(),
        manifest=manifest,
        locks=locks_of(rooms.production.doc),
        farm=farm,
        shelf=shelf,
        batch=wish.batch,
        fresh=wish.fresh,
    )
