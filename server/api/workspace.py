"""The workspace over REST: what every project of it can use, and what it takes."""

import asyncio
from pathlib import Path
from typing import get_args

from aiohttp import web

from crdt_schema.project import ASPECT_RATIOS, Governance, NarrativeStructure
from crdt_schema.takes import TIERS
from server.keys import CONFIG, PROJECTS
from server.projects import layout
from server.projects.scaffold import narrative_template
from server.snapshot.lfs import lfs_status


async def config(request: web.Request) -> web.Response:
    """GET /api/workspace/config: structures, tiers, the shared Library and the limits of this workspace (W-011)."""
    settings = request.app[CONFIG]
    root = request.app[PROJECTS].folder.parent
    return web.json_response(
        {
            "qualities": TIERS,
            "governances": get_args(Governance),
            "aspect_ratios": ASPECT_RATIOS,
            "structures": await asyncio.to_thread(structures, root),
            "library": await asyncio.to_thread(library, root),
            "limits": {
                "upload_bytes": settings.upload_bytes,
                "import_bytes": settings.import_bytes,
                "update_bytes": settings.update_bytes,
                "document_bytes": settings.document_bytes,
            },
            "snapshots": {
                "quiet_seconds": settings.snapshot_quiet_seconds,
                "latest_seconds": settings.snapshot_latest_seconds,
            },
            "git_lfs": {"ok": (lfs := lfs_status()).ok, "version": lfs.version, "message": lfs.message},
        }
    )


def structures(root: Path) -> list[dict[str, object]]:
    """The story structures as this workspace has them, with how much each brings; it blocks."""
    found = [narrative_template(root, structure) for structure in get_args(NarrativeStructure)]
    return [
        {
            "id": each["structure"],
            "chapters": [chapter["title"] for chapter in each["chapters"]],
            "scenes": sum(len(chapter["scenes"]) for chapter in each["chapters"]),
            "beats": each["emotionalBeats"],
        }
        for each in found
    ]


def library(root: Path) -> list[dict[str, object]]:
    """The folders of the Library, what each is for and how many files are in it; it blocks."""
    return [
        {"name": name, "holds": holds, "files": count_files(root / layout.LIBRARY / name)}
        for name, holds in layout.LIBRARY_FOLDERS.items()
    ]


def count_files(folder: Path) -> int:
    """Files below a folder that are not hidden."""
    return sum(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*"))
