"""Answers what a take or a batch would cost, from the documents and the farm as they are now."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from crdt_schema.farm import BatchEstimate, Estimate
from crdt_schema.ids import ProjectId
from server.auth.actor import Actor
from server.hub.hub import Hub
from server.intents.case import Rooms, Wish, case_of
from server.intents.estimate import estimate, estimate_batch
from server.intents.farm_view import FarmView
from server.intents.judge import Case, Judge
from server.intents.progress import Progress
from server.intents.shelves import Shelves
from server.projects.index import Projects

MOST_SHOTS = 500
"""Of one batch."""
A_BATCH = "batch"
"""Stands for the id that a batch gets when it is asked for."""


class Estimates:
    """Estimates of what somebody might ask for; they change nothing and promise nothing."""

    def __init__(
        self, hub: Hub, projects: Projects, shelves: Shelves, *, judge: Judge, view: FarmView, progress: Progress
    ) -> None:
        self._hub, self._projects, self._shelves = hub, projects, shelves
        self._judge, self._view, self._progress = judge, view, progress

    async def one(self, project: ProjectId, node: str, actor: Actor, *, fresh: bool = False) -> Estimate:
        """Of one shot; raises NotFound."""
        (case,) = await self._cases(project, [Wish(actor, node, fresh=fresh)])
        return estimate(self._judge, case, self._progress.percents())

    async def batch(
        self, project: ProjectId, nodes: Sequence[str], actor: Actor, *, fresh: bool = False
    ) -> BatchEstimate:
        """Of several shots at once; raises NotFound."""
        cases = await self._cases(project, [Wish(actor, node, A_BATCH, fresh) for node in nodes])
        return estimate_batch(self._judge, cases, self._progress.percents())

    async def _cases(self, project: ProjectId, wishes: Sequence[Wish]) -> list[Case]:
        manifest, farm = self._projects.get(project).manifest, await self._view.look()
        async with AsyncExitStack() as using:
            names = ("canvas", "takes", "production")
            rooms = Rooms(*[await using.enter_async_context(self._hub.room(project, name)) for name in names])
            return [case_of(wish, rooms, manifest, farm, self._shelves) for wish in wishes]
