"""Duplicates: a project copied whole under a new identity, with its takes or without; the original is not touched."""

import asyncio
import copy
import os
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pygit2

from crdt_schema.founding import stop_jobs
from crdt_schema.ids import ProjectId
from crdt_schema.project import Manifest
from crdt_schema.records import Take
from server.auth.actor import Actor
from server.hub.hub import Hub
from server.projects import forks, layout
from server.projects.building import (
    LOG,
    Contents,
    Documents,
    back_up,
    building_folder,
    commit_contents,
    copy_file,
    make_ignored_folders,
    read_log,
    write_log,
)
from server.projects.index import Project, Projects
from server.projects.scaffold import put_in_place
from server.snapshot.repo import STATE_FOLDER, ProjectRepo, exclusive
from server.snapshot.snapshotter import Snapshotter
from server.store.blobs import disk_full_explained

RENDERS = "03_Renders/"
LEFT_OUT = (f"{STATE_FOLDER}/", "05_Cache/", "06_Exports/", ".git/")
"""This machine's own state, what can be made again, and the repository, which has its own way."""
OBJECTS = ("objects/", "lfs/objects/")
"""Of `.git`: written once. Copied last, so that everything that the references name is among them."""
PACKED = "packed-refs"
IN_GIT = ("HEAD", PACKED, "refs/heads/", "refs/tags/", *OBJECTS)
"""What of `.git` is a project's. The rest belongs to this machine: settings may hold remotes and their passwords, hooks
are programs, and what was fetched from elsewhere or put aside is somebody's own."""
BORROWED = ("objects/info/alternates", "objects/info/http-alternates")
IS_OURS = re.compile(rb"[0-9a-f]{40,64} refs/(?:heads|tags)/")


@dataclass(frozen=True)
class Order:
    """What is asked for."""

    name: str
    takes: bool
    by: Actor


class Duplicates:
    """Makes duplicates; needs the hub to be sure that the copy holds everything up to now."""

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

    async def duplicate(self, project_id: ProjectId, order: Order) -> Project:
        """Make a copy and return it; raises NotFound, DiskFull. What fails half-way leaves nothing behind."""
        await self._snapshotter.snapshot_now(project_id, actor=order.by)
        for room in self._hub.rooms():
            if room.project == project_id:
                await room.saved()
        original, at = self._projects.get(project_id), self._now()
        with disk_full_explained(), building_folder(self._projects.folder) as folder:
            documents = await self._documents(original, folder)
            copied = copied_documents(documents, with_takes=order.takes, at=at.astimezone(UTC).isoformat())
            manifest = copied_manifest(original.manifest, order.name, at)
            more = await asyncio.to_thread(_copy, original, folder, documents, order)
            founded = await write_log(folder, copied, order.by, at)
            message = f"Duplicate {original.manifest['title']} as {manifest['title']}"
            contents = Contents(manifest, founded, more)
            await asyncio.to_thread(commit_contents, folder, contents, message, order.by, at)
            name = layout.safe_name(manifest["title"])
            await asyncio.to_thread(put_in_place, folder, self._projects.folder, name)
        return await asyncio.to_thread(self._projects.get, ProjectId(manifest["uuid"]))

    async def _documents(self, original: Project, folder: Path) -> Documents:
        backup = folder / STATE_FOLDER / "original.sqlite"
        if not await asyncio.to_thread(back_up, original.folder / LOG, backup):
            return {}
        try:
            return await read_log(backup)
        finally:
            for left in backup.parent.glob(f"{backup.name}*"):
                left.unlink()


