"""Renewal: says the server's own presence again before clients forget it."""

import asyncio
from collections.abc import Callable

from server.hub.presence import Presence

RENEW_SECONDS = 15.0
"""Clients forget a presence that was not renewed for 30 s."""


class Renewal:
    """The timer of one room's presence; it runs while the server has something to show."""

    def __init__(self, presence: Presence, tell: Callable[[], None]) -> None:
        self._presence = presence
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, unless it runs or there is nothing to show."""
        if self._timer is None and self._presence.speaks:
            self._timer = asyncio.get_running_loop().call_later(RENEW_SECONDS, self._renew)

    def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()

    def _renew(self) -> None:
        self._timer = None
        if self._presence.speaks:
            self._presence.renew()
            self._tell()
            self.start()
