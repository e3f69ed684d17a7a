"""Uploads that can be taken up again after a broken connection: begin, ask how far it is, send on, cancel."""

import asyncio
import re

from aiohttp import web

from crdt_schema.ids import is_blob_hash
from server.api.access import enter, json_body, line, number
from server.api.files import category_of, file_json, tell
from server.auth.actor import Actor
from server.errors import BadRequest
from server.keys import UPLOADS
from server.projects.files import keep_file
from server.projects.index import Project
from server.projects.uploads import Finished, Record, Wanted

LONGEST_NAME = 255
LARGEST_BYTES = 1 << 53
"""A browser cannot say a larger number; the setting is smaller."""


async def begin(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/uploads: begin to send a file in as many pieces as it takes."""
    project, actor = await enter(request, "edit")
    body = await json_body(request)
    sha256 = line(body, "sha256", longest=64, default="")
    if sha256 and not is_blob_hash(sha256):
        raise BadRequest("sha256 must be 64 lower-case hex digits.")
    size = number(body.get("size_bytes"), "size_bytes", least=1, most=LARGEST_BYTES)
    if size != int(size):
        raise BadRequest("size_bytes must be a whole number.")
    wanted = Wanted(line(body, "name", longest=LONGEST_NAME), int(size), category_of(body.get("category")), sha256)
    record = await request.app[UPLOADS].create(project, wanted, actor.user_id)
    return reply(record, status=201)


async def look(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/uploads/{upload}: how far one of yours is, also as Upload-Offset for a HEAD."""
    project, actor = await enter(request, "edit")
    record = await request.app[UPLOADS].look(project, request.match_info["upload"], actor.user_id)
    return reply(record)


async def go_on(request: web.Request) -> web.Response:
    """PATCH /api/projects/{project}/uploads/{upload}: the bytes from Upload-Offset on; the last ones make the file."""
    project, actor = await enter(request, "edit")
    offset = request.headers.get("Upload-Offset", "")
    if not re.fullmatch(r"[0-9]{1,18}", offset):
        raise BadRequest("Send the header Upload-Offset: at which byte what you send begins.")
    done = await request.app[UPLOADS].write(
        project, request.match_info["upload"], actor.user_id, int(offset), request.content.iter_chunked(1 << 18)
    )
    if isinstance(done, Record):
        return reply(done)
    return await finish(request, project, actor, done)


async def finish(request: web.Request, project: Project, actor: Actor, done: Finished) -> web.Response:
    """Put the whole file where it belongs, and tell."""
    kept = await asyncio.to_thread(
        keep_file, project, done.wanted.category, done.wanted.name, done.blob, done.media_type
    )
    await tell(request.app, project, actor)
    record = Record(request.match_info["upload"], actor.user_id, done.wanted, done.wanted.size_bytes)
    return reply(record, file=file_json(request, project, kept))


async def cancel(request: web.Request) -> web.Response:
    """DELETE /api/projects/{project}/uploads/{upload}: forget one of yours and what came of it."""
    project, actor = await enter(request, "edit")
    await request.app[UPLOADS].drop(project, request.match_info["upload"], actor.user_id)
    return web.json_response({})


def reply(record: Record, *, status: int = 200, file: dict[str, object] | None = None) -> web.Response:
    """How far an upload is, in the body and in the headers; the file once it is one."""
    wanted = record.wanted
    body = {
        "id": record.id,
        "name": wanted.name,
        "category": wanted.category,
        "size_bytes": wanted.size_bytes,
        "offset": record.offset,
        "file": file,
    }
    headers = {"Upload-Offset": str(record.offset), "Upload-Length": str(wanted.size_bytes)}
    return web.json_response(body, status=status, headers=headers)
