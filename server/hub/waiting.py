"""Waiting: updates that came before what they build on; kept beside the document, so many and no more."""

from collections.abc import Mapping
from dataclasses import dataclass

from server.errors import TooMany
from server.hub.limits import Limits
from server.hub.structure import Survey


class WaitsTooMuch(TooMany):
    """A session sent too much that builds on changes nobody has sent."""

    code = "waits_too_much"


@dataclass(frozen=True, slots=True)
class Held:
    """One update that waits, and who sent it."""

    origin: object
    update: bytes
    found: Survey
    messages: int = 1
    """How many messages of its sender are in it: so many it will hear are safe."""


class Waiting:
    """The updates of one room that wait. They are part of nothing yet: not applied, not logged, not shown.

    They stay out of the Doc because pycrdt shows nobody what waits in it and never drops it, and because an update is
    judged only when it is applied: its sender has to answer for it then, not whoever sends what it waited for.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: list[Held] = []

    def __len__(self) -> int:
        return len(self._held)

    def add(self, held: Held) -> None:
        """Keep an update; raises WaitsTooMuch."""
        limits = self._limits
        own = [other for other in self._held if other.origin is held.origin]
        size, own_size = _bytes_of(self._held) + len(held.update), _bytes_of(own) + len(held.update)
        if len(own) >= limits.waiting_updates or own_size > limits.waiting_bytes:
            raise WaitsTooMuch("Too many of your changes build on changes that never came. Connect again.")
        if len(self._held) >= limits.room_waiting_updates or size > limits.room_waiting_bytes:
            raise WaitsTooMuch("Too many changes wait in this document for changes that never came. Connect again.")
        self._held.append(held)

    def take(self, known: Mapping[int, int]) -> Held | None:
        """The first update that need not wait any longer; the caller applies it in its sender's name."""
        for at, held in enumerate(self._held):
            if not held.found.missing(known):
                return self._held.pop(at)
        return None

    def forget(self, origin: object) -> None:
        """Drop what a session sent that has gone: it was not acknowledged, so its client brings it again."""
        self._held = [held for held in self._held if held.origin is not origin]


def _bytes_of(held: list[Held]) -> int:
    return sum(len(each.update) for each in held)
