"""Tells whoever listens that somebody's rights may be others now."""

from collections.abc import Callable

Listener = Callable[[str], None]
"""Gets the id of the user concerned, or "" for everybody."""


class Changes:
    """The listeners, called on the event loop after the change is on disk."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def tell(self, *users: str) -> None:
        """The rights of these users may have changed; of everybody's, when a user is ""."""
        for user in users:
            for listener in self._listeners:
                listener(user)
