"""Who holds a job, by fence and lease, over a real Valkey and with a clock that the test turns."""

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from render_farm.clock import utc_now
from render_farm.job import AnyEvent, FarmUnavailable, Finished, JobOrder, Late, Progressed, Requeued
from render_farm.ledger import NOBODY, Ledger, LiveJob, connect
from tests.support.farm import Valkey, order, told

LEASE = 60.0
MEDIA: Any = {"blob": "a" * 64, "media_type": "image/png", "width": 64, "height": 36, "size_bytes": 9}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(valkey: Valkey, clock: Clock) -> Iterator[Ledger]:
    redis = connect(valkey.url)
    yield Ledger(redis, "workprint", clock)
    redis.close()


def about(asked: JobOrder, attempt: str = "") -> dict[str, Any]:
    return {"job": asked.job, "project": asked.project, "attempt": attempt, "farm_node": "n", "at": utc_now()}


def finished(asked: JobOrder, attempt: str) -> tuple[Finished, Late]:
    result = Finished(**about(asked, attempt), outputs=(MEDIA,), thumbnail=MEDIA, seconds=1)
    return result, Late(**about(asked, attempt), outputs=(MEDIA,), seconds=1)


def requeued(asked: JobOrder) -> AnyEvent:
    return Requeued(**about(asked))


def is_leased(ledger: Ledger, job: str) -> bool:
    return ledger.holder(job).until > ledger.now()


@pytest.fixture
def asked(ledger: Ledger) -> JobOrder:
    asked = order()
    ledger.enter(asked)
    return asked


def test_a_lease_ends_when_nobody_renews_it(ledger: Ledger, clock: Clock) -> None:
    fence = ledger.take_lease("j", "a", LEASE)
    clock.now += 59
    assert is_leased(ledger, "j")
    assert ledger.renew_lease("j", "a", fence, LEASE)
    clock.now += 59
    assert is_leased(ledger, "j")
    clock.now += 1
    assert not is_leased(ledger, "j")
    assert ledger.holder("j").fence == fence


def test_a_job_that_one_node_holds_no_other_can_take(ledger: Ledger, clock: Clock) -> None:
    first = ledger.take_lease("j", "a", LEASE)
    assert ledger.take_lease("j", "b", LEASE) == 0
    clock.now += 61
    assert ledger.take_lease("j", "b", LEASE) > first


def test_a_node_that_was_handed_the_job_goes_on_with_the_same_fence(ledger: Ledger) -> None:
    fence = ledger.take_lease("j", "a", LEASE)
    assert ledger.take_lease("j", "a", LEASE) == fence


def test_a_lower_fence_can_neither_renew_nor_end_and_its_result_is_told_as_late(
    valkey: Valkey, ledger: Ledger, asked: JobOrder
) -> None:
    lower = ledger.take_lease(asked.job, "a", LEASE)
    assert ledger.again(LiveJob(asked), lower, requeued(asked), at=0)
    higher = ledger.take_lease(asked.job, "b", LEASE)
    assert higher > lower
    assert not ledger.renew_lease(asked.job, "a", lower, LEASE)
    assert not ledger.again(LiveJob(asked), lower, requeued(asked), at=0)
    assert not ledger.end(*_with(finished(asked, "attempt-a"), lower))
    assert ledger.renew_lease(asked.job, "b", higher, LEASE)
    assert ledger.end(*_with(finished(asked, "attempt-b"), higher))
    assert [(event.type, event.attempt) for event in told(valkey.url)] == [
        ("requeued", ""),
        ("late", "attempt-a"),
        ("finished", "attempt-b"),
    ]


def test_a_disowned_attempt_cannot_end_the_job_even_while_nobody_else_has_it(
    valkey: Valkey, ledger: Ledger, asked: JobOrder
) -> None:
    fence = ledger.take_lease(asked.job, "a", LEASE)
    assert ledger.again(LiveJob(asked), fence, requeued(asked), at=0)
    assert not is_leased(ledger, asked.job)
    assert not ledger.end(*_with(finished(asked, "attempt-a"), fence))
    assert [event.type for event in told(valkey.url)] == ["requeued", "late"]
    assert asked.job in ledger.live()


def test_an_end_whose_answer_got_lost_can_be_told_again_without_effect(
    valkey: Valkey, ledger: Ledger, asked: JobOrder
) -> None:
    fence = ledger.take_lease(asked.job, "a", LEASE)
    end = finished(asked, "attempt-a")
    assert ledger.end(*_with(end, fence))
    assert ledger.end(*_with(end, fence))
    assert [event.type for event in told(valkey.url)] == ["finished"]
    assert ledger.holder(asked.job) == NOBODY
    assert ledger.take_lease(asked.job, "b", LEASE) == 0


