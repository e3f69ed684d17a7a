"""A canvas that somebody else's Yjs client wrote in its own way: nothing breaks, for this project or another."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from crdt_schema.canvas import Canvas
from crdt_schema.ids import EdgeId, ProjectId
from server import keys
from server.auth.actor import Actor
from tests.support.git import assert_healthy, is_clean
from tests.support.service import Service, got, made, running_service

MALLORY = Actor("mallory", "Mallory", "editor")
STUDIO = {"name": "Night Bus", "creativeContract": {"budgetCap": 10}}


def nested(levels: int) -> object:
    value: object = "bottom"
    for _ in range(levels):
        value = [value]
    return value


ODD_FIELDS: dict[str, Callable[[], Any]] = {
    "nothing but a type": dict,
    "a plain value": lambda: None,
    "numbers as floats": lambda: {"chapter": 1.0, "scene": 2.0, "shot": 3.0, "seed": 4.0},
    "a title that is a number": lambda: {"title": 5},
    "no number": lambda: {"seed": float("nan"), "chapter": float("inf"), "position": {"x": float("nan")}},
    "a negative shot": lambda: {"shot": -3},
    "a huge shot": lambda: {"shot": 1e9},
    "a path for a shot": lambda: {"shot": "1/../../x", "chapter": "../.."},
    "a huge text": lambda: {"title": "long " * 200_000, "chapter": "long " * 10_000},
    "control characters": lambda: {"title": "a\x00b\x1b[31m\nCo-authored-by: Eve <eve@example.org>"},
    "deleted by a word": lambda: {"deleted": "no"},
    "a list as a type": lambda: {"type": ["shot"]},
    "a map as a type": lambda: {"type": Map({"shot": True})},
    "an unknown type": lambda: {"type": "hologram"},
    "a list as the active take": lambda: {"active_take": ["take-1"], "stars": ["take-1"]},
    "parameters of its own": lambda: {"parameters": Map({"lens_mm": 35, "bokeh": Array([1, Map({"a": b"x"})])})},
    "parameters that are none": lambda: {"parameters": 7},
    "rich text": lambda: {"prompt": XmlFragment([XmlText("steam")]), "negative_prompt": XmlFragment([XmlElement("p")])},
    "plain text": lambda: {"prompt": "steam"},
    "another document": lambda: {"inside": Doc[Any]()},
    "bytes": lambda: {"thumbnail": b"\x89PNG"},
    "deep values": lambda: {"prompt": nested(500), "title": nested(70)},
    "a palette of its own": lambda: {"palette": Array([Text("#123456"), 5])},
}
ODD_EDGES: tuple[Callable[[], Any], ...] = (
    lambda: "no edge",
    lambda: {"source": 5, "source_socket": "pipeline", "target": "odd", "target_socket": "pipeline"},
    lambda: {"source": ["odd"], "source_socket": None, "target": {"a": 1}, "target_socket": 7},
    lambda: Map({"source": "odd", "source_socket": Text("output"), "target": b"x", "target_socket": Array[Any]([])}),
    lambda: XmlFragment([]),
)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


async def write(service: Service, project: str, change: Callable[[Doc[Any]], None]) -> None:
    async with service.app[keys.HUB].room(ProjectId(project), "canvas") as room:
        room.edit(MALLORY, change)
        await room.saved()


def add_odd_node(doc: Doc[Any], fields: Any, *, plain: bool) -> None:
    nodes: Map[Any] = doc.get("nodes", type=Map)
    nodes["odd"] = 5 if fields is None else {"type": "shot", **fields} if plain else Map({"type": "shot", **fields})
    nodes["pipe"] = Map({"type": "pipeline", "pipeline": "previz-image"})
    join = {"source": "pipe", "source_socket": "pipeline", "target": "odd", "target_socket": "pipeline"}
    doc.get("edges", type=Map)["join"] = Map(join) if plain else join
    for number, edge in enumerate(ODD_EDGES):
        doc.get("edges", type=Map)[f"odd-{number}"] = edge()


def strict(text: str) -> Any:
    """JSON as a browser reads it: NaN is a syntax error."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("odd", ODD_FIELDS)
