"""What jobs and takes promise: legal moves, numbers that only grow, takes written once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc

from crdt_schema.records import Job, JobStatus
from crdt_schema.takes import JOB_STATUSES, LEGAL_MOVES, NODE_STATES, Costs, IllegalMove, Takes


def job(status: JobStatus) -> Job:
    return {
        "kind": "generate",
        "node": "s",
        "status": status,
        "reason": "",
        "trace_id": "",
        "pipeline": "previz-image",
        "tier": "low",
        "asked_by": "u",
        "asked_by_name": "Ana",
        "asked_at": "",
        "queued_at": "",
        "started_at": "",
        "ended_at": "",
        "attempts": [],
        "take": "",
        "seconds": 0.0,
        "cost_usd": 0.0,
        "recipe": {},
    }


def take(number: int, node: str = "s") -> Any:
    return {"node": node, "number": number}


@given(st.lists(st.sampled_from(JOB_STATUSES), min_size=1, max_size=12))
def test_a_job_only_ever_moves_along_the_table(statuses: list[JobStatus]) -> None:
    takes = Takes(Doc())
    takes.add_job("j", job("queued"))
    now: JobStatus = "queued"
    for wanted in statuses:
        if wanted in LEGAL_MOVES[now]:
            takes.move_job("j", wanted)
            now = wanted
        else:
            with pytest.raises(IllegalMove):
                takes.move_job("j", wanted)
        stored = takes.job("j")
        assert stored is not None
        assert stored["status"] == now


def test_every_status_has_its_moves_and_its_node_state() -> None:
    assert set(LEGAL_MOVES) == set(NODE_STATES) == set(JOB_STATUSES)


def test_an_intent_is_judged_once() -> None:
    takes = Takes(Doc())
    takes.add_job("j", job("refused"))
    with pytest.raises(IllegalMove):
        takes.add_job("j", job("queued"))


def test_take_numbers_only_grow_and_each_shot_has_its_own() -> None:
    takes = Takes(Doc())
    assert takes.next_number("s") == 1
    takes.add_take("a", take(1))
    takes.add_take("b", take(5))
    takes.add_take("c", take(1, node="t"))
    assert takes.next_number("s") == 6
    assert takes.next_number("t") == 2


def test_the_costs_are_those_of_takes_and_of_live_jobs() -> None:
    takes = Takes(Doc())
    assert takes.costs() == Costs(0, 0)
    for number, cost_usd in enumerate((1.0, 0.5)):
        made = take(number)
        made["cost_usd"] = cost_usd
        takes.add_take(str(number), made)
    for status in JOB_STATUSES:
        takes.add_job(status, {**job(status), "cost_usd": 2.0})
    assert takes.costs() == Costs(spent_usd=1.5, reserved_usd=4.0)


def test_a_take_is_written_once() -> None:
    takes = Takes(Doc())
    takes.add_take("a", take(1))
    with pytest.raises(IllegalMove):
        takes.add_take("a", take(2))
