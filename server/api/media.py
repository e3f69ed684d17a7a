"""Files of a project by their hash: takes, thumbnails, references."""

import asyncio
from collections.abc import AsyncIterator, Collection
from functools import partial
from pathlib import Path

from aiohttp import BodyPartReader, web

from crdt_schema.sniffing import HEAD_BYTES, media_type_of
from server.api.access import LONGEST_REASON, body_read, enter, line
from server.api.farm import blob_in_address
from server.api.serving import IMMUTABLE, send_file
from server.errors import BadRequest, TooLarge
from server.keys import CONFIG, LOCKS, PROJECTS, REPLICATION
from server.projects.references import look_at

MAX_PARTS = 20
NO_MULTIPART = "What you sent is no multipart/form-data that can be read. Send it again."


def type_of_file(path: Path) -> str:
    """The type of a stored file by its first bytes; never one that a browser would run. It blocks."""
    with path.open("rb") as file:
        return media_type_of(file.read(HEAD_BYTES))


async def get_media(request: web.Request) -> web.StreamResponse:
    """GET /api/projects/{project}/media/{blob}: the bytes, for ever the same under this address."""
    project, _ = await enter(request, "read")
    blob = blob_in_address(request)
    path = await request.app[REPLICATION].ensure(project.id, project.blobs, blob)
    kind = await asyncio.to_thread(type_of_file, path)
    name = "".join(c for c in request.query.get("download", "") if c.isalnum() or c in "._-")
    return await send_file(request, path, blob, kind, cache=IMMUTABLE, save_as=name)


async def add_references(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/references: images for the reference pack of the brief, as multipart files.

    While the brief is locked, `?reason=` says why.
    """
    project, actor = await enter(request, "edit_project")
    if not request.content_type.startswith("multipart/"):
        raise BadRequest("Send the images as multipart/form-data.")
    reason = line(dict(request.query), "reason", longest=LONGEST_REASON, default="")
    locked = await request.app[LOCKS].demand_contract(project.id, actor, reason) is not None
    pack: list[str] = []
    # One after the other: all of them at once would be more memory than a request may take.
    async for part in parts_of(request):
        name, data = part.filename or "reference", await read_part(request, part)
        if locked:
            # The audit log is told before the pack is changed: not of what turns out to be no image.
            await asyncio.to_thread(look_at, name, data)
        pack = await request.app[LOCKS].amend_contract(
            project.id,
            actor,
            reason,
            changes=lambda: ["referencePack: one more image"],
            write=partial(request.app[PROJECTS].add_reference, project.id, name, data, by=actor),
        )
    if not pack:
        raise BadRequest("There was no image in what you sent.")
    return web.json_response({"referencePack": pack}, status=201)


async def parts_of(request: web.Request, fields: Collection[str] = ()) -> AsyncIterator[BodyPartReader]:
    """The files of a multipart request, and these fields; raises BadRequest when there are too many."""
    with body_read(NO_MULTIPART):
        reader = await request.multipart()
    files = 0
    while files <= MAX_PARTS:
        with body_read(NO_MULTIPART):
            part = await reader.next()
        if part is None:
            return
        is_field = isinstance(part, BodyPartReader) and part.filename is None and part.name in fields
        files += not is_field
        if isinstance(part, BodyPartReader) and (is_field or part.filename) and files <= MAX_PARTS:
            yield part
    raise BadRequest(f"Send at most {MAX_PARTS} files at once.")


async def read_part(request: web.Request, part: BodyPartReader) -> bytes:
    """The bytes of one file; raises TooLarge as soon as there are too many."""
    limit, data = request.app[CONFIG].upload_bytes, bytearray()
    with body_read(NO_MULTIPART):
        while chunk := await part.read_chunk(1 << 18):
            data += chunk
            if len(data) > limit:
                raise TooLarge(f"{part.filename} is larger than {limit // (1024 * 1024)} MB.")
    return bytes(data)
