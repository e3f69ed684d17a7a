"""The farm as the hub sees it, over a real Valkey: once, in order, cancellable, and clear when Redis is away."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from redis.connection import AbstractConnection
from rq import Queue
from rq.serializers import JSONSerializer

from render_farm.clock import utc_now
from render_farm.job import BadOrder, FarmError, FarmNode, FarmUnavailable, Finished, Requeued
from render_farm.ledger import LiveJob
from render_farm.pick import Picked, Station, list_key
from render_farm.queues import Farm
from tests.support.farm import ORPHAN_SECONDS, Valkey, order, told, types_told, wait_until

MEDIA = {"blob": "a" * 64, "media_type": "image/png", "width": 64, "height": 36, "size_bytes": 9}


def test_the_same_order_twice_is_one_job(farm: Farm) -> None:
    asked = order()
    assert farm.submit(asked)
    assert farm.submit(asked)
    assert farm.waiting("low") == 1


def test_each_tier_has_its_queue_and_a_job_its_place(farm: Farm) -> None:
    low, next_low, high = order(), order(), order(tier="high")
    for asked in (low, next_low, high):
        farm.submit(asked)
    assert [farm.position(asked.job) for asked in (low, next_low, high)] == [0, 1, 0]
    assert farm.position("unknown") is None


def test_two_installations_share_one_redis_without_meeting(valkey: Valkey, farm: Farm) -> None:
    other = Farm(valkey.url, "elsewhere")
    farm.submit(order())
    assert other.waiting("low") == 0
    assert other.ledger.live() == set()
    other.close()


def test_what_waits_or_is_held_or_put_off_is_not_queued_again(farm: Farm) -> None:
    asked = order()
    farm.submit(asked)
    at = Station("node", ("low",), 24, 60)
    farm.roster.announce(FarmNode("node", "host", ("low",), utc_now(), utc_now(), can=("test-still@low",)))
    picked = farm.pick(at)
    assert isinstance(picked, Picked)
    assert farm.submit(asked)
    assert farm.waiting("low") == 0, "held"
    event = Requeued(job=asked.job, project=asked.project, attempt="", farm_node="node", at=utc_now())
    larger = replace(asked, tier="standard", queue="standard")
    assert farm.ledger.again(LiveJob(larger, {"oom": 1}), picked.fence, event, time.time() + 60)
    assert farm.submit(asked)
    assert (farm.waiting_jobs(), list(farm.ledger.put_off())) == (set(), [asked.job]), "put off"
    farm._redis.zadd(farm.ledger.key("later"), {asked.job: time.time()})
    assert farm.submit(asked)
    assert (farm.waiting("standard"), farm.ledger.put_off()) == (1, {}), "due, on the tier that it has by now"
    live = farm.ledger.live_job(asked.job)
    assert live is not None
    assert live.tries == {"oom": 1}
    assert farm.submit(asked)
    assert (farm.waiting("low"), farm.waiting("standard")) == (0, 1), "waits"


def test_a_job_whose_cancel_was_cut_short_ends_as_cancelled_when_it_is_handed_over_again(
    valkey: Valkey, farm: Farm
) -> None:
    asked = order()
    farm.submit(asked)
    farm.ledger.ask_cancel(asked.job)
    farm._redis.delete(list_key("workprint", "low"))
    assert farm.submit(asked) is False
    assert types_told(valkey.url, asked.job) == ["cancelled"]
    assert farm.ledger.live() == set()


def test_a_job_is_handed_over_in_one_round_trip_and_handed_over_again_in_two(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = order()
    farm.submit(order())  # the script is known now
    assert round_trips(lambda: farm.submit(asked), monkeypatch) == 1
    assert round_trips(lambda: farm.submit(asked), monkeypatch) == 2


@pytest.mark.parametrize("odd", ["a b", "job:{x}", "a*[b]?", "é", "line\nfeed", "%d", "x" * 200])
def test_an_id_with_odd_characters_is_refused_before_redis_is_asked(farm: Farm, odd: str) -> None:
    with pytest.raises(BadOrder):
        farm.submit(order(odd))
    redis: Any = farm._redis
    assert redis.dbsize() == 0


def test_rq_s_own_tools_see_what_waits(farm: Farm) -> None:
    asked = order()
    farm.submit(asked)
    queues: Any = Queue  # RQ has no complete types
    queue = queues("workprint:low", connection=farm._redis, serializer=JSONSerializer)
    (job,) = queue.get_jobs()
    assert (job.id, job.func_name, job.args) == (asked.job, "render_farm.run_job.execute_generation", [asked.as_json()])
    assert job.description == f"test-still@low, job {asked.job} of project project-1"
    assert (job.get_status(), job.origin) == ("queued", "workprint:low")
    assert queue in queues.all(connection=farm._redis, serializer=JSONSerializer)


def test_another_project_cannot_use_an_intent_id_that_is_at_work(farm: Farm) -> None:
    asked = order()
    farm.submit(asked)
    theft = replace(asked, project="project-2")
    with pytest.raises(FarmError, match="Another project"):
        farm.submit(theft)
    assert farm.waiting("low") == 1


def test_a_waiting_job_is_cancelled_at_once(valkey: Valkey, farm: Farm) -> None:
    asked = order()
    farm.submit(asked)
    farm.cancel(asked.job)
    assert farm.waiting("low") == 0
    assert types_told(valkey.url, asked.job) == ["cancelled"]
    assert farm.submit(asked) is False
    farm.cancel(asked.job)
    assert types_told(valkey.url, asked.job) == ["cancelled"]


def test_cancelling_what_nobody_ordered_does_nothing(valkey: Valkey, farm: Farm) -> None:
    farm.cancel("unknown")
    assert told(valkey.url) == []


def test_a_job_ends_once(valkey: Valkey, farm: Farm) -> None:
    asked = order()
    farm.submit(asked)
    for attempt in ("attempt-1", "attempt-2"):
        event = Finished(
            job=asked.job,
            project=asked.project,
            attempt=attempt,
            farm_node="n",
            at=utc_now(),
            outputs=(MEDIA,),  # pyright: ignore[reportArgumentType] - a plain dict is one
            thumbnail=MEDIA,  # pyright: ignore[reportArgumentType] - as above
            seconds=1,
        )
        assert farm.ledger.end(event) is (attempt == "attempt-1")
    assert [event.attempt for event in told(valkey.url)] == ["attempt-1"]


def test_a_waiting_or_working_job_is_not_reaped(farm: Farm) -> None:
    waiting, working = order(), order(tier="high")
    farm.submit(waiting)
    farm.submit(working)
    farm._redis.delete(list_key("workprint", "high"))
    farm.ledger.take_lease(working.job, "", 60)
    assert looked_at_for_long(farm) == []


def test_a_job_that_redis_forgot_but_the_hub_did_not_is_queued_again(valkey: Valkey, farm: Farm) -> None:
    asked = order()
    farm.submit(asked)
    valkey.stop()
    valkey.forget()
    valkey.start()
    assert farm.waiting("low") == 0
    farm.adopt(asked)
    wait_until(lambda: (farm.reap(), farm.position(asked.job) == 0)[1])
    assert types_told(valkey.url, asked.job) == ["requeued"]


def test_a_redis_that_was_started_again_is_greeted_anew_with_its_memory_or_without(valkey: Valkey, farm: Farm) -> None:
    other = Farm(valkey.url)
    for hub in (farm, other):
        assert [hub.greet(), hub.greet()] == [False, True]
    for loss in (lambda: None, valkey.forget):
        valkey.stop()
        loss()
        valkey.start()
        for hub in (farm, other):
            assert [hub.greet(), hub.greet()] == [False, True]
    farm._redis.delete("workprint:greeted")
    assert [other.greet(), farm.greet()] == [False, False]
    other.close()


def test_a_cancelled_job_without_a_worker_ends_as_cancelled(valkey: Valkey, farm: Farm) -> None:
    asked = order()
    farm.submit(asked)
    farm._redis.delete(list_key("workprint", "low"))
    farm.cancel(asked.job)
    wait_until(farm.reap)
    assert types_told(valkey.url, asked.job) == ["cancelled"]


def test_a_node_is_listed_while_it_is_heard_of(farm: Farm) -> None:
    node = FarmNode("host-1", "host", ("low",), utc_now(), utc_now())
    farm.roster.announce(node)
    (heard,) = farm.nodes()
    assert replace(heard, seen_at=node.seen_at) == node
    farm._redis.delete(farm.ledger.key("node", "host-1"))
    assert farm.nodes() == []


def test_a_redis_that_is_away_is_said_clearly(valkey: Valkey, farm: Farm) -> None:
    assert farm.ping()
    valkey.stop()
    assert not farm.ping()
    for ask in (
        lambda: farm.submit(order()),
        lambda: farm.cancel("j"),
        lambda: farm.position("j"),
        farm.nodes,
        farm.reap,
    ):
        with pytest.raises(FarmUnavailable, match="Redis does not answer"):
            ask()


def looked_at_for_long(farm: Farm) -> list[str]:
    """What a reaper takes that has watched for longer than a hand-over lasts."""
    taken: list[str] = []
    assert farm.reaper.orphan_seconds == ORPHAN_SECONDS
    farm.reaper.orphan_seconds = 0.0
    for _ in range(2):
        farm._redis.delete(farm.ledger.key("reaper"))
        taken += farm.reap()
    return taken


def round_trips(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How often Redis is asked meanwhile."""
    sent: list[object] = []
    connections: Any = AbstractConnection
    send = connections.send_packed_command

    def noted(connection: AbstractConnection, command: object, check_health: bool = True) -> None:
        sent.append(command)
        send(connection, command, check_health)

    with monkeypatch.context() as patch:
        patch.setattr(connections, "send_packed_command", noted)
        work()
    return len(sent)


def test_an_order_of_another_version_is_handed_over_anew(farm: Farm) -> None:
    asked = order()
    before = {name: value for name, value in asked.as_json().items() if name != "vram_gb"}
    farm.ledger.redis.hset("workprint:live", asked.job, json.dumps({"order": before, "tries": {}}))
    assert farm.submit(asked)
    assert farm.position(asked.job) == 0
    live = farm.ledger.live_job(asked.job)
    assert live is not None
    assert live.order == asked