def test_a_job_that_has_ended_is_not_queued_again(ledger: Ledger, asked: JobOrder) -> None:
    fence = ledger.take_lease(asked.job, "a", LEASE)
    ledger.end(*_with(finished(asked, "attempt-a"), fence))
    assert not ledger.again(LiveJob(asked), fence, requeued(asked), at=0)
    assert ledger.live() == set()


def test_fences_grow_over_a_redis_that_lost_its_memory(valkey: Valkey, ledger: Ledger) -> None:
    before = ledger.take_lease("j", "a", LEASE)
    valkey.stop()
    valkey.forget()
    valkey.start()
    assert ledger.take_lease("other", "b", LEASE) > before
    assert ledger.renew_lease("j", "a", before, LEASE)
    assert ledger.holder("j").node == "a"


def test_fences_grow_over_a_redis_that_lost_its_last_second(ledger: Ledger) -> None:
    drawn = [ledger.take_lease(f"job-{number}", "a", LEASE) for number in range(5)]
    ledger.redis.set(ledger.key("fence"), str(drawn[0]))
    assert ledger.take_lease("other", "b", LEASE) > drawn[-1]


def test_fences_grow_also_when_the_clock_is_put_back(ledger: Ledger) -> None:
    ahead = 5_000_000_000_000_000
    ledger.redis.set(ledger.key("fence"), str(ahead))
    assert ledger.take_lease("j", "a", LEASE) == ahead + 1


def test_a_job_that_ended_meanwhile_is_not_noted_as_live(ledger: Ledger, asked: JobOrder) -> None:
    ledger.end(*_with(finished(asked, "attempt-a"), ledger.take_lease(asked.job, "a", LEASE)))
    assert ledger.enter(asked) is False
    assert ledger.live() == set()


def test_tries_outlive_the_attempts(ledger: Ledger, asked: JobOrder) -> None:
    ledger.again(LiveJob(asked, {"transient": 2, "node lost": 1}), 0, requeued(asked), at=0)
    live = ledger.live_job(asked.job)
    assert live is not None
    assert live.tries == {"transient": 2, "node lost": 1}


def test_a_pair_is_blocked_by_three_faults_and_forgiven_after_half_an_hour(ledger: Ledger, clock: Clock) -> None:
    fail: Callable[[str, str, str], bool] = lambda node, name, attempt: ledger.note_fault(  # noqa: E731 - three lines of a test
        node, name, attempt, clock.now
    )
    assert [fail("a", "flux", str(number)) for number in range(2)] == [False, False]
    assert not fail("a", "sdxl", "x")
    assert not fail("b", "flux", "y")
    assert not fail("a", "flux", "1"), "the same attempt told twice is one fault"
    assert fail("a", "flux", "3")
    assert ledger.blocked("a") == {"flux": clock.now + 1800}
    assert ledger.blocked("b") == {}
    clock.now += 1800
    assert ledger.blocked("a") == {}
    assert not fail("a", "flux", "4"), "what it was blocked for does not count twice"


def test_what_an_order_holds_survives_the_ledger(ledger: Ledger, asked: JobOrder) -> None:
    live = ledger.live_job(asked.job)
    assert live is not None
    assert json.dumps(live.order.as_json()) == json.dumps(asked.as_json())


def test_an_order_of_another_version_stops_nobody_and_is_entered_anew(ledger: Ledger, asked: JobOrder) -> None:
    before = {name: value for name, value in asked.as_json().items() if name != "vram_gb"}
    ledger.redis.hset("workprint:live", asked.job, json.dumps({"order": before, "tries": {}}))
    ledger.enter(other := order())
    assert ledger.live_job(asked.job) is None
    assert ledger.live_job(other.job) is not None
    assert ledger.enter(asked)
    assert ledger.live_job(asked.job) is not None
    assert ledger.live() == {asked.job, other.job}


def test_progress_does_not_fill_redis_while_no_hub_listens(ledger: Ledger, valkey: Valkey, asked: JobOrder) -> None:
    ledger.most_unheard = 3
    for percent in range(10):
        ledger.publish(Progressed(**about(asked, "a"), percent=percent, step=""))
    ledger.publish(requeued(asked))
    assert [event.type for event in told(valkey.url)] == ["progress", "progress", "progress", "requeued"]


def test_a_redis_that_is_full_is_one_that_is_away(ledger: Ledger, asked: JobOrder) -> None:
    redis = cast("Any", ledger.redis)
    redis.config_set("maxmemory", "1")
    with pytest.raises(FarmUnavailable):
        ledger.publish(requeued(asked))
    redis.config_set("maxmemory", "0")
    ledger.publish(requeued(asked))


def _with(end: tuple[Finished, Late], fence: int) -> tuple[Finished, int, Late]:
    return end[0], fence, end[1]
