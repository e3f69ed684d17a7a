"""What wraps every request: the one place where an exception becomes a reply, who is asking, and safe headers."""

from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from crdt_schema.ids import new_id
from server.auth.people import User
from server.errors import Unauthorised, WorkprintError
from server.keys import CLOCK, CONFIG, PEOPLE, TOKENS
from server.safety import cross_origin_headers, demand_own_site, headers_for

SESSION_COOKIE: Final = "workprint_session"
USER = web.RequestKey("user", User)
PUBLIC_PREFIXES = ("/api/farm/blobs/",)
"""Part of the API that asks no user: farm nodes bring a token of their own."""
log = structlog.get_logger()


UNEXPECTED = "Something went wrong here. Nothing you saved is lost. Try again, and quote the trace id if it stays."
WORDS = {
    400: "The request cannot be read. Send it as HTTP, and what needs a websocket as one.",
    404: "There is nothing at this address.",
    405: "This address does not take that method. The Allow header names those it takes.",
    413: "That is more than is taken at once.",
}
"""For what aiohttp refuses by itself."""


def error_body(code: str, message: str, trace_id: str) -> dict[str, dict[str, str]]:
    """The one shape in which a failure is told."""
    return {"error": {"code": code, "message": message, "traceId": trace_id}}


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception into the same JSON body, and log it under its trace id (G-102, X-017)."""
    trace_id = new_id("trace")
    known = {"traceId": trace_id, "service": "hub", "method": request.method, "path": request.path}
    try:
        return await handler(request)
    except WorkprintError as error:
        note = log.warning if error.status >= 500 else log.info  # noqa: PLR2004 - ours to repair
        note("request failed", status=error.status, error=str(error), **known)
        return web.json_response(error_body(error.code, error.message, trace_id), status=error.status)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - a redirect is no failure
            raise
        log.info("request failed", status=error.status, error=error.reason, **known)
        code, message = error.reason.lower().replace(" ", "_"), WORDS.get(error.status, f"{error.reason}.")
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return web.json_response(error_body(code, message, trace_id), status=error.status, headers=allowed)
    except Exception as error:
        log.exception("request failed unexpectedly", status=500, error=str(error), **known)
        return web.json_response(error_body("internal", UNEXPECTED, trace_id), status=500)


@web.middleware
async def know_the_user(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who is asking; the API is for people who are signed in, the app's own files are for everybody."""
    check_origin(request)
    token = bearer_token(request) or request.cookies.get(SESSION_COOKIE, "")
    if is_private(request):
        if not token:
            raise Unauthorised("Sign in first.")
        request[USER] = await user_of(request.app, token)
    return await handler(request)


@web.middleware
async def add_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Headers that keep a browser from being talked into anything; and which other origins may read the reply."""
    shared = cross_origin_headers(request.headers.get("Origin", ""), request.app[CONFIG].origins)
    if shared and request.method == "OPTIONS":
        response: web.StreamResponse = web.Response(status=204)
    else:
        response = await handler(request)
    if not response.prepared:
        for name, value in {**headers_for(request.path), **shared}.items():
            response.headers.setdefault(name, value)
        response.headers.add("Vary", "Origin, Cookie, Authorization")
    return response


def is_private(request: web.Request) -> bool:
    """Whether a request needs a user."""
    return request.path.startswith("/api/") and not request.path.startswith(PUBLIC_PREFIXES)


def bearer_token(request: web.Request) -> str:
    """The token of the Authorization header, or nothing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def user_of(app: web.Application, token: str) -> User:
    """The user a token names; raises Unauthorised."""
    return await app[PEOPLE].user(app[TOKENS].verify(token, now=app[CLOCK]()))


def check_origin(request: web.Request) -> None:
    """Refuse what another site makes a browser send (X-016); raises Forbidden."""
    demand_own_site(
        request.method,
        request.path,
        request.headers,
        host=request.host,
        origins=request.app[CONFIG].origins,
        by_cookie=SESSION_COOKIE in request.cookies,
    )
