"""What is locked over REST holds on open sockets, from that moment on and until it is unlocked."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Map

from tests.support.page_client import CHANGE, SYNC, PageClient, chunk, synced
from tests.support.production import Studio, open_studio
from tests.support.service import Service, got, running_service

LOCK, UNLOCK = {"locked": True}, {"locked": False, "reason": "A late note."}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def studio(service: Service) -> Studio:
    return await open_studio(service)


@asynccontextmanager
async def page_of_eve(studio: Studio, document: str) -> AsyncGenerator[PageClient]:
    """The editor's page, with a document open."""
    base = str(studio.service.server.make_url("/")).rstrip("/")
    token = await studio.service.token("Eve")
    async with synced(base, "y-websocket", studio.project, token, document=document) as client:
        yield client


async def change(
    client: PageClient, root: str, values: Mapping[str, Mapping[str, object]]
) -> Callable[[str, str], Any]:
    """Set fields of records in the client's own copy, in one update; what reads them."""
    records: Map[Any] = client.doc.get(root, type=Map)
    before = client.doc.get_state()
    with client.doc.transaction():
        for key, fields in values.items():
            for field, value in fields.items():
                records[key][field] = value
    await client.say(SYNC, CHANGE, chunk(client.doc.get_update(before)))
    return lambda key, field: records[key][field]


async def test_a_shot_that_is_locked_while_a_page_is_open_does_not_change_and_the_others_do(studio: Studio) -> None:
    async with page_of_eve(studio, "canvas") as eve:
        await studio.put(studio.admin, "/shots/shot-1/lock", LOCK)
        wanted = {"shot-1": {"title": "Mine", "deleted": True}, "shot-2": {"title": "Free"}}
        read = await change(eve, "nodes", wanted)
        await eve.until(lambda: read("shot-1", "title") == "Title of shot-1")
        assert (read("shot-1", "deleted"), read("shot-2", "title")) == (False, "Free")
        shown = (await got(studio.viewer, studio.address))["graph"]["nodes"]
        assert (shown["shot-1"]["title"], shown["shot-2"]["title"]) == ("Title of shot-1", "Free")
        await studio.put(studio.admin, "/shots/shot-1/lock", UNLOCK)
        await change(eve, "nodes", {"shot-1": {"title": "Mine"}})
        async with page_of_eve(studio, "canvas") as another:
            titles: Map[Any] = another.doc.get("nodes", type=Map)
            await another.until(lambda: titles["shot-1"]["title"] == "Mine")


async def test_a_style_that_is_locked_does_not_change(studio: Studio) -> None:
    async with page_of_eve(studio, "canvas") as eve:
        await studio.put(studio.admin, "/styles/style-1/lock", LOCK)
        read = await change(eve, "nodes", {"style-1": {"palette": ["#000000"], "title": "Noon"}})
        await eve.until(lambda: read("style-1", "title") == "Neon")
        assert read("style-1", "palette") != ["#000000"]


async def test_a_locked_picture_leaves_a_page_only_the_audio_level(studio: Studio) -> None:
    chain = await studio.send(studio.editor, "POST", "/scene-chains", {"name": "Arrival", "shots": ["shot-1"]}, 201)
    segment = chain["segments"][0]["id"]
    async with page_of_eve(studio, "production") as eve:
        read = await change(eve, "segments", {segment: {"trim_start": 12}})
        await studio.put(studio.admin, f"/scene-chains/{chain['id']}/picture-lock", {"pictureLocked": True})
        await change(eve, "segments", {segment: {"trim_start": 99, "audio_gain_db": -3}})
        await eve.until(lambda: read(segment, "trim_start") == 12)
        assert read(segment, "audio_gain_db") == -3


async def test_nobody_locks_or_unlocks_through_the_document(studio: Studio) -> None:
    await studio.put(studio.admin, "/shots/shot-1/lock", LOCK)
    before = await studio.locks()
    async with page_of_eve(studio, "production") as eve:
        locks: Map[Any] = eve.doc.get("locks", type=Map)
        state = eve.doc.get_state()
        forged = {"kind": "shot", "target": "shot-2", "by": "x", "by_name": "Adam", "at": "", "reason": ""}
        with eve.doc.transaction():
            del locks["shot:shot-1"]
            locks["shot:shot-2"] = forged
        await eve.say(SYNC, CHANGE, chunk(eve.doc.get_update(state)))
        await eve.until(lambda: set(locks.keys()) == {"shot:shot-1"})
    assert await studio.locks() == before
