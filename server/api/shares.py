"""Share links of a project over REST; `POST /auth/share` is where guests come in by one."""

from aiohttp import web

from server.api.access import enter, instant, json_body, line, number, one_of
from server.auth.shares import LONGEST_DAYS, Share
from server.keys import PEOPLE
from server.middleware import SHARE_PAGE

LONGEST_LABEL = 120


async def shares(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/shares: the links that still let somebody in."""
    project, _ = await enter(request, "manage_shares")
    return web.json_response([share_json(share) for share in await request.app[PEOPLE].shares.all(project.id)])


async def create(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/shares `{label, role, days}`: make one; its address is shown this once."""
    project, actor = await enter(request, "manage_shares")
    body = await json_body(request)
    share, secret = await request.app[PEOPLE].shares.create(
        project.id,
        actor,
        label=line(body, "label", longest=LONGEST_LABEL, default=""),
        role=one_of(body, "role", ("viewer", "reviewer")),
        days=number(body.get("days"), "days", least=1, most=LONGEST_DAYS),
    )
    url = f"{request.url.origin()}{SHARE_PAGE}{secret}"
    return web.json_response({**share_json(share), "url": url}, status=201)


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/projects/{project}/shares/{share}: end a link and sign its guests out."""
    project, actor = await enter(request, "manage_shares")
    await request.app[PEOPLE].shares.revoke(project.id, request.match_info["share"], actor)
    return web.json_response({})


def share_json(share: Share) -> dict[str, object]:
    """A link as its project's admins see it; `last_used_at`: when a guest last came in by it."""
    return {
        "id": share.id,
        "label": share.label,
        "role": share.role,
        "by": {"id": share.by_id, "name": share.by_name},
        "created_at": instant(share.created_at),
        "last_used_at": instant(share.last_used_at),
        "expires_at": instant(share.expires_at),
        "guests": share.guests,
    }
