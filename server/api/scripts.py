"""Creative documents over REST: which there are, and new ones from a template; people write them by socket."""

from datetime import datetime
from typing import Any, cast, get_args

from aiohttp import web
from pycrdt import Doc, Text

from crdt_schema.records import CanvasPlain, ScriptPlain
from server.api.access import choice, enter, json_body, line
from server.errors import BadRequest
from server.hub.hub import Hub
from server.hub.reading import plain_in_turns
from server.keys import HUB
from server.projects import scripts
from server.projects.index import Project
from server.projects.scripts import ALIASES, ScriptKind

KINDS: tuple[ScriptKind, ...] = get_args(ScriptKind)
LONGEST_TITLE = 60
PREFIX = "script/"


async def list_scripts(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/scripts: the creative documents of a project, by name."""
    project, _ = await enter(request, "read")
    hub = request.app[HUB]
    found = [await script_json(hub, project, name) for name in await _names(hub, project)]
    return web.json_response({"scripts": found})


async def create_script(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/scripts `{kind, title?}`: begin a document from the template of its kind."""
    project, actor = await enter(request, "edit")
    body, hub = await json_body(request), request.app[HUB]
    asked = choice(body, "kind", (*KINDS, *ALIASES), "")
    if not asked:
        raise BadRequest(f"kind must be one of {', '.join(KINDS)}.")
    kind = ALIASES.get(asked) or cast("ScriptKind", asked)
    title, called = (line(body, field, longest=LONGEST_TITLE, default="") for field in ("title", "name"))
    name = scripts.free_name(kind, title or called, await _names(hub, project))
    async with hub.room(project.id, "canvas") as canvas, hub.room(project.id, PREFIX + name) as room:
        words = scripts.template(kind, project.manifest, cast("CanvasPlain", await plain_in_turns(canvas))["nodes"])

        def begin(doc: Doc[Any]) -> None:
            text: Text = doc.get("text", type=Text)
            if not str(text):
                text += words

        room.edit(actor, begin)
        await room.saved()
    return web.json_response(await script_json(hub, project, name), status=201)


async def script_json(hub: Hub, project: Project, name: str) -> dict[str, object]:
    """A creative document as clients get it."""
    document = PREFIX + name
    async with hub.room(project.id, document) as room, hub.log(project.id) as log:
        await room.saved()
        words = scripts.count_words(cast("ScriptPlain", room.plain())["text"])
        ends = (await log.documents())[document]
        newest = await log.log(document, after=max(ends.change, ends.credit) - 1, limit=1)
    return {
        "name": name,
        "document": document,
        "kind": scripts.kind_of_script(name),
        "title": scripts.title_of_script(name),
        "words": words,
        "changed_at": datetime.fromisoformat(newest[0].at).isoformat(timespec="seconds") if newest else "",
        "changed_by": {"id": newest[0].actor_id, "name": newest[0].actor_name} if newest else {"id": "", "name": ""},
    }


async def _names(hub: Hub, project: Project) -> list[str]:
    async with hub.log(project.id) as log:
        return sorted(name.removeprefix(PREFIX) for name in await log.documents() if name.startswith(PREFIX))
