"""What the farm reports is written once, however often and in whatever order it comes."""

import hashlib
import json
from datetime import datetime
from typing import Any

import pytest

from crdt_schema import plain
from crdt_schema.canvas import Canvas
from crdt_schema.records import Job, Media
from crdt_schema.takes import Takes
from render_farm.attempt_log import AttemptLog
from render_farm.clock import iso, utc_now
from render_farm.job import (
    AnyEvent,
    Cancelled,
    Failed,
    Finished,
    Late,
    Lost,
    Prioritised,
    Progressed,
    Requeued,
    Started,
    read_event,
)
from server.intents.kept_logs import log_path, read
from server.intents.recipe import hash_of
from server.intents.recorder import NOT_RECORDED, Recorder
from tests.support.farm import eventually
from tests.support.film import EVE, SHOT, Film

BYTES = b"\x89PNG of a bus"


class Reports:
    """Farm events about one queued job, recorded one by one."""

    def __init__(self, film: Film, job: str) -> None:
        self.film, self.job = film, job
        intents = film.intents
        self.recorder = Recorder(
            film.hub, film.projects, intents._stream, shelves=intents.shelves, progress=intents._progress
        )

    async def __call__(self, kind: type[Any], attempt: str = "attempt-1", **fields: Any) -> AnyEvent:
        about = {"job": self.job, "project": self.film.project_id, "attempt": attempt}
        event: AnyEvent = kind(**about, farm_node="node-1", at=utc_now(), **fields)
        await self.recorder.record(event)
        return event

    async def finished(
        self, attempt: str = "attempt-1", data: bytes = BYTES, media_type: str = "image/png"
    ) -> AnyEvent:
        media = self.media(data, media_type)
        return await self(Finished, attempt, outputs=(media,), thumbnail=media, seconds=1.5)

    def media(self, data: bytes, media_type: str = "image/png") -> Media:
        blob = self.film.project.blobs.put_bytes(data)
        return {"blob": blob, "media_type": media_type, "width": 64, "height": 36, "size_bytes": len(data)}

    async def state(self) -> tuple[Any, Any, str, list[str]]:
        """Everything a replay could change."""
        async with self.film.hub.room(self.film.project_id, "takes") as room:
            takes = plain.encode(plain.dump(room.doc, "takes"))
        return await self.film.job(self.job), takes, await self.film.active_take(), self.film.files()


@pytest.fixture
async def reports(film: Film) -> Reports:
    await film.add_shot()
    intent = await film.ask()
    await film.until(intent, "queued")
    await eventually(lambda: film.farm.waiting("cpu") == 1)
    return Reports(film, intent)


async def test_replayed_events_change_nothing(reports: Reports) -> None:
    events = [await reports(Started), await reports.finished()]
    before = await reports.state()
    assert before[3] == ["S01_S01_take01.png"]
    for event in [*events, *reversed(events)]:
        await reports.recorder.record(event)
    assert await reports.state() == before


async def test_how_a_take_was_made_stands_beside_it_as_soon_as_it_is_recorded(film: Film, reports: Reports) -> None:
    await reports(Started)
    await reports.finished()
    (beside,) = (film.project.folder / "03_Renders").rglob("S01_S01_take01.json")
    said = json.loads(beside.read_text())
    job = await film.job(reports.job)
    assert job is not None
    assert said["take"] == job["take"] == "attempt-1"
    assert said["seed"] == job["recipe"]["seed"] == 7
    assert said["pipeline"]["id"] == job["pipeline"]
    assert said["media"]["sha256"] == hashlib.sha256(BYTES).hexdigest()
    assert said["made_by"] == {"id": job["asked_by"], "name": job["asked_by_name"]}


async def test_what_a_run_told_of_itself_stands_in_the_take_and_beside_it(film: Film, reports: Reports) -> None:
    await reports(Started)
    media: Media = {**reports.media(b"....ftypmp42 a clip", "video/mp4"), "frames": 48, "rate": "24000/1001"}
    facts = {"image": "sha256:" + "a" * 64, "seed": "7", "faces": "2", "request": "fal-1"}
    event = Finished(
        job=reports.job,
        project=film.project_id,
        attempt="a-1",
        farm_node="n",
        at=utc_now(),
        outputs=(media,),
        thumbnail=reports.media(BYTES),
        seconds=1.5,
        cost_usd=0.25,
        facts=facts,
    )
    await reports.recorder.record(read_event(json.loads(json.dumps(event.as_json()))))
    take = (await film.takes())["a-1"]
    assert take.get("facts") == facts
    assert take["media"] == media
    assert take["cost_usd"] == 0.25
    (beside,) = (film.project.folder / "03_Renders").rglob("S01_S01_take01.json")
    said = json.loads(beside.read_text())
    assert (said["facts"], said["seed"]) == (facts, 7)
    assert (said["media"]["frames"], said["media"]["rate"], said["media"]["width"]) == (48, "24000/1001", 64)