async def test_whatever_stands_on_a_canvas_can_be_listed_opened_judged_and_committed(
    service: Service, ana: aiohttp.ClientSession, odd: str
) -> None:
    project = (await made(ana, "/api/projects", STUDIO))["id"]
    other = (await made(ana, "/api/projects", {"name": "Day Bus"}))["id"]
    await write(service, project, lambda doc: add_odd_node(doc, ODD_FIELDS[odd](), plain=False))
    async with ana.get("/api/projects") as reply:
        assert {card["id"]: card["problem"] for card in strict(await reply.text())} == {project: "", other: ""}
    async with ana.get(f"/api/projects/{project}") as reply:
        assert reply.status == 200, await reply.text()
        graph = strict(await reply.text())["graph"]
        assert set(graph["edges"]) <= {"join"}
    estimate = await got(ana, f"/api/projects/{project}/estimate?node=odd")
    assert estimate["available"] or estimate["reason"]
    # No commit when the snapshotter was there first.
    await made(ana, f"/api/projects/{project}/snapshots", {})
    assert (await got(ana, f"/api/projects/{project}/git/status"))["pending"] is False
    folder = service.app[keys.PROJECTS].get(ProjectId(project)).folder
    assert_healthy(folder)
    assert is_clean(folder)


async def test_what_a_client_left_out_has_the_value_of_a_new_node(service: Service, ana: aiohttp.ClientSession) -> None:
    project = (await made(ana, "/api/projects", STUDIO))["id"]
    for plain in (False, True):
        await write(service, project, lambda doc, plain=plain: add_odd_node(doc, {"prompt": "steam"}, plain=plain))
        shot = (await got(ana, f"/api/projects/{project}"))["graph"]["nodes"]["odd"]
        assert (shot["prompt"], shot["chapter"], shot["seed_mode"], shot["parameters"]) == ("steam", 1, "random", {})
        assert shot["position"] == {"x": 0, "y": 0}
        assert (await got(ana, f"/api/projects/{project}/estimate?node=odd"))["available"] is True


async def test_a_node_that_is_one_plain_value_can_be_changed_and_joined() -> None:
    doc: Doc[Any] = Doc()
    canvas = Canvas(doc)
    doc["nodes"]["p"] = {"type": "pipeline", "pipeline": "previz-image"}
    doc["nodes"]["s"] = {"type": "shot", "title": "The door"}
    canvas.set_field("s", "active_take", "take-1")
    canvas.add_edge(
        EdgeId("e"), {"source": "p", "source_socket": "pipeline", "target": "s", "target_socket": "pipeline"}
    )
    shot: Any = canvas.node("s")
    assert (shot["title"], shot["active_take"]) == ("The door", "take-1")
    assert list(canvas.edges()) == ["e"]


async def test_a_project_whose_documents_are_broken_hides_no_other(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    broken = (await made(ana, "/api/projects", STUDIO))["id"]
    whole = (await made(ana, "/api/projects", {"name": "Day Bus"}))["id"]
    folder = service.app[keys.PROJECTS].get(ProjectId(broken)).folder
    (folder / ".workprint").mkdir(exist_ok=True)
    (folder / ".workprint" / "documents.sqlite").write_bytes(b"this is no database at all, whatever it says" * 100)
    cards = {card["id"]: card for card in await got(ana, "/api/projects")}
    assert cards[whole]["problem"] == ""
    assert "cannot be opened" in cards[broken]["problem"]
    assert "sqlite" not in cards[broken]["problem"].lower()
    async with ana.get(f"/api/projects/{broken}") as reply:
        assert reply.status == 500
    await got(ana, f"/api/projects/{whole}")
