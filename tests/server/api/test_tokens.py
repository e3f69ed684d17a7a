"""Personal API tokens: what they reach, that they are shown once and end when they are revoked."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.service import Service, got, made, running_service
from tests.support.signed_in import bearing, refusal, sent

FILM = {"name": "Night Bus", "governance": "sketch"}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def olga(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Olga", "owner")


async def test_a_token_carries_the_lower_of_its_role_and_its_owner_s(
    service: Service, olga: aiohttp.ClientSession
) -> None:
    film = f"/api/projects/{(await made(olga, '/api/projects', FILM))['id']}"
    wanted = {"name": "Script", "role": "reviewer", "project": None, "days": None}
    granted = await made(olga, "/api/me/tokens", wanted)
    assert granted["token"].startswith("wp_")
    assert (granted["name"], granted["role"], granted["project"], granted["expires_at"]) == (
        "Script",
        "reviewer",
        None,
        None,
    )
    script = bearing(service, granted["token"])
    assert (await got(script, film))["role"] == "reviewer"
    assert (await refusal(script, "PATCH", film, {"name": "Mine"}))[0] == 403
    assert (await refusal(script, "POST", "/api/projects", FILM))[0] == 403
    await sent(olga, "PUT", film + "/access", {"access": "members"})
    assert (await got(script, film))["role"] == "reviewer"
    eve = await service.sign_in("Eve", "viewer")
    eves = await made(eve, "/api/me/tokens", {**wanted, "role": "owner"})
    assert (await got(bearing(service, eves["token"]), "/api/me"))["role"] == "viewer"


async def test_a_token_of_one_project_opens_no_other(service: Service, olga: aiohttp.ClientSession) -> None:
    one, other = [(await made(olga, "/api/projects", FILM))["id"] for _ in range(2)]
    granted = await made(olga, "/api/me/tokens", {"name": "One", "role": "owner", "project": one, "days": 30})
    assert granted["expires_at"].endswith("+00:00")
    script = bearing(service, granted["token"])
    assert [card["id"] for card in await got(script, "/api/projects")] == [one]
    assert (await refusal(script, "GET", f"/api/projects/{other}"))[0] == 404
    assert (await refusal(script, "POST", "/api/projects", FILM))[0] == 403
    assert (await refusal(script, "GET", "/api/audit"))[0] == 403
    await script.ws_connect(f"/ws/{one}/canvas")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await script.ws_connect(f"/ws/{other}/canvas")
    assert refused.value.status == 404


async def test_a_token_is_shown_once_and_ends_when_it_is_revoked(
    service: Service, olga: aiohttp.ClientSession, tmp_path: Path
) -> None:
    granted = await made(olga, "/api/me/tokens", {"name": "Script", "role": "viewer"})
    script = bearing(service, granted["token"])
    assert (await got(olga, "/api/me/tokens"))[0]["last_used"] is None
    await got(script, "/api/projects")
    listed = await got(olga, "/api/me/tokens")
    assert [(one["name"], "token" in one, one["last_used"] is None) for one in listed] == [("Script", False, False)]
    for file in (tmp_path / ".workprint").glob("workspace.sqlite*"):
        assert granted["token"].encode() not in file.read_bytes()
    await sent(olga, "DELETE", f"/api/me/tokens/{granted['id']}")
    assert (await refusal(script, "GET", "/api/projects"))[0] == 401
    assert await got(olga, "/api/me/tokens") == []
    assert (await refusal(olga, "DELETE", f"/api/me/tokens/{granted['id']}"))[0] == 404


async def test_a_token_makes_no_tokens_and_signs_nobody_out(service: Service, olga: aiohttp.ClientSession) -> None:
    granted = await made(olga, "/api/me/tokens", {"name": "Script", "role": "owner"})
    script = bearing(service, granted["token"])
    session = (await got(olga, "/api/me/sessions"))[0]["id"]
    for method, path, body in (
        ("POST", "/api/me/tokens", {"name": "Child", "role": "owner"}),
        ("DELETE", f"/api/me/tokens/{granted['id']}", None),
        ("DELETE", f"/api/me/sessions/{session}", None),
        ("PUT", "/api/me/password", {"current": "x", "password": "correct horse"}),
    ):
        assert (await refusal(script, method, path, body))[0] == 403, path


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "", "role": "viewer"}, 400),
        ({"name": "x", "role": "king"}, 400),
        ({"name": "x", "role": "viewer", "days": 0}, 400),
        ({"name": "x", "role": "viewer", "days": "long"}, 400),
        ({"name": "x", "role": "viewer", "project": "nothing"}, 404),
        ({"name": "x", "role": "viewer", "project": 5}, 404),
    ],
)
async def test_a_poor_wish_is_refused(olga: aiohttp.ClientSession, body: object, status: int) -> None:
    assert (await refusal(olga, "POST", "/api/me/tokens", body))[0] == status
    assert await got(olga, "/api/me/tokens") == []
