"""Several takes at once over REST: what they would cost, asking for them together, and stopping the rest."""

from typing import Any, cast

from aiohttp import web

from crdt_schema.canvas import Canvas
from crdt_schema.ids import IntentId, is_id, new_id
from crdt_schema.records import CancelBatchIntent, GenerateIntent
from crdt_schema.takes import Takes
from server.api.access import enter, flag, json_body
from server.api.tasks import task_json
from server.errors import BadRequest, NotFound
from server.hub.room import Room
from server.intents.estimates import MOST_SHOTS
from server.keys import HUB, INTENTS


async def estimates(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/estimates `{nodes, fresh?}`: what takes of these shots would cost together."""
    project, actor = await enter(request, "read")
    body = await json_body(request)
    nodes, fresh = shots(body), flag(body, "fresh", default=False)
    found = await request.app[INTENTS].estimates.batch(project.id, nodes, actor, fresh=fresh)
    return web.json_response(found)


async def create(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/batches `{nodes, fresh?}`: ask for a take of each shot that has changed (I-048)."""
    project, actor = await enter(request, "generate")
    body = await json_body(request)
    nodes, fresh, batch = shots(body), flag(body, "fresh", default=False), new_id("batch")
    tasks = {node: IntentId(new_id("task")) for node in nodes}
    async with request.app[HUB].room(project.id, "canvas") as room:
        gone = [node for node in nodes if Canvas(room.doc).node(node) is None]
        if gone:
            raise NotFound("One of these shots is not on the canvas.")

        def ask(doc: Any) -> None:  # noqa: ANN401 - as pycrdt types a document
            for node, task in tasks.items():
                wish: GenerateIntent = {"kind": "generate", "node": node, "batch": batch, "fresh": fresh}
                Canvas(doc).ask(task, wish)

        room.edit(actor, ask)
        await room.saved()
    return web.json_response({"batch": batch, "tasks": tasks}, status=202)


async def look(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/batches/{batch}: how each of its shots stands."""
    project, _ = await enter(request, "read")
    batch = request.match_info["batch"]
    async with request.app[HUB].room(project.id, "canvas") as room:
        mine = _tasks_of(room, batch)
    async with request.app[HUB].room(project.id, "takes") as room:
        takes = Takes(room.doc)
        return web.json_response({"batch": batch, "tasks": [task_json(project, k, takes.job(k), takes) for k in mine]})


async def cancel(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/batches/{batch}/cancel: stop all jobs of a batch that have not ended."""
    project, actor = await enter(request, "cancel")
    wish: CancelBatchIntent = {"kind": "cancel_batch", "batch": request.match_info["batch"]}
    intent = IntentId(new_id("cancel"))
    async with request.app[HUB].room(project.id, "canvas") as room:
        _tasks_of(room, wish["batch"])
        room.edit(actor, lambda doc: Canvas(doc).ask(intent, wish))
        await room.saved()
    return web.json_response({"batch": wish["batch"]}, status=202)


def shots(body: dict[str, Any]) -> list[str]:
    """The shots that are meant, each once; raises BadRequest."""
    nodes: object = body.get("nodes")
    listed = cast("list[object]", nodes) if isinstance(nodes, list) else []
    if not 1 <= len(listed) <= MOST_SHOTS or not all(map(is_id, listed)):
        raise BadRequest(f"nodes must be a list of 1 to {MOST_SHOTS} ids of shots.")
    return list(dict.fromkeys(cast("list[str]", listed)))


def _tasks_of(canvas: Room, batch: str) -> list[IntentId]:
    """The requests of a batch; raises NotFound when there are none."""
    intents = Canvas(canvas.doc)
    mine = [IntentId(key) for key in intents.intent_ids() if _is_of(intents.intent(key), batch)]
    if not mine:
        raise NotFound("There is no such batch.")
    return mine


def _is_of(intent: object, batch: str) -> bool:
    record = cast("dict[str, object]", intent) if isinstance(intent, dict) else {}
    return record.get("kind") == "generate" and record.get("batch") == batch
