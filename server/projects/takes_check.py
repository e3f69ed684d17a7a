"""TakesCheck: compares takes and folder of a project when asked, and of every project once when the hub starts."""

import asyncio
from typing import cast

import structlog

from crdt_schema.ids import ProjectId
from crdt_schema.records import TakesPlain
from server.errors import NotFound, Unavailable, WorkprintError
from server.hub.hub import Hub
from server.hub.reading import plain_in_turns
from server.projects.index import Project, Projects
from server.projects.takes_folder import Reconciled, reconcile
from server.store.replication import Replication

log = structlog.get_logger(__name__)


class TakesCheck:
    """Puts back take files that are gone, and says what it cannot put right."""

    def __init__(self, projects: Projects, hub: Hub, replication: Replication | None = None) -> None:
        """`replication`: brings back from the bucket what is not on this machine."""
        self._projects, self._hub, self._replication = projects, hub, replication

    async def reconcile(self, project_id: ProjectId) -> Reconciled:
        """Compare one project; raises NotFound, and Unavailable while its documents cannot be read."""
        async with self._hub.room(project_id, "takes") as room:
            takes = cast("TakesPlain", await plain_in_turns(room))["takes"]
        project = self._projects.get(project_id)
        found = await asyncio.to_thread(reconcile, project.folder, project.blobs, takes)
        gone = [takes[file.take]["media"]["blob"] for file in found.vanished]
        if await self._fetch(project, gone):
            again = await asyncio.to_thread(reconcile, project.folder, project.blobs, takes)
            again.restored += found.restored
            return again
        return found

    async def _fetch(self, project: Project, blobs: list[str]) -> bool:
        """Whether any of them is here now."""
        here = False
        for blob in blobs:
            try:
                if self._replication is not None:
                    await self._replication.ensure(project.id, project.blobs, blob)
                    here = True
            except NotFound:
                continue
            except Unavailable:
                # The bucket is away for the others too.
                break
        return here

    async def run(self) -> None:
        """Compare every project, one after the other; what is wrong with one harms no other."""
        for project in await asyncio.to_thread(self._projects.all):
            try:
                found = await self.reconcile(project.id)
            except (WorkprintError, OSError) as error:
                log.warning("takes_not_compared", project=project.id, reason=str(error))
                continue
            if not found.is_clean():
                log.warning(
                    "takes_and_folder_differ",
                    project=project.id,
                    restored=len(found.restored),
                    vanished=[file.path for file in found.vanished],
                    unknown=[file.path for file in found.unknown],
                    damaged=[file.path for file in found.damaged],
                )
