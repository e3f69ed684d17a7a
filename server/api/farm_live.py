"""The farm as it is now, over one open reply: each part of it is an event, sent when it has changed."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from aiohttp import web

from crdt_schema.farm import FarmLive, FarmNodeShown
from crdt_schema.records import Role
from crdt_schema.roles import reaches
from server.errors import Unauthorised
from server.intents.farm_live import Gathered
from server.intents.farm_shown import Showing, Sight
from server.keys import CLOCK, FARM_LIVE, PEOPLE, PROJECTS
from server.middleware import signed_in
from server.safety import headers_for

STILL_SECONDS = 15.0
"""A line says that it is open, so that whoever has gone is noticed."""
LOOK_AGAIN_SECONDS = 1.0
"""Who is signed in, and what they may see, is asked again so often."""
SEEN_SECONDS = 5.0
"""That nodes were heard of, and nothing else of them, is told no more often than this."""
STILL = b": still here\n\n"
PARTS: tuple[str, ...] = tuple(FarmLive.__annotations__)

Sent = dict[str, tuple[str, ...]]
"""The parts as they were sent last; of nodes also without what changes all the time."""


async def live(request: web.Request) -> web.StreamResponse:
    """GET /api/farm/live?once=: the farm as it is now, as server-sent events; with `once` all of it, one time."""
    watch, once = request.app[FARM_LIVE], "once" in request.query
    response = web.StreamResponse(headers={**headers_for(request.path), "X-Accel-Buffering": "no"})
    response.content_type, response.charset = "text/event-stream", "utf-8"
    async with watch.watching():
        first = await watch.after(watch.now.number, STILL_SECONDS)
        sight = await sight_of(request)
        await response.prepare(request)
        async with aclosing(_events(request, first, sight, once=once)) as events:
            async for event in events:
                await response.write(event)
    return response


async def sight_of(request: web.Request) -> Sight:
    """What whoever asks may see, as it is today; raises Unauthorised once they are signed out."""
    people, user = request.app[PEOPLE], await signed_in(request)
    seen = dict[str, Role]()
    for project in request.app[PROJECTS].all():
        if (role := await people.role_in(project.id, user)) is not None:
            seen[project.id] = role
    return seen, user.role is not None and reaches(user.role, "admin")


async def _events(request: web.Request, gathered: Gathered, sight: Sight, *, once: bool) -> AsyncGenerator[bytes]:
    """What is to be sent, as it comes."""
    watch, now = request.app[FARM_LIVE], request.app[CLOCK]
    sent: Sent = {}
    asked_at = seen_at = said_at = now().timestamp()
    while not watch.closed:
        at = now().timestamp()
        if at - asked_at >= LOOK_AGAIN_SECONDS:
            asked_at = at
            try:
                sight = await sight_of(request)
            except Unauthorised:
                return
        seen_again = at - seen_at >= SEEN_SECONDS
        news = _news(Showing(gathered, sight).all(), sent, seen_again=seen_again)
        seen_at = at if seen_again else seen_at
        if news:
            said_at = at
            yield news
        elif at - said_at >= STILL_SECONDS:
            said_at = at
            yield STILL
        if once:
            return
        gathered = await watch.after(gathered.number, STILL_SECONDS)


def _news(farm: FarmLive, sent: Sent, *, seen_again: bool) -> bytes:
    """The events of the parts that have changed; `sent` is brought up to date."""
    events: list[str] = []
    for part in PARTS:
        value: Any = cast("dict[str, Any]", farm)[part]
        told = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        compared = _at_rest(farm["nodes"]) if part == "nodes" and not seen_again else told
        if compared not in sent.get(part, ()):
            sent[part] = (told, _at_rest(farm["nodes"])) if part == "nodes" else (told,)
            events.append(f"event: {part}\ndata: {told}\n\n")
    return "".join(events).encode()


def _at_rest(nodes: list[FarmNodeShown]) -> str:
    """The nodes without when they were heard of."""
    return json.dumps([{**node, "seen_at": ""} for node in nodes])
