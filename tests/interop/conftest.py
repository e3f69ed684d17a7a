"""A hub with both dialects on a port, and real Yjs clients in Node."""

from collections.abc import AsyncIterator

import pytest

from server.hub.hub import Hub
from tests.support.hub import HeldStore, NodeClients, node_clients, open_hub, serve


@pytest.fixture
def store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def hub(store: HeldStore) -> AsyncIterator[Hub]:
    async with open_hub(store) as made:
        yield made


@pytest.fixture
async def base(hub: Hub) -> AsyncIterator[str]:
    async with serve(hub) as address:
        yield address


@pytest.fixture
async def node() -> AsyncIterator[NodeClients]:
    async with node_clients() as clients:
        yield clients
