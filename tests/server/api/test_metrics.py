"""Metrics and health: what an operator is told, by a real hub that real clients use."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pycrdt import Doc, Map

from crdt_schema.ids import ProjectId
from server import keys
from server.auth.actor import SYSTEM
from tests.support.service import Service, made, running_service

STUDIO = {"name": "Night Bus", "governance": "studio", "quality": "low", "structure": "story-circle"}
Samples = dict[str, float]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


async def samples(session: aiohttp.ClientSession) -> Samples:
    async with session.get("/metrics") as reply:
        assert reply.status == 200
        assert reply.content_type == "text/plain"
        families = list(text_string_to_metric_families(await reply.text()))
    return {
        "{}{}".format(sample.name, "".join(f"[{value}]" for value in sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


async def test_metrics_need_no_one_and_name_nothing_that_is_private(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = (await made(ana, "/api/projects", STUDIO))["id"]
    async with service.app[keys.HUB].room(ProjectId(project), "canvas"), service.session().get("/metrics") as reply:
        page = await reply.text()
    assert "workprint_rooms" in page
    for private in (project, STUDIO["name"], "canvas", "ana"):
        assert str(private).lower() not in page.lower().replace("workprint", "")


async def test_what_people_do_is_counted(service: Service, ana: aiohttp.ClientSession) -> None:
    project = ProjectId((await made(ana, "/api/projects", STUDIO))["id"])
    before = await samples(ana)
    address = f"/ws/{project}/canvas"
    async with ana.ws_connect(address) as writer, ana.ws_connect(address) as reader:
        for socket in (writer, reader):
            await socket.send_bytes(b"\0\0\1\0")
            while (await socket.receive_bytes(timeout=30))[:2] != b"\0\1":
                pass
        await writer.send_bytes(change())
        while (await reader.receive_bytes(timeout=30))[:2] != b"\0\2":
            pass
        async with service.app[keys.HUB].room(project, "canvas") as room:
            await asyncio.wait_for(room.saved(), 30)
        now = await samples(ana)
        await reader.send_str("text frames are not part of the protocol")
        assert (await reader.receive(timeout=30)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert now["workprint_rooms"] >= 1
    assert now["workprint_sessions"] == 2
    assert grown(before, now, "workprint_edits_total") == 1
    assert grown(before, now, "workprint_deliveries_total") == 1
    assert grown(before, now, "workprint_flush_edits_count") == 1
    assert grown(before, now, "workprint_flush_seconds_sum") > 0
    assert grown(before, now, "workprint_commit_seconds_count") >= 1
    assert now["workprint_log_rows"] >= 1
    assert now["workprint_log_bytes"] > 0
    assert now["process_resident_memory_bytes"] > 0
    assert grown(now, await samples(ana), "workprint_refusals_total[bad_message]") == 1


async def test_a_log_that_cannot_be_written_is_seen_by_whoever_watches(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = ProjectId((await made(ana, "/api/projects", STUDIO))["id"])
    log = service.app[keys.PROJECTS].get(project).folder / ".workprint" / "documents.sqlite"
    async with service.app[keys.HUB].room(project, "canvas") as room:
        await room.saved()
        # Somebody else's backup holds the file for longer than SQLite waits for it.
        with closing(sqlite3.connect(log, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            room.edit(SYSTEM, lambda doc: doc.get("later", type=Map).update({"x": 1}))
            await until_status(ana, 503, "failing")
            assert (await samples(ana))["workprint_store_failing"] == 1
            other.execute("ROLLBACK")
        await asyncio.wait_for(room.saved(), 30)
        await until_status(ana, 200, "ok")


async def until_status(session: aiohttp.ClientSession, status: int, word: str) -> None:
    async with asyncio.timeout(60):
        while True:
            async with session.get("/healthz") as reply:
                if (reply.status, (await reply.json())["status"]) == (status, word):
                    return
            await asyncio.sleep(0.05)


def change() -> bytes:
    doc: Doc[Any] = Doc()
    doc.get("nodes", type=Map)["x"] = {"type": "note"}
    update = doc.get_update()
    return b"\0\2" + bytes([len(update)]) + update


def grown(before: Samples, now: Samples, name: str) -> float:
    return now[name] - before.get(name, 0.0)
