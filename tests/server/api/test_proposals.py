"""Proposals over REST: what was put back is its author's to look at and to discard, and nobody else's."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Map

from crdt_schema.ids import ProjectId
from server.auth.actor import Actor
from server.hub.refusals import Refusal
from server.keys import PROPOSALS
from server.projects.proposals import LONGEST_BYTES, MOST_KEPT
from tests.support.page_client import CHANGE, SYNC, chunk, synced
from tests.support.production import Studio, open_studio
from tests.support.service import Service, got, running_service
from tests.support.signed_in import id_of

LIFT = "an admin or the owner of this project"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def studio(service: Service) -> Studio:
    return await open_studio(service)


def refusal(record: str = "shot-1", field: str | None = "title", proposed: object = "Mine") -> Refusal:
    path = ("nodes", record) if field is None else ("nodes", record, field)
    return Refusal("shot_lock", path, "This shot is locked by Adam.", LIFT, "Neon", proposed, "Ours")


async def refuse(studio: Studio, *refused: tuple[str, Refusal]) -> None:
    """As the hub does it when the editor's changes were put back; all of it is on disk then."""
    editor = Actor(await id_of(studio.editor), "Eve", "editor", 1)
    studio.service.app[PROPOSALS].note(studio.project, "canvas", editor, refused)
    await studio.service.app[PROPOSALS].close()


async def test_what_was_put_back_is_listed_for_its_author_alone(studio: Studio) -> None:
    await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": True})
    base = str(studio.service.server.make_url("/")).rstrip("/")
    token = await studio.service.token("Eve")
    async with synced(base, "y-websocket", studio.project, token, document="canvas") as eve:
        before = eve.doc.get_state()
        shot: Map[Any] = eve.doc.get("nodes", type=Map)["shot-1"]
        shot["title"] = "Mine"
        await eve.say(SYNC, CHANGE, chunk(eve.doc.get_update(before)))
        await eve.until(lambda: shot["title"] == "Title of shot-1")
    await studio.service.app[PROPOSALS].close()
    [kept] = (await got(studio.editor, studio.address + "/proposals"))["entries"]
    assert (kept["document"], kept["record"], kept["field"]) == ("canvas", "nodes/shot-1", "title")
    assert (kept["title"], kept["proposed"], kept["kept"]) == ("Title of shot-1", "Mine", "Title of shot-1")
    assert (kept["rule"], kept["message"], kept["lift"]) == ("shot_lock", "This shot is locked by Adam.", LIFT)
    for other in (studio.owner, studio.admin, studio.viewer):
        assert (await got(other, studio.address + "/proposals"))["entries"] == []


async def test_the_newest_stands_first_and_takes_the_place_of_an_older_one_of_the_same_field(studio: Studio) -> None:
    await refuse(studio, ("kept-1", refusal()), ("kept-2", refusal("shot-2")))
    await refuse(studio, ("kept-3", refusal(proposed="Mine, again")))
    kept = (await got(studio.editor, studio.address + "/proposals"))["entries"]
    assert [(each["id"], each["proposed"]) for each in kept] == [("kept-3", "Mine, again"), ("kept-2", "Mine")]


async def test_a_proposal_is_discarded_once_and_by_its_author_only(studio: Studio) -> None:
    await refuse(studio, ("kept-1", refusal()), ("kept-2", refusal("shot-2")))
    await studio.send(studio.owner, "DELETE", "/proposals/kept-1", None, 404)
    await studio.send(studio.editor, "DELETE", "/proposals/kept-1", None)
    await studio.send(studio.editor, "DELETE", "/proposals/kept-1", None, 404)
    kept = (await got(studio.editor, studio.address + "/proposals"))["entries"]
    assert [each["id"] for each in kept] == ["kept-2"]


async def test_who_may_not_see_the_project_learns_nothing(studio: Studio, service: Service) -> None:
    stranger = await service.sign_in("Stan", "editor")
    await studio.put(studio.owner, "/access", {"access": "members"})
    await got(stranger, studio.address + "/proposals", 404)
    async with service.session() as nobody:
        await got(nobody, studio.address + "/proposals", 401)


async def test_only_the_newest_are_kept_and_of_a_very_long_one_the_fact(studio: Studio) -> None:
    many = [(f"kept-{each}", refusal(f"shot-{each}")) for each in range(MOST_KEPT + 5)]
    await refuse(studio, *many, ("kept-long", refusal("shot-long", proposed="m" * LONGEST_BYTES)))
    kept = (await got(studio.editor, studio.address + "/proposals"))["entries"]
    assert len(kept) == MOST_KEPT
    assert (kept[0]["id"], kept[0]["cut"], kept[0]["proposed"], kept[0]["kept"]) == ("kept-long", True, None, None)
    assert kept[0]["message"] == "This shot is locked by Adam."
    assert kept[-1]["id"] == "kept-6"


async def test_they_are_kept_in_the_project_through_a_restart(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        studio = await open_studio(service)
        await refuse(studio, ("kept-1", refusal(field=None, proposed=None)))
        project: ProjectId = studio.project
    async with running_service(tmp_path) as service:
        session = service.session({"Authorization": f"Bearer {await service.token('Eve')}"})
        [kept] = (await got(session, f"/api/projects/{project}/proposals"))["entries"]
        assert (kept["id"], kept["record"], kept["field"]) == ("kept-1", "nodes/shot-1", None)
        assert (kept["proposed"], kept["kept"], kept["cut"]) == (None, "Ours", False)
