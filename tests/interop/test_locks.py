"""Locks hold against real Yjs clients: whatever an editor does to something locked, all replicas end up equal."""

import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from server.keys import HUB
from tests.support.crew import DIALECTS, Client, Crew, Dialect, Film, joined, open_crew, shared, text

pytestmark = pytest.mark.asyncio(loop_scope="module")

STYLE_LOCKED = "Style locked. Create new chain for different look"
WHO_LIFTS = "an admin or the owner of this project"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crew(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crew]:
    async with open_crew(tmp_path_factory.mktemp("workspace")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def film(crew: Crew) -> AsyncIterator[Film]:
    """A film of the test's own."""
    async with crew.film() as made:
        yield made


@dataclass(frozen=True)
class Breach:
    """What an editor does, in JavaScript, and which records are put back for it, as `root/key` or `root/key/field`."""

    does: str
    code: str
    paths: tuple[str, ...]


NODE = "const node = doc.getMap('nodes').get('{}');"
SHOT = NODE.format("shot-1")
A_SHOT = json.dumps(
    shared(
        {
            "type": "shot",
            "title": "Mine",
            "position": {"x": 1, "y": 1},
            "deleted": False,
            "prompt": text("Mine"),
            "negative_prompt": text(""),
            "parameters": shared({}),
            "stars": shared({}),
        }
    )
)


def join(edge: str, source: str, source_socket: str, target: str, target_socket: str) -> str:
    return f"doc.getMap('edges').set('{edge}', {json.dumps(joined(source, source_socket, target, target_socket))});"


SHOT_BREACHES = (
    Breach("deletes it", f"{SHOT} node.set('deleted', true)", ("nodes/shot-1/deleted",)),
    Breach("removes its record", "doc.getMap('nodes').delete('shot-1')", ("nodes/shot-1",)),
    Breach("overwrites its title", f"{SHOT} node.set('title', 'Mine')", ("nodes/shot-1/title",)),
    Breach("types into its prompt", f"{SHOT} node.get('prompt').insert(2, 'slow ')", ("nodes/shot-1/prompt",)),
    Breach("erases from its prompt", f"{SHOT} node.get('prompt').delete(0, 4)", ("nodes/shot-1/prompt",)),
    Breach("replaces its prompt", f"{SHOT} node.set('prompt', shared({{$text: 'Mine'}}))", ("nodes/shot-1/prompt",)),
    Breach("moves it", f"{SHOT} node.set('position', {{x: 9, y: 9}})", ("nodes/shot-1/position",)),
    Breach("turns its lens", f"{SHOT} node.get('parameters').set('lens_mm', 85)", ("nodes/shot-1/parameters",)),
    Breach("stars a take", f"{SHOT} node.get('stars').set('take-1', true)", ("nodes/shot-1/stars",)),
    Breach("chooses a take", f"{SHOT} node.set('active_take', 'take-1')", ("nodes/shot-1/active_take",)),
    Breach("removes a field", f"{SHOT} node.delete('title')", ("nodes/shot-1/title",)),
    Breach("joins a style into it", join("new", "style-1", "style", "shot-1", "style"), ("edges/new",)),
    Breach("cuts what feeds it", "doc.getMap('edges').delete('rain-1')", ("edges/rain-1",)),
    Breach("redirects what feeds it", join("rain-1", "prompt-1", "text", "shot-2", "prompt"), ("edges/rain-1",)),
    Breach(
        "deletes what feeds it", f"{NODE.format('prompt-1')} node.set('deleted', true)", ("nodes/prompt-1/deleted",)
    ),
    Breach("replaces its record", f"doc.getMap('nodes').set('shot-1', shared({A_SHOT}))", ("nodes/shot-1",)),
    Breach(
        "does several of these at once",
        f"{SHOT} node.set('title', 'Mine'); node.get('prompt').insert(0, 'A slow ');"
        "doc.getMap('edges').delete('rain-1')",
        ("nodes/shot-1/title", "nodes/shot-1/prompt", "edges/rain-1"),
    ),
)


async def told(client: Client, who: str, paths: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the sender was told of just these records: by a notice, where the dialect has one, and as proposals."""
    if client.dialect == "hocuspocus":
        await client.until(f"p.told.length === {len(paths)}")
        breaches = await client.read("p.told")
        assert {"/".join(each["path"]) for each in breaches} == set(paths)
    kept = await client.film.proposals(who)
    assert {"/".join(filter(None, (each["record"], each["field"]))) for each in kept} == set(paths)
    if client.dialect == "hocuspocus":
        known = {each["id"]: each for each in kept}
        for each in await client.read("p.told"):
            same = ("rule", "message", "lift", "title")
            assert [each[name] for name in same] == [known[each["id"]][name] for name in same]
    return kept


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("breach", SHOT_BREACHES, ids=[each.does for each in SHOT_BREACHES])
async def test_a_locked_shot_stands_as_it_was_when_an_editor(film: Film, breach: Breach, dialect: Dialect) -> None:
    eve = await film.open("the editor", dialect)
    ed = await film.open("another editor", "yjs" if dialect == "hocuspocus" else "hocuspocus")
    before = await film.agree(eve, ed)
    await film.lock("/shots/shot-1/lock")
    await eve.edit(f"{breach.code}; doc.getMap('nodes').get('shot-2').set('title', 'Free')")
    await ed.until("p.map['shot-2'].title === 'Free'")
    after = await film.agree(eve, ed)
    before["nodes"]["shot-2"]["title"] = "Free"
    assert after == before, "only what was allowed has changed"
    for each in await told(eve, "the editor", breach.paths):
        assert (each["rule"], each["message"]) == ("shot_lock", "This shot is locked by the admin.")
        assert each["lift"] == WHO_LIFTS
    assert await film.proposals("another editor") == []
    for each in (eve, ed):
        assert await each.read("p.doc.getMap('nodes').get('shot-1').get('prompt').length") == len("A bus."), "shared"
    assert await ed.read("p.closes") == await eve.read("p.closes") == []


STYLE_BREACHES = (
    Breach("overwrites a field", f"{NODE.format('style-1')} node.set('title', 'Noon')", ("nodes/style-1/title",)),
    Breach(
        "types into its context",
        f"{NODE.format('style-1')} node.get('context').insert(0, 'Noon')",
        ("nodes/style-1/context",),
    ),
    Breach("repaints it", f"{NODE.format('style-1')} node.set('palette', ['#000000'])", ("nodes/style-1/palette",)),
    Breach("deletes it", f"{NODE.format('style-1')} node.set('deleted', true)", ("nodes/style-1/deleted",)),
    Breach("removes its record", "doc.getMap('nodes').delete('style-1')", ("nodes/style-1",)),
)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("breach", STYLE_BREACHES, ids=[each.does for each in STYLE_BREACHES])
async def test_a_locked_style_stands_as_it_was_when_an_editor(film: Film, breach: Breach, dialect: Dialect) -> None:
    eve = await film.open("the editor", dialect)
    before = await film.agree(eve)
    await film.lock("/styles/style-1/lock")
    await eve.edit(breach.code)
    kept = [each async for each in proposals_of(film, len(breach.paths))]
    assert await film.agree(eve) == before
    assert kept == await told(eve, "the editor", breach.paths)
    assert {(each["rule"], each["message"]) for each in kept} == {("style_lock", STYLE_LOCKED)}


async def proposals_of(film: Film, count: int) -> AsyncIterator[dict[str, Any]]:
    """The editor's, once there are so many: the server has judged then."""
    end = time.monotonic() + 40
    while len(kept := await film.proposals("the editor")) < count:
        assert time.monotonic() < end, kept
    for each in kept:
        yield each


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_master_style_fixes_the_look_of_its_shots_and_leaves_the_rest(film: Film, dialect: Dialect) -> None:
    wanted = {"name": "Arrival", "masterStyleContext": "Wet neon.", "shots": ["shot-1"]}
    await film.send("the editor", "POST", "/scene-chains", wanted, 201)
    eve = await film.open("the editor", dialect)
    before = await film.agree(eve)
    await eve.edit(
        f"{SHOT} node.get('parameters').set('lens_mm', 85); node.get('prompt').insert(0, 'Look: ');"
        + join("new", "style-1", "style", "shot-1", "style")
    )
    kept = [each async for each in proposals_of(film, 2)]
    after = await film.agree(eve)
    before["nodes"]["shot-1"]["prompt"] = "Look: A bus."
    assert after == before
    assert kept == await told(eve, "the editor", ("nodes/shot-1/parameters", "edges/new"))
    assert {(each["rule"], each["message"]) for each in kept} == {("style_lock", STYLE_LOCKED)}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_locked_picture_leaves_the_audio_level_of_its_segments_and_nothing_else(
    film: Film, dialect: Dialect
) -> None:
    chain = await film.send("the editor", "POST", "/scene-chains", {"name": "Arrival", "shots": ["shot-1"]}, 201)
    segment = chain["segments"][0]["id"]
    eve = await film.open("the editor", dialect, "production")
    ed = await film.open("another editor", "hocuspocus", "production")
    await film.lock(f"/scene-chains/{chain['id']}/picture-lock", field="pictureLocked")
    await eve.until("Object.keys(p.json('locks')).length === 1")
    before = await film.agree(eve, ed)
    await eve.edit(
        f"const segment = doc.getMap('segments').get('{segment}'); segment.set('trim_start', 12);"
        f"segment.set('audio_trim_end', 3); segment.get('text').insert(0, 'Mine'); segment.set('audio_gain_db', -6);"
        f"doc.getMap('locks').clear(); doc.getMap('chains').get('{chain['id']}').set('order', [])"
    )
    await ed.until(f"p.json('segments')['{segment}'].audio_gain_db === -6")
    after = await film.agree(eve, ed)
    before["segments"][segment]["audio_gain_db"] = -6
    assert after == before
    where = f"segments/{segment}"
    paths = (
        *(f"{where}/{name}" for name in ("trim_start", "audio_trim_end", "text")),
        f"locks/picture:{chain['id']}",
        f"chains/{chain['id']}/order",
    )
    kept = await told(eve, "the editor", paths)
    assert {each["rule"] for each in kept if each["record"] == where} == {"picture_lock"}
    assert {each["rule"] for each in kept if each["record"] != where} == {"server_only"}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_segment_of_a_locked_shot_can_be_trimmed_and_not_rewritten(film: Film, dialect: Dialect) -> None:
    chain = await film.send("the editor", "POST", "/scene-chains", {"name": "Arrival", "shots": ["shot-1"]}, 201)
    segment = chain["segments"][0]["id"]
    eve = await film.open("the editor", dialect, "production")
    ed = await film.open("another editor", "hocuspocus", "production")
    await film.lock("/shots/shot-1/lock")
    await eve.edit(
        f"const segment = doc.getMap('segments').get('{segment}');"
        "segment.set('trim_start', 12); segment.get('text').insert(0, 'Mine')"
    )
    await ed.until(f"p.json('segments')['{segment}'].trim_start === 12")
    after = await film.agree(eve, ed)
    assert after["segments"][segment]["text"] == ""
    [kept] = await told(eve, "the editor", (f"segments/{segment}/text",))
    assert (kept["rule"], kept["proposed"], kept["kept"]) == ("shot_lock", "Mine", "")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_locked_contract_cannot_be_opened_through_the_document(film: Film, dialect: Dialect) -> None:
    await film.lock("/contract/lock")
    eve = await film.open("the editor", dialect, "production")
    before = await film.agree(eve)
    assert list(before["locks"]) == ["contract"]
    await eve.edit("doc.getMap('locks').delete('contract')")
    kept = [each async for each in proposals_of(film, 1)]
    assert await film.agree(eve) == before
    assert kept == await told(eve, "the editor", ("locks/contract",))
    brief = {"creativeContract": {"budgetCap": 500}}
    refused = await film.send("the editor", "PATCH", "", {**brief, "reason": "More takes."}, 423)
    assert refused["error"]["message"] == f"The brief and the budget are locked by the admin. Ask {WHO_LIFTS}."
    await film.send("the admin", "PATCH", "", {**brief, "reason": "More takes."})


OFFLINE_EDITS = (
    f"{SHOT} node.get('prompt').insert(0, 'Rain on '); node.set('position', {{x: 5, y: 5}}); node.set('title', 'Mine');"
    "doc.getMap('edges').delete('rain-1'); doc.getMap('nodes').get('shot-2').get('prompt').insert(0, 'Dry. ')"
)
OFFLINE_PATHS = ("nodes/shot-1/prompt", "nodes/shot-1/position", "nodes/shot-1/title", "edges/rain-1")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_edits_offline_what_is_locked_meanwhile_keeps_a_proposal_and_every_other_edit(
    film: Film, dialect: Dialect
) -> None:
    eve = await film.open("the editor", dialect)
    ed = await film.open("another editor", "hocuspocus")
    before = await film.agree(eve, ed)
    await eve.go_offline()
    await eve.edit(OFFLINE_EDITS)
    await film.lock("/shots/shot-1/lock")
    await ed.edit("doc.getMap('nodes').get('shot-2').set('title', 'Meanwhile')")
    await eve.come_back()
    await ed.until("p.map['shot-2'].prompt === 'Dry. A bus.'")
    after = await film.agree(eve, ed)
    before["nodes"]["shot-2"] |= {"prompt": "Dry. A bus.", "title": "Meanwhile"}
    assert after == before
    kept = await told(eve, "the editor", OFFLINE_PATHS)
    by_field = {each["field"]: each for each in kept}
    assert (by_field["prompt"]["proposed"], by_field["prompt"]["kept"]) == ("Rain on A bus.", "A bus.")
    assert (by_field["title"]["proposed"], by_field["title"]["kept"]) == ("Mine", "Title of shot-1")
    assert (by_field[None]["proposed"], by_field[None]["kept"]["target"]) == (None, "shot-1")
    await film.unlock("/shots/shot-1/lock")
    await eve.edit(OFFLINE_EDITS)
    await ed.until("p.map['shot-1'].title === 'Mine'")
    after = await film.agree(eve, ed)
    assert after["nodes"]["shot-1"]["prompt"] == "Rain on A bus."
    assert "rain-1" not in after["edges"]
    for each in kept:
        await film.send("the editor", "DELETE", f"/proposals/{each['id']}")
    assert await film.proposals("the editor") == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_of_two_editors_in_one_tick_only_the_one_who_breaks_a_rule_loses_the_edit(
    film: Film, dialect: Dialect
) -> None:
    eve = await film.open("the editor", dialect)
    ed = await film.open("another editor", "yjs")
    adam = await film.open("the admin", "hocuspocus")
    before = await film.agree(eve, ed, adam)
    await film.lock("/shots/shot-1/lock")
    edits = [
        # Both in one record as well: what is of the wrong type goes, what the other typed stays.
        {"peer": eve.name, "code": f"{SHOT} node.set('title', 'Mine'); node.get('prompt').insert(0, 'Mine. ')"},
        {"peer": eve.name, "code": f"{NODE.format('shot-2')} node.set('seed', 'not a number')"},
        {
            "peer": ed.name,
            "code": f"{NODE.format('shot-2')} node.set('title', 'Ours'); node.get('prompt').insert(0, 'Ours. ')",
        },
    ]
    # Nothing is read here until both have sent: the hub finds all of it at once.
    film.crew.node.say("together", edits=edits)
    time.sleep(0.2)  # noqa: ASYNC251 - the server's own loop is to stand still
    assert await film.crew.node.heard() is None
    await adam.until("p.map['shot-2'].prompt === 'Ours. A bus.'")
    after = await film.agree(eve, ed, adam)
    before["nodes"]["shot-2"] |= {"prompt": "Ours. A bus.", "title": "Ours"}
    assert after == before
    kept = await told(eve, "the editor", ("nodes/shot-1/title", "nodes/shot-1/prompt", "nodes/shot-2/seed"))
    assert {each["rule"] for each in kept} == {"shot_lock", "schema"}
    assert await film.proposals("another editor") == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_goes_on_breaking_a_lock_is_closed_and_nobody_else_notices(film: Film, dialect: Dialect) -> None:
    eve = await film.open("the editor", dialect)
    ed = await film.open("another editor", "hocuspocus")
    before = await film.agree(eve, ed)
    await film.lock("/shots/shot-1/lock")
    limit = film.crew.service.app[HUB].limits.refusals_per_minute
    tries = 0
    while not await eve.read("p.closes.includes(4403)"):
        tries += 1
        assert tries < 10 * limit
        await eve.edit(f"{SHOT} node.set('title', 'Try {tries}')")
        await eve.until("p.closes.includes(4403) || p.map['shot-1'].title === 'Title of shot-1'")
    assert tries > limit, "an honest mistake is no reason to be closed"
    await ed.edit("doc.getMap('nodes').get('shot-2').set('title', 'Ours')")
    before["nodes"]["shot-2"]["title"] = "Ours"
    assert await film.agree(ed) == before
    assert await ed.read("p.closes") == []


FREE = NODE.format("shot-2")
HONEST = (
    f"{FREE} node.get('prompt').insert(0, 'Déjà vu. ')",
    f"{FREE} node.get('prompt').delete(0, Math.min(3, node.get('prompt').length))",
    f"{FREE} node.set('title', '🎬 Ours')",
    f"{FREE} node.get('parameters').set('lens_mm', 35)",
    f"{FREE} node.set('position', {{x: 3, y: 4}})",
    f"{FREE} node.set('deleted', true)",
    f"{FREE} node.set('deleted', false)",
    f"{NODE.format('prompt-1')} node.get('prompt').insert(0, 'Rain. ')",
    "doc.getMap('edges').delete('neon-2')",
    join("more", "prompt-1", "text", "shot-2", "prompt"),
    f"doc.getMap('nodes').delete('shot-2'); doc.getMap('nodes').set('shot-2', shared({A_SHOT}))",
)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_editors_do_in_any_order_a_locked_shot_stands_and_all_replicas_are_equal(
    film: Film, seed: int
) -> None:
    chance = random.Random(seed)
    editors = [
        await film.open("the editor", "hocuspocus", undoes=True),
        await film.open("another editor", "yjs", undoes=True),
    ]
    watcher = await film.open("the owner", "hocuspocus")
    before = await film.agree(*editors, watcher)
    away: set[str] = set()
    await film.lock("/shots/shot-1/lock")
    for _ in range(24):
        editor = chance.choice(editors)
        if chance.random() < 0.2:
            await (editor.come_back() if editor.name in away else editor.go_offline())
            away ^= {editor.name}
        if chance.random() < 0.15:
            await film.crew.node.do("undo", editor.name, seed=chance.randrange(1000))
        code = chance.choice(HONEST) if chance.random() < 0.6 else chance.choice(SHOT_BREACHES).code
        # Offline the locked one may be gone in their own copy; and the server has not put it back yet.
        await editor.edit(f"if (doc.getMap('nodes').has('shot-1')) {{ {code} }}")
    for editor in editors:
        if editor.name in away:
            await editor.come_back()
    after = await film.agree(*editors, watcher)
    assert after["nodes"]["shot-1"] == before["nodes"]["shot-1"]
    feeds = [
        {key: edge for key, edge in each["edges"].items() if edge["target"] == "shot-1"} for each in (before, after)
    ]
    assert feeds[0] == feeds[1]
    for each in (*editors, watcher):
        assert await each.read("p.closes.filter(code => code >= 4400)") == []
