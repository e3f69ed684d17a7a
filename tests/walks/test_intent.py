"""The walk of an intent, whole and over real parts: from a request in a document to a take in it, whatever dies."""

import asyncio
import hashlib
import os
import shutil
import signal
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from crdt_schema.canvas import Canvas
from render_farm.ledger import connect
from tests.support.farm import DYING_LEASE_SECONDS, Valkey, Worker, eventually, start_worker, valkey
from tests.support.film import ADA, EVE, SHOT, VERA, Film, open_film

__all__ = ["start_worker", "valkey"]

StartWorker = Callable[..., Worker]


@pytest.fixture
async def film(valkey: Valkey, tmp_path: Path) -> AsyncGenerator[Film]:
    async with open_film(tmp_path / "workspace", valkey.url) as film:
        await film.new_project()
        yield film


def marker(tmp_path: Path) -> Path:
    return tmp_path / "begun"


async def test_an_intent_becomes_a_take_in_the_document_and_a_file_under_its_name(
    film: Film, start_worker: StartWorker
) -> None:
    await film.add_shot(chapter=2, scene=3, shot=4)
    start_worker()
    intent = await film.ask()
    job = await film.until(intent, "completed")
    take = (await film.takes())[job["take"]]
    file = film.project.folder / "03_Renders/Chapter_02/Scene_03/Shot_04/S03_S04_take01.png"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == take["media"]["blob"]
    assert film.project.blobs.path(take["media"]["blob"]).read_bytes() == file.read_bytes()
    assert not file.stat().st_mode & 0o222
    with Image.open(film.project.blobs.path(take["thumbnail"]["blob"])) as thumbnail:
        assert thumbnail.format == "WEBP"
    assert (take["name"], take["number"], take["created_by"]) == ("S03_S04_take01", 1, "eve")
    assert take["recipe"]["prompt"]["direct"] == "A bus at night"
    assert take["recipe"]["seed"] == 7
    assert (job["asked_by"], job["tier"], job["pipeline"], job["cost_usd"]) == ("eve", "low", "test-still", 0.5)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["completed"]
    await eventually_active(film, job["take"])


async def test_the_same_intent_twice_is_one_job(film: Film, start_worker: StartWorker) -> None:
    await film.add_shot()
    intent = await film.ask()
    await film.until(intent, "queued")
    await film.edit(lambda doc: doc["intents"].update({intent: {"kind": "generate", "node": SHOT}}), EVE)
    await eventually(lambda: film.farm.waiting("cpu") == 1)
    start_worker()
    await film.until(intent, "completed")
    assert len(await film.takes()) == 1


async def test_two_simultaneous_intents_on_one_shot_are_two_numbers_and_two_files(
    film: Film, start_worker: StartWorker
) -> None:
    await film.add_shot()
    start_worker()
    start_worker()
    intents = await asyncio.gather(film.ask(by=ADA), film.ask(by=EVE))
    for intent in intents:
        await film.until(intent, "completed")
    takes = (await film.takes()).values()
    assert sorted(take["number"] for take in takes) == [1, 2]
    assert film.files() == ["S01_S01_take01.png", "S01_S01_take02.png"]
    await eventually_active(film, max((await film.takes()).items(), key=lambda item: item[1]["number"])[0])


async def test_two_shots_with_the_same_numbers_never_share_a_file(film: Film, start_worker: StartWorker) -> None:
    await film.add_shot("original")
    await film.add_shot("copy")
    start_worker()
    for intent in (await film.ask("original"), await film.ask("copy")):
        await film.until(intent, "completed")
    assert film.files() == ["S01_S01_take01.png", "S01_S01_take02.png"]
    assert len({take["name"] for take in (await film.takes()).values()}) == 2


async def test_a_waiting_job_is_cancelled(film: Film) -> None:
    await film.add_shot()
    intent = await film.ask()
    await film.until(intent, "queued")
    await eventually(lambda: film.farm.waiting("cpu") == 1)
    await film.ask_cancel(intent)
    job = await film.until(intent, "cancelled")
    assert job["cost_usd"] == 0
    assert film.farm.waiting("cpu") == 0


async def test_a_running_job_is_cancelled_and_leaves_nothing(
    film: Film, start_worker: StartWorker, tmp_path: Path
) -> None:
    await film.add_shot(parameters={"steps": 5000, "marker": str(marker(tmp_path))})
    start_worker()
    intent = await film.ask()
    await film.until(intent, "running")
    await eventually(marker(tmp_path).exists)
    await film.ask_cancel(intent)
    job = await film.until(intent, "cancelled")
    assert job["attempts"][0]["outcome"] == "cancelled"
    assert film.files() == []


