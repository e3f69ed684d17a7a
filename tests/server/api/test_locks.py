"""Locks over REST: who locks, who unlocks and why, and what a lock holds back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.production import Studio, open_studio
from tests.support.service import PNG_PIXEL, Service, got, made, running_service

WHO = "an admin or the owner of this project"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def studio(service: Service) -> Studio:
    return await open_studio(service)


async def test_an_admin_locks_a_shot_and_everybody_sees_who_and_when(studio: Studio) -> None:
    locked = await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True, "reason": "Final."})
    assert (locked["shotId"], locked["locked"], locked["lockedByName"], locked["reason"]) == (
        "shot-1",
        True,
        "Adam",
        "Final.",
    )
    assert locked["lockedBy"] == (await got(studio.admin, "/api/me"))["id"]
    assert locked["lockedAt"].endswith("Z")
    told = {key: value for key, value in locked.items() if key.startswith("lockedB") or key in {"lockedAt", "reason"}}
    assert await studio.locks() == {
        "shots": {"shot-1": told},
        "styles": {},
        "pictures": {},
        "contract": None,
        "styledShots": {},
    }
    assert (await got(studio.viewer, studio.address))["locks"] == await studio.locks()


@pytest.mark.parametrize("who", ["viewer", "editor"])
@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("path", ["/shots/shot-1/lock", "/styles/style-1/lock", "/contract/lock", "/shots/none/lock"])
async def test_who_is_no_admin_neither_locks_nor_unlocks(studio: Studio, who: str, path: str, locked: bool) -> None:
    await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True})
    before = await studio.locks()
    refusal = await studio.put(getattr(studio, who), path, {"locked": locked, "reason": "I want it."}, 403)
    assert refusal == f"You are {who} here. Ask {WHO}."
    assert await studio.locks() == before


async def test_an_unlock_needs_a_reason_and_leaves_it_in_the_audit_for_good(studio: Studio) -> None:
    await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True})
    for reason in ({}, {"reason": ""}, {"reason": " \n "}):
        assert "Say why" in await studio.put(studio.owner, "/shots/shot-1/lock", {"locked": False, **reason}, 400)
    assert set((await studio.locks())["shots"]) == {"shot-1"}
    reply = await studio.put(studio.owner, "/shots/shot-1/lock", {"locked": False, "reason": "Wrong take."})
    assert reply == {
        "shotId": "shot-1",
        "locked": False,
        "lockedBy": None,
        "lockedByName": None,
        "lockedAt": None,
        "reason": None,
    }
    assert (await studio.locks())["shots"] == {}
    lock, unlock = await studio.notes()
    assert (lock["action"], lock["by_name"], lock["target"]) == ("lock", "Adam", "shot:shot-1")
    assert (unlock["action"], unlock["by_name"], unlock["target"]) == ("unlock", "Ola", "shot:shot-1")
    assert (unlock["reason"], unlock["detail"]) == ("Wrong take.", "Title of shot-1")


async def test_the_audit_log_of_the_project_holds_who_locked_what_and_why(studio: Studio) -> None:
    await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True})
    await studio.put(studio.owner, "/shots/shot-1/lock", {"locked": False, "reason": "Wrong take."})
    newest, before, *_ = (await got(studio.admin, f"{studio.address}/audit"))["entries"]
    assert (newest["by"]["name"], newest["action"], newest["target"]) == ("Ola", "unlock", "shot:shot-1")
    assert (newest["reason"], newest["detail"]) == ("Wrong take.", "Title of shot-1")
    assert (before["by"]["name"], before["action"], before["reason"]) == ("Adam", "lock", "")


async def test_locking_and_unlocking_again_changes_nothing_and_is_noted_once(studio: Studio) -> None:
    first = await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True, "reason": "Final."})
    assert await studio.put(studio.owner, "/shots/shot-1/lock", {"locked": True, "reason": "Mine."}) == first
    for _ in range(2):
        await studio.put(studio.owner, "/shots/shot-1/lock", {"locked": False, "reason": "Over."})
    assert [note["action"] for note in await studio.notes()] == ["lock", "unlock"]


async def test_of_two_admins_who_lock_at_once_both_are_told_of_the_one_lock(studio: Studio) -> None:
    replies = await asyncio.gather(
        *(studio.put(who, "/shots/shot-1/lock", {"locked": True}) for who in [studio.admin, studio.owner] * 5)
    )
    assert all(reply == replies[0] for reply in replies)
    assert len(await studio.notes()) == 1


@pytest.mark.parametrize("path", ["/shots/none/lock", "/shots/style-1/lock", "/styles/shot-1/lock", "/styles/x/lock"])
async def test_what_is_not_there_cannot_be_locked(studio: Studio, path: str) -> None:
    await studio.put(studio.admin, path, {"locked": True}, 404)
    assert (await studio.locks())["shots"] == {}


async def test_a_deleted_shot_cannot_be_locked_but_is_unlocked(studio: Studio) -> None:
    await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True})
    await studio.delete_shot("shot-1")
    await studio.delete_shot("shot-2")
    assert "no such shot" in await studio.put(studio.admin, "/shots/shot-2/lock", {"locked": True}, 404)
    await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": False, "reason": "It is gone."})
    assert (await studio.locks())["shots"] == {}


@pytest.mark.parametrize(
    "body", [{}, {"locked": "yes"}, {"locked": 1}, {"locked": None}, {"locked": True, "reason": 5}, [], "x"]
)
async def test_a_lock_that_makes_no_sense_is_refused(studio: Studio, body: object) -> None:
    await studio.put(studio.admin, "/shots/shot-1/lock", body, 400)
    await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True, "reason": "x" * 501}, 400)
    assert (await studio.locks())["shots"] == {}


async def test_ids_that_are_none_are_not_found(studio: Studio) -> None:
    for locked in (True, False):
        body = {"locked": locked, "reason": "Why not."}
        assert "no such shot" in await studio.put(studio.admin, f"/shots/{'x' * 65}/lock", body, 404)


async def test_a_lock_outlives_a_restart(tmp_path: Path) -> None:
    async with running_service(tmp_path) as first:
        studio = await open_studio(first)
        await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True})
        await studio.put(studio.admin, "/styles/style-1/lock", {"locked": True})
        await studio.put(studio.admin, "/contract/lock", {"locked": True, "reason": "Signed."})
        before = await studio.locks()
    async with running_service(tmp_path) as second:
        token = await second.token("Vera")
        vera = second.session({"Authorization": f"Bearer {token}"})
        after = await got(vera, f"{studio.address}/locks")
    assert after == before
    assert (set(after["shots"]), set(after["styles"])) == ({"shot-1"}, {"style-1"})
    assert after["contract"]["reason"] == "Signed."


async def test_a_locked_shot_is_not_generated_and_says_who_locked_it(studio: Studio) -> None:
    await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True})
    words = f"This shot is locked by Adam. Can be lifted by {WHO}."
    shown = await got(studio.editor, f"{studio.address}/estimate?node=shot-1")
    assert (shown["available"], shown["reason"]) == (False, words)
    body = {"project_id": studio.project, "node_id": "shot-1"}
    task = (await made(studio.editor, "/api/tasks/submit", body, 202))["task_id"]
    async with asyncio.timeout(60):
        while (answer := await got(studio.editor, f"/api/tasks/{task}/status"))["status"] == "pending":  # noqa: ASYNC110 - a poll is what a program has
            await asyncio.sleep(0.02)
    assert (answer["status"], answer["reason"]) == ("error", words)
    other = await got(studio.editor, f"{studio.address}/estimate?node=shot-2")
    assert other["reason"] == "Join a Pipeline to this shot first."


async def test_a_locked_brief_is_changed_by_an_admin_with_a_reason_only(studio: Studio) -> None:
    await studio.put(studio.admin, "/contract/lock", {"locked": True})
    change = {"creativeContract": {"budgetCap": 500}}
    refusal = await studio.send(studio.editor, "PATCH", "", {**change, "reason": "More takes."}, 423)
    assert refusal == f"The brief and the budget are locked by Adam. Ask {WHO}."
    assert "Say why" in await studio.send(studio.admin, "PATCH", "", change, 400)
    assert (await got(studio.viewer, studio.address))["budget"]["cap"] == 100
    await studio.send(studio.admin, "PATCH", "", {**change, "reason": "More takes."})
    assert (await got(studio.viewer, studio.address))["budget"]["cap"] == 500
    note = (await studio.notes())[-1]
    assert (note["action"], note["target"], note["reason"]) == ("contract_change", "contract", "More takes.")
    assert note["detail"] == "budgetCap: 100 -> 500.0"


async def test_a_locked_brief_leaves_the_rest_of_the_project_to_editors(studio: Studio) -> None:
    await studio.put(studio.admin, "/contract/lock", {"locked": True})
    unchanged = {"budgetCap": 100, "styleNotes": ""}
    await studio.send(studio.editor, "PATCH", "", {"name": "Day Bus", "creativeContract": unchanged})
    assert (await got(studio.viewer, studio.address))["name"] == "Day Bus"
    assert [note["action"] for note in await studio.notes()] == ["lock"]


async def test_a_brief_that_makes_no_sense_is_refused_before_the_audit_knows_of_it(studio: Studio) -> None:
    await studio.put(studio.admin, "/contract/lock", {"locked": True})
    bad = {"creativeContract": {"budgetCap": "much"}, "reason": "More."}
    await studio.send(studio.admin, "PATCH", "", bad, 400)
    assert [note["action"] for note in await studio.notes()] == ["lock"]


async def test_an_open_brief_is_changed_by_editors_and_nobody_is_asked_why(studio: Studio) -> None:
    await studio.put(studio.admin, "/contract/lock", {"locked": True})
    await studio.put(studio.admin, "/contract/lock", {"locked": False, "reason": "New budget."})
    await studio.send(studio.editor, "PATCH", "", {"creativeContract": {"budgetCap": 5}})
    assert [note["action"] for note in await studio.notes()] == ["lock", "unlock"]


async def upload(who: aiohttp.ClientSession, path: str, data: bytes) -> int:
    form = aiohttp.FormData()
    form.add_field("files", data, filename="ref.png", content_type="image/png")
    async with who.post(path, data=form) as reply:
        return reply.status


async def test_the_reference_pack_belongs_to_the_locked_brief(studio: Studio) -> None:
    await studio.put(studio.admin, "/contract/lock", {"locked": True})
    address = f"{studio.address}/references"
    assert await upload(studio.editor, address, PNG_PIXEL) == 423
    assert await upload(studio.editor, f"{address}?reason=Better", PNG_PIXEL) == 423
    assert await upload(studio.admin, address, PNG_PIXEL) == 400
    assert await upload(studio.admin, f"{address}?reason=Better", b"no image") == 400
    assert [note["action"] for note in await studio.notes()] == ["lock"]
    assert await upload(studio.admin, f"{address}?reason=Better", PNG_PIXEL) == 201
    note = (await studio.notes())[-1]
    assert (note["action"], note["reason"]) == ("contract_change", "Better")


async def test_a_stranger_and_another_project_learn_nothing(studio: Studio) -> None:
    await got(studio.service.session(), f"{studio.address}/locks", 401)
    await got(studio.viewer, "/api/projects/none/locks", 404)
