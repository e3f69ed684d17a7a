"""The timeline of a project: who made which version, what stood in it, and what is different between two."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server import keys
from tests.support.crew import Film, open_crew
from tests.support.git import git
from tests.support.service import PNG_PIXEL, got
from tests.support.versions import brief, diff, make_take, timeline, version_of


@pytest.fixture
async def film(tmp_path: Path) -> AsyncIterator[Film]:
    """Its versions are those that a test asks for: none is made because it was slow."""
    async with open_crew(tmp_path, WORKPRINT_SNAPSHOT_QUIET_SECONDS="600") as crew, crew.film() as film:
        yield film


async def retitle(film: Film, who: str, shot: str, title: str) -> None:
    """Somebody renames a shot at their own client, and it is on disk."""
    client = await film.open(who, "hocuspocus")
    await client.edit(f"doc.getMap('nodes').get('{shot}').set('title', '{title}')")
    await client.until("p.saved")


async def test_the_timeline_names_everybody_who_worked_on_a_version(film: Film) -> None:
    first = await version_of(film, "First cut")
    await retitle(film, "the editor", "shot-1", "Dusk")
    await retitle(film, "another editor", "shot-2", "Dawn")
    second = await version_of(film)
    newest, before = (await timeline(film))[:2]
    assert (newest["commit"], before["commit"]) == (second, first)
    assert set(newest["people"]) == {"the editor", "another editor"}
    assert newest["people"][0] == newest["author"]
    assert "Dusk" in newest["message"]
    assert newest["files"] >= 1
    assert (newest["names"], before["names"]) == ([], ["First cut"])
    assert before["files"] > 1


async def test_the_timeline_is_read_page_by_page(film: Film) -> None:
    made: list[str] = []
    for number in range(5):
        await retitle(film, "the editor", "shot-1", f"Title {number}")
        made.append(await version_of(film))
    whole = [entry["commit"] for entry in await timeline(film, "?limit=200")]
    assert whole[:5] == made[::-1]
    read: list[str] = []
    page = await film.send("the viewer", "GET", "/history?limit=2")
    while True:
        assert 1 <= len(page["entries"]) <= 2
        read += [entry["commit"] for entry in page["entries"]]
        if page["next"] is None:
            break
        page = await film.send("the viewer", "GET", f"/history?limit=2&before={page['next']}")
    assert read == whole
    await film.send("the viewer", "GET", f"/history?before={'0' * 40}", status=404)
    for nonsense in ("before=x", "limit=0", "limit=201", "limit=x"):
        await film.send("the viewer", "GET", f"/history?{nonsense}", status=400)


async def test_takes_that_are_new_in_a_version_stand_on_the_timeline_with_their_picture(film: Film) -> None:
    await version_of(film)
    project = film.crew.service.app[keys.PROJECTS].get(film.project)
    take = await make_take(film, "shot-1", 1)
    await version_of(film)
    newest, before = (await timeline(film))[:2]
    blob = project.blobs.put_bytes(PNG_PIXEL)
    picture = f"{film.address}/media/{blob}"
    assert newest["takes"] == [{"id": "take-1", "name": take["name"], "thumbnail": picture}]
    assert before["takes"] == []
    async with film.crew.sessions["the viewer"].get(picture) as reply:
        assert await reply.read() == PNG_PIXEL
    found = await diff(film, before["commit"], newest["commit"])
    assert [(made["id"], made["thumbnail"]) for made in found["takes"]["added"]] == [("take-1", picture)]
    assert found["takes"]["removed"] == []


async def test_a_version_holds_every_document_as_it_stood(film: Film) -> None:
    script = await film.open("the editor", "hocuspocus", "script/draft")
    await script.edit("doc.getText('text').insert(0, 'FADE IN:')")
    await script.until("p.saved")
    old = await version_of(film)
    await retitle(film, "the editor", "shot-1", "Dusk")
    await script.edit("doc.getText('text').insert(8, ' A street.')")
    await script.until("p.saved")
    new = await version_of(film)
    then, now = [(await film.send("the viewer", "GET", f"/history/{commit}"))["documents"] for commit in (old, new)]
    assert then["canvas"]["nodes"]["shot-1"]["title"] == "Title of shot-1"
    assert now["canvas"]["nodes"]["shot-1"]["title"] == "Dusk"
    assert (then["scripts"], now["scripts"]) == ({"draft": "FADE IN:\n"}, {"draft": "FADE IN: A street.\n"})
    assert then["takes"]["takes"] == {}


async def test_only_what_a_branch_or_a_tag_reaches_can_be_looked_at(film: Film) -> None:
    commit = await version_of(film)
    folder = film.crew.service.app[keys.PROJECTS].get(film.project).folder
    tree = git(folder, "rev-parse", "HEAD^{tree}").strip()
    thrown_away = git(folder, "commit-tree", tree, "-m", "Nobody's").strip()
    for unknown in (thrown_away, tree, "0" * 40, "HEAD", commit[:12]):
        await film.send("the viewer", "GET", f"/history/{unknown}", status=404)
    git(folder, "tag", "kept", thrown_away)
    assert (await film.send("the viewer", "GET", f"/history/{thrown_away}"))["commit"] == thrown_away


async def test_the_difference_to_now_is_told_before_anything_is_committed(film: Film) -> None:
    commit = await version_of(film)
    assert (await diff(film, commit))["records"] == []
    await retitle(film, "the editor", "shot-1", "Dusk at the stop")
    found = await diff(film, commit)
    [record] = found["records"]
    assert (record["document"], record["root"], record["id"], record["change"]) == (
        "canvas",
        "nodes",
        "shot-1",
        "changed",
    )
    [field] = record["fields"]
    assert (field["name"], field["from"], field["to"]) == ("title", "Title of shot-1", "Dusk at the stop")
    assert "".join(text for op, text in field["words"] if op != "+") == "Title of shot-1"
    back = await film.send("the viewer", "GET", f"/history/diff?from=now&to={commit}")
    assert back["records"][0]["fields"][0]["to"] == "Title of shot-1"
    assert found["left_out"] == 0


async def test_a_node_that_is_deleted_is_gone_from_the_version_with_its_edges(film: Film) -> None:
    commit = await version_of(film)
    client = await film.open("the editor", "hocuspocus")
    await client.edit("doc.getMap('nodes').get('prompt-1').set('deleted', true)")
    await client.until("p.saved")
    assert brief(await diff(film, commit)) == {
        ("canvas", "prompt-1", "removed"),
        ("canvas", "rain-1", "removed"),
        ("canvas", "rain-2", "removed"),
    }


async def test_a_difference_of_nonsense_is_refused(film: Film) -> None:
    commit = await version_of(film)
    for query in ("", "?to=now", "?from=HEAD", f"?from={commit}&to=x", "?from=-1"):
        await film.send("the viewer", "GET", f"/history/diff{query}", status=400)
    await film.send("the viewer", "GET", f"/history/diff?from={'0' * 40}", status=404)


async def test_a_stranger_learns_nothing_of_a_history(film: Film) -> None:
    commit = await version_of(film)
    stranger = film.crew.service.session()
    for path in ("/history", f"/history/{commit}", f"/history/diff?from={commit}"):
        await got(stranger, film.address + path, 401)
        await got(film.crew.sessions["the viewer"], f"/api/projects/none{path}", 404)
