"""Bundles: a whole project as one zip, written while it is sent: repository, large files, and the log of today."""

import json
import stat
import threading
import time
import zipfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from crdt_schema.ids import new_id
from server.errors import TooMany
from server.projects import layout
from server.projects.building import LOG, back_up
from server.projects.duplicate import LEFT_OUT, OBJECTS, PACKED, files_below, is_of_repository, our_references
from server.projects.index import Project
from server.snapshot.lfs import parse_pointer
from server.snapshot.repo import STATE_FOLDER, ProjectRepo, exclusive

FORMAT = "workprint-bundle.1"
LABEL = "workprint-bundle.json"
SUFFIX = ".workprint"
CHUNK_BYTES = 1 << 20
MOST_AT_ONCE = 4
"""Bundles that are being written: each keeps a thread."""
_places = threading.BoundedSemaphore(MOST_AT_ONCE)

Send = Callable[[bytes], object]
"""Hands on some bytes and waits until there is room for more; raises when nobody takes them any more."""


@dataclass
class Parts:
    """What goes into a bundle, as it was at one instant."""

    label: bytes
    small: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Files whose content may change while the bundle is sent, so it was read at once."""
    files: dict[str, Path] = field(default_factory=dict[str, Path])

    @property
    def size_bytes(self) -> int:
        """About how large the bundle becomes."""
        return sum(map(len, self.small.values())) + sum(place.stat().st_size for place in self.files.values())


@contextmanager
def collected(project: Project, at: str) -> Generator[Parts]:
    """Take stock of a project, in step with its snapshots; the copy of its log is removed at the end. It blocks."""
    name, folder = layout.safe_name(project.manifest["title"]), project.folder
    label = {"format": FORMAT, "uuid": project.id, "title": project.manifest["title"], "made": at}
    parts = Parts(json.dumps(label, ensure_ascii=False, indent=2).encode())
    log = folder / STATE_FOLDER / f"export-{new_id()}.sqlite"
    with ExitStack() as using:
        using.callback(log.unlink, missing_ok=True)
        with exclusive(folder):
            if back_up(folder / LOG, log):
                parts.files[f"{name}/{LOG}"] = log
            for path in files_below(folder / ".git", ()):
                if is_of_repository(path):
                    _add(parts, f"{name}/.git/{path}", folder / ".git" / path, whole=path.startswith(OBJECTS))
            kept = _in_store(project)
            for path in files_below(folder, LEFT_OUT):
                if path not in kept:
                    parts.files[f"{name}/{path}"] = folder / path
        yield parts


def _add(parts: Parts, name: str, place: Path, *, whole: bool) -> None:
    if whole:
        parts.files[name] = place
    else:
        with suppress(FileNotFoundError):
            data = place.read_bytes()
            parts.small[name] = our_references(data) if place.name == PACKED else data


def _in_store(project: Project) -> set[str]:
    """Paths of large files that the store holds anyway: they need not be sent twice."""
    repo, found = ProjectRepo(project.folder), set[str]()
    for path, data in repo.files(repo.tip().tree):
        pointer = parse_pointer(data)
        if pointer is not None and project.blobs.has(pointer.blob):
            with suppress(FileNotFoundError):
                if (project.folder / path).samefile(project.blobs.path(pointer.blob)):
                    found.add(path)
    return found


@contextmanager
def a_place() -> Generator[None]:
    """One of the few places for writing bundles; raises TooMany."""
    if not _places.acquire(blocking=False):
        raise TooMany("Several projects are being exported right now. Try again in a minute.", retry_after_seconds=60)
    try:
        yield
    finally:
        _places.release()


def write_zip(parts: Parts, send: Send) -> None:
    """Write the bundle piece by piece; raises what `send` raises, and OSError. It blocks."""
    with zipfile.ZipFile(_Outlet(send), "w", zipfile.ZIP_STORED, allowZip64=True) as bundle:
        _write(bundle, LABEL, parts.label)
        for name, data in parts.small.items():
            _write(bundle, name, data)
        for name, place in parts.files.items():
            # Its end is known when it comes: a file may grow while it is read.
            with place.open("rb") as file, bundle.open(_entry(name), "w", force_zip64=True) as entry:
                while chunk := file.read(CHUNK_BYTES):
                    entry.write(chunk)


def _write(bundle: zipfile.ZipFile, name: str, data: bytes) -> None:
    bundle.writestr(_entry(name), data)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, time.gmtime()[:6])
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


class _Outlet:
    """A file that can only be written on, as a response is: zipfile must not go back to fill in sizes."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def write(self, data: bytes, /) -> int:
        """Send all of it."""
        self._send(bytes(data))
        return len(data)

    def flush(self) -> None:
        """What was sent is sent."""

    def close(self) -> None:
        """Whoever made the response ends it."""
