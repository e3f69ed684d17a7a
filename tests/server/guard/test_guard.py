"""The guard: what may not stand is put back in the tick it came in, for everybody, and nothing else is lost."""

import asyncio
import dataclasses
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from pycrdt import Doc, Map, Text

from crdt_schema.ids import ProjectId
from crdt_schema.production import NO_LOCKS, Locks
from crdt_schema.wire import CloseCode
from server.auth.actor import SYSTEM, Actor
from server.guard.guard import RuleGuard
from server.guard.touches import Breach, Touch, View
from server.hub.refusals import Guard, Refusal
from server.hub.room import Room
from tests.support.hub import FILM, QUICK, HeldStore, open_hub
from tests.support.sockets import ADA, BEN, Peer, turn


def rules(actor: Actor, touches: Sequence[Touch], view: View, _: Locks) -> Iterable[Breach]:
    """Nobody but Ben touches `locked`; `size` is a number; an edge joins two nodes that are there."""
    for touch in touches:
        place = (touch.root, touch.key)
        if touch.key == "locked" and actor.user_id != "ben":
            yield Breach("shot_lock", *place, None, "This shot is locked.", "Ben")
        elif touch.root == "edges" and touch.after is not None:
            if any(view.get("nodes", str(end)) is None for end in touch.after.values.values()):
                yield Breach("dangling_edge", *place, None, "It joins nothing.", "")
        elif touch.after is not None and not isinstance(touch.after.values.get("size", 0), int):
            whole = touch.before is None
            yield Breach("schema", *place, None if whole else "size", "A size is a number.", "")


