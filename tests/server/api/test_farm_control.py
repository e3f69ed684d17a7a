"""Admins of the workspace look after the farm: nodes, queues and jobs; everybody else may only look."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from render_farm.clock import utc_now
from render_farm.job import FarmNode
from render_farm.queues import Farm
from server import keys
from tests.support.farm import Valkey, eventually, order
from tests.support.service import Service, got, made, running_service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    valkey = Valkey()
    valkey.start()
    try:
        async with running_service(tmp_path, REDIS_URL=valkey.url) as running:
            yield running
    finally:
        valkey.remove()


@pytest.fixture
def farm(service: Service) -> Farm:
    farm = service.app[keys.FARM]
    farm.roster.announce(FarmNode("host-1", "host", ("low",), utc_now(), utc_now()))
    return farm


@pytest.fixture
async def admin(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ada", "admin")


@pytest.mark.usefixtures("farm")
async def test_an_admin_pauses_drains_and_resumes_a_node(admin: aiohttp.ClientSession) -> None:
    for command, state in (("pause", "paused"), ("drain", "draining"), ("resume", "ready")):
        reply = await made(admin, f"/api/farm/nodes/host-1/{command}", {}, 200)
        assert reply == {"nodes": ["host-1"], "state": state}
        assert [node["state"] for node in await got(admin, "/api/farm/nodes")] == [state]
    reply = await made(admin, "/api/farm/nodes/host-1/forgive", {}, 200)
    assert reply == {"nodes": ["host-1"], "state": "forgiven"}
    await made(admin, "/api/farm/nodes/elsewhere/pause", {}, 404)
    await made(admin, "/api/farm/nodes/host-1/explode", {}, 404)
    audit = await got(admin, "/api/audit")
    assert [(entry["action"], entry["target"], entry["detail"]) for entry in audit["entries"]][:1] == [
        ("farm_change", "host-1", "forgiven")
    ]


async def test_which_job_a_node_has_and_what_it_lacks_is_for_admins(
    service: Service, farm: Farm, admin: aiohttp.ClientSession
) -> None:
    node = FarmNode("host-1", "host", ("low",), utc_now(), utc_now(), "job-of-another-project", lacks={"a@low": "x"})
    farm.roster.announce(node)
    editor = await service.sign_in("Grace", "editor")
    seen = [(one["name"], one["job"], one["lacks"]) for one in await got(editor, "/api/farm/nodes")]
    assert seen == [("host-1", "", {})]
    seen = [(one["name"], one["job"], one["lacks"]) for one in await got(admin, "/api/farm/nodes")]
    assert seen == [("host-1", "job-of-another-project", {"a@low": "x"})]


async def test_an_admin_drags_a_job_and_there_it_stays(farm: Farm, admin: aiohttp.ClientSession) -> None:
    jobs = [waiting(farm) for _ in range(3)]
    reply = await made(admin, "/api/farm/queues/low/order", {"job": jobs[2], "before": jobs[0]}, 200)
    assert reply == {"queue": "low", "order": [jobs[2], jobs[0], jobs[1]]}
    urgent = waiting(farm, priority=5)
    await eventually(lambda: farm.planner.positions() == {jobs[2]: 0, urgent: 1, jobs[0]: 2, jobs[1]: 3})
    refused = await made(admin, "/api/farm/queues/low/order", {"job": "gone"}, 409)
    assert "does not wait" in refused["error"]["message"]
    await made(admin, "/api/farm/queues/colossal/order", {"job": "gone"}, 404)


async def test_the_hub_keeps_the_line_in_order_by_itself(farm: Farm, admin: aiohttp.ClientSession) -> None:
    large = [waiting(farm, project="large") for _ in range(5)]
    small = waiting(farm, project="small")
    await eventually(lambda: farm.planner.positions()[small] == 1)
    reply = await made(admin, f"/api/farm/jobs/{large[4]}/priority", {"priority": 3}, 200)
    assert reply == {"job": large[4], "priority": 3}
    await eventually(lambda: farm.planner.positions()[large[4]] == 0)
    assert farm.planner.positions()[small] == 1
    for wrong in (11, -11, 1.5, True, "1", None):
        await made(admin, f"/api/farm/jobs/{small}/priority", {"priority": wrong}, 400)
    await made(admin, "/api/farm/jobs/gone/priority", {"priority": 1}, 409)


async def test_a_job_is_put_back_in_line_and_one_that_has_ended_is_not(
    farm: Farm, admin: aiohttp.ClientSession
) -> None:
    job = waiting(farm)
    assert await made(admin, f"/api/farm/jobs/{job}/requeue", {"reason": "The node hangs."}, 200) == {"job": job}
    refused = await made(admin, "/api/farm/jobs/gone/requeue", {}, 409)
    assert refused["error"]["message"] == "This job has ended, or was never asked for."


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("nodes/host-1/pause", {}),
        ("queues/low/order", {"job": "j"}),
        ("jobs/j/requeue", {}),
        ("jobs/j/priority", {"priority": 1}),
    ],
)
async def test_who_is_no_admin_is_told_whom_to_ask(
    service: Service, farm: Farm, path: str, body: dict[str, Any]
) -> None:
    editor = await service.sign_in("Bo", "editor")
    refused = await made(editor, f"/api/farm/{path}", body, 403)
    assert "Ask an admin or the owner of this workspace" in refused["error"]["message"]
    assert [node.state for node in farm.nodes()] == ["ready"]


def waiting(farm: Farm, **fields: Any) -> str:
    """A job that waits in the queue `low`."""
    asked = replace(order(), **fields)
    farm.submit(asked)
    return asked.job
