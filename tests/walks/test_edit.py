"""The walk of an edit: from one artist's client through room, log and broadcast to another's, and over a restart."""

from pathlib import Path
from typing import Any

from pycrdt import Map

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId, ProjectId
from server.auth.actor import SYSTEM
from server.hub.hub import Hub
from server.store.base import UpdateStore
from server.store.sqlite import SqliteUpdateStore
from tests.support.hub import FILM, QUICK, node_clients, serve


async def test_an_edit_walks_from_one_client_to_the_disk_and_to_the_others(tmp_path: Path) -> None:
    async def open_store(project: ProjectId) -> UpdateStore:
        return await SqliteUpdateStore.open(tmp_path / project / ".workprint" / "documents.sqlite")

    seen: list[tuple[str, str]] = []

    def watch(room: Any) -> Any:
        nodes: Map[Any] = room.doc.get("nodes", type=Map)
        subscription = nodes.observe(lambda event: seen.extend((room.actor.user_id, key) for key in event.keys))
        return lambda: nodes.unobserve(subscription)

    async with node_clients() as node:
        first = Hub(open_store, on_open=[watch], limits=QUICK)
        async with serve(first) as base:
            port = int(base.rpartition(":")[2].partition("/")[0])
            # Two artists, one on each dialect, and the server itself, in one document.
            await node.open("ada", base, dialect="hocuspocus")
            await node.open("ben", base, dialect="yjs")
            async with first.room(FILM, "canvas") as room:
                room.edit(SYSTEM, lambda doc: Canvas(doc).add_node(NodeId("shot-1"), "shot", {"x": 1.0, "y": 2.0}))
            await node.until("ben", "p.map['shot-1']?.type === 'shot'")
            await node.do("set", "ada", key="shot-2", value={"type": "note"})
            await node.until("ben", "p.map['shot-2']")
            await node.until("ada", "p.saved")
            # Acknowledged means on disk: another reader of the file finds it, with its author.
            other = await open_store(FILM)
            log = await other.log("canvas")
            assert [row.actor_id for row in log] == ["workprint", "workprint", "ada"]
            assert all(row.at.endswith("Z") for row in log)
            await other.close()
            assert seen == [("workprint", "shot-1"), ("ada", "shot-2")]
        await first.close()
        # Both go on while nobody serves.
        await node.do("set", "ada", key="offline-a", value=1)
        await node.do("set", "ben", key="offline-b", value=2)
        second = Hub(open_store, limits=QUICK)
        async with serve(second, port):
            for peer in ("ada", "ben"):
                await node.until(peer, "p.map['offline-a'] === 1 && p.map['offline-b'] === 2 && p.map['shot-1']")
            await node.until("ada", "p.saved")
            async with second.room(FILM, "canvas") as room:
                assert set(Canvas(room.doc).nodes()) == {"shot-1", "shot-2"}
                server_side: Map[Any] = room.doc.get("nodes", type=Map)
                assert server_side.to_py() == await node.read("ada", "p.map") == await node.read("ben", "p.map")
        await second.close()
