"""Brings the inputs of a recipe onto the farm node: each blob once, checked by its hash, read-only."""

import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

from crdt_schema.ids import BlobHash, is_blob_hash
from pipelines.spec import PipelineError

Fetch = Callable[[BlobHash, Path], Awaitable[None]]
"""Writes a blob into a new file, and checks that it is the one."""

_SUFFIXES = {"image/webp": ".webp", "audio/wav": ".wav", "audio/flac": ".flac", "model/gltf-binary": ".glb"}
"""Those that not every machine's list of media types has."""


async def fetch_inputs(recipe: Mapping[str, Any], folder: Path, fetch: Fetch) -> dict[str, tuple[Path, ...]]:
    """The files of `recipe["inputs"]` ({socket: [{blob, media_type, name}]}) by socket; raises PipelineError."""
    wanted = cast("Mapping[str, list[Mapping[str, Any]]]", recipe.get("inputs") or {})
    found: dict[str, tuple[Path, ...]] = {}
    for socket, records in wanted.items():
        found[socket] = tuple([await _fetch_one(record, folder, fetch) for record in records])
    return found


async def _fetch_one(record: Mapping[str, Any], folder: Path, fetch: Fetch) -> Path:
    blob, media_type = str(record.get("blob", "")), str(record.get("media_type", ""))
    if not is_blob_hash(blob):
        raise PipelineError("An input of this job is no stored file. Please generate again.")
    path = folder / f"{blob}{_SUFFIXES.get(media_type) or mimetypes.guess_extension(media_type) or ''}"
    if not path.exists():
        await fetch(BlobHash(blob), path)
        # The folder is closed to others on this machine; in a container another user reads the file.
        path.chmod(0o444)
    return path
