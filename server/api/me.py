"""Your own account over REST: who you are, your API tokens, where you are signed in, your password."""

from datetime import timedelta
from typing import cast

from aiohttp import web

from crdt_schema.ids import ProjectId, is_id
from crdt_schema.records import Role
from crdt_schema.roles import LADDER
from server.api.access import instant, json_body, line, number, one_of, text
from server.api.address import address_of
from server.api.auth import LONGEST_LABEL, credential_of, person
from server.auth.actor import User
from server.auth.credentials import SESSION_KINDS, Held, Wanted
from server.errors import Forbidden, NotFound
from server.keys import ATTEMPTS, AUDIT, PEOPLE, PROJECTS
from server.middleware import USER

LONGEST_TOKEN_DAYS = 3650


async def me(request: web.Request) -> web.Response:
    """GET /api/me: who is signed in; `role` is the one in the workspace, null for a guest."""
    return web.json_response(person(request[USER]))


def in_person(request: web.Request) -> User:
    """Who asks, if they have an account and signed in to it themselves; raises Forbidden.

    A token that could make tokens, or change the password, would be no smaller than the account it belongs to.
    """
    user = request[USER]
    if user.guest:
        raise Forbidden("You are a guest here, without an account. Ask an admin of this project for one.")
    if credential_of(user).kind == "token":
        raise Forbidden("An API token cannot do this. Sign in with your name and password.")
    return user


async def tokens(request: web.Request) -> web.Response:
    """GET /api/me/tokens: your API tokens, without their secrets."""
    held = await request.app[PEOPLE].credentials.of(request[USER].id, ("token",))
    return web.json_response([token_json(one) for one in held])


async def create_token(request: web.Request) -> web.Response:
    """POST /api/me/tokens `{name, role, project, days}`: make one; its secret is shown this once."""
    user, body, people = in_person(request), await json_body(request), request.app[PEOPLE]
    only, days = body.get("project"), body.get("days")
    cap: Role = one_of(body, "role", LADDER)
    wanted = Wanted(
        user.id,
        "token",
        None if days is None else timedelta(days=number(days, "days", least=1, most=LONGEST_TOKEN_DAYS)),
        line(body, "name", longest=LONGEST_LABEL),
        cap,
        None if only is None else await reached(request, user, only),
    )
    made, secret = await people.credentials.issue(wanted)
    by = user.acting_as(user.role or "viewer")
    await request.app[AUDIT].note(made.only, by, "token_created", made.id, detail=f"{wanted.label}, {wanted.cap}")
    held = next(one for one in await people.credentials.of(user.id, ("token",)) if one.id == made.id)
    return web.json_response({**token_json(held), "token": secret}, status=201)


async def reached(request: web.Request, user: User, project: object) -> ProjectId:
    """A project that a token is to be for; raises NotFound."""
    if is_id(project):
        found = request.app[PROJECTS].get(ProjectId(cast("str", project)))
        if await request.app[PEOPLE].role_in(found.id, user) is not None:
            return found.id
    raise NotFound("There is no such project.")


async def revoke_token(request: web.Request) -> web.Response:
    """DELETE /api/me/tokens/{credential}: end an API token."""
    user = in_person(request)
    held = await request.app[PEOPLE].credentials.revoke(user.id, request.match_info["credential"], ("token",))
    by = user.acting_as(user.role or "viewer")
    await request.app[AUDIT].note(held.only, by, "token_revoked", held.id, detail=held.label)
    return web.json_response({})


async def sessions(request: web.Request) -> web.Response:
    """GET /api/me/sessions: browsers and programs that are signed in as you."""
    user = request[USER]
    held = await request.app[PEOPLE].credentials.of(user.id, SESSION_KINDS)
    current = credential_of(user).id
    return web.json_response([{**session_json(one), "current": one.id == current} for one in held])


async def end_session(request: web.Request) -> web.Response:
    """DELETE /api/me/sessions/{credential}: sign a browser or program out."""
    user = request[USER]
    if credential_of(user).kind == "token":
        raise Forbidden("An API token cannot do this. Sign in with your name and password.")
    await request.app[PEOPLE].credentials.revoke(user.id, request.match_info["credential"], SESSION_KINDS)
    return web.json_response({})


async def change_password(request: web.Request) -> web.Response:
    """PUT /api/me/password `{current, password}`: change it, and sign out everywhere else."""
    user, body = in_person(request), await json_body(request)
    current, wanted = text(body, "current", longest=1000, default=""), text(body, "password", longest=1000)
    with request.app[ATTEMPTS].password(user.name, address_of(request)):
        await request.app[PEOPLE].change_password(user, current, wanted)
    return web.json_response({})


def token_json(held: Held) -> dict[str, object]:
    """An API token as its owner sees it."""
    return {
        "id": held.id,
        "name": held.label,
        "role": held.cap,
        "project": held.only,
        "created_at": instant(held.created_at),
        "last_used": instant(held.last_used_at),
        "expires_at": instant(held.expires_at),
    }


def session_json(held: Held) -> dict[str, object]:
    """A session as its owner sees it."""
    return {
        "id": held.id,
        "kind": held.kind,
        "name": held.label,
        "created_at": instant(held.created_at),
        "last_used": instant(held.last_used_at or held.created_at),
        "expires_at": instant(held.expires_at),
    }
