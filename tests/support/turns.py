"""How often others had their turn on the event loop, while something long was done on it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Turns:
    """`count` grows with every turn; that in which the counting begins and the last one are not counted."""

    count = 0


@asynccontextmanager
async def counted_turns() -> AsyncGenerator[Turns]:
    """Count for as long as the context lasts."""
    turns = Turns()

    async def others() -> None:
        while True:
            await asyncio.sleep(0)
            turns.count += 1

    task = asyncio.create_task(others())
    try:
        yield turns
    finally:
        task.cancel()
