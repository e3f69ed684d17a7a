"""The activity of a project: what becomes one entry, what is kept, and what is read from the log again."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from crdt_schema.documents import KINDS
from server.activity.journal import Position
from server.activity.service import Activity, Query
from server.activity.shown import SHOWN
from server.hub.compactor import Compactor
from server.store.base import LoggedUpdate, NewUpdate
from tests.support.hub import FILM, HeldStore, open_hub
from tests.support.sockets import until

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
Edit = Callable[[Doc[Any]], object]


class Film:
    """A project in which a test says who does what, and when."""

    def __init__(self, document: str = "canvas") -> None:
        self.document = document
        self.store = CountingStore()
        self.now = NOON
        self._doc: Doc[Any] = Doc()
        self._made: list[bytes] = []
        self._subscription = self._doc.observe(lambda event: self._made.append(event.update))

    async def did(self, person: str, edit: Edit, *, after_seconds: float = 1) -> None:
        """Somebody does something, a while after what was done last."""
        self.now += timedelta(seconds=after_seconds)
        with self._doc.transaction():
            edit(self._doc)
        at = self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        updates, self._made[:] = list(self._made), []
        await self.store.append([NewUpdate(self.document, person, person.title(), at, each) for each in updates])


class CountingStore(HeldStore):
    """Counts the pages of the log that were read, and can hold them back."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = 0

    async def log(self, document: str, after: int = 0, limit: int = 1000) -> list[LoggedUpdate]:
        self.pages += 1
        await self.readable.wait()
        return await super().log(document, after, limit)


@asynccontextmanager
async def reading(film: Film, **limits: int) -> AsyncGenerator[Activity]:
    async with open_hub(film.store) as hub:
        activity = Activity(hub, **limits)
        yield activity
        await activity.close()


def nodes(doc: Doc[Any]) -> Map[Any]:
    return doc.get("nodes", type=Map)


def add(name: str, **fields: object) -> Edit:
    return lambda doc: nodes(doc).__setitem__(name, Map({"type": "note", "title": name, "text": Text(), **fields}))


def put_record(name: str, value: object) -> Edit:
    return lambda doc: nodes(doc).__setitem__(name, value)


def remove(name: str) -> Edit:
    return lambda doc: nodes(doc).pop(name)


def put(name: str, field: str, value: object) -> Edit:
    return lambda doc: nodes(doc)[name].__setitem__(field, value)


def type_into(name: str, words: str) -> Edit:
    return lambda doc: nodes(doc)[name]["text"].insert(0, words)


async def told(activity: Activity, document: str = "canvas", **asked: Any) -> list[tuple[str, str, str, list[str]]]:
    """Who did what to what, oldest first."""
    entries, _ = await activity.entries(FILM, Query([document], **asked))
    return [(each["by"]["name"], each["change"], each["record"], each["fields"]) for each in reversed(entries)]


async def pages(activity: Activity, **asked: Any) -> list[list[str]]:
    """The records of all entries, page by page, newest first."""
    found: list[list[str]] = []
    before: Position | None = None
    while True:
        entries, following = await activity.entries(FILM, Query(["canvas"], before=before, **asked))
        found.append([each["record"] for each in entries])
        if following is None:
            return found
        seq, mark = following.split("-")
        before = int(seq), mark


async def test_what_one_person_does_to_a_record_within_five_minutes_is_one_entry() -> None:
    film = Film()
    await film.did("ana", add("a"))
    await film.did("ana", add("b"))
    for _ in range(3):
        await film.did("ana", type_into("a", "x"), after_seconds=110)
        await film.did("ana", put("b", "title", "B"), after_seconds=1)
    async with reading(film) as activity:
        entries, following = await activity.entries(FILM, Query(["canvas"]))
        assert await told(activity) == [
            ("Ana", "added", "a", []),
            ("Ana", "added", "b", []),
            ("Ana", "changed", "a", ["text"]),
            ("Ana", "changed", "b", ["title"]),
        ]
    assert following is None
    _, later, _, first = entries
    assert (first["at"], first["until"]) == ("2026-11-20T12:00:01.000Z", "2026-11-20T12:03:43.000Z")
    assert later["at"] == later["until"] == "2026-11-20T12:05:34.000Z"


