"""Who changed what: two people edit over real sockets, and everybody who may see the project reads who did what."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Map, Text

from client.document import LocalDocument
from client.studio import Studio, sign_in
from crdt_schema.canvas import Canvas
from crdt_schema.ids import EdgeId, IntentId, NodeId, ProjectId
from server import keys
from server.hub.compactor import Compactor
from tests.support.service import PASSWORD, Service, got, made, running_service

SECONDS = 60


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Service]:
    async with running_service(tmp_path / "workspace") as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


@pytest.fixture
async def bo(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Bo", "editor")


@pytest.fixture
async def project(ana: aiohttp.ClientSession) -> str:
    return (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]


@asynccontextmanager
async def editing(
    service: Service, project: str, name: str, document: str = "canvas"
) -> AsyncGenerator[Callable[[Callable[[Canvas], object]], Any]]:
    """Somebody's way to change a document: what they did is on disk when it returns."""
    async with opened(service, project, name, document) as local:

        async def edit(change: Callable[[Canvas], object]) -> None:
            with local.doc.transaction():
                change(Canvas(local.doc))
            await local.wait_saved()

        yield edit


@asynccontextmanager
async def opened(service: Service, project: str, name: str, document: str) -> AsyncGenerator[LocalDocument]:
    url = str(service.server.make_url("/")).rstrip("/")
    token = await sign_in(url, name, PASSWORD)
    async with asyncio.timeout(SECONDS), Studio(url, token, project) as studio:
        local = studio.open(document)
        await local.wait_synced()
        yield local
        await local.wait_saved()


async def until_there(edit: Callable[[Callable[[Canvas], object]], Any], node: str, *, there: bool = True) -> None:
    """Wait until somebody has what somebody else made, or has it no longer."""
    seen: list[bool] = []
    while there not in seen:
        await edit(lambda canvas: seen.append(canvas.node(node) is not None))
        await asyncio.sleep(0.005)


def add_shot(canvas: Canvas) -> None:
    canvas.add_node(NodeId("shot-1"), "shot", {"x": 0, "y": 0}, title="Shot 010", prompt="A bus")


