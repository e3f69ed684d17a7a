"""When a take will be there: by what such takes took on that kind of node, and by the work that stands before it."""

import random
import time
from dataclasses import replace

import pytest

from render_farm.durations import Durations, Measured, field_of
from render_farm.job import QueueName
from render_farm.line import Waiting
from render_farm.overview import Lookout, Overview
from render_farm.pick import MOST_PASSES, WINDOW, Picked, Station
from render_farm.queues import Farm
from server.intents import eta
from tests.support.farm import farm, order, valkey
from tests.support.farm_seen import card, farm_of, node
from tests.support.farm_worker import TEST_STILL

__all__ = ["farm", "valkey"]


def waited(farm: Overview, *jobs: Waiting, queue: QueueName = "cpu") -> Overview:
    """The farm with these jobs at the end of a queue."""
    lines = {**farm.lines, queue: (*farm.lines.get(queue, ()), *(job.job for job in jobs))}
    return replace(farm, lines=lines, cards={**farm.cards, **{job.job: job for job in jobs}})


def test_a_free_node_begins_at_once() -> None:
    seen = waited(farm_of(node("a", job="j-0"), node("b")), card("mine"))
    assert eta.arrivals(seen, {}) == {"mine": 0.1}


def test_whoever_waits_goes_to_the_node_that_is_free_first() -> None:
    seen = farm_of(node("a", job="j-0"), node("b", job="j-1"), waiting=("j-2",), expected_seconds=10)
    # One node is nearly done and takes j-2; the other is free in 8 seconds, and takes this one.
    assert eta.arrivals(waited(seen, card("mine")), {"j-0": 90, "j-1": 20}) == {"j-2": 11, "mine": 8.1}


def test_only_nodes_that_can_run_a_job_count_for_it() -> None:
    wan = card("wan", pipeline="wan", seconds=100)
    still = card("still", seconds=5)
    both, one = node("both", can=("wan@low", "test-still@low")), node("one", can=("test-still@low",))
    seen = waited(farm_of(both, one), wan, replace(wan, job="wan-2"), still)
    assert eta.arrivals(seen, {}) == {"wan": 100, "wan-2": 200, "still": 5}
    assert eta.places(seen) == {"wan": 0, "wan-2": 1, "still": 2}
    alone = replace(seen, nodes=(replace(both, can=("wan@low",)), one))
    assert eta.places(alone) == {"wan": 0, "wan-2": 1, "still": 0}, "nothing stands before it where it would run"
    for nodes in ((replace(both, state="paused"), one), (replace(both, state="draining"), one)):
        assert eta.arrivals(replace(seen, nodes=nodes), {}) == {"still": 5}
    blocked = replace(seen, nodes=(replace(both, blocked={"wan": 9e9}), one))
    assert eta.arrivals(blocked, {}) == {"still": 5}


def test_a_card_that_is_too_small_is_no_help() -> None:
    seen = waited(farm_of(node("small", vram_gb=12), node("big", vram_gb=24, job="j-0"), expected_seconds=60))
    big = card("big", vram_gb=24, seconds=10)
    assert eta.arrivals(waited(seen, big, queue="high"), {"j-0": 50}) == {"big": 40}


def test_of_two_queues_of_one_level_the_more_urgent_job_goes_first() -> None:
    seen = waited(farm_of(node("big", vram_gb=24)), card("old", asked_at="1", seconds=10), queue="high")
    seen = waited(seen, card("urgent", asked_at="2", priority=5, seconds=10), queue="style_high")
    assert eta.arrivals(seen, {}) == {"urgent": 10, "old": 20}


def test_a_node_goes_on_with_the_models_that_it_has_loaded_but_passes_the_first_in_line_only_so_often() -> None:
    line = [card("other", pipeline="sdxl", seconds=10)]
    line += [card(f"same-{number}", pipeline="flux", seconds=10) for number in range(MOST_PASSES + 1)]
    seen = waited(farm_of(node("a", resident=("flux",))), *line)
    found = eta.arrivals(seen, {})
    assert sorted(found, key=found.__getitem__) == ["same-0", "same-1", "same-2", "same-3", "other", "same-4"]
    urgent = replace(line[0], priority=1)
    assert eta.arrivals(waited(farm_of(node("a", resident=("flux",))), urgent, *line[1:]), {})["other"] == 10
    far = waited(farm_of(node("a", resident=("wan",))), *line, *(card(f"far-{n}", pipeline="sdxl") for n in range(20)))
    assert eta.arrivals(waited(far, card("wan", pipeline="wan", seconds=1)), {})["other"] == 10


@pytest.mark.parametrize("seed", range(3))
def test_a_line_is_played_in_the_order_in_which_a_node_takes_it(farm: Farm, seed: int) -> None:
    names, chance = ("flux", "sdxl", "wan", "ltx", "omnigen"), random.Random(seed)
    can = tuple(f"{name}@low" for name in names)
    at = Station("node-1", ("low",), 24.0, 60.0, resident=("wan",))
    farm.roster.announce(node("node-1", vram_gb=24.0, can=can, resident=at.resident))
    for number in range(WINDOW):
        asked = replace(order(), asked_at=f"2026-11-20T10:00:{number:02}Z", pipeline=chance.choice(names))
        farm.submit(replace(asked, priority=chance.choice((0, 0, 1)), expected_seconds=10.0))
    farm.planner.arrange()
    estimated = eta.arrivals(Lookout(farm).look(), {})
    taken: list[str] = []
    while isinstance(picked := farm.pick(at), Picked):
        taken.append(picked.job)
        at.begins(Waiting.from_json(picked.card))
    assert len(taken) == WINDOW
    assert sorted(estimated, key=estimated.__getitem__) == taken


def test_a_thousand_jobs_on_a_hundred_nodes_are_played_through_quickly() -> None:
    seen = waited(farm_of(*(node(f"n-{n}") for n in range(100))), *(card(f"j-{n}", seconds=10) for n in range(1000)))
    begun = time.process_time()
    assert max(eta.arrivals(seen, {}).values()) == 100
    assert sum(eta.places(seen).values()) == 999 * 500
    assert time.process_time() - begun < 1


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
