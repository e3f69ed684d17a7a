"""What no client of ours sends: every request gets an answer that says what is wrong with it, and never a 500."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from server import keys, middleware
from server.auth.actor import SYSTEM
from server.projects.manifest import NewProject
from tests.support.service import PNG_PIXEL, Service, got, made, running_service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


async def answer_to(service: Service, request: bytes) -> tuple[int, bytes]:
    """Status and body of a request that no client library would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.server.make_url("/").port)
    writer.write(request)
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.read()
    writer.close()
    return int(head.split(b" ", 2)[1]), body


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/%00", "", 200),
        (f"/{'a' * 5000}", "", 200),
        ("/%ed%a0%80", "", 200),
        ("/api", "", 404),
        ("/api/projects/%00", "", 404),
        ("/api/projects/..%2f..%2fx", "", 404),
        ("/api/projects/PROJECT/media/..%2f..%2fproject.json", "", 404),
        ("/api/projects/PROJECT/estimate?node=%00%ed%a0%80", "", 200),
        ("/ws/..%2fPROJECT/canvas", "", 404),
        ("/ws/PROJECT/..%2ftakes", "", 404),
        ("/ws/PROJECT/canvas%00", "", 404),
        ("/auth/one-time?code=%ed%a0%80", "", 303),
        ("/ws/PROJECT/canvas", "Origin: http://[\r\n", 403),
        ("/ws/PROJECT/canvas", "Origin: http://[::1\r\n", 403),
        ("/api/me", "Authorization: Bearer \xff\xfe.a.b\r\n", 401),
        ("/api/me", "Cookie: workprint_session=\xff\xfe\r\n", 401),
    ],
)
async def test_an_odd_address_or_header_is_answered(
    service: Service, ana: aiohttp.ClientSession, target: str, headers: str, status: int
) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    sign_in = "" if "Authorization" in headers or "Cookie" in headers else ana.headers["Authorization"]
    head = f"GET {target.replace('PROJECT', project)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}"
    head += f"Authorization: {sign_in}\r\n\r\n" if sign_in else "\r\n"
    got_status, body = await answer_to(service, head.encode("latin-1"))
    assert got_status == status, body
    assert b"Traceback" not in body


@pytest.mark.parametrize(
    "body",
    [
        "[" * 200_000,
        '{"a":' * 100_000,
        '{"name": "x", "creativeContract": {"budgetCap": ' + "9" * 5000 + "}}",
        '{"name": "x", "creativeContract": {"budgetCap": 1e400}}',
        '{"name": "a\\ud800b"}',
        '{"name": "a\\u0000b"}',
        '{"name": "a\\u001bb"}',
        '{"name": "\\u202e\\u200b"}',
        '{"name": "x", "description": "\\udfff"}',
        '{"name": "x", "structure": ["three-act"]}',
        "null",
        "",
        "\xff",
    ],
)
async def test_an_odd_body_is_refused(ana: aiohttp.ClientSession, body: str) -> None:
    async with ana.post("/api/projects", data=body.encode("latin-1")) as reply:
        assert reply.status == 400
        assert (await reply.json())["error"]["message"]
    assert await got(ana, "/api/projects") == []


@pytest.mark.parametrize("name", ["Night Bus", "🎬", "👩‍👩‍👧", "क्षण", "../../../etc/passwd", "CON", "a" * 120])
async def test_a_name_in_any_script_is_taken(service: Service, ana: aiohttp.ClientSession, name: str) -> None:
    project = await made(ana, "/api/projects", {"name": name})
    assert project["name"] == name
    folder = service.app[keys.PROJECTS].get(project["id"]).folder
    assert folder.parent.name == "Projects"
    await made(ana, f"/api/projects/{project['id']}/snapshots", {"name": name})


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"--x\r\ngarbage"),
        ("multipart/form-data; boundary=" + "x" * 200, b""),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\x00\r\n\r\n--x--\r\n"),
        ("multipart/mixed; boundary=x", b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nz"),
        ("application/json; charset=nonsense", b"{}"),
        ("application/json", b'{"username": "\\ud800", "password": "\\ud800"}'),
        ("application/json", b'{"username": 1, "password": []}'),
        ("application/x-www-form-urlencoded", b"username=%ff"),
    ],
)
async def test_a_form_that_is_none_is_refused(ana: aiohttp.ClientSession, content_type: str, body: bytes) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    for path in ("/auth/token", f"/api/projects/{project}/references"):
        async with ana.post(path, data=body, headers={"Content-Type": content_type}) as reply:
            assert reply.status == 400, await reply.text()


async def test_an_upload_of_many_images_keeps_the_whole_ones(ana: aiohttp.ClientSession) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    form = aiohttp.FormData()
    form.add_field("a", PNG_PIXEL, filename="a.png")
    form.add_field("b", b"no image", filename="b.png")
    async with ana.post(f"/api/projects/{project}/references", data=form) as reply:
        assert (await reply.json())["error"]["message"] == "b.png is no PNG, JPEG, WebP or TIFF image."
    manifest = (await got(ana, f"/api/projects/{project}"))["manifest"]
    assert len(manifest["creative_contract"]["referencePack"]) == 1


async def test_a_stranger_cannot_fill_the_memory(service: Service) -> None:
    body = json.dumps({"username": "x" * (2 << 20), "password": "y"})
    data, headers = io.BytesIO(body.encode()), {"Content-Type": "application/json"}
    async with service.session().post("/auth/token", data=data, headers=headers) as reply:
        assert reply.status == 413


async def test_a_node_or_project_that_is_no_text_is_not_found(ana: aiohttp.ClientSession) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    for body in ({}, {"project_id": 5}, {"project_id": project}, {"project_id": project, "node_id": ["a"]}):
        await made(ana, "/api/tasks/submit", body, 404)


async def test_the_brief_of_a_project_made_without_one_can_be_completed_bit_by_bit(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = await service.app[keys.PROJECTS].create(NewProject("From the command line"), by=SYSTEM)
    async with ana.patch(f"/api/projects/{project.id}", json={"creativeContract": {"budgetCap": 5}}) as reply:
        assert reply.status == 200, await reply.text()
        manifest = (await reply.json())["manifest"]
    assert manifest["creative_contract"]["budgetCap"] == 5
    assert manifest["project_settings"]["aspect_ratio"] == "16:9"


@pytest.mark.parametrize(("broken", "level"), [(ConnectionResetError("gone"), "debug"), (ValueError("a bug"), "error")])
def test_who_leaves_in_the_middle_of_a_stream_is_no_error_of_ours(broken: Exception, level: str) -> None:
    request = make_mocked_request("GET", "/api/farm/live")
    request.writer.output_size = 1
    with capture_logs() as logged, pytest.raises(ConnectionError, match="a reply has begun"):
        middleware._tell_no_http(None, request, 500, broken)
    assert [line["log_level"] for line in logged] == [level]
