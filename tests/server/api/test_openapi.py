"""The OpenAPI document describes every route, and what runs behaves as it says."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId, ProjectId
from server import keys
from server.api import openapi, routes
from server.auth.actor import SYSTEM
from tests.support.farm import Valkey
from tests.support.files import added
from tests.support.service import PNG_PIXEL, Service, got, made, running_service

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    valkey = Valkey()
    valkey.start()
    try:
        async with running_service(tmp_path, REDIS_URL=valkey.url) as running:
            yield running
    finally:
        valkey.remove()


def test_every_route_is_described_and_nothing_else_is() -> None:
    found = {f"{route.method} {openapi.plain_path(route.path)}" for route in routes.ROUTES}
    described = set(openapi.ENDPOINTS)
    assert sorted(name for name in found if "/api/v1/" not in name and name not in described) == []
    assert sorted(described - found) == []


def test_every_description_says_what_the_route_does() -> None:
    document = openapi.document(routes.ROUTES)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert len(operation["summary"]) > 8, (method, path)
            assert not operation["summary"].startswith(("GET", "PUT", "POST", "PATCH", "DELETE")), (method, path)
    ids = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(ids) == len(set(ids))


async def test_anybody_may_read_the_description(service: Service) -> None:
    document = await got(service.session(), "/api/openapi.json")
    assert document == json.loads(json.dumps(openapi.document(routes.ROUTES)))
    assert document["openapi"].startswith("3.1")


async def seeded(service: Service, owner: aiohttp.ClientSession) -> dict[str, str]:
    """A project with something of everything; what its addresses take."""
    project = (await made(owner, "/api/projects", {"name": "Night Bus", "creativeContract": {"budgetCap": 5}}))["id"]
    async with service.app[keys.HUB].room(ProjectId(project), "canvas") as room:
        room.edit(SYSTEM, lambda doc: Canvas(doc).add_node(NodeId("shot-1"), "shot", {"x": 0, "y": 0}))
        room.edit(SYSTEM, lambda doc: Canvas(doc).add_node(NodeId("style-1"), "style", {"x": 0, "y": 0}))
    form = aiohttp.FormData()
    form.add_field("files", PNG_PIXEL, filename="a.png", content_type="image/png")
    async with owner.post(f"/api/projects/{project}/references", data=form) as reply:
        (blob,) = (await reply.json())["referencePack"]
    (file,) = (await added(owner, project, "styles", ("look.png", PNG_PIXEL)))["files"]
    upload = {"name": "A001.mov", "size_bytes": 5000, "category": "source_media"}
    task = (await made(owner, "/api/tasks/submit", {"project_id": project, "node_id": "shot-1"}, 202))["task_id"]
    chain = await made(owner, f"/api/projects/{project}/scene-chains", {"name": "The stops", "shots": ["shot-1"]})
    return {
        "path.project": project,
        "path.chain": chain["id"],
        "path.segment": chain["segments"][0]["id"],
        "path.blob": blob,
        "path.file": file["id"],
        "path.upload": (await made(owner, f"/api/projects/{project}/uploads", upload))["id"],
        "path.task": task,
        "path.shot": "shot-1",
        "path.style": "style-1",
    }


@pytest.mark.timeout(400)
async def test_what_runs_behaves_as_described(service: Service, tmp_path_factory: pytest.TempPathFactory) -> None:
    owner = await service.sign_in("Ana", "owner")
    config = tmp_path_factory.mktemp("schemathesis") / "schemathesis.toml"
    given = await seeded(service, owner)
    config.write_text("[parameters]\n" + "".join(f'"{name}" = "{value}"\n' for name, value in given.items()))
    process = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "--config-file", config, "run", service.server.make_url("/api/openapi.json").human_repr()),
        *("--header", f"Authorization:{owner.headers['Authorization']}", "--checks", ",".join(CHECKS)),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "4", "--seed", "20261120", "--no-color"),
        *("--request-timeout", "60"),
        # It would end the session that everything else is asked with.
        *("--exclude-path", "/auth/logout"),
        # It never ends.
        *("--exclude-path", "/api/farm/live"),
        # It would throw away the project that everything else is asked about.
        *("--exclude-operation-id", "lifecycle_throw_away"),
        *("--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=config.parent,
    )
    told: Any = await process.stdout.read() if process.stdout else b""
    assert await process.wait() == 0, told.decode()
    assert (await got(owner, "/api/me"))["name"] == "Ana", "it was signed out on the way"
