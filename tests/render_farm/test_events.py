"""Events reach the recorder at least once, in order, whatever stops in between."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from render_farm import events
from render_farm.clock import utc_now
from render_farm.events import EventStream
from render_farm.job import AnyEvent, Failed, Started
from render_farm.ledger import Ledger, connect
from render_farm.queues import Farm
from tests.support.farm import Valkey


def started(job: str) -> Started:
    return Started(job=job, project="p", attempt="a", farm_node="n", at=utc_now())


@pytest.fixture
async def stream(valkey: Valkey) -> AsyncIterator[EventStream]:
    stream = EventStream(valkey.url, "workprint")
    yield stream
    await stream.close()


async def take(stream: EventStream, count: int, *, done: bool = True) -> list[AnyEvent]:
    """The next events, each taken off the stream when `done`."""
    taken: list[AnyEvent] = []
    async with asyncio.timeout(60):
        async for entry, event in stream.follow():
            taken.append(event)
            if done:
                await stream.done(entry)
            if len(taken) == count:
                break
    return taken


def jobs(taken: list[AnyEvent]) -> list[str]:
    return [event.job for event in taken]


async def test_events_come_in_order_and_leave_nothing_behind(farm: Farm, stream: EventStream) -> None:
    names = [f"j{number}" for number in range(150)]
    for name in names:
        farm.ledger.publish(started(name))
    assert jobs(await take(stream, 150)) == names
    assert farm._redis.xlen("workprint:events") == 0


async def test_an_event_published_later_is_waited_for(farm: Farm, stream: EventStream) -> None:
    waiting = asyncio.create_task(take(stream, 1))
    await asyncio.sleep(0)
    await asyncio.to_thread(farm.ledger.publish, started("late"))
    assert jobs(await waiting) == ["late"]


async def test_what_could_not_be_taken_off_the_stream_comes_again_at_once(farm: Farm, stream: EventStream) -> None:
    farm.ledger.publish(started("j1"))
    seen: list[str] = []
    async with asyncio.timeout(60):
        async for entry, event in stream.follow():
            seen.append(event.job)
            if seen == ["j1"]:
                farm.ledger.publish(started("j2"))
                stream.again()
                continue
            await stream.done(entry)
            if event.job == "j2":
                break
    assert seen == ["j1", "j1", "j2"]
    assert farm._redis.xlen("workprint:events") == 0


async def test_what_was_not_done_comes_again_after_a_restart(valkey: Valkey, farm: Farm, stream: EventStream) -> None:
    for name in ("j1", "j2", "j3"):
        farm.ledger.publish(started(name))
    assert jobs(await take(stream, 2, done=False)) == ["j1", "j2"]
    again = EventStream(valkey.url, "workprint")
    assert jobs(await take(again, 3)) == ["j1", "j2", "j3"]
    await again.close()


async def test_what_another_hub_died_with_is_taken_over(
    valkey: Valkey, farm: Farm, stream: EventStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.ledger.publish(started("j1"))
    await take(stream, 1, done=False)
    monkeypatch.setattr(events, "CLAIM_MILLISECONDS", 1)
    other = EventStream(valkey.url, "workprint", consumer="another-hub")
    assert jobs(await take(other, 1)) == ["j1"]
    await other.close()


async def test_the_number_of_deliveries_is_known(farm: Farm, stream: EventStream) -> None:
    farm.ledger.publish(started("j1"))
    async for entry, _ in stream.follow():
        assert await stream.deliveries(entry) == 1
        await stream.done(entry)
        assert await stream.deliveries(entry) == 0
        break


async def test_what_does_not_read_is_dropped_and_stops_nobody(farm: Farm, stream: EventStream) -> None:
    farm._redis.xadd("workprint:events", {"event": "no json"})
    farm._redis.xadd("workprint:events", {"other": "field"})
    farm.ledger.publish(started("good"))
    assert jobs(await take(stream, 1)) == ["good"]
    assert farm._redis.xlen("workprint:events") == 0


async def test_an_end_that_does_not_read_is_a_failure_and_nobody_waits_for_ever(
    farm: Farm, stream: EventStream
) -> None:
    film = {"blob": "a" * 64, "media_type": "video/mp4", "width": 1, "height": 1, "size_bytes": 1, "frames": 1}
    finished = {**started("j1").as_json(), "type": "finished", "outputs": [{**film, "rate": "0/1"}], "seconds": 1}
    farm._redis.xadd("workprint:events", {"event": json.dumps({**finished, "thumbnail": film, "facts": {}})})
    farm._redis.xadd("workprint:events", {"event": json.dumps({"type": "finished", "job": "no id at all"})})
    farm._redis.xadd("workprint:events", {"event": json.dumps({**started("j2").as_json(), "fence": "first"})})
    farm.ledger.publish(started("good"))
    failed, good = await take(stream, 2)
    assert isinstance(failed, Failed)
    assert (failed.job, failed.attempt, good.job) == ("j1", "a", "good")
    assert "generate again" in failed.reason
    assert farm._redis.xlen("workprint:events") == 0


async def test_events_go_on_after_redis_was_away_and_lost_its_memory(valkey: Valkey, stream: EventStream) -> None:
    redis = connect(valkey.url)
    ledger = Ledger(redis, "workprint")
    ledger.publish(started("before"))
    assert jobs(await take(stream, 1)) == ["before"]
    waiting = asyncio.create_task(take(stream, 1))
    await asyncio.to_thread(valkey.stop)
    valkey.forget()
    await asyncio.to_thread(valkey.start)
    await asyncio.to_thread(ledger.publish, started("after"))
    assert jobs(await waiting) == ["after"]
    redis.close()
