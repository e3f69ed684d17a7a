"""The reaper over a real Valkey, its lines in memory, and a clock that the test turns: no test here waits."""

from collections.abc import Iterator

import pytest

from pipelines import registry
from render_farm import reaper
from render_farm.job import JobOrder, Lost, Requeued
from render_farm.ledger import Ledger, connect
from render_farm.reaper import ORPHAN_SECONDS, RETRY_SECONDS, VANISHED_SECONDS, Ending, Reaper, Recovery, on_tier
from render_farm.worker import HEARTBEAT_SECONDS
from tests.support.farm import Valkey, order, told
from tests.support.farm_worker import TEST_STILL

LEASE = 60.0


class Studio:
    """Lines in memory, nodes that live or not, a ledger and its reaper under one clock."""

    def __init__(self, url: str) -> None:
        self.now = 1_000_000.0
        self.url = url
        self.redis = connect(url)
        self.ledger = Ledger(self.redis, "workprint", lambda: self.now)
        self.reaper = Reaper(self.ledger, self)
        self.lines: list[JobOrder] = []
        self.nodes = {"a", "b"}

    def waiting_jobs(self) -> list[str]:
        return [order.job for order in self.lines]

    def submit(self, order: JobOrder) -> bool:
        self.lines.append(order)
        self.redis.zrem(self.ledger.key("later"), order.job)
        return True

    def alive(self) -> set[str]:
        return self.nodes

    def ask(self) -> JobOrder:
        asked = order()
        self.ledger.enter(asked)
        self.lines.append(asked)
        return asked

    def pick(self, node: str) -> tuple[str, int]:
        job = self.lines.pop(0).job
        return job, self.ledger.take_lease(job, node, LEASE)

    def look(self, after: float = 0.0) -> list[str]:
        self.now += after
        return self.reaper.look(self.now)

    def settle(self, job: str, fence: int, ending: Ending) -> bool:
        live = self.ledger.live_job(job)
        assert live is not None
        return Recovery(self.ledger).settle(live, fence, ending)

    def types(self) -> list[str]:
        return [event.type for event in told(self.url)]


