"""Files that came with a take, such as a list of cuts: each stands beside it, `S01_S01_take01.cuts.edl`, and in Git."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from crdt_schema.facts import Further, further_files
from crdt_schema.records import Take
from server.projects.filing import link_once
from server.projects.provenance import Sidecar
from server.projects.scaffold import LFS_SUFFIXES
from server.snapshot.lfs import Pointer
from server.store.blobs import LocalBlobs

MOST_TEXT_BYTES = 1 << 20
"""What plain Git takes of a file that no LFS rule names."""
_LFS = frozenset(" ".join(LFS_SUFFIXES.values()).split())


def further_paths(take: Take, media_path: str) -> Iterator[tuple[str, Further]]:
    """Where each of them belongs, beside the media of the take."""
    stem = media_path.rpartition(".")[0]
    for file in further_files(take.get("facts")):
        yield f"{stem}.{file.name}", file


def put_further(folder: Path, blobs: LocalBlobs, take: Take, media_path: str) -> Mapping[str, Pointer | Sidecar]:
    """Put those in their place whose bytes are here; path and what Git gets. It blocks; raises LeadsOut, OSError.

    Git gets no text with carriage returns, which its rules would change, and no large file that LFS does not take.
    """
    found: dict[str, Pointer | Sidecar] = {}
    for path, file in further_paths(take, media_path):
        if not blobs.has(file.blob):
            continue
        source, size_bytes = blobs.path(file.blob), blobs.size_bytes(file.blob)
        if not (folder / path).exists():
            link_once(source, folder / path, folder)
        if path.rpartition(".")[2].lower() in _LFS:
            found[path] = Pointer(file.blob, size_bytes)
        elif size_bytes <= MOST_TEXT_BYTES and not {0, 13} & set(data := source.read_bytes()):
            found[path] = Sidecar(data)
    return found
