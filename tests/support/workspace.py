"""A workspace with real parts: projects on disk, their SQLite logs, the hub and the snapshotter."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crdt_schema.canvas import Canvas
from crdt_schema.ids import BlobHash, NodeId, ProjectId
from crdt_schema.records import Media, Take
from crdt_schema.takes import Takes
from server.auth.actor import FARM, Actor
from server.guard.opening import guards
from server.hub.hub import Hub
from server.hub.room import OnOpen
from server.projects.index import Project, Projects
from server.projects.manifest import NewProject
from server.snapshot.merger import FindPerson, nobody_known
from server.snapshot.pusher import Pusher
from server.snapshot.snapshotter import Snapshotter
from server.store.base import UpdateStore
from server.store.sqlite import SqliteUpdateStore

ADA = Actor("ada", "Ada Lovelace", "owner")
GRACE = Actor("grace", "Grace Hopper", "editor")


@dataclass
class Workspace:
    """What the composition root makes, as far as projects need it."""

    projects: Projects
    hub: Hub
    snapshotter: Snapshotter

    async def new_project(self, title: str = "Night Bus") -> Project:
        """A project of Ada's."""
        return await self.projects.create(NewProject(title), ADA)

    async def add_shot(self, project: ProjectId, node: str, title: str, *, shot: int = 1, by: Actor = ADA) -> None:
        """A shot of chapter 1, scene 1 on the canvas."""
        async with self.hub.room(project, "canvas") as room:
            room.edit(
                by,
                lambda doc: Canvas(doc).add_node(NodeId(node), "shot", {"x": 0, "y": 0}, title=title, shot=shot),
            )

    async def type(self, project: ProjectId, node: str, words: str, *, by: Actor = ADA) -> None:
        """Words at the end of a shot's prompt, in one edit."""

        def change(doc: Any) -> None:
            text = Canvas(doc).text(node, "prompt")
            text += words

        async with self.hub.room(project, "canvas") as room:
            room.edit(by, change)

    async def make_take(self, project: Project, node: str, data: bytes, *, number: int = 1, shot: int = 1) -> Take:
        """A take as the recorder makes it: blob, file, record."""
        blob = project.blobs.put_bytes(data)
        name = self.projects.store_take(project, chapter=1, scene=1, shot=shot, number=number, suffix=".png", blob=blob)
        take = take_record(node, name, blob, len(data), number=number, shot=shot)
        async with self.hub.room(project.id, "takes") as room:
            room.edit(FARM, lambda doc: Takes(doc).add_take(f"{node}-take-{number}", take))
        return take


def take_record(node: str, name: str, blob: BlobHash, size_bytes: int, *, number: int = 1, shot: int = 1) -> Take:
    """A whole take."""
    media: Media = {"blob": blob, "media_type": "image/png", "width": 64, "height": 36, "size_bytes": size_bytes}
    return {
        "node": node,
        "job": f"job-{number}",
        "attempt": f"attempt-{number}",
        "number": number,
        "name": name,
        "chapter": 1,
        "scene": 1,
        "shot": shot,
        "media": media,
        "thumbnail": media,
        "recipe": {"version": "recipe.1", "seed": 42},
        "created_at": "2026-01-02T03:04:05Z",
        "created_by": "ada",
        "created_by_name": "Ada Lovelace",
        "seconds": 1.5,
        "cost_usd": 0,
    }


@asynccontextmanager
async def open_workspace(
    root: Path,
    *,
    quiet_seconds: float = 3600.0,
    latest_seconds: float = 7200.0,
    watch_seconds: float = 3600.0,
    find_person: FindPerson = nobody_known,
    make_pusher: Callable[[Projects], Pusher] | None = None,
    on_open: Sequence[OnOpen] = (),
) -> AsyncGenerator[Workspace]:
    """Everything started in the order of the server and stopped in reverse; without changes of the times, by hand."""
    projects = Projects(root)
    await projects.start()
    snapshotter = Snapshotter(
        projects,
        quiet_seconds=quiet_seconds,
        latest_seconds=latest_seconds,
        watch_seconds=watch_seconds,
        find_person=find_person,
        pusher=make_pusher(projects) if make_pusher is not None else None,
    )

    async def open_store(project: ProjectId) -> UpdateStore:
        return await SqliteUpdateStore.open(projects.get(project).folder / ".workprint" / "documents.sqlite")

    hubs: list[Hub] = []
    hub = Hub(open_store, on_open=(snapshotter.attach, *on_open), guard_for=guards(lambda: hubs[0]))
    hubs.append(hub)
    snapshotter.start(hub)
    try:
        yield Workspace(projects, hub, snapshotter)
    finally:
        await hub.close()
        await snapshotter.close()
