"""The real providers, `y-websocket` and `@hocuspocus/provider`, against the real hub."""

from dataclasses import replace

from server.hub.hub import Hub
from tests.support.hub import FILM, QUICK, HeldStore, NodeClients, open_hub, serve
from tests.support.sockets import until


async def test_both_dialects_meet_in_one_document(base: str, node: NodeClients) -> None:
    await node.open("ada", base, dialect="yjs")
    await node.open("ben", base, dialect="hocuspocus")
    await node.open("cyd", base, dialect="hocuspocus", sessionAware=True)
    for peer in ("ada", "ben", "cyd"):
        await node.until(peer, "p.synced")
        await node.do("set", peer, key=peer, value=1)
        await node.do("type", peer, at=0, text=f"{peer} ")
    for peer in ("ada", "ben", "cyd"):
        await node.until(peer, "Object.keys(p.map).length === 3 && p.text.length === 12")
    texts = [await node.read(peer, "p.text") for peer in ("ada", "ben", "cyd")]
    assert len(set(texts)) == 1


async def test_an_edit_is_acknowledged_only_after_it_is_on_disk(base: str, node: NodeClients, store: HeldStore) -> None:
    await node.open("ada", base, dialect="hocuspocus")
    await node.open("ben", base, dialect="yjs")
    await node.until("ada", "p.saved")
    await node.until("ben", "p.synced")
    store.free.clear()
    await node.do("set", "ada", key="x", value=1)
    await node.until("ben", "p.map.x === 1")
    assert await node.read("ada", "p.unsynced") == 1
    store.free.set()
    await node.until("ada", "p.saved")


async def test_a_reader_sees_everything_and_changes_nothing(base: str, node: NodeClients, hub: Hub) -> None:
    await node.open("ada", base, dialect="hocuspocus")
    await node.open("eve", base, dialect="hocuspocus", token="viewer:eve")
    await node.open("vic", base, dialect="yjs", token="viewer:vic")
    await node.do("set", "ada", key="x", value=1)
    for peer in ("eve", "vic"):
        await node.until(peer, "p.map.x === 1")
    assert await node.read("eve", "p.scope") == "readonly"
    assert await node.read("ada", "p.scope") == "read-write"
    await node.until("eve", "p.unsynced === 0")
    for peer in ("eve", "vic"):
        await node.do("set", peer, key=peer, value=1)
    await node.do("set", "ada", key="y", value=1)
    for peer in ("eve", "vic"):
        await node.until(peer, "p.map.y === 1")
    assert await node.read("ada", "p.map") == {"x": 1, "y": 1}
    assert await node.read("eve", "p.unsynced") == 1
    async with hub.room(FILM, "canvas") as room:
        assert room.applied == 3


async def test_somebody_unknown_is_denied(base: str, node: NodeClients) -> None:
    await node.open("mal", base, dialect="hocuspocus", token="nobody")
    await node.until("mal", "p.denials.length === 1")
    assert await node.read("mal", "p.denials[0]") == "Sign in first."
    await node.open("sly", base, dialect="yjs", token="nobody")
    await node.until("sly", "p.closes.length > 0")
    assert await node.read("sly", "p.synced") is False


async def test_one_socket_carries_several_documents(base: str, node: NodeClients, hub: Hub) -> None:
    await node.open("ada", base, dialect="hocuspocus", socket="one", document="canvas")
    await node.open("ada2", base, dialect="hocuspocus", token="editor:ada", socket="one", document="takes")
    await node.open("ada3", base, dialect="hocuspocus", token="editor:ada", socket="one", document="plans")
    await node.until("ada", "p.saved")
    await node.until("ada2", "p.synced && p.scope === 'readonly'")
    await node.until("ada3", "p.denials.length === 1")
    await node.do("set", "ada", key="x", value=1)
    await node.until("ada", "p.saved")
    assert {room.document for room in hub.rooms()} == {"canvas", "takes"}
    await node.do("detach", "ada2")
    await until(lambda: {room.document for room in hub.rooms()} == {"canvas"})
    assert await node.read("ada", "p.closes") == []


async def test_two_providers_of_one_document_share_a_socket_when_they_are_session_aware(
    base: str, node: NodeClients
) -> None:
    await node.open("left", base, dialect="hocuspocus", socket="one", sessionAware=True)
    await node.open("right", base, dialect="hocuspocus", socket="one", sessionAware=True)
    await node.until("left", "p.saved")
    await node.until("right", "p.saved")
    await node.do("set", "left", key="x", value=1)
    await node.until("right", "p.map.x === 1")
    await node.until("left", "p.saved")


async def test_a_new_token_decides_again_what_somebody_may_do(base: str, node: NodeClients) -> None:
    await node.open("ada", base, dialect="hocuspocus")
    await node.until("ada", "p.saved")
    await node.do("token", "ada", token="viewer:ada")
    await node.until("ada", "p.scope === 'readonly'")
    await node.do("set", "ada", key="x", value=1)
    await node.open("ben", base, dialect="hocuspocus")
    await node.until("ben", "p.saved")
    assert await node.read("ben", "p.map") == {}
    await node.do("token", "ada", token="nobody")
    await node.until("ada", "p.denials.length === 1")


