"""Waits for a server without forgetting the attempt, which may have to end while the server says nothing."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from pipelines.spec import RunContext

TICK_SECONDS = 0.25

T = TypeVar("T")


async def watched(work: Coroutine[Any, Any, T], context: RunContext) -> T:
    """What `work` gives; ends it and raises what `context.check` raises when the attempt has to end before."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({task}, timeout=TICK_SECONDS))[0]:
            context.check()
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
