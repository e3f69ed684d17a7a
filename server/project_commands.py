"""The commands about whole projects, as an operator runs them, beside a hub where that does no harm."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from crdt_schema.ids import ProjectId
from server.auth.actor import SYSTEM
from server.auth.audit import AuditAction
from server.auth.people import People
from server.clock import utc_now
from server.config import Config
from server.errors import BadRequest, Conflict, NotFound
from server.hub.hub import Hub
from server.projects import lfs_setup
from server.projects.bundle import collected, write_zip
from server.projects.importing import Imports
from server.projects.index import Project, Projects
from server.projects.trash import Trash
from server.snapshot.snapshotter import Snapshotter
from server.store.base import UpdateStore
from server.store.sqlite import SqliteUpdateStore
from server.workspace import only_one

HUB_RUNS = "A hub runs in this workspace, and people may have it open. Use the web app, or stop the hub first."
NO_PROJECT = "There is no project yet. `workprint project new NAME` makes one."
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Desk:
    """What the commands work with."""

    projects: Projects
    trash: Trash
    imports: Imports


@asynccontextmanager
async def opened(config: Config) -> AsyncGenerator[Desk]:
    """The projects of a workspace; nothing is opened before it is needed."""
    projects = Projects(config.workspace_root, utc_now)
    await projects.start()

    async def open_store(project: ProjectId) -> UpdateStore:
        return await SqliteUpdateStore.open(projects.get(project).folder / ".workprint" / "documents.sqlite")

    snapshotter = Snapshotter(projects)
    hub = Hub(open_store, on_open=(snapshotter.attach,))
    snapshotter.start(hub)
    trash = Trash(projects, hub, snapshotter, utc_now)
    try:
        yield Desk(projects, trash, Imports(projects, trash, utc_now))
    finally:
        await hub.close()


async def list_projects(config: Config) -> str:
    """Every project and what lies in the trash."""
    async with opened(config) as desk:
        lines = [f"{project.id}  {project.manifest['title']}" for project in desk.projects.all()]
        lines += [f"{trashed.id}  {trashed.title}  (in the trash)" for trashed in desk.trash.all()]
    return "\n".join(lines) or NO_PROJECT


async def export_project(config: Config, wanted: str, file: str) -> str:
    """Write a project as a bundle; what is not on disk yet in a hub that runs comes with the next one."""
    async with opened(config) as desk:
        project = named(wanted, _known(desk.projects.all()))
        place = await asyncio.to_thread(_write_bundle, desk.projects.get(ProjectId(project)), Path(file))
    return f"Written: {place}"


async def import_project(config: Config, file: str, name: str) -> str:
    """Make a project of a bundle or of an archive of a clone."""

    async def keep(_: ProjectId) -> bool:
        # Whoever runs commands here may read the whole workspace anyway.
        return True

    async with opened(config) as desk:
        imported = await desk.imports.take_in(
            _chunks(Path(file)), SYSTEM, keep, most_bytes=config.import_bytes, name=name
        )
    lines = [f"{imported.project.manifest['title']}: {imported.project.id}"]
    lines += [f"missing: {path}" for path in imported.missing] + imported.problems
    return "\n".join(lines)


async def trash_project(config: Config, wanted: str, reason: str) -> str:
    """Move a project to the trash."""
    with hub_is_down(config):
        async with opened(config) as desk:
            project = ProjectId(named(wanted, _known(desk.projects.all())))
            trashed = await desk.trash.throw_away(project, SYSTEM, reason)
        await _note(config, project, "project_deleted", trashed.title, reason)
    return f"{trashed.title} is in the trash."


async def restore_project(config: Config, wanted: str) -> str:
    """Put a project back; a hub that runs finds it at once."""
    async with opened(config) as desk:
        trashed = ProjectId(named(wanted, ((each.id, each.title) for each in desk.trash.all())))
        project = await desk.trash.restore(trashed)
        await _note(config, project.id, "project_restored", project.manifest["title"], "")
    return f"{project.manifest['title']} is back."


async def erase_project(config: Config, wanted: str, title: str) -> str:
    """Erase a project in the trash for ever."""
    async with opened(config) as desk:
        trashed = ProjectId(named(wanted, ((each.id, each.title) for each in desk.trash.all())))
        await desk.trash.erase(trashed, title)
        people = await People.open(config.state_folder / "workspace.sqlite", utc_now)
        try:
            await people.audit.note(None, SYSTEM, "project_erased", trashed, detail=title)
            await people.members.forget(trashed)
        finally:
            await people.close()
    return f"{title} is gone for ever."


async def set_up_lfs(config: Config, folder: str, options: list[str]) -> tuple[str, int]:
    """Set a folder, or every project, up for Git LFS: what was found, and 1 when something is missing somewhere."""
    if folder:
        return await asyncio.to_thread(lfs_setup.set_up, Path(folder), *options)
    projects = Projects(config.workspace_root, utc_now)
    await projects.start()
    found = {
        project.manifest["title"]: await asyncio.to_thread(lfs_setup.set_up, project.folder, *options)
        for project in projects.all()
    }
    lines = [f"{title}\n{words}" for title, (words, _) in found.items()]
    return "\n\n".join(lines) or NO_PROJECT, max((status for _, status in found.values()), default=0)


@contextmanager
def hub_is_down(config: Config) -> Generator[None]:
    """Keep hubs from starting meanwhile; raises Conflict when one runs."""
    with only_one(config.state_folder / "hub.lock", HUB_RUNS, patience_seconds=0.0):
        yield


def named(wanted: str, known: Iterable[tuple[str, str]]) -> str:
    """The id of the project of that id or title; raises NotFound, Conflict."""
    found = [id_ for id_, title in known if wanted == id_ or wanted.casefold() == title.casefold()]
    if not found:
        raise NotFound(f"There is no project called {wanted!r} here. `workprint project list` names them all.")
    if len(found) > 1:
        raise Conflict(f"Several projects are called {wanted!r}. Give the id of one: {', '.join(found)}.")
    return found[0]


def _known(projects: Iterable[Project]) -> Iterator[tuple[str, str]]:
    return ((project.id, project.manifest["title"]) for project in projects)


def _write_bundle(project: Project, place: Path) -> Path:
    if place.exists():
        raise Conflict(f"{place} is there already. Name another file.")
    half = place.with_name(f"{place.name}.part")
    try:
        with half.open("wb") as file, collected(project, utc_now().isoformat(timespec="seconds")) as parts:
            write_zip(parts, file.write)
            file.flush()
            os.fsync(file.fileno())
        return half.rename(place)
    finally:
        half.unlink(missing_ok=True)


async def _chunks(place: Path) -> AsyncIterator[bytes]:
    try:
        file = await asyncio.to_thread(place.open, "rb")
    except OSError as error:
        raise BadRequest(f"{place} cannot be read: {error.strerror}.") from None
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


async def _note(config: Config, project: ProjectId, action: AuditAction, title: str, reason: str) -> None:
    people = await People.open(config.state_folder / "workspace.sqlite", utc_now)
    try:
        for place in (project, None):
            await people.audit.note(place, SYSTEM, action, project, reason=reason, detail=title)
    finally:
        await people.close()
