"""A film in the making, in this process: hub, logs on disk, project, intents and the farm's address; no web app."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from crdt_schema.canvas import Canvas
from crdt_schema.ids import EdgeId, IntentId, NodeId, ProjectId, UserId, new_id
from crdt_schema.records import Edge, Intent, Job, Take
from crdt_schema.takes import Takes
from pipelines.registry import load_catalog
from render_farm.queues import Farm
from server import keys
from server.api.farm import get_blob, put_blob
from server.api.jobs import put_preview
from server.auth.actor import Actor
from server.auth.tokens import FarmGrant, Tokens
from server.config import read_config
from server.hub.hub import Hub
from server.hub.room import Room
from server.intents.service import Intents
from server.middleware import tell_errors
from server.production.locks import LockKeeper, Target
from server.projects.index import Project, Projects
from server.projects.manifest import NewProject, empty_contract
from server.store.base import UpdateStore
from server.store.sqlite import SqliteUpdateStore
from tests.support.farm import ORPHAN_SECONDS
from tests.support.farm_worker import TEST_COPY, TEST_STILL
from tests.support.ports import free_port

ADA = Actor("ada", "Ada Lovelace", "owner")
EVE = Actor("eve", "Eve", "editor")
VERA = Actor("vera", "Vera", "viewer")
PEOPLE = {actor.user_id: actor for actor in (ADA, EVE, VERA)}
SHOT, PIPELINE = NodeId("shot-1"), NodeId("pipeline-1")


async def find_actor(_project: ProjectId, user: UserId) -> Actor | None:
    return PEOPLE.get(user)


def utc_now() -> datetime:
    return datetime.now(UTC)


async def write_no_audit(*_: object) -> None:
    """A film alone has no workspace, and so no audit log but that in its `production`."""


class Film:
    """One project, served; `stop` and `start` are a restart of the hub."""

    def __init__(self, root: Path, redis_url: str, port: int = 0) -> None:
        self._root, self._redis_url = root, redis_url
        self._port = port or free_port()
        self._running: list[Callable[[], Awaitable[None]]] = []
        self.project_id = ProjectId("")
        self.tokens = Tokens("a secret of more than thirty-two bytes")

    async def start(self) -> None:
        self.projects = Projects(self._root)
        await self.projects.start()
        self.farm = Farm(self._redis_url, orphan_seconds=ORPHAN_SECONDS)
        self.intents = Intents(
            projects=self.projects,
            farm=self.farm,
            issue_token=lambda project, job: self.tokens.issue_farm(FarmGrant(project, job), now=utc_now()),
            hub_url=f"http://127.0.0.1:{self._port}",
            pipelines={**load_catalog(), TEST_STILL.id: TEST_STILL, TEST_COPY.id: TEST_COPY},
            find_actor=find_actor,
        )
        self.hub = Hub(self._open_store, on_open=(self.intents.attach,))
        await self._serve()
        self.intents.start(self.hub)

    async def _open_store(self, project: ProjectId) -> UpdateStore:
        return await SqliteUpdateStore.open(self.projects.get(project).folder / ".workprint" / "documents.sqlite")

    async def _serve(self) -> None:
        app = web.Application(middlewares=[tell_errors], client_max_size=1 << 26)
        app[keys.CONFIG] = read_config({"WORKSPACE_ROOT": str(self._root)})
        app[keys.CLOCK] = utc_now  # pyright: ignore[reportUnknownMemberType] - a key of a Callable
        app[keys.TOKENS] = self.tokens
        app[keys.PROJECTS] = self.projects
        address = "/api/farm/blobs/{project}/{blob}"
        app.add_routes([web.put(address, put_blob), web.get(address, get_blob)])
        app[keys.INTENTS] = self.intents
        app.add_routes([web.put("/api/farm/previews/{project}/{job}", put_preview)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def stop(self) -> None:
        async with asyncio.timeout(40):
            await self._runner.cleanup()
            await self.intents.close()
            await self.hub.close()
        self.farm.close()

    async def new_project(self, *, cap: float | None = 100.0, references: int = 3, **options: Any) -> Project:
        """A project whose contract is complete unless the test says otherwise."""
        contract = empty_contract()
        contract["budgetCap"] = cap
        contract["referencePack"] = [f"{number:064x}" for number in range(references)]
        request = NewProject(options.pop("title", "Night Bus"), quality="low", contract=contract, **options)
        project = await self.projects.create(request, ADA)
        self.project_id = project.id
        return project

    async def open(self, project: str) -> None:
        """Go on with a project that is there; what was asked of it and not answered is answered now."""
        self.project_id = ProjectId(project)
        async with self.hub.room(self.project_id, "canvas"):
            return

    async def has_intent(self, intent: str) -> bool:
        async with self.canvas() as room:
            return Canvas(room.doc).has_intent(intent)

    @property
    def project(self) -> Project:
        return self.projects.get(self.project_id)

    @asynccontextmanager
    async def canvas(self) -> AsyncGenerator[Room]:
        async with self.hub.room(self.project_id, "canvas") as room:
            yield room

    async def add_shot(self, node: str = SHOT, *, pipeline: str = TEST_STILL.id, **fields: object) -> None:
        """A shot with a pipeline joined to it; no pipeline when that is empty."""
        values: dict[str, Any] = {"parameters": {}, "prompt": "A bus at night", "seed_mode": "fixed", "seed": 7}

        def change(doc: Any) -> None:
            canvas = Canvas(doc)
            canvas.add_node(NodeId(node), "shot", {"x": 0, "y": 0}, **{**values, **fields})
            if pipeline:
                source = NodeId(f"pipeline-of-{node}")
                canvas.add_node(source, "pipeline", {"x": 0, "y": 0}, pipeline=pipeline)
                canvas.add_edge(EdgeId(f"edge-of-{node}"), joins(source, "pipeline", node, "pipeline"))

        await self.edit(change)

    async def lock_shot(self, node: str = SHOT, *, locked: bool = True) -> None:
        """Lock a shot, or unlock it; on disk when this returns."""
        keeper = LockKeeper(self.hub, write_no_audit, utc_now)
        target = Target("shot", node)
        await (
            keeper.lock(self.project_id, target, ADA) if locked else keeper.unlock(self.project_id, target, ADA, "x")
        )

    async def edit(self, change: Callable[[Any], Any], actor: Actor = ADA) -> None:
        """A change of the canvas, on disk when this returns."""
        async with self.canvas() as room:
            room.edit(actor, change)
            await room.saved()

    async def ask(self, node: str = SHOT, *, by: Actor = EVE, intent: str = "", fresh: bool = True) -> str:
        """Ask for a take, also where an equal one is there unless not `fresh`; the id of the intent."""
        return await self._write({"kind": "generate", "node": node, "fresh": fresh}, by, intent)

    async def ask_batch(self, *nodes: str, batch: str, by: Actor = EVE, fresh: bool = False) -> list[str]:
        """Ask for takes of several shots at once; the ids of the intents, in the order of the shots."""
        wishes: list[Intent] = [{"kind": "generate", "node": node, "batch": batch, "fresh": fresh} for node in nodes]
        return [await self._write(wish, by, "") for wish in wishes]

    async def cancel_batch(self, batch: str, *, by: Actor = EVE) -> str:
        return await self._write({"kind": "cancel_batch", "batch": batch}, by, "")

    async def ask_cancel(self, job: str, *, by: Actor = EVE) -> str:
        return await self._write({"kind": "cancel", "job": job}, by, "")

    async def _write(self, record: Intent, by: Actor, intent: str) -> str:
        intent = intent or new_id("intent")
        await self.edit(lambda doc: Canvas(doc).ask(IntentId(intent), record), by)
        return intent

    async def job(self, job_id: str) -> Job | None:
        async with self.hub.room(self.project_id, "takes") as room:
            return Takes(room.doc).job(job_id)

    async def jobs(self) -> dict[str, Job]:
        async with self.hub.room(self.project_id, "takes") as room:
            takes = Takes(room.doc)
            return {key: job for key in takes.job_ids() if (job := takes.job(key)) is not None}

    async def takes(self) -> dict[str, Take]:
        async with self.hub.room(self.project_id, "takes") as room:
            return Takes(room.doc).takes()

    async def active_take(self, node: str = SHOT) -> str:
        async with self.canvas() as room:
            record = Canvas(room.doc).node(node)
            assert record is not None
            assert record["type"] == "shot"
            return record["active_take"]

    async def status(self, job_id: str) -> str:
        job = await self.job(job_id)
        return job["status"] if job is not None else "asked"

    async def until(self, job_id: str, *statuses: str, seconds: float = 60) -> Job:
        """Wait until a job has one of these statuses; a document has no event to wait for."""
        async with asyncio.timeout(seconds):
            while (job := await self.job(job_id)) is None or job["status"] not in statuses:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.02)
        return job

    def files(self) -> list[str]:
        """The media of takes in the project folder."""
        found = (self.project.folder / "03_Renders").rglob("S*_take*.*")
        return sorted(path.name for path in found if path.suffix != ".json")


def joins(source: str, source_socket: str, target: str, target_socket: str) -> Edge:
    return {"source": source, "source_socket": source_socket, "target": target, "target_socket": target_socket}


@asynccontextmanager
async def open_film(root: Path, redis_url: str, port: int = 0) -> AsyncGenerator[Film]:
    film = Film(root, redis_url, port)
    await film.start()
    try:
        yield film
    finally:
        await film.stop()
