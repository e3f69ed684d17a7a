"""Proposals over REST: what you wrote and the rules did not let stand, to look at, copy from and send again."""

from aiohttp import web

from server.api.access import enter
from server.keys import PROPOSALS


async def list_proposals(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/proposals: your own refused changes, newest first."""
    project, actor = await enter(request, "read")
    return web.json_response({"entries": await request.app[PROPOSALS].entries(project.id, actor.user_id)})


async def discard_proposal(request: web.Request) -> web.Response:
    """DELETE /api/projects/{project}/proposals/{proposal}: forget one of them."""
    project, actor = await enter(request, "read")
    await request.app[PROPOSALS].discard(project.id, actor.user_id, request.match_info["proposal"])
    return web.json_response({})
