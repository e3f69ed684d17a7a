"""What a project has made is found without looking at all of it, and always as it stands."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from crdt_schema.canvas import Canvas
from crdt_schema.ids import IntentId
from crdt_schema.records import Job, JobStatus, Media, Take
from crdt_schema.takes import JOB_STATUSES, Costs, Takes
from render_farm.clock import utc_now
from render_farm.job import Finished, Started
from server.auth.actor import SYSTEM
from server.intents.farm_live import FarmLive
from server.intents.recipe import hash_of
from server.intents.recorder import Recorder
from server.intents.requests import Request
from server.intents.shelf import Shelf
from server.intents.shelves import Kept
from tests.support.film import EVE, SHOT, Film
from tests.support.records import job_record

PICTURE: Media = {"blob": "0" * 64, "media_type": "image/png", "width": 64, "height": 36, "size_bytes": 9}
SLATE = (1, 1, 1)


def recipe(seed: int = 7, words: str = "bus") -> dict[str, Any]:
    return {"seed": seed, "prompt": words}


def take(number: int = 1, node: str = "s", **fields: Any) -> Take:
    values: dict[str, Any] = {
        "node": node,
        "job": "j",
        "attempt": "a",
        "number": number,
        "name": f"{node}_take{number}",
        "chapter": 1,
        "scene": 1,
        "shot": 1,
        "media": PICTURE,
        "thumbnail": PICTURE,
        "recipe": recipe(),
        "created_at": "",
        "created_by": "u",
        "created_by_name": "Ana",
        "seconds": 1.0,
        "cost_usd": 1.0,
    }
    made: Any = {**values, **fields}
    return made


def job(status: JobStatus, node: str = "s", **fields: Any) -> Job:
    return job_record(status, node, **{"cost_usd": 2.0, "recipe": recipe(), **fields})


def equal(shelf: Shelf, active: str = "", *, seed: int = 7, any_seed: bool = False) -> str:
    return shelf.equal_take("s", active, hash_of(recipe(seed), any_seed=any_seed), any_seed=any_seed)


def test_take_numbers_only_grow_and_each_shot_has_its_own() -> None:
    shelf = Shelf({"a": take(1), "b": take(5), "c": take(1, node="t", shot=2)})
    assert shelf.next_number("s", SLATE) == 6
    assert shelf.next_number("t", (1, 1, 2)) == 2
    assert shelf.next_number("new", (1, 1, 3)) == 1


def test_a_shot_that_was_given_the_numbers_of_another_gets_no_name_twice() -> None:
    assert Shelf({"a": take(5)}).next_number("other", SLATE) == 6


def test_the_costs_are_those_of_takes_and_of_live_jobs() -> None:
    assert Shelf().costs() == Costs(0, 0)
    takes = {"a": take(1, cost_usd=1.0), "b": take(2, cost_usd=0.5)}
    shelf = Shelf(takes, {status: job(status) for status in JOB_STATUSES})
    assert shelf.costs() == Costs(spent_usd=1.5, reserved_usd=4.0)
    assert set(shelf.live) == {"queued", "running"}


def test_the_take_before_is_that_of_the_same_shot_with_the_next_lower_number() -> None:
    shelf = Shelf({"a": take(1), "b": take(2, node="t"), "c": take(3), "d": take(4)})
    assert [shelf.before(key) for key in "abcd"] == ["", "", "a", "c"]


def test_of_equal_takes_the_active_one_is_offered_and_else_the_newest_of_the_shot() -> None:
    other = {"x": take(9, node="t", shot=2), "n": take(3, recipe=recipe(8))}
    shelf = Shelf({"a": take(1), "b": take(2), **other})
    assert equal(shelf) == "b"
    assert equal(shelf, "a") == "a"
    assert equal(shelf, "n") == "b"
    assert equal(shelf, "gone") == "b"
    assert equal(shelf, "x") == "x"
    assert equal(shelf, seed=9) == ""
    assert equal(shelf, seed=9, any_seed=True) == "n"
    shelf.put_take("c", take(4))
    assert equal(shelf) == "c"


def test_what_is_on_its_way_is_known_by_its_shot_and_its_recipe() -> None:
    shelf = Shelf(jobs={"j": job("queued", recipe_hash=hash_of(recipe())), "k": job("running", recipe=recipe(8))})
    wanted, loose = hash_of(recipe(8)), hash_of(recipe(9), any_seed=True)
    assert shelf.is_being_made("s", hash_of(recipe()), any_seed=False)
    assert shelf.is_being_made("s", wanted, any_seed=False)
    assert shelf.is_being_made("s", loose, any_seed=True)
    assert not shelf.is_being_made("t", wanted, any_seed=False)
    shelf.put_job("k", job("failed", recipe=recipe(8)))
    assert not shelf.is_being_made("s", wanted, any_seed=False)


def test_a_record_that_cannot_be_read_counts_for_nothing_and_hides_no_other() -> None:
    doc: Doc[Any] = Doc()
    kept = Kept(doc)
    Takes(doc).add_take("good", take(1))
    Takes(doc).add_job("live", job("queued"))
    for spoiled in ({}, {"node": "s"}, {**take(2), "number": "many"}, {**take(2), "recipe": None}, "words", [1]):
        doc.get("takes", type=Map)["spoiled"] = spoiled
        doc.get("jobs", type=Map)["spoiled"] = spoiled
        assert (set(kept.now().takes), set(kept.now().live)) == ({"good"}, {"live"})
        doc.get("jobs", type=Map)["spoiled"] = Map({**job("queued"), "cost_usd": "much"})
        assert kept.now().costs() == Costs(1.0, 2.0)
    doc.get("takes", type=Map)["spoiled"] = dict(take(2))
    assert kept.now().next_number("s", SLATE) == 3


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "rewrite", "forget", "job", "move", "drop", "look"]),
        st.sampled_from("abc"),
        st.integers(1, 3),
        st.sampled_from(["s", "t"]),
    ),
    max_size=25,
)


@given(STEPS)
def test_a_shelf_that_follows_a_document_is_as_one_made_anew(steps: list[tuple[str, str, int, str]]) -> None:
    doc: Doc[Any] = Doc()
    jobs, takes = doc.get("jobs", type=Map), doc.get("takes", type=Map)
    followed = Kept(doc)
    for what, key, number, node in steps:
        match what:
            case "take" | "rewrite":
                takes[key] = dict(take(number, node, recipe=recipe(number), cost_usd=float(number)))
            case "forget" if key in takes:
                del takes[key]
            case "job":
                jobs[key] = Map(dict(job(JOB_STATUSES[number], node)))
            case "move" if key in jobs:
                jobs[key]["status"] = JOB_STATUSES[number]
            case "drop" if key in jobs:
                del jobs[key]
            case _:
                followed.now()
    anew = Kept(doc).now()
    now = followed.now()
    assert (now.takes, now.live) == (anew.takes, anew.live)
    assert now.costs() == anew.costs()
    assert [now.before(key) for key in now.takes] == [anew.before(key) for key in now.takes]
    for node in "st":
        assert now.next_number(node, SLATE) == anew.next_number(node, SLATE)
        for wanted in (hash_of(recipe(seed)) for seed in (1, 2, 3, 7)):
            assert now.equal_take(node, "", wanted, any_seed=False) == anew.equal_take(node, "", wanted, any_seed=False)
            assert now.is_being_made(node, wanted, any_seed=False) == anew.is_being_made(node, wanted, any_seed=False)


class Reads:
    """Counts the values that are read out of documents while it is asked to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        read = cast("Callable[[Map[Any], str], object]", Map.__getitem__)  # pyright: ignore[reportUnknownMemberType]

        def counted(shared: Map[Any], key: str) -> object:
            self.count += 1
            return read(shared, key)

        monkeypatch.setattr(Map, "__getitem__", counted)

    async def of(self, work: Callable[[], Awaitable[object]]) -> int:
        before = self.count
        await work()
        return self.count - before


