"""Blobs as files of the project folder: put in place once, under their own name, and never replaced."""

import os
import shutil
from pathlib import Path

from crdt_schema.records import Take
from server.projects import layout
from server.snapshot.repo import demand_inside
from server.store.blobs import READ_ONLY, make_folders


def take_path(take: Take) -> str:
    """Where a take's file stands in the project; raises UnknownMedia."""
    folder = layout.take_folder(take["chapter"], take["scene"], take["shot"])
    name = take["name"]
    if layout.parse_take_name(f"{name}.x") is None:
        raise ValueError(f"{name[:80]!r} is no name of a take")
    return f"{folder}/{name}{layout.suffix_of(take['media']['media_type'])}"


def names_in(folder: Path) -> list[str]:
    """The names in a folder in a stable order; none when there is no such folder."""
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def link_once(source: Path, place: Path, within: Path) -> bool:
    """Put a blob in its place if nothing is there; whether it was put. A hard link costs no space.

    Raises LeadsOut when a link on the way leads out of `within`, the folder of the project (X-014).
    """
    demand_inside(within, place)
    make_folders(within, place.parent)
    try:
        place.hardlink_to(source)
    except FileExistsError:
        return False
    except OSError:
        # A file system without hard links.
        return _copy_once(source, place)
    return True


def _copy_once(source: Path, place: Path) -> bool:
    try:
        target = place.open("xb")
    except FileExistsError:
        return False
    try:
        with target, source.open("rb") as file:
            shutil.copyfileobj(file, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        place.chmod(READ_ONLY)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return True


def same_file(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes."""
    if one.samefile(other):
        return True
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(1 << 20):
            if second.read(1 << 20) != chunk:
                return False
    return True