class Kept:
    """What was put back, in order."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str, Refusal]] = []

    def __call__(self, _p: ProjectId, _d: str, actor: Actor, refusals: Sequence[tuple[str, Refusal]]) -> None:
        self.all += [(actor.user_id, known, refusal) for known, refusal in refusals]


@asynccontextmanager
async def guarded(_project: ProjectId, document: str) -> AsyncGenerator[Guard | None]:
    yield RuleGuard(("nodes", "edges"), rules, lambda _: NO_LOCKS) if document == "canvas" else None


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def room(store: HeldStore, kept: Kept) -> AsyncIterator[Room]:
    async with open_hub(store, guard_for=guarded, on_refused=kept) as hub, hub.room(FILM, "canvas") as opened:
        opened.edit(SYSTEM, found)
        yield opened


def found(doc: Doc[Any]) -> None:
    """Two nodes and an edge."""
    nodes = doc.get("nodes", type=Map)
    for key in ("locked", "open"):
        nodes[key] = Map({"title": key, "size": 1, "words": Text("dawn, 🌫 fog"), "tags": Map({"mood": "calm"})})
    doc.get("edges", type=Map)["one"] = {"source": "open", "target": "locked"}


def plain(doc: Doc[Any]) -> object:
    return json.loads(str(doc.get("nodes", type=Map))), json.loads(str(doc.get("edges", type=Map)))


async def enter(room: Room, *actors: Actor) -> list[Peer]:
    peers = [Peer(room, actor) for actor in actors]
    for peer in peers:
        peer.join()
    await turn(*peers)
    return peers


def alike(room: Room, *peers: Peer) -> Any:
    """What everybody holds; they must all hold the same."""
    assert [plain(peer.doc) for peer in peers] == [plain(room.doc)] * len(peers)
    return plain(room.doc)


def spelled(value: object) -> str:
    """To Python, 1 is True."""
    return json.dumps(value, sort_keys=True)


def delete(nodes: Map[Any]) -> None:
    del nodes["locked"]


def replace(nodes: Map[Any]) -> None:
    nodes["locked"] = Map({"title": "mine"})


def replace_by_a_word(nodes: Map[Any]) -> None:
    nodes["locked"] = "mine"


def overwrite(nodes: Map[Any]) -> None:
    nodes["locked"]["title"] = "mine"


def add_a_field(nodes: Map[Any]) -> None:
    nodes["locked"]["mine"] = True


def remove_a_field(nodes: Map[Any]) -> None:
    del nodes["locked"]["words"]


def type_into(nodes: Map[Any]) -> None:
    nodes["locked"]["words"].insert(6, "thick ")


def cut_text(nodes: Map[Any]) -> None:
    del nodes["locked"]["words"][0:6]


def replace_the_text(nodes: Map[Any]) -> None:
    nodes["locked"]["words"] = Text("mine")


def change_a_key(nodes: Map[Any]) -> None:
    nodes["locked"]["tags"]["mood"] = "wild"


def say_true_for_one(nodes: Map[Any]) -> None:
    nodes["locked"]["size"] = True


def replace_a_map(nodes: Map[Any]) -> None:
    nodes["locked"]["tags"] = "wild"


CHANGES = (
    delete,
    replace,
    replace_by_a_word,
    overwrite,
    add_a_field,
    remove_a_field,
    type_into,
    cut_text,
    replace_the_text,
    change_a_key,
    replace_a_map,
    say_true_for_one,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_what_may_not_be_changed_is_put_back_for_everybody(room: Room, kept: Kept, change: Any) -> None:
    ada, ben = await enter(room, ADA, BEN)
    before = plain(room.doc)
    change(ada.nodes)
    await turn(ada, ben)
    assert spelled(alike(room, ada, ben)) == spelled(before)
    assert [(who, refusal.rule, refusal.path) for who, _, refusal in kept.all] == [
        ("ada", "shot_lock", ("nodes", "locked"))
    ]
    assert (ada.link.closed, ben.link.told) == (None, [])


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_whoever_may_changes_it_all_the_same(room: Room, kept: Kept, change: Any) -> None:
    ada, ben = await enter(room, ADA, BEN)
    before = plain(room.doc)
    change(ben.nodes)
    await turn(ada, ben)
    assert spelled(alike(room, ada, ben)) != spelled(before)
    assert kept.all == []


async def test_the_sender_is_told_which_rule_which_field_and_who_can_lift_it(room: Room, kept: Kept) -> None:
    (ada,) = await enter(room, ADA)
    acknowledged = ada.link.acknowledged
    with ada.doc.transaction():
        ada.nodes["open"]["size"] = "large"
        overwrite(ada.nodes)
    await turn(ada)
    await room.saved()
    told = json.loads(ada.link.told[-1])
    assert told["type"] == "refused"
    assert told["document"] == "canvas"
    by_path = {tuple(breach["path"]): breach for breach in told["breaches"]}
    assert by_path["nodes", "open", "size"]["rule"] == "schema"
    locked = by_path["nodes", "locked"]
    assert (locked["message"], locked["lift"], locked["title"]) == ("This shot is locked.", "Ben", "locked")
    assert {breach["id"] for breach in told["breaches"]} == {known for _, known, _ in kept.all}
    # It is on the disk with its opposite: the sender need not keep it.
    assert ada.link.acknowledged == acknowledged + 1


async def test_what_was_written_and_what_stands_are_kept_for_its_author(room: Room, kept: Kept) -> None:
    (ada,) = await enter(room, ADA)
    ada.nodes["open"]["size"] = "large"
    await turn(ada)
    ((_, _, refusal),) = kept.all
    assert (refusal.proposed, refusal.kept) == ("large", 1)


async def test_the_rest_of_the_same_update_survives(room: Room) -> None:
    (ada,) = await enter(room, ADA)
    with ada.doc.transaction():
        ada.nodes["open"]["title"] = "Mine"
        ada.nodes["open"]["words"].insert(0, "at ")
        delete(ada.nodes)
        ada.nodes["new"] = Map({"title": "New", "size": 3})
    await turn(ada)
    nodes, _ = alike(room, ada)
    assert nodes["open"]["title"] == "Mine"
    assert nodes["open"]["words"] == "at dawn, 🌫 fog"
    assert nodes["new"]["title"] == "New"
    assert nodes["locked"]["words"] == "dawn, 🌫 fog"


async def test_an_edit_of_somebody_else_in_the_same_tick_survives(room: Room) -> None:
    ada, ben = await enter(room, ADA, BEN)
    overwrite(ada.nodes)
    ben.nodes["open"]["title"] = "Ben's"
    ada.send()
    ben.send()
    await turn(ada, ben)
    nodes, _ = alike(room, ada, ben)
    assert (nodes["open"]["title"], nodes["locked"]["title"]) == ("Ben's", "locked")


async def test_nobody_sees_what_was_put_back_not_even_for_a_moment(room: Room) -> None:
    ada, ben = await enter(room, ADA, BEN)
    ada.nodes["open"]["title"] = "Mine"
    overwrite(ada.nodes)
    ada.send()
    seen: list[object] = []
    while "Mine" not in seen:
        await arrival(ben)
        for message in ben.link.arriving[:]:
            ben.link.arriving[:] = [message]
            ben.receive()
            seen += [ben.nodes[key]["title"] for key in ("open", "locked")]
    assert "mine" not in seen


async def arrival(peer: Peer) -> None:
    for _ in range(100_000):
        if peer.link.arriving:
            return
        await asyncio.sleep(0)
    pytest.fail("nothing arrives")


async def test_an_edge_to_a_node_that_may_not_be_added_goes_with_it(room: Room, kept: Kept) -> None:
    (ada,) = await enter(room, ADA)
    before = plain(room.doc)
    with ada.doc.transaction():
        ada.nodes["wrong"] = Map({"title": "Wrong", "size": "large"})
        ada.doc.get("edges", type=Map)["two"] = {"source": "wrong", "target": "open"}
    await turn(ada)
    assert alike(room, ada) == before
    assert {refusal.rule for _, _, refusal in kept.all} == {"schema", "dangling_edge"}


async def test_an_edit_from_before_the_document_was_watched_is_judged_when_it_comes(room: Room) -> None:
    ada, ben = await enter(room, ADA, BEN)
    ada.leave()
    type_into(ada.nodes)
    ada.nodes["open"]["words"].insert(0, "late ")
    ben.nodes["open"]["title"] = "meanwhile"
    await turn(ben)
    back = Peer(room, ADA, doc=ada.doc)
    back.join()
    await turn(back, ben)
    nodes, _ = alike(room, back, ben)
    assert nodes["locked"]["words"] == "dawn, 🌫 fog"
    assert (nodes["open"]["words"], nodes["open"]["title"]) == ("late dawn, 🌫 fog", "meanwhile")
    assert back.link.told


async def test_after_a_restart_everybody_holds_what_was_allowed(store: HeldStore) -> None:
    async with open_hub(store, guard_for=guarded) as hub, hub.room(FILM, "canvas") as room:
        room.edit(SYSTEM, found)
        (ada,) = await enter(room, ADA)
        before = plain(room.doc)
        for change in (delete, cut_text, replace):
            change(ada.nodes)
            await turn(ada)
    async with open_hub(store, guard_for=guarded) as hub, hub.room(FILM, "canvas") as room:
        (again,) = await enter(room, ADA)
        assert alike(room, again) == before


async def test_a_root_that_the_document_does_not_have_is_refused_and_nobody_sees_it(room: Room) -> None:
    ada, ben = await enter(room, ADA, BEN)
    ada.doc.get("elsewhere", type=Map)["mine"] = 1
    await turn(ada, ben)
    assert ada.link.closed == (CloseCode.FORBIDDEN, "This document has no root called elsewhere.")
    assert "elsewhere" not in room.doc.keys()  # noqa: SIM118 - a Doc is no mapping
    assert ben.link.closed is None


async def test_whoever_goes_on_and_on_is_closed_and_told_why(store: HeldStore) -> None:
    limits = dataclasses.replace(QUICK, refusals_per_minute=3.0)
    async with (
        open_hub(store, guard_for=guarded, limits=limits) as hub,
        hub.room(FILM, "canvas") as room,
    ):
        room.edit(SYSTEM, found)
        ada, ben = await enter(room, ADA, BEN)
        for number in range(4):
            ada.nodes["locked"]["title"] = f"mine {number}"
            await turn(ada, ben)
        assert ada.link.closed == (CloseCode.FORBIDDEN, "Your changes are not kept: This shot is locked.")
        assert room.doc.get("nodes", type=Map)["locked"]["title"] == "locked"
        back = Peer(room, ADA)
        back.join()
        await turn(back)
        overwrite(back.nodes)
        await turn(back)
        assert back.link.closed is not None
        assert plain(ben.doc) == plain(room.doc)


async def test_the_servers_own_changes_are_not_judged(room: Room, kept: Kept) -> None:
    (ada,) = await enter(room, ADA)
    room.edit(SYSTEM, lambda doc: overwrite(doc.get("nodes", type=Map)))
    await turn(ada)
    assert ada.nodes["locked"]["title"] == "mine"
    type_into(ada.nodes)
    await turn(ada)
    assert ada.nodes["locked"]["title"] == "mine"
    assert len(kept.all) == 1


def bends(rng: random.Random, nodes: Map[Any]) -> None:
    """Something random with some node."""
    key = rng.choice(("locked", "open", "third"))
    found_there: object = nodes.get(key)
    if not isinstance(found_there, Map) or rng.random() < 0.1:
        fields: dict[str, Any] = {"title": key, "words": Text("w"), "tags": Map[Any]()}
        others: list[Any] = [Map(fields), {"title": "plain"}, 3, None]
        nodes[key] = rng.choice(others)
        return
    record = cast("Map[Any]", found_there)
    act = rng.randrange(6)
    words: object = record.get("words")
    tags: object = record.get("tags")
    if act == 0:
        del nodes[key]
    elif act == 1 and isinstance(words, Text):
        words.insert(0, rng.choice(["a", "é", "🌫"]))
    elif act == 2 and isinstance(words, Text):
        del words[:]
    elif act == 3 and isinstance(tags, Map):
        cast("Map[Any]", tags)[rng.choice("abc")] = rng.choice([1, "x", None, [1, 2]])
    elif act == 4:
        record["size"] = rng.choice([1, 2, "wrong", None, 1.5])
    else:
        record[rng.choice(["title", "words", "tags", "more"])] = rng.choice(["t", 1, None])


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_sent_the_rules_hold_and_all_replicas_agree(room: Room, seed: int) -> None:
    rng = random.Random(seed)
    ada, ben = await enter(room, ADA, BEN)
    for _ in range(40):
        peers = [peer for peer in (ada, ben) if peer.link.closed is None]
        peer = rng.choice(peers)
        with peer.doc.transaction():
            for _ in range(rng.randint(1, 4)):
                bends(rng, peer.nodes)
        await turn(*peers)
        nodes = cast("dict[str, Any]", json.loads(str(room.doc.get("nodes", type=Map))))
        sizes = [cast("dict[str, object]", each).get("size", 0) for each in nodes.values() if isinstance(each, dict)]
        assert all(isinstance(size, int) for size in sizes)
        assert [plain(peer.doc) for peer in peers] == [plain(room.doc)] * len(peers)
