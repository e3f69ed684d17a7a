"""Members of a project over REST: who reaches it, with which role, and whom it is open to."""

from aiohttp import web

from crdt_schema.ids import UserId
from crdt_schema.records import Role
from crdt_schema.roles import LADDER
from server.api.access import enter, json_body, one_of, text
from server.auth.members import Member, ProjectAccess
from server.auth.policy import reaches
from server.errors import Forbidden
from server.keys import PEOPLE
from server.middleware import USER


async def members(request: web.Request) -> web.Response:
    """GET /api/projects/{project}/members: everybody who reaches the project, and how."""
    project, _ = await enter(request, "read")
    found = request.app[PEOPLE].members
    return web.json_response(
        {
            "access": await found.access(project.id),
            "members": [member_json(member) for member in await found.all(project.id)],
        }
    )


async def add(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/members `{name, role}`: make somebody of the workspace a member."""
    project, actor = await enter(request, "manage_members")
    body = await json_body(request)
    name, role = text(body, "name", longest=200), role_in(body)
    return web.json_response(
        member_json(await request.app[PEOPLE].members.add(project.id, name, role, actor)), status=201
    )


async def change(request: web.Request) -> web.Response:
    """PUT /api/projects/{project}/members/{user} `{role}`: give a member another role, or step down yourself."""
    project, actor = await enter(request, "read")
    role = role_in(await json_body(request))
    return web.json_response(
        member_json(await request.app[PEOPLE].members.change(project.id, user_in(request), role, actor))
    )


async def remove(request: web.Request) -> web.Response:
    """DELETE /api/projects/{project}/members/{user}: take somebody out, or leave yourself."""
    project, actor = await enter(request, "read")
    await request.app[PEOPLE].members.remove(project.id, user_in(request), actor)
    return web.json_response({})


async def open_to(request: web.Request) -> web.Response:
    """PUT /api/projects/{project}/access `{access}`: open it to the whole workspace, or to its members only."""
    project, actor = await enter(request, "manage_members")
    access: ProjectAccess = one_of(await json_body(request), "access", ("workspace", "members"))
    await request.app[PEOPLE].members.open_to(project.id, access, actor)
    return web.json_response({"access": access})


async def transfer(request: web.Request) -> web.Response:
    """POST /api/projects/{project}/owner `{user}`: hand the project over; you stay as an admin."""
    project, actor = await enter(request, "transfer_ownership")
    user = UserId(text(await json_body(request), "user", longest=100))
    await request.app[PEOPLE].members.transfer(project.id, user, actor)
    return web.json_response({})


async def people(request: web.Request) -> web.Response:
    """GET /api/people: everybody of the workspace, for who may add members somewhere."""
    user, everybody = request[USER], request.app[PEOPLE]
    runs = user.role is not None and reaches(user.role, "admin")
    if not runs and not await everybody.members.manages_any(user):
        raise Forbidden("Only an admin or owner, of the workspace or of a project, sees everybody. Ask one of them.")
    return web.json_response(
        [{"id": one.id, "name": one.name, "hue": one.hue, "role": one.role} for one in await everybody.all()]
    )


def role_in(body: dict[str, object]) -> Role:
    """The role that was sent; raises BadRequest."""
    return one_of(body, "role", LADDER)


def user_in(request: web.Request) -> UserId:
    """The user in the address."""
    return UserId(request.match_info["user"])


def member_json(member: Member) -> dict[str, object]:
    """A member as a client gets them."""
    return {
        "id": member.id,
        "name": member.name,
        "hue": member.hue,
        "role": member.role,
        "guest": member.guest,
        "via": member.via,
    }
