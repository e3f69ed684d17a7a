"""The keeper of locks, over a real hub: what is answered is on disk, and nothing comes between question and change."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId
from crdt_schema.production import Production
from server.auth.actor import FARM, SYSTEM, Actor
from server.errors import BadRequest, Forbidden, Locked, NotFound
from server.hub.hub import Hub
from server.production.locks import CONTRACT, LockKeeper, Target
from tests.support.hub import FILM, HeldStore, open_hub

ADAM, OLA = Actor("adam", "Adam", "admin"), Actor("ola", "Ola", "owner")
EVE, RUTH, VERA = Actor("eve", "Eve", "editor"), Actor("ruth", "Ruth", "reviewer"), Actor("vera", "Vera", "viewer")
SHOT = Target("shot", "shot-1")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Line = tuple[str, str, str, str]


class Case:
    """A keeper over a hub whose disk the test holds, and what it wrote into the audit log."""

    def __init__(self, hub: Hub, store: HeldStore) -> None:
        self.hub, self.store = hub, store
        self.lines: list[Line] = []
        self.keeper = LockKeeper(hub, self.write, lambda: NOON)

    async def write(  # noqa: PLR0917 - the fields of a line, in its order
        self, project: str | None, by: Actor, action: str, target: str, reason: str, detail: str
    ) -> None:
        assert project == FILM
        assert not detail or action != "unlock" or detail == "The bus"
        self.lines.append((by.user_id, action, target, reason))


@pytest.fixture
async def case() -> AsyncIterator[Case]:
    store = HeldStore()
    async with open_hub(store) as hub:
        async with hub.room(FILM, "canvas") as room:
            room.edit(
                SYSTEM, lambda doc: Canvas(doc).add_node(NodeId("shot-1"), "shot", {"x": 0, "y": 0}, title="The bus")
            )
            await room.saved()
        yield Case(hub, store)
        store.free.set()


async def nothing() -> str:
    return "written"


async def test_a_lock_says_what_who_when_and_why(case: Case) -> None:
    lock = await case.keeper.lock(FILM, SHOT, ADAM, " Final. ")
    assert lock == {
        "kind": "shot",
        "target": "shot-1",
        "by": "adam",
        "by_name": "Adam",
        "at": "2026-03-01T12:00:00.000Z",
        "reason": "Final.",
    }
    assert (await case.keeper.locks(FILM)).shots == {"shot-1": lock}


async def test_every_lock_and_unlock_stands_once_in_both_audit_logs(case: Case) -> None:
    await case.keeper.lock(FILM, SHOT, ADAM)
    await case.keeper.lock(FILM, SHOT, OLA)
    await case.keeper.unlock(FILM, SHOT, OLA, "Wrong take.")
    await case.keeper.unlock(FILM, SHOT, ADAM, "Wrong take.")
    assert case.lines == [("adam", "lock", "shot:shot-1", ""), ("ola", "unlock", "shot:shot-1", "Wrong take.")]
    async with case.hub.room(FILM, "production") as room:
        notes = Production(room.doc).audit().values()
    assert sorted((note["by"], note["action"], note["target"], note["reason"]) for note in notes) == case.lines


@pytest.mark.parametrize("actor", [VERA, RUTH, EVE, FARM])
async def test_only_admins_and_owners_lock_and_unlock(case: Case, actor: Actor) -> None:
    with pytest.raises(Forbidden, match="Ask an admin or the owner of this project"):
        await case.keeper.lock(FILM, SHOT, actor)
    await case.keeper.lock(FILM, SHOT, ADAM)
    with pytest.raises(Forbidden, match="Ask an admin or the owner of this project"):
        await case.keeper.unlock(FILM, SHOT, actor, "Please.")
    assert len(case.lines) == 1


async def test_nobody_is_told_that_it_is_locked_before_that_is_on_disk(case: Case) -> None:
    await case.keeper.locks(FILM)
    case.store.free.clear()
    locking = asyncio.create_task(case.keeper.lock(FILM, SHOT, ADAM))
    # The second finds the lock in memory; what it is told must be on disk as well.
    second = asyncio.create_task(case.keeper.lock(FILM, SHOT, OLA))
    async with asyncio.timeout(30):
        while not (await case.keeper.locks(FILM)).shots:  # noqa: ASYNC110 - readers are told after the disk
            await asyncio.sleep(0)
    done, _ = await asyncio.wait({locking, second}, timeout=0.1)
    assert not done
    assert case.lines == []
    case.store.free.set()
    assert await locking == await second
    assert case.lines == [("adam", "lock", "shot:shot-1", "")]


async def test_what_is_not_there_is_not_locked(case: Case) -> None:
    for target in (
        Target("shot", "none"),
        Target("style", "shot-1"),
        Target("picture", "none"),
        Target("shot", "../x"),
    ):
        with pytest.raises(NotFound):
            await case.keeper.lock(FILM, target, ADAM)
    with pytest.raises(NotFound):
        await case.keeper.unlock(FILM, Target("shot", "../x"), ADAM, "Why not.")
    assert case.lines == []


async def test_a_brief_is_not_locked_while_it_is_being_changed(case: Case) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def write() -> str:
        begun.set()
        await go_on.wait()
        return "written"

    changing = asyncio.create_task(
        case.keeper.amend_contract(FILM, EVE, "", changes=lambda: ["budgetCap"], write=write)
    )
    await begun.wait()
    locking = asyncio.create_task(case.keeper.lock(FILM, CONTRACT, ADAM))
    done, _ = await asyncio.wait({locking}, timeout=0.1)
    assert not done
    go_on.set()
    assert await changing == "written"
    await locking
    with pytest.raises(Locked, match=r"locked by Adam\. Ask an admin"):
        await case.keeper.amend_contract(FILM, EVE, "Please.", changes=lambda: ["budgetCap"], write=nothing)


async def test_the_audit_log_knows_of_an_override_before_it_is_made(case: Case) -> None:
    await case.keeper.lock(FILM, CONTRACT, ADAM)

    async def write() -> list[Line]:
        return list(case.lines)

    lines = await case.keeper.amend_contract(FILM, OLA, "More.", changes=lambda: ["budgetCap"], write=write)
    assert lines[-1] == ("ola", "contract_change", "contract", "More.")
    with pytest.raises(BadRequest, match="Say why"):
        await case.keeper.amend_contract(FILM, OLA, " ", changes=lambda: ["budgetCap"], write=nothing)
    assert await case.keeper.amend_contract(FILM, EVE, "", changes=list, write=nothing) == "written"
    assert len(case.lines) == 2


async def test_an_audit_log_that_cannot_be_written_keeps_a_locked_brief_as_it_is(case: Case) -> None:
    await case.keeper.lock(FILM, CONTRACT, ADAM)
    written: list[str] = []

    async def fail(*_: object) -> None:
        raise OSError("disk full")

    async def write() -> None:
        written.append("changed")

    keeper = LockKeeper(case.hub, fail, lambda: NOON)
    with pytest.raises(OSError, match="disk full"):
        await keeper.amend_contract(FILM, OLA, "More.", changes=lambda: ["budgetCap"], write=write)
    assert written == []
