"""Waiting for a server: the attempt can end although the server says nothing."""

import asyncio
from pathlib import Path

import pytest

from pipelines.runners.watched import watched
from pipelines.spec import Cancelled
from tests.support.run_context import Attempt


async def test_what_comes_is_handed_on(tmp_path: Path) -> None:
    async def answer() -> int:
        return 7

    assert await watched(answer(), Attempt(tmp_path)) == 7


async def test_a_silent_server_holds_no_cancelled_attempt(tmp_path: Path) -> None:
    attempt, ended = Attempt(tmp_path), asyncio.Event()

    async def silent() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    attempt.cancelled.set()
    with pytest.raises(Cancelled):
        async with asyncio.timeout(30):
            await watched(silent(), attempt)
    assert ended.is_set(), "nothing goes on behind the attempt's back"
