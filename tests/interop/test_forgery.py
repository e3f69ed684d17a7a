"""Nobody writes as somebody else, with real Yjs clients: forged authors, votes in another name, forged client ids."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pycrdt import Doc, Map

from server.keys import HUB
from tests.support.crew import DIALECTS, Crew, Dialect, Film, open_crew, shared, text

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTES = "annotations/shot-1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crew(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crew]:
    async with open_crew(tmp_path_factory.mktemp("workspace")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def film(crew: Crew) -> AsyncIterator[Film]:
    """A film of the test's own."""
    async with crew.film() as made:
        yield made


def note(author: str, words: str) -> dict[str, Any]:
    fields = {"mark": "", "reply_to": "", "created_at": "", "resolved": False, "deleted": False}
    return shared({**fields, "author": author, "text": text(words)})


def set_code(root: str, key: str, record: object) -> str:
    return f"doc.getMap('{root}').set('{key}', shared({json.dumps(record)}));"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nobody_leaves_a_note_or_a_verdict_in_another_name(film: Film, dialect: Dialect) -> None:
    eve, rob = film.crew.ids["the editor"], film.crew.ids["the reviewer"]
    forger = await film.open("the editor", dialect, NOTES)
    victim = await film.open("the reviewer", "hocuspocus", NOTES)
    await forger.edit(
        set_code("notes", "forged", note(rob, "I love it"))
        + set_code("verdicts", "take-1", shared({rob: "approved"}))
        + set_code("notes", "honest", note(eve, "Softer light"))
    )
    await victim.until("p.holds('notes', 'Softer light')")
    shown = await film.agree(forger, victim)
    assert (list(shown["notes"]), shown["verdicts"]) == (["honest"], {})
    kept = {each["record"]: each["rule"] for each in await film.proposals("the editor")}
    assert kept == {"notes/forged": "forged_author", "verdicts/take-1": "not_yours"}
    if dialect == "hocuspocus":
        await forger.until("p.told.length === 2")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nobody_rewrites_what_another_has_said_but_may_call_it_done(film: Film, dialect: Dialect) -> None:
    eve, rob = film.crew.ids["the editor"], film.crew.ids["the reviewer"]
    victim = await film.open("the reviewer", "yjs", NOTES)
    forger = await film.open("the editor", dialect, NOTES)
    await victim.put("notes", "his", note(rob, "Too dark"))
    await victim.put("verdicts", "take-1", shared({rob: "needs_revision"}))
    await forger.until("p.holds('notes', 'Too dark') && p.holds('verdicts', 'needs_revision')")
    await forger.edit(
        "const note = doc.getMap('notes').get('his'); note.get('text').insert(0, 'Not '); note.set('deleted', true);"
        f"note.set('author', '{eve}'); note.set('resolved', true);"
        f"const verdict = doc.getMap('verdicts').get('take-1'); verdict.set('{rob}', 'approved');"
        f"verdict.set('{eve}', 'approved')"
    )
    await victim.until("p.json('notes').his.resolved")
    shown = await film.agree(forger, victim)
    assert (shown["notes"]["his"]["text"], shown["notes"]["his"]["author"]) == ("Too dark", rob)
    assert shown["notes"]["his"]["deleted"] is False
    assert shown["verdicts"]["take-1"] == {rob: "needs_revision", eve: "approved"}
    refused = {(each["field"], each["rule"]) for each in await film.proposals("the editor")}
    expected = {("text", "not_yours"), ("deleted", "not_yours"), ("author", "forged_author"), (rob, "not_yours")}
    assert refused == expected


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nobody_votes_for_another(film: Film, dialect: Dialect) -> None:
    eve, rob = film.crew.ids["the editor"], film.crew.ids["the reviewer"]
    forger = await film.open("the editor", dialect, "styles")
    victim = await film.open("the reviewer", "yjs", "styles")
    await victim.put("votes", "noir", shared({rob: 1}))
    await forger.until("p.holds('votes', 'noir')")
    await forger.edit(f"const votes = doc.getMap('votes').get('noir'); votes.set('{rob}', -1); votes.set('{eve}', 1)")
    await victim.until(f"p.json('votes').noir['{eve}'] === 1")
    assert (await film.agree(forger, victim))["votes"] == {"noir": {rob: 1, eve: 1}}
    [kept] = await film.proposals("the editor")
    assert (kept["rule"], kept["field"], kept["proposed"], kept["kept"]) == ("not_yours", rob, -1, 1)