def copied_manifest(original: Manifest, title: str, at: datetime) -> Manifest:
    """The manifest of a copy: its own identity and its own beginning."""
    return {
        **copy.deepcopy(original),
        "uuid": str(uuid.uuid4()),
        "title": title,
        "created": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def copied_documents(documents: Documents, *, with_takes: bool, at: str) -> Documents:
    """The documents of a copy: nothing is under way in it, and without takes nothing speaks of any."""
    documents, _ = forks.agreed(documents)
    copied = {name: value for name, value in documents.items() if with_takes or not name.startswith("annotations/")}
    if with_takes:
        return copied | ({"takes": stop_jobs(copied["takes"], at)} if "takes" in copied else {})
    copied.pop("takes", None)
    for name, value in copied.items():
        if isinstance(value.get("nodes"), dict):
            nodes = cast("dict[str, dict[str, object]]", value["nodes"])
            copied[name] = {**value, "nodes": {key: _without_takes(node) for key, node in nodes.items()}}
    return copied


def _without_takes(node: dict[str, object]) -> dict[str, object]:
    return {**node, "active_take": "", "stars": {}} if node.get("type") == "shot" else node


def _copy(original: Project, folder: Path, documents: Documents, order: Order) -> dict[str, bytes]:
    """Copy what lies on the disk; returns the files that a new repository begins with."""
    make_ignored_folders(folder)
    # No snapshot moves the branch meanwhile.
    with exclusive(original.folder):
        if order.takes:
            _copy_repository(original.folder / ".git", folder / ".git")
        for path in files_below(original.folder, LEFT_OUT):
            if order.takes or not path.startswith(RENDERS):
                copy_file(original.folder / path, folder / path)
        return {} if order.takes else _begin_repository(original, folder, documents)


def _copy_repository(git: Path, place: Path) -> None:
    """Settings and hooks are made anew: a copy pushes nowhere, and runs nothing of its original's."""
    place.mkdir()
    for path in (path for path in files_below(git, ()) if is_of_repository(path) and not path.startswith(OBJECTS)):
        if path == PACKED:
            (place / path).write_bytes(our_references((git / path).read_bytes()))
        else:
            copy_file(git / path, place / path)
    # Last, so that everything that the references name is among them.
    for path in (path for path in files_below(git, ()) if is_of_repository(path) and path.startswith(OBJECTS)):
        copy_file(git / path, place / path)
    for path in ("refs/heads", "refs/tags", "objects/info", "objects/pack", "lfs/objects"):
        (place / path).mkdir(parents=True, exist_ok=True)
    tree = ProjectRepo.create(place.parent).tip().tree
    if tree is not None:
        index = pygit2.Repository(str(place)).index
        index.read_tree(tree)
        index.write()


def is_of_repository(path: str) -> bool:
    """Whether a file of `.git`, by its path there, belongs into a copy, and may come in from elsewhere."""
    return path.startswith(IN_GIT) and not path.startswith(BORROWED) and not path.endswith(".lock")


def our_references(packed: bytes) -> bytes:
    """Branches and tags of a `packed-refs`, and of a tag what it points to; not what was fetched from elsewhere."""
    kept, ours = list[bytes](), True
    for line in packed.splitlines(keepends=True):
        # A line with ^ belongs to the one before it, one with # to all of them.
        if not line.startswith((b"^", b"#")):
            ours = IS_OURS.match(line) is not None
        if ours or line.startswith(b"#"):
            kept.append(line)
    return b"".join(kept)


def _begin_repository(original: Project, folder: Path, documents: Documents) -> dict[str, bytes]:
    """A repository without history, so that no take is in it; every other large file stays."""
    takes = cast("dict[str, Take]", documents.get("takes", {}).get("takes", {}))
    theirs = {take[media]["blob"] for take in takes.values() for media in ("media", "thumbnail")}
    objects = original.folder / ".git" / "lfs" / "objects"
    for path in files_below(objects, ()):
        if Path(path).name not in theirs:
            copy_file(objects / path, folder / ".git" / "lfs" / "objects" / path)
    ProjectRepo.create(folder)
    source = ProjectRepo(original.folder)
    return {path: data for path, data in source.files(source.tip().tree) if not path.startswith(RENDERS)}


def files_below(folder: Path, left_out: tuple[str, ...]) -> Iterator[str]:
    """Path of every file below a folder, in a stable order; links are passed over (X-014)."""
    for place, folders, names in os.walk(folder):
        inside = Path(place).relative_to(folder).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        folders[:] = sorted(name for name in folders if not f"{prefix}{name}/".startswith(left_out))
        for name in sorted(names):
            if not (Path(place) / name).is_symlink():
                yield f"{prefix}{name}"
