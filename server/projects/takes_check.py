"""TakesCheck: compares takes and folder of a project when asked, and of every project once when the hub starts."""

import asyncio

import structlog

from crdt_schema.ids import ProjectId
from crdt_schema.takes import Takes
from server.errors import WorkprintError
from server.hub.hub import Hub
from server.projects.index import Projects
from server.projects.takes_folder import Reconciled, reconcile

log = structlog.get_logger(__name__)


class TakesCheck:
    """Puts back take files that are gone, and says what it cannot put right."""

    def __init__(self, projects: Projects, hub: Hub) -> None:
        self._projects, self._hub = projects, hub

    async def reconcile(self, project_id: ProjectId) -> Reconciled:
        """Compare one project; raises NotFound, and Unavailable while its documents cannot be read."""
        async with self._hub.room(project_id, "takes") as room:
            takes = Takes(room.doc).takes()
        project = self._projects.get(project_id)
        return await asyncio.to_thread(reconcile, project.folder, project.blobs, takes)

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
