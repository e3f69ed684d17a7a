"""Brings what people did on disk into the rooms, in their name and under the same rules as everybody's changes."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog
from pycrdt import Doc, Text

from crdt_schema.ids import ProjectId
from server.auth.actor import Actor
from server.hub.errand import do_errand
from server.hub.room import Room
from server.snapshot.disk import Edit, json_of, note_seen, text_of
from server.snapshot.repo import ProjectRepo
from server.snapshot.threeway import merge_records, merge_text
from server.snapshot.tree import DOCUMENT_PATHS, FOLDERS, LATER_PATHS, is_script
from server.store.base import UpdateStore

log = structlog.get_logger(__name__)
ON_DISK = Actor("disk", "On disk", "editor")
"""Somebody who changed a file in the project's folder, and nobody knows who it was."""

FindPerson = Callable[[str, str], Awaitable[Actor | None]]
"""Somebody of the workspace by the name and the address that Git has of them."""


class Rooms(Protocol):
    """What this needs of the hub."""

    def room(self, project: ProjectId, document: str) -> AbstractAsyncContextManager[Room]:
        """Open a document."""
        ...

    def log(self, project: ProjectId) -> AbstractAsyncContextManager[UpdateStore]:
        """What is on disk of a project's documents."""
        ...


async def nobody_known(_name: str, _address: str) -> Actor | None:
    """Knows nobody."""
    return None


class Merger:
    """For the event loop."""

    def __init__(self, find_person: FindPerson = nobody_known) -> None:
        self._find_person = find_person

    async def merge(self, rooms: Rooms, project: ProjectId, folder: Path, edits: Iterable[Edit]) -> dict[str, str]:
        """Merge each once, on disk when this returns; by path, what was not allowed. Raises Unavailable, NotFound."""
        done, refused = tuple(edits), dict[str, str]()
        for edit in done:
            actor = await self._who(edit)
            async with rooms.room(project, edit.document) as room:
                breaches = await do_errand(room, actor, partial(_change, edit), client_id(room.epoch, edit.mark))
            log.info("merged_from_disk", project=project, document=edit.document, by=actor.name, refused=len(breaches))
            if breaches:
                refused[edit.path] = f"{edit.path} was merged but for {len(breaches)}: {breaches[0]['message']}"
        await asyncio.to_thread(lambda: note_seen(ProjectRepo(folder), done))
        return refused

    async def _who(self, edit: Edit) -> Actor:
        known = await self._find_person(*edit.author) if edit.author is not None else None
        # A name in a commit is a claim: whoever can write into this folder counts as an editor, and as nothing more.
        return ON_DISK if known is None else Actor(known.user_id, known.name, "editor", known.hue)


def client_id(epoch: str, mark: str) -> int:
    """The Yjs client in whose name an edit is made: the same edit has the same one, so that it is never made twice."""
    return int.from_bytes(hashlib.sha256(f"{epoch} {mark}".encode()).digest()[:4], "big")


def _change(edit: Edit, doc: Doc[Any]) -> None:
    if is_script(edit.document):
        merge_text(doc.get("text", type=Text), text_of(edit.base), text_of(edit.theirs))
    else:
        merge_records(doc, edit.document, json_of(edit.base), json_of(edit.theirs))


def signature(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Changes when somebody commits or writes one of the files that snapshots write; a few dozen calls of `stat`."""
    git = folder / ".git"
    try:
        branch = (git / "HEAD").read_text().removeprefix("ref: ").strip()
    except OSError:
        return ()
    places = [git / "HEAD", git / "packed-refs", git / branch]
    places += [folder / path for path in (*DOCUMENT_PATHS.values(), *LATER_PATHS.values())]
    for inner in FOLDERS:
        if (folder / inner).is_dir():
            places += sorted((folder / inner).iterdir())
    found: list[tuple[str, int, int, int]] = []
    for place in places:
        try:
            stat = place.stat()
        except OSError:
            continue
        found.append((place.name, stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
