"""What wraps every request: the one place where an exception becomes a reply, who is asking, and safe headers."""

import asyncio
import math
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

from crdt_schema.ids import ProjectId, new_id
from server.auth.actor import User
from server.auth.credentials import TOKEN_PREFIX
from server.errors import NotFound, TooMany, Unauthorised, WorkprintError
from server.keys import CLOCK, CONFIG, PEOPLE, PROJECTS, TOKENS
from server.safety import cross_origin_headers, demand_own_site, headers_for

SESSION_COOKIE: Final = "workprint_session"
SHARE_PAGE: Final = "/share/"
"""What follows it in an address is the secret of a share link."""
USER = web.RequestKey("user", User)
PUBLIC_PREFIXES = ("/api/farm/blobs/", "/api/farm/previews/", "/api/openapi.json", "/api/v1/openapi.json")
"""Parts of the API that ask no user: farm nodes bring a token of their own, and a description holds no data."""
log = structlog.get_logger()


UNEXPECTED = "Something went wrong here. Nothing you saved is lost. Try again, and quote the trace id if it stays."
IN_PROJECTS = ("/api/projects/", "/api/v1/projects/", "/git/")
GONE = "This project was moved to the trash while this was under way, so it was not done. Its owner can put it back."
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
    known = {"traceId": trace_id, "service": "hub", "method": request.method, "path": path_without_secret(request.path)}
    try:
        return await handler(request)
    except WorkprintError as error:
        note = log.warning if error.status >= 500 else log.info  # noqa: PLR2004 - ours to repair
        note("request failed", status=error.status, error=str(error), **known)
        body = error_body(error.code, error.message, trace_id)
        return web.json_response(body, status=error.status, headers=retry_after(error))
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - a redirect is no failure
            raise
        log.info("request failed", status=error.status, error=error.reason, **known)
        code, message = error.reason.lower().replace(" ", "_"), WORDS.get(error.status, f"{error.reason}.")
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return web.json_response(error_body(code, message, trace_id), status=error.status, headers=allowed)
    except ConnectionResetError:
        # Whoever watched has gone, which is no failure, and nobody is left to be told; the connection is closed below.
        raise
    except Exception as error:
        if await project_is_gone(request):
            log.info("project went away meanwhile", status=404, error=str(error), **known)
            return web.json_response(error_body(NotFound.code, GONE, trace_id), status=404)
        log.exception("request failed unexpectedly", status=500, error=str(error), **known)
        return web.json_response(error_body("internal", UNEXPECTED, trace_id), status=500)


async def project_is_gone(request: web.Request) -> bool:
    """Whether the project of the address was taken away while the request was under way, whatever then failed."""
    if not request.path.startswith(IN_PROJECTS):
        return False
    try:
        await asyncio.to_thread(request.app[PROJECTS].get, ProjectId(request.match_info.get("project", "")))
    except NotFound:
        return "project" in request.match_info
    return False


def retry_after(error: WorkprintError) -> dict[str, str] | None:
    """The header that says when to come back, where that is known."""
    if isinstance(error, TooMany) and error.retry_after_seconds > 0:
        return {"Retry-After": str(math.ceil(error.retry_after_seconds))}
    return None


def path_without_secret(path: str) -> str:
    """A path as it may be logged."""
    return SHARE_PAGE if path.startswith(SHARE_PAGE) else path


def answer_what_is_no_http() -> None:
    """Let aiohttp answer what it cannot even read, before any middleware, in the one shape too.

    It has no setting for this: its own answer is a line of text, and its log a traceback for whatever a stranger sends.
    """
    RequestHandler.handle_error = _tell_no_http  # pyright: ignore[reportAttributeAccessIssue] - it wants the word `self`


def _tell_no_http(
    _protocol: object,
    request: web.BaseRequest,
    status: int = 500,
    exc: BaseException | None = None,
    _message: str | None = None,
) -> web.StreamResponse:
    trace_id = new_id("trace")
    # Not the words of what is wrong with it: they hold the line that could not be read, which may be a credential.
    known = {"traceId": trace_id, "service": "hub", "status": status, "error": type(exc).__name__}
    if status < 500:  # noqa: PLR2004 - theirs
        log.info("request cannot be read", **known)
    elif isinstance(exc, ConnectionResetError):
        log.debug("whoever watched has gone", **known)
    else:
        log.error("request failed unexpectedly", exc_info=exc, **known)
    if request.writer.output_size > 0:
        raise ConnectionError("a reply has begun: there can be no other")
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    told = error_body(code, WORDS.get(status, UNEXPECTED if status >= 500 else WORDS[400]), trace_id)  # noqa: PLR2004 - as above
    response = web.json_response(told, status=status, headers=headers_for("/api/"))
    response.force_close()
    return response


@web.middleware
async def know_the_user(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who is asking; the API is for people who are signed in, the app's own files are for everybody."""
    check_origin(request)
    if is_private(request):
        request[USER] = await signed_in(request)
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


async def signed_in(request: web.Request, token: str = "") -> User:
    """Who asks, by a token that came another way, the Authorization header or the cookie; raises Unauthorised."""
    if token := token or bearer_token(request):
        return await user_of(request.app, token)
    if cookie := request.cookies.get(SESSION_COOKIE, ""):
        return await request.app[PEOPLE].credentials.user_with(cookie, ("session", "guest"))
    raise Unauthorised("Sign in first.")


async def user_of(app: web.Application, token: str) -> User:
    """Who holds an access token or a personal API token; raises Unauthorised."""
    credentials = app[PEOPLE].credentials
    if token.startswith(TOKEN_PREFIX):
        return await credentials.user_with(token, ("token",))
    return await credentials.user_by(app[TOKENS].verify(token, now=app[CLOCK]()))


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
