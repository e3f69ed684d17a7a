"""Everything that the two providers can do, each against the real hub: what their users may count on."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from pycrdt import Map
from yarl import URL

from crdt_schema.wire import CloseCode, Kind
from server.hub import codec, messages
from server.hub.codec import Reader
from server.hub.hub import Hub
from tests.support.hub import FILM, HeldStore, NodeClients
from tests.support.sockets import until

CANVAS = codec.text("canvas")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def token(value: str, *, version: str = "") -> bytes:
    """What a Hocuspocus provider sends first; since its version 4 with its version."""
    said = codec.text(value) + (codec.text(version) if version else b"")
    return CANVAS + bytes((Kind.AUTH, messages.AUTH_TOKEN)) + said


async def heard(socket: aiohttp.ClientWebSocketResponse, kind: Kind) -> Reader:
    """The next Hocuspocus message of a kind, after its name and kind."""
    while True:
        reader = Reader(await socket.receive_bytes())
        reader.text()
        if reader.uint() == kind:
            return reader


# Hocuspocus


async def test_a_document_can_be_left_and_opened_again_on_the_same_socket(
    base: str, node: NodeClients, hub: Hub
) -> None:
    await node.open("ada", base, dialect="hocuspocus", socket="one")
    await node.open("takes", base, dialect="hocuspocus", token="editor:ada", socket="one", document="takes")
    await node.until("ada", "p.saved")
    await node.do("detach", "ada")
    await until(lambda: {room.document for room in hub.rooms()} == {"takes"})
    await node.do("set", "ada", key="away", value=1)
    await node.do("attach", "ada")
    await node.until("ada", "p.saved && p.scopes.length === 2")
    await node.open("ben", base, dialect="yjs")
    await node.until("ben", "p.map.away === 1")
    assert await node.read("ada", "p.closes") == []


async def test_leaving_and_coming_back_at_once_loses_nothing_and_calls_nothing_saved_that_is_not(
    base: str, node: NodeClients, store: HeldStore
) -> None:
    await node.open("ada", base, dialect="hocuspocus", socket="one")
    await node.until("ada", "p.saved")
    store.free.clear()
    for number in range(20):
        await node.do("set", "ada", key=f"n{number}", value=number)
        await node.do("detach", "ada")
        await node.do("attach", "ada")
    await node.open("ben", base, dialect="yjs")
    await node.until("ben", "Object.keys(p.map).length === 20")
    assert await node.read("ada", "p.unsynced") > 0
    store.free.set()
    await node.until("ada", "p.saved")


async def test_an_edit_sent_just_before_leaving_counts(base: str, node: NodeClients, store: HeldStore) -> None:
    store.readable.clear()
    await node.open("ada", base, dialect="hocuspocus", socket="one")
    await node.until("ada", "p.unsynced === 1 && p.ws?.readyState === 1")
    await node.do("set", "ada", key="x", value=1)
    await node.do("destroy", "ada")
    store.readable.set()
    await node.open("ben", base, dialect="yjs")
    await node.until("ben", "p.map.x === 1")


async def test_unsynced_changes_count_down_to_zero_only_when_all_is_on_disk(
    base: str, node: NodeClients, store: HeldStore
) -> None:
    await node.open("ada", base, dialect="hocuspocus")
    await node.until("ada", "p.saved")
    store.free.clear()
    for number in range(10):
        await node.do("set", "ada", key=f"n{number}", value=1)
    await node.open("ben", base, dialect="yjs")
    await node.until("ben", "Object.keys(p.map).length === 10")
    assert await node.read("ada", "p.unsynced") == 10
    store.free.set()
    await node.until("ada", "p.saved && !p.provider.hasUnsyncedChanges")
    counts = await node.read("ada", "p.counts")
    assert counts[-11:] == list(range(10, -1, -1))


async def test_a_forced_sync_is_answered_and_counts_down(base: str, node: NodeClients) -> None:
    await node.open("ada", base, dialect="hocuspocus")
    await node.do("set", "ada", key="x", value=1)
    await node.until("ada", "p.saved")
    for _ in range(3):
        await node.do("forceSync", "ada")
        await node.until("ada", "p.unsynced === 0")
    assert await node.read("ada", "p.map") == {"x": 1}


async def test_changes_that_the_provider_gathers_are_acknowledged_as_one(base: str, node: NodeClients) -> None:
    await node.open("ada", base, dialect="hocuspocus", flushDelay=20)
    await node.open("ben", base, dialect="yjs")
    await node.until("ada", "p.saved")
    for number in range(30):
        await node.do("set", "ada", key=f"n{number}", value=1)
    await node.until("ben", "Object.keys(p.map).length === 30")
    await node.until("ada", "p.saved")


async def test_what_a_reader_wrote_arrives_once_they_may_write(base: str, node: NodeClients) -> None:
    await node.open("eve", base, dialect="hocuspocus", token="viewer:eve")
    await node.open("ben", base, dialect="yjs")
    await node.until("eve", "p.scope === 'readonly' && p.unsynced === 0")
    await node.do("set", "eve", key="early", value=1)
    await node.do("set", "ben", key="other", value=1)
    await node.until("eve", "p.map.other === 1")
    assert await node.read("ben", "p.map") == {"other": 1}
    await node.do("token", "eve", token="editor:eve")
    await node.until("eve", "p.scope === 'read-write'")
    await node.do("set", "eve", key="late", value=1)
    # Without the early one, the late one would wait for it for ever.
    await node.until("ben", "p.map.late === 1 && p.map.early === 1")
    await node.do("forceSync", "eve")
    await node.until("eve", "p.saved")


async def test_a_token_that_is_not_valid_any_longer_ends_the_document_and_no_other(
    base: str, node: NodeClients, hub: Hub
) -> None:
    await node.open("ada", base, dialect="hocuspocus", socket="one")
    await node.open("takes", base, dialect="hocuspocus", token="editor:ada", socket="one", document="takes")
    await node.until("ada", "p.saved")
    await node.until("takes", "p.synced")
    await node.do("token", "ada", token="nobody")
    await node.until("ada", "p.denials.length === 1 && p.ends.length === 1 && !p.synced")
    await until(lambda: {room.document for room in hub.rooms()} == {"takes"})
    assert await node.read("takes", "p.synced") is True
    # Signed in again, the same provider goes on.
    await node.do("detach", "ada")
    await node.do("set", "ada", key="x", value=1)
    await node.do("token", "ada", token="editor:ada")
    await node.do("attach", "ada")
    await node.until("ada", "p.saved && p.scope === 'read-write'")


async def test_the_newest_of_several_tokens_counts(base: str, node: NodeClients, hub: Hub) -> None:
    await node.open("ada", base, dialect="hocuspocus")
    await node.until("ada", "p.saved")
    for role in ("viewer", "editor", "viewer", "editor", "viewer"):
        await node.do("token", "ada", token=f"{role}:ada")
    await node.until("ada", "p.scopes.length === 6")
    assert await node.read("ada", "p.scope") == "readonly"
    async with hub.room(FILM, "canvas") as room:
        assert [session.writable for session in room.sessions] == [False]


async def test_a_stateless_message_of_a_client_reaches_nobody(base: str, node: NodeClients, hub: Hub) -> None:
    await node.open("ada", base, dialect="hocuspocus")
    await node.open("ben", base, dialect="hocuspocus")
    for peer in ("ada", "ben"):
        await node.until(peer, "p.saved")
    await node.do("stateless", "ada", payload='{"rule": "forged"}')
    async with hub.room(FILM, "canvas") as room:
        for session in room.sessions:
            session.link.tell('{"rule": "true"}')
    await node.do("set", "ada", key="x", value=1)
    await node.until("ben", "p.map.x === 1 && p.notices.length > 0")
    assert await node.read("ben", "p.notices") == ['{"rule": "true"}']
    assert await node.read("ada", "p.closes") == []


async def test_only_the_server_may_tell_everybody(base: str, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{base}/film") as socket:
        await socket.send_bytes(token("editor:ada"))
        await heard(socket, Kind.AUTH)
        await socket.send_bytes(CANVAS + bytes((Kind.BROADCAST_STATELESS,)) + codec.text("hello"))
        async for _ in socket:
            pass
        assert socket.close_code == CloseCode.BAD_MESSAGE


@pytest.mark.parametrize("version", ["", "3.4.0", "4.8.0", "99 of the future"])
async def test_a_provider_of_any_version_is_let_in(base: str, http: aiohttp.ClientSession, version: str) -> None:
    async with http.ws_connect(f"{base}/film") as socket:
        await socket.send_bytes(token("editor:ada", version=version))
        answer = await heard(socket, Kind.AUTH)
        assert (answer.uint(), answer.text()) == (messages.AUTH_ADMITTED, "read-write")


async def test_a_message_of_a_later_protocol_is_passed_over(base: str, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{base}/film") as socket:
        await socket.send_bytes(token("editor:ada"))
        await heard(socket, Kind.AUTH)
        for kind in (11, 99, 300):
            await socket.send_bytes(CANVAS + codec.uint(kind) + codec.text("who knows"))
        await socket.send_bytes(CANVAS + messages.step1(b"\0").body)
        assert (await heard(socket, Kind.SYNC)).uint() == 1
    async with http.ws_connect(f"{base}/film/canvas?token=editor:ada") as socket:
        for kind in (2, 4, 11, 99, 300):
            await socket.send_bytes(codec.uint(kind) + codec.text("who knows"))
        await socket.send_bytes(messages.step1(b"\0").body)
        while (await socket.receive_bytes())[:2] != b"\0\1":
            pass


async def test_a_message_for_a_document_that_was_never_opened_is_passed_over(
    base: str, http: aiohttp.ClientSession, hub: Hub
) -> None:
    async with http.ws_connect(f"{base}/film") as socket:
        await socket.send_bytes(token("editor:ada"))
        await heard(socket, Kind.AUTH)
        for body in (messages.step1(b"\0").body, bytes((Kind.CLOSE,)), bytes((Kind.AWARENESS,)) + codec.chunk(b"\0")):
            await socket.send_bytes(codec.text("takes") + body)
        await socket.send_bytes(bytes((Kind.PING,)))
        while await socket.receive_bytes() != bytes((Kind.PONG,)):
            pass
        assert {room.document for room in hub.rooms()} == {"canvas"}


async def test_who_is_here_is_told_to_who_asks(base: str, http: aiohttp.ClientSession, node: NodeClients) -> None:
    await node.open("ada", base, dialect="yjs")
    await node.do("presence", "ada", state={"cursor": 7})
    await node.open("ben", base, dialect="hocuspocus")
    await node.until("ben", "Object.values(p.states).some(state => state.cursor === 7)")
    async with http.ws_connect(f"{base}/film") as socket:
        await socket.send_bytes(token("viewer:eve"))
        await heard(socket, Kind.AWARENESS)
        await socket.send_bytes(CANVAS + bytes((Kind.QUERY_AWARENESS,)))
        while b'{"cursor":7}' not in (await heard(socket, Kind.AWARENESS)).chunk():
            pass
    async with http.ws_connect(f"{base}/film/canvas?token=viewer:eve") as socket:
        await socket.send_bytes(bytes((Kind.QUERY_AWARENESS,)))
        while b'{"cursor":7}' not in await socket.receive_bytes():
            pass


async def test_session_aware_providers_of_one_document_come_and_go_each_by_itself(
    base: str, node: NodeClients, hub: Hub
) -> None:
    await node.open("left", base, dialect="hocuspocus", socket="one", sessionAware=True)
    await node.open("right", base, dialect="hocuspocus", token="viewer:right", socket="one", sessionAware=True)
    await node.until("left", "p.saved && p.scope === 'read-write'")
    await node.until("right", "p.synced && p.scope === 'readonly'")
    await node.do("presence", "left", state={"at": 1})
    left = await node.read("left", "p.id")
    await node.until("right", f"p.states[{left}]?.at === 1")
    await node.do("detach", "left")
    await node.until("right", f"!({left} in p.states)")
    async with hub.room(FILM, "canvas") as room:
        assert [session.actor.user_id for session in room.sessions] == ["right"]
        room.edit(room.sessions[0].actor, lambda doc: doc.get("nodes", type=Map).update({"x": 1}))
    await node.until("right", "p.map.x === 1")
    assert await node.read("left", "p.map") == {}


# y-websocket


async def test_a_new_token_in_the_address_counts_from_the_next_connection(base: str, node: NodeClients) -> None:
    await node.open("eve", base, dialect="yjs", token="viewer:eve")
    await node.open("ben", base, dialect="yjs")
    await node.until("eve", "p.synced")
    await node.do("set", "eve", key="early", value=1)
    await node.do("params", "eve", token="editor:eve")
    await node.do("set", "ben", key="x", value=1)
    await node.until("eve", "p.map.x === 1")
    assert await node.read("ben", "p.map") == {"x": 1}
    await node.do("offline", "eve")
    await node.do("online", "eve")
    await node.until("ben", "p.map.early === 1")


async def test_asking_again_and_again_does_no_harm(base: str, node: NodeClients) -> None:
    await node.open("ada", base, dialect="yjs", resync=10)
    await node.open("ben", base, dialect="hocuspocus")
    for number in range(20):
        await node.do("set", "ada", key=f"a{number}", value=1)
        await node.do("set", "ben", key=f"b{number}", value=1)
        await node.until("ada", f"p.map.b{number} === 1")
    await node.until("ben", "Object.keys(p.map).length === 40 && p.saved")


async def test_tabs_that_also_talk_to_each_other_stay_one_document(base: str, node: NodeClients) -> None:
    await node.open("tab1", base, dialect="yjs", token="editor:ada", bc=True)
    await node.open("tab2", base, dialect="yjs", token="editor:ada", bc=True)
    await node.open("ben", base, dialect="hocuspocus")
    for peer in ("tab1", "tab2", "ben"):
        await node.until(peer, "p.synced")
        await node.do("presence", peer, state={"peer": peer})
    for number in range(20):
        await node.do("type", "tab1", at=0, text=f"{number % 10}")
        await node.do("type", "tab2", text="x")
    for peer in ("tab1", "tab2", "ben"):
        await node.until(peer, "p.text.length === 40")
        await node.until(peer, "new Set(Object.values(p.states).map(state => state.peer)).size === 3")
    assert len({await node.read(peer, "p.text") for peer in ("tab1", "tab2", "ben")}) == 1


@pytest.mark.parametrize("name", ["script/s-1", "script%2Fs-1"])
async def test_a_slash_in_a_documents_name_may_be_escaped(base: str, node: NodeClients, hub: Hub, name: str) -> None:
    await node.open("ada", base, dialect="yjs", document=name)
    await node.open("ben", base, dialect="hocuspocus", document="script/s-1")
    await node.do("set", "ada", key="x", value=1)
    await node.until("ben", "p.map.x === 1")
    assert [room.document for room in hub.rooms()] == ["script/s-1"]


@pytest.mark.parametrize("name", ["canvas%00", "canvas%2Fa%2Fb", "..%2Fcanvas", "canvas%20", "canvas%252Fa", "%ff"])
async def test_a_name_that_is_none_is_not_found(base: str, http: aiohttp.ClientSession, hub: Hub, name: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(URL(f"{base}/film/{name}?token=editor:ada", encoded=True))
    assert refused.value.status == 404
    assert hub.rooms() == []
