"""Forks of the canvas over REST: make, list, compare, merge, delete."""

import re
from typing import Any

from aiohttp import web

from crdt_schema.ids import is_id
from crdt_schema.records import Fork
from server.api.access import enter, json_body, text
from server.errors import BadRequest, NotFound
from server.history.compare import told
from server.keys import FORKS

COMMIT = re.compile(r"[0-9a-f]{40}")


async def list_forks(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/forks: every fork, with how many records of the canvas merging it would change."""
    project, _ = await enter(request, "read")
    found = await request.app[FORKS].all(project.id)
    return web.json_response(
        {"forks": [{**fork_json(name, fork), "ahead": ahead} for name, (fork, ahead) in found.items()]}
    )


async def create(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/forks `{name, commit}`: copy the canvas, as it is or as it was, to try something."""
    project, actor = await enter(request, "edit")
    body = await json_body(request)
    name, commit = body.get("name"), text(body, "commit", longest=40, default="")
    if not isinstance(name, str) or not is_id(name):
        raise BadRequest("name must be 1 to 64 letters, digits, _ or -: it is a part of addresses.")
    if "commit" in body and not COMMIT.fullmatch(commit):
        raise BadRequest("commit must be the 40 hexadecimal digits of a version, or be left out.")
    fork = await request.app[FORKS].create(project.id, name, actor, commit)
    return web.json_response(fork_json(name, fork), status=201)


async def diff(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/forks/{fork}/diff: what merging it would change on the canvas."""
    project, _ = await enter(request, "read")
    records, left_out = told(await request.app[FORKS].diff(project.id, _name(request)))
    return web.json_response({"records": records, "left_out": left_out})


async def merge(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/forks/{fork}/merge: add to the canvas what only the fork has, in your name."""
    project, actor = await enter(request, "edit")
    done = await request.app[FORKS].merge(project.id, _name(request), actor)
    return web.json_response(done._asdict())


async def delete(request: web.Request) -> web.Response:
    """DELETE /api/projects/{project}/forks/{fork}: close it for good; its name is not given again."""
    project, actor = await enter(request, "edit")
    await request.app[FORKS].delete(project.id, _name(request), actor)
    return web.json_response({})


def fork_json(name: str, fork: Fork) -> dict[str, Any]:
    """A fork as clients get it; `document` is what they open."""
    return {
        "name": name,
        "document": f"fork/{name}",
        "by": {"id": fork["by"], "name": fork["by_name"]},
        "at": fork["at"],
        "commit": fork["commit"] or None,
    }


def _name(request: web.Request) -> str:
    name = request.match_info["fork"]
    if not is_id(name):
        raise NotFound("There is no such fork.")
    return name
