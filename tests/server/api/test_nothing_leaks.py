"""No reply to anybody, good or bad, holds a path, a secret, or anything of a project they may not see (X-013)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import aiohttp
import pytest

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId, ProjectId
from crdt_schema.records import Role
from server import keys
from server.api import openapi, routes
from server.auth.actor import SYSTEM
from tests.support.service import PNG_PIXEL, Service, made, running_service

HIDDEN = "Their Hidden Film"
BODIES: tuple[object, ...] = (
    {},
    [],
    {"name": "x" * 500, "project_id": "PROJECT", "node_id": "../../x"},
    {"locked": True, "role": "owner", "user": "x", "order": ["x"], "shots": ["x"], "access": "nobody", "days": 9999},
)
ENDS_THE_SESSION = "/auth/logout"
ENDLESS = {"/api/farm/live": "/api/farm/live?once=1"}
"""Streams, and how they say everything once."""


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


async def filled(session: aiohttp.ClientSession, service: Service, name: str) -> dict[str, str]:
    """A project with a shot and a picture; its ids."""
    project = (await made(session, "/api/projects", {"name": name, "creativeContract": {"budgetCap": 5}}))["id"]
    async with service.app[keys.HUB].room(ProjectId(project), "canvas") as room:
        room.edit(SYSTEM, lambda doc: Canvas(doc).add_node(NodeId(f"shot-{project[:8]}"), "shot", {"x": 0, "y": 0}))
    form = aiohttp.FormData()
    form.add_field("files", PNG_PIXEL + name.encode(), filename="a.png")
    async with session.post(f"/api/projects/{project}/references", data=form) as reply:
        (blob,) = (await reply.json())["referencePack"]
    body = {"project_id": project, "node_id": f"shot-{project[:8]}"}
    task = (await made(session, "/api/tasks/submit", body, 202))["task_id"]
    return {"project": project, "blob": blob, "task": task, "shot": f"shot-{project[:8]}"}


def addresses(ids: dict[str, str]) -> list[tuple[str, str]]:
    """Every route, once with what its address names and once with what no address names."""
    found = list[tuple[str, str]]()
    for route in (*routes.ROUTES, *routes.GIT):
        path = openapi.plain_path(route.path)
        if "/api/v1/" in path or path == ENDS_THE_SESSION:
            continue
        for values in (ids, {**ids, "project": "..%2f..%2fetc"}, {**ids, "blob": "..%2f..%2fproject.json"}):
            filled_in = path
            for name in ("project", "blob", "task", "shot", "style", "chain", "segment", "user", "share", "credential"):
                filled_in = filled_in.replace(f"{{{name}}}", values.get(name, "nothing"))
            found.append((route.method, ENDLESS.get(filled_in, filled_in)))
    return sorted(set(found))


async def replies(session: aiohttp.ClientSession, method: str, path: str, project: str) -> list[str]:
    """All that comes back, heads and bodies, for the bodies that somebody may try."""
    found = list[str]()
    for body in BODIES if method != "GET" else (None,):
        sent = None if body is None else str(body).replace("PROJECT", project).replace("'", '"').replace("True", "true")
        headers = {"Content-Type": "application/json"} if sent else None
        async with session.request(method, path, data=sent, headers=headers, allow_redirects=False) as reply:
            found.append(f"{reply.status} {reply.headers} {(await reply.read()).decode('utf-8', 'replace')}")
    return found


@pytest.mark.parametrize("who", ["nobody", "guest of another project", *get_args(Role)])
async def test_no_reply_holds_a_path_a_secret_or_another_project(service: Service, tmp_path: Path, who: str) -> None:
    owner = await service.sign_in("Ana", "owner")
    theirs, ours = await filled(owner, service, HIDDEN), await filled(owner, service, "Our Film")
    for project in (theirs, ours):
        async with owner.put(f"/api/projects/{project['project']}/access", json={"access": "members"}) as reply:
            assert reply.status == 200, await reply.text()
    if who == "nobody":
        session = service.session()
    else:
        session = await service.sign_in("Eve", "editor")
        if who != "guest of another project":
            member = {"name": "Eve", "role": who}
            await made(owner, f"/api/projects/{ours['project']}/members", member)
    secret = (tmp_path / ".workprint" / "secret").read_text()
    always = [str(tmp_path), secret, "$argon2", "Traceback", "site-packages"]
    hidden = [*theirs.values(), HIDDEN]
    shown = False
    for method, path in addresses(ours):
        for told in await replies(session, method, path, ours["project"]):
            assert [word for word in [*always, *hidden] if word in told] == [], (method, path, told[:2000])
            shown = shown or (told.startswith("200") and ours["shot"] in told)
    assert shown == (who in get_args(Role))
    for method, path in addresses(theirs):
        for told in await replies(session, method, path, theirs["project"]):
            assert [word for word in [*always, HIDDEN, theirs["task"]] if word in told] == [], (
                method,
                path,
                told[:2000],
            )
