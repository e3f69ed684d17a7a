"""From a request to who is asking, in which project, with which role; and to its checked input."""

import json
import re
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from crdt_schema.ids import ProjectId, is_id
from server.auth.actor import Actor
from server.auth.policy import Action, may, who_may
from server.errors import BadRequest, Forbidden, NotFound
from server.keys import PEOPLE, PROJECTS
from server.middleware import USER
from server.projects.index import Project

LONGEST_REASON = 500
"""Of why somebody overrides something, in characters."""


async def enter(request: web.Request, action: Action) -> tuple[Project, Actor]:
    """The project in the address and the person who asks, who may do `action` there; raises NotFound, Forbidden."""
    return await enter_project(request, request.match_info["project"], action)


async def enter_project(request: web.Request, project_id: object, action: Action) -> tuple[Project, Actor]:
    """As `enter`, for a project that is named in the body."""
    if not is_id(project_id):
        raise NotFound("There is no such project.")
    project = request.app[PROJECTS].get(ProjectId(cast("str", project_id)))
    user = request[USER]
    role = await request.app[PEOPLE].role_in(project.id, user)
    if role is None:
        raise NotFound("There is no such project.")
    actor = user.acting_as(role)
    demand(actor, action)
    return project, actor


def demand(actor: Actor, action: Action, where: Literal["project", "workspace"] = "project") -> None:
    """Raise Forbidden, saying who may, unless `actor` may do `action`."""
    if not may(actor, action):
        raise Forbidden(f"You are {actor.role} here. Ask {who_may(action, where)}.")


async def json_body(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent; raises BadRequest."""
    with body_read("The body must be JSON in UTF-8."):
        body: object = json.loads((await request.read()).decode())
        # Half of a surrogate pair is JSON, but can be stored, hashed and sent nowhere.
        json.dumps(body, ensure_ascii=False).encode()
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return cast("dict[str, Any]", body)


@contextmanager
def body_read(wanted: str) -> Generator[None]:
    """Turn whatever a parser raises on hostile bytes into BadRequest with the words `wanted`."""
    try:
        yield
    except (ValueError, LookupError, RuntimeError, HttpProcessingError):
        raise BadRequest(wanted) from None


def text(body: dict[str, Any], name: str, *, longest: int, default: str | None = None) -> str:
    """A text of the body; raises BadRequest when it is missing (without a default), no text, or too long."""
    value = body.get(name, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise BadRequest(f"{name} must be a text.")
    if len(value) > longest:
        raise BadRequest(f"{name} must be at most {longest} characters long.")
    if "\x00" in value:
        raise BadRequest(f"{name} must not hold a null character.")
    return value


def line(body: dict[str, Any], name: str, *, longest: int, default: str | None = None) -> str:
    """A name: one line that can be seen, empty only where there is a default; raises BadRequest as `text`."""
    value = " ".join(text(body, name, longest=longest, default=default).split())
    kinds = {unicodedata.category(char) for char in value}
    # Not `isprintable`: the joiners of many scripts and of emoji are not, but they never stand alone.
    if "Cc" in kinds or (kinds and all(kind[0] in "CZ" for kind in kinds)):
        raise BadRequest(f"{name} must have visible characters, and no others.")
    return value


def flag(body: dict[str, Any], name: str, *, default: bool) -> bool:
    """Yes or no; raises BadRequest."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false.")
    return value


Word = TypeVar("Word", bound=str)


def one_of(body: dict[str, Any], name: str, words: tuple[Word, ...]) -> Word:
    """One of several words, which must be sent; raises BadRequest."""
    value: object = body.get(name)
    for word in words:
        if value == word:
            return word
    raise BadRequest(f"{name} must be one of {', '.join(words)}.")


def choice(body: dict[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    """One of several words, or what stands there today when none is sent; raises BadRequest."""
    value = body.get(name, default)
    if name in body and value not in choices:
        raise BadRequest(f"{name} must be one of {', '.join(choices)}.")
    return str(value)


def page(request: web.Request, longest: int) -> tuple[int | None, int]:
    """Which part of a long list is asked for, by `before` (an entry's id) and `limit`; raises BadRequest."""
    before, limit = request.query.get("before", ""), request.query.get("limit", str(longest))
    # Longer numbers than SQLite has are as good as none.
    if not re.fullmatch(r"[0-9]{0,18}", before) or not re.fullmatch(r"[0-9]{1,9}", limit) or not int(limit):
        raise BadRequest("before is the id of an entry, and limit how many are wanted, from 1 up.")
    return (int(before) if before else None), min(int(limit), longest)


def instant(seconds: float | None) -> str | None:
    """Seconds since 1970 as clients get a time: ISO 8601, UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def number(value: object, name: str, *, least: float, most: float) -> float:
    """A number in a range; raises BadRequest."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadRequest(f"{name} must be a number from {least:,.0f} to {most:,.0f}.")
    return float(value)
