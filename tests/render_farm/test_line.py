"""The running order: priority, fair shares between projects and people, age, and what an admin has put somewhere."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from render_farm.line import Waiting, plan

NAMES = st.sampled_from("abcd")


def waiting(
    number: int,
    project: str = "film",
    person: str = "ada",
    *,
    priority: int = 0,
    seconds: float = 1,
    pinned: bool = False,
) -> Waiting:
    """A job; the higher its number, the later it was asked for."""
    asked_at = f"2026-01-01T00:00:{number:06.3f}Z"
    return Waiting(f"job-{number:03}", project, person, "still", "low", 0, priority, seconds, asked_at, pinned)


@st.composite
def lines(draw: st.DrawFn, *, equal: bool = False) -> list[Waiting]:
    count = draw(st.integers(0, 24))
    jobs = [
        waiting(
            number,
            draw(NAMES),
            draw(NAMES),
            priority=0 if equal else draw(st.integers(-2, 2)),
            seconds=1 if equal else draw(st.floats(0, 1000)),
            pinned=not equal and draw(st.integers(0, 5)) == 0,
        )
        for number in range(count)
    ]
    return draw(st.permutations(jobs))


@given(lines(), lines())
def test_every_job_stands_in_the_line_exactly_once(line: list[Waiting], running: list[Waiting]) -> None:
    assert Counter(plan(line, running)) == Counter(job.job for job in line)


@given(lines(), lines())
def test_the_same_line_has_the_same_order_and_a_planned_one_stays(line: list[Waiting], running: list[Waiting]) -> None:
    order = plan(line, running)
    assert plan(line, running) == order
    planned = sorted(line, key=lambda job: order.index(job.job))
    assert plan(planned, running) == order


def test_jobs_of_one_millisecond_run_in_the_order_in_which_they_came() -> None:
    batch = [replace(waiting(number), asked_at="2026-01-01T00:00:00.000Z") for number in (5, 3, 9, 1)]
    assert plan(batch) == ["job-005", "job-003", "job-009", "job-001"]
    assert plan([*batch[1:], waiting(2, person="bo")]) == ["job-003", "job-002", "job-009", "job-001"]


@given(lines(), lines())
def test_no_job_runs_before_one_of_higher_priority(line: list[Waiting], running: list[Waiting]) -> None:
    by_id = {job.job: job for job in line}
    priorities = [by_id[job].priority for job in plan(line, running) if not by_id[job].pinned]
    assert priorities == sorted(priorities, reverse=True)


@given(lines())
def test_a_pinned_job_stays_where_it_stands_whoever_comes(line: list[Waiting]) -> None:
    newcomers = [waiting(100 + number, f"new-{number}", priority=5) for number in range(3)]
    order = plan([*line, *newcomers])
    assert all(order[place] == job.job for place, job in enumerate(line) if job.pinned)


def test_a_pinned_job_moves_up_as_those_before_it_are_taken() -> None:
    line = [waiting(1), waiting(2), replace(waiting(9), pinned=True), waiting(3)]
    assert plan(line) == ["job-001", "job-002", "job-009", "job-003"]
    assert plan([*line[1:], waiting(4, priority=9)]) == ["job-004", "job-009", "job-002", "job-003"]


@given(lines(equal=True))
def test_with_equal_work_no_project_waits_for_more_than_one_round_of_another(line: list[Waiting]) -> None:
    by_id = {job.job: job for job in line}
    left = Counter(job.project for job in line)
    placed: Counter[str] = Counter()
    for job in plan(line):
        project = by_id[job].project
        assert all(placed[project] <= placed[other] for other in left if left[other])
        placed[project] += 1
        left[project] -= 1


@given(lines(equal=True))
def test_inside_a_project_the_same_holds_for_its_people(line: list[Waiting]) -> None:
    by_id = {job.job: job for job in line}
    left = Counter((job.project, job.person) for job in line)
    placed: Counter[tuple[str, str]] = Counter()
    for job in plan(line):
        mine = (by_id[job].project, by_id[job].person)
        others = [other for other in left if left[other] and other[0] == mine[0]]
        assert all(placed[mine] <= placed[other] for other in others)
        placed[mine] += 1
        left[mine] -= 1


@given(lines())
def test_one_persons_jobs_of_one_priority_keep_their_age(line: list[Waiting]) -> None:
    by_id = {job.job: job for job in line}
    seen: dict[tuple[str, str, int], str] = {}
    for job in (by_id[job] for job in plan(line) if not by_id[job].pinned):
        mine = (job.project, job.person, job.priority)
        assert seen.get(mine, "") < job.asked_at
        seen[mine] = job.asked_at


def test_a_small_project_is_not_behind_the_thousand_jobs_of_a_large_one() -> None:
    many = [waiting(number, "large") for number in range(1000)]
    assert plan([*many, waiting(1001, "small")]).index("job-1001") == 1


def test_who_has_work_running_already_comes_after_who_has_none() -> None:
    line = [waiting(1, "busy"), waiting(2, "idle")]
    assert plan(line, [waiting(0, "busy")]) == ["job-002", "job-001"]


def test_long_work_weighs_more_than_short_work() -> None:
    long = [waiting(number, "long", seconds=100) for number in range(2)]
    short = [waiting(10 + number, "short", seconds=10) for number in range(5)]
    assert plan([*long, *short])[:6] == ["job-000", *(f"job-0{10 + number}" for number in range(5))]


def test_a_note_of_a_job_reads_again_also_with_fields_of_a_later_version() -> None:
    job = waiting(3, pinned=True)
    assert Waiting.from_json(job.as_json()) == job
    assert Waiting.from_json(job.as_json().replace('{"job"', '{"colour": 1, "job"')) == job
