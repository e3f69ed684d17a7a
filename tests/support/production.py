"""A project with shots, an owner, an admin, two editors' and a viewer's sessions: what tests of locks begin with."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId, ProjectId
from crdt_schema.production import Production
from crdt_schema.records import AuditNote
from server import keys
from server.auth.actor import SYSTEM
from tests.support.service import Service, made

SHOTS = ("shot-1", "shot-2", "shot-3")


@dataclass(frozen=True)
class Studio:
    """A running service with one project in it, and who works there."""

    service: Service
    project: ProjectId
    owner: aiohttp.ClientSession
    admin: aiohttp.ClientSession
    editor: aiohttp.ClientSession
    viewer: aiohttp.ClientSession

    @property
    def address(self) -> str:
        return f"/api/projects/{self.project}"

    async def put(self, who: aiohttp.ClientSession, path: str, body: object, status: int = 200) -> Any:
        """PUT JSON below the project's address and expect a status; the reply, or the error in it."""
        return await self.send(who, "PUT", path, body, status)

    async def send(self, who: aiohttp.ClientSession, method: str, path: str, body: object, status: int = 200) -> Any:
        async with who.request(method, self.address + path, json=body) as reply:
            text = await reply.text()
            assert reply.status == status, text
            answer = await reply.json()
            return answer["error"]["message"] if status >= 400 else answer

    async def locks(self) -> Any:
        async with self.viewer.get(self.address + "/locks") as reply:
            assert reply.status == 200
            return await reply.json()

    async def delete_shot(self, shot: str) -> None:
        async with self.service.app[keys.HUB].room(self.project, "canvas") as room:
            room.edit(SYSTEM, lambda doc: Canvas(doc).set_field(shot, "deleted", value=True))

    async def notes(self) -> list[AuditNote]:
        """What `production` says was locked and unlocked, in order."""
        async with self.service.app[keys.HUB].room(self.project, "production") as room:
            return sorted(Production(room.doc).audit().values(), key=lambda note: note["at"])


async def open_studio(service: Service) -> Studio:
    """A sketch project of Ola with three shots and a style; Adam is admin, Eve an editor, Vera a viewer."""
    owner = await service.sign_in("Ola", "owner")
    wanted = {"name": "Night Bus", "governance": "sketch", "quality": "low", "creativeContract": {"budgetCap": 100}}
    project = ProjectId((await made(owner, "/api/projects", wanted))["id"])
    async with service.app[keys.HUB].room(project, "canvas") as room:
        room.edit(SYSTEM, draw)
        await room.saved()
    return Studio(
        service,
        project,
        owner,
        admin=await service.sign_in("Adam", "admin"),
        editor=await service.sign_in("Eve", "editor"),
        viewer=await service.sign_in("Vera", "viewer"),
    )


def draw(doc: Any) -> None:
    canvas = Canvas(doc)
    for shot in SHOTS:
        canvas.add_node(NodeId(shot), "shot", {"x": 0, "y": 0}, title=f"Title of {shot}")
    canvas.add_node(NodeId("style-1"), "style", {"x": 0, "y": 0}, title="Neon")
