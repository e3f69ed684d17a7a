"""Signing in over HTTP: what a session is, how it is renewed, how it ends, and how guessing is slowed down."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from server.app import build_app
from server.auth.attempts import NAME_AT_ADDRESS
from server.clock import utc_now
from server.config import read_config
from tests.support.service import PASSWORD, Service, got, made, running_service
from tests.support.signed_in import bearing, browser, refusal, sent, signed_in_browser

ANA = {"username": "Ana", "password": PASSWORD}
WRONG = {"username": "Ana", "password": "wrong"}


class Clock:
    """The wall clock, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def service(tmp_path: Path, clock: Clock) -> AsyncIterator[Service]:
    settings = {"WORKSPACE_ROOT": str(tmp_path), "WORKPRINT_DEMO": "0", "WORKPRINT_PROXIES": "127.0.0.1"}
    running = Service(TestServer(build_app(read_config(settings), clock)))
    await running.server.start_server()
    await running.sign_in("Ana", "editor")
    yield running
    await running.close()


async def tokens(service: Service) -> Any:
    return await made(service.session(), "/auth/token", ANA, 200)


async def test_an_access_token_is_short_and_a_refresh_token_gives_the_next(service: Service, clock: Clock) -> None:
    first = await tokens(service)
    assert (first["token_type"], first["expires_in"]) == ("bearer", 900)
    clock.ahead = timedelta(minutes=16)
    status, message = await refusal(bearing(service, first["access_token"]), "GET", "/api/me")
    assert (status, "expired" in message) == (401, True)
    second = await made(service.session(), "/auth/refresh", {"refresh_token": first["refresh_token"]}, 200)
    assert (await got(bearing(service, second["access_token"]), "/api/me"))["name"] == "Ana"
    assert second["refresh_token"] != first["refresh_token"]


async def test_a_refresh_token_that_comes_back_ends_its_whole_family(service: Service) -> None:
    first, apart = await tokens(service), await tokens(service)
    second = await made(service.session(), "/auth/refresh", {"refresh_token": first["refresh_token"]}, 200)
    third = await made(service.session(), "/auth/refresh", {"refresh_token": second["refresh_token"]}, 200)
    status, message = await refusal(
        service.session(), "POST", "/auth/refresh", {"refresh_token": first["refresh_token"]}
    )
    assert (status, "used before" in message) == (401, True)
    for ended in (first, second, third):
        assert (await refusal(bearing(service, ended["access_token"]), "GET", "/api/me"))[0] == 401
    body = {"refresh_token": third["refresh_token"]}
    assert (await refusal(service.session(), "POST", "/auth/refresh", body))[0] == 401
    assert (await got(bearing(service, apart["access_token"]), "/api/me"))["name"] == "Ana"


async def test_a_secret_works_only_for_what_it_is(service: Service) -> None:
    granted = await tokens(service)
    page = await signed_in_browser(service, "Ana")
    cookie = next(iter(page.cookie_jar)).value
    for token in (granted["refresh_token"], cookie, "wp_guess", "x.y.z"):
        assert (await refusal(bearing(service, token), "GET", "/api/me"))[0] == 401
    for secret in (granted["access_token"], cookie):
        assert (await refusal(service.session(), "POST", "/auth/refresh", {"refresh_token": secret}))[0] == 401
    for value in (granted["access_token"], granted["refresh_token"]):
        session = browser(service, Cookie=f"workprint_session={value}")
        assert (await refusal(session, "GET", "/api/me"))[0] == 401


async def test_signing_out_ends_the_session_for_who_copied_its_cookie_too(service: Service) -> None:
    page = await signed_in_browser(service, "Ana")
    thief = browser(service, Cookie=f"workprint_session={next(iter(page.cookie_jar)).value}")
    socket_token = (await got(page, "/auth/socket-token"))["token"]
    assert (await got(thief, "/api/me"))["name"] == "Ana"
    await made(page, "/auth/logout", {}, 200)
    assert (await refusal(thief, "GET", "/api/me"))[0] == 401
    assert (await refusal(bearing(service, socket_token), "GET", "/api/me"))[0] == 401


