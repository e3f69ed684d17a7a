"""Who waits sees how many stand before them and when the take will be there, and is told again when that changes."""

from server.intents.line_watch import LineWatch
from tests.support.farm import eventually
from tests.support.film import Film


async def test_each_job_that_waits_has_its_place_and_time(film: Film) -> None:
    for shot in (1, 2):
        await film.add_shot(f"shot-{shot}", shot=shot)
    first, second = await film.ask_batch("shot-1", "shot-2", batch="b-1")
    for intent in (first, second):
        await film.until(intent, "queued")
    await eventually(lambda: film.farm.waiting("cpu") == 2)
    clock = [100.0]
    watch = LineWatch(film.hub, view=film.intents.view, progress=film.intents.progress, now=lambda: clock[0])
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
