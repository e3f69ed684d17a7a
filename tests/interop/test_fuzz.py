"""Seeded lives of a project: nine editors of all kinds, a hub that comes and goes, a network that jumbles."""

from pathlib import Path

import pytest

from tests.interop.fuzz import live
from tests.support.hub import NodeClients


@pytest.mark.parametrize("seed", range(1, 11))
async def test_all_replicas_and_the_stored_log_end_equal(seed: int, node: NodeClients, tmp_path: Path) -> None:
    await live(seed, node, tmp_path, calm=True)
