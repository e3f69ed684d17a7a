"""The log of an attempt over REST: as it was kept, or live while it is written."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web
from redis.exceptions import RedisError

from render_farm.attempt_log import LogLine
from server.api.access import enter
from server.api.jobs import job_of
from server.errors import Forbidden, NotFound
from server.intents import kept_logs
from server.keys import FARM_LIVE, INTENTS
from server.projects.index import Project
from server.safety import headers_for

FOLLOW_SECONDS = 2.0
"""How long one look waits for the next line; between looks whoever reads must still be allowed to."""


async def get_log(request: web.Request) -> web.StreamResponse:
    """GET /api/projects/{project}/jobs/{job}/attempts/{attempt}/log: its lines as plain text, followed to its end."""
    project, _ = await enter(request, "read")
    job, attempt = await job_of(request, project), request.match_info["attempt"]
    if all(one["id"] != attempt for one in job["attempts"]):
        raise NotFound("This job has no such attempt.")
    response = web.StreamResponse(headers={**headers_for(request.path), "X-Accel-Buffering": "no"})
    response.content_type, response.charset = "text/plain", "utf-8"
    await response.prepare(request)
    async with aclosing(_lines(request, project, attempt)) as lines:
        async for line in lines:
            await response.write(line)
    return response


async def _lines(request: web.Request, project: Project, attempt: str) -> AsyncGenerator[bytes]:
    """The lines of a log: as it was kept, else live until it ends or whoever reads may no longer."""
    kept = await asyncio.to_thread(kept_logs.read, kept_logs.log_path(project.folder, attempt))
    if kept:
        yield _text(kept)
        return
    after = "0"
    while not request.app[FARM_LIVE].closed:
        try:
            lines = await request.app[INTENTS].logs.read(attempt, after, FOLLOW_SECONDS)
        except (RedisError, OSError):
            yield b"The farm cannot be reached; the log goes on when it is back. Open it again then.\n"
            return
        if lines:
            after = lines[-1].id
            yield _text(lines)
        if any(line.exit for line in lines) or not await _goes_on(request, project, attempt):
            return


async def _goes_on(request: web.Request, project: Project, attempt: str) -> bool:
    """Whether more may come: the attempt runs, and whoever reads may go on reading."""
    try:
        await enter(request, "read")
        job = await job_of(request, project)
    except (NotFound, Forbidden):
        return False
    return any(one["id"] == attempt and not one["ended_at"] for one in job["attempts"])


def _text(lines: list[LogLine]) -> bytes:
    return "".join(f"{line.at} {line.text or f'== {line.exit}'}\n" for line in lines if line.text or line.exit).encode()
