"""Unpacks a zip or a tar that somebody sent: only plain files, only inside, and no more than was agreed. It blocks."""

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from server.errors import BadRequest, TooLarge
from server.projects.duplicate import files_below, is_of_repository

CHUNK_BYTES = 1 << 20
MOST_ENTRIES = 500_000
LONGEST_PATH = 1000
MOST_LEVELS = 40
UNREADABLE = "What you sent is no zip or tar that can be read, or it did not arrive whole. Send it again."
PASSED_OVER = frozenset({"__macosx", ".ds_store", "thumbs.db", "desktop.ini"})


class BadBundle(BadRequest):
    """What was sent is no project."""

    code = "bad_bundle"


@dataclass
class _Room:
    """What may still come."""

    bytes_left: int
    entries_left: int = MOST_ENTRIES

    def take_entry(self) -> None:
        self.entries_left -= 1
        if self.entries_left < 0:
            raise TooLarge(f"A project may come in at most {MOST_ENTRIES:,} files.")

    def take_bytes(self, count: int) -> None:
        # Counted as they come: what an archive says of itself need not be so.
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise TooLarge("Unpacked, this is more than may be imported here. Whoever runs the studio can allow more.")


def unpack(archive: Path, folder: Path, most_bytes: int) -> None:
    """Unpack into a folder; raises BadBundle, TooLarge, OSError."""
    room = _Room(most_bytes)
    folder.mkdir(parents=True)
    try:
        with archive.open("rb") as file:
            head = file.read(512)
        if head.startswith(b"PK"):
            _unzip(archive, folder, room)
        elif head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar":
            _untar(archive, folder, room)
        else:
            raise BadBundle("Send a .workprint bundle, or a zip or tar.gz of a whole clone with its .git folder.")
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BadBundle(UNREADABLE) from error
    except (RuntimeError, UnicodeError, ValueError) as error:
        # An encrypted zip, a name that no file can have.
        raise BadBundle(UNREADABLE) from error


def find_project(folder: Path) -> Path:
    """The folder of the one project that was unpacked; raises BadBundle."""
    found = [path.parent.parent for path in (*folder.glob(".git/HEAD"), *folder.glob("*/.git/HEAD"))]
    if len(found) != 1:
        raise BadBundle(
            "There must be exactly one project with its .git folder in what you send. A download without .git is none."
        )
    return found[0]


def _unzip(archive: Path, folder: Path, room: _Room) -> None:
    with zipfile.ZipFile(archive) as bundle:
        for entry in bundle.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            place = _place(entry.filename, room)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise BadBundle(_no_link(entry.filename))
            if place is not None and not entry.is_dir():
                with bundle.open(entry) as file:
                    _write(file, folder / place, room)


def _untar(archive: Path, folder: Path, room: _Room) -> None:
    with tarfile.open(archive, "r:*") as bundle:
        for entry in bundle:
            place = _place(entry.name, room)
            if not (entry.isreg() or entry.isdir() or entry.type in (tarfile.XHDTYPE, tarfile.XGLTYPE)):
                raise BadBundle(_no_link(entry.name))
            file = bundle.extractfile(entry) if place is not None and entry.isreg() else None
            if place is not None and file is not None:
                _write(file, folder / place, room)


def _no_link(name: str) -> str:
    return f"{name[-80:]!r} is a link or a device. A project holds plain files only."


def _place(name: str, room: _Room) -> PurePosixPath | None:
    """Where an entry goes; None for what is not taken over. Raises BadBundle for what would lead elsewhere."""
    room.take_entry()
    path = PurePosixPath(name)
    parts = path.parts
    odd = "\\" in name or ":" in name.split("/", 1)[0] or any(ord(char) < 32 for char in name)  # noqa: PLR2004 - controls
    if name.startswith("/") or ".." in parts or odd or len(name) > LONGEST_PATH or len(parts) > MOST_LEVELS:
        raise BadBundle(f"{name[:80]!r} is no name that a file of a project can have.")
    if not parts or any(part.casefold() in PASSED_OVER for part in parts):
        return None
    git = [at for at, part in enumerate(parts) if part.casefold().rstrip(". ") in {".git", "git~1"}]
    if not git:
        return path
    if parts[git[0]] != ".git" or len(git) > 1 or git[0] > 1:
        raise BadBundle("There is a repository within the project, or a file that passes for one. Take it out.")
    return path if is_of_repository("/".join(parts[git[0] + 1 :])) else None


def _write(file: IO[bytes], place: Path, room: _Room) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Twice the same name is refused: the later one would replace what was checked.
        with place.open("xb") as target:
            for chunk in _chunks(file, room):
                target.write(chunk)
    except (FileExistsError, NotADirectoryError):
        raise BadBundle(f"{place.name[:80]!r} is in there twice.") from None


def _chunks(file: IO[bytes], room: _Room) -> Generator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        room.take_bytes(len(chunk))
        yield chunk


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum((folder / path).stat().st_size for path in files_below(folder, ()))
