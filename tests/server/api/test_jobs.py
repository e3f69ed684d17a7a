"""One job over REST: its attempts, the log of each while it is written and afterwards, pictures of work under way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crdt_schema.ids import ProjectId
from server import keys
from server.auth.tokens import FarmGrant
from tests.support.busy_farm import BusyFarm, busy_farm
from tests.support.farm import eventually
from tests.support.service import PNG_PIXEL, got, made
from tests.support.signed_in import bearing, refusal, sent
from tests.support.zygote import is_alive


@pytest.fixture
async def farm(tmp_path: Path) -> AsyncIterator[BusyFarm]:
    async with busy_farm(tmp_path) as farm:
        yield farm


async def submitted(farm: BusyFarm, session: aiohttp.ClientSession, **parameters: Any) -> tuple[str, str]:
    """A project and the task of its first shot."""
    project = await farm.project(session, **parameters)
    task = await made(session, "/api/tasks/submit", {"project_id": project, "node_id": "shot-1"}, 202)
    return project, task["task_id"]


async def test_a_log_is_followed_while_it_is_written_and_kept_afterwards(farm: BusyFarm) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    farm.start_worker("--queues", "cpu")
    project, task = await submitted(farm, ana, steps=250)
    await farm.task(ana, task, "running")
    (attempt,) = (await got(ana, f"/api/projects/{project}/jobs/{task}"))["attempts"]
    address = f"/api/projects/{project}/jobs/{task}/attempts/{attempt['id']}/log"
    async with asyncio.timeout(60), ana.get(address) as reply:
        assert (reply.status, reply.content_type) == (200, "text/plain")
        first = await reply.content.readline()
        assert (await got(ana, f"/api/tasks/{task}/status"))["detail"] == "running"
        rest = await reply.text()
    lines = (first.decode() + rest).splitlines()
    assert lines[-1].endswith("== finished")
    await farm.task(ana, task, "completed")
    kept = farm.service.app[keys.PROJECTS].get(ProjectId(project)).folder / ".workprint" / "logs"
    await eventually((kept / f"{attempt['id']}.log").exists)
    async with ana.get(address) as reply:
        assert (await reply.text()).splitlines() == lines


async def test_a_log_is_for_who_may_see_the_project_and_of_attempts_that_were(farm: BusyFarm) -> None:
    ana, eve = await farm.service.sign_in("Ana", "owner"), await farm.service.sign_in("Eve", "editor")
    farm.start_worker("--queues", "cpu")
    project, task = await submitted(farm, ana, steps=2)
    await farm.task(ana, task, "completed")
    (attempt,) = (await got(ana, f"/api/projects/{project}/jobs/{task}"))["attempts"]
    assert (await refusal(ana, "GET", f"/api/projects/{project}/jobs/{task}/attempts/no-such/log"))[0] == 404
    await sent(ana, "PUT", f"/api/projects/{project}/access", {"access": "members"})
    for tail in ("", "/preview", f"/attempts/{attempt['id']}/log"):
        assert (await refusal(eve, "GET", f"/api/projects/{project}/jobs/{task}{tail}"))[0] == 404


async def test_a_preview_is_shown_with_the_progress_until_the_job_ends(farm: BusyFarm, tmp_path: Path) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    worker = farm.start_worker("--queues", "cpu")
    marker = tmp_path / "begun"
    project, task = await submitted(farm, ana, steps=100_000, marker=str(marker))
    await farm.task(ana, task, "running")
    token = farm.service.app[keys.TOKENS].issue_farm(FarmGrant(ProjectId(project), task), now=datetime.now(UTC))
    node = bearing(farm.service, token)
    progress = farm.service.app[keys.INTENTS].progress
    await eventually(lambda: progress.of(ProjectId(project), task))
    for number in (1, 2):
        async with node.put(f"/api/farm/previews/{project}/{task}", data=PNG_PIXEL) as reply:
            assert (await reply.json()) == {"job": task, "number": number}
    address = f"/api/projects/{project}/jobs/{task}/preview"
    shown = progress.of(ProjectId(project), task)
    assert shown is not None
    assert shown.get("preview") == f"{address}?v=2"
    async with ana.get(f"{address}?v=2") as reply:
        assert (reply.content_type, await reply.read()) == ("image/png", PNG_PIXEL)
    await asyncio.to_thread(worker.kill)
    await eventually(lambda: not is_alive(int(marker.read_text())))
    await eventually(lambda: farm.service.app[keys.FARM]._redis.xlen("workprint:events") == 0)
    farm.service.app[keys.INTENTS].progress.end(ProjectId(project), task)
    assert (await refusal(ana, "GET", address))[0] == 404
    async with node.put(f"/api/farm/previews/{project}/{task}", data=PNG_PIXEL) as reply:
        assert reply.status == 201
    assert (await refusal(ana, "GET", address))[0] == 404, "what comes after the end is not kept"


@pytest.mark.parametrize(
    ("data", "status"), [(b"<script>alert(1)</script>", 400), (b"", 400), (PNG_PIXEL + bytes(600_000), 413)]
)
async def test_only_a_small_picture_of_the_own_job_is_taken(farm: BusyFarm, data: bytes, status: int) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    project, task = await submitted(farm, ana, steps=2)
    token = farm.service.app[keys.TOKENS].issue_farm(FarmGrant(ProjectId(project), task), now=datetime.now(UTC))
    node = bearing(farm.service, token)
    async with node.put(f"/api/farm/previews/{project}/{task}", data=data) as reply:
        assert reply.status == status
    async with node.put(f"/api/farm/previews/{project}/another-job", data=PNG_PIXEL) as reply:
        assert reply.status == 403
    async with ana.put(f"/api/farm/previews/{project}/{task}", data=PNG_PIXEL) as reply:
        assert reply.status == 401


async def test_a_batch_is_estimated_asked_for_looked_at_and_stopped(farm: BusyFarm) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    project = await farm.project(ana, shots=3)
    wish = {"nodes": ["shot-1", "shot-2", "shot-3", "shot-1"]}
    estimate = await made(ana, f"/api/projects/{project}/estimates", wish, 200)
    assert [shot["position"] for shot in estimate["shots"]] == [0, 1, 2]
    assert (estimate["available"], estimate["price_usd"], estimate["affordable"]) == (3, 1.5, True)
    batch = await made(ana, f"/api/projects/{project}/batches", wish, 202)
    assert set(batch["tasks"]) == {"shot-1", "shot-2", "shot-3"}
    for task in batch["tasks"].values():
        await farm.task(ana, task, "queued")
    address = f"/api/projects/{project}/batches/{batch['batch']}"
    assert {task["status"] for task in (await got(ana, address))["tasks"]} == {"pending"}
    await made(ana, f"{address}/cancel", None, 202)
    for task in batch["tasks"].values():
        await farm.task(ana, task, "cancelled")
    assert (await refusal(ana, "POST", f"/api/projects/{project}/batches/never-was/cancel"))[0] == 404


async def test_a_job_is_stopped_by_who_may_and_once(farm: BusyFarm) -> None:
    ana, eve = await farm.service.sign_in("Ana", "owner"), await farm.service.sign_in("Eve", "viewer")
    project, task = await submitted(farm, ana)
    await farm.task(ana, task, "queued")
    address = f"/api/projects/{project}/jobs/{task}/cancel"
    assert (await refusal(eve, "POST", address))[0] == 403
    assert (await made(ana, address, None, 202)) == {"job": task}
    await farm.task(ana, task, "cancelled")
    assert await refusal(ana, "POST", address) == (409, "This job has ended already.")
    assert (await refusal(ana, "POST", f"/api/projects/{project}/jobs/never-was/cancel"))[0] == 404


@pytest.mark.parametrize("nodes", [[], "shot-1", ["../x"], [1], None])
async def test_a_batch_of_nothing_is_refused(farm: BusyFarm, nodes: object) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    project = await farm.project(ana)
    for path in ("batches", "estimates"):
        assert (await refusal(ana, "POST", f"/api/projects/{project}/{path}", {"nodes": nodes}))[0] == 400