async def test_what_somebody_else_does_in_between_begins_another_entry() -> None:
    film = Film()
    await film.did("ana", add("a"))
    await film.did("bo", type_into("a", "x"))
    await film.did("bo", put("a", "title", "A"))
    await film.did("ana", type_into("a", "x"))
    async with reading(film) as activity:
        assert await told(activity) == [
            ("Ana", "added", "a", []),
            ("Bo", "changed", "a", ["text", "title"]),
            ("Ana", "changed", "a", ["text"]),
        ]


async def test_a_record_is_removed_by_its_flag_or_altogether_and_comes_back() -> None:
    film = Film()
    await film.did("ana", add("a"))
    await film.did("bo", put("a", "deleted", value=True))
    await film.did("bo", put("a", "deleted", value=False))
    await film.did("ana", remove("a"))
    await film.did("ana", add("a"))
    async with reading(film) as activity:
        assert [entry[:2] for entry in await told(activity)] == [
            ("Ana", "added"),
            ("Bo", "removed"),
            ("Bo", "added"),
            ("Ana", "removed"),
            ("Ana", "added"),
        ]


async def test_a_record_that_is_one_plain_value_tells_which_of_its_fields_differ() -> None:
    film = Film()
    record = {"type": "note", "title": "Plain", "position": {"x": 0, "y": 0}}
    await film.did("ana", put_record("a", record))
    await film.did("bo", put_record("a", {**record, "position": {"x": 1, "y": 0}}))
    await film.did("ana", put_record("a", {**record, "deleted": True}))
    async with reading(film) as activity:
        assert await told(activity) == [
            ("Ana", "added", "a", []),
            ("Bo", "changed", "a", ["position"]),
            ("Ana", "removed", "a", []),
        ]


async def test_what_makes_no_sense_is_told_all_the_same() -> None:
    film = Film()
    values: list[object] = [None, 7, "words", [1], {"title": 3, "type": []}, Text("a😀"), Map({})]
    for number, value in enumerate(values):
        await film.did("ana", put_record(f"n{number}", value))
    await film.did("bo", add("good", deleted=[], parameters=Map({"a": Map({"b": 1})})))
    await film.did("bo", lambda doc: nodes(doc)["good"]["parameters"]["a"].__setitem__("b", 2))
    async with reading(film) as activity:
        assert ("Bo", "added", "good", []) in await told(activity)
        blamed = await activity.blame(FILM, "canvas", "good")
        assert blamed is not None
        assert blamed["parameters.a"]["by"]["id"] == "bo"


async def test_what_the_server_put_back_was_not_done() -> None:
    """Who is not allowed to do something did nothing; what else they did stays, and so does whose words stand."""
    film = Film()
    await film.did("ana", add("a"))
    await film.did("bo", lambda doc: (put("a", "title", "Bo's")(doc), type_into("a", "x")(doc)), after_seconds=400)
    await film.did("workprint", put("a", "title", "a"), after_seconds=0)
    for mine, back in ((put("a", "deleted", value=True), put("a", "deleted", value=False)), (remove("a"), add("a"))):
        await film.did("cy", mine)
        await film.did("workprint", back, after_seconds=0)
    await film.did("cy", add("b"))
    await film.did("workprint", remove("b"), after_seconds=0)
    await film.did("cy", put("a", "title", "Cy's"))
    await film.did("workprint", put("a", "title", "a"), after_seconds=0)
    await film.did("bo", type_into("a", "y"))
    async with reading(film) as activity:
        assert await told(activity) == [("Ana", "added", "a", []), ("Bo", "changed", "a", ["text"])]
        blamed = await activity.blame(FILM, "canvas", "a")
        assert blamed is not None
        assert (blamed["title"]["by"]["name"], blamed["text"]["by"]["name"]) == ("Ana", "Bo")
        assert await activity.blame(FILM, "canvas", "b") is None


