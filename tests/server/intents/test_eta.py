"""When a take will be there: by what such takes took on that kind of node, and by the work that stands before it."""

from dataclasses import replace

import pytest

from render_farm.durations import Durations, Measured, field_of
from render_farm.queues import Farm
from server.intents import eta
from tests.support.farm import farm, valkey
from tests.support.farm_seen import card, farm_of, node
from tests.support.farm_worker import TEST_STILL

__all__ = ["farm", "valkey"]


def test_a_free_node_begins_at_once() -> None:
    assert eta.eta_seconds(farm_of(node("a", job="j-0"), node("b")), TEST_STILL, "low", {}) == 0.1


def test_whoever_waits_goes_to_the_node_that_is_free_first() -> None:
    seen = farm_of(node("a", job="j-0"), node("b", job="j-1"), waiting=("j-2",), expected_seconds=10)
    # One node is nearly done and takes j-2; the other is free in 8 seconds, and takes this one.
    assert eta.eta_seconds(seen, TEST_STILL, "low", {"j-0": 90, "j-1": 20}) == 8.1


def test_the_median_of_the_kind_of_node_counts_and_the_catalogue_until_there_is_one() -> None:
    medians = {field_of("test-still", "low", "GPU 24"): Measured(7.5, 20)}
    card_there = farm_of(node("gpu", vram_gb=24), medians=medians)
    assert eta.duration(card_there, TEST_STILL, "low") == eta.Duration(7.5, "measured")
    assert eta.duration(farm_of(node("cpu"), medians=medians), TEST_STILL, "low") == eta.Duration(0.1, "prior")


def test_work_that_a_node_serves_first_goes_before() -> None:
    big = node("gpu", vram_gb=24, queues=("high", "cpu"))
    seen = farm_of(big, waiting=("j-1",), expected_seconds=5)
    seen = replace(seen, lines={**seen.lines, "high": ("h-1",)}, cards={**seen.cards, "h-1": card("h-1", seconds=60)})
    assert eta.arrivals(seen, {}) == {"h-1": 60, "j-1": 65}


def test_a_queue_that_nobody_serves_has_no_time() -> None:
    assert eta.arrivals(farm_of(node("a", queues=("high",)), waiting=("j-1",)), {}) == {}


def test_the_newest_twenty_durations_count_and_each_job_once(farm: Farm) -> None:
    durations, field = Durations(farm.ledger), field_of("test-still", "low", "cpu")
    for number in range(30):
        durations.note(field, f"j-{number}", number)
        durations.note(field, f"j-{number}", number)
    measured = durations.medians()[field]
    assert (measured.seconds, measured.count) == (pytest.approx(19.5), 20)
