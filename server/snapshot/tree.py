"""What a snapshot writes: documents, manifest and media as {path: bytes}; same state, same bytes."""

from collections.abc import Mapping

from crdt_schema import plain
from crdt_schema.documents import UnknownDocument
from crdt_schema.project import Manifest
from server.snapshot.lfs import Pointer

MANIFEST_PATH = "project.json"
DOCUMENT_PATHS: dict[str, str] = {
    "canvas": "02_Source_Creative/Canvases/main_canvas.json",
    "takes": "03_Renders/takes.json",
}
"""Where each document stands in the repository (W-031, W-050)."""


def document_path(name: str) -> str:
    """Path of a document in the repository; raises UnknownDocument."""
    path = DOCUMENT_PATHS.get(name)
    if path is None:
        raise UnknownDocument(f"the repository has no place for the document {name!r}")
    return path


def build(documents: Mapping[str, object], manifest: Manifest, media: Mapping[str, Pointer]) -> dict[str, bytes]:
    """Every file that a snapshot writes, in the order of the paths; `documents` are plain values by name."""
    files = {document_path(name): plain.encode(value) for name, value in documents.items()}
    files |= {path: pointer.encode() for path, pointer in media.items()}
    files[MANIFEST_PATH] = plain.encode(manifest)
    return dict(sorted(files.items()))
