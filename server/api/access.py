"""From a request to who is asking, in which project, with which role; and to its checked input."""

import json
from typing import Any, cast

from aiohttp import web

from crdt_schema.ids import ProjectId, is_id
from crdt_schema.records import Role
from server.auth.actor import Actor
from server.auth.policy import LEAST_ROLE, Action, may
from server.errors import BadRequest, Forbidden, NotFound
from server.keys import PEOPLE, PROJECTS
from server.middleware import USER
from server.projects.index import Project


async def enter(request: web.Request, action: Action) -> tuple[Project, Actor]:
    """The project in the address and the person who asks, who may do `action` there; raises NotFound, Forbidden."""
    return await enter_project(request, request.match_info["project"], action)


async def enter_project(request: web.Request, project_id: object, action: Action) -> tuple[Project, Actor]:
    """As `enter`, for a project that is named in the body."""
    if not is_id(project_id):
        raise NotFound("There is no such project.")
    project = request.app[PROJECTS].get(ProjectId(cast("str", project_id)))
    user = request[USER]
    role = await request.app[PEOPLE].role_in(project.id, user)
    demand(role, action)
    return project, user.acting_as(role)


def demand(role: Role, action: Action) -> None:
    """Raise Forbidden, saying which role it takes, unless `role` may do `action`."""
    if not may(role, action):
        raise Forbidden(f"You are {role} here; this needs the role {LEAST_ROLE[action]}. Ask an admin of the project.")


async def json_body(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent; raises BadRequest."""
    try:
        body: object = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise BadRequest("The body must be JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return cast("dict[str, Any]", body)


def text(body: dict[str, Any], name: str, *, longest: int, default: str | None = None) -> str:
    """A text of the body; raises BadRequest when it is missing (without a default), no text, or too long."""
    value = body.get(name, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise BadRequest(f"{name} must be a text.")
    if len(value) > longest or "\x00" in value:
        raise BadRequest(f"{name} must be at most {longest} characters long.")
    return value


def choice(body: dict[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    """One of several words; raises BadRequest."""
    value = body.get(name, default)
    if value not in choices:
        raise BadRequest(f"{name} must be one of {', '.join(choices)}.")
    return str(value)


def number(value: object, name: str, *, least: float, most: float) -> float:
    """A number in a range; raises BadRequest."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadRequest(f"{name} must be a number from {least:g} to {most:g}.")
    return float(value)
