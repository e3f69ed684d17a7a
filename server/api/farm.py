"""For farm nodes: blobs in and out by hash, with the token of the order they work on."""

import asyncio
from dataclasses import replace

from aiohttp import web

from crdt_schema.ids import BlobHash, ProjectId, is_blob_hash
from crdt_schema.roles import reaches
from render_farm.ledger import FarmUnavailable
from server.errors import Forbidden, NotFound, TooLarge, Unavailable
from server.keys import CLOCK, CONFIG, FARM, PROJECTS, TOKENS
from server.middleware import USER, bearer_token
from server.projects.index import Project


def granted_project(request: web.Request, job: str = "") -> Project:
    """The project in the address, when the order's token is for it and for that job; raises Unauthorised, Forbidden."""
    grant = request.app[TOKENS].verify_farm(bearer_token(request), now=request.app[CLOCK]())
    if grant.project != request.match_info["project"]:
        raise Forbidden("This order belongs to another project.")
    if job and grant.job != job:
        raise Forbidden("This order is another job's.")
    return request.app[PROJECTS].get(ProjectId(grant.project))


def blob_in_address(request: web.Request) -> BlobHash:
    """The blob in the address; raises NotFound when it is no hash."""
    blob = request.match_info["blob"]
    if not is_blob_hash(blob):
        raise NotFound("There is no such file.")
    return BlobHash(blob)


async def put_blob(request: web.Request) -> web.Response:
    """PUT /api/farm/blobs/{project}/{blob}: store a result; the bytes must hash to the address."""
    project, blob = granted_project(request), blob_in_address(request)
    limit = request.app[CONFIG].upload_bytes
    if request.content_length is not None and request.content_length > limit:
        raise TooLarge(f"A result may have at most {limit} bytes.")
    stored, size = await project.blobs.put(request.content.iter_chunked(1 << 18), expected=blob, max_bytes=limit)
    return web.json_response({"blob": stored, "size_bytes": size}, status=201)


async def get_blob(request: web.Request) -> web.StreamResponse:
    """GET /api/farm/blobs/{project}/{blob}: an input of a job."""
    project, blob = granted_project(request), blob_in_address(request)
    if not project.blobs.has(blob):
        raise NotFound("There is no such file.")
    return web.FileResponse(project.blobs.path(blob))


async def nodes(request: web.Request) -> web.Response:
    """GET /api/farm/nodes: the farm nodes that are alive; what they lack and which job they have is for admins."""
    try:
        found = await asyncio.to_thread(request.app[FARM].nodes)
    except FarmUnavailable:
        raise Unavailable("The farm cannot be reached. Jobs wait until it is back; /healthz says when.") from None
    role = request[USER].role
    if role is None or not reaches(role, "admin"):
        found = [replace(node, job="", lacks={}, blocked={}) for node in found]
    return web.json_response([node.as_json() for node in found])