async def test_garbage_closes_only_its_sender(base: str, node: NodeClients) -> None:
    await node.open("ada", base, dialect="yjs")
    await node.open("ben", base, dialect="hocuspocus")
    await node.open("mal", base, dialect="yjs")
    await node.open("bad", base, dialect="hocuspocus")
    for peer in ("ada", "ben", "mal", "bad"):
        await node.until(peer, "p.synced")
    await node.do("raw", "mal", hex="0002056c6c6c6c6c")
    await node.do("raw", "bad", hex="0663616e766173" + "ffffffff")
    await node.until("mal", "p.closes.includes(4400)")
    await node.until("bad", "p.closes.includes(4400)")
    await node.do("set", "ada", key="x", value=1)
    await node.until("ben", "p.map.x === 1")
    assert await node.read("ada", "p.closes") == []
    assert await node.read("ben", "p.closes") == []


async def test_offline_edits_of_both_sides_are_found_after_coming_back(base: str, node: NodeClients) -> None:
    await node.open("ada", base, dialect="hocuspocus")
    await node.open("ben", base, dialect="yjs")
    await node.until("ada", "p.saved")
    await node.until("ben", "p.synced")
    for peer in ("ada", "ben"):
        await node.do("offline", peer)
        await node.do("set", peer, key=f"{peer} offline", value=1)
    for peer in ("ada", "ben"):
        await node.do("online", peer)
        await node.do("set", peer, key=f"{peer} back", value=1)
    for peer in ("ada", "ben"):
        await node.until(peer, "Object.keys(p.map).length === 4")
    await node.until("ada", "p.saved")


async def test_people_see_each_other_come_and_go(base: str, node: NodeClients) -> None:
    await node.open("ada", base, dialect="yjs")
    await node.open("ben", base, dialect="hocuspocus")
    await node.do("presence", "ada", state={"user": {"id": "ben", "name": "Ben"}, "cursor": {"x": 1, "y": 2}})
    ada = await node.read("ada", "p.id")
    await node.until("ben", f"p.states[{ada}]?.cursor")
    state = await node.read("ben", f"p.states[{ada}]")
    assert state == {"user": {"id": "ada", "name": "Ada", "hue": 3}, "cursor": {"x": 1, "y": 2}}
    await node.do("offline", "ada")
    await node.until("ben", f"!({ada} in p.states)")
    await node.do("online", "ada")
    # The client comes back with the very same state and clock; the others must not take it for old news.
    await node.until("ben", f"p.states[{ada}]?.cursor")
    await node.do("presence", "ada", state=None)
    await node.until("ben", f"!({ada} in p.states)")


async def test_the_servers_own_presence_reaches_both_dialects(base: str, node: NodeClients, hub: Hub) -> None:
    await node.open("ada", base, dialect="yjs")
    await node.open("ben", base, dialect="hocuspocus")
    async with hub.room(FILM, "canvas") as room:
        for percent in range(50):
            room.present("farm", {"jobs": {"i-1": {"percent": percent}}})
        for peer in ("ada", "ben"):
            await node.until(peer, "Object.values(p.states).some(state => state.farm?.jobs['i-1'].percent === 49)")
        room.present("farm", None)
        for peer in ("ada", "ben"):
            await node.until(peer, "!Object.values(p.states).some(state => state.farm)")


async def test_a_notice_reaches_its_session(base: str, node: NodeClients, hub: Hub) -> None:
    await node.open("ben", base, dialect="hocuspocus")
    await node.until("ben", "p.saved")
    async with hub.room(FILM, "canvas") as room:
        room.sessions[0].link.tell('{"rule": "locked"}')
    await node.until("ben", "p.notices.length === 1")


async def test_a_server_that_stops_tells_its_clients_and_they_come_back(store: HeldStore, node: NodeClients) -> None:
    async with open_hub(store) as hub, serve(hub) as base:
        await node.open("ada", base, dialect="hocuspocus")
        await node.open("ben", base, dialect="yjs")
        await node.do("set", "ada", key="x", value=1)
        await node.until("ben", "p.map.x === 1")
        await node.until("ada", "p.saved")
        port = int(base.rpartition(":")[2].partition("/")[0])
    await node.until("ada", "p.closes.includes(1001)")
    await node.until("ben", "p.closes.includes(1001)")
    await node.do("set", "ada", key="y", value=1)
    async with open_hub(store) as hub, serve(hub, port):
        await node.until("ada", "p.saved")
        await node.until("ben", "p.map.y === 1")


async def test_a_quiet_client_is_not_left_in_silence(store: HeldStore, node: NodeClients) -> None:
    async with open_hub(store, limits=replace(QUICK, keepalive_seconds=0.05)) as hub, serve(hub) as base:
        await node.open("ada", base, dialect="yjs")
        await node.open("ben", base, dialect="hocuspocus", awareness=False)
        await node.until("ada", "p.synced")
        await node.until("ben", "p.saved")
        before = await node.read("ben", "p.socket.lastMessageReceived")
        await node.until("ben", f"p.socket.lastMessageReceived > {before} + 200")
        await node.until("ada", "Date.now() - p.provider.wsLastMessageReceived < 200")