@pytest.mark.parametrize("way", ["live", "as a sync reply"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_edit_under_another_persons_client_id_is_refused_and_costs_them_nothing(
    film: Film, dialect: Dialect, way: str
) -> None:
    victim = await film.open("the editor", "hocuspocus")
    forger = await film.open("another editor", dialect)
    watcher = await film.open("the owner", "yjs")
    await victim.edit("doc.getMap('nodes').get('shot-1').set('title', 'First')")
    await forger.until("p.map['shot-1'].title === 'First'")
    await forger.edit("doc.getMap('nodes').get('shot-2').set('title', 'In my own name')")
    await watcher.until("p.map['shot-2'].title === 'In my own name'")
    if way != "live":
        await forger.go_offline()
    theirs = await victim.read("p.id")
    await forger.edit(
        f"const own = doc.clientID; doc.clientID = {theirs};"
        "doc.getMap('nodes').get('shot-1').set('title', 'Forged'); doc.clientID = own"
    )
    reached = f"p.doc.store.clients.get({theirs}).at(-1).id.clock"
    assert await forger.read(reached) > await victim.read(reached)
    if way != "live":
        await forger.come_back()
    await forger.until("p.closes.includes(4403)")
    await victim.edit("doc.getMap('nodes').get('shot-1').set('title', 'Second')")
    await watcher.until("p.map['shot-1'].title === 'Second'")
    shown = await film.agree(victim, watcher)
    assert shown["nodes"]["shot-2"]["title"] == "In my own name"
    assert await victim.read("p.closes") == []
    assert await wrote(film) == {
        "First": "the editor",
        "In my own name": "another editor",
        "Second": "the editor",
    }


async def wrote(film: Film) -> dict[str, str]:
    """Who has set which title, as the log has it, row by row."""
    doc: Doc[Any] = Doc()
    found: dict[str, str] = {}
    seen: set[str] = set()
    async with film.crew.service.app[HUB].log(film.project) as store:
        for row in await store.log("canvas"):
            doc.apply_update(row.update)
            nodes: Map[Any] = doc.get("nodes", type=Map)
            titles = {str(node["title"]) for node in nodes.values()}
            if row.actor_name != "Workprint":
                found |= dict.fromkeys(titles - seen, row.actor_name)
            seen |= titles
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_activity_names_who_was_signed_in_whatever_a_client_says_of_itself(
    film: Film, dialect: Dialect
) -> None:
    eve, rob = film.crew.ids["the editor"], film.crew.ids["the reviewer"]
    forger = await film.open("the editor", dialect)
    watcher = await film.open("the owner", "yjs")
    presence = {"user": {"id": rob, "name": "the reviewer", "hue": 1}, "cursor": {"x": 1, "y": 2}}
    await film.crew.node.do("presence", forger.name, state=presence)
    mine = await forger.read("p.id")
    await watcher.until(f"p.states[{mine}]?.cursor")
    assert (await watcher.read(f"p.states[{mine}].user.id")) == eve
    await forger.edit("doc.getMap('nodes').get('shot-1').set('title', 'By me')")
    await watcher.until("p.map['shot-1'].title === 'By me'")
    await film.agree(forger, watcher)
    entries = (await film.send("the owner", "GET", "/activity?document=canvas&record=shot-1"))["entries"]
    assert entries[0]["by"]["id"] == eve
    blame = await film.send("the owner", "GET", "/blame?document=canvas&record=shot-1")
    assert blame["fields"]["title"]["by"]["id"] == eve
