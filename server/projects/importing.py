"""Imports: a bundle or a plain clone that somebody sent, checked and made a project whose owner they are."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from crdt_schema import founding
from crdt_schema.ids import ProjectId
from crdt_schema.project import Manifest
from server.auth.actor import Actor
from server.errors import NotFound, TooLarge
from server.projects import forks, layout, manifest
from server.projects.building import (
    LOG,
    Contents,
    Documents,
    building_folder,
    commit_contents,
    make_ignored_folders,
    write_log,
)
from server.projects.duplicate import copied_manifest
from server.projects.found import documents_in_log, documents_in_tree
from server.projects.index import Project, Projects
from server.projects.received import Repository
from server.projects.scaffold import put_in_place
from server.projects.trash import Trash
from server.projects.unpacking import CHUNK_BYTES, BadBundle, find_project, unpack
from server.snapshot.repo import STATE_FOLDER
from server.store.blobs import DiskFull, disk_full_explained

KeepsId = Callable[[ProjectId], Awaitable[bool]]
"""Whether whoever imports may bring a project of that identity."""


@dataclass(frozen=True)
class Imported:
    """What became of something that was sent."""

    project: Project
    rebuilt: bool
    """The documents were read from the files in the tree, because there was no log of changes."""
    renewed: bool
    """It has an identity of its own, because there was one of the same here."""
    missing: list[str]
    """Large files, by their path in the project, whose bytes did not come along."""
    problems: list[str]
    """What was left out, in words."""


@dataclass
class _Unpacked:
    """A project on its way in."""

    folder: Path
    manifest: Manifest
    missing: list[str]
    documents: Documents = field(default_factory=dict[str, dict[str, object]])
    problems: list[str] = field(default_factory=list[str])
    rebuilt: bool = False


class Imports:
    """Takes projects in, one after the other as far as their identity is concerned."""

    def __init__(
        self, projects: Projects, trash: Trash, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._projects = projects
        self._trash = trash
        self._now = now
        self._placing = asyncio.Lock()

    async def take_in(
        self, chunks: AsyncIterator[bytes], by: Actor, keeps_id: KeepsId, *, most_bytes: int, name: str = ""
    ) -> Imported:
        """Make a project of what arrives; raises BadBundle, TooLarge, DiskFull, and then keeps nothing of it."""
        with disk_full_explained(), building_folder(self._projects.folder) as staging:
            await asyncio.to_thread(staging.mkdir)
            archive = staging / "incoming"
            await _receive(chunks, archive, most_bytes)
            unpacked = await asyncio.to_thread(_unpack, archive, staging, most_bytes)
            await _read(unpacked, staging, self._now())
            async with self._placing:
                return await self._place(unpacked, by, keeps_id, name)

    async def _place(self, unpacked: _Unpacked, by: Actor, keeps_id: KeepsId, name: str) -> Imported:
        at, today = self._now(), unpacked.manifest
        renewed = not await self._may_keep(ProjectId(today["uuid"]), keeps_id)
        if renewed:
            created = today["created"]
            today = copied_manifest(today, today["title"], at)
            today["created"] = created
        if name:
            today["title"] = name
        founded = await write_log(unpacked.folder, unpacked.documents, by, at)
        message = f"Import {today['title']}"
        await asyncio.to_thread(commit_contents, unpacked.folder, Contents(today, founded), message, by, at)
        await asyncio.to_thread(put_in_place, unpacked.folder, self._projects.folder, layout.safe_name(today["title"]))
        project = await asyncio.to_thread(self._projects.get, ProjectId(today["uuid"]))
        return Imported(project, unpacked.rebuilt, renewed, unpacked.missing, unpacked.problems)

    async def _may_keep(self, project_id: ProjectId, keeps_id: KeepsId) -> bool:
        for find in (self._projects.get, self._trash.get):
            try:
                await asyncio.to_thread(find, project_id)
            except NotFound:
                continue
            return False
        return await keeps_id(project_id)


async def _receive(chunks: AsyncIterator[bytes], archive: Path, most_bytes: int) -> None:
    gathered, size_bytes = bytearray(), 0
    with await asyncio.to_thread(archive.open, "xb") as file:
        async for chunk in chunks:
            gathered += chunk
            size_bytes += len(chunk)
            if size_bytes > most_bytes:
                raise TooLarge(f"A project may have at most {most_bytes // (1024 * 1024)} MB to be imported here.")
            if len(gathered) >= CHUNK_BYTES:
                await asyncio.to_thread(file.write, bytes(gathered))
                gathered.clear()
        await asyncio.to_thread(file.write, bytes(gathered))


def _unpack(archive: Path, staging: Path, most_bytes: int) -> _Unpacked:
    # What is unpacked lies beside what arrived until it is checked.
    room = min(most_bytes, shutil.disk_usage(staging).free)
    try:
        unpack(archive, staging / "unpacked", room)
    except TooLarge:
        if room < most_bytes:
            raise DiskFull("There is not enough room on the server's disk to unpack this.") from None
        raise
    archive.unlink()
    folder = find_project(staging / "unpacked")
    repository = Repository(folder)
    repository.check()
    missing = repository.check_out()
    try:
        known = manifest.decode((folder / layout.MANIFEST).read_bytes())
    except FileNotFoundError:
        raise BadBundle("There is no project.json in it, so this is no project of Workprint.") from None
    return _Unpacked(folder, known, missing)


async def _read(unpacked: _Unpacked, staging: Path, at: datetime) -> None:
    """Find the documents: in the log that a bundle brings, else in the files of the tree."""
    log = staging / "log.sqlite"
    if (unpacked.folder / LOG).is_file():
        (unpacked.folder / LOG).rename(log)
    await asyncio.to_thread(shutil.rmtree, unpacked.folder / STATE_FOLDER, ignore_errors=True)
    found = await documents_in_log(log, unpacked.problems)
    if found is None:
        unpacked.rebuilt = True
        found = await asyncio.to_thread(documents_in_tree, unpacked.folder, unpacked.problems)
    for name, value in found.items():
        checked = await asyncio.to_thread(founding.check, name, value)
        unpacked.documents[name] = checked.value
        unpacked.problems += checked.problems
    unpacked.documents, left_out = forks.agreed(unpacked.documents)
    unpacked.problems += left_out
    if "takes" in unpacked.documents:
        stamp = at.astimezone(UTC).isoformat()
        unpacked.documents["takes"] = founding.stop_jobs(unpacked.documents["takes"], stamp)
    await asyncio.to_thread(make_ignored_folders, unpacked.folder)