async def test_a_viewer_cannot_cancel(film: Film) -> None:
    await film.add_shot()
    intent = await film.ask()
    await film.until(intent, "queued")
    await film.ask_cancel(intent, by=VERA)
    following = await film.ask()
    await film.until(following, "queued")
    assert await film.status(intent) == "queued"
    await eventually(lambda: film.farm.waiting("cpu") == 2)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("fail", "The lens cap was on"), ("crash", "Something went wrong on the farm node.")],
)
async def test_a_failure_is_readable_and_can_be_traced(
    film: Film, start_worker: StartWorker, behaviour: str, reason: str
) -> None:
    await film.add_shot(parameters={"behaviour": behaviour})
    worker = start_worker()
    job = await film.until(await film.ask(), "failed")
    assert job["reason"].startswith(reason)
    assert "/secret" not in str(job)
    assert job["cost_usd"] == 0
    assert [line for line in worker.log() if line.get("traceId") == job["trace_id"]]


async def test_progress_is_shown_to_everybody_and_gone_at_the_end(
    film: Film, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await film.add_shot(parameters={"steps": 100_000})
    shown: list[tuple[str, Any]] = []

    def present(field: str, value: object | None) -> None:
        shown.append((field, value))

    async with film.hub.room(film.project_id, "takes") as room:

        def states() -> list[Any]:
            return [value["jobs"][intent] for _, value in shown if value and intent in value["jobs"]]

        monkeypatch.setattr(room, "present", present)
        start_worker()
        intent = await film.ask()
        await eventually(lambda: states() and states()[-1]["percent"] > states()[0]["percent"])
        await film.ask_cancel(intent)
        await film.until(intent, "cancelled")
        await eventually(lambda: shown[-1] == ("farm", None))
    assert {state["node"] for state in states()} == {SHOT}


async def test_intents_wait_for_redis_and_go_out_when_it_returns(
    film: Film, valkey: Valkey, start_worker: StartWorker
) -> None:
    await film.add_shot()
    await asyncio.to_thread(valkey.stop)
    intent = await film.ask()
    await eventually(lambda: film.intents._dispatcher.waiting)
    assert await film.status(intent) == "asked"
    await asyncio.to_thread(valkey.start)
    await film.until(intent, "queued")
    start_worker()
    await film.until(intent, "completed")


async def test_a_project_that_vanished_while_redis_was_away_holds_up_nobody(
    film: Film, valkey: Valkey, start_worker: StartWorker
) -> None:
    await film.add_shot()
    worker = start_worker(WORKPRINT_LEASE_SECONDS=str(DYING_LEASE_SECONDS))
    await asyncio.to_thread(valkey.stop)
    await film.ask()
    gone = film.project.folder
    await film.new_project(title="Day Bus")
    await film.add_shot(parameters={"marker": str(gone.with_name("begun")), "steps": 200})
    intent = await film.ask()
    await eventually(lambda: len(film.intents._dispatcher.waiting) == 2)
    shutil.rmtree(gone)
    await asyncio.to_thread(valkey.start)
    await film.until(intent, "running")
    worker.kill()
    await eventually(lambda: not film.intents._dispatcher.waiting)
    start_worker()
    # Only the reaper can bring this about; how long it is queued in between is too short to be seen for certain.
    job = await film.until(intent, "completed")
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["lost", "completed"]


async def test_an_intent_can_be_withdrawn_while_it_waits_for_redis(film: Film, valkey: Valkey) -> None:
    await film.add_shot()
    await asyncio.to_thread(valkey.stop)
    intent = await film.ask()
    await eventually(lambda: film.intents._dispatcher.waiting)
    await film.ask_cancel(intent)
    await film.until(intent, "cancelled")
    await asyncio.to_thread(valkey.start)
    following = await film.ask()
    await eventually(lambda: film.farm.waiting("cpu") == 1)
    assert film.farm.position(following) == 0


async def test_a_redis_that_lost_its_memory_loses_no_job(film: Film, valkey: Valkey, start_worker: StartWorker) -> None:
    await film.add_shot()
    intent = await film.ask()
    await eventually(lambda: film.farm.waiting("cpu") == 1)
    await asyncio.to_thread(valkey.stop)
    valkey.forget()
    await asyncio.to_thread(valkey.start)
    start_worker()
    await film.until(intent, "completed")
    assert len(await film.takes()) == 1


async def test_a_hub_that_restarts_while_a_job_runs_gets_its_take(
    film: Film, start_worker: StartWorker, tmp_path: Path
) -> None:
    begun = marker(tmp_path)
    await film.add_shot(parameters={"steps": 50, "marker": str(begun)})
    worker = start_worker(WORKPRINT_LEASE_SECONDS="60")
    intent = await film.ask()
    await eventually(lambda: begun.exists() and begun.read_text().endswith("\n"))
    attempt = int(begun.read_text())
    os.kill(attempt, signal.SIGSTOP)  # the hub is gone before it ends, however slowly that goes
    await film.stop()
    os.kill(attempt, signal.SIGCONT)
    await eventually(lambda: any("hub is away" in str(line.get("event")) for line in worker.log()))
    await film.start()
    job = await film.until(intent, "completed")
    assert len(job["attempts"]) == 1
    assert film.files() == ["S01_S01_take01.png"]


async def test_a_hub_that_died_before_it_judged_judges_when_it_is_back(film: Film, start_worker: StartWorker) -> None:
    await film.add_shot()
    await film.intents.close()
    viewers, editors = await film.ask(by=VERA), await film.ask(by=EVE)
    assert await film.status(editors) == "asked"
    await film.hub.close()
    await film._runner.cleanup()
    await film.start()
    start_worker()
    job = await film.until(editors, "completed")
    assert job["asked_by"] == "eve"
    refused = await film.until(viewers, "refused")
    assert refused["asked_by"] == "vera"


async def test_a_hub_that_died_between_the_document_and_the_queue_submits_when_it_is_back(
    film: Film, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await film.add_shot()

    submitted = asyncio.Event()

    async def note(*_: object) -> None:
        submitted.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(film.intents._dispatcher, "_submit", note)
    intent = await film.ask()
    await submitted.wait()
    assert await film.status(intent) == "queued"
    assert film.farm.waiting("cpu") == 0
    await film.stop()
    monkeypatch.undo()
    await film.start()
    start_worker()
    await film.until(intent, "completed")
    assert len(await film.takes()) == 1


async def test_a_worker_killed_in_mid_job_costs_an_attempt_and_no_take(
    film: Film, start_worker: StartWorker, tmp_path: Path
) -> None:
    await film.add_shot(parameters={"steps": 200, "marker": str(marker(tmp_path))})
    worker = start_worker(WORKPRINT_LEASE_SECONDS=str(DYING_LEASE_SECONDS))
    intent = await film.ask()
    await eventually(marker(tmp_path).exists)
    worker.kill()
    start_worker()
    job = await film.until(intent, "completed", "failed", "lost", seconds=60)
    assert job["status"] == "completed"
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["lost", "completed"]
    assert len(await film.takes()) == 1
    assert film.files() == ["S01_S01_take01.png"]


async def test_a_job_that_kills_its_workers_is_lost_with_a_reason(film: Film, start_worker: StartWorker) -> None:
    await film.add_shot(parameters={"behaviour": "die"})
    start_worker()
    job = await film.until(await film.ask(), "lost", seconds=60)
    assert "vanished" in job["reason"]
    assert job["trace_id"]
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["lost", "lost", "lost"]


async def test_a_previz_frame_is_made_in_the_project_s_shape(film: Film, start_worker: StartWorker) -> None:
    await film.add_shot(pipeline="previz-image", parameters={"lighting": "neon-night", "lens_mm": 35})
    start_worker()
    job = await film.until(await film.ask(), "completed", "failed", seconds=60)
    assert job["reason"] == ""
    media = (await film.takes())[job["take"]]["media"]
    with Image.open(film.project.blobs.path(media["blob"])) as frame:
        assert frame.size == (media["width"], media["height"])
        assert frame.size[0] == 768
        assert abs(frame.size[0] / frame.size[1] - 16 / 9) < 0.02


async def test_nothing_is_left_on_the_stream(film: Film, start_worker: StartWorker, valkey: Valkey) -> None:
    await film.add_shot(parameters={"steps": 30})
    start_worker()
    await film.until(await film.ask(), "completed")
    redis = connect(valkey.url)
    await eventually(lambda: redis.xlen("workprint:events") == 0)
    redis.close()


async def test_an_older_take_that_the_artist_chose_stays_chosen(film: Film, start_worker: StartWorker) -> None:
    await film.add_shot()
    start_worker()
    first = await film.until(await film.ask(), "completed")
    second = await film.until(await film.ask(), "completed")
    await eventually_active(film, second["take"])
    await film.edit(lambda doc: Canvas(doc).set_field(SHOT, "active_take", first["take"]))
    third = await film.until(await film.ask(), "completed")
    fourth = await film.until(await film.ask(), "completed")
    assert third["take"] != fourth["take"]
    assert await film.active_take() == first["take"]


async def eventually_active(film: Film, take: str) -> None:
    async with asyncio.timeout(60):
        while await film.active_take() != take:  # noqa: ASYNC110 - a document has no event to wait for
            await asyncio.sleep(0.02)
