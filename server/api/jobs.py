"""One job of a project as its document holds it, for pages that do not have the project open."""

from aiohttp import web

from crdt_schema.takes import Takes
from server.api.access import enter
from server.errors import NotFound
from server.keys import HUB


async def job(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/jobs/{job}: what became of a request, with every attempt."""
    project, _ = await enter(request, "read")
    async with request.app[HUB].room(project.id, "takes") as room:
        found = Takes(room.doc).job(request.match_info["job"])
    if found is None:
        raise NotFound("There is no such job in this project.")
    return web.json_response(found)
