"""Intents answered by the whole service: refusals in the document, budget for one of two, authors from the log."""

import asyncio

from crdt_schema.canvas import Canvas
from crdt_schema.ids import IntentId
from crdt_schema.takes import Takes
from server.auth.actor import Actor
from server.intents.authors import find_authors
from server.intents.dispatcher import ASK_AGAIN
from server.intents.judge import BUDGET_TEXT
from tests.support.farm import eventually
from tests.support.film import ADA, EVE, SHOT, VERA, Film


async def test_a_refusal_is_in_the_document_with_reason_author_and_trace(film: Film) -> None:
    await film.add_shot()
    job = await film.until(await film.ask(by=VERA), "refused")
    assert job["reason"] == "A viewer may not generate. Ask an editor of this project."
    assert job["asked_by"] == "vera"
    assert job["trace_id"].startswith("trace-")
    assert film.farm.waiting("low") == 0


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
    assert "No farm node" in made["notice"]
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


async def test_an_id_that_is_none_is_passed_over_and_harms_nobody(film: Film) -> None:
    await film.add_shot()
    await film.edit(lambda doc: doc["intents"].update({"../../x": {"kind": "generate", "node": SHOT}}), EVE)
    await film.edit(lambda doc: doc["intents"].update({"odd": {"kind": "generate", "node": 5}}), EVE)
    await film.until(await film.ask(), "queued")
    assert await film.job("../../x") is None
    assert await film.job("odd") is None


async def test_the_id_of_another_project_s_job_is_refused(film: Film) -> None:
    await film.add_shot()
    first = await film.ask()
    await eventually(lambda: film.farm.waiting("low") == 1)
    await film.new_project(title="Day Bus")
    await film.add_shot()
    job = await film.until(await film.ask(intent=first), "failed")
    assert job["reason"] == "Another project uses this intent id."
    assert film.farm.waiting("low") == 1


async def test_a_deleted_shot_is_not_generated(film: Film) -> None:
    await film.add_shot()
    await film.edit(lambda doc: Canvas(doc).set_field(SHOT, "deleted", value=True))
    job = await film.until(await film.ask(), "refused")
    assert job["reason"] == "This shot is no longer on the canvas."
