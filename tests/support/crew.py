"""The real app with somebody of every role and real Yjs clients in Node: what tests of rights and locks begin with."""

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp
from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.documents import kind_of
from crdt_schema.ids import EdgeId, NodeId, ProjectId
from crdt_schema.records import Edge, Position, Role
from crdt_schema.roles import LADDER
from server import keys
from server.auth.actor import SYSTEM
from server.middleware import SESSION_COOKIE
from tests.support.hub import NodeClients, node_clients
from tests.support.service import Service, got, made, running_service
from tests.support.signed_in import browser

Dialect = Literal["hocuspocus", "yjs"]
DIALECTS: tuple[Dialect, ...] = ("hocuspocus", "yjs")
NAMES: dict[str, Role] = {
    **{f"the {role}": role for role in LADDER},
    "another editor": "editor",
}
WITHIN_SECONDS = 30.0


@dataclass
class Crew:
    """A running service, who works there, and their real clients."""

    service: Service
    node: NodeClients
    sessions: dict[str, aiohttp.ClientSession] = field(default_factory=dict[str, aiohttp.ClientSession])
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    ids: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def base(self) -> str:
        return str(self.service.server.make_url("/ws"))

    async def hire(self, name: str, role: Role) -> aiohttp.ClientSession:
        session = await self.service.sign_in(name, role)
        self.sessions[name] = session
        self.tokens[name] = session.headers["Authorization"].removeprefix("Bearer ")
        self.ids[name] = (await got(session, "/api/me"))["id"]
        return session

    @asynccontextmanager
    async def film(self) -> AsyncGenerator["Film"]:
        """A new project with two shots, a style and a prompt; its clients are gone at the end."""
        wanted = {"name": "Night Bus", "governance": "sketch"}
        project = ProjectId((await made(self.sessions["the owner"], "/api/projects", wanted))["id"])
        async with self.service.app[keys.HUB].room(project, "canvas") as room:
            room.edit(SYSTEM, draw)
            await room.saved()
        film = Film(self, project)
        try:
            yield film
        finally:
            await film.leave()


@asynccontextmanager
async def open_crew(workspace: Path, **environment: str) -> AsyncGenerator[Crew]:
    """A service with somebody of every role, and Node."""
    async with running_service(workspace, port=0, **environment) as service, node_clients() as node:
        crew = Crew(service, node)
        for name, role in NAMES.items():
            await crew.hire(name, role)
        yield crew


