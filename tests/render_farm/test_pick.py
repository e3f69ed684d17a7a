"""Who gets which job, over a real Valkey: once, by ability, own tier first, and nobody forgotten."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from crdt_schema.ids import new_id
from render_farm.clock import iso, utc_now
from render_farm.job import FarmError, FarmNode, JobOrder, NodeState, QueueName
from render_farm.line import Waiting
from render_farm.nodes import NODE_SECONDS, queues_for
from render_farm.pick import MOST_PASSES, Picked, Station, list_key
from render_farm.queues import Farm
from tests.support.farm import Valkey, order, types_told

STILLS = tuple(f"test-still@{tier}" for tier in ("low", "standard", "high"))


def station(
    farm: Farm, name: str = "node-1", vram_gb: float = 24, can: tuple[str, ...] = STILLS, **more: object
) -> Station:
    """A node that is heard of and waits for work."""
    made = Station(name, queues_for(vram_gb), vram_gb, 60.0, **more)  # pyright: ignore[reportArgumentType] - its own fields
    farm.roster.announce(FarmNode(name, "host", queues_for(vram_gb), utc_now(), utc_now(), can=can, vram_gb=vram_gb))
    return made


def submitted(farm: Farm, pipeline: str = "test-still", queue: QueueName = "low", **fields: object) -> str:
    """A job that waits."""
    asked: JobOrder = replace(order(), pipeline=pipeline, queue=queue, **fields)
    farm.submit(asked)
    return asked.job


def picked(farm: Farm, at: Station) -> str | None:
    """The job that a node takes; None when there is none for it."""
    taken = farm.pick(at)
    return taken.job if isinstance(taken, Picked) else None


def is_rung(farm: Farm, node: str) -> bool:
    return bool(farm._redis.llen(farm.ledger.key("bell", node)))


def spent_seconds(farm: Farm) -> float:
    """Of the processor's time, by Redis: unlike the clock's it does not depend on who else wants the processor."""
    redis: Any = farm._redis
    told = redis.info("cpu")
    return told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"]


def test_a_job_is_taken_once_however_many_nodes_race_for_it(valkey: Valkey, farm: Farm) -> None:
    jobs = {submitted(farm) for _ in range(200)}

    def race(number: int) -> list[str]:
        own = Farm(valkey.url)
        at = station(own, f"node-{number}")
        taken: list[str] = []
        while job := picked(own, at):
            taken.append(job)
        own.close()
        return taken

    with ThreadPoolExecutor(20) as pool:
        taken = [job for each in pool.map(race, range(20)) for job in each]
    assert len(taken) == 200
    assert set(taken) == jobs


def test_a_taken_job_is_leased_in_the_same_moment_and_each_fence_is_higher(farm: Farm) -> None:
    at = station(farm)
    job, following = submitted(farm), submitted(farm)
    first = farm.pick(at)
    assert isinstance(first, Picked)
    assert first.job == job
    holder = farm.ledger.holder(job)
    assert (holder.fence, holder.node) == (first.fence, "node-1")
    assert 0 < holder.until - farm.ledger.now() <= 60
    second = farm.pick(at)
    assert isinstance(second, Picked)
    assert second.job == following
    assert second.fence > first.fence
    assert farm.position(job) is None


def test_fences_grow_also_when_redis_has_lost_its_memory(valkey: Valkey, farm: Farm) -> None:
    submitted(farm)
    before = farm.pick(station(farm))
    valkey.stop()
    valkey.forget()
    valkey.start()
    submitted(farm)
    after = farm.pick(station(farm))
    assert isinstance(before, Picked)
    assert isinstance(after, Picked)
    assert after.fence > before.fence


def test_a_big_node_takes_small_work_only_when_there_is_none_for_it(farm: Farm) -> None:
    big = station(farm)
    low, cpu = submitted(farm), submitted(farm, queue="cpu")
    high = submitted(farm, queue="high", tier="high")
    assert [picked(farm, big) for _ in range(4)] == [high, low, cpu, None]


def test_style_jobs_and_others_of_a_tier_go_by_age(farm: Farm) -> None:
    at = station(farm)
    style = submitted(farm, queue="style_low", asked_at="2026-01-01T00:00:01.000Z")
    still = submitted(farm, queue="low", asked_at="2026-01-01T00:00:02.000Z")
    urgent = submitted(farm, queue="low", asked_at="2026-01-01T00:00:03.000Z", priority=3)
    farm.planner.arrange()
    assert [picked(farm, at) for _ in range(3)] == [urgent, style, still]


@pytest.mark.parametrize(
    ("vram_gb", "queues"),
    [
        (0, ("cpu",)),
        (8, ("low", "style_low", "cpu")),
        (11.9, ("low", "style_low", "cpu")),
        (15.7, ("standard", "style_standard", "low", "style_low", "cpu")),
        (23.6, ("high", "style_high", "standard", "style_standard", "low", "style_low", "cpu")),
        (139, ("high", "style_high", "standard", "style_standard", "low", "style_low", "cpu")),
    ],
)
def test_a_node_serves_what_its_memory_suffices_for_and_cpu_work_last(vram_gb: float, queues: tuple[str, ...]) -> None:
    assert queues_for(vram_gb) == queues


def test_a_node_takes_only_what_it_can_run_however_much_stands_before_it(farm: Farm) -> None:
    at = station(farm)
    for _ in range(100):
        submitted(farm, pipeline="another")
    mine = submitted(farm)
    assert picked(farm, at) == mine
    assert picked(farm, at) is None
    assert farm.waiting("low") == 100


def test_ten_thousand_jobs_that_a_node_cannot_run_are_passed_at_once(farm: Farm) -> None:
    strange = replace(Waiting.of(order()), pipeline="other")
    with farm._redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - shard_hint
        for number in range(10_000):
            both.rpush(list_key("workprint", "low"), f"job-{number}")
            both.hset("workprint:waiting", f"job-{number}", replace(strange, job=f"job-{number}").as_json())
        both.execute()
    at, mine = station(farm), submitted(farm)
    before = spent_seconds(farm)
    assert picked(farm, at) == mine
    # 20 ms; Redis does nothing else meanwhile.
    assert spent_seconds(farm) - before < 0.3
    assert len(farm.planner.lines()["low"]) == 10_000


def test_a_job_that_wants_more_memory_than_the_node_has_is_left_for_another(farm: Farm) -> None:
    hungry = submitted(farm, vram_gb=24.0)
    assert picked(farm, station(farm, vram_gb=15.6)) is None
    assert picked(farm, station(farm, "node-2", vram_gb=23.6)) == hungry


def test_a_pair_that_failed_too_often_is_passed_by_until_it_is_forgiven(farm: Farm) -> None:
    at = station(farm, can=(*STILLS, "other@low"))
    submitted(farm)
    other = submitted(farm, pipeline="other")
    seconds = int(time.time())
    farm._redis.hset(farm.ledger.key("blocked", "node-1"), "test-still", str(seconds + 1000))
    assert picked(farm, at) == other
    assert picked(farm, at) is None
    farm._redis.hset(farm.ledger.key("blocked", "node-1"), "test-still", str(seconds - 1))
    assert picked(farm, at) is not None


def test_a_node_prefers_what_it_has_in_memory_but_nobody_is_passed_for_ever(farm: Farm) -> None:
    at = station(farm, can=(*STILLS, "other@low"), resident=("other",))
    head = submitted(farm)
    others = [submitted(farm, pipeline="other") for _ in range(MOST_PASSES + 2)]
    assert [picked(farm, at) for _ in range(MOST_PASSES + 2)] == [*others[:MOST_PASSES], head, others[MOST_PASSES]]


def test_affinity_passes_nobody_of_higher_priority_and_looks_only_so_far(farm: Farm) -> None:
    at = station(farm, can=(*STILLS, "other@low"), resident=("other",))
    urgent = submitted(farm, priority=1)
    submitted(farm, pipeline="other")
    assert picked(farm, at) == urgent
    farm._redis.delete(list_key("workprint", "low"))
    jobs = [submitted(farm) for _ in range(30)]
    submitted(farm, pipeline="other")
    assert picked(farm, at) == jobs[0]


@pytest.mark.parametrize("state", ["paused", "draining"])
def test_a_paused_or_draining_node_is_given_nothing(farm: Farm, state: NodeState) -> None:
    at = station(farm)
    job = submitted(farm)
    assert farm.roster.command("node-1", state) == ["node-1"]
    assert farm.pick(at) == state
    assert [node.state for node in farm.nodes()] == [state]
    farm.roster.command("node-1", "ready")
    assert picked(farm, at) == job


def test_a_node_is_seen_by_the_clock_that_all_share_however_wrong_its_own_is(farm: Farm) -> None:
    yesterday = "2001-01-01T00:00:00.000Z"
    before = iso(farm.ledger.now())
    farm.roster.announce(FarmNode("node-1", "host", ("low",), yesterday, yesterday))
    (node,) = farm.nodes()
    assert before <= node.seen_at <= iso(farm.ledger.now())


def test_a_clock_that_is_put_back_keeps_no_node_alive_that_is_not_heard_of(farm: Farm) -> None:
    station(farm)
    record = farm.ledger.key("node", "node-1")
    farm.ledger.redis.expire(record, 3600)  # what a clock that was put back by an hour makes of the last heartbeat
    assert farm.alive() == {"node-1"}
    assert 0 < farm.ledger.redis.ttl(record) <= NODE_SECONDS


def test_a_pause_outlives_the_node_and_a_drain_ends_with_it(farm: Farm) -> None:
    at = station(farm)
    farm.roster.command("node-1", "paused")
    farm.roster.leave("node-1")
    assert farm.roster.command("node-1", "paused") == ["node-1"], "it is known while it is away"
    station(farm)
    assert farm.pick(at) == "paused"
    farm.roster.command("node-1", "draining")
    farm.roster.leave("node-1")
    station(farm)
    assert farm.pick(at) is None


def test_a_host_is_all_its_nodes_and_an_unknown_name_is_nobody(farm: Farm) -> None:
    station(farm, "host-1")
    station(farm, "host-2")
    assert farm.roster.command("host", "paused") == ["host-1", "host-2"]
    assert farm.roster.command("elsewhere", "paused") == []


def test_an_idle_node_that_can_is_woken_and_only_one(farm: Farm) -> None:
    cannot, small, big = station(farm, "a", can=()), station(farm, "b", 12), station(farm, "c", 24)
    for at in (cannot, small, big):
        assert farm.pick(at) is None
    submitted(farm)
    assert [is_rung(farm, node) for node in "abc"] == [False, True, False], "it is small work"
    submitted(farm)
    assert [is_rung(farm, node) for node in "abc"] == [False, True, True]


def test_of_equal_idle_nodes_the_one_that_has_the_models_is_woken(farm: Farm) -> None:
    for name in "ab":
        farm.pick(station(farm, name))
    at = FarmNode("b", "host", queues_for(24), utc_now(), utc_now(), can=STILLS, resident=("test-still",))
    farm.roster.announce(at)
    farm.pick(Station("b", queues_for(24), 24, 60))
    submitted(farm)
    assert [is_rung(farm, node) for node in "ab"] == [False, True]


def test_a_node_that_died_idle_is_not_woken_instead_of_another(farm: Farm) -> None:
    for name in "ab":
        farm.pick(station(farm, name))
    farm._redis.delete(farm.ledger.key("node", "a"))
    submitted(farm)
    assert [is_rung(farm, node) for node in "ab"] == [False, True]


def test_a_job_without_a_note_is_read_from_its_order(farm: Farm) -> None:
    job = submitted(farm)
    farm._redis.delete(farm.ledger.key("waiting"))
    assert farm.planner.positions() == {job: 0}
    assert picked(farm, station(farm)) == job


def test_lines_are_put_in_order_and_nobody_is_lost_or_brought_back(farm: Farm) -> None:
    large = [submitted(farm, project="large") for _ in range(3)]
    small = submitted(farm, project="small")
    urgent = submitted(farm, project="large", priority=2)
    assert farm.planner.arrange() == 1
    wanted = [urgent, small, *large]
    assert [card.job for card in farm.planner.lines()["low"]] == wanted
    assert farm.planner.arrange() == 0
    farm._scripts.reorder("low", ["gone", large[0]])
    assert [card.job for card in farm.planner.lines()["low"]] == [large[0], urgent, small, *large[1:]]


def test_what_runs_counts_for_the_shares(farm: Farm) -> None:
    taken = submitted(farm, project="a")
    assert picked(farm, station(farm)) == taken
    assert [card.job for card in farm.planner.running()] == [taken]
    own, other = submitted(farm, project="a"), submitted(farm, project="b")
    farm.planner.arrange()
    assert [card.job for card in farm.planner.lines()["low"]] == [other, own]


def test_a_job_that_was_dragged_stays_there(farm: Farm) -> None:
    first, second, third = submitted(farm), submitted(farm), submitted(farm)
    farm.planner.move("low", third, before=first)
    urgent = submitted(farm, priority=9)
    farm.planner.arrange()
    assert [card.job for card in farm.planner.lines()["low"]] == [third, urgent, first, second]
    farm.planner.move("low", first)
    assert [card.job for card in farm.planner.lines()["low"]] == [third, urgent, second, first]
    with pytest.raises(FarmError, match="does not wait"):
        farm.planner.move("low", new_id("intent"), before=first)
    with pytest.raises(FarmError, match="does not wait"):
        farm.planner.move("low", first, before=new_id("intent"))


def test_a_priority_given_later_holds_also_for_the_next_attempt(valkey: Valkey, farm: Farm) -> None:
    first, second = submitted(farm), submitted(farm)
    farm.planner.prioritise(second, 4)
    assert types_told(valkey.url, second) == ["prioritised"]
    farm.planner.arrange()
    assert farm.planner.positions() == {second: 0, first: 1}
    assert picked(farm, station(farm)) == second
    farm.put_back(second)
    farm.planner.arrange()
    assert farm.planner.positions() == {second: 0, first: 1}
    with pytest.raises(FarmError, match="ended"):
        farm.planner.prioritise(new_id("intent"), 4)


def test_a_job_is_taken_away_from_its_node_and_queued_again(valkey: Valkey, farm: Farm) -> None:
    at = station(farm)
    job = submitted(farm)
    first = farm.pick(at)
    farm.requeue(job, "Put back in line by Ada")
    assert farm.position(job) == 0
    assert types_told(valkey.url, job) == ["requeued"]
    second = farm.pick(at)
    assert isinstance(first, Picked)
    assert isinstance(second, Picked)
    assert second.fence > first.fence
    with pytest.raises(FarmError, match="ended"):
        farm.requeue(new_id("intent"), "")


def test_notes_on_jobs_that_have_ended_are_swept(farm: Farm) -> None:
    job = submitted(farm)
    picked(farm, station(farm))
    farm._redis.hdel(farm.ledger.key("live"), job)
    farm._redis.rpush("rq:queue:workprint:low", "nobody")
    farm.planner.arrange()
    assert farm.planner.lines()["low"] == []
    assert not farm._redis.exists(farm.ledger.key("running"))
