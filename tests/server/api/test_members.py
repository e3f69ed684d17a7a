"""Who reaches a project and who may change that, over REST and on open websockets (G-098 to G-101, X-011, X-012)."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from crdt_schema.wire import CloseCode
from tests.support.service import Service, got, made, running_service
from tests.support.signed_in import id_of, refusal, sent

FILM = {"name": "Night Bus", "governance": "sketch"}
NOT_THERE = (404, "There is no such project.")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def olga(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Olga", "editor")


@pytest.fixture
async def film(olga: aiohttp.ClientSession) -> str:
    return f"/api/projects/{(await made(olga, '/api/projects', FILM))['id']}"


async def close_to_members(olga: aiohttp.ClientSession, film: str) -> None:
    assert await sent(olga, "PUT", film + "/access", {"access": "members"}) == {"access": "members"}


async def test_a_project_is_open_to_the_workspace_until_it_is_closed_to_its_members(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    eve = await service.sign_in("Eve", "viewer")
    listed = await got(olga, film + "/members")
    assert listed["access"] == "workspace"
    assert [(m["name"], m["role"], m["via"], m["guest"]) for m in listed["members"]] == [
        ("Eve", "viewer", "workspace", False),
        ("Olga", "owner", "member", False),
    ]
    await close_to_members(olga, film)
    assert [m["name"] for m in (await got(olga, film + "/members"))["members"]] == ["Olga"]
    for path in ("", "/members", "/history", "/git/status", "/estimate?node=x", "/media/" + "0" * 64):
        assert await refusal(eve, "GET", film + path) == NOT_THERE
    assert await got(eve, "/api/projects") == []
    task = {"project_id": film.rsplit("/", 1)[1], "node_id": "shot"}
    assert await refusal(eve, "POST", "/api/tasks/submit", task) == NOT_THERE


async def test_who_runs_the_workspace_reaches_every_project(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    await close_to_members(olga, film)
    root = await service.sign_in("Root", "admin")
    assert (await got(root, film))["role"] == "admin"


async def test_a_membership_stands_before_the_role_in_the_workspace(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    eve = await service.sign_in("Eve", "viewer")
    added = await made(olga, film + "/members", {"name": " eve ", "role": "editor"})
    assert (added["name"], added["role"], added["via"]) == ("Eve", "editor", "member")
    assert (await got(eve, film))["role"] == "editor"
    assert (await refusal(olga, "POST", film + "/members", {"name": "Eve", "role": "viewer"}))[0] == 409
    assert (await refusal(olga, "POST", film + "/members", {"name": "Nobody", "role": "viewer"}))[0] == 404
    assert (await refusal(olga, "POST", film + "/members", {"name": "Eve", "role": "king"}))[0] == 400


async def test_only_the_owner_makes_admins_and_nobody_touches_a_role_as_high_as_their_own(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    ada, bo, eve = [await service.sign_in(name, "viewer") for name in ("Ada", "Bo", "Eve")]
    for name, role in (("Ada", "admin"), ("Bo", "admin"), ("Eve", "editor")):
        await made(olga, film + "/members", {"name": name, "role": role})
    ada_id, bo_id, eve_id, olga_id = [await id_of(one) for one in (ada, bo, eve, olga)]
    assert (await sent(ada, "PUT", f"{film}/members/{eve_id}", {"role": "reviewer"}))["role"] == "reviewer"
    for method, who, body in (
        ("PUT", eve_id, {"role": "admin"}),
        ("PUT", bo_id, {"role": "editor"}),
        ("PUT", ada_id, {"role": "owner"}),
        ("PUT", olga_id, {"role": "editor"}),
        ("DELETE", bo_id, None),
        ("DELETE", olga_id, None),
    ):
        status, message = await refusal(ada, method, f"{film}/members/{who}", body)
        assert (status, "Ask the owner" in message) == (403, True)
    assert (await refusal(eve, "PUT", f"{film}/members/{eve_id}", {"role": "editor"}))[0] == 403
    assert (await refusal(eve, "PUT", film + "/access", {"access": "members"}))[0] == 403
    assert (await sent(olga, "PUT", f"{film}/members/{bo_id}", {"role": "viewer"}))["role"] == "viewer"


async def test_everybody_may_leave_but_the_last_owner(service: Service, olga: aiohttp.ClientSession, film: str) -> None:
    eve = await service.sign_in("Eve", "viewer")
    await made(olga, film + "/members", {"name": "Eve", "role": "editor"})
    await close_to_members(olga, film)
    await sent(eve, "DELETE", f"{film}/members/{await id_of(eve)}")
    assert await refusal(eve, "GET", film) == NOT_THERE
    me = f"{film}/members/{await id_of(olga)}"
    for method, body in (("DELETE", None), ("PUT", {"role": "admin"})):
        status, message = await refusal(olga, method, me, body)
        assert (status, "last one" in message) == (409, True)


async def test_an_owner_hands_the_project_over_and_stays_as_an_admin(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    eve = await service.sign_in("Eve", "viewer")
    eve_id = await id_of(eve)
    assert (await refusal(eve, "POST", film + "/owner", {"user": eve_id}))[0] == 403
    assert (await refusal(olga, "POST", film + "/owner", {"user": "nobody"}))[0] == 404
    await sent(olga, "POST", film + "/owner", {"user": eve_id})
    assert (await got(eve, film))["role"] == "owner"
    assert (await got(olga, film))["role"] == "admin"


async def test_whoever_may_add_members_somewhere_sees_the_people_of_the_workspace(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    assert film
    eve = await service.sign_in("Eve", "editor")
    assert [one["name"] for one in await got(olga, "/api/people")] == ["Eve", "Olga"]
    assert (await refusal(eve, "GET", "/api/people"))[0] == 403


async def test_a_websocket_of_who_is_no_member_finds_no_such_project(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    await close_to_members(olga, film)
    eve = await service.sign_in("Eve", "editor")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await eve.ws_connect(film.replace("/api/projects", "/ws") + "/canvas")
    assert refused.value.status == 404


async def test_a_member_who_is_removed_is_cut_off_within_a_second(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    eve = await service.sign_in("Eve", "viewer")
    await made(olga, film + "/members", {"name": "Eve", "role": "editor"})
    await close_to_members(olga, film)
    async with eve.ws_connect(film.replace("/api/projects", "/ws") + "/canvas") as socket:
        await socket.receive_bytes(timeout=60)
        await sent(olga, "DELETE", f"{film}/members/{await id_of(eve)}")
        while not (message := await socket.receive(timeout=60)).type.name.startswith("CLOS"):
            assert message.type is aiohttp.WSMsgType.BINARY
        assert socket.close_code == CloseCode.NO_SUCH_DOCUMENT
