"""History: the versions of every project, what stood in them, and what is different between any two."""

import asyncio
from typing import Any

from crdt_schema.ids import ProjectId
from server.history.commits import Commits, Page
from server.history.compare import RecordChange, comparable, compare, takes_told
from server.hub.hub import Hub
from server.snapshot.tree import has_place
from server.snapshot.writer import Homes

NOW = "now"
"""Names today's state where a commit is asked for."""
State = dict[str, dict[str, Any]]
"""Comparable documents by name."""


class History:
    """Time travel over all projects. Made once by the app; Git is read in threads."""

    def __init__(self, homes: Homes, hub: Hub) -> None:
        self._homes, self._hub = homes, hub

    async def page(self, project: ProjectId, before: str = "", limit: int = 50) -> Page:
        """A part of the timeline, newest first; raises NotFound, NoRepository."""
        return await asyncio.to_thread(lambda: self._commits(project).page(before, limit))

    async def documents(self, project: ProjectId, commit: str) -> dict[str, Any]:
        """Every document as it stood in a commit, by its name; raises NotFound, NoRepository, TooLarge."""
        return await asyncio.to_thread(lambda: self._commits(project).documents(commit))

    async def diff(self, project: ProjectId, start: str, end: str) -> tuple[list[RecordChange], dict[str, Any]]:
        """What is different between two versions, each a commit or `NOW`: records, and takes. Raises as `documents`."""
        before, after = await self._state(project, start), await self._state(project, end)
        return await asyncio.to_thread(lambda: (compare(before, after), takes_told(before, after)))

    async def _state(self, project: ProjectId, version: str) -> State:
        if version != NOW:
            found = await self.documents(project, version)
        else:
            found = await self._today(project)
        return await asyncio.to_thread(lambda: {name: comparable(name, value) for name, value in found.items()})

    async def _today(self, project: ProjectId) -> dict[str, Any]:
        """Every document that has a place in the repository, as it is now."""
        async with self._hub.log(project) as store:
            names = [name for name in await store.documents() if has_place(name)]
        found: dict[str, Any] = {}
        for name in names:
            async with self._hub.room(project, name) as room:
                found[name] = room.plain()
        return found

    def _commits(self, project: ProjectId) -> Commits:
        return Commits(self._homes.get(project).folder)