async def test_a_person_sees_where_they_are_signed_in_and_ends_what_they_do_not_know(service: Service) -> None:
    page = await signed_in_browser(service, "Ana")
    other = browser(service, **{"User-Agent": "Strange browser"})
    await made(other, "/auth/login", ANA, 200)
    listed = await got(page, "/api/me/sessions")
    assert [one["kind"] for one in listed if one["current"]] == ["session"]
    strange = next(one for one in listed if one["name"] == "Strange browser")
    assert not strange["current"]
    await sent(page, "DELETE", f"/api/me/sessions/{strange['id']}")
    assert (await refusal(other, "GET", "/api/me"))[0] == 401
    assert (await got(page, "/api/me"))["name"] == "Ana"


async def test_a_new_password_signs_out_everywhere_else(service: Service) -> None:
    page, other = await signed_in_browser(service, "Ana"), await signed_in_browser(service, "Ana")
    wrong = {"current": "wrong horse", "password": "another horse"}
    assert (await refusal(page, "PUT", "/api/me/password", wrong))[0] == 403
    assert (await refusal(page, "PUT", "/api/me/password", {"current": PASSWORD, "password": "short"}))[0] == 400
    await sent(page, "PUT", "/api/me/password", {"current": PASSWORD, "password": "another horse"})
    assert (await got(page, "/api/me"))["name"] == "Ana"
    assert (await refusal(other, "GET", "/api/me"))[0] == 401
    assert (await refusal(service.session(), "POST", "/auth/token", ANA))[0] == 401


async def test_a_session_ends_on_its_open_websockets_within_a_second(service: Service) -> None:
    page = await signed_in_browser(service, "Ana")
    film = (await made(page, "/api/projects", {"name": "Film", "governance": "sketch"}))["id"]
    async with page.ws_connect(f"/ws/{film}/canvas") as socket:
        await socket.receive_bytes(timeout=60)
        await made(page, "/auth/logout", {}, 200)
        while not (message := await socket.receive(timeout=60)).type.name.startswith("CLOS"):
            assert message.type is aiohttp.WSMsgType.BINARY
        assert socket.close_code == 4401


async def test_a_socket_outlives_the_short_token_it_was_opened_with(service: Service, clock: Clock) -> None:
    page = await signed_in_browser(service, "Ana")
    film = (await made(page, "/api/projects", {"name": "Film", "governance": "sketch"}))["id"]
    token = (await got(page, "/auth/socket-token"))["token"]
    async with service.session().ws_connect(f"/ws/{film}/canvas?token={token}") as socket:
        await socket.receive_bytes(timeout=60)
        clock.ahead = timedelta(minutes=10)
        await sent(page, "PUT", f"/api/projects/{film}/access", {"access": "members"})
        await socket.send_bytes(b"\x00\x00\x01\x00")
        assert (await socket.receive(timeout=60)).type is aiohttp.WSMsgType.BINARY


async def test_a_guesser_waits_and_the_person_is_not_kept_out(service: Service, clock: Clock) -> None:
    guesser = service.session({"X-Forwarded-For": "203.0.113.9"})
    answers: list[int] = []
    waits = ""
    for _ in range(NAME_AT_ADDRESS.burst + 1):
        async with guesser.post("/auth/login", json=WRONG) as reply:
            answers.append(reply.status)
            waits = reply.headers.get("Retry-After", "")
    assert answers == [401] * NAME_AT_ADDRESS.burst + [429]
    assert 1 <= int(waits) <= NAME_AT_ADDRESS.pause_seconds
    elsewhere = service.session({"X-Forwarded-For": "198.51.100.4"})
    await made(elsewhere, "/auth/login", ANA, 200)
    clock.ahead = timedelta(seconds=int(waits))
    await made(guesser, "/auth/login", ANA, 200)


async def test_only_a_proxy_of_ours_says_where_somebody_comes_from(tmp_path: Path) -> None:
    async with running_service(tmp_path / "other") as bare:
        await bare.sign_in("Ana", "editor")
        answers: list[int] = []
        for number in range(NAME_AT_ADDRESS.burst + 1):
            session = bare.session({"X-Forwarded-For": f"203.0.113.{number}", "X-Forwarded-Proto": "https"})
            async with session.post("/auth/login", json=WRONG) as reply:
                answers.append(reply.status)
        assert answers[-1] == 429


async def test_the_cookie_is_kept_to_https_where_the_browser_came_by_it(service: Service) -> None:
    for proto, secure in (("https", True), ("http", False)):
        async with service.session({"X-Forwarded-Proto": proto}).post("/auth/login", json=ANA) as reply:
            assert ("Secure" in reply.headers["Set-Cookie"]) == secure