async def test_a_replay_does_not_undo_the_artist_s_choice(film: Film, reports: Reports) -> None:
    await reports(Started)
    first = await reports.finished()
    other = Reports(film, await film.ask())
    await film.until(other.job, "queued")
    await other(Started, "attempt-2")
    second = await other.finished("attempt-2")
    assert await film.active_take() == "attempt-2"
    await film.edit(lambda doc: Canvas(doc).set_field(SHOT, "active_take", "attempt-1"))
    for event in (first, second):
        await reports.recorder.record(event)
    assert await film.active_take() == "attempt-1"


async def test_a_take_that_was_under_way_when_its_shot_was_locked_does_not_become_the_active_one(
    film: Film, reports: Reports
) -> None:
    await reports(Started)
    await film.lock_shot()
    await reports.finished()
    assert list(await film.takes()) == ["attempt-1"]
    assert await film.status(reports.job) == "completed"
    assert await film.active_take() == ""


async def test_only_the_first_finished_attempt_is_a_take(film: Film, reports: Reports) -> None:
    await reports(Started)
    await reports(Started, "attempt-2")
    await reports.finished("attempt-2")
    await reports.finished("attempt-1", b"another picture")
    job = await film.job(reports.job)
    assert job is not None
    assert job["take"] == "attempt-2"
    assert list(await film.takes()) == ["attempt-2"]
    assert film.files() == ["S01_S01_take01.png"]


async def test_a_result_whose_start_was_never_heard_of_is_still_a_take(film: Film, reports: Reports) -> None:
    await reports.finished()
    assert await film.status(reports.job) == "completed"
    (attempt,) = (await film.until(reports.job, "completed"))["attempts"]
    assert (attempt["id"], attempt["exit"], attempt["seconds"]) == ("attempt-1", "finished", 1.5)
    assert attempt["ended_at"]


async def test_a_failure_whose_start_was_never_heard_of_is_still_an_attempt(film: Film, reports: Reports) -> None:
    await reports(Failed, reason="The lens cap was on", trace_id="trace-1", seconds=2.5)
    (attempt,) = (await film.until(reports.job, "failed"))["attempts"]
    assert (attempt["id"], attempt["exit"], attempt["seconds"]) == ("attempt-1", "failed", 2.5)


async def test_an_attempt_that_nobody_measured_took_what_the_clock_says(film: Film, reports: Reports) -> None:
    begun = await reports(Started)
    later = iso(datetime.fromisoformat(begun.at).timestamp() + 2.5)
    about = {"job": reports.job, "project": film.project_id, "attempt": "attempt-1", "farm_node": "node-1"}
    await reports.recorder.record(Cancelled(**about, at=later))
    (attempt,) = (await film.until(reports.job, "cancelled"))["attempts"]
    assert (attempt["exit"], attempt["outcome"], attempt["seconds"]) == ("cancelled", "cancelled", 2.5)


async def test_a_requeued_job_waits_again_and_its_attempt_is_lost(film: Film, reports: Reports) -> None:
    await reports(Started)
    await reports(Requeued, "")
    job = await film.job(reports.job)
    assert job is not None
    assert (job["status"], [attempt["outcome"] for attempt in job["attempts"]]) == ("queued", ["lost"])


async def test_an_attempt_remembers_its_fence_how_it_ended_and_what_it_took(reports: Reports) -> None:
    await reports(Started, fence=7)
    await reports(Failed, reason="The lens cap was on", trace_id="trace-1", exit="timeout", seconds=2.5)
    job = await reports.film.job(reports.job)
    assert job is not None
    (attempt,) = job["attempts"]
    assert (attempt["fence"], attempt["tier"], attempt["exit"]) == (7, "low", "timeout")
    assert (attempt["reason"], attempt["seconds"], attempt["set_aside"]) == ("The lens cap was on", 2.5, [])
    assert job["seconds"] == 2.5


