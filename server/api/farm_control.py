"""The farm in the hands of its admins: pause and drain nodes, change the order of a queue, put a job back."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from aiohttp import web

from render_farm.job import QUEUES, FarmError, FarmUnavailable, NodeState
from render_farm.planner import MOST_PRIORITY
from server.api.access import LONGEST_REASON, demand, json_body, line
from server.auth.actor import Actor
from server.auth.policy import who_may
from server.errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable
from server.keys import AUDIT, FARM
from server.middleware import USER

LONGEST_ID = 64
AWAY = "The farm cannot be reached. Jobs wait until it is back; /healthz says when."
STATES: dict[str, NodeState] = {"pause": "paused", "drain": "draining", "resume": "ready"}
FORGIVEN = "forgiven"
"""It may try again what has failed on it too often."""

P = ParamSpec("P")
R = TypeVar("R")


async def command_node(request: web.Request) -> web.Response:
    """POST /api/farm/nodes/{node}/{command}: pause, drain, resume or forgive a farm node, or all nodes of a host."""
    actor = farm_admin(request)
    wanted, command = request.match_info["node"], request.match_info["command"]
    roster = request.app[FARM].roster
    if command == "forgive":
        state, names = FORGIVEN, await told(roster.forgive, wanted)
    elif command in STATES:
        state, names = STATES[command], await told(roster.command, wanted, STATES[command])
    else:
        raise NotFound(f"A farm node takes {', '.join(STATES)} and forgive.")
    if not names:
        raise NotFound("No farm node of that name is connected.")
    await request.app[AUDIT].note(None, actor, "farm_change", ", ".join(names), detail=state)
    return web.json_response({"nodes": names, "state": state})


async def order_queue(request: web.Request) -> web.Response:
    """POST /api/farm/queues/{queue}/order `{job, before?}`: put a job before another, or at the end; it stays there."""
    actor = farm_admin(request)
    queue, body = request.match_info["queue"], await json_body(request)
    if queue not in QUEUES:
        raise NotFound(f"There is no such queue. There are {', '.join(QUEUES)}.")
    job, before = line(body, "job", longest=LONGEST_ID), line(body, "before", longest=LONGEST_ID, default="")
    await told(request.app[FARM].planner.move, queue, job, before)
    await request.app[AUDIT].note(None, actor, "farm_change", job, detail=f"moved in {queue}")
    lines = await told(request.app[FARM].planner.lines)
    return web.json_response({"queue": queue, "order": [card.job for card in lines[queue]]})


async def requeue(request: web.Request) -> web.Response:
    """POST /api/farm/jobs/{job}/requeue `{reason?}`: take a job away from its farm node and queue it again."""
    actor = farm_admin(request)
    body = await json_body(request) if request.can_read_body else {}
    reason = line(body, "reason", longest=LONGEST_REASON, default="")
    job = request.match_info["job"]
    words = f"{actor.name} put this job back in line." + (f" {reason}" if reason else "")
    await told(request.app[FARM].requeue, job, words)
    await request.app[AUDIT].note(None, actor, "farm_change", job, reason=reason, detail="put back in line")
    return web.json_response({"job": job})


async def prioritise(request: web.Request) -> web.Response:
    """POST /api/farm/jobs/{job}/priority `{priority}`: -10 to 10; the higher goes first, whoever waits."""
    actor = farm_admin(request)
    priority = (await json_body(request)).get("priority")
    if not isinstance(priority, int) or isinstance(priority, bool) or abs(priority) > MOST_PRIORITY:
        raise BadRequest(f"priority must be a whole number from -{MOST_PRIORITY} to {MOST_PRIORITY}.")
    job = request.match_info["job"]
    await told(request.app[FARM].planner.prioritise, job, priority)
    await request.app[AUDIT].note(None, actor, "farm_change", job, detail=f"priority {priority}")
    return web.json_response({"job": job, "priority": priority})


def farm_admin(request: web.Request) -> Actor:
    """Whoever asks, who may look after the farm; raises Forbidden."""
    user = request[USER]
    if user.role is None:
        raise Forbidden(f"You have no role in this workspace. Ask {who_may('manage_farm')}.")
    actor = user.acting_as(user.role)
    demand(actor, "manage_farm")
    return actor


async def told(action: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What the farm answers; raises Unavailable when it cannot be reached and Conflict when it cannot do that."""
    try:
        return await asyncio.to_thread(action, *args, **kwargs)
    except FarmUnavailable:
        raise Unavailable(AWAY) from None
    except FarmError as error:
        raise Conflict(f"{error}.") from None