async def _add_old_takes(film: Film, count: int) -> None:
    def change(doc: Doc[Any]) -> None:
        takes = Takes(doc)
        for number in range(1, count + 1):
            takes.add_job(f"old-{number}", job("completed", SHOT, take=f"t-{number}", recipe=recipe(number)))
            takes.add_take(f"t-{number}", take(number, SHOT, recipe=recipe(number), cost_usd=0.001))

    async with film.hub.room(film.project_id, "takes") as room:
        room.edit(SYSTEM, change)
        await room.saved()


async def _costs_of_one(film: Film, reads: Reads, takes: int) -> list[int]:
    """How much is read for an estimate, a judgement, each event of a take, a sweep and the Farm page."""
    await film.new_project(title=f"A film of {takes} takes")
    for shot in (SHOT, *(f"other-{number}" for number in range(takes // 10))):
        await film.add_shot(shot)
    intents, intent = film.intents, IntentId(f"asked-{takes}")
    recorder = Recorder(film.hub, film.projects, intents._stream, shelves=intents.shelves, progress=intents.progress)
    about: Any = {"job": intent, "project": film.project_id, "attempt": f"attempt-{takes}", "farm_node": "n"}
    media: Media = {**PICTURE, "blob": film.project.blobs.put_bytes(b"\x89PNG of a bus")}
    done = Finished(**about, at=utc_now(), outputs=(media,), thumbnail=media, seconds=1.0)
    async with film.canvas() as canvas, film.hub.room(film.project_id, "takes") as room:
        await _add_old_takes(film, takes)
        await intents.estimate(film.project_id, SHOT, EVE)
        live = FarmLive(film.projects, intents.view)
        live.start(film.hub, intents.progress)
        detach = live.attach(room)
        await live._summarise()
        found = [await reads.of(lambda: intents.estimate(film.project_id, SHOT, EVE))]
        canvas.edit(EVE, lambda doc: Canvas(doc).ask(intent, {"kind": "generate", "node": SHOT}))
        found.append(
            await reads.of(lambda: intents._dispatcher.consider(Request(film.project_id, intent, EVE))),
        )
        found.append(await reads.of(lambda: recorder.record(Started(**about, at=utc_now()))))
        found.append(await reads.of(lambda: recorder.record(done)))
        found.append(await reads.of(lambda: intents._dispatcher.resume(room)))
        found.append(await reads.of(live._summarise))
        detach()
    made = (await film.takes())[f"attempt-{takes}"]
    assert made["number"] == takes + 1
    assert await film.active_take() == f"attempt-{takes}"
    return found


async def test_no_answer_and_no_event_costs_more_in_a_project_with_many_takes(
    film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Reads(monkeypatch)
    few = await _costs_of_one(film, reads, 3)
    many = await _costs_of_one(film, reads, 300)
    assert all(read < 300 for read in few), few
    for before, after in zip(few, many, strict=True):
        # Somebody else may have read a record or two meanwhile.
        assert after <= before + 100, (few, many)


async def test_after_a_restart_everything_that_was_made_is_known(film: Film) -> None:
    await film.add_shot()
    await _add_old_takes(film, 5)
    await film.stop()
    await film.start()
    async with film.hub.room(film.project_id, "takes") as room:
        shelf = film.intents.shelves.of(room)
        assert (len(shelf.takes), shelf.next_number(SHOT, SLATE)) == (5, 6)
        room.edit(SYSTEM, lambda doc: Takes(doc).add_take("six", take(6, SHOT)))
        assert shelf.next_number(SHOT, SLATE) == 6
        assert film.intents.shelves.of(room).next_number(SHOT, SLATE) == 7
