"""Whatever dies, and between whichever two steps: one intent ends in exactly one take or one explained failure."""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt_schema.canvas import Canvas
from crdt_schema.ids import IntentId
from render_farm.job import AnyEvent, Lost, Requeued
from render_farm.queues import Farm
from server.intents.recorder import Recorder
from tests.support.farm import DYING_LEASE_SECONDS, Valkey, eventually, valkey
from tests.support.faults import Fault
from tests.support.film import EVE, SHOT, Film, open_film
from tests.support.simulation import Simulation, check
from tests.support.zygote import Zygote

__all__ = ["valkey"]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Zygote]:
    zygote = Zygote(tmp_path)
    yield zygote
    zygote.close()


@pytest.fixture
async def film(valkey: Valkey, tmp_path: Path) -> AsyncGenerator[Film]:
    async with open_film(tmp_path / "workspace", valkey.url) as film:
        await film.new_project(cap=1_000_000.0)
        yield film


WORKER_FAULTS = {
    "handed over, not begun": Fault("render_farm.ledger:Ledger.renew_lease", "before", with_parent=True),
    "held, not told": Fault("render_farm.ledger:Ledger.publish", "before", with_parent=True),
    "told, nothing made": Fault("render_farm.ledger:Ledger.publish", "after", with_parent=True),
    "attempt dies before the pipeline": Fault("render_farm.run_job:pipelines_run.run", "before"),
    "made, not uploaded": Fault("render_farm.run_job:thumbnail", "after", with_parent=True),
    "half uploaded": Fault("render_farm.hub_client:HubClient.put_blob", "after", with_parent=True),
    "uploaded, not told": Fault("render_farm.ledger:Ledger.end", "before", with_parent=True),
    "told, not left": Fault("render_farm.ledger:Ledger.end", "after", with_parent=True),
    "attempt dies when all is told": Fault("render_farm.ledger:Ledger.end", "after"),
    "picked, not forked": Fault("render_farm.queues:Farm.pick", "after"),
}


