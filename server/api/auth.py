"""Signing in and out: passwords, the one-time link, the browser's cookie, tokens for sockets and programs."""

from datetime import timedelta

from aiohttp import web

from server.api.access import body_read, json_body, text
from server.auth.people import User
from server.auth.tokens import ACCESS_LIFETIME, SESSION_LIFETIME, SOCKET_LIFETIME
from server.errors import Unauthorised
from server.keys import CLOCK, PEOPLE, TOKENS
from server.middleware import SESSION_COOKIE, USER, user_of


def issue(request: web.Request, user: User, lifetime: timedelta) -> str:
    """A token for `user`."""
    return request.app[TOKENS].issue(user.id, now=request.app[CLOCK](), lifetime=lifetime)


def remember(request: web.Request, response: web.StreamResponse, user: User) -> None:
    """Keep somebody signed in, in a cookie that no script can read and no other site can send."""
    response.set_cookie(
        SESSION_COOKIE,
        issue(request, user, SESSION_LIFETIME),
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=request.secure,
    )


async def checked_user(request: web.Request) -> User:
    """The user whose name and password were sent, as JSON or as a form; raises Unauthorised."""
    if request.content_type == "application/json":
        body = await json_body(request)
    else:
        with body_read("Send username and password as JSON or as a form."):
            body = dict(await request.post())
    return await request.app[PEOPLE].sign_in(text(body, "username", longest=200), text(body, "password", longest=1000))


async def token(request: web.Request) -> web.Response:
    """POST /auth/token: a bearer token for programs (X-001)."""
    user = await checked_user(request)
    return web.json_response({"access_token": issue(request, user, ACCESS_LIFETIME), "token_type": "bearer"})


async def login(request: web.Request) -> web.Response:
    """POST /auth/login: the same for a browser, as a cookie."""
    user = await checked_user(request)
    response = web.json_response(person(user))
    remember(request, response, user)
    return response


async def one_time(request: web.Request) -> web.StreamResponse:
    """GET /auth/one-time?code=: sign in by a link, once, and leave the code out of the address bar."""
    try:
        user = await request.app[PEOPLE].redeem(request.query.get("code", ""))
    except Unauthorised:
        raise web.HTTPSeeOther("/login?link=used") from None
    response = web.HTTPSeeOther("/")
    remember(request, response, user)
    return response


async def logout(_request: web.Request) -> web.Response:
    """POST /auth/logout: forget the browser."""
    response = web.json_response({})
    response.del_cookie(SESSION_COOKIE)
    return response


async def socket_token(request: web.Request) -> web.Response:
    """GET /auth/socket-token: a short token that a page puts into the websocket's auth message."""
    user = await user_of(request.app, request.cookies.get(SESSION_COOKIE, ""))
    return web.json_response({"token": issue(request, user, SOCKET_LIFETIME)})


async def me(request: web.Request) -> web.Response:
    """GET /api/me: who is signed in."""
    return web.json_response(person(request[USER]))


def person(user: User) -> dict[str, object]:
    """What a client may know of a user."""
    return {"id": user.id, "name": user.name, "role": user.role, "hue": user.hue}
