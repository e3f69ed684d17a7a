"""The table of recovery, every way an attempt can end and every number of times it did before."""

from itertools import product
from typing import get_args

import pytest

from crdt_schema.records import Tier
from render_farm.job import TIERS, ExitReason
from render_farm.recovery import (
    OOM_FAILED,
    OOM_TWICE,
    Again,
    Fails,
    IsCancelled,
    IsLost,
    Outcome,
    blocks,
    decide,
    is_fault,
    tier_above,
)

AGAIN = Again(0.0, "low")
TABLE: list[tuple[ExitReason, list[Outcome]]] = [
    ("oom", [Again(0.0, "standard"), Fails(OOM_TWICE), Fails(OOM_TWICE)]),
    ("node lost", [AGAIN, AGAIN, IsLost("The farm nodes that ran this job vanished, 3 times. Please generate again.")]),
    ("transient", [Again(5.0, "low"), Again(30.0, "low"), Fails(), Fails()]),
    ("timeout", [Fails(), Fails()]),
    ("failed", [Fails(), Fails()]),
    ("stopped", [AGAIN] * 20),
    ("cancelled", [IsCancelled(), IsCancelled()]),
]


@pytest.mark.parametrize(("ended", "outcomes"), TABLE)
def test_what_becomes_of_a_job_depends_on_how_its_attempt_ended_and_how_often(
    ended: ExitReason, outcomes: list[Outcome]
) -> None:
    assert [decide(ended, {ended: before}, "low", TIERS) for before in range(len(outcomes))] == outcomes


def test_the_table_knows_every_way_in_which_an_attempt_ends_without_a_take() -> None:
    needs_none = {"", "finished", "late"}
    assert {ended for ended, _ in TABLE} | needs_none == set(get_args(ExitReason))
    for ended in needs_none:
        with pytest.raises(ValueError, match="needs no recovery"):
            decide(ended, {}, "low", TIERS)  # pyright: ignore[reportArgumentType] - a set forgets its literals


@pytest.mark.parametrize(("ended", "other"), list(product([ended for ended, _ in TABLE], repeat=2)))
def test_only_ends_of_the_same_kind_count(ended: ExitReason, other: ExitReason) -> None:
    if ended != other:
        assert decide(ended, {other: 99}, "low", TIERS) == decide(ended, {}, "low", TIERS)


def test_every_job_comes_to_an_end_unless_its_worker_is_stopped_for_ever() -> None:
    for ended, outcomes in TABLE:
        if ended != "stopped":
            assert not isinstance(decide(ended, {ended: len(outcomes)}, "low", TIERS), Again)


@pytest.mark.parametrize(
    ("tier", "tiers", "above"),
    [
        ("low", TIERS, "standard"),
        ("low", ("low", "high"), "high"),
        ("standard", TIERS, "high"),
        ("high", TIERS, None),
        ("low", ("low",), None),
        ("standard", ("low", "standard"), None),
    ],
)
def test_out_of_memory_goes_to_the_next_tier_that_the_pipeline_has(
    tier: Tier, tiers: tuple[Tier, ...], above: Tier | None
) -> None:
    assert tier_above(tier, tiers) == above
    expected = Fails(OOM_FAILED) if above is None else Again(0.0, above)
    assert decide("oom", {}, tier, tiers) == expected


def test_a_node_is_blamed_for_what_broke_on_it_and_never_for_memory_or_an_artist_s_mistake() -> None:
    every = set(product(get_args(ExitReason), (False, True)))
    always = set(product(("node lost", "transient", "timeout"), (False, True)))
    assert {(ended, broke) for ended, broke in every if is_fault(ended, broke=broke)} == always | {("failed", True)}


def test_three_faults_within_an_hour_block_a_pair_and_older_ones_are_forgiven() -> None:
    assert not blocks([10.0, 20.0], 30.0)
    assert blocks([10.0, 20.0, 30.0], 30.0)
    assert blocks([10.0, 20.0, 3609.0], 3609.0)
    assert not blocks([10.0, 20.0, 3610.0], 3610.0)
