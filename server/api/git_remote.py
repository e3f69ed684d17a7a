"""Where a project is pushed after each snapshot, over REST; `GET git/status` says how that stands."""

from aiohttp import web

from server.api.access import enter, json_body, line
from server.errors import BadRequest
from server.keys import AUDIT, PUSHER
from server.snapshot.remotes import LONGEST_URL

LONGEST_TOKEN = 4000


async def set_remote(request: web.Request) -> web.Response:
    """PUT /api/projects/{project}/git/remote `{url, token?}`: push there from now on; an empty address: nowhere."""
    project, actor = await enter(request, "manage_remote")
    body = await json_body(request)
    url = line(body, "url", longest=LONGEST_URL, default="")
    if "url" not in body:
        raise BadRequest("url must be a text.")
    token = line(body, "token", longest=LONGEST_TOKEN, default="") if "token" in body else None
    state = await request.app[PUSHER].set_remote(project.id, url, token)
    shown = str(state["url"]) if state is not None else "none"
    await request.app[AUDIT].note(project.id, actor, "remote_change", project.id, detail=shown)
    return web.json_response({"remote": state})
