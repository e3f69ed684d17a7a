"""Who may open which document: what the websocket handlers ask before they let anybody in."""

from aiohttp import web

from crdt_schema.documents import UnknownDocument, kind_of
from crdt_schema.ids import ProjectId, is_id
from server.auth.policy import access
from server.errors import Forbidden, NotFound, Unauthorised
from server.hub.admission import Admission, Admit
from server.keys import PEOPLE, PROJECTS
from server.middleware import SESSION_COOKIE, bearer_token, check_origin, user_of


def admitter(app: web.Application) -> Admit:
    """The app's way to decide: token or cookie, role in the project, permission of the document."""

    async def admit(request: web.Request, token: str, project: ProjectId, document: str) -> Admission:
        check_origin(request)
        token = token or bearer_token(request) or request.cookies.get(SESSION_COOKIE, "")
        if not token:
            raise Unauthorised("Sign in first.")
        user = await user_of(app, token)
        if not is_id(project):
            raise NotFound("There is no such project.")
        app[PROJECTS].get(project)
        try:
            kind = kind_of(document)
        except UnknownDocument as error:
            raise NotFound(str(error)) from None
        role = await app[PEOPLE].role_in(project, user)
        allowed = access(role, kind)
        if allowed == "none":
            raise Forbidden("You may not see this project.")
        return Admission(user.acting_as(role), writable=allowed == "write")

    return admit