@dataclass
class Film:
    """One project, and the clients that have documents of it open; `who` is a key of NAMES or whoever was hired."""

    crew: Crew
    project: ProjectId
    peers: list[str] = field(default_factory=list[str])
    gone: int = 0

    @property
    def address(self) -> str:
        return f"/api/projects/{self.project}"

    async def open(
        self, who: str, dialect: Dialect, document: str = "canvas", *, synced: bool = True, **details: object
    ) -> "Client":
        """A new client with a document open; `cookie` or `token` in the details say it better than `who`."""
        token = self.crew.tokens.get(who, "")
        wanted = {"token": token, "project": self.project, "document": document, **details}
        name = f"{len(self.peers)} {who} of {self.project}"  # all projects share the Node process
        self.peers.append(name)
        await self.crew.node.do("open", name, base=self.crew.base, dialect=dialect, **wanted)
        client = Client(self, name, document, dialect)
        if synced:
            await client.until("p.synced")
        return client

    async def leave(self) -> None:
        """Forget every client."""
        for name in self.peers[self.gone :]:
            await self.crew.node.do("forget", name)
        self.gone = len(self.peers)

    async def send(self, who: str, method: str, path: str, body: object = None, status: int = 200) -> Any:
        """A request below the project's address, and what it answered."""
        async with self.crew.sessions[who].request(method, self.address + path, json=body) as reply:
            text = await reply.text()
            assert reply.status == status, text
            return json.loads(text)

    async def lock(self, path: str, *, field: str = "locked") -> None:
        await self.send("the admin", "PUT", path, {field: True})

    async def unlock(self, path: str, *, field: str = "locked") -> None:
        await self.send("the admin", "PUT", path, {field: False, "reason": "A late note."})

    async def guest(self, role: str = "reviewer") -> tuple[str, str, str]:
        """Somebody without an account, by a link: their cookie, their id, and the id of the link."""
        link = await self.send("the admin", "POST", "/shares", {"label": "Client", "role": role, "days": 7}, 201)
        session = browser(self.crew.service)
        await made(session, "/auth/share", {"token": link["url"].rsplit("/", 1)[1], "name": "Carla"}, 200)
        [cookie] = [each for each in session.cookie_jar if each.key == SESSION_COOKIE]
        return f"{SESSION_COOKIE}={cookie.value}", (await got(session, "/api/me"))["id"], link["id"]

    async def proposals(self, who: str) -> list[dict[str, Any]]:
        return (await self.send(who, "GET", "/proposals"))["entries"]

    async def agree(self, *clients: "Client") -> dict[str, Any]:
        """Wait until these clients, the server and what is on disk are equal and nothing waits; the document's maps."""
        document = clients[0].document
        roots = [*kind_of(document).roots, "meta"]
        end, said = time.monotonic() + WITHIN_SECONDS, [""]
        # No timeout around it: a command to Node that is given up leaves its answer to the next one.
        while len(set(said)) != 1 or not said[0]:
            assert time.monotonic() < end, "these differ: " + "\n".join(said)
            said = [await self.crew.node.do("plain", each.name, roots=roots) for each in clients]
            for update in (await self.live(document), await self.reloaded(document)):
                said.append(await self.crew.node.do("plainOf", hex=update.hex(), roots=roots))
        known = json.loads(said[0])
        assert known["waits"] is False
        for client in clients:
            if client.dialect == "hocuspocus":
                await client.until("p.saved")
        return known["roots"]

    async def live(self, document: str) -> bytes:
        """The document as the server has it."""
        async with self.crew.service.app[keys.HUB].room(self.project, document) as room:
            await room.saved()
            return room.doc.get_update()

    async def reloaded(self, document: str) -> bytes:
        """The document as it would be loaded from disk."""
        doc: Doc[Any] = Doc()
        async with self.crew.service.app[keys.HUB].log(self.project) as store:
            for row in await store.load(document):
                doc.apply_update(row.update)
        return doc.get_update()


@dataclass
class Client:
    """A real Yjs client in Node with one document open."""

    film: Film
    name: str
    document: str
    dialect: Dialect

    async def edit(self, code: str) -> None:
        """Run JavaScript in one transaction; `doc` is the document, `shared` makes records."""
        await self.film.crew.node.do("edit", self.name, code=code)

    async def put(self, root: str, key: str, value: object) -> None:
        await self.film.crew.node.do("put", self.name, root=root, key=key, value=value)

    async def until(self, condition: str, within_seconds: float = WITHIN_SECONDS) -> None:
        await self.film.crew.node.until(self.name, condition, within_seconds)

    async def read(self, expression: str) -> Any:
        return await self.film.crew.node.read(self.name, expression)

    async def go_offline(self) -> None:
        await self.film.crew.node.do("offline", self.name)

    async def come_back(self) -> None:
        await self.film.crew.node.do("online", self.name)


def shared(fields: dict[str, object]) -> dict[str, object]:
    """A shared map, as `put` wants it."""
    return {"$map": fields}


def text(words: str) -> dict[str, str]:
    """A shared text, as `put` wants it."""
    return {"$text": words}


def draw(doc: Any) -> None:
    """The canvas of a new film: prompt-1 and style-1 feed shot-2, prompt-1 feeds shot-1."""
    canvas = Canvas(doc)
    origin: Position = {"x": 0, "y": 0}
    for shot in ("shot-1", "shot-2"):
        canvas.add_node(NodeId(shot), "shot", origin, title=f"Title of {shot}", prompt="A bus.")
    canvas.add_node(NodeId("style-1"), "style", origin, title="Neon")
    canvas.add_node(NodeId("prompt-1"), "prompt", origin, title="Rain")
    canvas.add_edge(EdgeId("rain-1"), joined("prompt-1", "text", "shot-1", "prompt"))
    canvas.add_edge(EdgeId("rain-2"), joined("prompt-1", "text", "shot-2", "prompt"))
    canvas.add_edge(EdgeId("neon-2"), joined("style-1", "style", "shot-2", "style"))


def joined(source: str, source_socket: str, target: str, target_socket: str) -> Edge:
    """An edge."""
    return {
        "source": source,
        "source_socket": source_socket,
        "target": target,
        "target_socket": target_socket,
    }
