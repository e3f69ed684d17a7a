"""Projects over REST: list, create, look, change, and their history."""

import asyncio
from functools import partial
from typing import Any, cast, get_args

import structlog
from aiohttp import web

from crdt_schema.ids import new_id
from crdt_schema.project import (
    ASPECT_RATIOS,
    CreativeContract,
    Governance,
    Manifest,
    NarrativeStructure,
    WhenBusy,
    contract_gate,
)
from crdt_schema.records import Tier
from crdt_schema.takes import TIERS
from server.api.access import LONGEST_REASON, choice, demand, enter, json_body, line, number, text
from server.api.production import locks_json
from server.auth.policy import who_may
from server.errors import BadRequest, Forbidden, WorkprintError
from server.hub.reading import plain_in_turns
from server.keys import CARDS, HUB, INTENTS, LOCKS, PEOPLE, PROJECTS, SNAPSHOTTER
from server.middleware import USER
from server.projects.index import NewProject, Project

GOVERNANCES: tuple[Governance, ...] = get_args(Governance)
WHEN_BUSY: tuple[WhenBusy, ...] = get_args(WhenBusy)
STRUCTURES: tuple[NarrativeStructure, ...] = get_args(NarrativeStructure)
LONGEST_NAME = 120
LONGEST_TEXT = 20_000
LONGEST_IN_AUDIT = 80

log = structlog.get_logger(__name__)


async def list_projects(request: web.Request) -> web.Response:
    """GET /api/projects: the projects you may see (X-004), each with what its card shows."""
    user, cards = request[USER], list[dict[str, object]]()
    for project in request.app[PROJECTS].all():
        role = await request.app[PEOPLE].role_in(project.id, user)
        if role is not None:
            cards.append({**await card(request, project), "role": role})
    return web.json_response(cards)


async def card(request: web.Request, project: Project) -> dict[str, object]:
    """What the list shows of a project; one whose documents cannot be opened says so and hides no other."""
    shown: dict[str, object] = {
        "id": project.id,
        "name": project.manifest["title"],
        "description": project.manifest["description"],
        "updated": project.manifest["created"],
        "poster": None,
        "shots": 0,
        "takes": 0,
        "problem": "",
    }
    try:
        look = await request.app[CARDS].of(request.app[HUB], project)
    except WorkprintError as error:
        return {**shown, "problem": error.message}
    except Exception:
        trace_id = new_id("trace")
        log.exception("project cannot be opened", project=project.id, trace_id=trace_id)
        return {**shown, "problem": f"This project cannot be opened. The server's log says why under {trace_id}."}
    return shown | {
        "updated": look.newest or project.manifest["created"],
        "poster": media_url(project, look.poster) if look.poster else None,
        "shots": look.shots,
        "takes": look.takes,
    }


async def create_project(request: web.Request) -> web.Response:
    """POST /api/projects: make a project with its whole scaffold (X-005, W-013); you own it."""
    user, body = request[USER], await json_body(request)
    if user.role is None:
        raise Forbidden(f"You have no role in this workspace. Ask {who_may('create_project')}.")
    demand(user.acting_as(user.role), "create_project")
    wanted = NewProject(
        title=line(body, "name", longest=LONGEST_NAME),
        description=text(body, "description", longest=LONGEST_TEXT, default=""),
        quality=cast("Tier", choice(body, "quality", TIERS, "standard")),
        structure=cast("NarrativeStructure", choice(body, "structure", STRUCTURES, "three-act")),
        governance=cast("Governance", choice(body, "governance", GOVERNANCES, "sketch")),
        contract=contract_from(body.get("creativeContract", {}), EMPTY_CONTRACT),
    )
    project = await request.app[PROJECTS].create(wanted, by=user.acting_as("owner"))
    await request.app[PEOPLE].members.found(project.id, user.id)
    return web.json_response({"id": project.id, "name": project.manifest["title"]}, status=201)


EMPTY_CONTRACT: CreativeContract = {
    "targetFormat": "",
    "targetRuntime": 0,
    "aspectRatio": "16:9",
    "referencePack": [],
    "budgetCap": None,
    "styleNotes": "",
}


def contract_from(sent: object, today: CreativeContract) -> CreativeContract:
    """The contract as it becomes when `sent` is laid over it; raises BadRequest.

    The reference pack is not taken from here: it grows by uploading images.
    """
    if not isinstance(sent, dict):
        raise BadRequest("creativeContract must be a JSON object.")
    body = cast("dict[str, Any]", sent)
    cap = body.get("budgetCap", today["budgetCap"])
    return {
        "targetFormat": text(body, "targetFormat", longest=200, default=today["targetFormat"]),
        "targetRuntime": number(
            body.get("targetRuntime", today["targetRuntime"]), "targetRuntime", least=0, most=100_000
        ),
        "aspectRatio": choice(body, "aspectRatio", ASPECT_RATIOS, today["aspectRatio"]),
        "referencePack": today["referencePack"],
        "budgetCap": None if cap is None else number(cap, "budgetCap", least=0, most=10_000_000),
        "styleNotes": text(body, "styleNotes", longest=LONGEST_TEXT, default=today["styleNotes"]),
    }


