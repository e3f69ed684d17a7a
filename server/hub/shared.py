"""Shared: things that are opened once, used by many, and closed when nobody has needed them for a while."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from server.hub.guarded import failures_logged

K = TypeVar("K")
V = TypeVar("V")


@dataclass(eq=False, slots=True)
class _Entry(Generic[V]):
    opening: "asyncio.Task[V]"
    users: int = 0
    visits: int = 0
    idle: "asyncio.Task[None] | None" = None
    closing: "asyncio.Task[None] | None" = None


class Shared(Generic[K, V]):
    """Values by key. The second user awaits the first one's opening; who comes during closing gets a fresh one."""

    def __init__(
        self,
        open_value: Callable[[K], Awaitable[V]],
        close_value: Callable[[V], Awaitable[None]],
        *,
        grace_seconds: float,
        settle: Callable[[V], Awaitable[None]] | None = None,
    ) -> None:
        self._open_value = open_value
        self._close_value = close_value
        self._settle = settle
        self._grace_seconds = grace_seconds
        self._log = structlog.get_logger(__name__)
        self._entries: dict[K, _Entry[V]] = {}

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def values(self) -> list[V]:
        """All that are open now."""
        tasks = [entry.opening for entry in self._entries.values()]
        return [task.result() for task in tasks if task.done() and not task.cancelled() and task.exception() is None]

    @asynccontextmanager
    async def use(self, key: K) -> AsyncGenerator[V, None]:
        """The value of `key`, kept open while it is used; raises what opening it raises."""
        entry = await self._enter(key)
        try:
            # Shielded: one user who gives up must not cancel the opening for the others.
            yield await asyncio.shield(entry.opening)
        finally:
            self._leave(key, entry)

    async def close(self, wanted: Callable[[K], bool] = lambda _: True) -> None:
        """Close everything whose key is wanted, whoever still uses it."""
        while found := next((entry for entry in self._entries.items() if wanted(entry[0])), None):
            key, entry = found
            if entry.idle is not None:
                entry.idle.cancel()
                await asyncio.gather(entry.idle, return_exceptions=True)
            await self._close_entry(key, entry)

    async def _enter(self, key: K) -> _Entry[V]:
        while (entry := self._entries.get(key)) is not None and entry.closing is not None:
            await asyncio.wait([entry.closing])
        if entry is None:
            entry = self._entries[key] = _Entry(asyncio.ensure_future(self._opened(key)))
        entry.users += 1
        entry.visits += 1
        return entry

    async def _opened(self, key: K) -> V:
        try:
            return await self._open_value(key)
        except BaseException:
            # All who wait for it are told; whoever comes later tries again.
            del self._entries[key]
            raise

    def _leave(self, key: K, entry: _Entry[V]) -> None:
        entry.users -= 1
        if entry.users == 0 and self._entries.get(key) is entry and (entry.idle is None or entry.idle.done()):
            entry.idle = asyncio.create_task(self._close_when_idle(key, entry), name=f"idle {key}")

    async def _close_when_idle(self, key: K, entry: _Entry[V]) -> None:
        await asyncio.sleep(self._grace_seconds)
        settled_at = -1
        while self._settle is not None and entry.users == 0 and settled_at != entry.visits:
            # Somebody may come, change something and go again while this waits.
            settled_at = entry.visits
            await self._settle(await entry.opening)
        if entry.users == 0:
            await self._close_entry(key, entry)

    async def _close_entry(self, key: K, entry: _Entry[V]) -> None:
        if entry.closing is None:
            entry.closing = asyncio.create_task(self._closed(key, entry), name=f"close {key}")
        await asyncio.wait([entry.closing])

    async def _closed(self, key: K, entry: _Entry[V]) -> None:
        with failures_logged(self._log, "close_failed", key=str(key)):
            await self._close_value(await entry.opening)
        self._entries.pop(key, None)
