"""The way back: a version, a record or a field comes back as somebody's own change, and every rule holds."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server import keys
from tests.support.crew import Client, Film, open_crew
from tests.support.git import git
from tests.support.versions import brief, diff, make_take, timeline, version_of


@pytest.fixture
async def film(tmp_path: Path) -> AsyncIterator[Film]:
    async with open_crew(tmp_path) as crew, crew.film() as film:
        yield film


async def restore(film: Film, commit: str, who: str = "the editor", status: int = 200, **what: str) -> Any:
    """Ask for a way back."""
    body = {"commit": commit, "document": "canvas", **what}
    return await film.send(who, "POST", "/history/restore", body, status)


async def wreck(client: Client) -> None:
    """Change everything there is."""
    await client.edit(
        "const n = doc.getMap('nodes'); n.get('shot-1').set('title', 'Wrecked');"
        "n.get('shot-1').get('prompt').insert(0, 'No. '); n.get('shot-1').get('parameters').set('lens_mm', 99);"
        "n.get('prompt-1').set('deleted', true); doc.getMap('edges').delete('neon-2');"
        "n.set('note-1', shared({$map: {type: 'note', title: 'New', position: {x: 1, y: 1}, text: {$text: ''}}}))"
    )
    await client.until("p.saved")


async def test_the_whole_canvas_comes_back_and_then_nothing_is_different(film: Film) -> None:
    commit = await version_of(film)
    hocuspocus, yjs = await film.open("the editor", "hocuspocus"), await film.open("the owner", "yjs")
    await wreck(hocuspocus)
    wrecked = brief(await diff(film, commit))
    assert {record for _, record, _ in wrecked} == {"shot-1", "prompt-1", "note-1", "rain-1", "rain-2", "neon-2"}
    done = await restore(film, commit)
    assert (done["restored"], done["refused"]) == (len(wrecked), [])
    assert (await diff(film, commit))["records"] == []
    shown = await film.agree(hocuspocus, yjs)
    assert shown["nodes"]["shot-1"]["title"] == "Title of shot-1"
    assert shown["nodes"]["shot-1"]["prompt"] == "A bus."
    assert shown["nodes"]["note-1"]["deleted"] is True
    again = await restore(film, commit)
    assert (again["restored"], again["refused"]) == (0, [])


async def test_a_way_back_is_itself_taken_back(film: Film) -> None:
    commit = await version_of(film)
    client = await film.open("the editor", "hocuspocus")
    await wreck(client)
    done = await restore(film, commit)
    back = await restore(film, done["before"])
    assert back["restored"] > 0
    assert (await diff(film, done["before"]))["records"] == []
    await client.until("p.map['shot-1'].title === 'Wrecked'")


async def test_undoing_a_way_back_leaves_what_others_have_done_since(film: Film) -> None:
    commit = await version_of(film)
    client = await film.open("the editor", "hocuspocus")
    await wreck(client)
    done = await restore(film, commit)
    other = await film.open("the owner", "hocuspocus")
    await other.edit(
        "const n = doc.getMap('nodes'); n.get('shot-1').set('title', 'Mine now');"
        "n.get('prompt-1').set('title', 'Still needed')"
    )
    await other.until("p.saved")
    back = await restore(film, done["before"], undoes=commit)
    assert back["refused"] == []
    shown = await film.agree(client, other)
    assert shown["nodes"]["shot-1"]["title"] == "Mine now"
    assert shown["nodes"]["shot-1"]["prompt"] == "No. A bus."
    assert shown["nodes"]["prompt-1"]["deleted"] is False, "somebody works on it again"
    assert shown["nodes"]["note-1"]["deleted"] is False
    await restore(film, done["before"], undoes="HEAD", status=400)


async def test_a_way_back_is_a_change_of_whoever_asked_and_the_timeline_says_so(film: Film) -> None:
    commit = await version_of(film)
    await wreck(await film.open("the owner", "hocuspocus"))
    await restore(film, commit, "another editor", record="shot-1")
    fields = (await film.send("the viewer", "GET", "/blame?record=shot-1"))["fields"]
    assert fields["title"]["by"]["name"] == "another editor"
    await version_of(film)
    newest = (await timeline(film))[0]
    assert newest["author"] == "another editor"
    assert "renamed from Wrecked" in newest["message"]


async def test_one_record_or_one_field_comes_back_alone(film: Film) -> None:
    commit = await version_of(film)
    client = await film.open("the editor", "hocuspocus")
    await wreck(client)
    assert (await restore(film, commit, record="shot-1", field="prompt"))["restored"] == 1
    await client.until("p.map['shot-1'].prompt === 'A bus.'")
    assert await client.read("p.map['shot-1'].title") == "Wrecked"
    assert (await restore(film, commit, record="shot-1", field="parameters.lens_mm"))["restored"] == 1
    await client.until("p.map['shot-1'].parameters.lens_mm === 35")
    assert (await restore(film, commit, root="nodes", record="prompt-1"))["restored"] == 3, "with its edges"
    assert brief(await diff(film, commit)) == {
        ("canvas", "shot-1", "changed"),
        ("canvas", "note-1", "added"),
        ("canvas", "neon-2", "removed"),
    }


async def test_the_team_is_told_once_and_clients_that_know_no_notices_go_on(film: Film) -> None:
    commit = await version_of(film)
    team = [await film.open("the owner", "hocuspocus"), await film.open("the viewer", "hocuspocus", "script/draft")]
    yjs = await film.open("another editor", "yjs")
    await wreck(team[0])
    await restore(film, commit, record="shot-1")
    await team[0].until("p.notices.length === 1")
    notice = json.loads(await team[0].read("p.notices[0]"))
    assert (notice["type"], notice["by"]["name"], notice["title"]) == ("restored", "the editor", "Title of shot-1")
    assert (notice["document"], notice["record"], notice["commit"]) == ("canvas", "shot-1", commit)
    assert await team[1].read("p.notices.length") == 0, "whoever looks at something else is left in peace"
    await yjs.edit("doc.getMap('nodes').get('shot-2').set('title', 'Going on')")
    await team[0].until("p.map['shot-2'].title === 'Going on'")


async def test_what_others_do_meanwhile_stays(film: Film) -> None:
    commit = await version_of(film)
    client, other = await film.open("the editor", "hocuspocus"), await film.open("another editor", "yjs")
    await wreck(client)
    await other.until("p.map['shot-1'].title === 'Wrecked'")

    async def type_on() -> None:
        for number in range(20):
            await other.edit(f"doc.getMap('nodes').get('shot-2').get('prompt').insert(0, 'w{number} ')")

    await asyncio.gather(type_on(), restore(film, commit, record="shot-1"))
    shown = await film.agree(client, other)
    assert shown["nodes"]["shot-2"]["prompt"] == "".join(f"w{number} " for number in range(19, -1, -1)) + "A bus."
    assert shown["nodes"]["shot-1"]["title"] == "Title of shot-1"


async def test_a_locked_shot_does_not_come_back_and_the_rest_does(film: Film) -> None:
    commit = await version_of(film)
    client = await film.open("the editor", "hocuspocus")
    await wreck(client)
    await film.lock("/shots/shot-1/lock")
    done = await restore(film, commit)
    # What feeds a locked shot neither comes nor goes.
    assert {each["path"][1] for each in done["refused"]} == {"shot-1", "prompt-1"}
    assert {each["rule"] for each in done["refused"]} == {"shot_lock"}
    assert "the admin" in done["refused"][0]["message"]
    left = brief(await diff(film, commit))
    assert ("canvas", "shot-1", "changed") in left
    assert ("canvas", "note-1", "added") not in left
    assert done["restored"] > 0
    assert await client.read("p.map['shot-1'].title") == "Wrecked"
    assert (await restore(film, commit, record="shot-1"))["restored"] == 0


async def test_however_much_is_locked_it_is_one_decision_and_nobody_is_shut_out(film: Film) -> None:
    client = await film.open("the editor", "hocuspocus")
    many = 150
    await client.edit(
        f"for (let i = 0; i < {many}; i++) doc.getMap('nodes').set('many-' + i, "
        "shared({$map: {type: 'note', title: 'Old', position: {x: i, y: 0}, text: {$text: ''}, deleted: false}}))"
    )
    await client.until("p.saved")
    commit = await version_of(film)
    await client.edit(f"for (let i = 0; i < {many}; i++) doc.getMap('nodes').get('many-' + i).set('title', 'New')")
    await client.until("p.saved")
    assert (await restore(film, commit))["restored"] == many
    await client.until("p.map['many-149'].title === 'Old'")


async def test_a_take_that_is_gone_is_not_chosen_again(film: Film) -> None:
    await make_take(film, "shot-1", 1)
    client = await film.open("the editor", "hocuspocus")
    await client.edit("doc.getMap('nodes').get('shot-1').set('active_take', 'take-9')")
    await client.until("p.saved")
    commit = await version_of(film)
    await client.edit("doc.getMap('nodes').get('shot-1').set('active_take', 'take-1')")
    await client.until("p.saved")
    done = await restore(film, commit, record="shot-1")
    assert [(each["rule"], each["path"]) for each in done["refused"]] == [
        ("take_gone", ["nodes", "shot-1", "active_take"])
    ]
    assert await client.read("p.map['shot-1'].active_take") == "take-1"


async def test_a_script_comes_back(film: Film) -> None:
    script = await film.open("the editor", "hocuspocus", "script/draft")
    await script.edit("doc.getText('text').insert(0, 'FADE IN:')")
    await script.until("p.saved")
    commit = await version_of(film)
    await script.edit("doc.getText('text').insert(8, ' A street.')")
    await script.until("p.saved")
    assert (await restore(film, commit, document="script/draft"))["restored"] == 1
    await script.until("p.text === 'FADE IN:'")
    assert (await diff(film, commit))["records"] == []


async def test_who_may_only_read_restores_nothing(film: Film) -> None:
    commit = await version_of(film)
    await wreck(await film.open("the editor", "hocuspocus"))
    for who in ("the viewer", "the reviewer"):
        await restore(film, commit, who, 403)
    assert (await diff(film, commit))["records"]


async def test_what_makes_no_sense_is_refused(film: Film) -> None:
    commit = await version_of(film)
    for document in ("takes", "annotations/shot-1", "nothing", "../x"):
        await restore(film, commit, status=400, document=document)
    await restore(film, commit, status=400, field="title")
    await restore(film, commit, status=400, root="intents", record="x")
    await restore(film, "now", status=400)
    await restore(film, "0" * 40, status=404)
    await restore(film, commit, status=404, record="nobody")
    await restore(film, commit, status=404, document="fork/x")


async def test_a_version_whose_canvas_somebody_broke_by_hand_takes_nothing_away(film: Film) -> None:
    await version_of(film)
    folder = film.crew.service.app[keys.PROJECTS].get(film.project).folder
    path = "02_Source_Creative/Canvases/main_canvas.json"
    broken = folder / ".workprint" / "broken.json"
    broken.write_text('{"nodes": ')
    blob = git(folder, "hash-object", "-w", str(broken)).strip()
    git(folder, "update-index", "--cacheinfo", f"100644,{blob},{path}")
    tree = git(folder, "write-tree").strip()
    commit = git(folder, "commit-tree", tree, "-m", "Broken").strip()
    git(folder, "tag", "broken", commit)
    await restore(film, commit, status=409)
    client = await film.open("the editor", "hocuspocus")
    assert await client.read("p.map['shot-1'].title") == "Title of shot-1"
