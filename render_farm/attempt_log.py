"""The log of an attempt: a capped stream in Redis while it runs, read live by the hub, which keeps it afterwards."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis as AsyncRedis

from render_farm.clock import iso
from render_farm.job import ExitReason, FarmUnavailable
from render_farm.ledger import Ledger, redis_reached
from render_farm.words import plain

MAX_LINES = 2000
"""The newest count: how something ended is worth more than how it began."""
MAX_LINE_CHARS = 2000
STREAM_SECONDS = 24 * 3600
KEPT_STREAM_SECONDS = 600
"""Whoever follows a log when it is kept may read on for so long."""
HIDDEN = "[hidden]"
SHORTEST_SECRET = 4
"""Hiding something shorter would only make the rest unreadable."""


class LogLine(NamedTuple):
    """A line, its place in the log, and when it was written; the last has `exit` and no text."""

    id: str
    at: str
    text: str
    exit: str = ""


class AttemptLog:
    """The writing side. Lines wait here for `flush`, so that no Redis holds up whoever adds them; any thread may."""

    def __init__(
        self, ledger: Ledger, attempt: str, secrets: Collection[str] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger, self._key, self._clock = ledger, stream_key(ledger.namespace, attempt), clock
        # The longest first: one may be part of another.
        self._secrets = sorted({secret for secret in secrets if len(secret) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._lines: list[dict[str, str]] = []
        self._lock, self._sending = threading.Lock(), threading.Lock()

    def add(self, text: str) -> None:
        """Keep one or more lines."""
        at = iso(self._clock())
        lines = [{"at": at, "line": plain(line)[:MAX_LINE_CHARS]} for line in self.hiding(text).splitlines()]
        with self._lock:
            self._lines = [*self._lines, *lines][-MAX_LINES:]

    def hiding(self, text: str) -> str:
        """The text without what nobody may read."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def end(self, exit_reason: ExitReason) -> None:
        """Nothing follows."""
        with self._lock:
            self._lines.append({"at": iso(self._clock()), "line": "", "exit": exit_reason})
        self.flush()

    def flush(self) -> None:
        """Hand over what was added; what Redis does not take now is handed over later."""
        with self._sending:
            with self._lock:
                lines, self._lines = self._lines, []
            if not lines:
                return
            try:
                self._send(lines)
            except FarmUnavailable:
                with self._lock:
                    self._lines = [*lines, *self._lines][-MAX_LINES - 1 :]

    def _send(self, lines: list[dict[str, str]]) -> None:
        with redis_reached(), self._ledger.redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - untyped shard_hint
            for line in lines:
                both.xadd(self._key, cast("Any", line), maxlen=MAX_LINES + 1, approximate=False)
            both.expire(self._key, STREAM_SECONDS)
            both.execute()


class AttemptLogs:
    """The reading side."""

    def __init__(self, redis: AsyncRedis, namespace: str) -> None:
        self._redis, self._namespace = redis, namespace

    async def read(self, attempt: str, after: str = "0", wait_seconds: float = 0) -> list[LogLine]:
        """The lines after that id; waits so long for one, where there is none. The last ever has an `exit`."""
        key = stream_key(self._namespace, attempt)
        block = max(1, round(wait_seconds * 1000)) if wait_seconds else None
        reply = await self._redis.xread({key: after}, block=block)
        return [_line(*entry) for entry in entries_of(reply)]

    async def let_go(self, attempt: str) -> None:
        """The lines have been kept elsewhere."""
        await self._redis.expire(stream_key(self._namespace, attempt), KEPT_STREAM_SECONDS)


def stream_key(namespace: str, attempt: str) -> str:
    """Where the log of an attempt is."""
    return f"{namespace}:log:{attempt}"


Entry = tuple[bytes, dict[bytes, bytes]]


def entries_of(reply: object) -> list[Entry]:
    """The entries of one stream in a reply to XREAD or XREADGROUP: [[name, them]] in RESP2, {name: [them]} in RESP3."""
    if not reply:
        return []
    if isinstance(reply, dict):
        pages = next(iter(cast("dict[bytes, list[list[Entry]]]", reply).values()))
        return [entry for page in pages for entry in page]
    return cast("list[tuple[bytes, list[Entry]]]", reply)[0][1]


def _line(entry: bytes, fields: dict[bytes, bytes]) -> LogLine:
    text = {name: fields.get(name, b"").decode(errors="replace") for name in (b"at", b"line", b"exit")}
    return LogLine(entry.decode(), text[b"at"], text[b"line"], text[b"exit"])
