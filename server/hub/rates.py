"""Rates: how much one socket may send; who sends more is read more slowly first, and closed only when that goes on."""

import time
from collections.abc import Callable
from typing import ClassVar

from crdt_schema.wire import CloseCode
from server.errors import TooMany
from server.hub.limits import Limits


class TooFrequent(TooMany):
    """Somebody goes on sending more than is read."""

    code = "too_frequent"
    close_code: ClassVar[CloseCode] = CloseCode.TOO_FREQUENT


class Bucket:
    """A leaky bucket: takes `burst` at once and `per_second` in the long run.

    It looks at the clock only when it seems full, so that whoever sends little costs one comparison a message.
    """

    __slots__ = ("_now", "_per_second", "_since", "burst", "level")

    def __init__(self, per_second: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self.burst = burst
        self._now = now
        self.level = 0.0
        self._since = now()

    def over_seconds(self, amount: float) -> float:
        """Pour something in; returns how long to wait until it has room again, 0.0 when it has."""
        self.level += amount
        return self.drain(amount) if self.level > self.burst else 0.0

    def drain(self, amount: float) -> float:
        """Let out what has run out since the last look; returns how long to wait. `amount` is what was just added."""
        now = self._now()
        self.level = max(amount, self.level - (now - self._since) * self._per_second)
        self._since = now
        return max(0.0, self.level - self.burst) / self._per_second

    def takes(self, amount: float) -> bool:
        """Pour something in if it has room."""
        if self.over_seconds(amount) > 0.0:
            self.level -= amount
            return False
        return True


class Intake:
    """What one socket sends, in messages and in bytes."""

    __slots__ = ("_bytes", "_full_since", "_last_wait", "_messages", "_now", "_patience_seconds")

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._messages = Bucket(limits.messages_per_second, limits.message_burst, now)
        self._bytes = Bucket(limits.receive_bytes_per_second, limits.receive_burst_bytes, now)
        self._patience_seconds = limits.throttle_seconds
        self._now = now
        self._full_since = self._last_wait = 0.0

    def pause_seconds(self, size_bytes: int) -> float:
        """How long not to read on after a message of that size; raises TooFrequent when that has gone on too long."""
        messages, received = self._messages, self._bytes
        messages.level += 1.0
        received.level += size_bytes
        if messages.level <= messages.burst and received.level <= received.burst:
            return 0.0
        pause = (messages.drain(1.0) if messages.level > messages.burst else 0.0) + (
            received.drain(size_bytes) if received.level > received.burst else 0.0
        )
        if pause > 0.0:
            self._note_pause(pause)
        return pause

    def _note_pause(self, pause: float) -> None:
        now = self._now()
        if now - self._last_wait > 1.0:
            self._full_since = now
        self._last_wait = now + pause
        if self._last_wait - self._full_since > self._patience_seconds:
            raise TooFrequent("You send more than is read here. Send less at a time.")
