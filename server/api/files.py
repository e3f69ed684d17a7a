"""Files of a project by category: add, list, fetch, remove, with small pictures and small films of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from crdt_schema.sniffing import HEAD_BYTES
from server.api.access import body_read, enter, instant
from server.api.media import NO_MULTIPART, parts_of
from server.api.serving import ASK_AGAIN, send_file
from server.auth.actor import Actor
from server.errors import BadRequest, TooLarge
from server.keys import CONFIG, HUB, SNAPSHOTTER, THUMBNAILS
from server.projects.files import ProjectFile, drop_file, find_file, keep_file, list_files
from server.projects.index import Project
from server.projects.layout import CATEGORY_FOLDERS, Category
from server.projects.sniffing import demand_fits, shown
from server.store.blobs import Incoming

CATEGORIES = tuple(CATEGORY_FOLDERS)


def category_of(value: object) -> Category:
    """A category; raises BadRequest."""
    for category in CATEGORIES:
        if value == category:
            return category
    raise BadRequest(f"category must be one of {', '.join(CATEGORIES)}.")


def file_json(request: web.Request, project: Project, file: ProjectFile) -> dict[str, object]:
    """A file as clients see it; no path."""
    address = f"/api/projects/{project.id}/files/{file.id}"
    previews = request.app[THUMBNAILS]
    return {
        "id": file.id,
        "name": file.name,
        "category": file.category,
        "size_bytes": file.size_bytes,
        "media_type": file.media_type,
        "sha256": file.blob,
        "added_at": instant(file.added_at),
        "url": address,
        "thumbnail": f"{address}/thumbnail" if previews.has_thumbnail(file.media_type) else None,
        "proxy": f"{address}/proxy" if previews.has_proxy(file.media_type) else None,
    }


async def get_files(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/files: the files of one category or of all (X-009)."""
    project, _ = await enter(request, "read")
    wanted = request.query.get("category", "")
    found = await asyncio.to_thread(list_files, project, category_of(wanted) if wanted else None)
    return web.json_response({"files": [file_json(request, project, file) for file in found]})


async def add_files(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/files: add files as multipart (W-043, W-082); all of them, or none.

    `category` stands in the query, or in a field before the files.
    """
    project, actor = await enter(request, "edit")
    if not request.content_type.startswith("multipart/"):
        raise BadRequest("Send the files as multipart/form-data.")
    async with AsyncExitStack() as coming:
        arrived = await _arrived(request, project, coming)
        if not arrived:
            raise BadRequest("There was no file in what you sent.")
        # Kept and seen by others only now: each of them is whole.
        kept = [await asyncio.to_thread(_keep, project, one) for one in arrived]
    await tell(request.app, project, actor)
    return web.json_response({"files": [file_json(request, project, file) for file in kept]}, status=201)


async def get_file(request: web.Request) -> web.StreamResponse:
    """GET /api/projects/{project}/files/{file}: the bytes (X-010); `?download=1` to save them."""
    _, file = await _file_in_address(request)
    save_as = file.name if request.query.get("download") else ""
    return await send_file(request, file.place, file.blob, file.media_type, cache=ASK_AGAIN, save_as=save_as)


async def get_thumbnail(request: web.Request) -> web.StreamResponse:
    """GET /api/projects/{project}/files/{file}/thumbnail: a small WebP of a picture or a film."""
    project, file = await _file_in_address(request)
    place = await request.app[THUMBNAILS].thumbnail(project.folder, file.place, file.blob, file.media_type)
    return await send_file(request, place, f"{file.blob}-thumbnail", "image/webp", cache=ASK_AGAIN)


async def get_proxy(request: web.Request) -> web.StreamResponse:
    """GET /api/projects/{project}/files/{file}/proxy: a small MP4 of a film; 202 while it is being made."""
    project, file = await _file_in_address(request)
    place = await request.app[THUMBNAILS].proxy(project.folder, file.place, file.blob, file.media_type)
    if place is None:
        return web.json_response({"ready": False}, status=202, headers={"Retry-After": "3"})
    return await send_file(request, place, f"{file.blob}-proxy", "video/mp4", cache=ASK_AGAIN)


async def remove_file(request: web.Request) -> web.Response:
    """DELETE /api/projects/{project}/files/{file}: take a file out of the project; its history keeps it."""
    project, actor = await enter(request, "edit")
    file = await asyncio.to_thread(drop_file, project, request.match_info["file"])
    await request.app[SNAPSHOTTER].remove(project.id, file.path, actor)
    await tell(request.app, project, actor)
    return web.json_response({})


async def tell(app: web.Application, project: Project, actor: Actor) -> None:
    """Have the next snapshot take it in, and let whoever has the project open look again (W-085)."""
    app[SNAPSHOTTER].note_manifest(project.id, actor)
    app[HUB].tell(project.id, "files", by=actor.name)


@dataclass(frozen=True)
class _Arrived:
    """A part of a multipart request: whole and on disk, but no blob yet."""

    name: str
    category: Category
    incoming: Incoming
    kind: str


async def _arrived(request: web.Request, project: Project, coming: AsyncExitStack) -> list[_Arrived]:
    """Every file of the request; `coming` forgets what is not kept. Raises BadRequest, TooLarge, DiskFull."""
    category = category_of(request.query["category"]) if "category" in request.query else None
    found = list[_Arrived]()
    async for part in parts_of(request, fields=("category",)):
        if part.filename is None:
            with body_read(NO_MULTIPART):
                category = category_of((await part.read_chunk(256)).decode())
        elif category is None:
            raise BadRequest(f"Say the category before the files: one of {', '.join(CATEGORIES)}.")
        else:
            found.append(await _take_in(request, project, part, category, coming))
    return found


async def _take_in(
    request: web.Request, project: Project, part: BodyPartReader, category: Category, coming: AsyncExitStack
) -> _Arrived:
    name, looked = part.filename or "File", _Looked(part.filename or "File", category)
    most = request.app[CONFIG].file_bytes
    try:
        staged = project.blobs.staged(looked.at(_chunks(part)), max_bytes=most)
        incoming = await coming.enter_async_context(staged)
    except TooLarge:
        raise TooLarge(f"{shown(name)} is larger than {most // (1 << 20):,} MB.") from None
    return _Arrived(name, category, incoming, looked.kind)


def _keep(project: Project, file: _Arrived) -> ProjectFile:
    return keep_file(project, file.category, file.name, project.blobs.keep(file.incoming), file.kind)


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while True:
        with body_read(NO_MULTIPART):
            chunk = await part.read_chunk(1 << 18)
        if not chunk:
            return
        yield chunk


class _Looked:
    """Looks at the first bytes of a stream as they pass; raises WrongType before more are stored."""

    def __init__(self, name: str, category: Category) -> None:
        self._name = name
        self._category: Category = category
        self.kind = ""

    async def at(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        head = bytearray()
        async for chunk in chunks:
            if not self.kind:
                head += chunk[: HEAD_BYTES - len(head)]
                if len(head) == HEAD_BYTES:
                    self.kind = demand_fits(self._name, bytes(head), self._category)
            yield chunk
        self.kind = self.kind or demand_fits(self._name, bytes(head), self._category)


async def _file_in_address(request: web.Request) -> tuple[Project, ProjectFile]:
    project, _ = await enter(request, "read")
    return project, await asyncio.to_thread(find_file, project, request.match_info["file"])
