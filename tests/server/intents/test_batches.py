"""Batches: only what has changed is made again, and the rest of one is stopped with one request."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from crdt_schema.canvas import Canvas
from crdt_schema.records import CanvasPlain
from server.intents.judge import SAME_JOB
from tests.support.farm import Valkey, Worker, eventually
from tests.support.film import EVE, SHOT, VERA, Film

StartWorker = Callable[..., Worker]


async def with_take(film: Film, **fields: Any) -> str:
    """A shot that has one take; its id."""
    await film.add_shot(**fields)
    return (await film.until(await film.ask(), "completed"))["take"]


async def test_the_same_request_again_is_offered_the_take_that_is_there(film: Film, start_worker: StartWorker) -> None:
    start_worker()
    take = await with_take(film)
    job = await film.until(await film.ask(fresh=False), "completed")
    assert (job["take"], job["cost_usd"], job["attempts"]) == (take, 0, [])
    assert job.get("notice", "").startswith("Nothing has changed since S01_S01_take01: it is offered instead.")
    assert len(await film.takes()) == 1
    again = await film.until(await film.ask(fresh=True), "completed")
    assert again["take"] != take
    assert again.get("recipe_hash") == job.get("recipe_hash")


async def test_whoever_asks_for_another_seed_gets_another_take_unless_in_a_batch(
    film: Film, start_worker: StartWorker
) -> None:
    start_worker()
    first = await with_take(film, seed_mode="random")
    second = (await film.until(await film.ask(fresh=False), "completed"))["take"]
    assert second != first
    (intent,) = await film.ask_batch(SHOT, batch="b-1")
    assert (await film.until(intent, "completed"))["take"] == second


async def test_a_batch_makes_only_what_has_changed(film: Film, start_worker: StartWorker) -> None:
    start_worker()
    for shot in (1, 2, 3):
        await film.add_shot(f"shot-{shot}", shot=shot)
    shots = ("shot-1", "shot-2", "shot-3")
    before = [await film.until(intent, "completed") for intent in await film.ask_batch(*shots, batch="b-1")]
    await film.edit(lambda doc: Canvas(doc).set_key("shot-2", "parameters", "steps", 3))
    estimate = await film.intents.estimates.batch(film.project_id, shots, EVE)
    assert (estimate["available"], estimate["cached"], estimate["price_usd"]) == (3, 2, 0.5)
    after = [await film.until(intent, "completed") for intent in await film.ask_batch(*shots, batch="b-2")]
    assert [job["take"] == old["take"] for job, old in zip(after, before, strict=True)] == [True, False, True]
    assert {job.get("batch") for job in after} == {"b-2"}


async def test_a_shot_that_is_turned_back_shows_the_take_it_had(film: Film, start_worker: StartWorker) -> None:
    start_worker()
    first = await with_take(film)
    await film.edit(lambda doc: Canvas(doc).set_key(SHOT, "parameters", "steps", 3))
    second = (await film.until(await film.ask(), "completed"))["take"]
    await eventually_active(film, second)
    await film.edit(lambda doc: Canvas(doc).set_key(SHOT, "parameters", "steps", 2))
    job = await film.until(await film.ask(fresh=False), "completed")
    assert job["take"] == first
    await eventually_active(film, first)


async def eventually_active(film: Film, take: str) -> None:
    async with film.canvas() as room:
        await eventually(lambda: cast("CanvasPlain", room.plain())["nodes"][SHOT]["active_take"] == take)


async def test_a_take_that_is_being_made_is_not_made_twice(film: Film) -> None:
    await film.add_shot()
    await film.until(await film.ask(), "queued")
    assert (await film.until(await film.ask(fresh=False), "refused"))["reason"] == SAME_JOB
    await film.until(await film.ask(fresh=True), "queued")


async def test_the_rest_of_a_batch_is_stopped_with_one_request(
    film: Film, start_worker: StartWorker, tmp_path: Path
) -> None:
    marker = tmp_path / "begun"
    slow = {"steps": 100_000, "marker": str(marker)}
    for shot in (1, 2, 3):
        await film.add_shot(f"shot-{shot}", shot=shot, parameters=slow)
    await film.add_shot("other", shot=4, parameters=slow)
    start_worker()
    mine = await film.ask_batch("shot-1", "shot-2", "shot-3", batch="b-1")
    (other,) = await film.ask_batch("other", batch="b-2")
    await film.until(mine[0], "running")
    await film.cancel_batch("b-1", by=VERA)
    assert await film.status(mine[1]) == "queued", "a viewer stops nothing"
    await film.cancel_batch("b-1")
    for intent in mine:
        await film.until(intent, "cancelled")
    assert await film.status(other) in ("queued", "running")


async def test_a_batch_that_still_waits_for_the_farm_is_withdrawn(film: Film, valkey: Valkey) -> None:
    valkey.stop()
    await film.add_shot()
    (intent,) = await film.ask_batch(SHOT, batch="b-1")
    await eventually(lambda: (film.project_id, intent) in film.intents._dispatcher.waiting)
    await film.cancel_batch("b-1")
    assert (await film.until(intent, "cancelled")).get("batch") == "b-1"
    valkey.start()
    assert await film.status(intent) == "cancelled"
