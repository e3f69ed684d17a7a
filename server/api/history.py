"""History over REST: the timeline, what stood in a version, what is different between two, and the way back."""

import re
from dataclasses import asdict
from typing import Any

from aiohttp import web

from server.api.access import enter, json_body, text
from server.api.activity import LONGEST_RECORD
from server.api.projects import media_url
from server.errors import BadRequest
from server.history.compare import told
from server.history.rewind import Target
from server.history.service import NOW
from server.keys import HISTORY
from server.projects.index import Project

DEFAULT_LIMIT = 50
MOST = 200
_COMMIT = re.compile("[0-9a-f]{40}")
_LIMIT = re.compile("[0-9]{1,3}", re.ASCII)


async def page(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/history?before=&limit=: the timeline of snapshots, newest first."""
    project, _ = await enter(request, "read")
    before, limit = request.query.get("before", ""), request.query.get("limit", str(DEFAULT_LIMIT))
    if before and not _COMMIT.fullmatch(before):
        raise BadRequest("before must be the commit that a page gave as next.")
    if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= MOST:
        raise BadRequest(f"limit must be a whole number from 1 to {MOST}.")
    found = await request.app[HISTORY].page(project.id, before, int(limit))
    entries = [
        {**asdict(entry), "takes": [_with_picture(project, take._asdict()) for take in entry.takes]}
        for entry in found.entries
    ]
    return web.json_response({"entries": entries, "next": found.following})


async def version(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/history/{commit}: every document as it stood then."""
    project, _ = await enter(request, "read")
    commit = request.match_info["commit"]
    documents: dict[str, Any] = {"annotations": {}, "scripts": {}}
    for name, value in (await request.app[HISTORY].documents(project.id, commit)).items():
        kind, _, own_name = name.partition("/")
        if own_name:
            documents["scripts" if kind == "script" else kind][own_name] = value
        else:
            documents[name] = value
    return web.json_response({"commit": commit, "documents": documents})


async def diff(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/history/diff?from=&to=: what is different between two versions."""
    project, _ = await enter(request, "read")
    start, end = version_in(request.query.get("from", ""), "from"), version_in(request.query.get("to", NOW), "to")
    changes, takes = await request.app[HISTORY].diff(project.id, start, end)
    records, left_out = told(changes)
    for take in (*takes["added"], *takes["removed"], *(each for shot in takes["active"] for each in _ends(shot))):
        _with_picture(project, take)
    return web.json_response({"from": start, "to": end, "records": records, "left_out": left_out, "takes": takes})


async def restore(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/history/restore: a document, a record or a field becomes what it was."""
    project, actor = await enter(request, "edit")
    body = await json_body(request)
    commit, undoes = text(body, "commit", longest=40), text(body, "undoes", longest=40, default="")
    if not _COMMIT.fullmatch(commit):
        raise BadRequest("commit must be a commit of the project's history.")
    if undoes and not _COMMIT.fullmatch(undoes):
        raise BadRequest("undoes must be the commit that was restored.")
    target = Target(
        text(body, "document", longest=LONGEST_RECORD),
        *(text(body, name, longest=LONGEST_RECORD, default="") for name in ("root", "record", "field")),
    )
    done = await request.app[HISTORY].restore(project.id, commit, target, actor, undoes=undoes)
    return web.json_response(asdict(done))


def version_in(value: object, name: str) -> str:
    """A commit, or `now`; raises BadRequest."""
    if isinstance(value, str) and (value == NOW or _COMMIT.fullmatch(value)):
        return value
    raise BadRequest(f'{name} must be a commit of the project\'s history, or "{NOW}".')


def _ends(shot: dict[str, Any]) -> list[dict[str, Any]]:
    return [shot[end] for end in ("from", "to") if shot[end] is not None]


def _with_picture(project: Project, take: dict[str, Any]) -> dict[str, Any]:
    """A take with the address of its picture in the place of the hash; null when it has none."""
    blob = take["thumbnail"]
    if blob is None or not blob.startswith("/"):
        take["thumbnail"] = media_url(project, blob) if blob else None
    return take
