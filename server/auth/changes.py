"""Tells whoever listens that somebody's rights may be others now."""

from collections.abc import Awaitable, Callable

Listener = Callable[[str], Awaitable[None]]
"""Gets the id of the user concerned, or "" for everybody; done when they can do no more than they may."""


class Changes:
    """The listeners, awaited after the change is on disk: whoever made it hears that it is done when it holds."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    async def tell(self, *users: str) -> None:
        """The rights of these users may have changed; of everybody's, when a user is ""."""
        for user in users:
            for listener in self._listeners:
                await listener(user)
