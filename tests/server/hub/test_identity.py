"""Schema and epoch of a document belong to the server: no client can lock the others out of it."""

from typing import Any

import pytest
from pycrdt import Map

from crdt_schema.documents import identity_of
from tests.support.hub import FILM, HeldStore, open_hub
from tests.support.sockets import ADA, BEN, Peer, turn


@pytest.mark.parametrize(
    "words", [{"schema": "canvas.99"}, {"epoch": "another"}, {"schema": ["canvas.1"], "epoch": {"a": 1}}, None]
)
async def test_what_a_client_writes_over_is_put_back_in_the_same_tick_and_on_disk(words: dict[str, Any] | None) -> None:
    store = HeldStore()
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as room:
        before = identity_of(room.doc)
        mallory, ben = Peer(room, ADA), Peer(room, BEN)
        for peer in (mallory, ben):
            peer.join()
        await turn(mallory, ben)
        meta: Map[Any] = mallory.doc.get("meta", type=Map)
        with mallory.doc.transaction():
            if words is None:
                meta.clear()
            else:
                meta.update(words)
            mallory.nodes["x"] = 1
        await turn(mallory, ben)
        assert identity_of(room.doc) == identity_of(mallory.doc) == identity_of(ben.doc) == before
        assert ben.plain()["nodes"] == {"x": 1}
        await room.saved()
    async with open_hub(store) as again, again.room(FILM, "canvas") as room:
        assert identity_of(room.doc) == before
        assert room.epoch == before.epoch


async def test_a_document_that_was_begun_elsewhere_without_an_epoch_takes_on_the_identity_it_has_here() -> None:
    async with open_hub() as hub, hub.room(FILM, "canvas") as room:
        ours = identity_of(room.doc)
        for _ in range(8):  # which of two concurrent values stays depends on the client's id
            visitor = Peer(room, BEN)
            meta: Map[Any] = visitor.doc.get("meta", type=Map)
            meta.update({"schema": "sketches.7", "title": "kept"})
            visitor.join()
            await turn(visitor)
            assert identity_of(room.doc) == identity_of(visitor.doc) == ours
            visitor.leave()
        meta = room.doc.get("meta", type=Map)
        assert meta["title"] == "kept"
