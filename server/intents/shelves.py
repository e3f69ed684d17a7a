"""The shelf of each project whose `takes` document is open, kept current by what the document says of its changes."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import structlog
from pycrdt import Doc, Map, MapEvent

from crdt_schema.takes import Takes
from server.errors import Unavailable
from server.hub.guarded import failures_logged
from server.hub.room import Room
from server.intents.shelf import Shelf

log = structlog.get_logger("workprint.intents")


class Shelves:
    """One for the service. `attach` is called with each room that opens, and with one that was loaded again."""

    def __init__(self) -> None:
        self._kept: dict[Room, Kept] = {}

    def attach(self, room: Room) -> Callable[[], None]:
        """Follow a `takes` document from here on; returns what ends that."""
        kept = self._kept[room] = Kept(room.doc)

        def detach() -> None:
            self._kept.pop(room, None)
            kept.detach()

        return detach

    def of(self, room: Room) -> Shelf:
        """The jobs and takes as they stand now; for use at once. Raises Unavailable while the room is loaded again."""
        kept = self._kept.get(room)
        if kept is None:
            raise Unavailable("This document is being repaired. Try again in a moment.")
        return kept.now()


class Kept:
    """One document. It is read when somebody asks: whole at first, and then only what has changed."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._doc, self._shelf = doc, Shelf()
        self._whole = True
        self._changed: dict[str, set[str]] = {"jobs": set(), "takes": set()}
        # Kept: a pycrdt subscription ends with the object it was made on.
        self._roots: dict[str, Map[Any]] = {name: doc.get(name, type=Map) for name in self._changed}
        self._subscriptions = [root.observe_deep(partial(self._note, name)) for name, root in self._roots.items()]

    def detach(self) -> None:
        """Follow no more: a document that is observed is never let go."""
        for root, subscription in zip(self._roots.values(), self._subscriptions, strict=True):
            root.unobserve(subscription)
        self._roots, self._subscriptions = {}, []

    def now(self) -> Shelf:
        """The shelf as the document is now."""
        if self._whole:
            self._whole = False
            self._changed = {name: set(root.keys()) for name, root in self._roots.items()}
        if any(self._changed.values()):
            # In one transaction: pycrdt would open one for each value that is read, and commit it.
            with self._doc.transaction():
                self._read()
        return self._shelf

    def _read(self) -> None:
        takes, changed = Takes(self._doc), self._changed
        self._changed = {name: set() for name in changed}
        for key in changed["takes"]:
            with failures_logged(log, "a take cannot be read, and counts for nothing", take=key):
                self._shelf.put_take(key, takes.take(key))
        for key in changed["jobs"]:
            with failures_logged(log, "a job cannot be read, and counts for nothing", job=key):
                self._shelf.put_job(key, takes.live_job(key))

    def _note(self, root: str, events: Sequence[Any]) -> None:
        # Runs inside the transaction: it may read the events and note, and nothing else.
        for event in events:
            path: list[Any] = event.path
            keys: Iterable[str] = path[:1] or (event.keys if isinstance(event, MapEvent) else ())
            self._changed[root].update(keys)
