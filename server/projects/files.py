"""The files that people added to a project: the folders of their categories are the truth (W-043, W-086)."""

import hashlib
import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol, cast

from crdt_schema.ids import BlobHash, ProjectId
from crdt_schema.sniffing import HEAD_BYTES, media_type_of
from server.errors import NotFound
from server.projects import layout
from server.projects.filing import link_once, names_in, same_file
from server.projects.layout import CATEGORY_FOLDERS, Category
from server.snapshot.lfs import Pointer
from server.snapshot.repo import STATE_FOLDER, demand_inside, replace_file
from server.snapshot.tree import DOCUMENT_PATHS, LATER_PATHS
from server.store.blobs import LocalBlobs

MEMORY = "files.json"
LONGEST_STEM = 80
"""Characters of a name, so that a number and a suffix still fit everywhere."""
ID_LENGTH = 24
_DOCUMENTS = frozenset({*DOCUMENT_PATHS.values(), *LATER_PATHS.values()})
_memory_lock = threading.Lock()


class Home(Protocol):
    """What this needs of a project."""

    @property
    def id(self) -> ProjectId:
        """Its uuid."""
        ...

    @property
    def folder(self) -> Path:
        """Its folder."""
        ...

    @property
    def blobs(self) -> LocalBlobs:
        """Its blobs on this machine."""
        ...


@dataclass(frozen=True)
class ProjectFile:
    """A file in the folder of its category; `place` never leaves the server."""

    id: str
    name: str
    category: Category
    size_bytes: int
    media_type: str
    blob: BlobHash
    added_at: float
    """Seconds since 1970."""
    place: Path
    path: str
    """In the repository."""


def list_files(project: Home, category: Category | None = None) -> list[ProjectFile]:
    """The files of one category or of all, by name. It blocks, and reads whole what it has not seen before."""
    memory = _Memory(project.folder)
    found = [
        file
        for one in ((category,) if category else CATEGORY_FOLDERS)
        for entry in _entries(project.folder / CATEGORY_FOLDERS[one])
        if (file := memory.look_at(one, entry)) is not None
    ]
    memory.save()
    return sorted(found, key=lambda file: (file.category, file.name.casefold(), file.name))


def find_file(project: Home, file_id: str) -> ProjectFile:
    """A file by its id; raises NotFound. It blocks."""
    memory = _Memory(project.folder)
    for category, folder in CATEGORY_FOLDERS.items():
        for name in names_in(project.folder / folder):
            # Its id before anything is asked of the disk: a film is fetched in many parts.
            entry = project.folder / folder / name
            if id_of(category, name) == file_id and _counts(entry):
                file = memory.look_at(category, entry)
                memory.save()
                if file is not None:
                    return file
    raise NotFound("There is no such file in this project. Somebody may have removed it.")


def keep_file(project: Home, category: Category, name: str, blob: BlobHash, media_type: str) -> ProjectFile:
    """Put a blob into the folder of its category under a name that every system takes. It blocks.

    The same bytes under the same name are there once; other bytes get the next free number. Raises LeadsOut, NotFound.
    """
    source, folder = project.blobs.path(blob), project.folder / CATEGORY_FOLDERS[category]
    stem = layout.safe_name(PurePath(name.replace("\\", "/")).stem, "File")[:LONGEST_STEM]
    number = 1
    while True:
        wanted = f"{stem if number == 1 else f'{stem}_{number}'}{layout.suffix_of(media_type)}"
        there = {layout.fold(entry.name): entry for entry in _entries(folder)}.get(layout.fold(wanted))
        if there is not None and same_file(source, there):
            place = there
            break
        if there is None and link_once(source, place := folder / wanted, project.folder):
            break
        number += 1
    memory = _Memory(project.folder)
    memory.learn(place, blob, media_type)
    memory.save()
    kept = memory.look_at(category, place)
    if kept is None:
        raise NotFound("Somebody removed the file at once.")
    return kept


def drop_file(project: Home, file_id: str) -> ProjectFile:
    """Take a file out of its folder; its blob and the history keep it. It blocks; raises NotFound, LeadsOut."""
    file = find_file(project, file_id)
    demand_inside(project.folder, file.place)
    file.place.unlink(missing_ok=True)
    return file


def file_pointers(project: Home) -> dict[str, Pointer]:
    """Path and pointer of every file whose blob is here, for a commit. It blocks.

    What somebody put into a folder by hand is theirs to add to Git: Workprint has no blob of it.
    """
    return {
        file.path: Pointer(file.blob, file.size_bytes) for file in list_files(project) if project.blobs.has(file.blob)
    }


def id_of(category: Category, name: str) -> str:
    """The same for the same name in the same category, and says neither."""
    return hashlib.sha256(f"{category}/{name}".encode()).hexdigest()[:ID_LENGTH]


def _entries(folder: Path) -> list[Path]:
    """Whole files of a folder: no links, nothing hidden, nothing that belongs to Workprint."""
    return [entry for name in names_in(folder) if _counts(entry := folder / name)]


def _counts(entry: Path) -> bool:
    return not entry.name.startswith(".") and not entry.is_symlink() and entry.is_file() and not _is_document(entry)


def _is_document(entry: Path) -> bool:
    return any(entry.as_posix().endswith(f"/{path}") for path in _DOCUMENTS)


class _Memory:
    """What the files of a project hash to, for as long as they stay as they are; `.workprint/files.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = folder / STATE_FOLDER / MEMORY
        self._known: dict[str, list[object]] = {}
        self._changed = False
        with suppress(OSError, ValueError):
            loaded: object = json.loads(self._place.read_bytes())
            if isinstance(loaded, dict):
                self._known = cast("dict[str, list[object]]", loaded)

    def look_at(self, category: Category, place: Path) -> ProjectFile | None:
        """A file as it is now; None when it has just gone or cannot be read."""
        path = place.relative_to(self._folder).as_posix()
        try:
            stat = place.stat()
            stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
            known = self._known.get(path)
            if not isinstance(known, list) or known[:3] != stamp or len(known) != len(stamp) + 2:
                known = list[object]([*stamp, *_read_through(place)])
                self._known[path] = known
                self._changed = True
        except OSError:
            return None
        blob, media_type = BlobHash(str(known[3])), str(known[4])
        return ProjectFile(
            id=id_of(category, place.name),
            name=place.name,
            category=category,
            size_bytes=stat.st_size,
            media_type=media_type,
            blob=blob,
            added_at=stat.st_mtime,
            place=place,
            path=path,
        )

    def learn(self, place: Path, blob: BlobHash, media_type: str) -> None:
        """What a file is, that need not be read for it."""
        with suppress(OSError):
            stat = place.stat()
            path = place.relative_to(self._folder).as_posix()
            self._known[path] = [stat.st_size, stat.st_mtime_ns, stat.st_ino, blob, media_type]
            self._changed = True

    def save(self) -> None:
        """Write down what is new; two at once may each forget what the other learned, and learn it again."""
        if not self._changed:
            return
        known = {path: entry for path, entry in self._known.items() if (self._folder / path).exists()}
        # A disk that is full costs the memory, not the listing.
        with _memory_lock, suppress(OSError):
            replace_file(self._place, json.dumps(known).encode(), self._folder / STATE_FOLDER)


def _read_through(place: Path) -> tuple[str, str]:
    with place.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest(), media_type_of(head)
