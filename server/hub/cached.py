"""Cached: a message that stays the same until the document changes; whoever joins meanwhile gets the same bytes."""

from collections.abc import Callable

from server.hub import messages
from server.hub.messages import Message
from server.hub.replica import Replica


class Cached:
    """One such message, made by `make` when somebody asks for it."""

    __slots__ = ("_make", "_message", "_of")

    def __init__(self, make: Callable[[], Message]) -> None:
        self._make = make
        self._of: tuple[Replica, int] | None = None
        self._message = messages.NOTHING_NEW

    def get(self, replica: Replica) -> Message:
        """The message for the document as `replica` is now."""
        if self._of != (replica, replica.version):
            self._message = self._make()
            self._of = (replica, replica.version)
        return self._message
