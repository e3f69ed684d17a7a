"""What tests of the hub's sockets share: a hub with the limits that their module names, its address, a client."""

from collections.abc import AsyncIterator
from typing import cast

import aiohttp
import pytest

from server.hub.hub import Hub
from tests.support.hub import QUICK, open_hub, serve


@pytest.fixture
async def hub(request: pytest.FixtureRequest) -> AsyncIterator[Hub]:
    """A hub in memory; `LIMITS` of the test's module are its limits."""
    module = cast("object", request.module)  # pyright: ignore[reportUnknownMemberType] - pytest does not say
    async with open_hub(limits=getattr(module, "LIMITS", QUICK)) as made:
        yield made


@pytest.fixture
async def base(hub: Hub) -> AsyncIterator[str]:
    """Where that hub is served, in both dialects."""
    async with serve(hub) as address:
        yield address


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client of plain HTTP and websockets."""
    async with aiohttp.ClientSession() as session:
        yield session
