"""Who may open which document: what the websocket handlers ask before they let anybody in, and when rights change."""

from aiohttp import web

from crdt_schema.documents import DocumentKind, UnknownDocument, kind_of
from crdt_schema.ids import ProjectId, is_id
from server.auth.actor import User
from server.auth.policy import access
from server.errors import NotFound, Unauthorised
from server.hub.admission import Admission, Admit
from server.keys import FORKS, PEOPLE, PROJECTS
from server.middleware import check_origin, signed_in


def admitter(app: web.Application) -> Admit:
    """The app's way to decide: token or cookie, role in the project, permission of the document."""

    async def admit(request: web.Request, token: str, project: ProjectId, document: str) -> Admission:
        check_origin(request)
        user = await signed_in(request, token)
        if not is_id(project):
            raise NotFound("There is no such project.")
        app[PROJECTS].get(project)
        try:
            kind = kind_of(document)
        except UnknownDocument as error:
            raise NotFound(str(error)) from None
        admission = await decide(app, user, project, kind)
        if kind.name == "fork":
            await app[FORKS].demand(project, document.partition("/")[2])
        return admission

    return admit


async def decide(app: web.Application, user: User, project: ProjectId, kind: DocumentKind) -> Admission:
    """What somebody who is signed in may do with documents of a kind today; raises NotFound."""
    role = await app[PEOPLE].role_in(project, user)
    allowed = "none" if role is None else access(role, kind)
    if role is None or allowed == "none":
        raise NotFound("There is no such project.")

    async def again() -> Admission:
        # By the credential, not by what was shown at the door: a short token may have expired since, and need not last.
        if user.by is None:
            raise Unauthorised("Sign in again.")
        return await decide(app, await app[PEOPLE].credentials.user_by(user.by.id), project, kind)

    return Admission(user.acting_as(role), writable=allowed == "write", again=again)
