"""Share links: how a guest without an account comes in, how far they get, and how that ends."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.service import Service, got, made, running_service
from tests.support.signed_in import browser, refusal, sent

FILM = {"name": "Night Bus", "governance": "sketch"}


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


async def share(olga: aiohttp.ClientSession, film: str, role: str = "reviewer") -> Any:
    return await made(olga, film + "/shares", {"label": "Client", "role": role, "days": 7})


def token_in(link: Any) -> str:
    return link["url"].rsplit("/share/", 1)[1]


async def guest(service: Service, link: Any, name: str = "Carla") -> aiohttp.ClientSession:
    session = browser(service)
    await made(session, "/auth/share", {"token": token_in(link), "name": name}, 200)
    return session


async def test_a_guest_comes_in_by_a_link_and_reaches_that_project_alone(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    await made(olga, "/api/projects", {**FILM, "name": "Another film"})
    link = await share(olga, film)
    session = browser(service)
    entered = await made(session, "/auth/share", {"token": token_in(link), "name": "Carla"}, 200)
    assert entered == {"project": film.rsplit("/", 1)[1], "role": "reviewer"}
    me = await got(session, "/api/me")
    assert (me["name"], me["role"], me["guest"]) == ("Carla (guest)", None, True)
    assert [card["name"] for card in await got(session, "/api/projects")] == ["Night Bus"]
    assert (await got(session, film))["role"] == "reviewer"
    listed = (await got(olga, film + "/members"))["members"]
    assert [(m["name"], m["role"], m["via"]) for m in listed if m["guest"]] == [("Carla (guest)", "reviewer", "share")]
    assert [(s["label"], s["guests"], "url" in s) for s in await got(olga, film + "/shares")] == [("Client", 1, False)]


async def test_guests_are_not_all_painted_as_the_first_person_is(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    people = [olga, *[await guest(service, await share(olga, film), name) for name in ("Carla", "Dora")]]
    assert len({(await got(person, "/api/me"))["hue"] for person in people}) == len(people)


async def test_a_guest_has_no_rights_of_an_account(service: Service, olga: aiohttp.ClientSession, film: str) -> None:
    session = await guest(service, await share(olga, film))
    token = {"name": "Mine", "role": "viewer", "project": None, "days": 1}
    for method, path, body in (
        ("POST", "/api/projects", FILM),
        ("POST", "/api/me/tokens", token),
        ("PUT", "/api/me/password", {"current": "", "password": "correct horse"}),
        ("POST", film + "/shares", {"label": "", "role": "viewer", "days": 1}),
        ("GET", film + "/audit", None),
        ("GET", "/api/audit", None),
        ("GET", "/api/people", None),
    ):
        assert (await refusal(session, method, path, body))[0] == 403, path


async def test_ending_a_link_ends_all_its_guests_and_lets_nobody_in_any_more(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    link, other = await share(olga, film), await share(olga, film)
    carla, carla_too, dora = [await guest(service, each) for each in (link, link, other)]
    assert (await got(carla_too, "/api/me"))["name"] == "Carla (guest 2)"
    async with carla.ws_connect(film.replace("/api/projects", "/ws") + "/canvas") as socket:
        await socket.receive_bytes(timeout=60)
        await sent(olga, "DELETE", f"{film}/shares/{link['id']}")
        while not (message := await socket.receive(timeout=60)).type.name.startswith("CLOS"):
            assert message.type is aiohttp.WSMsgType.BINARY
    for session in (carla, carla_too):
        assert (await refusal(session, "GET", film))[0] == 401
    assert (await got(dora, film))["role"] == "reviewer"
    status, message = await refusal(browser(service), "POST", "/auth/share", {"token": token_in(link), "name": "X"})
    assert (status, "Ask whoever sent it" in message) == (401, True)
    assert (await refusal(olga, "DELETE", f"{film}/shares/{link['id']}"))[0] == 404


async def test_somebody_with_an_account_comes_in_by_a_link_as_themselves(
    service: Service, olga: aiohttp.ClientSession, film: str
) -> None:
    link = await share(olga, film, "viewer")
    assert (await made(olga, "/auth/share", {"token": token_in(link), "name": "X"}, 200))["role"] == "owner"
    session = await guest(service, link)
    better = await share(olga, film, "reviewer")
    entered = await made(session, "/auth/share", {"token": token_in(better), "name": "Carla"}, 200)
    assert entered["role"] == "reviewer"


@pytest.mark.parametrize(
    "body",
    [
        {"label": "", "role": "editor", "days": 1},
        {"label": "", "role": "viewer", "days": 0},
        {"label": "", "role": "viewer", "days": 91},
        {"label": "", "role": "viewer"},
        {"label": "x" * 121, "role": "viewer", "days": 1},
    ],
)
async def test_a_link_gives_little_and_not_for_long(olga: aiohttp.ClientSession, film: str, body: object) -> None:
    assert (await refusal(olga, "POST", film + "/shares", body))[0] == 400
    assert await got(olga, film + "/shares") == []


async def test_who_tries_many_links_is_told_to_wait(service: Service) -> None:
    session = service.session()
    answers: list[int] = []
    waits = ""
    for number in range(25):
        async with session.post("/auth/share", json={"token": f"guess-{number}", "name": "X"}) as reply:
            answers.append(reply.status)
            waits = reply.headers.get("Retry-After", "0")
    assert answers[0] == 401
    assert answers[-1] == 429
    assert 1 <= int(waits) <= 10
