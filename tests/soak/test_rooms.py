"""Ten thousand rooms, opened, edited and closed: the process is as large afterwards as after the first thousand."""

import os
from pathlib import Path

import pytest

from crdt_schema.ids import ProjectId
from tests.support.lifecycle import DOCUMENTS, closed, held, hub_on_disk, nothing_more, rss_bytes, visit, visit_many

ROOMS = int(os.environ.get("WORKPRINT_TEST_ROOMS", "10000"))
AT_ONCE = 25
SETTLED = ROOMS // 10
"""Rooms after which allocators and caches have what they want."""
MARGIN = 1.10


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_ten_thousand_rooms_leave_nothing_behind(tmp_path: Path) -> None:
    async with hub_on_disk(tmp_path) as hub:
        await visit(hub, ProjectId("first"), "canvas")
        await closed(hub)
        before, sizes = held(), list[int]()
        for number in range(0, ROOMS // len(DOCUMENTS), AT_ONCE):
            await visit_many(hub, number, AT_ONCE)
            if (number + AT_ONCE) * len(DOCUMENTS) % SETTLED == 0:
                after = held()
                sizes.append(rss_bytes())
                # Shown by `pytest -s`.
                print((number + AT_ONCE) * len(DOCUMENTS), sizes[-1] >> 10, "KiB", after)  # noqa: T201
        await nothing_more(before)
        assert sizes[-1] < sizes[0] * MARGIN