async def test_a_job_that_went_one_tier_up_says_so_and_remembers_what_really_ran(reports: Reports) -> None:
    await reports(Started)
    await reports(Requeued, exit="oom", tier="standard", reason="Out of memory on tier low.", seconds=1.0)
    job = await reports.film.job(reports.job)
    assert job is not None
    assert (job["status"], job["tier"], job["recipe"]["tier"]) == ("queued", "standard", "standard")
    assert job.get("notice") == "Out of memory on tier low."
    assert job.get("recipe_hash") == hash_of(job["recipe"])
    assert [(one["exit"], one["tier"]) for one in job["attempts"]] == [("oom", "low")]
    await reports(Started, "attempt-2")
    await reports.finished("attempt-2")
    take = (await reports.film.takes())["attempt-2"]
    assert take["recipe"]["tier"] == "standard"
    estimate = await reports.film.intents.estimate(reports.film.project_id, SHOT, EVE)
    assert estimate["cached_take"] == "", "what was asked for is tier low, and there is no such take"


async def test_a_priority_that_is_given_later_stands_in_the_job_and_holds_when_redis_forgets(reports: Reports) -> None:
    film = reports.film
    film.farm.planner.prioritise(reports.job, 5)
    async with film.hub.room(film.project_id, "takes") as room:

        def shown() -> Job:
            job = Takes(room.doc).job(reports.job)
            assert job is not None
            return job

        # The service's own recorder takes it off the stream.
        await eventually(lambda: shown().get("priority") == 5)
        assert shown()["status"] == "queued"
        await reports(Prioritised, "", priority=-3)
        assert shown().get("priority") == -3
        assert film.intents._dispatcher._order(film.project_id, reports.job, shown()).priority == -3


async def test_what_a_job_waited_for_is_said_no_more_once_it_has_begun(film: Film) -> None:
    await film.add_shot(pipeline="t2i-sd1.5")
    reports = Reports(film, await film.ask())
    job = await film.until(reports.job, "queued")
    assert job.get("notice", "").startswith("Waiting for a 12 GB node; none is connected.")
    await reports(Started)
    assert (await film.until(reports.job, "running")).get("notice") == ""


async def test_what_a_job_waited_for_is_said_no_more_once_it_was_cancelled(film: Film) -> None:
    await film.add_shot(pipeline="t2i-sd1.5")
    job = await film.ask()
    assert (await film.until(job, "queued")).get("notice", "").startswith("Waiting for")
    await film.ask_cancel(job)
    assert (await film.until(job, "cancelled")).get("notice") == ""


async def test_a_late_result_is_named_in_its_attempt_and_replayed_without_effect(reports: Reports) -> None:
    await reports(Started, "attempt-1", fence=1)
    await reports(Requeued, "", exit="node lost")
    await reports(Started, "attempt-2", fence=2)
    media = reports.media(b"late picture")
    late = await reports(Late, "attempt-1", outputs=(media,), seconds=3.0)
    await reports.finished("attempt-2")
    await reports.recorder.record(late)
    job, _, _, files = await reports.state()
    assert [(one["exit"], one["set_aside"]) for one in job["attempts"]] == [("late", [media["blob"]]), ("finished", [])]
    assert (job["take"], files) == ("attempt-2", ["S01_S01_take01.png"])
    assert reports.film.project.blobs.has(media["blob"])


async def test_what_a_provider_bills_is_the_cost_of_the_take(reports: Reports) -> None:
    await reports(Started)
    media = reports.media(BYTES)
    await reports(Finished, outputs=(media,), thumbnail=media, seconds=1.0, cost_usd=0.0125)
    job = await reports.film.job(reports.job)
    assert job is not None
    (take,) = (await reports.film.takes()).values()
    assert [take["cost_usd"], job["cost_usd"], job["attempts"][0]["cost_usd"]] == [0.0125] * 3


async def test_the_log_of_an_attempt_is_kept_when_it_has_ended_however_often_that_is_told(reports: Reports) -> None:
    film = reports.film
    written = AttemptLog(film.farm.ledger, "attempt-1", ["a-secret"])
    written.add("Loading with a-secret\nSampling")
    written.end("finished")
    await reports(Started)
    event = await reports.finished()
    path = log_path(film.project.folder, "attempt-1")
    lines = read(path)
    assert [(line.text, line.exit) for line in lines] == [
        ("Loading with [hidden]", ""),
        ("Sampling", ""),
        ("", "finished"),
    ]
    path.unlink()
    await reports.recorder.record(event)
    assert read(path) == lines


