"""GET /api/openapi.json: REST as an OpenAPI 3.1 document, made from the routes and the table of endpoints."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from aiohttp import web

from crdt_schema.roles import LEAST_ROLE
from server.api.spec import activity, core, farm, files, history, identity, jobs, lifecycle, production, sharing
from server.api.spec.endpoint import Endpoint
from server.api.spec.shapes import BLOB, ID, TEXT, Schema, record
from server.keys import OPENAPI
from server.middleware import SESSION_COOKIE

ENDPOINTS: dict[str, Endpoint] = {
    **identity.ENDPOINTS,
    **core.ENDPOINTS,
    **files.ENDPOINTS,
    **production.ENDPOINTS,
    **activity.ENDPOINTS,
    **history.ENDPOINTS,
    **sharing.ENDPOINTS,
    **lifecycle.ENDPOINTS,
    **farm.ENDPOINTS,
    **jobs.ENDPOINTS,
}
"""Method and address of every route to its description; a test demands that none is missing and none is left over."""

ERROR = record(error=record(code=TEXT, message=TEXT, traceId=TEXT))
DESCRIPTION = (
    "Files have addresses by content, never paths. Every route below /api/ answers below /api/v1/ too. "
    "What people edit together travels through the websockets that docs/protocol.md describes."
)
SECURITY: dict[str, Schema] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of POST /auth/token, or one of your own."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "Of POST /auth/login."},
    "order": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of an order, for the farm node that has it.",
    },
}
_PARAMETER = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
_SAID_BEFORE = re.compile(r"^[A-Z]+ \S+(?: `[^`]*`)?: ")
_ROWS = re.compile(r" \([A-Z]{1,2}-\d[^)]*\)")


async def openapi(request: web.Request) -> web.Response:
    """GET /api/openapi.json: this interface, described; it holds no data."""
    return web.json_response(request.app[OPENAPI])


def document(routes: Iterable[web.RouteDef]) -> dict[str, Any]:
    """The whole document; a route without a description is left out."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = plain_path(route.path)
        endpoint = ENDPOINTS.get(f"{route.method} {path}")
        if endpoint is not None:
            paths.setdefault(path, {})[route.method.lower()] = operation(route, endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Workprint", "version": version("workprint"), "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {"Error": ERROR}, "securitySchemes": SECURITY},
    }


def plain_path(path: str) -> str:
    """A route's path without the patterns of its parameters."""
    return _PARAMETER.sub(r"{\1}", path)


def operation(route: web.RouteDef, endpoint: Endpoint) -> dict[str, Any]:
    """One route with its description."""
    words = " ".join((route.handler.__doc__ or "").split("\n\n")[0].split())
    made: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "summary": _ROWS.sub("", _SAID_BEFORE.sub("", words)).rstrip("."),
        "tags": [next(part for part in reversed(route.handler.__module__.split(".")))],
        "parameters": parameters(route, endpoint),
        "responses": responses(route, endpoint),
        "security": security(endpoint),
        "x-least-role": least_role(endpoint),
    }
    if endpoint.body is not None:
        content = {media: {"schema": endpoint.body} for media in endpoint.media}
        made["requestBody"] = {"required": not endpoint.may_be_empty, "content": content}
    return made


def least_role(endpoint: Endpoint) -> str:
    """The least role that may ask, or who else."""
    needs = endpoint.needs
    return needs if needs in ("nobody", "signed in", "order") else LEAST_ROLE[needs]


def security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    """Which of the credentials it takes; any one of them."""
    if endpoint.needs == "nobody":
        return []
    return [{"order": []}] if endpoint.needs == "order" else [{"token": []}, {"cookie": []}]


def parameters(route: web.RouteDef, endpoint: Endpoint) -> list[dict[str, Any]]:
    """Those in the address, and those of the query."""
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": BLOB if name == "blob" else ID}
        for name in _PARAMETER.findall(route.path)
    ]
    return in_path + [
        {"name": name, "in": "query", "required": name in endpoint.needed, "schema": schema}
        for name, schema in endpoint.query.items()
    ]


def responses(route: web.RouteDef, endpoint: Endpoint) -> dict[str, Any]:
    """What comes back when it goes well, and every status with which it may fail."""
    reply = {media: {"schema": endpoint.reply} for media in endpoint.reply_media if endpoint.reply is not None}
    content = {"content": reply} if reply else {}
    good = {str(status): {"description": phrase(status), **content} for status in (endpoint.status, *endpoint.also)}
    failed = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    wrong = statuses_of_failure(route, endpoint)
    return {str(status): {"description": phrase(status), "content": failed} for status in sorted(wrong)} | good


def phrase(status: int) -> str:
    """The name of a status."""
    return HTTPStatus(status).phrase


def statuses_of_failure(route: web.RouteDef, endpoint: Endpoint) -> set[int]:
    """Named ones, and those that follow from who may ask, what is sent and what the address names."""
    found = {*endpoint.errors, 500, 503}
    if endpoint.needs != "nobody":
        found |= {401, 403}
    if route.method != "GET":
        found.add(403)  # another site's page asks
    if endpoint.body is not None:
        found |= {400, 413}
    if _PARAMETER.search(route.path):
        found.add(404)
    return found
