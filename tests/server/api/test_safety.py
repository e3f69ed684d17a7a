"""Web safety: whose requests are taken, what every reply forbids, and that nothing leaves its folder or its project."""

import asyncio
import gzip
import hashlib
import io
import json
import shutil
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog.testing
from aiohttp import ClientConnectionResetError, web
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from server import keys
from server.api.media import MAX_PARTS
from server.middleware import tell_errors
from server.projects import layout
from tests.support.service import PASSWORD, PNG_PIXEL, Service, got, made, running_service

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


async def reference(session: aiohttp.ClientSession, project: str, data: bytes, name: str = "a.png") -> tuple[int, Any]:
    """Status and body of an upload."""
    form = aiohttp.FormData()
    form.add_field("files", data, filename=name)
    async with session.post(f"/api/projects/{project}/references", data=form) as reply:
        return reply.status, await reply.json()


async def test_a_link_on_the_disk_leads_nobody_out_of_a_project(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    folder = service.app[keys.PROJECTS].get(project).folder
    secret = (tmp_path / ".workprint" / "secret").read_bytes()
    blob = hashlib.sha256(secret).hexdigest()
    place = folder / ".git" / "lfs" / "objects" / blob[:2] / blob[2:4] / blob
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / ".workprint" / "secret")
    await got(ana, f"/api/projects/{project}/media/{blob}", 404)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    references = folder / layout.REFERENCES
    shutil.rmtree(references, ignore_errors=True)
    references.symlink_to(elsewhere)
    status, body = await reference(ana, project, PNG_PIXEL)
    assert status == 503
    assert str(tmp_path) not in json.dumps(body)
    assert list(elsewhere.iterdir()) == []


async def test_a_project_that_is_a_link_is_none(service: Service, ana: aiohttp.ClientSession, tmp_path: Path) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    folder = service.app[keys.PROJECTS].get(project).folder
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    assert await got(ana, "/api/projects") == []
    await got(ana, f"/api/projects/{project}", 404)
    folder.unlink()
    elsewhere.rename(folder)
    (folder / layout.MANIFEST).rename(tmp_path / "manifest")
    (folder / layout.MANIFEST).symlink_to(tmp_path / "manifest")
    service.app[keys.PROJECTS]._known.clear()
    assert await got(ana, "/api/projects") == []


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fpyproject.toml",
        "/%2e%2e/%2e%2e/pyproject.toml",
        "/_app/..%2f..%2f..%2f..%2fpyproject.toml",
        "/..%5c..%5cpyproject.toml",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/./%2e%2e/svelte.config.js",
    ],
)
async def test_no_address_of_the_web_app_leaves_its_folder(service: Service, path: str) -> None:
    async with service.session().get(URL(str(service.server.make_url("/")).rstrip("/") + path, encoded=True)) as reply:
        text = await reply.text()
    assert "[project]" not in text
    assert "root:" not in text
    assert "kit:" not in text


def png(width: int, height: int, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG of one colour, and more chunks before its pixels."""
    rows = zlib.compressobj(9)
    line = b"\0" * (1 + (width + 7) // 8)
    pixels = b"".join(rows.compress(line) for _ in range(height)) + rows.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), *more, (b"IDAT", pixels), (b"IEND", b"")]
    packed = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


BOMB = zlib.compress(b"\0" * (64 << 20), 9)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (png(20_000, 20_000), 413),
        (png(1, 1, (b"zTXt", b"a\0\0" + BOMB)), 400),
        (png(1, 1, (b"iTXt", b"a\0\1\0\0\0" + BOMB)), 400),
        (b"GIF89a" + b"\x10\x00\x10\x00\x00\x00\x00" + b"," * 1000, 400),
        (b"%PDF-1.4", 400),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 400),
    ],
    ids=["pixels", "zTXt", "iTXt", "GIF", "PDF", "SVG"],
)
async def test_a_small_file_that_unpacks_into_much_is_refused(
    ana: aiohttp.ClientSession, data: bytes, status: int
) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    assert (await reference(ana, project, data))[0] == status


async def test_a_form_of_many_parts_is_not_read_to_its_end(ana: aiohttp.ClientSession) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    form = aiohttp.FormData()
    for number in range(MAX_PARTS + 1):
        form.add_field(f"note {number}", "no file")
    form.add_field("file", PNG_PIXEL, filename="a.png")
    async with ana.post(f"/api/projects/{project}/references", data=form) as reply:
        assert reply.status == 400
        assert str(MAX_PARTS) in (await reply.json())["error"]["message"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_packed_body_is_measured_unpacked(ana: aiohttp.ClientSession, encoding: str) -> None:
    packed = gzip.compress(b'{"name": "' + b" " * (64 << 20)) if encoding == "gzip" else BOMB
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    async with ana.post("/api/projects", data=packed, headers=headers) as reply:
        assert reply.status in {400, 413}


async def test_what_is_no_http_gets_the_same_error_as_everything_else(service: Service) -> None:
    for request in (
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nA\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", service.server.make_url("/").port)
        writer.write(request)
        async with asyncio.timeout(60):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert b" 400 " in head.splitlines()[0]
        assert b"nosniff" in head
        assert b"aiohttp" not in head
        assert set(json.loads(body)["error"]) == {"code", "message", "traceId"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("POST", "/api/nothing", 404),
        ("GET", "/auth/nothing", 404),
        ("GET", "/ws", 404),
        ("GET", "/ws/x/y/z/w", 404),
        ("GET", "/ws/x", 400),
        ("GET", "/ws/x/canvas", 404),
        ("DELETE", "/api/projects", 405),
        ("OPTIONS", "/api/projects", 405),
        ("TRACE", "/api/me", 405),
        ("POST", "/projects", 405),
        ("PUT", "/healthz", 405),
        ("POST", "/api/projects", 413),
    ],
)
async def test_every_failure_has_the_one_body_and_stands_in_the_log_under_its_trace_id(
    ana: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    data = io.BytesIO(b"{" + b" " * (2 << 20)) if status == 413 else None
    with structlog.testing.capture_logs() as lines:
        async with ana.request(method, path, data=data) as reply:
            assert reply.status == status
            assert reply.content_type == "application/json"
            error = (await reply.json())["error"]
    assert set(error) == {"code", "message", "traceId"}
    assert error["message"].endswith(".")
    assert (status == 405) is ("Allow" in reply.headers)
    (line,) = [line for line in lines if line.get("traceId") == error["traceId"]]
    assert (line["service"], line["status"]) == ("hub", status)
    assert line["error"]
    async with ana.head(path) as reply:
        assert await reply.read() == b""


async def test_who_goes_while_something_is_being_written_is_no_failure_of_ours() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        raise ClientConnectionResetError("Cannot write to closing transport")

    with structlog.testing.capture_logs() as lines, pytest.raises(ConnectionResetError):
        await tell_errors(make_mocked_request("GET", "/api/farm/live"), handler)
    assert lines == []
