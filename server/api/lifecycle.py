"""Whole projects over REST: to the trash and back, erased for ever, duplicated."""

import asyncio

from aiohttp import web

from crdt_schema.ids import ProjectId, is_id
from server.api.access import LONGEST_REASON, demand, enter, flag, json_body, line, text
from server.auth.actor import Actor, User
from server.auth.audit import AuditAction
from server.auth.policy import who_may
from server.errors import Forbidden, NotFound
from server.keys import AUDIT, DUPLICATES, PEOPLE, TRASH
from server.middleware import USER
from server.projects.duplicate import Order
from server.projects.index import Project
from server.projects.trash import NOT_THERE, Trashed

LONGEST_NAME = 120
LONGEST_TITLE = 300


async def throw_away(request: web.Request) -> web.Response:
    """DELETE /api/projects/{project} `{reason?}`: close a project for everybody and move it to the trash."""
    project, actor = await enter(request, "delete_project")
    body = await json_body(request) if request.can_read_body else {}
    reason = line(body, "reason", longest=LONGEST_REASON, default="")
    trashed = await request.app[TRASH].throw_away(project.id, actor, reason)
    # In the log of the workspace too: nobody reads that of a project in the trash.
    for place in (project.id, None):
        await request.app[AUDIT].note(place, actor, "project_deleted", project.id, reason=reason, detail=trashed.title)
    return web.json_response(trashed_json(trashed))


async def duplicate(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/duplicate `{name, takes?}`: copy a project whole; the copy is yours."""
    project, actor = await enter(request, "edit_project")
    user = demand_maker(request)
    body = await json_body(request)
    order = Order(line(body, "name", longest=LONGEST_NAME), flag(body, "takes", default=True), actor)
    made = await request.app[DUPLICATES].duplicate(project.id, order)
    await found(request, made, user, "project_duplicated", project.manifest["title"])
    members = request.app[PEOPLE].members
    # What was closed to the workspace is not opened by copying it.
    if await members.access(project.id) == "members":
        await members.open_to(made.id, "members", user.acting_as("owner"))
    return web.json_response({"id": made.id, "name": made.manifest["title"]}, status=201)


def demand_maker(request: web.Request) -> User:
    """Who asks, who may make projects in this workspace; raises Forbidden."""
    user = request[USER]
    if user.role is None:
        raise Forbidden(f"You have no role in this workspace. Ask {who_may('create_project')}.")
    demand(user.acting_as(user.role), "create_project", "workspace")
    return user


async def found(request: web.Request, made: Project, user: User, action: AuditAction, detail: str) -> None:
    """Make somebody the owner of what was just made, and write it down."""
    await request.app[PEOPLE].members.found(made.id, user.id)
    await request.app[AUDIT].note(made.id, user.acting_as("owner"), action, made.id, detail=detail)


async def list_trash(request: web.Request) -> web.Response:
    """GET /api/trash: the projects in the trash that you may put back, newest first."""
    user, shown = request[USER], list[dict[str, object]]()
    for trashed in await asyncio.to_thread(request.app[TRASH].all):
        if await request.app[PEOPLE].role_in(trashed.id, user) == "owner":
            shown.append(trashed_json(trashed))
    return web.json_response(shown)


async def restore(request: web.Request) -> web.Response:
    """POST /api/trash/{project}/restore: put a project back where it was."""
    trashed, actor = await enter_trash(request)
    project = await request.app[TRASH].restore(trashed.id)
    for place in (project.id, None):
        await request.app[AUDIT].note(place, actor, "project_restored", project.id, detail=trashed.title)
    return web.json_response({"id": project.id, "name": project.manifest["title"]})


async def erase(request: web.Request) -> web.Response:
    """DELETE /api/trash/{project} `{title}`: erase a project for ever; its title in the body says that you mean it."""
    trashed, actor = await enter_trash(request)
    title = text(await json_body(request), "title", longest=LONGEST_TITLE)
    await request.app[TRASH].erase(trashed.id, title)
    await request.app[AUDIT].note(None, actor, "project_erased", trashed.id, detail=trashed.title)
    await request.app[PEOPLE].members.forget(trashed.id)
    return web.json_response({})


async def enter_trash(request: web.Request) -> tuple[Trashed, Actor]:
    """The project in the trash that the address names, and who asks, its owner; raises NotFound, Forbidden."""
    project_id = request.match_info["project"]
    if not is_id(project_id):
        raise NotFound(NOT_THERE)
    trashed = await asyncio.to_thread(request.app[TRASH].get, ProjectId(project_id))
    user = request[USER]
    role = await request.app[PEOPLE].role_in(trashed.id, user)
    if role is None:
        raise NotFound(NOT_THERE)
    actor = user.acting_as(role)
    demand(actor, "delete_project")
    return trashed, actor


def trashed_json(trashed: Trashed) -> dict[str, object]:
    """A project in the trash as clients get it."""
    return {
        "id": trashed.id,
        "name": trashed.title,
        "description": trashed.description,
        "trashed_at": trashed.at,
        "by": {"id": trashed.by_id, "name": trashed.by_name},
        "reason": trashed.reason,
    }