async def test_older_entries_than_are_kept_are_read_from_the_log_again() -> None:
    film = Film()
    for number in range(100):
        await film.did("ana" if number % 3 else "bo", add(f"n{number}"))
        await film.did("ana", put(f"n{number}", "title", "again"))
    async with reading(film) as everything, reading(film, most_entries=10) as little:
        wanted = await pages(everything, limit=30)
        assert await pages(little, limit=30) == wanted
        assert set(chain(*wanted)) == {f"n{number}" for number in range(100)}
        by_bo = await pages(little, limit=7, user="bo")
        assert [len(page) for page in by_bo] == [7, 7, 7, 7, 6]
        assert await pages(little, record="n0") == [["n0", "n0"]]


async def test_documents_that_are_let_go_for_want_of_memory_are_read_again() -> None:
    film = Film()
    await film.did("ana", add("a"))
    async with reading(film, most_bytes=0) as activity:
        before = await told(activity)
        await film.did("ana", add("b"))
        assert await told(activity) == [*before, ("Ana", "added", "b", [])]


async def test_only_what_is_new_is_read_and_once_for_all_who_ask() -> None:
    film = Film()
    await film.did("ana", add("a"))
    async with reading(film) as activity:
        film.store.readable.clear()
        asked = [asyncio.create_task(told(activity)) for _ in range(10)]
        await asyncio.sleep(0)
        film.store.readable.set()
        answers = await asyncio.gather(*asked)
        assert all(answer == answers[0] for answer in answers)
        read = film.store.pages
        assert read == 2  # one with the update, one that is empty
        await told(activity)
        assert film.store.pages == read
        await film.did("bo", add("b"))
        assert len(await told(activity)) == 2


async def test_who_goes_away_while_the_log_is_read_spoils_nothing() -> None:
    film = Film()
    for number in range(600):
        await film.did("ana", add(f"n{number}"))
    async with reading(film) as activity:
        asked = asyncio.create_task(told(activity))
        await until(lambda: any(reader.seq for reader in activity._readers.values()))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert len(await told(activity, limit=1000)) == 600


async def test_compaction_puts_what_the_log_still_knows_in_the_place_of_what_was_read() -> None:
    film = Film()
    await film.did("ana", add("a"))
    await film.did("bo", add("b"))
    await film.did("ana", remove("b"))
    await film.did("bo", type_into("a", "x"))
    async with reading(film) as activity, reading(film) as newcomer:
        assert [entry[1] for entry in await told(activity)] == ["added", "added", "removed", "changed"]
        await Compactor(film.store).compact("canvas")
        after = await told(activity)
        assert after == await told(newcomer)
        assert after == [("Ana", "added", "a", []), ("Bo", "changed", "a", ["text"])]
        await film.did("cy", type_into("a", "y"))
        assert await told(activity) == [*after, ("Cy", "changed", "a", ["text"])]
        blamed = await activity.blame(FILM, "canvas", "a")
        assert blamed is not None
        assert (blamed["title"]["by"]["name"], blamed["text"]["by"]["name"]) == ("Ana", "Cy")


@pytest.mark.parametrize(
    ("document", "edits", "titles"),
    [
        ("styles", [("styles", "s", Map({"title": "Noir"})), ("votes", "s", Map({"ana": 1}))], ["Noir", "Noir"]),
        ("annotations/shot-1", [("notes", "n", Map({"text": Text("Too\ndark")}))], ["Too dark"]),
        ("takes", [("jobs", "j", Map({"kind": "generate"})), ("takes", "t", {"name": "SHOT_v001"})], ["SHOT_v001"]),
        ("library", [("assets", "a", Map({"title": "Mia", "kind": "talent"}))], ["Mia"]),
        ("production", [("locks", "contract", {"kind": "contract", "target": ""})], [""]),
    ],
)
async def test_every_kind_of_document_tells_its_records(
    document: str, edits: Sequence[tuple[str, str, object]], titles: list[str]
) -> None:
    film = Film(document)
    for root, key, value in edits:
        await film.did("ana", lambda doc, at=(root, key, value): doc.get(at[0], type=Map).__setitem__(*at[1:]))
    async with reading(film) as activity:
        entries, _ = await activity.entries(FILM, Query([document]))
        assert [entry["title"] for entry in reversed(entries)] == titles


def test_the_table_of_what_is_shown_names_every_kind_and_only_its_roots() -> None:
    assert SHOWN.keys() == KINDS.keys()
    for name, roots in SHOWN.items():
        assert roots
        assert roots.keys() <= KINDS[name].roots.keys()
