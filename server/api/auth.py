"""Signing in and out: passwords, the one-time link, share links, the browser's cookie, tokens for programs."""

from typing import cast

from aiohttp import web

from crdt_schema.ids import ProjectId, UserId
from crdt_schema.records import Role
from server.api.access import body_read, json_body, text
from server.api.address import address_of, is_https
from server.auth.actor import Credential, User
from server.auth.credentials import REFRESH_LIFETIME, SESSION_LIFETIME, Wanted
from server.auth.policy import reaches
from server.auth.shares import Entered
from server.auth.tokens import ACCESS_LIFETIME, SOCKET_LIFETIME
from server.errors import Unauthorised
from server.keys import ATTEMPTS, CLOCK, PEOPLE, TOKENS
from server.middleware import SESSION_COOKIE, signed_in

LONGEST_LABEL = 120


def remember(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Keep somebody signed in, in a cookie that no script can read and no other site can send."""
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=is_https(request),
    )


async def start_session(request: web.Request, response: web.StreamResponse, user: UserId) -> None:
    """A session for this browser, which its owner can see and end."""
    wanted = Wanted(user, "session", SESSION_LIFETIME, label_of(request))
    _, secret = await request.app[PEOPLE].credentials.issue(wanted)
    remember(request, response, secret)


def label_of(request: web.Request) -> str:
    """What tells one session of a person from another: how the browser or program names itself."""
    return "".join(filter(str.isprintable, request.headers.get("User-Agent", "")))[:LONGEST_LABEL]


async def checked_user(request: web.Request) -> User:
    """The user whose name and password were sent, as JSON or as a form; raises Unauthorised and TooMany."""
    if request.content_type == "application/json":
        body = await json_body(request)
    else:
        with body_read("Send username and password as JSON or as a form."):
            body = dict(await request.post())
    name, password = text(body, "username", longest=200), text(body, "password", longest=1000)
    with request.app[ATTEMPTS].password(name, address_of(request)):
        return await request.app[PEOPLE].sign_in(name, password)


async def token(request: web.Request) -> web.Response:
    """POST /auth/token: a bearer token for programs, and one to refresh it with (X-001)."""
    user = await checked_user(request)
    wanted = Wanted(user.id, "refresh", REFRESH_LIFETIME, label_of(request))
    made, secret = await request.app[PEOPLE].credentials.issue(wanted)
    return granted(request, made, secret)


async def refresh(request: web.Request) -> web.Response:
    """POST /auth/refresh `{refresh_token}`: the next pair; the token that was sent is used up."""
    secret = text(await json_body(request), "refresh_token", longest=200)
    user, following = await request.app[PEOPLE].credentials.rotate(secret)
    return granted(request, credential_of(user), following)


def granted(request: web.Request, session: Credential, refresh_token: str) -> web.Response:
    """The reply that gives a program its tokens."""
    access = request.app[TOKENS].issue(session.id, now=request.app[CLOCK](), lifetime=ACCESS_LIFETIME)
    return web.json_response(
        {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": int(ACCESS_LIFETIME.total_seconds()),
            "refresh_token": refresh_token,
        }
    )


async def login(request: web.Request) -> web.Response:
    """POST /auth/login: the same for a browser, as a cookie."""
    user = await checked_user(request)
    response = web.json_response(person(user))
    await start_session(request, response, user.id)
    return response


async def one_time(request: web.Request) -> web.StreamResponse:
    """GET /auth/one-time?code=: sign in by a link, once, and leave the code out of the address bar."""
    try:
        with request.app[ATTEMPTS].link(address_of(request)):
            user = await request.app[PEOPLE].redeem(request.query.get("code", ""))
    except Unauthorised:
        raise web.HTTPSeeOther("/login?link=used") from None
    response = web.HTTPSeeOther("/")
    await start_session(request, response, user.id)
    return response


async def share(request: web.Request) -> web.Response:
    """POST /auth/share `{token, name}`: come in by a share link; as a guest, unless you reach it anyway."""
    body = await json_body(request)
    secret = text(body, "token", longest=200)
    shares = request.app[PEOPLE].shares
    with request.app[ATTEMPTS].link(address_of(request)):
        project, role = await shares.opened_by(secret)
        already = await role_already(request, project, role)
        if already is not None:
            return web.json_response({"project": project, "role": already})
        entered = await shares.enter(secret, text(body, "name", longest=200))
    return welcome(request, entered)


async def role_already(request: web.Request, project: ProjectId, offered: Role) -> Role | None:
    """The role that whoever sits at this browser has without the link; a guest takes a link that gives more."""
    try:
        user = await signed_in(request)
    except Unauthorised:
        return None
    role = await request.app[PEOPLE].role_in(project, user)
    return None if role is None or (user.guest and not reaches(role, offered)) else role


def welcome(request: web.Request, entered: Entered) -> web.Response:
    """The reply that signs a guest in."""
    response = web.json_response({"project": entered.project, "role": entered.role})
    remember(request, response, entered.secret)
    return response


async def logout(request: web.Request) -> web.Response:
    """POST /auth/logout: end the browser's session, also for who has copied its cookie."""
    try:
        user = await signed_in(request)
    except Unauthorised:
        pass
    else:
        session = credential_of(user)
        if session.kind != "token":
            await request.app[PEOPLE].credentials.revoke(user.id, session.id, (session.kind,))
    response = web.json_response({})
    response.del_cookie(SESSION_COOKIE)
    return response


async def socket_token(request: web.Request) -> web.Response:
    """GET /auth/socket-token: a short token that a page puts into the websocket's auth message."""
    session = credential_of(await signed_in(request))
    issued = request.app[TOKENS].issue(session.id, now=request.app[CLOCK](), lifetime=SOCKET_LIFETIME)
    return web.json_response({"token": issued})


def credential_of(user: User) -> Credential:
    """What somebody who asks has signed in with."""
    return cast("Credential", user.by)


def person(user: User) -> dict[str, object]:
    """What a client may know of a user."""
    return {"id": user.id, "name": user.name, "role": user.role, "hue": user.hue, "guest": user.guest}
