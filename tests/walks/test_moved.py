"""The walk of a moved project: `mv` to another studio's workspace, and everything is there and goes on."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Map, Text

from client.document import LocalDocument
from client.studio import Studio as Client
from client.studio import sign_in
from crdt_schema import plain
from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId
from crdt_schema.takes import Takes
from tests.support.git import assert_healthy, git, is_clean
from tests.support.service import PNG_PIXEL, got, made
from tests.support.studio import Studio

pytestmark = pytest.mark.timeout(400)

PASSWORD = "correct horse battery"
DOCUMENTS = (
    "canvas",
    "takes",
    "styles",
    "library",
    "production",
    "script/treatment",
    "fork/dusk",
    "annotations/{shot}",
)
SECONDS = 120


async def test_a_project_moved_to_another_workspace_opens_with_everything(tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    one = await begin(tmp_path / "one", demo=True)
    try:
        async with visit(one, keep) as (rest, client, project):
            await film(rest, client, project)
            before = await everything(rest, client, project)
    finally:
        await asyncio.to_thread(one.stop)
    # Somebody goes on without a network, knowing nothing of the move.
    async with Client(one.url, "nobody listens", project, keep=keep) as alone:
        canvas = alone.open("canvas")
        with canvas.doc.transaction():
            Canvas(canvas.doc).add_node(NodeId("note-train"), "note", {"x": 0, "y": 900}, text="Written on a train")

    folder = one.project_folder("Neo-Noir Laundromat")
    (tmp_path / "two/Projects").mkdir(parents=True)
    moved = tmp_path / "two/Projects/Laundry, at last"
    await asyncio.to_thread(subprocess.run, ["mv", str(folder), str(moved)], check=True)
    two = await begin(tmp_path / "two", demo=False)
    try:
        async with visit(two, tmp_path / "another machine") as (rest, client, project):
            assert await everything(rest, client, project) == before
            await goes_on(rest, client, project, moved)
        async with visit(two, keep) as (_, client, project):
            await client.open("canvas").wait_saved()
        async with visit(two, tmp_path / "a third machine") as (_, client, project):
            await until(lambda: "note-train" in Canvas(client.open("canvas").doc).nodes())
    finally:
        await asyncio.to_thread(two.stop)
    assert_healthy(moved)
    assert is_clean(moved)


async def begin(workspace: Path, *, demo: bool) -> Studio:
    """A running studio of processes of its own, and Ada, who owns it."""
    studio = Studio(workspace, demo=demo)
    await asyncio.to_thread(studio.start)
    await asyncio.to_thread(studio.add_user, "Ada", PASSWORD, "owner")
    return studio


@asynccontextmanager
async def visit(studio: Studio, keep: Path) -> AsyncGenerator[tuple[aiohttp.ClientSession, Client, str]]:
    """Ada at her browser and her program, in the one project there is; leaving it, all she did is on disk."""
    who = await sign_in(studio.url, "Ada", PASSWORD)
    async with aiohttp.ClientSession(studio.url, headers={"Authorization": f"Bearer {who.token}"}) as rest:
        (card,) = await got(rest, "/api/projects")
        async with Client(studio.url, who, card["id"], keep=keep) as client, asyncio.timeout(SECONDS):
            await client.open("canvas").wait_synced()
            yield rest, client, card["id"]


async def film(rest: aiohttp.ClientSession, client: Client, project: str) -> None:
    """Something of every kind: a take, a file, a script, a fork, remarks, styles, talent, names of versions."""
    shot, canvas = shot_of(client), client.open("canvas")
    with canvas.doc.transaction():
        Canvas(canvas.doc).set_field(shot, "title", "The door")
        prompt = Canvas(canvas.doc).text(shot, "prompt")
        prompt += " Rain on the glass \U0001f327."
    await generate(client, "intent-1")
    await made(rest, f"/api/projects/{project}/scripts", {"kind": "treatment"})
    form = aiohttp.FormData({"category": "characters"})
    form.add_field("files", PNG_PIXEL, filename="Mara.png")
    async with rest.post(f"/api/projects/{project}/files", data=form) as reply:
        assert reply.status == 201, await reply.text()
    await made(rest, f"/api/projects/{project}/snapshots", {"name": "First look"})
    await made(rest, f"/api/projects/{project}/forks", {"name": "dusk"})
    me = (await got(rest, "/api/me"))["id"]
    fork = await opened(client, "fork/dusk")
    Canvas(fork.doc).set_field(shot, "title", "The door at dusk")
    await fork.wait_saved()
    await put(
        client, "styles", "styles", "style-1", title="Noir", context=Text("Wet"), palette=[], parameters={}, author=me
    )
    talent: dict[str, Any] = {"kind": "talent", "tags": [], "fields": {}, "author": me}
    await put(client, "library", "assets", "talent-mara", title="Mara", description=Text("Tired"), **talent)
    await made(rest, f"/api/projects/{project}/snapshots", {"name": "Second look"})


def shot_of(client: Client) -> str:
    """The first shot of the film."""
    nodes = Canvas(client.open("canvas").doc).nodes()
    return min(key for key, node in nodes.items() if node["type"] == "shot" and node["shot"] == 1)


async def opened(client: Client, name: str) -> LocalDocument:
    document = client.open(name)
    await document.wait_synced()
    return document


async def put(client: Client, name: str, root: str, key: str, **fields: object) -> None:
    """A record in a document, on disk."""
    document = await opened(client, name)
    records: Map[Any] = document.doc.get(root, type=Map)
    records[key] = Map({**fields, "deleted": False})
    await document.wait_saved()
    assert key in records, "the guard took it back"


async def generate(client: Client, intent: str) -> None:
    """Ask for a take of the first shot, and wait for it."""
    canvas, takes = client.open("canvas"), await opened(client, "takes")
    intents: Map[Any] = canvas.doc.get("intents", type=Map)
    intents[intent] = Map({"kind": "generate", "node": shot_of(client), "fresh": True})
    await until(lambda: (Takes(takes.doc).job(intent) or {}).get("status") == "completed")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110 - a CRDT has no event for "equal"
            await asyncio.sleep(0.05)


async def everything(rest: aiohttp.ClientSession, client: Client, project: str) -> dict[str, Any]:
    """All that people find in a project, apart from its address."""
    at = f"/api/projects/{project}"
    found = await got(rest, at)
    history = (await got(rest, f"{at}/history?limit=200"))["entries"]
    shot = shot_of(client)
    documents = [await opened(client, name.format(shot=shot)) for name in DOCUMENTS]
    epochs = {document.name: document.epoch for document in documents}
    plains = {document.name: plain.dump(document.doc, document.name) for document in documents}
    media: dict[str, bytes] = {}
    for take in Takes(client.open("takes").doc).takes().values():
        for blob in (take["media"]["blob"], take["thumbnail"]["blob"]):
            media[blob] = await fetched(rest, f"{at}/media/{blob}")
    files = (await got(rest, f"{at}/files"))["files"]
    # The history goes on by what was not committed yet when the first studio stopped.
    named = next(entry["commit"] for entry in history if "Second look" in entry["names"])
    return {
        "manifest": {**found["manifest"], "version": 0},
        "budget": found["budget"],
        "documents": plains,
        "epochs": epochs,
        "media": media,
        "files": {file["name"]: await fetched(rest, file["url"]) for file in files},
        "scripts": (await got(rest, f"{at}/scripts"))["scripts"],
        "forks": (await got(rest, f"{at}/forks"))["forks"],
        "history": history[[entry["commit"] for entry in history].index(named) :],
        "version": await got(rest, f"{at}/history/{named}"),
        "changes": (await got(rest, f"{at}/history/diff?from={history[-1]['commit']}&to={named}"))["records"],
    }


async def fetched(rest: aiohttp.ClientSession, address: str) -> bytes:
    async with rest.get(address) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.read()


async def goes_on(rest: aiohttp.ClientSession, client: Client, project: str, folder: Path) -> None:
    """The next take has the next number, the fork is merged, an older state comes back, and Git has it all."""
    at, shot = f"/api/projects/{project}", shot_of(client)
    await generate(client, "intent-2")
    assert sorted(take["name"] for take in Takes(client.open("takes").doc).takes().values()) == [
        "S01_S01_take01",
        "S01_S01_take02",
    ]
    canvas = client.open("canvas")
    await made(rest, f"{at}/forks/dusk/merge", {}, 200)
    await until(lambda: Canvas(canvas.doc).nodes()[shot]["title"] == "The door at dusk")
    (named,) = [
        entry["commit"]
        for entry in (await got(rest, f"{at}/history?limit=200"))["entries"]
        if "First look" in entry["names"]
    ]
    wanted = {"commit": named, "document": "canvas", "record": shot, "field": "title"}
    await made(rest, f"{at}/history/restore", wanted, 200)
    await until(lambda: Canvas(canvas.doc).nodes()[shot]["title"] == "The door")
    await made(rest, f"{at}/snapshots", {"name": "Moved in"})
    assert git(folder, "log", "-1", "--format=%an", "Moved-in").strip() == "Ada"
    assert (folder / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take02.png").is_file()
