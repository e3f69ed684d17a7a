"""What the farm page shows of a project is the same whether its jobs were read one change after the other or anew."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_schema.records import Job
from crdt_schema.takes import JOB_STATUSES
from server.intents.summaries import MOST_RECENT, Summary, Tally


def attempt(outcome: str, cost_usd: float = 0.0) -> dict[str, Any]:
    times = {"started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:10Z"}
    return {"id": "a", "farm_node": "n", **times, "outcome": outcome, "cost_usd": cost_usd, "seconds": 10.0}


def job(status: str = "completed", person: str = "ana", ended_at: str = "", **fields: Any) -> Job:
    values: dict[str, Any] = {
        "kind": "generate",
        "node": "shot",
        "status": status,
        "reason": "",
        "pipeline": "previz-image",
        "tier": "low",
        "asked_by": person,
        "asked_by_name": person.title(),
        "asked_at": "",
        "started_at": "",
        "ended_at": ended_at,
        "attempts": [attempt("completed")],
        "take": "take",
        "seconds": 10.0,
        "cost_usd": 0.5,
        "recipe": {"slate": {"title": "Shot 1"}},
    }
    made: Any = {**values, **fields}
    return made


def tally_of(*jobs: Job) -> Tally:
    tally = Tally("p", "Night Bus")
    for number, each in enumerate(jobs):
        tally.put(str(number), each, 0.5)
    return tally


def seen(summary: Summary) -> tuple[Any, ...]:
    return summary.name, summary.live, sorted(job["id"] for job in summary.recent), summary.people


def test_who_used_how_much_counts_takes_failures_with_a_bill_and_all_time() -> None:
    failed = job("failed", attempts=[attempt("failed", 0.25)], take="")
    tally = tally_of(job(), job(person="eve"), job("refused"))
    tally.put("failed", failed, None)
    people = tally.summary().people
    assert people["ana"] == {"id": "ana", "name": "Ana", "takes": 1, "jobs": 2, "seconds": 20.0, "cost_usd": 0.75}
    assert people["eve"]["cost_usd"] == 0.5


def test_the_newest_that_ended_are_shown_and_every_job_that_lives() -> None:
    ended = [job(ended_at=f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z") for number in range(MOST_RECENT + 5)]
    summary = tally_of(*ended, job("queued"), job("running")).summary()
    assert [one["id"] for one in summary.recent][:2] == [str(MOST_RECENT + 4), str(MOST_RECENT + 3)]
    assert len(summary.recent) == MOST_RECENT
    assert sorted(one["status"] for one in summary.live.values()) == ["queued", "running"]


def test_a_job_that_cannot_be_read_is_not_shown_and_spoils_no_sum() -> None:
    tally = tally_of(job(), job("queued"))
    spoiled: Any = {"status": "queued", "node": "shot"}
    with pytest.raises(KeyError):
        tally.put("1", spoiled, None)
    assert seen(tally.summary()) == seen(tally_of(job()).summary())


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([*JOB_STATUSES, ""]), st.sampled_from(["ana", "eve"])),
        max_size=20,
    )
)
def test_a_tally_that_is_kept_current_is_as_one_made_anew(steps: list[tuple[str, str, str]]) -> None:
    kept, last = Tally("p", "Night Bus"), dict[str, Job | None]()
    for key, status, person in steps:
        last[key] = job(status, person) if status else None
        kept.put(key, last[key], 0.1)
    anew = Tally("p", "Night Bus")
    for key, each in last.items():
        anew.put(key, each, 0.1)
    assert seen(kept.summary()) == seen(anew.summary())
