"""Intents answered by the whole service: refusals in the document, budget for one of two, authors from the log."""

import asyncio
import threading

import pytest
from pycrdt import Map

from crdt_schema.canvas import Canvas
from crdt_schema.ids import IntentId
from crdt_schema.takes import Takes
from server.auth.actor import Actor
from server.intents import recipe
from server.intents.authors import find_authors
from server.intents.dispatcher import ASK_AGAIN, BAD_ID, OURS_TO_FIX, UNREADABLE
from server.intents.judge import BUDGET_TEXT
from tests.support.farm import eventually
from tests.support.film import ADA, EVE, SHOT, VERA, Film


async def test_a_refusal_is_in_the_document_with_reason_author_and_trace(film: Film) -> None:
    await film.add_shot()
    job = await film.until(await film.ask(by=VERA), "refused")
    assert job["reason"] == "A viewer may not generate. Ask an editor of this project."
    assert job["asked_by"] == "vera"
    assert job["trace_id"].startswith("trace-")
    assert film.farm.waiting("cpu") == 0


async def test_a_locked_shot_is_refused_and_generated_again_once_it_is_unlocked(film: Film) -> None:
    await film.add_shot()
    await film.lock_shot()
    job = await film.until(await film.ask(by=ADA), "refused")
    assert (
        job["reason"] == "This shot is locked by Ada Lovelace. Can be lifted by an admin or the owner of this project."
    )
    assert not (await film.intents.estimate(film.project_id, SHOT, EVE))["available"]
    await film.lock_shot(locked=False)
    await film.until(await film.ask(), "queued")


async def test_a_shot_that_is_locked_while_the_farm_is_asked_gets_no_take(
    film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer, ping = threading.Event(), threading.Event(), film.farm.ping

    def slow_ping() -> bool:
        asked.set()
        return answer.wait(60) and ping()

    monkeypatch.setattr(film.farm, "ping", slow_ping)
    await film.add_shot()
    intent = await film.ask()
    assert await asyncio.to_thread(asked.wait, 60)
    await film.lock_shot()
    answer.set()
    await film.until(intent, "refused")
    assert film.farm.waiting("cpu") == 0


async def test_two_requests_at_once_cannot_both_use_the_last_of_the_budget(film: Film) -> None:
    project = await film.new_project(cap=0.75, title="Cheap Bus")
    assert project.id == film.project_id
    await film.add_shot()
    intents = await asyncio.gather(film.ask(by=ADA), film.ask(by=EVE))
    jobs = [await film.until(intent, "queued", "refused") for intent in intents]
    assert sorted(job["status"] for job in jobs) == ["queued", "refused"]
    assert next(job["reason"] for job in jobs if job["status"] == "refused") == BUDGET_TEXT


async def test_an_estimate_is_asked_of_the_same_judge_and_changes_nothing(film: Film) -> None:
    await film.add_shot()
    made = await film.intents.estimate(film.project_id, SHOT, EVE)
    assert (made["available"], made["price_usd"], made["tier"]) == (True, 0.5, "low")
    assert "Waiting for a farm node; none is connected." in made["notice"]
    assert not (await film.intents.estimate(film.project_id, SHOT, VERA))["available"]
    async with film.hub.room(film.project_id, "takes") as room:
        assert Takes(room.doc).job_ids() == []


async def test_who_wrote_an_intent_comes_from_the_log(film: Film) -> None:
    await film.intents.close()
    await film.add_shot()
    mine, hers = await film.ask(by=ADA), await film.ask(by=EVE)
    async with film.canvas() as room:
        found = await find_authors(room.history, [IntentId(mine), IntentId(hers), IntentId("never-asked")])
    assert found == {mine: ("ada", "Ada Lovelace"), hers: ("eve", "Eve")}


async def test_an_intent_of_somebody_who_is_no_member_any_more_is_refused(film: Film) -> None:
    await film.add_shot()
    await film.intents.close()
    intent = await film.ask(by=Actor("gone", "Gone", "editor"))
    await film.stop()
    await film.start()
    job = await film.until(intent, "refused")
    assert job["reason"] == ASK_AGAIN


@pytest.mark.parametrize("intent_id", ["../../x", "", "a b", "x" * 10_000, "\x00", "é"])
async def test_a_request_with_an_id_that_is_none_is_told_so(film: Film, intent_id: str) -> None:
    await film.add_shot()
    await film.edit(lambda doc: doc["intents"].update({intent_id: {"kind": "generate", "node": SHOT}}), EVE)
    assert (await film.until(intent_id, "refused"))["reason"] == BAD_ID
    await film.until(await film.ask(), "queued")


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "generate", "node": 5},
        {"kind": "generate"},
        {"kind": ["generate"], "node": SHOT},
        {"kind": "format-disk", "node": SHOT},
        {"node": SHOT},
        "generate",
        None,
        float("nan"),
    ],
)
async def test_a_request_that_cannot_be_read_is_told_so(film: Film, record: object) -> None:
    await film.add_shot()
    await film.edit(lambda doc: doc["intents"].update({"odd": record}), EVE)
    job = await film.until("odd", "refused")
    assert (job["reason"], job["asked_by"]) == (UNREADABLE, "eve")
    await film.until(await film.ask(), "queued")


async def test_a_request_may_be_a_shared_map_and_say_more_than_is_asked(film: Film) -> None:
    await film.add_shot()
    record = {"kind": "generate", "node": SHOT, "client": "their own", "at": 12.5}
    await film.edit(lambda doc: doc["intents"].update({"mine": Map(record)}), EVE)
    await film.until("mine", "queued")


async def test_the_id_of_another_project_s_job_is_refused(film: Film) -> None:
    await film.add_shot()
    first = await film.ask()
    await eventually(lambda: film.farm.waiting("cpu") == 1)
    await film.new_project(title="Day Bus")
    await film.add_shot()
    job = await film.until(await film.ask(intent=first), "failed")
    assert job["reason"] == "Another project uses this intent id."
    assert film.farm.waiting("cpu") == 1


async def test_a_project_with_hundreds_of_requests_keeps_no_other_waiting(film: Film) -> None:
    busy = film.project_id
    flood = {f"flood-{number}": {"kind": "generate", "node": "gone"} for number in range(400)}
    other = (await film.new_project(title="Day Bus")).id
    await film.add_shot()
    film.project_id = busy
    await film.edit(lambda doc: doc["intents"].update(flood), EVE)
    film.project_id = other
    await film.until(await film.ask(), "queued")
    async with film.hub.room(busy, "takes") as room:
        assert len(Takes(room.doc).job_ids()) < len(flood)
    film.project_id = busy
    for intent in flood:
        await film.until(intent, "refused")


async def test_a_fault_of_the_judge_is_told_once(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    await film.add_shot()

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(recipe, "build", fail)
    job = await film.until(await film.ask(), "refused")
    assert job["reason"] == OURS_TO_FIX
    assert job["trace_id"]


async def test_a_deleted_shot_is_not_generated(film: Film) -> None:
    await film.add_shot()
    await film.edit(lambda doc: Canvas(doc).set_field(SHOT, "deleted", value=True))
    job = await film.until(await film.ask(), "refused")
    assert job["reason"] == "This shot is no longer on the canvas."
