"""A job that the farm has ended and whose document does not know it does not wait for ever."""

from typing import Any

import pytest

from render_farm.clock import utc_now
from render_farm.events import unrecorded
from render_farm.job import AnyEvent, Cancelled, Started
from render_farm.queues import Farm
from server.errors import Unavailable
from server.intents.lost_ends import LOST_END, LostEnds
from server.intents.recorder import Recorder
from tests.support.farm import Valkey, eventually
from tests.support.film import Film


async def queued(film: Film) -> str:
    await film.add_shot()
    intent = await film.ask()
    await film.until(intent, "queued")
    await eventually(lambda: film.farm.waiting("cpu") == 1)
    return intent


def about(film: Film, job: str) -> dict[str, Any]:
    return {"job": job, "project": film.project_id, "attempt": "attempt-1", "farm_node": "n", "at": utc_now()}


@pytest.mark.parametrize("status", ["queued", "running"])
async def test_an_end_that_nobody_will_tell_of_is_told_with_clear_words(
    film: Film, valkey: Valkey, status: str
) -> None:
    job = await queued(film)
    if status == "running":
        film.farm.ledger.publish(Started(**about(film, job), fence=1))
        await film.until(job, "running")
    await film.stop()
    farm = Farm(valkey.url)
    farm.ledger.end(Cancelled(**about(film, job)))
    farm.ledger.redis.delete("workprint:events")
    farm.close()
    await film.start()
    await film.open(film.project_id)
    ended = await film.until(job, "failed")
    assert ended["reason"] == LOST_END
    assert ended["trace_id"].startswith("trace-")
    assert (ended["cost_usd"], bool(ended["ended_at"])) == (0.0, True)


async def test_an_end_that_waits_to_be_recorded_is_waited_for(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    job, record, is_free = await queued(film), Recorder.record, False

    async def record_later(self: Recorder, event: AnyEvent) -> None:
        if not is_free:
            raise Unavailable("The document is under repair")
        await record(self, event)

    monkeypatch.setattr(Recorder, "record", record_later)
    film.farm.ledger.end(Cancelled(**about(film, job)))
    lost_ends = LostEnds(film.hub, film.farm)
    lost_ends.note(film.project_id, job)
    await lost_ends.settle()
    assert unrecorded(film.farm.ledger) == {job}
    assert await film.status(job) == "queued"
    is_free = True
    film.intents._stream.again()
    await film.until(job, "cancelled")
    await eventually(lambda: not unrecorded(film.farm.ledger))
    await lost_ends.settle()
    assert await film.status(job) == "cancelled"


async def test_every_event_of_a_long_stream_is_looked_at(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("render_farm.events.PAGE", 2)
    await film.intents.close()
    jobs = {f"job-{number}" for number in range(5)}
    for job in sorted(jobs):
        film.farm.ledger.publish(Started(**about(film, job), fence=1))
    assert unrecorded(film.farm.ledger) == jobs
