"""Who changed what in a project, and who last wrote each field of a record, over REST."""

import re

from aiohttp import web

from crdt_schema.documents import UnknownDocument, kind_of
from crdt_schema.ids import is_id
from crdt_schema.roles import Standing
from server.activity.journal import Position
from server.activity.service import Query
from server.api.access import enter
from server.auth.policy import access
from server.errors import BadRequest, NotFound
from server.keys import ACTIVITY

DEFAULT_LIMIT = 50
MOST = 200
LONGEST_RECORD = 200
_ENTRY = re.compile(r"([0-9]{1,15})-([0-9a-f]{8})", re.ASCII)


async def activity(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/activity?document=&user=&record=&before=&limit=: who changed what, newest first."""
    project, actor = await enter(request, "read")
    document, user = request.query.get("document", ""), request.query.get("user", "")
    if user and not is_id(user):
        raise BadRequest("user must be the id of a person.")
    if document:
        _check_document(document)
    record, before, limit = _record_of(request), _before_of(request), _limit_of(request)
    documents = [document] if document else await request.app[ACTIVITY].documents(project.id)
    seen = [name for name in documents if _may_see(actor.role, name)]
    entries, following = await request.app[ACTIVITY].entries(project.id, Query(seen, user, record, before, limit))
    return web.json_response({"entries": entries, "next": following})


async def blame(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/blame?document=canvas&record=: who last wrote each field of a record, and when."""
    project, actor = await enter(request, "read")
    document, record = request.query.get("document", "canvas"), _record_of(request)
    _check_document(document)
    if not record:
        raise BadRequest("record must be the id of a record, for instance of a shot.")
    seen = _may_see(actor.role, document)
    fields = await request.app[ACTIVITY].blame(project.id, document, record) if seen else None
    if fields is None:
        raise NotFound("There is no such record in this document.")
    return web.json_response({"fields": fields})


def _check_document(name: str) -> None:
    try:
        kind_of(name)
    except UnknownDocument:
        raise BadRequest("document must name a document of a project, for instance canvas or script/draft.") from None


def _may_see(role: Standing, name: str) -> bool:
    """Whether somebody may read a document, going by its name; one of a kind that is unknown is shown to nobody."""
    try:
        return access(role, kind_of(name)) != "none"
    except UnknownDocument:
        return False


def _record_of(request: web.Request) -> str:
    record = request.query.get("record", "")
    if len(record) > LONGEST_RECORD:
        raise BadRequest(f"record must be the id of a record, at most {LONGEST_RECORD} characters long.")
    return record


def _before_of(request: web.Request) -> Position | None:
    before = request.query.get("before", "")
    if not before:
        return None
    match = _ENTRY.fullmatch(before)
    if match is None:
        raise BadRequest("before must be the id of an entry: what a page gave as next.")
    return int(match[1]), match[2]


def _limit_of(request: web.Request) -> int:
    limit = request.query.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch("[0-9]{1,3}", limit) or not 1 <= int(limit) <= MOST:
        raise BadRequest(f"limit must be a whole number from 1 to {MOST}.")
    return int(limit)
