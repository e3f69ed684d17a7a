"""Seeded lives of a project: nine editors of all kinds, a hub that comes and goes, a network that jumbles."""

from pathlib import Path

import pytest

from tests.interop.fuzz import live
from tests.support.hub import NodeClients

# Each of these failed once.
FOUND = {
    23: "a client merged its changes with gaps; what had to wait inside pycrdt became an update of negative length",
    39: "the same, told to a reader: its replica could not take anything any more",
    62: "Yjs itself edits when it tidies up what others formatted",
    5128: "an edit made while a room was about to close was on disk, and not in the room that opened next",
}


@pytest.mark.parametrize("seed", [*range(1, 11), *FOUND])
async def test_all_replicas_and_the_stored_log_end_equal(seed: int, node: NodeClients, tmp_path: Path) -> None:
    await live(seed, node, tmp_path)
