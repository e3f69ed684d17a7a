"""GET /healthz and GET /metrics: whether Workprint is ready, part by part, and what it has done."""

import asyncio
import shutil
import time
from pathlib import Path

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from server.keys import CONFIG, FARM, HUB, METRICS, PROJECTS, REPLICATION
from server.snapshot.lfs import lfs_status

STARTED = time.monotonic()
LOW_DISK_BYTES = 256 << 20
"""Less than this and an upload or a snapshot may fill the disk."""


async def health(request: web.Request) -> web.Response:
    """Each part by itself: 200 while edits are kept, 503 while they are not.

    A Redis or a bucket that is away, a Git LFS that is missing or a disk that is nearly full is named and is not fatal.
    """
    app = request.app
    farm_answers = await asyncio.to_thread(app[FARM].ping)
    free_bytes = await asyncio.to_thread(free_disk_bytes, app[CONFIG].workspace_root)
    lfs, failing = lfs_status(), app[HUB].log_state().failing
    bucket = app[REPLICATION].state()
    parts = {
        "disk": {"ok": free_bytes >= LOW_DISK_BYTES, "free_bytes": free_bytes},
        "store": {"ok": not failing, "failing_projects": failing},
        "farm": {"ok": farm_answers, "redis": "ok" if farm_answers else "unreachable"},
        "bucket": {"ok": not bucket.problem, "configured": bucket.configured, "waiting": bucket.waiting},
        "git_lfs": {"ok": lfs.ok, "message": lfs.message},
    }
    return web.json_response(
        {
            "status": "failing" if failing else "ok",
            "uptime_seconds": round(time.monotonic() - STARTED, 1),
            "projects": len(app[PROJECTS].all()),
            "rooms": len(app[HUB].rooms()),
            **parts,
        },
        status=503 if failing else 200,
    )


async def metrics(request: web.Request) -> web.Response:
    """Prometheus' text format."""
    return web.Response(body=generate_latest(request.app[METRICS]), headers={"Content-Type": CONTENT_TYPE_LATEST})


def free_disk_bytes(folder: Path) -> int:
    """What is left on the disk of the workspace; 0 when it cannot be asked."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