async def activity(session: aiohttp.ClientSession, project: str, **asked: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return (await got(session, f"/api/projects/{project}/activity?{query}"))["entries"]


def told(entry: dict[str, Any]) -> tuple[str, str, str, list[str]]:
    return entry["by"]["name"], entry["change"], entry["title"], entry["fields"]


async def id_of(session: aiohttp.ClientSession) -> str:
    return (await got(session, "/api/me"))["id"]


async def compact(service: Service, project: str, document: str = "canvas") -> None:
    async with service.app[keys.HUB].log(ProjectId(project)) as store:
        await Compactor(store).compact(document)


@pytest.mark.usefixtures("bo")
async def test_it_is_told_who_added_changed_and_removed_what(
    service: Service, ana: aiohttp.ClientSession, project: str
) -> None:
    async with editing(service, project, "Ana") as as_ana, editing(service, project, "Bo") as as_bo:
        await as_ana(add_shot)
        await until_there(as_bo, "shot-1")
        await as_bo(lambda canvas: canvas.set_field("shot-1", "title", "Bus stop"))
        await as_bo(lambda canvas: canvas.text("shot-1", "prompt").insert(5, " at night"))
        await as_bo(lambda canvas: canvas.set_key("shot-1", "parameters", "lens_mm", 50))
        await as_ana(lambda canvas: canvas.set_field("shot-1", "deleted", value=True))
        # Of two who write a field at once either may stand.
        await until_there(as_bo, "shot-1", there=False)
        await as_bo(lambda canvas: canvas.set_field("shot-1", "deleted", value=False))
    entries = await activity(ana, project)
    assert [told(entry) for entry in entries] == [
        ("Bo", "added", "Bus stop", []),
        ("Ana", "removed", "Bus stop", []),
        ("Bo", "changed", "Bus stop", ["parameters.lens_mm", "prompt", "title"]),
        ("Ana", "added", "Shot 010", []),
    ]
    assert {(entry["document"], entry["record"], entry["type"]) for entry in entries} == {("canvas", "shot-1", "shot")}
    changed = entries[2]
    assert changed["at"] <= changed["until"] <= entries[1]["at"]
    assert entries[3]["by"] == {"id": await id_of(ana), "name": "Ana"}


async def test_a_join_is_called_after_its_two_ends(service: Service, ana: aiohttp.ClientSession, project: str) -> None:
    async with editing(service, project, "Ana") as as_ana:
        await as_ana(add_shot)
        await as_ana(lambda canvas: canvas.add_node(NodeId("style-1"), "style", {"x": 0, "y": 0}, title="Noir"))
        edge = {"source": "style-1", "source_socket": "style", "target": "shot-1", "target_socket": "style"}
        await as_ana(lambda canvas: canvas.add_edge(EdgeId("edge-1"), edge))  # pyright: ignore[reportArgumentType]
        await as_ana(lambda canvas: canvas.ask(IntentId("ask-1"), {"kind": "generate", "node": "shot-1"}))
    (joined,) = await activity(ana, project, record="edge-1")
    assert (joined["change"], joined["title"], joined["type"]) == ("added", "Noir → Shot 010", "edge")
    (asked,) = await activity(ana, project, record="ask-1")
    assert (asked["title"], asked["type"]) == ("Shot 010", "generate")


async def test_nobody_can_write_as_somebody_else(
    service: Service, ana: aiohttp.ClientSession, bo: aiohttp.ClientSession, project: str
) -> None:
    """The log says who it was; what a client writes of authors, and with which client id, changes nothing."""
    ana_id = await id_of(ana)
    async with opened(service, project, "Ana", "canvas") as hers, opened(service, project, "Bo", "canvas") as his:
        with hers.doc.transaction():
            add_shot(Canvas(hers.doc))
        await hers.wait_saved()
        his.doc.get("nodes", type=Map)["forged"] = Map(
            {"type": "note", "title": "Mine", "author": ana_id, "by": ana_id, "text": Text("I am Ana")}
        )
        await his.wait_saved()
    (forged,) = await activity(bo, project, record="forged")
    assert forged["by"] == {"id": await id_of(bo), "name": "Bo"}
    fields = (await got(bo, f"/api/projects/{project}/blame?record=forged"))["fields"]
    assert {each["by"]["name"] for each in fields.values()} == {"Bo"}


async def test_entries_are_filtered_by_document_person_and_record(
    service: Service, ana: aiohttp.ClientSession, bo: aiohttp.ClientSession, project: str
) -> None:
    async with editing(service, project, "Ana") as as_ana, editing(service, project, "Bo") as as_bo:
        await as_ana(add_shot)
        await as_bo(lambda canvas: canvas.add_node(NodeId("note-1"), "note", {"x": 0, "y": 0}))
    async with opened(service, project, "Bo", "script/draft") as draft:
        draft.doc.get("text", type=Text).insert(0, "INT. BUS - NIGHT")
    everything = await activity(ana, project)
    assert [(entry["document"], entry["record"]) for entry in everything] == [
        ("script/draft", "text"),
        ("canvas", "note-1"),
        ("canvas", "shot-1"),
    ]
    script, note, shot = everything
    assert (script["title"], script["type"]) == ("draft", "script")
    assert await activity(ana, project, document="script/draft") == [script]
    assert await activity(ana, project, document="script/other") == []
    assert await activity(ana, project, user=await id_of(bo)) == [script, note]
    assert await activity(ana, project, user=await id_of(ana)) == [shot]
    assert await activity(ana, project, record="note-1") == [note]
    assert await activity(ana, project, user=await id_of(ana), document="script/draft") == []


async def test_pages_hold_each_entry_once_while_others_go_on_writing(
    service: Service, ana: aiohttp.ClientSession, project: str
) -> None:
    async with editing(service, project, "Ana") as as_ana:

        def add_notes(canvas: Canvas, start: int) -> None:
            for number in range(start, start + 10):
                canvas.add_node(NodeId(f"note-{number}"), "note", {"x": 0, "y": 0})

        await as_ana(lambda canvas: add_notes(canvas, 0))
        pages, before = list[list[str]](), ""
        while before is not None:
            path = f"/api/projects/{project}/activity?limit=4" + (f"&before={before}" if before else "")
            page = await got(ana, path)
            pages.append([entry["record"] for entry in page["entries"]])
            before = page["next"]
            await as_ana(lambda canvas: add_notes(canvas, 10 * len(pages)))
            await as_ana(lambda canvas: canvas.set_field("note-3", "title", f"Page {len(pages)}"))
    assert [len(page) for page in pages] == [4, 4, 2]
    assert sorted(chain(*pages)) == [f"note-{number}" for number in range(10)]


async def test_blame_names_the_last_writer_of_each_field(
    service: Service, ana: aiohttp.ClientSession, bo: aiohttp.ClientSession, project: str
) -> None:
    async with editing(service, project, "Ana") as as_ana, editing(service, project, "Bo") as as_bo:
        await as_ana(add_shot)
        await until_there(as_bo, "shot-1")
        await as_bo(lambda canvas: canvas.text("shot-1", "prompt").insert(0, "Night. "))
        await as_bo(lambda canvas: canvas.set_key("shot-1", "parameters", "lens_mm", 85))
    for _ in range(2):
        fields = (await got(bo, f"/api/projects/{project}/blame?document=canvas&record=shot-1"))["fields"]
        names = {field: told["by"]["name"] for field, told in fields.items()}
        assert names["title"] == names["position"] == names["parameters.lighting"] == names["negative_prompt"] == "Ana"
        assert names["prompt"] == names["parameters.lens_mm"] == names["parameters"] == "Bo"
        assert fields["title"]["by"]["id"] == await id_of(ana)
        assert fields["title"]["at"] <= fields["prompt"]["at"]
        await compact(service, project)


async def test_after_compaction_it_is_still_known_who_wrote_what_stands(
    service: Service, ana: aiohttp.ClientSession, project: str, bo: aiohttp.ClientSession
) -> None:
    async with editing(service, project, "Ana") as as_ana, editing(service, project, "Bo") as as_bo:
        await as_ana(add_shot)
        await until_there(as_bo, "shot-1")
        await as_bo(lambda canvas: canvas.set_field("shot-1", "title", "Working title"))
        await as_bo(lambda canvas: canvas.set_field("shot-1", "title", "Bus stop"))
        before = await activity(ana, project)
        await compact(service, project)
        assert [told(entry) for entry in await activity(ana, project)] == [
            ("Bo", "changed", "Bus stop", ["title"]),
            # The title that she gave it is gone, so it goes by the next one.
            ("Ana", "added", "Bus stop", []),
        ]
        await as_ana(lambda canvas: canvas.text("shot-1", "prompt").insert(0, "Night. "))
        entries = await activity(bo, project)
    assert told(entries[0]) == ("Ana", "changed", "Bus stop", ["prompt"])
    assert len(entries) == len(before) + 1


async def test_it_is_read_by_those_only_who_may_see_the_project(service: Service, project: str) -> None:
    for path in ("activity", "blame?record=shot-1"):
        async with service.session().get(f"/api/projects/{project}/{path}") as reply:
            assert reply.status == 401
    eve = await service.sign_in("Eve", "viewer")
    assert await activity(eve, project) == []
    await got(eve, "/api/projects/none-such/activity", 404)


async def test_one_project_never_shows_anothers(service: Service, ana: aiohttp.ClientSession, project: str) -> None:
    other = (await made(ana, "/api/projects", {"name": "Day Bus"}))["id"]
    async with editing(service, other, "Ana") as as_ana:
        await as_ana(add_shot)
    assert await activity(ana, project) == []
    assert len(await activity(ana, other)) == 1
    await got(ana, f"/api/projects/{project}/blame?record=shot-1", 404)


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("activity?limit=0", "limit"),
        ("activity?limit=201", "limit"),
        ("activity?limit=ten", "limit"),
        ("activity?limit=%D9%A3", "limit"),
        ("activity?before=yesterday", "before"),
        ("activity?user=a%20b", "user"),
        ("activity?document=secrets", "document"),
        ("activity?document=../canvas", "document"),
        ("activity?record=" + "x" * 201, "record"),
        ("blame", "record"),
        ("blame?document=annotations&record=x", "document"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    ana: aiohttp.ClientSession, project: str, path: str, word: str
) -> None:
    error = (await got(ana, f"/api/projects/{project}/{path}", 400))["error"]
    assert error["code"] == "bad_request"
    assert error["message"].startswith(f"{word} must ")
