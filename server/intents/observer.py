"""Notices intents in a canvas and hands each to whoever answers them, once it is on disk."""

from collections.abc import Callable
from typing import Any

from pycrdt import Map, MapEvent

from crdt_schema.ids import IntentId
from server.hub.room import Room
from server.intents.requests import Request


class IntentObserver:
    """One open canvas. Notes in the CRDT's callback and hands over after the save: side effects wait for the disk."""

    def __init__(self, room: Room, hand_over: Callable[[Request], None]) -> None:
        self._room = room
        self._hand_over = hand_over
        self._noted: list[tuple[int, Request]] = []
        # Kept: a pycrdt subscription ends with the object it was made on.
        self._intents: Map[Any] = room.doc.get("intents", type=Map)
        self._subscription = self._intents.observe(self._note)
        self._forget_saved = room.on_saved(self._handle_saved)

    def detach(self) -> None:
        """Stop noticing; what was noted and not yet saved is found by the next sweep."""
        self._intents.unobserve(self._subscription)
        self._forget_saved()

    def _note(self, event: MapEvent) -> None:
        # Runs inside the transaction: it may read `event` and append, and nothing else.
        for key, change in event.keys.items():
            if change["action"] == "add":
                request = Request(self._room.project, IntentId(key), self._room.actor)
                self._noted.append((self._room.applied, request))

    def _handle_saved(self, applied: int) -> None:
        due = [request for number, request in self._noted if number <= applied]
        self._noted = [(number, request) for number, request in self._noted if number > applied]
        for request in due:
            self._hand_over(request)
