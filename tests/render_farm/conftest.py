"""Fixtures of a real farm."""

from collections.abc import AsyncIterator

import pytest

from tests.support.farm import BlobHub, farm, start_worker, valkey

__all__ = ["farm", "hub", "start_worker", "valkey"]


@pytest.fixture
async def hub() -> AsyncIterator[BlobHub]:
    hub = BlobHub()
    await hub.start()
    yield hub
    await hub.stop()
