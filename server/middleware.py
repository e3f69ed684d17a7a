"""What wraps every request: the one place where an exception becomes a reply, who is asking, and safe headers."""

from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from crdt_schema.ids import new_id
from server.auth.people import User
from server.errors import Forbidden, Unauthorised, WorkprintError
from server.keys import CLOCK, CONFIG, PEOPLE, TOKENS

SESSION_COOKIE: Final = "workprint_session"
USER = web.RequestKey("user", User)
PUBLIC_PREFIXES = ("/api/farm/blobs/",)
"""Part of the API that asks no user: farm nodes bring a token of their own."""
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "frame-ancestors 'none'; object-src 'none'; base-uri 'self'",
}
log = structlog.get_logger()


def error_body(code: str, message: str, trace_id: str) -> dict[str, dict[str, str]]:
    """The one shape in which a failure is told."""
    return {"error": {"code": code, "message": message, "traceId": trace_id}}


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception into the same JSON body; what was not expected is logged under its trace id."""
    trace_id = new_id("trace")
    try:
        return await handler(request)
    except WorkprintError as error:
        if error.status >= 500:  # noqa: PLR2004 - ours to explain, so ours to log
            log.warning("request failed", trace_id=trace_id, path=request.path, error=str(error))
        return web.json_response(error_body(error.code, error.message, trace_id), status=error.status)
    except web.HTTPException as error:
        if error.status < 400 or request.path.startswith("/ws/"):  # noqa: PLR2004 - a redirect is no failure
            raise
        code = error.reason.lower().replace(" ", "_")
        return web.json_response(error_body(code, error.reason, trace_id), status=error.status)
    except Exception:
        log.exception("request failed unexpectedly", trace_id=trace_id, path=request.path)
        message = "Something went wrong here. Nothing you saved is lost. Try again, and quote the trace id if it stays."
        return web.json_response(error_body("internal", message, trace_id), status=500)


@web.middleware
async def know_the_user(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who is asking; the API is for people who are signed in, the app's own files are for everybody."""
    token = bearer_token(request) or request.cookies.get(SESSION_COOKIE, "")
    if token:
        check_origin(request)
    if is_private(request):
        if not token:
            raise Unauthorised("Sign in first.")
        request[USER] = await user_of(request.app, token)
    return await handler(request)


@web.middleware
async def add_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Headers that keep a browser from being talked into anything."""
    response = await handler(request)
    if not response.prepared:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
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
    """Refuse what another site makes a signed-in browser send (X-016); raises Forbidden."""
    origin = request.headers.get("Origin")
    if origin is None or (request.method in SAFE_METHODS and not request.path.startswith("/ws/")):
        return
    if origin_host(origin) != request.host and origin not in request.app[CONFIG].origins:
        raise Forbidden("This address may not use this studio. Add it to WORKPRINT_ORIGINS if it should.")


def origin_host(origin: str) -> str:
    """Host and port of an origin; nothing when it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
