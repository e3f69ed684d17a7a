"""Generation over REST: submit a task, ask how it stands, and what each tier runs. A task is an intent."""

from typing import Any, cast

from aiohttp import web

from crdt_schema.canvas import Canvas
from crdt_schema.ids import IntentId, new_id
from crdt_schema.records import Job
from crdt_schema.takes import Takes
from server.api.access import enter_project, flag, json_body
from server.api.projects import media_url
from server.errors import BadRequest, NotFound
from server.keys import HUB, PEOPLE, PROJECTS
from server.middleware import USER
from server.projects.index import Project

TASK_STATUS = {
    "refused": "error",
    "queued": "pending",
    "running": "running",
    "completed": "completed",
    "failed": "error",
    "cancelled": "error",
    "lost": "error",
}
"""The four words of I-017 for the statuses a job has (CF-13)."""


async def submit(request: web.Request) -> web.Response:
    """POST /api/tasks/submit `{project_id, node_id, fresh?}`: ask for a take of a shot, as Generate does (I-014)."""
    body = await json_body(request)
    return await ask(request, body)


async def generate_shot(request: web.Request) -> web.Response:
    """POST /api/v1/tasks/generate_shot `{node_data: {project_id, node_id}}`: the same in S1's words (I-013)."""
    body = await json_body(request)
    data: Any = body.get("node_data")
    if not isinstance(data, dict):
        raise BadRequest("node_data must be a JSON object.")
    return await ask(request, cast("dict[str, Any]", data))


async def ask(request: web.Request, wanted: dict[str, Any]) -> web.Response:
    """Write an intent into the canvas: the one way in which anybody asks for anything."""
    project, actor = await enter_project(request, wanted.get("project_id"), "generate")
    node_id, fresh = wanted.get("node_id"), flag(wanted, "fresh", default=False)
    intent = IntentId(new_id("task"))
    async with request.app[HUB].room(project.id, "canvas") as room:
        if not isinstance(node_id, str) or Canvas(room.doc).node(node_id) is None:
            raise NotFound("There is no such shot on the canvas.")
        room.edit(actor, lambda doc: Canvas(doc).ask(intent, {"kind": "generate", "node": node_id, "fresh": fresh}))
        await room.saved()
    return web.json_response({"task_id": intent}, status=202)


async def status(request: web.Request) -> web.Response:
    """GET /api/tasks/{task}/status: how a task stands (I-015)."""
    task = request.match_info["task"]
    for project in await visible_projects(request):
        async with request.app[HUB].room(project.id, "canvas") as room:
            asked = Canvas(room.doc).has_intent(task)
        if asked:
            async with request.app[HUB].room(project.id, "takes") as room:
                takes = Takes(room.doc)
                return web.json_response(task_json(project, task, takes.job(task), takes))
    raise NotFound("There is no such task.")


async def visible_projects(request: web.Request) -> list[Project]:
    """Projects the person may see; the one named in the query first, when there is one."""
    user, people = request[USER], request.app[PEOPLE]
    hint = request.query.get("project_id")
    found = [p for p in request.app[PROJECTS].all() if await people.role_in(p.id, user) is not None]
    return sorted(found, key=lambda project: project.id != hint)


def task_json(project: Project, task: str, job: Job | None, takes: Takes) -> dict[str, object]:
    """A job in the words of the REST interface; an intent that is not judged yet is pending."""
    if job is None:
        return {"task_id": task, "status": "pending", "detail": "asked", "reason": "", "notice": "", "traceId": ""}
    reply: dict[str, object] = {
        "task_id": task,
        "node_id": job["node"],
        "status": TASK_STATUS[job["status"]],
        "detail": job["status"],
        "reason": job["reason"],
        "notice": job.get("notice", ""),
        "traceId": job["trace_id"],
    }
    take = takes.take(job["take"]) if job["take"] else None
    if take is not None:
        reply["result"] = {
            "output_url": media_url(project, take["media"]["blob"]),
            "metadata": {"take": job["take"], "name": take["name"], "number": int(take["number"])},
        }
    return reply