@pytest.fixture
def studio(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setitem(registry.load_catalog(), TEST_STILL.id, TEST_STILL)
    studio = Studio(valkey.url)
    yield studio
    studio.redis.close()


def test_a_job_that_waits_or_is_worked_on_is_left_alone_for_ever(studio: Studio) -> None:
    studio.ask()
    studio.ask()
    job, fence = studio.pick("a")
    for _ in range(100):
        assert studio.look(after=15) == []
        assert studio.ledger.renew_lease(job, "a", fence, LEASE)
    assert studio.types() == []


def test_a_lease_that_ran_out_gives_the_job_to_another_after_the_time_of_a_hand_over(studio: Studio) -> None:
    asked = studio.ask()
    studio.pick("a")
    assert studio.look(after=59) == []
    assert studio.look(after=1) == [], "seen missing for the first time"
    assert studio.look(after=ORPHAN_SECONDS - 0.01) == []
    assert studio.look(after=0.01) == [asked.job]
    assert studio.waiting_jobs() == []
    studio.look(after=RETRY_SECONDS)
    assert studio.waiting_jobs() == [asked.job]
    assert studio.types() == ["requeued"]


def test_a_node_that_is_not_heard_of_loses_its_job_long_before_its_lease(studio: Studio) -> None:
    asked = studio.ask()
    studio.pick("a")
    studio.nodes.discard("a")
    assert studio.look() == []
    assert studio.look(after=VANISHED_SECONDS) == [asked.job]


def test_a_renewal_in_time_resets_the_clock_of_a_missing_job(studio: Studio) -> None:
    studio.ask()
    job, fence = studio.pick("a")
    studio.look(after=60)
    assert studio.ledger.renew_lease(job, "a", fence, LEASE)
    assert studio.look(after=9) == []
    assert studio.look(after=60) == []
    assert studio.look(after=9.9) == []


def test_a_job_whose_nodes_vanish_three_times_is_lost_with_a_reason(studio: Studio) -> None:
    asked = studio.ask()
    for _ in range(3):
        studio.pick("a")
        studio.nodes.discard("a")
        studio.look()
        assert studio.look(after=VANISHED_SECONDS) == [asked.job]
        studio.nodes.add("a")
        studio.look(after=RETRY_SECONDS)
    assert studio.types() == ["requeued", "requeued", "lost"]
    (lost,) = [event for event in told(studio.url) if isinstance(event, Lost)]
    assert "vanished, 3 times" in lost.reason
    assert lost.trace_id
    assert studio.ledger.live() == set()
    assert list(studio.ledger.blocked("a")) == ["test-still"]


def test_a_transient_failure_comes_back_after_its_pause_and_not_before(studio: Studio) -> None:
    asked = studio.ask()
    for pause in (5.0, 30.0):
        job, fence = studio.pick("a")
        assert studio.settle(job, fence, Ending("transient", "The provider is busy.", "attempt-x", "a"))
        assert studio.look(after=pause - 0.01) == []
        assert studio.waiting_jobs() == []
        studio.look(after=0.01)
        assert studio.waiting_jobs() == [asked.job]
    job, fence = studio.pick("a")
    studio.settle(job, fence, Ending("transient", "The provider is busy.", "attempt-x", "a"))
    assert studio.types() == ["requeued", "requeued", "failed"]
    assert [event.retry_at != "" for event in told(studio.url) if isinstance(event, Requeued)] == [True, True]


def test_out_of_memory_goes_one_tier_up_once_and_says_so(studio: Studio) -> None:
    asked = studio.ask()
    job, fence = studio.pick("a")
    assert studio.settle(job, fence, Ending("oom", "CUDA out of memory", "attempt-1", "a"))
    studio.look(after=RETRY_SECONDS)
    (again,) = studio.lines
    assert (asked.tier, again.tier, again.recipe["tier"]) == ("low", "standard", "standard")
    assert (again.recipe["width"], again.recipe["seed"]) == (asked.recipe["width"], asked.recipe["seed"])
    job, fence = studio.pick("b")
    assert studio.settle(job, fence, Ending("oom", "CUDA out of memory", "attempt-2", "b"))
    events = told(studio.url)
    assert [event.type for event in events] == ["requeued", "failed"]
    assert getattr(events[0], "tier", "") == "standard"
    assert "one tier up, on standard" in getattr(events[0], "reason", "")
    assert studio.ledger.blocked("a") == {}


def test_an_order_of_a_pipeline_that_is_unknown_here_keeps_its_tier() -> None:
    asked = order()
    assert on_tier(asked, "low") is asked


def test_three_failures_of_a_node_with_a_pipeline_block_the_pair(studio: Studio) -> None:
    for number in range(3):
        studio.ask()
        job, fence = studio.pick("a")
        studio.settle(job, fence, Ending("failed", "It broke.", f"attempt-{number}", "a", broke=True))
    assert list(studio.ledger.blocked("a")) == ["test-still"]
    assert studio.ledger.blocked("b") == {}


def test_an_artist_s_mistake_is_no_fault_of_the_node(studio: Studio) -> None:
    for number in range(5):
        studio.ask()
        job, fence = studio.pick("a")
        studio.settle(job, fence, Ending("failed", "The lens cap was on.", f"attempt-{number}", "a"))
    assert studio.ledger.blocked("a") == {}


def test_a_cancelled_job_ends_wherever_it_is(studio: Studio) -> None:
    put_off, held = studio.ask(), studio.ask()
    job, fence = studio.pick("a")
    studio.settle(job, fence, Ending("transient", "Busy.", "attempt-1", "a"))
    studio.pick("b")
    for one in (put_off, held):
        studio.ledger.ask_cancel(one.job)
    studio.look()
    studio.nodes.discard("b")
    studio.look()
    studio.look(after=VANISHED_SECONDS)
    assert studio.types() == ["requeued", "cancelled", "cancelled"]
    assert studio.ledger.live() == set()


def test_an_attempt_that_comes_back_from_the_dead_cannot_disturb_the_next(studio: Studio) -> None:
    asked = studio.ask()
    job, old = studio.pick("a")
    studio.nodes.discard("a")
    studio.look()
    studio.look(after=VANISHED_SECONDS)
    studio.look(after=RETRY_SECONDS)
    job, new = studio.pick("b")
    assert not studio.ledger.renew_lease(job, "a", old, LEASE)
    assert not studio.settle(job, old, Ending("failed", "Too late.", "attempt-1", "a"))
    assert studio.ledger.renew_lease(job, "b", new, LEASE)
    assert studio.types() == ["requeued"]
    assert studio.ledger.live() == {asked.job}


def test_a_node_that_restarts_gives_up_what_it_had_in_hand_and_nothing_else(studio: Studio) -> None:
    first, second = studio.ask(), studio.ask()
    studio.pick("a")
    studio.pick("b")
    studio.reaper.node_began("a")
    studio.look(after=RETRY_SECONDS)
    assert studio.waiting_jobs() == [first.job]
    assert studio.ledger.holder(second.job).node == "b"


def test_a_job_that_is_handed_back_is_queued_at_once_and_counts_as_no_fault(studio: Studio) -> None:
    asked = studio.ask()
    for _ in range(10):
        studio.pick("a")
        studio.reaper.hand_back(asked.job, "a")
        assert studio.waiting_jobs() == [asked.job]
    studio.pick("b")
    studio.reaper.hand_back(asked.job, "a")
    assert studio.waiting_jobs() == [], "only who has it can hand it back"
    assert studio.ledger.blocked("a") == {}


def test_of_two_hubs_one_reaps(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "REAPER_SECONDS", 600)  # a claim lasts so long by Redis's own clock
    studio.ask()
    studio.pick("a")
    studio.nodes.discard("a")
    other = Reaper(studio.ledger, studio, orphan_seconds=0)
    studio.reaper.reap()
    assert other.reap() == []
    assert other._missing == {}


@pytest.mark.parametrize("jump_seconds", [30, 3600])
def test_a_clock_that_is_put_forward_takes_no_job_from_whoever_is_at_work(studio: Studio, jump_seconds: float) -> None:
    studio.ask()
    job, fence = studio.pick("a")
    studio.look()
    studio.now += jump_seconds
    studio.nodes = set()  # nobody's heartbeat lasts so long
    assert studio.look() == []
    studio.nodes = {"a", "b"}
    assert studio.look(after=HEARTBEAT_SECONDS) == []
    assert studio.look(after=LEASE / 4 - HEARTBEAT_SECONDS) == []
    assert studio.ledger.renew_lease(job, "a", fence, LEASE)
    assert studio.look(after=LEASE / 2) == []
    assert studio.ledger.holder(job).fence == fence


BACK_SECONDS = [30, 3600]


@pytest.mark.parametrize("jump_seconds", BACK_SECONDS)
def test_a_clock_that_is_put_back_keeps_no_dead_node_s_lease_longer(studio: Studio, jump_seconds: float) -> None:
    asked = studio.ask()
    studio.pick("a")
    studio.look()
    studio.now -= jump_seconds
    assert studio.look() == []
    assert studio.look(after=LEASE - 1) == []
    assert studio.look(after=1) == [], "seen missing for the first time"
    assert studio.look(after=ORPHAN_SECONDS) == [asked.job]


@pytest.mark.parametrize("jump_seconds", BACK_SECONDS)
def test_a_clock_that_is_put_back_lets_nobody_wait_longer_who_was_found_missing(
    studio: Studio, jump_seconds: float
) -> None:
    asked = studio.ask()
    studio.pick("a")
    studio.nodes.discard("a")
    assert studio.look() == []
    studio.now -= jump_seconds
    assert studio.look() == []
    assert studio.look(after=VANISHED_SECONDS) == [asked.job]


@pytest.mark.parametrize("jump_seconds", BACK_SECONDS)
def test_a_clock_that_is_put_back_takes_no_job_from_whoever_is_at_work(studio: Studio, jump_seconds: float) -> None:
    studio.ask()
    job, fence = studio.pick("a")
    studio.look()
    studio.now -= jump_seconds
    assert studio.ledger.renew_lease(job, "a", fence, LEASE), "before anybody noticed"
    for _ in range(20):
        assert studio.look() == []
        assert studio.look(after=LEASE / 4) == []
        assert studio.ledger.renew_lease(job, "a", fence, LEASE)
    assert studio.ledger.holder(job).fence == fence
    assert studio.look(after=LEASE - 1) == [], "and its lease is a whole one again"
    assert studio.ledger.holder(job).until > studio.now


def test_a_clock_that_is_put_back_puts_no_job_off_longer(studio: Studio) -> None:
    asked = studio.ask()
    job, fence = studio.pick("a")
    studio.settle(job, fence, Ending("transient", "The provider is busy.", "attempt-x", "a"))
    studio.look()
    studio.now -= 3600
    studio.look()
    studio.look(after=4)
    assert studio.waiting_jobs() == []
    studio.look(after=1)
    assert studio.waiting_jobs() == [asked.job]


def test_a_clock_that_is_put_back_leaves_no_hub_in_charge_that_is_gone(studio: Studio) -> None:
    asked = studio.ask()
    studio.pick("a")
    studio.reaper.node_began("a")
    studio.now += RETRY_SECONDS
    studio.redis.set(studio.ledger.key("reaper"), "hub-gone", px=3_600_000)  # a second, before the clock was put back
    studio.reaper.reap()
    assert studio.waiting_jobs() == [asked.job]
