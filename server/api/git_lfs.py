"""/git/{project}.git/info/lfs/objects: large files by Git LFS' batch API, with its basic transfers."""

import asyncio
from typing import Any, Final, cast

from aiohttp import web

from crdt_schema.ids import BlobHash, is_blob_hash
from server.api.access import demand, json_body, one_of
from server.api.address import is_https
from server.api.farm import blob_in_address
from server.api.git_access import LFS_TYPE, enter_repository, for_lfs, transfer_headers
from server.api.media import IMMUTABLE
from server.auth.tokens import TRANSFER_LIFETIME
from server.errors import BadRequest, Conflict, NotFound, TooLarge, Unavailable, WorkprintError
from server.keys import CONFIG, REPLICATION
from server.projects.index import Project

MOST_OBJECTS = 1000
CHUNK_BYTES = 1 << 18
EXPIRES_SECONDS: Final = int(TRANSFER_LIFETIME.total_seconds())
MIB = 1 << 20
NOT_HERE = "This file is not in this project. It may not have been pushed yet."


@for_lfs
async def batch(request: web.Request) -> web.Response:
    """POST /git/{project}.git/info/lfs/objects/batch: where to fetch or bring each of these files."""
    project, actor = await enter_repository(request, "read")
    body = await named_in(request)
    uploads = one_of(body, "operation", ("download", "upload")) == "upload"
    demand(actor, "edit" if uploads else "read")
    demand_known_ways(body)
    objects: object = body.get("objects")
    if not isinstance(objects, list) or len(cast("list[object]", objects)) > MOST_OBJECTS:
        raise BadRequest(f"objects must be a list of at most {MOST_OBJECTS} files.")
    wanted = [demand_object(each) for each in cast("list[object]", objects)]
    headers, plan = transfer_headers(request, project), planned_upload if uploads else planned_download
    planned = await asyncio.gather(*(plan(request, project, blob, size, headers) for blob, size in wanted))
    return answer({"transfer": "basic", "objects": planned, "hash_algo": "sha256"})


@for_lfs
async def get_object(request: web.Request) -> web.StreamResponse:
    """GET /git/{project}.git/info/lfs/objects/{blob}: the bytes of a file."""
    project, _ = await enter_repository(request, "read")
    path = await request.app[REPLICATION].ensure(project.id, project.blobs, blob_in_address(request))
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": IMMUTABLE}
    return web.FileResponse(path, headers=headers)


@for_lfs
async def put_object(request: web.Request) -> web.Response:
    """PUT /git/{project}.git/info/lfs/objects/{blob}: a file whose bytes must hash to the address."""
    project, _ = await enter_repository(request, "edit")
    blob, limit = blob_in_address(request), request.app[CONFIG].upload_bytes
    if request.content_length is not None:
        demand_size(request, request.content_length)
    await project.blobs.put(request.content.iter_chunked(CHUNK_BYTES), expected=blob, max_bytes=limit)
    return web.Response()


@for_lfs
async def verify(request: web.Request) -> web.Response:
    """POST /git/{project}.git/info/lfs/verify: whether a file has arrived whole."""
    project, _ = await enter_repository(request, "edit")
    body = await named_in(request)
    blob, size_bytes = demand_object(body)
    if await asyncio.to_thread(project.blobs.size_bytes, blob) != size_bytes:
        raise BadRequest("This file has another size here. Push it again.")
    return answer({})


async def named_in(request: web.Request) -> dict[str, Any]:
    """The JSON of a request, in the media type of Git LFS, which no form of a browser can send."""
    if request.content_type != LFS_TYPE:
        raise BadRequest(f"This address is for git-lfs: send {LFS_TYPE}.")
    return await json_body(request)


def answer(body: dict[str, Any], status: int = 200) -> web.Response:
    """A reply in the media type of Git LFS."""
    return web.json_response(body, status=status, content_type=LFS_TYPE)


def demand_known_ways(body: dict[str, Any]) -> None:
    """Raise Conflict or BadRequest where the client speaks of hashes or transfers that are not ours."""
    if body.get("hash_algo", "sha256") != "sha256":
        raise Conflict("Files are known by their SHA-256 here. Update git-lfs.")
    transfers: object = body.get("transfers", ["basic"])
    # An empty list is what older clients send, and means the basic one.
    if not isinstance(transfers, list) or (transfers and "basic" not in transfers):
        raise BadRequest("Files travel by the basic transfer here. Leave lfs.customtransfer unset for this remote.")


def demand_object(given: object) -> tuple[BlobHash, int]:
    """Hash and size of a file; raises BadRequest."""
    named = cast("dict[str, object]", given) if isinstance(given, dict) else {}
    blob, size = named.get("oid"), named.get("size")
    if not isinstance(blob, str) or not is_blob_hash(blob):
        raise BadRequest("oid must be a SHA-256 in lower case.")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise BadRequest("size must be a number of bytes.")
    return BlobHash(blob), size


def demand_size(request: web.Request, size_bytes: int) -> None:
    """Raise TooLarge for more than a file may have."""
    limit = request.app[CONFIG].upload_bytes
    if size_bytes > limit:
        raise TooLarge(f"A file may have at most {limit / MIB:g} MB here. Ask whoever runs this studio for more.")


async def planned_download(
    request: web.Request, project: Project, blob: BlobHash, size_bytes: int, headers: dict[str, str]
) -> dict[str, Any]:
    """Where to fetch one file: straight from the bucket if it is there, else from here."""
    named = {"oid": blob, "size": size_bytes}
    here = await asyncio.to_thread(project.blobs.has, blob)
    if here and await asyncio.to_thread(project.blobs.size_bytes, blob) != size_bytes:
        return {**named, "error": {"code": 422, "message": "This file has another size here."}}
    signed: str | None = None
    missing: WorkprintError = NotFound(NOT_HERE)
    try:
        signed = await request.app[REPLICATION].download_url(project.id, blob, seconds=EXPIRES_SECONDS)
    except Unavailable as error:
        missing = error
    if signed is not None:
        action: dict[str, Any] = {"href": signed, "expires_in": EXPIRES_SECONDS}
    elif here:
        action = {"href": address(request, f"objects/{blob}"), "header": headers, "expires_in": EXPIRES_SECONDS}
    else:
        return {**named, "error": {"code": missing.status, "message": missing.message}}
    return {**named, "authenticated": True, "actions": {"download": action}}


async def planned_upload(
    request: web.Request, project: Project, blob: BlobHash, size_bytes: int, headers: dict[str, str]
) -> dict[str, Any]:
    """How to bring one file; nothing to do for one that is here."""
    named = {"oid": blob, "size": size_bytes}
    if await asyncio.to_thread(project.blobs.has, blob):
        return named
    try:
        demand_size(request, size_bytes)
    except TooLarge as error:
        return {**named, "error": {"code": 422, "message": error.message}}
    more = {"header": headers, "expires_in": EXPIRES_SECONDS}
    actions = {
        "upload": {"href": address(request, f"objects/{blob}"), **more},
        "verify": {"href": address(request, "verify"), **more},
    }
    return {**named, "authenticated": True, "actions": actions}


def address(request: web.Request, path: str) -> str:
    """The whole address of something below `info/lfs`, as this client reaches it."""
    scheme = "https" if is_https(request) else "http"
    return f"{scheme}://{request.host}/git/{request.match_info['project']}.git/info/lfs/{path}"
