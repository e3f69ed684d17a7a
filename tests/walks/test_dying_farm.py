"""Whatever dies, and between whichever two steps: one intent ends in exactly one take or one explained failure."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.ids import IntentId
from tests.support.farm import Valkey, eventually, valkey
from tests.support.faults import Fault
from tests.support.film import EVE, Film, open_film
from tests.support.simulation import Simulation, check
from tests.support.zygote import Zygote

__all__ = ["valkey"]

pytestmark = pytest.mark.timeout(180)


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
    film: Film, valkey: Valkey, zygote: Zygote
) -> None:
    await film.add_shot()
    names = {what: f"node-{number}" for number, what in enumerate(WORKER_FAULTS)}
    for what, fault in WORKER_FAULTS.items():
        zygote.node(names[what], valkey.url, fault)
    await eventually(lambda: len(film.farm.nodes()) == len(names), 60)
    intents = [await film.ask() for _ in range(3 * len(names))]
    # Each node takes a job and dies in its own way; with nobody healthy, none can be spared.
    await eventually(lambda: all(zygote.marker(name).exists() for name in names.values()), 60)
    await eventually(lambda: not any(zygote.is_alive(name) for what, name in names.items() if "attempt" not in what))
    for number in range(3):
        zygote.node(f"healthy-{number}", valkey.url)
    jobs = {intent: await film.until(intent, "completed", "lost", "failed", seconds=60) for intent in intents}
    # A job that met three of them may be given up, and says so.
    assert all(job["status"] == "completed" or "vanished, 3 times" in job["reason"] for job in jobs.values())
    completed = [intent for intent, job in jobs.items() if job["status"] == "completed"]
    takes = await film.takes()
    assert sorted(take["job"] for take in takes.values()) == sorted(completed)
    assert len(film.files()) == len(completed) >= len(intents) - 2
    assert film.farm.ledger.live() == {}


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


async def _doc(film: Film) -> Doc[Any]:
    async with film.canvas() as room:
        copy: Doc[Any] = Doc()
        copy.apply_update(room.doc.get_update())
        return copy


async def test_two_hundred_intents_survive_random_deaths_of_eight_nodes(
    film: Film, valkey: Valkey, zygote: Zygote
) -> None:
    simulation = Simulation(film, zygote, valkey, Random(46))
    jobs = await simulation.run(200, deaths=30, limit_seconds=150)
    ended = await check(simulation, jobs, 200)
    assert set(ended) <= {"completed", "lost"}
    assert ended["completed"] >= 190
    assert {"node", "attempt"} <= set(simulation.deaths)