@pytest.mark.parametrize("end", ["failed", "cancelled", "lost"])
async def test_what_comes_after_the_end_is_set_aside(reports: Reports, end: str) -> None:
    await reports(Started)
    if end == "failed":
        await reports(Failed, reason="The lens cap was on", trace_id="trace-1")
    elif end == "lost":
        await reports(Lost, "", reason="gone", trace_id="trace-1")
    else:
        await reports(Cancelled)
    before = await reports.state()
    await reports(Started, "attempt-2")
    await reports(Requeued, "")
    assert await reports.state() == before
    assert before[0]["status"] == end
    await reports.finished()
    job, _, active, files = await reports.state()
    assert (job["status"], active, files) == (end, "", [])
    (attempt,) = job["attempts"]
    assert attempt["set_aside"] == [hashlib.sha256(BYTES).hexdigest()]
    assert attempt["exit"] == "late"


async def test_a_take_whose_bytes_did_not_arrive_fails_readably(film: Film, reports: Reports) -> None:
    await reports(Started)
    missing: Media = {**reports.media(BYTES), "blob": hashlib.sha256(b"never sent").hexdigest()}
    await reports(Finished, outputs=(missing,), thumbnail=missing, seconds=1.0)
    job = await film.job(reports.job)
    assert job is not None
    assert (job["status"], job["cost_usd"]) == ("failed", 0)
    assert "did not arrive" in job["reason"]
    assert job["trace_id"].startswith("trace-")


async def test_a_kind_of_file_that_no_project_holds_fails_readably(film: Film, reports: Reports) -> None:
    await reports(Started)
    await reports.finished(media_type="application/x-msdownload")
    job = await film.job(reports.job)
    assert job is not None
    assert "kind of file" in job["reason"]


async def test_a_file_written_before_a_crash_is_taken_up_again(film: Film, reports: Reports) -> None:
    await reports(Started)
    blob = film.project.blobs.put_bytes(BYTES)
    where = {"chapter": 1, "scene": 1, "shot": 1}
    film.projects.store_take(film.project, **where, number=1, suffix=".png", blob=blob)
    await reports.finished()
    assert film.files() == ["S01_S01_take01.png"]
    assert [take["number"] for take in (await film.takes()).values()] == [1]


async def test_a_file_of_somebody_else_is_never_replaced(film: Film, reports: Reports) -> None:
    await reports(Started)
    foreign = film.project.folder / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"painted by hand")
    await reports.finished()
    assert foreign.read_bytes() == b"painted by hand"
    assert film.files() == ["S01_S01_take01.png", "S01_S01_take02.png"]
    assert [take["name"] for take in (await film.takes()).values()] == ["S01_S01_take02"]


async def test_progress_of_a_job_that_does_not_run_is_not_shown(film: Film, reports: Reports) -> None:
    await reports(Progressed, percent=50, step="Late")
    assert film.intents._progress._jobs.get(film.project_id, {}) == {}


async def test_an_event_that_cannot_be_recorded_ends_the_job_and_not_the_recorder(
    film: Film, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reports(Started)

    def disk_gone(*_: object, **__: object) -> str:
        raise OSError("input/output error on /secret/disk")

    monkeypatch.setattr(film.projects, "store_take", disk_gone)
    monkeypatch.setattr("server.intents.recorder.MAX_DELIVERIES", 1)
    media = reports.media(BYTES)
    about: dict[str, Any] = {
        "job": reports.job,
        "project": film.project_id,
        "attempt": "attempt-1",
        "farm_node": "n",
        "at": utc_now(),
    }
    film.farm.ledger.publish(Finished(**about, outputs=(media,), thumbnail=media, seconds=1.0))
    job = await film.until(reports.job, "failed")
    assert job["reason"] == NOT_RECORDED
    assert "/secret" not in str(job)
    await eventually(lambda: film.farm._redis.xlen("workprint:events") == 0)


async def test_an_event_of_a_project_or_job_that_is_gone_is_dropped(film: Film, reports: Reports) -> None:
    for job, project in (("unknown", film.project_id), (reports.job, "no-such-project")):
        film.farm.ledger.publish(Started(job=job, project=project, attempt="a", farm_node="n", at=utc_now()))
    await eventually(lambda: film.farm._redis.xlen("workprint:events") == 0)
    assert await film.status(reports.job) == "queued"
