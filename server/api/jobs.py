"""One job over REST: how it stands, and the picture of its work so far."""

from aiohttp import web

from crdt_schema.records import Job
from crdt_schema.takes import Takes
from server.api.access import enter
from server.api.farm import granted_project
from server.errors import NotFound, TooLarge
from server.intents.previews import MOST_BYTES
from server.keys import HUB, INTENTS
from server.projects.index import Project


async def get_job(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/jobs/{job}: a job with its attempts, as it stands in the document."""
    project, _ = await enter(request, "read")
    return web.json_response(await job_of(request, project))


async def get_preview(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/jobs/{job}/preview: the newest picture of work that is under way (I-018)."""
    project, _ = await enter(request, "read")
    preview = request.app[INTENTS].previews.get(project.id, request.match_info["job"])
    if preview is None:
        raise NotFound("There is no preview of this job now.")
    return web.Response(body=preview.data, content_type=preview.media_type)


async def put_preview(request: web.Request) -> web.Response:
    """PUT /api/farm/previews/{project}/{job}: a farm node shows a picture of its work so far."""
    project, job = granted_project(request, request.match_info["job"]), request.match_info["job"]
    if request.content_length is not None and request.content_length > MOST_BYTES:
        raise TooLarge(f"A preview may have at most {MOST_BYTES // 1024} KiB.")
    preview = request.app[INTENTS].previews.put(project.id, job, await request.read())
    return web.json_response({"job": job, "number": preview.number}, status=201)


async def job_of(request: web.Request, project: Project) -> Job:
    """The job in the address; raises NotFound."""
    async with request.app[HUB].room(project.id, "takes") as room:
        job = Takes(room.doc).job(request.match_info["job"])
    if job is None:
        raise NotFound("There is no such job, or nobody has answered the request yet.")
    return job
