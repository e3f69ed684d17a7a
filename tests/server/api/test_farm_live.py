"""The farm page's stream: everything at once, then what changes; each sees their own projects and no more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server import keys
from server.intents.farm_view import FRESH_SECONDS
from tests.support.busy_farm import BusyFarm, Watcher, busy_farm, watching
from tests.support.farm import eventually
from tests.support.farm_seen import node
from tests.support.service import got, made
from tests.support.signed_in import sent

PARTS = {"reachable", "nodes", "abilities", "queues", "running", "recent", "costs", "roles"}


@pytest.fixture
async def farm(tmp_path: Path) -> AsyncIterator[BusyFarm]:
    async with busy_farm(tmp_path) as farm:
        yield farm


async def test_a_job_is_followed_from_the_queue_to_its_cost(farm: BusyFarm) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    project = await farm.project(ana, steps=200)
    async with watching(ana) as seen:
        await seen.until("reachable", lambda value: value is True)
        assert set(seen.farm) == PARTS
        task = (await made(ana, "/api/tasks/submit", {"project_id": project, "node_id": "shot-1"}, 202))["task_id"]
        queues = await seen.until("queues", lambda queues: any(queue["waiting"] for queue in queues))
        (job,) = next(queue["jobs"] for queue in queues if queue["queue"] == "cpu")
        assert (job["id"], job["title"], job["status"], job["position"]) == (task, "Shot 1", "queued", 0)
        farm.start_worker("--queues", "cpu")
        (running,) = await seen.until("running", lambda jobs: jobs and jobs[0]["percent"] > 0)
        assert (running["id"], running["project"]["name"], running["asked_by_name"]) == (task, "Night Bus", "Ana")
        nodes = await seen.until("nodes", lambda nodes: any(node["job"] == task for node in nodes))
        assert running["farm_node"] in ("", nodes[0]["name"])
        (done, *_) = await seen.until("recent", lambda jobs: jobs and jobs[0]["status"] == "completed")
        assert (done["id"], done["attempts"], done["cost_usd"]) == (task, 1, 0.5)
        costs = await seen.until("costs", lambda costs: costs["projects"])
        (spent,), (person,) = costs["projects"], costs["people"]
        assert (spent["id"], spent["takes"], spent["cost_usd"]) == (project, 1, 0.5)
        assert spent["seconds"] > 0
        assert (person["name"], person["cost_usd"]) == ("Ana", 0.5)


async def test_of_another_project_one_learns_only_that_there_is_work(farm: BusyFarm) -> None:
    ana, eve = await farm.service.sign_in("Ana", "owner"), await farm.service.sign_in("Eve", "editor")
    hidden, shown = await farm.project(ana, "A secret"), await farm.project(eve, "Day Bus")
    await sent(ana, "PUT", f"/api/projects/{hidden}/access", {"access": "members"})
    for session, project in ((ana, hidden), (eve, shown)):
        await made(session, "/api/tasks/submit", {"project_id": project, "node_id": "shot-1"}, 202)
    async with watching(eve) as seen, watching(ana) as everything:
        queues = await seen.until("queues", lambda queues: any(queue["waiting"] == 2 for queue in queues))
        jobs = next(queue["jobs"] for queue in queues if queue["queue"] == "cpu")
        (mine,) = [job for job in jobs if job["project"]]
        (other,) = [job for job in jobs if not job["project"]]
        assert mine["project"]["name"] == "Day Bus"
        for name in ("id", "node", "title", "asked_by", "asked_by_name", "pipeline"):
            assert other[name] == ""
        assert "secret" not in str(seen.farm).lower()
        assert hidden not in str(seen.farm)
        queues = await everything.until("queues", lambda queues: any(queue["waiting"] == 2 for queue in queues))
        names = {job["project"]["name"] for queue in queues for job in queue["jobs"]}
        assert names == {"A secret", "Day Bus"}


async def test_who_loses_a_project_sees_it_no_longer(farm: BusyFarm) -> None:
    ana, eve = await farm.service.sign_in("Ana", "owner"), await farm.service.sign_in("Eve", "editor")
    project = await farm.project(ana)
    await made(ana, "/api/tasks/submit", {"project_id": project, "node_id": "shot-1"}, 202)
    async with watching(eve) as seen:
        await seen.until("queues", lambda queues: any(job["project"] for queue in queues for job in queue["jobs"]))
        await sent(ana, "PUT", f"/api/projects/{project}/access", {"access": "members"})
        await seen.until("queues", lambda queues: all(not job["project"] for queue in queues for job in queue["jobs"]))


async def test_everybody_learns_what_they_may_do_in_their_projects_and_when_that_changes(farm: BusyFarm) -> None:
    ana, eve = await farm.service.sign_in("Ana", "owner"), await farm.service.sign_in("Eve", "viewer")
    project, hidden = await farm.project(ana), await farm.project(ana, "A secret")
    await sent(ana, "PUT", f"/api/projects/{hidden}/access", {"access": "members"})
    async with watching(ana) as hers, watching(eve) as seen:
        await hers.until("roles", lambda roles: roles == {project: "owner", hidden: "owner"})
        await seen.until("roles", lambda roles: roles == {project: "viewer"})
        await made(ana, f"/api/projects/{project}/members", {"name": "Eve", "role": "editor"})
        await seen.until("roles", lambda roles: roles == {project: "editor"})


async def test_who_signs_out_is_told_nothing_more(farm: BusyFarm) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    token = await made(ana, "/api/me/tokens", {"name": "ci", "role": "viewer"})
    session = farm.service.session({"Authorization": f"Bearer {token['token']}"})
    async with watching(session) as seen:
        await seen.until("reachable", lambda value: value is True)
        await sent(ana, "DELETE", f"/api/me/tokens/{token['id']}")
        await eventually(lambda: seen.ended)


async def test_nothing_is_gathered_while_nobody_looks(farm: BusyFarm) -> None:
    ana, live = await farm.service.sign_in("Ana", "owner"), farm.service.app[keys.FARM_LIVE]
    async with watching(ana) as first, watching(ana) as second:
        await first.until("reachable", lambda value: value is True)
        await second.until("reachable", lambda value: value is True)
        assert live._gathering is not None
    # The service notices who has gone when it has something to say.
    farm.start_worker("--queues", "cpu")
    await eventually(lambda: live._gathering is None)


async def test_an_idle_farm_is_told_once(farm: BusyFarm) -> None:
    ana, live = await farm.service.sign_in("Ana", "owner"), farm.service.app[keys.FARM_LIVE]
    async with watching(ana) as seen:
        await seen.until("reachable", lambda value: value is True)
        number = live.now.number
        await eventually(lambda: live.now.number > number + 3)
        assert sorted(seen.events) == sorted(PARTS)


async def test_a_program_can_look_once(farm: BusyFarm) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    look = Watcher(ana)
    await look.look("?once=1")
    assert set(look.farm) == PARTS


async def test_an_open_stream_does_not_hold_up_the_end_of_the_service(farm: BusyFarm) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    async with watching(ana) as seen:
        await seen.until("reachable", lambda value: value is True)
        await farm.service.server.close()
        await eventually(lambda: seen.ended)


async def test_a_farm_that_cannot_be_reached_is_said_to_be_so(farm: BusyFarm) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    async with watching(ana) as seen:
        await seen.until("reachable", lambda value: value is True)
        farm.valkey.stop()
        await seen.until("reachable", lambda value: value is False)


async def test_what_a_tier_stands_for_is_available_where_a_node_says_that_it_can(farm: BusyFarm) -> None:
    ana = await farm.service.sign_in("Ana", "owner")
    before = await got(ana, "/api/quality/mappings")
    assert not before["generate-image"]["standard"]["available"]
    can = ("t2i-flux-schnell@standard",)
    farm.service.app[keys.FARM].roster.announce(node("gpu-1", vram_gb=16, can=can))
    await asyncio.sleep(FRESH_SECONDS)  # what was seen holds for so long
    after = await got(ana, "/api/quality/mappings")
    assert after["generate-image"]["standard"]["available"]
    assert not after["generate-image"]["high"]["available"]
