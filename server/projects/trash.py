"""Trash: projects that were thrown away lie in `Projects/.trash/` until they are put back or erased for ever."""

import asyncio
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import structlog

from crdt_schema.ids import ProjectId, new_id
from server.auth.actor import Actor
from server.errors import BadRequest, Conflict, NotFound
from server.hub.hub import Hub
from server.projects import layout, manifest
from server.projects.index import Project, Projects
from server.projects.manifest import BrokenManifest
from server.projects.scaffold import put_in_place
from server.snapshot.repo import STATE_FOLDER, replace_file
from server.snapshot.snapshotter import Snapshotter
from server.store.blobs import sync_folder

FOLDER = ".trash"
GONE = ".gone-"
"""Begins the name of a folder that is being erased: what was begun is finished at the next start."""
NOTE = "trashed.json"
NOT_THERE = "There is no such project in the trash. Perhaps it was put back or erased already."
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Trashed:
    """A project in the trash."""

    id: ProjectId
    title: str
    description: str
    at: str
    """When it was thrown away; empty for a folder that a person moved here."""
    by_id: str
    by_name: str
    reason: str
    folder: Path


class Trash:
    """The trash of a workspace. A folder is moved whole, so nothing outside of it is ever touched (W-024)."""

    def __init__(
        self,
        projects: Projects,
        hub: Hub,
        snapshotter: Snapshotter,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._projects = projects
        self._hub = hub
        self._snapshotter = snapshotter
        self._now = now
        self._taking_out = asyncio.Lock()

    @property
    def _folder(self) -> Path:
        return self._projects.folder / FOLDER

    async def start(self) -> None:
        """Finish what an earlier process began to erase."""
        for left in await asyncio.to_thread(lambda: list(self._folder.glob(f"{GONE}*"))):
            await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)

    async def throw_away(self, project_id: ProjectId, by: Actor, reason: str) -> Trashed:
        """Commit a project, close it for everybody and move it here; raises NotFound, Conflict, OSError."""
        title = self._projects.get(project_id).manifest["title"]
        await self._snapshotter.snapshot_now(project_id, actor=by)
        told = f"{by.name} moved the project {title[:60]} to the trash."
        async with self._hub.close_project(project_id, told):
            # What was edited between the snapshot and the end of the last session.
            await self._snapshotter.finish(project_id)
            return await asyncio.to_thread(self._move_in, self._projects.get(project_id), by, reason)

    def all(self) -> list[Trashed]:
        """What lies in the trash, newest first; it blocks."""
        if not self._folder.is_dir():
            return []
        found = [
            trashed
            for folder in self._folder.iterdir()
            if not folder.name.startswith(".") and (trashed := _read(folder)) is not None
        ]
        return sorted(found, key=lambda each: (each.at, each.id), reverse=True)

    def get(self, project_id: ProjectId) -> Trashed:
        """A project in the trash; raises NotFound. It blocks."""
        found = next((trashed for trashed in self.all() if trashed.id == project_id), None)
        if found is None:
            raise NotFound(NOT_THERE)
        return found

    async def restore(self, project_id: ProjectId) -> Project:
        """Put a project back, under the next free name if its own is taken; raises NotFound, Conflict."""
        # Who comes second, as with two clicks, hears that it was put back already.
        async with self._taking_out:
            await asyncio.to_thread(self._move_out, project_id)
        return await asyncio.to_thread(self._projects.get, project_id)

    async def erase(self, project_id: ProjectId, title: str) -> None:
        """Erase a project for ever; `title` must be its own. Raises NotFound, BadRequest."""
        trashed = await asyncio.to_thread(self.get, project_id)
        if title.strip() != trashed.title.strip():
            raise BadRequest("That is not the title of this project. Type its title to erase it for ever.")
        gone = self._folder / f"{GONE}{new_id()}"
        # One step takes it out of the trash: what is half erased is never shown or put back.
        await asyncio.to_thread(_rename, trashed.folder, gone)
        await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)
        if gone.exists():
            log.warning("project_not_erased_whole", project=project_id)

    def _move_in(self, project: Project, by: Actor, reason: str) -> Trashed:
        note = {
            "at": self._now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "by": by.user_id,
            "by_name": by.name,
            "reason": reason,
            "folder": project.folder.name,
        }
        self._folder.mkdir(exist_ok=True)
        state = project.folder / STATE_FOLDER
        replace_file(state / NOTE, json.dumps(note).encode(), state)
        try:
            place = put_in_place(project.folder, self._folder, project.folder.name)
        except FileNotFoundError:
            raise NotFound("There is no such project.") from None
        self._on_disk()
        trashed = _read(place)
        if trashed is None:
            raise NotFound(NOT_THERE)
        return trashed

    def _move_out(self, project_id: ProjectId) -> None:
        trashed = self.get(project_id)
        with suppress(NotFound):
            self._projects.get(project_id)
            raise Conflict("A project of the same identity is in the workspace. Move that one to the trash first.")
        wanted = _note(trashed.folder).get("folder")
        name = layout.safe_name(wanted if isinstance(wanted, str) else trashed.title)
        try:
            place = put_in_place(trashed.folder, self._projects.folder, name)
        except FileNotFoundError:
            raise NotFound(NOT_THERE) from None
        (place / STATE_FOLDER / NOTE).unlink(missing_ok=True)
        self._on_disk()

    def _on_disk(self) -> None:
        for folder in (self._folder, self._projects.folder):
            sync_folder(folder)


def _rename(folder: Path, place: Path) -> None:
    try:
        folder.rename(place)
    except FileNotFoundError:
        raise NotFound(NOT_THERE) from None


def _read(folder: Path) -> Trashed | None:
    """A folder of the trash; None for what is no project."""
    try:
        if folder.is_symlink():
            return None
        known = manifest.decode((folder / layout.MANIFEST).read_bytes())
    except (OSError, BrokenManifest):
        return None
    note = _note(folder)
    words = {name: str(note.get(name, "")) for name in ("at", "by", "by_name", "reason")}
    return Trashed(
        ProjectId(known["uuid"]),
        known["title"],
        known["description"],
        words["at"],
        words["by"],
        words["by_name"],
        words["reason"],
        folder,
    )


def _note(folder: Path) -> dict[str, Any]:
    """What was written down when it was thrown away; empty when nothing was."""
    try:
        found: object = json.loads((folder / STATE_FOLDER / NOTE).read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
