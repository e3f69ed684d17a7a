"""Clients written from docs/protocol.md alone do in the real service what the page says, in both dialects."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Map, Text

from crdt_schema.records import Role
from tests.support.page_client import CHANGE, PING, QUERY, STEP1, SYNC, Dialect, PageClient, chunk, connected, synced
from tests.support.service import PASSWORD, Service, made, running_service

STUDIO = {"name": "Night Bus", "governance": "sketch", "quality": "low", "structure": "story-circle"}
DIALECTS: tuple[Dialect, ...] = ("y-websocket", "hocuspocus")
both = pytest.mark.parametrize("dialect", DIALECTS)


@dataclass
class Studio:
    """A running service with one project."""

    base: str
    project: str
    workspace: Path
    service: Service

    async def token(self, name: str, role: Role = "editor") -> str:
        """Add somebody, and sign in as the page says."""
        await self.service.sign_in(name, role)
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.base}/auth/token", json={"username": name, "password": PASSWORD}) as reply,
        ):
            return (await reply.json())["access_token"]


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    async with running_service(tmp_path, WORKPRINT_UPDATE_MB="1", WORKPRINT_DOCUMENT_MB="2") as service:
        owner = await service.sign_in("Owner", "owner")
        project = (await made(owner, "/api/projects", STUDIO))["id"]
        yield Studio(str(service.server.make_url("")).rstrip("/"), project, tmp_path, service)


def titled(client: PageClient, key: str) -> str:
    """The title of a note, as this client sees it; nothing when there is none."""
    note: Any = client.nodes.get(key)
    return note["title"] if note is not None else ""


@both
@pytest.mark.parametrize("other", DIALECTS)
async def test_people_edit_together_and_see_each_other(studio: Studio, dialect: Dialect, other: Dialect) -> None:
    ana, bo = await studio.token("Ana"), await studio.token("Bo")
    async with synced(studio.base, dialect, studio.project, ana) as first:
        assert first.doc.get("meta", type=Map)["schema"] == "canvas.1"
        await first.put("early", "one")
        await first.show({"user": {"name": "Somebody else"}, "cursor": 1})
        async with synced(studio.base, other, studio.project, bo) as second:
            assert titled(second, "early") == "one"
            await second.until(lambda: first.doc.client_id in second.present)
            assert second.present[first.doc.client_id]["user"]["name"] == "Ana"
            await second.put("late", "two")
            await first.until(lambda: titled(first, "late") == "two")
            await second.show({"cursor": 2})
            await first.until(lambda: first.present.get(second.doc.client_id) == {"cursor": 2})
        # The server says goodbye for a socket that is gone.
        await first.until(lambda: second.doc.client_id not in first.present)


async def test_what_is_acknowledged_is_on_disk_and_counted_one_by_one(studio: Studio) -> None:
    async with synced(studio.base, "hocuspocus", studio.project, await studio.token("Ana")) as ana:
        assert ana.scope == "read-write"
        await ana.until(lambda: ana.saved == 1)  # its step 2
        for count in range(5):
            await ana.put(f"n{count}", str(count))
        await ana.until(lambda: ana.saved == 6)
        with closing(sqlite3.connect(next(studio.workspace.rglob("documents.sqlite")))) as log:
            doc: Doc[Any] = Doc()
            for (update,) in log.execute("""SELECT "update" FROM updates WHERE document = 'canvas' ORDER BY seq"""):
                doc.apply_update(update)
        assert {f"n{count}" for count in range(5)} <= set(doc.get("nodes", type=Map))


@both
async def test_who_may_only_read_is_told_that_a_change_was_not_taken(studio: Studio, dialect: Dialect) -> None:
    eve, ana = await studio.token("Eve", "viewer"), await studio.token("Ana")
    async with (
        synced(studio.base, dialect, studio.project, eve) as reader,
        synced(studio.base, dialect, studio.project, ana) as writer,
    ):
        await reader.put("mine", "one")
        if dialect == "hocuspocus":
            await reader.until(lambda: reader.refused == 1)
            assert reader.scope == "readonly"
        else:
            await reader.until(lambda: reader.not_taken)
        await writer.put("yours", "two")
        await reader.until(lambda: titled(reader, "yours") == "two")
        assert "mine" not in writer.nodes


@both
async def test_nobody_but_the_server_writes_takes(studio: Studio, dialect: Dialect) -> None:
    ana = await studio.token("Ana")
    async with synced(studio.base, dialect, studio.project, ana, document="takes") as client:
        await client.put("mine", "one")
        await client.until(lambda: client.refused or client.not_taken)


@both
async def test_an_old_history_is_told_4409_and_an_empty_document_comes_in(studio: Studio, dialect: Dialect) -> None:
    ana = await studio.token("Ana")
    old: Doc[Any] = Doc()
    old.get("meta", type=Map)["epoch"] = "another"
    async with connected(studio.base, dialect, studio.project, ana, doc=old) as client:
        # Not a careful client: it answers the server's step 1 with all that it has.
        await client.say(SYNC, STEP1, chunk(b"\0"))
        await client.say(SYNC, CHANGE, chunk(old.get_update()))
        if dialect == "hocuspocus":
            await client.until(lambda: client.denied)
            assert client.denied.startswith("4409 ")
            assert client.closed is None
            client.doc, client.synced = Doc(), False
            await client.sign_in(ana)
            await client.sync()
            await client.until(lambda: client.synced and client.saved == 1)
        else:
            await client.until(lambda: client.closed is not None)
            assert client.closed == 4409
    async with synced(studio.base, dialect, studio.project, ana) as again:
        assert again.doc.get("meta", type=Map)["epoch"] != "another"


RUBBISH = {
    "a step that is none": b"\0\7\0",
    "a message that ends in the middle": b"\0\0\5",
    "a state vector that is none": b"\0\0\2\5\5",
    "an update that is none": b"\0\2\3\1\2\3",
    "presence that is no JSON": b"\1\5\1\1\1\1x",
}


@both
@pytest.mark.parametrize("rubbish", RUBBISH)
async def test_rubbish_is_told_4400_with_a_reason(studio: Studio, dialect: Dialect, rubbish: str) -> None:
    async with synced(studio.base, dialect, studio.project, await studio.token("Ana")) as ana:
        await ana.say(RUBBISH[rubbish])
        await ana.until(lambda: ana.closed is not None)
        assert ana.closed == 4400


@both
async def test_a_text_message_is_told_4400_and_an_unknown_kind_is_passed_over(studio: Studio, dialect: Dialect) -> None:
    async with synced(studio.base, dialect, studio.project, await studio.token("Ana")) as ana:
        await ana.say(99)
        await ana.put("still", "here")
        await ana.socket.send_str("hello")
        await ana.until(lambda: ana.closed is not None)
        assert ana.closed == 4400


@both
async def test_too_long_an_update_is_told_4413_and_too_long_a_message_1009(studio: Studio, dialect: Dialect) -> None:
    token = await studio.token("Ana")
    for size, code in ((3 << 19, 4413), (3 << 20, 1009)):
        async with synced(studio.base, dialect, studio.project, token) as ana:
            await ana.say(SYNC, CHANGE, chunk(bytes(size)))
            await ana.until(lambda ana=ana: ana.closed is not None)
            assert ana.closed == code


@both
async def test_a_change_that_came_before_what_it_builds_on_waits_for_it(studio: Studio, dialect: Dialect) -> None:
    token = await studio.token("Ana")
    writer: Doc[Any] = Doc()
    updates: list[bytes] = []
    subscription = writer.observe(lambda event: updates.append(event.update))
    nodes: Map[Any] = writer.get("nodes", type=Map)
    nodes["words"] = Map({"type": "note", "text": Text("first ")})
    nodes["words"]["text"].insert(6, "second")
    writer.unobserve(subscription)
    async with (
        synced(studio.base, dialect, studio.project, token) as ana,
        synced(studio.base, dialect, studio.project, token) as bo,
    ):
        await ana.say(SYNC, CHANGE, chunk(updates[1]))
        # What arrives together is taken together: the answer shows that the hub has come to the end of this.
        await ana.say(QUERY)
        await ana.until(lambda: ana.presence_messages)
        await ana.put("marker", "one")
        await bo.until(lambda: titled(bo, "marker") == "one")
        assert "words" not in bo.nodes
        await ana.say(SYNC, CHANGE, chunk(updates[0]))
        await bo.until(lambda: "words" in bo.nodes and str(bo.nodes["words"]["text"]) == "first second")
        if dialect == "hocuspocus":
            await ana.until(lambda: ana.saved == 4)


async def test_a_bad_token_ends_a_hocuspocus_document_and_a_good_one_opens_it_again(studio: Studio) -> None:
    token = await studio.token("Ana")
    async with synced(studio.base, "hocuspocus", studio.project, token) as ana:
        await ana.sign_in("rubbish")
        await ana.until(lambda: ana.denied and ana.ended)
        ana.synced, ana.scope = False, ""
        await ana.sign_in(token)
        await ana.sync()
        await ana.until(lambda: ana.scope == "read-write" and ana.synced)
        await ana.socket.send_bytes(bytes((PING,)))
        await ana.until(lambda: ana.pongs == 1)


async def test_who_shows_a_better_token_is_asked_for_what_was_refused(studio: Studio) -> None:
    eve, ana = await studio.token("Eve", "viewer"), await studio.token("Ana")
    async with synced(studio.base, "hocuspocus", studio.project, eve) as client:
        await client.put("early", "one")
        await client.until(lambda: client.refused == 1)
        saved = client.saved
        await client.sign_in(ana)
        await client.until(lambda: client.scope == "read-write" and client.saved > saved)
        async with synced(studio.base, "y-websocket", studio.project, ana) as other:
            assert titled(other, "early") == "one"


async def test_what_is_sent_before_step_1_is_held_until_the_step_2(studio: Studio) -> None:
    ana, bo = await studio.token("Ana"), await studio.token("Bo")
    async with (
        synced(studio.base, "y-websocket", studio.project, bo) as reader,
        connected(studio.base, "hocuspocus", studio.project, ana) as early,
    ):
        await early.put("early", "one")
        await early.say(QUERY)
        await early.until(lambda: early.presence_messages)
        await reader.put("before", "one")
        async with synced(studio.base, "y-websocket", studio.project, bo) as other:
            await other.until(lambda: titled(other, "before") == "one")
            assert "early" not in other.nodes
        await early.sync()
        await reader.until(lambda: titled(reader, "early") == "one")
        await early.until(lambda: early.saved == 2)  # the change and the step 2


@both
async def test_presence_that_is_too_large_is_dropped_and_no_offence(studio: Studio, dialect: Dialect) -> None:
    ana, bo = await studio.token("Ana"), await studio.token("Bo")
    async with (
        synced(studio.base, dialect, studio.project, ana) as first,
        synced(studio.base, dialect, studio.project, bo) as second,
    ):
        await first.show({"words": "x" * 40_000})
        await first.show({"cursor": 1})
        await second.until(lambda: first.doc.client_id in second.present)
        assert second.present[first.doc.client_id] == {"cursor": 1}
        await first.show(None)
        await second.until(lambda: first.doc.client_id not in second.present)
        assert first.closed is None


async def test_who_is_not_let_in_is_told_so(studio: Studio) -> None:
    token = await studio.token("Ana")
    for project, document, shown, status in (
        (studio.project, "canvas", "rubbish", 401),
        (studio.project, "nothing", token, 404),
        ("nowhere", "canvas", token, 404),
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with connected(studio.base, "y-websocket", project, shown, document=document):
                pass
        assert refused.value.status == status
        async with connected(studio.base, "hocuspocus", project, shown, document=document) as client:
            await client.until(lambda client=client: client.denied)
            assert client.closed is None


@both
async def test_a_disk_that_fails_is_said_in_the_servers_presence_and_nothing_is_acknowledged(
    studio: Studio, dialect: Dialect
) -> None:
    async with synced(studio.base, dialect, studio.project, await studio.token("Ana")) as ana:

        def failing() -> bool:
            return any(state.get("disk") == {"failing": True} for state in ana.present.values() if "user" not in state)

        log = next(studio.workspace.rglob("documents.sqlite"))
        with closing(sqlite3.connect(log, isolation_level=None)) as other:
            # Somebody else's backup holds the file for longer than SQLite waits for it.
            if dialect == "hocuspocus":
                await ana.until(lambda: ana.saved == 1)  # its step 2
            saved = ana.saved
            other.execute("BEGIN IMMEDIATE")
            await ana.put("kept", "one")
            await ana.until(failing)
            assert ana.saved == saved
            other.execute("ROLLBACK")
        await ana.until(lambda: not failing())
        if dialect == "hocuspocus":
            await ana.until(lambda: ana.saved == saved + 1)


@both
async def test_a_hub_that_stops_says_1001(studio: Studio, dialect: Dialect) -> None:
    async with synced(studio.base, dialect, studio.project, await studio.token("Ana")) as ana:
        stopping = asyncio.create_task(studio.service.close())
        await ana.until(lambda: ana.closed is not None)
        assert ana.closed == 1001
        await stopping