async def test_a_node_killed_between_any_two_steps_costs_an_attempt_and_no_take(
    film: Film, valkey: Valkey, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost_on: dict[str, set[str]] = defaultdict(set)
    record = Recorder.record

    async def noted(recorder: Recorder, event: AnyEvent) -> None:
        if isinstance(event, Lost) or (isinstance(event, Requeued) and event.exit == "node lost"):
            lost_on[event.job].add(event.farm_node)
        await record(recorder, event)

    monkeypatch.setattr(Recorder, "record", noted)
    await film.add_shot()
    names = {what: f"node-{number}" for number, what in enumerate(WORKER_FAULTS)}
    for what, fault in WORKER_FAULTS.items():
        zygote.node(names[what], valkey.url, fault, lease_seconds=DYING_LEASE_SECONDS)
    await eventually(lambda: len(film.farm.nodes()) == len(names), 60)
    intents = [await film.ask() for _ in range(3 * len(names))]
    # Each node takes a job and dies in its own way; with nobody healthy, none can be spared.
    await eventually(lambda: all(zygote.marker(name).exists() for name in names.values()), 60)
    await eventually(lambda: not any(zygote.is_alive(name) for what, name in names.items() if "attempt" not in what))
    for number in range(3):
        zygote.node(f"healthy-{number}", valkey.url)
    jobs = {intent: await film.until(intent, "completed", "lost", "failed", seconds=120) for intent in intents}
    # Only a job that met three of them is given up, and says so. Eight end an attempt before it is told how it ended.
    for intent, job in jobs.items():
        if job["status"] != "completed":
            assert "vanished, 3 times" in job["reason"]
            assert len(lost_on[intent] & set(names.values())) == 3, lost_on[intent]
    completed = [intent for intent, job in jobs.items() if job["status"] == "completed"]
    takes = await film.takes()
    assert sorted(take["job"] for take in takes.values()) == sorted(completed)
    assert len(film.files()) == len(completed) >= len(intents) - 2
    assert film.farm.ledger.live() == set()


HUB_FAULTS = {
    "asked, not judged": Fault("server.intents.dispatcher:Dispatcher.consider", "before"),
    "judged, not on disk": Fault("crdt_schema.takes:Takes.add_job", "after"),
    "on disk, not submitted": Fault("render_farm.queues:Farm.submit", "before"),
    "queued": Fault("render_farm.queues:Farm.submit", "after"),
    "an event read, not recorded": Fault("server.intents.recorder:Recorder.record", "before"),
    "a start recorded, not acknowledged": Fault("render_farm.events:EventStream.done", "before"),
    "finished, no file yet": Fault("server.intents.recorder:file_take", "before"),
    "a file, no take": Fault("server.intents.recorder:file_take", "after"),
    "a take, not on disk": Fault("crdt_schema.takes:Takes.add_take", "after"),
    "a take, not shown": Fault("server.intents.recorder:Recorder._activate", "before"),
    "an end recorded, not acknowledged": Fault("render_farm.events:EventStream.done", "before", nth=3),
}


async def test_a_hub_killed_between_any_two_steps_loses_no_intent_and_makes_no_take_twice(
    valkey: Valkey, zygote: Zygote, tmp_path: Path
) -> None:
    root = tmp_path / "workspace"
    async with open_film(root, valkey.url) as film:
        project = await film.new_project(cap=1_000_000.0)
        await film.add_shot()
        port = film._port
    zygote.node("node", valkey.url)
    farm = Farm(valkey.url)
    await eventually(farm.nodes, 60)
    hub = {"root": str(root), "project": project.id, "port": port, "shot": SHOT}
    for number, fault in enumerate(HUB_FAULTS.values()):
        zygote.hub(f"hub-{number}", valkey.url, fault, intent=f"intent-{number}", **hub)
        died = zygote.marker(f"hub-{number}")
        await eventually(lambda number=number: not zygote.is_alive(f"hub-{number}"), 60)
        assert died.exists(), f"{fault}: {zygote.log(f'hub-{number}')}"
    async with open_film(root, valkey.url, port) as film:
        await film.open(project.id)
        for number in range(len(HUB_FAULTS)):
            # A hub that died over older events may not have acknowledged it: then a client sends it again.
            if not await film.has_intent(f"intent-{number}"):
                await film.ask(intent=f"intent-{number}")
            job = await film.until(f"intent-{number}", "completed", "lost", "failed", "refused", seconds=60)
            assert job["status"] == "completed", (job["reason"], job["attempts"])
        takes = await film.takes()
        assert len(takes) == len(film.files()) == len(HUB_FAULTS)
        assert sorted(take["number"] for take in takes.values()) == list(range(1, len(takes) + 1))
        await eventually(lambda: farm._redis.xlen("workprint:events") == 0)
    farm.close()


async def test_valkey_killed_while_a_job_waits_runs_and_ends_costs_nothing(
    film: Film, valkey: Valkey, zygote: Zygote
) -> None:
    await film.add_shot(parameters={"steps": 40})
    zygote.node("node", valkey.url)
    await eventually(film.farm.nodes, 60)
    intents = [await film.ask() for _ in range(3)]
    for status in ("queued", "running", "completed"):
        await film.until(intents[0], status, "completed")
        valkey.kill()
        await asyncio.sleep(0.3)
        await asyncio.to_thread(valkey.start)
    jobs = [await film.until(intent, "completed", "failed", "lost", seconds=60) for intent in intents]
    assert [job["status"] for job in jobs] == ["completed"] * 3
    assert len(film.files()) == len(await film.takes()) == 3


async def test_a_valkey_that_loses_its_last_second_loses_no_intent_and_repeats_none_that_ended(
    film: Film, valkey: Valkey, zygote: Zygote
) -> None:
    await film.add_shot(parameters={"steps": 150})  # still running when its Valkey is copied
    zygote.node("node", valkey.url, lease_seconds=DYING_LEASE_SECONDS)
    await eventually(film.farm.nodes, 60)
    ended = await film.ask()
    await film.until(ended, "running")
    before = await asyncio.to_thread(shutil.copytree, valkey.folder / "appendonlydir", valkey.folder / "before")
    await film.until(ended, "completed")
    zygote.kill("node")
    waiting = await film.ask()
    await eventually(lambda: film.farm.waiting("cpu") == 1)
    valkey.kill()
    valkey.forget()
    await asyncio.to_thread(shutil.copytree, before, valkey.folder / "appendonlydir")
    await asyncio.to_thread(valkey.start)
    assert film.farm.ledger.live() >= {ended}
    zygote.node("another", valkey.url)
    await film.until(waiting, "completed", seconds=60)
    await eventually(lambda: film.farm.ledger.live() == set(), 60)
    jobs = await film.jobs()
    assert [(jobs[job]["status"], len(jobs[job]["attempts"])) for job in (ended, waiting)] == [("completed", 1)] * 2
    assert len(film.files()) == len(await film.takes()) == 2


async def test_two_hubs_that_see_one_intent_make_one_job_and_one_take(
    film: Film, valkey: Valkey, zygote: Zygote, tmp_path: Path
) -> None:
    await film.add_shot()
    zygote.node("node", valkey.url)
    await eventually(film.farm.nodes, 60)
    async with open_film(tmp_path / "workspace", valkey.url) as other:
        await other.open(film.project_id)
        before = Canvas(await _doc(film))
        assert not before.has_intent("intent-1")
        # The same request reaches both: each judges it, and each hands it to the farm.
        await asyncio.gather(film.ask(intent="intent-1"), other.ask(intent="intent-1"))
        job = await film.until("intent-1", "queued", "running", "completed")
        assert job["pipeline"] == "test-still"
        await eventually(lambda: film.farm.ledger.is_done("intent-1"), 60)
        await eventually(lambda: film.farm._redis.xlen("workprint:events") == 0)
        assert len(film.files()) == 1
        # What both know put together, as it would be if one of them were asked again.
        seen: list[dict[str, Any]] = []
        for first, second in ((film, other), (other, film)):
            doc = await _takes(first)
            doc.apply_update((await _takes(second)).get_update())
            seen.append({name: doc.get(name, type=Map).to_py() for name in ("jobs", "takes")})
        assert seen[0] == seen[1]
        (job_id,), (take,) = seen[0]["jobs"], seen[0]["takes"].values()
        assert (job_id, take["job"]) == ("intent-1", "intent-1")


async def test_an_offline_client_s_intent_is_judged_by_the_rules_of_the_day_it_arrives(
    film: Film, valkey: Valkey, zygote: Zygote
) -> None:
    await film.add_shot("shot-1")
    await film.add_shot("shot-2")
    zygote.node("node", valkey.url)
    await eventually(film.farm.nodes, 60)
    offline: Doc[Any] = Doc()
    offline.apply_update((await _doc(film)).get_update())
    known = offline.get_state()
    for number in (1, 2):
        Canvas(offline).ask(IntentId(f"made-offline-{number}"), {"kind": "generate", "node": f"shot-{number}"})
    update = offline.get_update(known)
    await film.lock_shot("shot-1")
    await film.edit(lambda doc: doc.apply_update(update), EVE)
    refused = await film.until("made-offline-1", "refused", "completed")
    assert (refused["status"], refused["asked_by"]) == ("refused", "eve")
    assert "locked" in refused["reason"]
    await film.until("made-offline-2", "completed")
    await film.edit(lambda doc: doc.apply_update(update), EVE)
    assert len(await film.takes()) == 1


async def _takes(film: Film) -> Doc[Any]:
    async with film.hub.room(film.project_id, "takes") as room:
        copy: Doc[Any] = Doc()
        copy.apply_update(room.doc.get_update())
        return copy


async def _doc(film: Film) -> Doc[Any]:
    async with film.canvas() as room:
        copy: Doc[Any] = Doc()
        copy.apply_update(room.doc.get_update())
        return copy


async def test_two_hundred_intents_survive_random_deaths_of_eight_nodes(
    film: Film, valkey: Valkey, zygote: Zygote
) -> None:
    simulation = Simulation(film, zygote, valkey, Random(46))
    jobs = await simulation.run(200, deaths=30, limit_seconds=300)
    ended = await check(simulation, jobs, 200)
    assert set(ended) <= {"completed", "lost"}
    assert ended["completed"] >= 190
    assert {"node", "attempt"} <= set(simulation.deaths)
