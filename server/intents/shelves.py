"""What answers are made from, of each open project: kept current by what its documents say of their changes."""

from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from pycrdt import Doc

from crdt_schema.records import CanvasPlain
from crdt_schema.takes import Takes
from server.errors import Unavailable
from server.hub.changes import Changes
from server.hub.guarded import failures_logged
from server.hub.room import Room
from server.intents.joins import Joins
from server.intents.shelf import Shelf

Follower = TypeVar("Follower", "Kept", Joins)

log = structlog.get_logger("workprint.intents")


class Shelves:
    """One for the service. `attach` is called with each room that opens, and with one that was loaded again."""

    def __init__(self) -> None:
        self._kept: dict[Room, Kept] = {}
        self._joins: dict[Room, Joins] = {}

    def attach(self, room: Room) -> Callable[[], None]:
        """Follow a `takes` document or a canvas from here on; returns what ends that."""
        if room.document == "takes":
            return _follow(self._kept, room, Kept(room.doc))
        return _follow(self._joins, room, Joins(room.doc)) if room.document == "canvas" else lambda: None

    async def ready(self, room: Room) -> None:
        """Read what has changed in a `takes` document so that others get their turn; then `of` has little to read."""
        if (kept := self._kept.get(room)) is not None:
            await kept.changes.in_turns(kept.put)

    def of(self, room: Room) -> Shelf:
        """The jobs and takes as they stand now; for use at once. Raises Unavailable while the room is loaded again."""
        return _found(self._kept, room).now()

    def around(self, room: Room, node_id: str) -> CanvasPlain:
        """Of a canvas a node and what is joined to it. Raises Unavailable while the room is loaded again."""
        return _found(self._joins, room).around(node_id)


class Kept:
    """One document. It is read when somebody asks: whole at first, and then only what has changed."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._doc, self._takes, self._shelf = doc, Takes(doc), Shelf()
        self.changes = Changes(doc, ("jobs", "takes"))

    def detach(self) -> None:
        """Follow no more."""
        self.changes.detach()

    def now(self) -> Shelf:
        """The shelf as the document is now."""
        # In one transaction: pycrdt would open one for each value that is read, and commit it.
        with self._doc.transaction():
            for root, key in self.changes.read():
                self.put(root, key)
        return self._shelf

    def put(self, root: str, key: str) -> None:
        """Put a record on the shelf as it stands now."""
        with failures_logged(log, "a record cannot be read, and counts for nothing", root=root, key=key):
            if root == "takes":
                self._shelf.put_take(key, self._takes.take(key))
            else:
                self._shelf.put_job(key, self._takes.live_job(key))


def _follow(followed: dict[Room, Follower], room: Room, follower: Follower) -> Callable[[], None]:
    followed[room] = follower

    def detach() -> None:
        followed.pop(room, None)
        follower.detach()

    return detach


def _found(followed: dict[Room, Follower], room: Room) -> Follower:
    follower = followed.get(room)
    if follower is None:
        raise Unavailable("This document is being repaired. Try again in a moment.")
    return follower
