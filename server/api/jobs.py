"""One job over REST: how it stands, the picture of its work so far, and its end before its time."""

from aiohttp import web

from crdt_schema.canvas import Canvas
from crdt_schema.ids import IntentId, new_id
from crdt_schema.records import CancelIntent, Job
from crdt_schema.takes import LIVE_STATUSES, Takes
from server.api.access import enter
from server.api.farm import granted_project
from server.errors import Conflict, NotFound, TooLarge
from server.intents.previews import MOST_BYTES
from server.keys import HUB, INTENTS
from server.projects.index import Project


async def get_job(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/jobs/{job}: a job with its attempts, as it stands in the document."""
    project, _ = await enter(request, "read")
    return web.json_response(await job_of(request, project))


async def cancel(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/jobs/{job}/cancel: stop a job, or a request that still waits to become one."""
    project, actor = await enter(request, "cancel")
    wish: CancelIntent = {"kind": "cancel", "job": request.match_info["job"]}
    async with request.app[HUB].room(project.id, "takes") as room:
        job = Takes(room.doc).job(wish["job"])
    if job is not None and job["status"] not in LIVE_STATUSES:
        raise Conflict("This job has ended already.")
    async with request.app[HUB].room(project.id, "canvas") as room:
        if job is None and not Canvas(room.doc).has_intent(wish["job"]):
            raise NotFound("There is no such job.")
        room.edit(actor, lambda doc: Canvas(doc).ask(IntentId(new_id("cancel")), wish))
        await room.saved()
    return web.json_response({"job": wish["job"]}, status=202)


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
