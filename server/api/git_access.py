"""Who asks for a repository: the sign-ins that Git and Git LFS can send, and refusals in the form each can show."""

import base64
import functools
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from crdt_schema.ids import UserId, new_id
from server.api.access import enter
from server.api.address import address_of
from server.auth.actor import Actor, User
from server.auth.credentials import TOKEN_PREFIX
from server.auth.policy import Action
from server.auth.tokens import TransferGrant
from server.errors import Forbidden, Unauthorised, WorkprintError
from server.keys import ATTEMPTS, CLOCK, PEOPLE, TOKENS
from server.middleware import USER, retry_after, user_of
from server.projects.index import Project

LFS_TYPE: Final = "application/vnd.git-lfs+json"
TRANSFER_SCHEME: Final = "Transfer"
"""How the token of one LFS transfer is sent; a batch names it in the headers of its actions."""
ASK: Final = 'Basic realm="Workprint", charset="UTF-8"'
NO_SIGN_IN = "Sign in with your name and, as the password, an API token from Your account (or your own password)."
LONGEST_NAME = 200
LONGEST_PASSWORD = 1000
JWT_DOTS = 2

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger(__name__)


async def enter_repository(request: web.Request, action: Action) -> tuple[Project, Actor]:
    """The project whose repository is asked for, and who asks; raises Unauthorised, NotFound, Forbidden.

    A cookie counts for nothing here, so no page can make a browser fetch or push.
    """
    request[USER] = await _caller(request)
    return await enter(request, action)


async def _caller(request: web.Request) -> User:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return await user_of(request.app, given.strip())
        case "transfer":
            return await _transferring(request, given.strip())
        case "basic":
            return await _by_name(request, *_name_and_password(given))
        case _:
            raise Unauthorised(NO_SIGN_IN)


def _name_and_password(given: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise Unauthorised(NO_SIGN_IN) from None
    if not password or len(name) > LONGEST_NAME or len(password) > LONGEST_PASSWORD:
        raise Unauthorised(NO_SIGN_IN)
    return name, password


async def _by_name(request: web.Request, name: str, password: str) -> User:
    """A token says by itself whose it is; only a password needs the name, and is slowed down as at the sign-in."""
    if password.startswith(TOKEN_PREFIX) or (password.startswith("eyJ") and password.count(".") == JWT_DOTS):
        return await user_of(request.app, password)
    with request.app[ATTEMPTS].password(name, address_of(request)):
        return await request.app[PEOPLE].sign_in(name, password)


async def _transferring(request: web.Request, token: str) -> User:
    grant = request.app[TOKENS].verify_transfer(token, now=request.app[CLOCK]())
    if grant.project != request.match_info["project"]:
        raise Forbidden("This transfer belongs to another project. Start it again.")
    people = request.app[PEOPLE]
    # Asked again, so that whoever has lost their rights transfers nothing more.
    return await (people.credentials.user_by(grant.credential) if grant.credential else people.user(UserId(grant.user)))


def transfer_headers(request: web.Request, project: Project) -> dict[str, str]:
    """What lets the same person bring or fetch files of this project for a while."""
    user = request[USER]
    grant = TransferGrant(project.id, user.id, user.by.id if user.by else "")
    return {"Authorization": f"{TRANSFER_SCHEME} {request.app[TOKENS].issue_transfer(grant, now=request.app[CLOCK]())}"}


def for_git(handler: Handler) -> Handler:
    """Refusals as a line of text, which git shows behind `remote:`."""

    def shown(error: WorkprintError, _trace_id: str) -> web.Response:
        return web.Response(status=error.status, text=f"{error.message}\n", content_type="text/plain", charset="utf-8")

    return _telling(handler, shown)


def for_lfs(handler: Handler) -> Handler:
    """Refusals as git-lfs reads them."""

    def shown(error: WorkprintError, trace_id: str) -> web.Response:
        body = {"message": error.message, "request_id": trace_id}
        return web.json_response(body, status=error.status, content_type=LFS_TYPE)

    return _telling(handler, shown)


def _telling(handler: Handler, shown: Callable[[WorkprintError, str], web.Response]) -> Handler:
    @functools.wraps(handler)
    async def told(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except WorkprintError as error:
            trace_id = new_id("trace")
            known = {"traceId": trace_id, "service": "hub", "method": request.method, "path": request.path}
            # Git asks without a sign-in first, every time.
            note = log.info if "Authorization" in request.headers else log.debug
            note("request failed", status=error.status, error=str(error), **known)
            response = shown(error, trace_id)
            response.headers.update(retry_after(error) or {})
            if error.status == Unauthorised.status:
                # git-lfs looks for its own header first; both make a program ask its person, or its keychain.
                response.headers.update({"WWW-Authenticate": ASK, "LFS-Authenticate": ASK})
            return response

    return told
