"""The log of an attempt: a capped stream in Redis while it runs, read live by the hub, which keeps it afterwards."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis as AsyncRedis

from render_farm.clock import iso
from render_farm.job import ExitReason, FarmUnavailable
from render_farm.ledger import Ledger, redis_reached

MAX_LINES = 2000
"""The newest count: how something ended is worth more than how it began."""
MAX_LINE_CHARS = 2000
STREAM_SECONDS = 24 * 3600
KEPT_STREAM_SECONDS = 600
"""Whoever follows a log when it is kept may read on for so long."""
FLUSH_SECONDS = 0.2
HIDDEN = "[hidden]"


class LogLine(NamedTuple):
    """A line, its place in the log, and when it was written; the last has `exit` and no text."""

    id: str
    at: str
    text: str
    exit: str = ""


class AttemptLog:
    """The writing side. Lines are handed over in batches, and wait while Redis is away; any thread may add."""

    def __init__(
        self, ledger: Ledger, attempt: str, secrets: Collection[str] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger, self._key, self._clock = ledger, stream_key(ledger.namespace, attempt), clock
        self._secrets = [secret for secret in secrets if secret]
        self._lines: list[dict[str, str]] = []
        self._flushed = 0.0
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        """Keep one or more lines."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        at = iso(self._clock())
        with self._lock:
            self._lines += [{"at": at, "line": line[:MAX_LINE_CHARS]} for line in text.splitlines()]
            del self._lines[:-MAX_LINES]
        if self._clock() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def end(self, exit_reason: ExitReason) -> None:
        """Nothing follows."""
        with self._lock:
            self._lines.append({"at": iso(self._clock()), "line": "", "exit": exit_reason})
        self.flush()

    def flush(self) -> None:
        """Hand over what was added; what Redis does not take now is handed over later."""
        with self._lock:
            self._flushed = self._clock()
            if not self._lines:
                return
            try:
                with redis_reached(), self._ledger.redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - untyped shard_hint
                    for line in self._lines:
                        both.xadd(self._key, cast("Any", line), maxlen=MAX_LINES + 1, approximate=False)
                    both.expire(self._key, STREAM_SECONDS)
                    both.execute()
            except FarmUnavailable:
                return
            self._lines.clear()


class AttemptLogs:
    """The reading side."""

    def __init__(self, redis: AsyncRedis, namespace: str) -> None:
        self._redis, self._namespace = redis, namespace

    async def read(self, attempt: str, after: str = "0", wait_seconds: float = 0) -> list[LogLine]:
        """The lines after that id; waits so long for one, where there is none. The last ever has an `exit`."""
        key = stream_key(self._namespace, attempt)
        block = max(1, round(wait_seconds * 1000)) if wait_seconds else None
        reply = await self._redis.xread({key: after}, block=block)
        return [_line(*entry) for entry in _entries(reply)]

    async def let_go(self, attempt: str) -> None:
        """The lines have been kept elsewhere."""
        await self._redis.expire(stream_key(self._namespace, attempt), KEPT_STREAM_SECONDS)


def stream_key(namespace: str, attempt: str) -> str:
    """Where the log of an attempt is."""
    return f"{namespace}:log:{attempt}"


Entry = tuple[bytes, dict[bytes, bytes]]


def _entries(reply: object) -> list[Entry]:
    """The entries of the one stream: [[name, entries]] in RESP2, {name: [entries]} in RESP3."""
    if not reply:
        return []
    if isinstance(reply, dict):
        pages = next(iter(cast("dict[bytes, list[list[Entry]]]", reply).values()))
        return [entry for page in pages for entry in page]
    return cast("list[tuple[bytes, list[Entry]]]", reply)[0][1]


def _line(entry: bytes, fields: dict[bytes, bytes]) -> LogLine:
    text = {name: fields.get(name, b"").decode(errors="replace") for name in (b"at", b"line", b"exit")}
    return LogLine(entry.decode(), text[b"at"], text[b"line"], text[b"exit"])
