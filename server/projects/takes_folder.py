"""Compares the takes of a document with the files of `03_Renders`: puts back what is lost, reports what differs."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from crdt_schema.records import Take
from server.errors import NotFound
from server.projects import layout
from server.projects.filing import link_once, take_path
from server.projects.further import further_paths
from server.snapshot.repo import LeadsOut
from server.snapshot.tree import ANNOTATIONS, DOCUMENT_PATHS, LATER_PATHS
from server.store.blobs import LocalBlobs

RENDERS = "03_Renders"
_NOT_TAKES = frozenset({*DOCUMENT_PATHS.values(), *LATER_PATHS.values()})
_NUMBERED = re.compile(r"(chapter|scene|shot)_0*(\d{1,4})", re.IGNORECASE)


@dataclass(frozen=True)
class TakeFile:
    """A file of `03_Renders`, or one that should be there."""

    path: str
    """In the project; no web client is told."""
    take: str = ""
    """Its id in the document; empty for a file that no take names."""
    numbers: Mapping[str, int] = field(default_factory=dict[str, int])
    """Chapter, scene, shot and take, as far as they are known; for an unknown file out of its name and its folders."""

    @property
    def name(self) -> str:
        """The name of the file."""
        return PurePosixPath(self.path).name


@dataclass
class Reconciled:
    """What came of a comparison."""

    restored: list[TakeFile] = field(default_factory=list[TakeFile])
    """Were gone, and were put back."""
    vanished: list[TakeFile] = field(default_factory=list[TakeFile])
    """Are gone; with `restore` off also those that could be put back."""
    unknown: list[TakeFile] = field(default_factory=list[TakeFile])
    """Lie there, and no take names them."""
    damaged: list[TakeFile] = field(default_factory=list[TakeFile])
    """Do not hold what the take says; never written over."""

    def is_clean(self) -> bool:
        """Whether document and folder agree, as they did before."""
        return not (self.restored or self.vanished or self.unknown or self.damaged)


def reconcile(
    folder: Path, blobs: LocalBlobs, takes: Mapping[str, Take], *, restore: bool = True, deep: bool = False
) -> Reconciled:
    """Compare a project's takes with its folder. `deep`: read also the files that are the very blob. It blocks."""
    found, known = Reconciled(), set[str]()
    for take_id, take in sorted(takes.items()):
        try:
            file = TakeFile(take_path(take), take_id, _numbers_of(take))
            blob, size_bytes = take["media"]["blob"], int(take["media"]["size_bytes"])
        except (ValueError, KeyError, TypeError):
            # The snapshotter passes it over too, and says so: it can have no file.
            continue
        known |= {file.path, *(path for path, _ in further_paths(take, file.path))}
        place = folder / file.path
        if not place.is_file():
            put_back = restore and _put_back(folder, place, blobs, blob, size_bytes)
            (found.restored if put_back else found.vanished).append(file)
        elif not _holds(place, blobs, blob, size_bytes, deep=deep):
            found.damaged.append(file)
    found.unknown = [TakeFile(path, numbers=numbers_in(path)) for path in files_of(folder) if path not in known]
    return found


def files_of(folder: Path) -> Iterator[str]:
    """The path of every media file in `03_Renders`, in order; links, hidden files and documents are passed over."""
    for root, folders, names in os.walk(folder / RENDERS):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            place = Path(root, name)
            path = place.relative_to(folder).as_posix()
            sidecar = name.endswith(".json") and layout.parse_take_name(name) is not None
            document = path in _NOT_TAKES or path.startswith(f"{ANNOTATIONS}/")
            if not (sidecar or document or name.startswith(".") or place.is_symlink()):
                yield path


def numbers_in(path: str) -> dict[str, int]:
    """What names and folders say, in our form and in `SCENE_01/SHOT_010/SHOT-010_v01_take01.mp4` (CF-21)."""
    found: dict[str, int] = {}
    for part in PurePosixPath(path).parts[:-1]:
        if match := _NUMBERED.fullmatch(part):
            found[match[1].lower()] = int(match[2])
    if (said := layout.parse_take_name(PurePosixPath(path).name)) is not None:
        found |= {"shot": said.shot, "take": said.number}
        if said.scene is not None:
            found["scene"] = said.scene
    return found


def sha256_of(place: Path) -> str:
    """The SHA-256 of a file; raises OSError."""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _numbers_of(take: Take) -> dict[str, int]:
    return {
        "chapter": int(take["chapter"]),
        "scene": int(take["scene"]),
        "shot": int(take["shot"]),
        "take": int(take["number"]),
    }


def _put_back(folder: Path, place: Path, blobs: LocalBlobs, blob: str, size_bytes: int) -> bool:
    with suppress(NotFound, LeadsOut, OSError):
        return blobs.size_bytes(blob) == size_bytes and link_once(blobs.path(blob), place, folder)
    return False


def _holds(place: Path, blobs: LocalBlobs, blob: str, size_bytes: int, *, deep: bool) -> bool:
    try:
        if place.stat().st_size != size_bytes:
            return False
        if not deep and blobs.has(blob) and place.samefile(blobs.path(blob)):
            return True
        return sha256_of(place) == blob
    except (OSError, NotFound):
        return False
