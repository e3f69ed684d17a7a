"""The audit log over REST: who did what with rights, locks and projects, newest first (G-103)."""

from aiohttp import web

from crdt_schema.ids import ProjectId
from server.api.access import demand, enter, page
from server.auth.audit import LAST_ID, LONGEST_PAGE, Entry
from server.auth.policy import who_may
from server.errors import Forbidden
from server.keys import AUDIT
from server.middleware import USER


async def of_project(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/audit?before=&limit=: for its admins."""
    project, _ = await enter(request, "read_audit")
    return await reply(request, project.id)


async def of_workspace(request: web.Request) -> web.Response:
    """GET /api/audit?before=&limit=: what was done to the workspace as a whole, for its admins."""
    user = request[USER]
    if user.role is None:
        raise Forbidden(f"You have no role in this workspace. Ask {who_may('read_audit', 'workspace')}.")
    demand(user.acting_as(user.role), "read_audit", "workspace")
    return await reply(request, None)


async def reply(request: web.Request, project: ProjectId | None) -> web.Response:
    """One page of entries, and where the next one begins."""
    before, limit = page(request, LONGEST_PAGE)
    found = await request.app[AUDIT].page(project, before=LAST_ID if before is None else before, limit=limit + 1)
    entries = found[:limit]
    following = entries[-1].id if len(found) > limit else None
    return web.json_response({"entries": [entry_json(entry) for entry in entries], "next": following})


def entry_json(entry: Entry) -> dict[str, object]:
    """An entry as a client gets it."""
    return {
        "id": entry.id,
        "at": entry.at,
        "by": {"id": entry.by_id, "name": entry.by_name},
        "action": entry.action,
        "target": entry.target,
        "target_name": entry.target_name,
        "reason": entry.reason,
        "detail": entry.detail,
    }
