"""Git LFS: pointer texts, the set-up of a repository, and whether git-lfs is on this machine."""

import functools
import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import FilterMode

from crdt_schema.ids import BlobHash

if TYPE_CHECKING:
    from collections.abc import Callable

LFS_MISSING = (
    "Git LFS is not installed on this machine, so nobody can clone or check out the media of a project with plain git. "
    "Install it (Debian and Ubuntu: `apt install git-lfs`, macOS: `brew install git-lfs`, "
    "Windows: https://git-lfs.com), then run `git lfs install` once."
)
"""W-064: Workprint itself writes pointers without git-lfs; people who use the repository need it."""

FILTER_SETTINGS = {
    "lfs.repositoryformatversion": "0",
    "filter.lfs.required": "true",
    "filter.lfs.clean": "git-lfs clean -- %f",
    "filter.lfs.smudge": "git-lfs smudge -- %f",
    "filter.lfs.process": "git-lfs filter-process",
}
"""What `git lfs install --local` writes."""
HOOKS = ("pre-push", "post-checkout", "post-commit", "post-merge")
# Byte for byte the hook of git-lfs, so that `git lfs update` recognises it as its own.
HOOK = """#!/bin/sh
command -v git-lfs >/dev/null 2>&1 || {{ echo >&2 "\\nThis repository is configured for Git LFS but 'git-lfs' was not \
found on your path. If you no longer wish to use Git LFS, remove this hook by deleting '.git/hooks/{name}'.\\n"; \
exit 2; }}
git lfs {name} "$@"
"""

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]*)\n"
)
MAX_POINTER_BYTES = 200


@dataclass(frozen=True)
class Pointer:
    """What stands in Git for a large file."""

    blob: BlobHash
    size_bytes: int

    def encode(self) -> bytes:
        """The pointer file, byte for byte as git-lfs writes it."""
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.blob}\nsize {self.size_bytes}\n"
        ).encode()


def parse_pointer(data: bytes) -> Pointer | None:
    """The pointer that `data` is, or None when it is something else."""
    match = _POINTER.fullmatch(data) if len(data) <= MAX_POINTER_BYTES else None
    return Pointer(BlobHash(match[1].decode()), int(match[2])) if match else None


@dataclass(frozen=True)
class LfsStatus:
    """Whether git-lfs is there; when not, `message` guides to it."""

    ok: bool
    version: str
    message: str


def lfs_status(search_path: str | None = None) -> LfsStatus:
    """Look for git-lfs on PATH (or `search_path`); cheap enough to ask on every health check."""
    program = shutil.which("git-lfs", path=search_path)
    version = _version_of(program) if program else ""
    return LfsStatus(ok=bool(version), version=version, message="" if version else LFS_MISSING)


@functools.lru_cache(maxsize=8)
def _version_of(program: str) -> str:
    """`git-lfs/3.3.0` from `git-lfs/3.3.0 (GitHub; …)`; empty when the program does not run."""
    try:
        done = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - a program found on PATH, no input
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.split(" ", maxsplit=1)[0].strip()


def set_up(repository: pygit2.Repository) -> None:
    """Make plain git and git-lfs work in a new repository, also for people who never ran `git lfs install`."""
    for name, value in FILTER_SETTINGS.items():
        repository.config[name] = value
    hooks = Path(repository.path) / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in HOOKS:
        hook = hooks / name
        hook.write_text(HOOK.format(name=name))
        hook.chmod(0o755)


class CleanFilter(pygit2.Filter):
    """Turns a large file into its pointer whenever libgit2 reads it from the work tree, as git-lfs does for git."""

    attributes = "filter=lfs"

    def check(self, src: pygit2.FilterSource, attr_values: list[str | None]) -> None:  # noqa: ARG002 - the interface of pygit2
        """Clean only: nothing is checked out by the server."""
        if src.mode != FilterMode.CLEAN:
            raise pygit2.Passthrough
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    def write(self, data: bytes, src: pygit2.FilterSource, write_next: "Callable[[bytes], None]") -> None:  # noqa: ARG002 - as above
        """Take in one chunk; nothing goes on before all of it is known."""
        self._digest.update(data)
        self._size_bytes += len(data)

    def close(self, write_next: "Callable[[bytes], None]") -> None:
        """Hand on the pointer."""
        write_next(Pointer(BlobHash(self._digest.hexdigest()), self._size_bytes).encode())


@functools.cache
def register_filter() -> None:
    """Teach libgit2 the LFS filter, once per process."""
    pygit2.filter_register("lfs", CleanFilter)
