"""Writes the blobs and trees of one snapshot into a repository's object store: only what is new, durable in one go."""

import hashlib
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import pygit2

from server.snapshot.packs import LEVEL, Kind, NewObject, put, write_pack

FEW = 16
"""So many objects are written at once in hardly more time than one: each waits for the same journal of the disk."""

FILE, FOLDER = b"100644", b"40000"
"""Modes, as they stand in a tree."""
ENTRY = re.compile(rb"(\d+) ([^\0]+)\0(.{20})", re.DOTALL)
"""Mode, name and object id."""
Entries = dict[bytes, tuple[bytes, bytes]]
"""Mode and object id by name."""
Branch = dict[str, "Branch | bytes | None"]
"""Files by name, None for one to be taken out; folders as further ones."""
NO_FILES = pygit2.Oid(hex="4b825dc642cb6eb9a060e54bf8d69288fbee4904")
"""The tree in which nothing stands."""


def write_tree(
    repository: pygit2.Repository, base: pygit2.Oid | None, files: Mapping[str, bytes | None]
) -> tuple[pygit2.Oid, dict[str, pygit2.Oid]]:
    """The tree `base` with `files` put in, None being taken out, and the blob of each; on disk when this returns."""
    writing = _Writing(repository)
    root, blobs = _as_branches(files), dict[str, pygit2.Oid]()
    tree = writing.tree(repository[base] if base is not None else None, root, "", blobs)
    writing.flush()
    return tree, blobs


def has_all(repository: pygit2.Repository, base: pygit2.Oid, files: Mapping[str, bytes | None]) -> bool:
    """Whether all of `files` stand in the tree `base` as they are; nothing is written."""
    return _Writing(repository).tree(repository[base], _as_branches(files), "", {}) == base


def _as_branches(files: Mapping[str, bytes | None]) -> Branch:
    root: Branch = {}
    for path, data in files.items():
        *folders, name = path.split("/")
        branch = root
        for folder in folders:
            inner = branch.setdefault(folder, {})
            if not isinstance(inner, dict):
                raise ValueError(  # noqa: TRY004 - what is wrong is the paths, not their type
                    f"{path} lies below a file"
                )
            branch = inner
        branch[name] = data
    return root


class _Writing:
    """Objects that were made and are not on disk."""

    def __init__(self, repository: pygit2.Repository) -> None:
        self._repository = repository
        self._objects = Path(repository.path) / "objects"
        self._new: set[NewObject] = set()

    def tree(self, base: pygit2.Object | None, branch: Branch, path: str, blobs: dict[str, pygit2.Oid]) -> pygit2.Oid:
        """The tree `base` with what `branch` holds put in; fills `blobs`. Folders that are left alone are not read."""
        entries = _entries(base.read_raw()) if base is not None else {}
        changed = base is None
        for name, value in branch.items():
            key = name.encode()
            stands, found = entries.get(key), None
            if isinstance(value, bytes):
                # Hashing is cheap; asking the object store about thousands of takes that stand already is not.
                found = FILE, (blob := pygit2.hash(value)).raw
                blobs[path + name] = blob
                if stands is None or stands[1] != found[1]:
                    self._add("blob", value)
            elif value is not None:
                is_folder = stands is not None and stands[0] == FOLDER
                below = self._repository[pygit2.Oid(raw=stands[1])] if stands is not None and is_folder else None
                inner = self.tree(below, value, f"{path}{name}/", blobs)
                # Git knows no empty folders.
                found = (FOLDER, inner.raw) if inner != NO_FILES else None
            if found is None:
                changed |= entries.pop(key, None) is not None
            elif stands is None or stands[1] != found[1]:
                entries[key], changed = found, True
        if not changed and base is not None:
            return base.id
        return self._add("tree", _tree_bytes(entries)) if entries or not path else NO_FILES

    def _add(self, kind: Kind, data: bytes) -> pygit2.Oid:
        oid = hashlib.sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
        if oid not in self._repository:
            self._new.add(NewObject(oid, kind, data))
        return pygit2.Oid(hex=oid)

    def flush(self) -> None:
        """Put everything on disk: a few as loose objects, many as one pack, as Git does with what it receives."""
        new, self._new = self._new, set()
        if len(new) > FEW:
            write_pack(self._objects / "pack", new)
        elif new:
            put({self._place(one): _loose(one) for one in new})

    def _place(self, one: NewObject) -> Path:
        """Where a loose object stands, in a folder that is there."""
        folder = self._objects / one.oid[:2]
        folder.mkdir(exist_ok=True)
        return folder / one.oid[2:]


def _loose(one: NewObject) -> bytes:
    return zlib.compress(f"{one.kind} {len(one.data)}\0".encode() + one.data, LEVEL)


def _entries(data: bytes) -> Entries:
    """What stands in a tree, from its bytes: a fiftieth of the time that asking libgit2 for each entry takes."""
    return {name: (mode, oid) for mode, name, oid in ENTRY.findall(data)}


def _tree_bytes(entries: Entries) -> bytes:
    """A tree as Git stores it; a folder is sorted as if its name ended with a slash."""
    ordered = sorted((name + b"/" if mode == FOLDER else name, mode, oid) for name, (mode, oid) in entries.items())
    return b"".join([b"%b %b\0%b" % (mode, name.removesuffix(b"/"), oid) for name, mode, oid in ordered])
