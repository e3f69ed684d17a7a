"""The audit log over REST: every change of rights stands in it, for those who may read it, newest first."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from crdt_schema.ids import UserId
from server import keys
from tests.support.service import Service, got, made, running_service
from tests.support.signed_in import id_of, refusal, sent

FILM = {"name": "Night Bus", "governance": "sketch"}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def olga(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Olga", "owner")


async def test_every_change_of_rights_is_noted_with_who_and_what(service: Service, olga: aiohttp.ClientSession) -> None:
    film = f"/api/projects/{(await made(olga, '/api/projects', FILM))['id']}"
    eve = await service.sign_in("Eve", "viewer")
    eve_id = await id_of(eve)
    await made(olga, film + "/members", {"name": "Eve", "role": "editor"})
    await sent(olga, "PUT", f"{film}/members/{eve_id}", {"role": "reviewer"})
    share = await made(olga, film + "/shares", {"label": "Client", "role": "viewer", "days": 3})
    await sent(olga, "DELETE", f"{film}/shares/{share['id']}")
    await sent(olga, "PUT", film + "/access", {"access": "members"})
    await sent(olga, "DELETE", f"{film}/members/{eve_id}")
    page = await got(olga, film + "/audit")
    assert [(entry["action"], entry["target"], entry["detail"]) for entry in reversed(page["entries"])] == [
        ("member_added", eve_id, "editor"),
        ("role_change", eve_id, "editor -> reviewer"),
        ("share_created", share["id"], "viewer, 3 days"),
        ("share_revoked", share["id"], ""),
        ("access_change", film.rsplit("/", 1)[1], "members"),
        ("member_removed", eve_id, "reviewer"),
    ]
    assert {entry["by"]["name"] for entry in page["entries"]} == {"Olga"}
    assert page["next"] is None
    assert share["url"].rsplit("/", 1)[1] not in str(page)


async def test_who_is_gone_keeps_their_name(service: Service, olga: aiohttp.ClientSession) -> None:
    film = f"/api/projects/{(await made(olga, '/api/projects', FILM))['id']}"
    eve_id = await id_of(await service.sign_in("Eve", "viewer"))
    await made(olga, film + "/members", {"name": "Eve", "role": "editor"})
    people = service.app[keys.PEOPLE]
    eve = await people.user(UserId(eve_id))
    await people.remove(eve)
    share = await made(olga, film + "/shares", {"label": "Client", "role": "viewer", "days": 3})
    await sent(olga, "DELETE", f"{film}/shares/{share['id']}")
    # Somebody else may be called so now.
    await service.sign_in("Eve", "viewer")
    told = (await got(olga, film + "/audit"))["entries"] + (await got(olga, "/api/audit"))["entries"]
    assert {(entry["action"], entry["target"], entry["target_name"]) for entry in told} == {
        ("member_added", eve_id, "Eve"),
        ("share_created", share["id"], "Client"),
        ("share_revoked", share["id"], "Client"),
        ("member_removed", eve_id, "Eve"),
    }


async def test_pages_follow_one_another_without_a_gap(olga: aiohttp.ClientSession) -> None:
    for number in range(5):
        await made(olga, "/api/me/tokens", {"name": f"Token {number}", "role": "viewer"})
    seen: list[str] = []
    before = ""
    while True:
        page = await got(olga, f"/api/audit?limit=2{before}")
        seen += [entry["detail"] for entry in page["entries"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == [f"Token {number}, viewer" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "before=x", "before=" + "9" * 30])
async def test_a_page_that_cannot_be_is_refused(olga: aiohttp.ClientSession, query: str) -> None:
    assert (await refusal(olga, "GET", f"/api/audit?{query}"))[0] == 400


async def test_only_admins_read_it(service: Service, olga: aiohttp.ClientSession) -> None:
    film = f"/api/projects/{(await made(olga, '/api/projects', FILM))['id']}"
    eve = await service.sign_in("Eve", "editor")
    assert (await refusal(eve, "GET", film + "/audit"))[0] == 403
    status, message = await refusal(eve, "GET", "/api/audit")
    assert (status, message.endswith("of this workspace.")) == (403, True)
