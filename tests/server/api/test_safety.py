"""Web safety: whose requests are taken, what every reply forbids, and that nothing leaves its folder or its project."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.service import PASSWORD, Service, made, running_service

FRIEND = "https://studio.example"
POLICY = "Content-Security-Policy"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path, WORKPRINT_ORIGINS=FRIEND) as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "owner")


@pytest.fixture
async def browser(service: Service, ana: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientSession]:
    """Ana's browser, which sends her cookie with whatever any page asks it for."""
    assert not ana.closed
    base = service.server.make_url("/")
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.post("/auth/login", json={"username": "Ana", "password": PASSWORD}) as reply:
            assert reply.status == 200
        yield session


def own_origin(service: Service) -> str:
    return str(service.server.make_url("/")).rstrip("/")


FOREIGN = {
    "another site": {"Origin": "https://elsewhere.example"},
    "a page without an origin": {"Origin": "null"},
    "a file": {"Origin": "file://"},
    "an extension": {"Origin": "chrome-extension://HOST"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "a name that begins alike": {"Origin": "http://HOST.elsewhere.example"},
    "a user of the same name": {"Origin": "http://HOST@elsewhere.example"},
    "an empty one": {"Origin": ""},
    "another site that hides": {"Sec-Fetch-Site": "cross-site"},
    "another part of the site": {"Sec-Fetch-Site": "same-site"},
}


@pytest.mark.parametrize("who", FOREIGN)
async def test_a_signed_in_browser_does_nothing_for_another_site(
    service: Service, browser: aiohttp.ClientSession, who: str
) -> None:
    host = own_origin(service).removeprefix("http://")
    headers = {name: value.replace("HOST", host) for name, value in FOREIGN[who].items()}
    project = (await made(browser, "/api/projects", {"name": "Night Bus"}))["id"]
    for method, path in (
        ("POST", "/api/projects"),
        ("PATCH", f"/api/projects/{project}"),
        ("POST", "/auth/login"),
        ("POST", "/auth/logout"),
        ("GET", f"/ws/{project}"),
        ("GET", f"/ws/{project}/canvas"),
    ):
        async with browser.request(method, path, json={"name": "Theirs"}, headers=headers) as reply:
            assert reply.status == 403, (method, path)
            assert set((await reply.json())["error"]) == {"code", "message", "traceId"}


@pytest.mark.parametrize("headers", [{"Origin": "OWN"}, {"Origin": FRIEND}, {}, {"Sec-Fetch-Site": "same-origin"}])
async def test_a_signed_in_browser_works_for_its_own_pages_and_the_configured_ones(
    service: Service, browser: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    headers = {name: value.replace("OWN", own_origin(service)) for name, value in headers.items()}
    async with browser.post("/api/projects", json={"name": "Mine"}, headers=headers) as reply:
        assert reply.status == 201
        project = (await reply.json())["id"]
    for address in (f"/ws/{project}", f"/ws/{project}/canvas"):
        async with browser.ws_connect(address, headers=headers) as socket:
            assert not socket.closed


async def test_the_origin_counts_for_a_stranger_who_signs_in_inside_the_socket(service: Service) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await service.session().ws_connect("/ws/x", headers={"Origin": "https://elsewhere.example"})


async def test_no_other_page_loads_what_is_yours_as_a_part_of_itself(browser: aiohttp.ClientSession) -> None:
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    async with browser.get("/api/projects", headers=embedded) as reply:
        assert reply.status == 403
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for path in ("/api/projects", "/"):
        async with browser.get(path, headers=followed) as reply:
            assert reply.status in {200, 503}, path  # 503: the web app is not built


async def test_only_a_configured_origin_may_read_replies(browser: aiohttp.ClientSession) -> None:
    for origin, allowed in ((FRIEND, FRIEND), ("https://elsewhere.example", None), ("null", None)):
        async with browser.get("/api/me", headers={"Origin": origin}) as reply:
            assert reply.headers.get("Access-Control-Allow-Origin") == allowed
            assert "Origin" in reply.headers["Vary"]
        asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        async with browser.options("/api/projects", headers=asked) as reply:
            assert (reply.status == 204) is (allowed is not None)


@pytest.mark.parametrize("path", ["/api/me", "/api/nothing", "/auth/socket-token", "/healthz", "/metrics", "/ws/x"])
async def test_what_the_server_says_is_data_and_is_kept_by_nobody(service: Service, path: str) -> None:
    async with service.session().get(path) as reply:
        assert reply.headers["Cache-Control"] == "no-store"
        policy = reply.headers[POLICY].split("; ")
        assert {"default-src 'none'", "frame-ancestors 'none'", "sandbox"} <= set(policy)


@pytest.mark.parametrize("path", ["/", "/api/me", "/metrics", "/projects/x", "/_app/nothing.js"])
async def test_every_reply_says_what_a_browser_may_not_do_with_it(service: Service, path: str) -> None:
    async with service.session().get(path) as reply:
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in reply.headers["Permissions-Policy"]
        assert "frame-ancestors 'none'" in reply.headers[POLICY]
        assert "unsafe-eval" not in reply.headers[POLICY]
        script = next((part for part in reply.headers[POLICY].split("; ") if part.startswith("script-src")), "")
        assert "unsafe-inline" not in script
        assert reply.headers["Server"] == "Workprint"
