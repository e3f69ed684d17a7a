"""Projects that leave and arrive whole: bundles over REST."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from urllib.parse import quote

from aiohttp import web

from crdt_schema.ids import ProjectId
from server.api.access import enter, line
from server.api.lifecycle import LONGEST_NAME, demand_maker, found
from server.auth.actor import User
from server.errors import TooLarge
from server.keys import AUDIT, CLOCK, CONFIG, IMPORTS, PEOPLE, SNAPSHOTTER
from server.projects import layout
from server.projects.bundle import SUFFIX, Parts, Send, a_place, collected, write_zip
from server.projects.importing import Imported

STALLED_SECONDS = 120.0
"""Who takes nothing for so long has gone."""


async def export(request: web.Request) -> web.StreamResponse:
    """GET /api/projects/{project}/bundle: the whole project as one `.workprint` file: history, media, documents."""
    project, actor = await enter(request, "export")
    with a_place(), ExitStack() as using:
        await request.app[SNAPSHOTTER].snapshot_now(project.id, actor=actor)
        title = project.manifest["title"]
        await request.app[AUDIT].note(project.id, actor, "exported", project.id, detail=title)
        taking = collected(project, request.app[CLOCK]().isoformat(timespec="seconds"))
        parts = await asyncio.to_thread(using.enter_context, taking)
        name = f"{layout.safe_name(title)}{SUFFIX}"
        headers = {
            "Content-Type": "application/zip",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "Cache-Control": "no-store",
            "X-Bundle-Bytes": str(await asyncio.to_thread(lambda: parts.size_bytes)),
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await _stream(parts, response)
        await response.write_eof()
        return response


async def _stream(parts: Parts, response: web.StreamResponse) -> None:
    """Send the zip as it is written; the thread waits for the socket, so nothing piles up."""
    loop = asyncio.get_running_loop()
    gone = False

    def send(data: bytes) -> None:
        if gone:
            raise ConnectionResetError("nobody takes the bundle any more")
        asyncio.run_coroutine_threadsafe(response.write(data), loop).result(STALLED_SECONDS)

    buffered = _Buffered(send)
    try:
        await asyncio.to_thread(lambda: (write_zip(parts, buffered.send), buffered.flush()))
    finally:
        gone = True


class _Buffered:
    """Gathers small pieces: a zip has three for each file, and each would wait for the loop."""

    def __init__(self, send: Send, size_bytes: int = 1 << 18) -> None:
        self._send = send
        self._size_bytes = size_bytes
        self._gathered = bytearray()

    def send(self, data: bytes) -> None:
        """Send, or keep until there is enough."""
        self._gathered += data
        if len(self._gathered) >= self._size_bytes:
            self.flush()

    def flush(self) -> None:
        """Send what was kept."""
        data, self._gathered = bytes(self._gathered), bytearray()
        if data:
            self._send(data)


async def take_in(request: web.Request) -> web.Response:
    """POST /api/projects/import: make a project of a `.workprint` bundle, or of a zip or tar of a whole `git clone`.

    The body is the file itself; `?name=` gives the project another title. You own it.
    """
    user, most_bytes = demand_maker(request), request.app[CONFIG].import_bytes
    if (request.content_length or 0) > most_bytes:
        raise TooLarge(f"A project may have at most {most_bytes // (1024 * 1024)} MB to be imported here.")
    name = line(dict(request.query), "name", longest=LONGEST_NAME, default="")

    async def keeps_id(project: ProjectId) -> bool:
        return await may_bring(request, user, project)

    by = user.acting_as("owner")
    imported = await request.app[IMPORTS].take_in(_chunks(request), by, keeps_id, most_bytes=most_bytes, name=name)
    await found(request, imported.project, user, "project_imported", imported.project.manifest["title"])
    return web.json_response(imported_json(imported), status=201)


async def may_bring(request: web.Request, user: User, project: ProjectId) -> bool:
    """Whether somebody may bring a project of that identity: with it comes the audit log of an earlier one."""
    members = request.app[PEOPLE].members
    return not await members.knows(project) or await members.role_in(project, user) == "owner"


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_chunked(1 << 18):
        yield chunk


def imported_json(imported: Imported) -> dict[str, object]:
    """What became of it, as clients get it."""
    return {
        "id": imported.project.id,
        "name": imported.project.manifest["title"],
        "new_identity": imported.renewed,
        "rebuilt": imported.rebuilt,
        "missing": imported.missing,
        "problems": imported.problems,
    }
