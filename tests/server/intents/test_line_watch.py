"""Who waits sees how many stand before them and when the take will be there, and is told again when that changes."""

from collections.abc import Callable
from dataclasses import replace

from pipelines.registry import load_catalog
from render_farm.overview import Overview
from server.intents.judge import Judge
from server.intents.line_watch import LineWatch
from tests.support.farm import eventually
from tests.support.farm_seen import node
from tests.support.film import SHOT, Film


def watch_of(film: Film, now: Callable[[], float] = lambda: 0.0) -> LineWatch:
    judge = Judge(load_catalog())
    return LineWatch(film.hub, judge=judge, view=film.intents.view, progress=film.intents.progress, now=now)


async def test_each_job_that_waits_has_its_place_and_time(film: Film) -> None:
    for shot in (1, 2):
        await film.add_shot(f"shot-{shot}", shot=shot)
    first, second = await film.ask_batch("shot-1", "shot-2", batch="b-1")
    for intent in (first, second):
        await film.until(intent, "queued")
    await eventually(lambda: film.farm.waiting("cpu") == 2)
    clock = [100.0]
    watch = watch_of(film, lambda: clock[0])
    async with film.hub.room(film.project_id, "takes") as room:
        watch.tell(await film.intents.view.look(0), {film.project_id: room})
        shown = [film.intents.progress.of(film.project_id, intent) for intent in (first, second)]
        assert [one and (one["step"], one.get("position")) for one in shown] == [("Waiting", 0), ("Waiting", 1)]
        await film.ask_cancel(first)
        await film.until(first, "cancelled")
        watch.tell(await film.intents.view.look(0), {film.project_id: room})
        moved = film.intents.progress.of(film.project_id, second)
        assert moved is not None
        assert moved.get("position") == 0
        assert film.intents.progress.of(film.project_id, first) is None


async def test_a_job_that_waits_for_a_node_says_so_until_one_comes(film: Film) -> None:
    await film.add_shot(pipeline="t2i-sd1.5")
    job = await film.ask()
    await film.until(job, "queued")
    await eventually(lambda: film.farm.waiting("low") == 1)
    watch, seen = watch_of(film), await film.intents.view.look(0)
    able = node("gpu", vram_gb=12, can=("t2i-sd1.5@low",))
    async with film.hub.room(film.project_id, "takes") as room:

        def shown(farm: Overview) -> tuple[str, bool]:
            watch.tell(farm, {film.project_id: room})
            progress = film.intents.progress.of(film.project_id, job)
            assert progress is not None
            return progress["step"], "eta_seconds" in progress

        assert shown(seen) == ("Waiting for a 12 GB node; none is connected.", False)
        assert shown(replace(seen, nodes=(able,))) == ("Waiting", True)
        paused = replace(seen, nodes=(replace(able, state="paused"),))
        assert shown(paused)[0].startswith("Waiting for gpu, the only node that can run it: paused")
        assert not shown(paused)[1]
        await film.ask_cancel(job)
        await film.until(job, "cancelled")
        await eventually(lambda: film.intents.progress.of(film.project_id, job) is None)


async def test_who_waits_is_told_when_the_order_or_the_nodes_change(film: Film) -> None:
    for shot in (1, 2):
        await film.add_shot(f"shot-{shot}", shot=shot)
    first, second = await film.ask_batch("shot-1", "shot-2", batch="b-1")
    await eventually(lambda: film.farm.waiting("cpu") == 2)
    watch, seen = watch_of(film), await film.intents.view.look(0)
    assert SHOT == "shot-1"
    async with film.hub.room(film.project_id, "takes") as room:

        def told(farm: Overview) -> list[tuple[int | None, float | None]]:
            watch.tell(farm, {film.project_id: room})
            shown = [film.intents.progress.of(film.project_id, job) for job in (first, second)]
            return [(one.get("position"), one.get("eta_seconds")) if one else (None, None) for one in shown]

        cards = {job: replace(card, seconds=10.0) for job, card in seen.cards.items()}
        one = replace(seen, nodes=(node("a"),), cards=cards)
        assert told(one) == [(0, 10.0), (1, 20.0)]
        assert told(replace(one, lines={"cpu": (second, first)})) == [(1, 20.0), (0, 10.0)]
        assert told(replace(one, nodes=(node("a", state="paused"),))) == [(0, None), (1, None)]
        assert told(replace(one, nodes=(node("a"), node("b")))) == [(0, 10.0), (1, 10.0)]


async def test_pages_with_an_estimate_learn_that_the_farm_is_another(film: Film) -> None:
    await film.add_shot()
    watch, seen = watch_of(film), await film.intents.view.look(0)
    async with film.hub.room(film.project_id, "takes") as room:

        def mark(farm: Overview) -> str:
            watch.tell(farm, {film.project_id: room})
            return film.intents.progress._marks[film.project_id]

        one = replace(seen, nodes=(node("a"),))
        paused = replace(one, nodes=(node("a", state="paused"),))
        busy = replace(one, nodes=(node("a", job="j-0"),))
        marks = [mark(farm) for farm in (seen, one, paused, replace(one, lines={"cpu": ("j-1",)}))]
        assert len(set(marks)) == len(marks)
        assert mark(busy) == mark(one), "that time passes is no news"
