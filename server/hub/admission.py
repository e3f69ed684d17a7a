"""Admission: what the hub asks the rest of the server about somebody who knocks at a document."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from crdt_schema.ids import ProjectId, is_id
from server.auth.actor import Actor
from server.errors import NotFound


@dataclass(frozen=True)
class Admission:
    """Who comes in, and whether they may change the document."""

    actor: Actor
    writable: bool
    again: Callable[[], Awaitable["Admission"]] | None = None
    """Decide again, now that rights have changed: the same credential, today's role; None where nothing changes."""


Admit = Callable[[web.Request, str, ProjectId, str], Awaitable[Admission]]
"""From the upgrade request (for its cookie), a token or "", a project and a document; raises WorkprintError."""


def project_in(request: web.Request) -> ProjectId:
    """The project in the address; raises NotFound when it can be none."""
    project = request.match_info["project"]
    if not is_id(project):
        raise NotFound("There is no such project.")
    return ProjectId(project)
