"""A fork: a copy of the canvas that everybody can try something on, and its way back to the canvas."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server import keys
from tests.support.crew import Client, Film, open_crew
from tests.support.versions import brief, diff, version_of


@pytest.fixture
async def film(tmp_path: Path) -> AsyncIterator[Film]:
    async with open_crew(tmp_path) as crew, crew.film() as film:
        yield film


async def fork(film: Film, name: str = "dusk", who: str = "the editor", status: int = 201, **more: str) -> Any:
    return await film.send(who, "POST", "/forks", {"name": name, **more}, status)


async def merge(film: Film, name: str = "dusk", who: str = "the editor", status: int = 200) -> Any:
    return await film.send(who, "POST", f"/forks/{name}/merge", status=status)


async def ahead(film: Film) -> dict[str, int]:
    return {each["name"]: each["ahead"] for each in (await film.send("the viewer", "GET", "/forks"))["forks"]}


async def retitle(client: Client, shot: str, title: str) -> None:
    await client.edit(f"doc.getMap('nodes').get('{shot}').set('title', '{title}')")
    await client.until("p.saved")


async def test_a_fork_begins_as_the_canvas_and_neither_disturbs_the_other(film: Film) -> None:
    made = await fork(film)
    assert (made["name"], made["document"], made["by"]["name"], made["commit"]) == (
        "dusk",
        "fork/dusk",
        "the editor",
        None,
    )
    canvas = await film.open("the owner", "hocuspocus")
    tried = await film.open("the editor", "hocuspocus", "fork/dusk")
    assert await tried.read("p.map['shot-1'].title") == "Title of shot-1"
    await retitle(tried, "shot-1", "Dusk")
    await retitle(canvas, "shot-2", "Dawn")
    assert await canvas.read("p.map['shot-1'].title") == "Title of shot-1"
    assert await tried.read("p.map['shot-2'].title") == "Title of shot-2"
    assert await ahead(film) == {"dusk": 1}


@pytest.mark.parametrize("dialect", ["hocuspocus", "yjs"])
async def test_both_sides_are_edited_and_after_the_merge_both_edits_are_there(film: Film, dialect: Any) -> None:
    await fork(film)
    canvas = await film.open("the owner", dialect)
    tried, mate = (
        await film.open("the editor", dialect, "fork/dusk"),
        await film.open("another editor", "yjs", "fork/dusk"),
    )
    await tried.edit("doc.getMap('nodes').get('shot-1').get('prompt').insert(0, 'Dusk. ')")
    await tried.edit("doc.getMap('edges').delete('neon-2')")
    await mate.edit("doc.getMap('nodes').get('shot-2').set('title', 'By a mate')")
    await canvas.edit("const it = doc.getMap('nodes').get('shot-1').get('prompt'); it.insert(it.length, ' Rain.')")
    await canvas.edit("doc.getMap('nodes').get('shot-1').set('title', 'On the canvas')")
    await film.agree(tried, mate)
    await film.agree(canvas)
    told = await film.send("the viewer", "GET", "/forks/dusk/diff")
    assert {(each["id"], each["change"]) for each in told["records"]} == {
        ("shot-1", "changed"),
        ("shot-2", "changed"),
        ("neon-2", "removed"),
    }
    done = await merge(film)
    assert (done["merged"], done["refused"]) == (3, [])
    shown = await film.agree(canvas)
    assert shown["nodes"]["shot-1"]["prompt"] == "Dusk. A bus. Rain."
    assert shown["nodes"]["shot-1"]["title"] == "On the canvas"
    assert shown["nodes"]["shot-2"]["title"] == "By a mate"
    assert "neon-2" not in shown["edges"]
    assert await ahead(film) == {"dusk": 0}


async def test_a_fork_goes_on_after_a_merge_and_is_merged_again_by_somebody_else(film: Film) -> None:
    await fork(film)
    tried = await film.open("the editor", "hocuspocus", "fork/dusk")
    canvas = await film.open("the owner", "hocuspocus")
    for number, who in enumerate(("the owner", "another editor", "the editor")):
        await retitle(tried, "shot-1", f"Try {number}")
        assert (await merge(film, who=who))["merged"] == 1
        await canvas.until(f"p.map['shot-1'].title === 'Try {number}'")
    assert (await merge(film))["merged"] == 0
    await retitle(canvas, "shot-1", "Last word")
    await film.agree(canvas)


async def test_a_merge_is_a_change_of_whoever_merged_and_can_be_taken_back(film: Film) -> None:
    await fork(film)
    await retitle(await film.open("the editor", "hocuspocus", "fork/dusk"), "shot-1", "Dusk")
    canvas = await film.open("the owner", "hocuspocus")
    done = await merge(film, who="another editor")
    await canvas.until("p.notices.length === 1")
    notice = json.loads(await canvas.read("p.notices[0]"))
    assert (notice["type"], notice["fork"], notice["by"]["name"]) == ("merged", "dusk", "another editor")
    fields = (await film.send("the viewer", "GET", "/blame?record=shot-1"))["fields"]
    assert fields["title"]["by"]["name"] == "another editor"
    assert brief(await diff(film, done["before"])) == {("canvas", "shot-1", "changed")}
    body = {"commit": done["before"], "document": "canvas"}
    assert (await film.send("the owner", "POST", "/history/restore", body))["restored"] == 1
    await canvas.until("p.map['shot-1'].title === 'Title of shot-1'")


async def test_what_was_locked_meanwhile_is_refused_and_listed_and_the_rest_is_merged(film: Film) -> None:
    await fork(film)
    tried = await film.open("the editor", "hocuspocus", "fork/dusk")
    await retitle(tried, "shot-1", "Dusk")
    await retitle(tried, "shot-2", "Dawn")
    await film.lock("/shots/shot-1/lock")
    done = await merge(film)
    assert done["merged"] == 1
    [refused] = done["refused"]
    assert (refused["rule"], refused["path"]) == ("shot_lock", ["nodes", "shot-1", "title"])
    canvas = await film.open("the owner", "hocuspocus")
    assert await canvas.read("[p.map['shot-1'].title, p.map['shot-2'].title]") == ["Title of shot-1", "Dawn"]
    await film.agree(canvas)
    # The canvas has taken it and put it back, so that it is not merged later: it waits for whoever merged.
    [kept] = await film.proposals("the editor")
    assert (kept["document"], kept["proposed"]) == ("canvas", "Dusk")
    await film.unlock("/shots/shot-1/lock")
    assert (await merge(film))["merged"] == 0


async def test_a_lock_of_the_canvas_holds_on_its_forks(film: Film) -> None:
    await fork(film)
    await film.lock("/shots/shot-1/lock")
    tried = await film.open("the editor", "hocuspocus", "fork/dusk")
    await tried.edit("doc.getMap('nodes').get('shot-1').set('title', 'Dusk')")
    await tried.until("p.told.length === 1 && p.map['shot-1'].title === 'Title of shot-1'")
    assert await tried.read("p.told[0].rule") == "shot_lock"


async def test_nobody_generates_on_a_fork_and_whoever_tries_is_told(film: Film) -> None:
    await fork(film)
    tried = await film.open("the editor", "hocuspocus", "fork/dusk")
    await tried.put("intents", "intent-1", {"kind": "generate", "node": "shot-1"})
    await tried.until("p.told.length === 1")
    assert await tried.read("[p.told[0].rule, Object.keys(p.json('intents')).length]") == ["server_only", 0]


async def test_a_fork_of_an_old_version_brings_that_version_back_when_it_is_merged(film: Film) -> None:
    commit = await version_of(film)
    canvas = await film.open("the owner", "hocuspocus")
    await retitle(canvas, "shot-1", "Later")
    made = await fork(film, commit=commit)
    assert made["commit"] == commit
    tried = await film.open("the editor", "hocuspocus", "fork/dusk")
    assert await tried.read("p.map['shot-1'].title") == "Title of shot-1"
    assert await canvas.read("p.map['shot-1'].title") == "Later"
    assert await ahead(film) == {"dusk": 1}
    await merge(film)
    await canvas.until("p.map['shot-1'].title === 'Title of shot-1'")
    await fork(film, "other", status=404, commit="0" * 40)


async def test_a_deleted_fork_is_closed_to_everybody_and_its_name_is_not_given_again(film: Film) -> None:
    await fork(film)
    tried = await film.open("the editor", "yjs", "fork/dusk")
    await film.send("another editor", "DELETE", "/forks/dusk")
    await tried.until("p.closes.includes(4404)")
    assert await ahead(film) == {}
    for method, path in (("DELETE", "/forks/dusk"), ("POST", "/forks/dusk/merge"), ("GET", "/forks/dusk/diff")):
        await film.send("the editor", method, path, status=404)
    await fork(film, status=409)
    late = await film.open("the editor", "hocuspocus", "fork/dusk", synced=False)
    await late.until("p.denials.length + p.closes.length > 0")


async def test_whoever_is_in_a_fork_that_is_deleted_keeps_the_canvas_and_is_told_who_did_it(film: Film) -> None:
    await fork(film)
    canvas = await film.open("the editor", "hocuspocus", socket=film.project)
    tried = await film.open("the editor", "hocuspocus", "fork/dusk", socket=film.project)
    await film.send("another editor", "DELETE", "/forks/dusk")
    await tried.until("p.denials.length > 0")
    assert await tried.read("p.denials") == ["another editor has deleted this fork."]
    for client in (canvas, tried):
        [notice] = [json.loads(each) for each in await client.read("p.notices")]
        assert (notice["type"], notice["fork"], notice["by"]["name"]) == ("fork_deleted", "dusk", "another editor")
    await retitle(canvas, "shot-1", "Still here")
    assert await canvas.read("p.closes") == []


@pytest.mark.parametrize("dialect", ["hocuspocus", "yjs"])
async def test_a_fork_that_nobody_made_cannot_be_opened(film: Film, dialect: Any) -> None:
    nobody = await film.open("the owner", dialect, "fork/nothing", synced=False)
    await nobody.until("p.denials.length + p.closes.length > 0")
    assert await nobody.read("p.synced") is False
    await fork(film, "nothing")
    tried = await film.open("the owner", dialect, "fork/nothing")
    assert await tried.read("p.map['shot-1'].title") == "Title of shot-1"


async def test_a_client_with_its_own_copy_of_a_fork_comes_back_to_it(film: Film) -> None:
    await fork(film)
    tried = await film.open("the editor", "hocuspocus", "fork/dusk")
    await tried.go_offline()
    await tried.edit("doc.getMap('nodes').get('shot-1').set('title', 'On the train')")
    await tried.come_back()
    await tried.until("p.saved")
    assert await ahead(film) == {"dusk": 1}


async def test_only_editors_fork_and_merge_and_everybody_may_look(film: Film) -> None:
    await fork(film)
    for who in ("the viewer", "the reviewer"):
        await fork(film, "other", who, 403)
        await merge(film, who=who, status=403)
        await film.send(who, "DELETE", "/forks/dusk", status=403)
        await film.send(who, "GET", "/forks/dusk/diff")
    looker = await film.open("the viewer", "hocuspocus", "fork/dusk")
    assert await looker.read("p.scope") == "readonly"


async def test_names_that_are_none_and_names_that_are_taken_are_refused(film: Film) -> None:
    for name in ("", "a b", "../x", "x" * 65, "ä"):
        await fork(film, name, status=400)
    replies = await asyncio.gather(
        *(film.crew.sessions["the editor"].post(f"{film.address}/forks", json={"name": "one"}) for _ in range(5))
    )
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409, 409]


async def test_a_fork_is_not_committed_and_outlives_its_room(film: Film) -> None:
    await fork(film)
    tried = await film.open("the editor", "hocuspocus", "fork/dusk")
    await retitle(tried, "shot-1", "Dusk")
    commit = await version_of(film)
    documents = (await film.send("the viewer", "GET", f"/history/{commit}"))["documents"]
    assert set(documents) == {"annotations", "canvas", "production", "scripts", "takes"}
    assert documents["production"]["forks"]["dusk"]["by_name"] == "the editor"
    assert documents["canvas"]["nodes"]["shot-1"]["title"] == "Title of shot-1"
    async with film.crew.service.app[keys.HUB].log(film.project) as store:
        assert "fork/dusk" in await store.documents()
    await film.agree(tried)
