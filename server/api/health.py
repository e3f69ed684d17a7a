"""GET /healthz: whether Workprint is ready, part by part, for people and for load balancers."""

import asyncio
import time

from aiohttp import web

from server.keys import FARM, HUB, PROJECTS
from server.snapshot.lfs import lfs_status

STARTED = time.monotonic()


async def health(request: web.Request) -> web.Response:
    """200 with JSON once the hub serves; what is missing beside it is named, not fatal."""
    app = request.app
    farm_answers = await asyncio.to_thread(app[FARM].ping)
    lfs = lfs_status()
    return web.json_response(
        {
            "status": "ok",
            "uptime_seconds": round(time.monotonic() - STARTED, 1),
            "projects": len(app[PROJECTS].all()),
            "rooms": len(app[HUB].rooms()),
            "farm": {"redis": "ok" if farm_answers else "unreachable"},
            "git_lfs": {"ok": lfs.ok, "message": lfs.message},
        }
    )
