"""Follows the stream of farm events for the recorder: at least once, in order, across restarts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from render_farm.attempt_log import AttemptLogs, Entry, entries_of
from render_farm.job import AnyEvent, BadEvent, instead_of, read_event
from render_farm.ledger import REDIS_AWAY, Ledger, redis_reached

GROUP = "recorder"
BATCH = 64
PAGE = 1000
BLOCK_MILLISECONDS = 2000
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
CLAIM_MILLISECONDS = 60_000
"""Another hub that has not handled its entry for so long has died with it."""

log = structlog.get_logger("workprint.events")


class EventStream:
    """The events of one installation, read as one consumer of the group `recorder`.

    An entry stays on the stream until `done` is called for it, so nothing is trimmed before it was recorded.
    """

    def __init__(self, redis_url: str, namespace: str, consumer: str = "hub") -> None:
        # Replies to a blocking read come late by intent; everything else must be quick.
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
            redis_url, socket_connect_timeout=2, socket_timeout=BLOCK_MILLISECONDS / 1000 + 5
        )
        self._stream = f"{namespace}:events"
        self.logs = AttemptLogs(self._redis, namespace)
        self._consumer = consumer
        self._behind = False

    async def follow(self) -> AsyncIterator[tuple[str, AnyEvent]]:
        """Every event with its entry id, for ever: first those of this consumer that were never done, then new ones.

        Waits with growing pauses while Redis is away. Entries that do not read are logged and dropped.
        """
        pause, after = FIRST_PAUSE_SECONDS, "0"
        while True:
            if self._behind:
                after, self._behind = "0", False
            try:
                await self._make_group()
                entries = await self._read(after)
            except (*REDIS_AWAY, ResponseError) as error:
                if pause == FIRST_PAUSE_SECONDS:  # once, however long it stays away
                    log.warning("Redis is away; requests and results wait until it is back", error=str(error))
                await asyncio.sleep(pause)
                pause, self._behind = min(pause * 2, LONGEST_PAUSE_SECONDS), True
                continue
            if pause > FIRST_PAUSE_SECONDS:
                log.info("Redis is back")
                pause = FIRST_PAUSE_SECONDS
            for entry, fields in entries:
                event = await self._event(entry, fields)
                if event is not None:
                    yield entry, event
            # "0" lists what was delivered and not done; after that list has been walked once, only new entries count.
            after = entries[-1][0] if entries and after != ">" else ">"

    def again(self) -> None:
        """Have `follow` give out once more what was not done: else that waits until it is claimed, a minute later."""
        self._behind = True

    async def done(self, entry: str) -> None:
        """Take an entry off the stream: what it says has been recorded."""
        async with self._redis.pipeline(transaction=True) as both:
            both.xack(self._stream, GROUP, entry)
            both.xdel(self._stream, entry)
            await both.execute()

    async def deliveries(self, entry: str) -> int:
        """How often an entry was handed out."""
        rows = await self._redis.xpending_range(self._stream, GROUP, entry, entry, 1)
        return int(cast("list[dict[str, Any]]", rows)[0]["times_delivered"]) if rows else 0

    async def close(self) -> None:
        """Let go of the connection."""
        await self._redis.aclose()

    async def _make_group(self) -> None:
        """Redis may have lost the group at any time, with everything else it knew."""
        try:
            await self._redis.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _read(self, after: str) -> list[tuple[str, dict[bytes, bytes]]]:
        claimed = await self._claim() if after == ">" else []
        if claimed:
            return claimed
        reply = await self._redis.xreadgroup(
            GROUP, self._consumer, {self._stream: after}, count=BATCH, block=BLOCK_MILLISECONDS
        )
        return [(entry.decode(), fields) for entry, fields in entries_of(reply) if fields]

    async def _claim(self) -> list[tuple[str, dict[bytes, bytes]]]:
        """Take over what a consumer that died was given."""
        reply = await self._redis.xautoclaim(
            self._stream, GROUP, self._consumer, min_idle_time=CLAIM_MILLISECONDS, count=BATCH
        )
        return [(entry.decode(), fields) for entry, fields in cast("Any", reply)[1] if fields]

    async def _event(self, entry: str, fields: dict[bytes, bytes]) -> AnyEvent | None:
        told: object = None
        try:
            told = json.loads(fields[b"event"])
            return read_event(told)
        except (BadEvent, KeyError, ValueError) as error:
            log.error("an event does not read", entry=entry, error=str(error))  # noqa: TRY400 - the message is all
            ended = instead_of(told)
            if ended is None:
                await self.done(entry)
            return ended


def unrecorded(ledger: Ledger) -> set[str]:
    """The jobs that an event on the stream tells of: nobody has recorded it yet. Raises FarmUnavailable."""
    jobs: set[str] = set()
    stream, after = ledger.key("events"), "-"
    while True:
        with redis_reached():
            page = cast("list[Entry]", ledger.redis.xrange(stream, after, "+", PAGE))  # pyright: ignore[reportUnknownMemberType] - untyped
        for _, fields in page:
            with suppress(ValueError, TypeError, KeyError):
                jobs.add(str(json.loads(fields[b"event"])["job"]))
        if len(page) < PAGE:
            return jobs
        after = f"({page[-1][0].decode()}"