async def get_project(request: web.Request) -> web.Response:
    """GET /api/projects/{project}?graph=: what a page needs to open it (X-006), the whole canvas unless it is 0."""
    project, actor = await enter(request, "read")
    hub = request.app[HUB]
    async with hub.room(project.id, "takes") as takes, hub.room(project.id, "canvas") as canvas:
        await request.app[INTENTS].shelves.ready(takes)
        costs = request.app[INTENTS].shelves.of(takes).costs()
        # A page has it by websocket.
        graph = {} if request.query.get("graph") == "0" else {"graph": await plain_in_turns(canvas)}
    manifest = project.manifest
    contract = manifest["creative_contract"]
    budget = {
        "cap": contract["budgetCap"],
        "spent": round(costs.spent_usd, 4),
        "reserved": round(costs.reserved_usd, 4),
    }
    return web.json_response(
        {
            "id": project.id,
            "name": manifest["title"],
            "description": manifest["description"],
            "role": actor.role,
            "manifest": manifest,
            "gates": [contract_gate(contract, manifest["project_settings"]["governance"])],
            "budget": budget,
            "locks": locks_json(await request.app[LOCKS].locks(project.id)),
            **graph,
        }
    )


async def change_project(request: web.Request) -> web.Response:
    """PATCH /api/projects/{project}: change name, description, settings or the brief; a locked one with a `reason`."""
    project, actor = await enter(request, "edit_project")
    body = await json_body(request)
    reason = line(body, "reason", longest=LONGEST_REASON, default="")

    def change(manifest: Manifest) -> Manifest:
        settings = manifest["project_settings"]
        contract = contract_from(body.get("creativeContract", {}), manifest["creative_contract"])
        return {
            **manifest,
            "title": line(body, "name", longest=LONGEST_NAME) if "name" in body else manifest["title"],
            "description": text(body, "description", longest=LONGEST_TEXT, default=manifest["description"]),
            "project_settings": {
                **settings,
                "quality": cast("Tier", choice(body, "quality", TIERS, settings["quality"])),
                "when_busy": cast("WhenBusy", choice(body, "when_busy", WHEN_BUSY, settings["when_busy"])),
                "aspect_ratio": contract["aspectRatio"] or settings["aspect_ratio"],
                "governance": promoted(
                    settings["governance"], choice(body, "governance", GOVERNANCES, settings["governance"])
                ),
            },
            "creative_contract": contract,
        }

    def changes() -> list[str]:
        today = request.app[PROJECTS].get(project.id).manifest["creative_contract"]
        return contract_changes(today, contract_from(body.get("creativeContract", {}), today))

    write = partial(request.app[PROJECTS].update_manifest, project.id, change, by=actor)
    await request.app[LOCKS].amend_contract(project.id, actor, reason, changes=changes, write=write)
    return await get_project(request)


def contract_changes(before: CreativeContract, after: CreativeContract) -> list[str]:
    """What is different, in words for the audit log; long texts are cut."""
    pairs = ((name, old, after.get(name)) for name, old in before.items())
    return [f"{name}: {shorten(old)} -> {shorten(new)}" for name, old, new in pairs if old != new]


def shorten(value: object) -> str:
    """The beginning of what may be a long text."""
    text = "none" if value is None else str(value)
    return text if len(text) <= LONGEST_IN_AUDIT else f"{text[:LONGEST_IN_AUDIT]}…"


def promoted(today: Governance, wanted: str) -> Governance:
    """`sketch` may become `studio`, never back (CF-61); raises BadRequest."""
    if wanted == today:
        return today
    if wanted != "studio":
        raise BadRequest("A studio project cannot go back to sketch: its gates have been relied on.")
    return "studio"


async def estimate(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/estimate?node=: price, tier, time, and what stands in the way of a take."""
    project, actor = await enter(request, "read")
    return web.json_response(await request.app[INTENTS].estimate(project.id, request.query.get("node", ""), actor))


async def snapshot(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/snapshots: commit now, with a name if one is given."""
    project, actor = await enter(request, "snapshot")
    body = await json_body(request) if request.can_read_body else {}
    name = line(body, "name", longest=LONGEST_NAME, default="") or None
    commit = await request.app[SNAPSHOTTER].snapshot_now(project.id, name=name, actor=actor)
    return web.json_response({"commit": commit, "name": name}, status=201)


async def git_status(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/git/status: branch, last commit, and whether something waits to be committed."""
    project, _ = await enter(request, "read")
    return web.json_response(await asyncio.to_thread(request.app[SNAPSHOTTER].status, project.id))


def media_url(project: Project, blob: str) -> str:
    """Where a client gets a file."""
    return f"/api/projects/{project.id}/media/{blob}"
