"""The first start of a workspace: the demo is there once, whole, whatever interrupted its making."""

import asyncio
from pathlib import Path

import pytest

from crdt_schema.canvas import Canvas
from server import keys
from server.projects import demo
from server.projects.index import Projects
from tests.support.service import running_service


async def shots_of_the_demo(workspace: Path) -> list[str]:
    async with running_service(workspace, WORKPRINT_DEMO="1") as service:
        (project,) = service.app[keys.PROJECTS].all()
        async with service.app[keys.HUB].room(project.id, "canvas") as room:
            return sorted(node["title"] for node in Canvas(room.doc).nodes().values() if node["type"] == "shot")


async def test_the_first_start_makes_the_demo_and_the_second_does_not(tmp_path: Path) -> None:
    assert await shots_of_the_demo(tmp_path) == ["The door", "The silhouette", "The wait"]
    assert await shots_of_the_demo(tmp_path) == ["The door", "The silhouette", "The wait"]


async def test_a_demo_that_was_interrupted_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> dict[str, bytes]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(demo, "mood_boards", interrupted)
        with pytest.raises(KeyboardInterrupt):
            await shots_of_the_demo(tmp_path)
    assert len(await asyncio.to_thread(Projects(tmp_path).all)) == 1
    assert await shots_of_the_demo(tmp_path) == ["The door", "The silhouette", "The wait"]
    assert len(await asyncio.to_thread(Projects(tmp_path).all)) == 1
