"""What jobs and takes promise: legal moves, numbers that only grow, takes written once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc

from crdt_schema.records import JobStatus
from crdt_schema.takes import JOB_STATUSES, LEGAL_MOVES, NODE_STATES, IllegalMove, Takes
from tests.support.records import job_record


def take(number: int, node: str = "s") -> Any:
    return {"node": node, "number": number}


@given(st.lists(st.sampled_from(JOB_STATUSES), min_size=1, max_size=12))
def test_a_job_only_ever_moves_along_the_table(statuses: list[JobStatus]) -> None:
    takes = Takes(Doc())
    takes.add_job("j", job_record("queued"))
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
    takes.add_job("j", job_record("refused"))
    with pytest.raises(IllegalMove):
        takes.add_job("j", job_record("queued"))


def test_a_take_is_written_once() -> None:
    takes = Takes(Doc())
    takes.add_take("a", take(1))
    with pytest.raises(IllegalMove):
        takes.add_take("a", take(2))
