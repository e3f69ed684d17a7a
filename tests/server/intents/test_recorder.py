"""What the farm reports is written once, however often and in whatever order it comes."""

import hashlib
import json
from typing import Any

import pytest

from crdt_schema import plain
from crdt_schema.canvas import Canvas
from crdt_schema.records import Media
from render_farm.clock import utc_now
from render_farm.job import AnyEvent, Cancelled, Failed, Finished, Lost, Progressed, Requeued, Started
from server.intents.recorder import NOT_RECORDED, Recorder
from tests.support.farm import eventually
from tests.support.film import SHOT, Film

BYTES = b"\x89PNG of a bus"


class Reports:
    """Farm events about one queued job, recorded one by one."""

    def __init__(self, film: Film, job: str) -> None:
        self.film, self.job = film, job
        self.recorder = Recorder(film.hub, film.projects, film.intents._stream, film.intents._progress)

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


async def test_a_requeued_job_waits_again_and_its_attempt_is_lost(film: Film, reports: Reports) -> None:
    await reports(Started)
    await reports(Requeued, "")
    job = await film.job(reports.job)
    assert job is not None
    assert (job["status"], [attempt["outcome"] for attempt in job["attempts"]]) == ("queued", ["lost"])


async def test_a_lost_job_that_comes_back_after_all_is_a_take(film: Film, reports: Reports) -> None:
    await reports(Started)
    await reports(Lost, "", reason="gone", trace_id="trace-1")
    assert await film.status(reports.job) == "lost"
    await reports.finished()
    job = await film.job(reports.job)
    assert job is not None
    assert (job["status"], job["reason"], len(await film.takes())) == ("completed", "", 1)


@pytest.mark.parametrize("end", ["failed", "cancelled"])
async def test_what_comes_after_the_end_is_set_aside(reports: Reports, end: str) -> None:
    await reports(Started)
    if end == "failed":
        await reports(Failed, reason="The lens cap was on", trace_id="trace-1")
    else:
        await reports(Cancelled)
    before = await reports.state()
    await reports.finished()
    await reports(Started, "attempt-2")
    await reports(Requeued, "")
    assert await reports.state() == before
    assert before[0]["status"] == end


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
    about = {"job": reports.job, "project": film.project_id, "attempt": "attempt-1", "farm_node": "n", "at": utc_now()}
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
