"""Who may write what, with real Yjs clients: every role in every kind of document, in both dialects."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from crdt_schema.documents import KINDS, DocumentKind
from crdt_schema.records import Role
from crdt_schema.roles import LADDER
from server import keys
from server.auth.policy import access, reaches
from server.auth.tokens import FarmGrant
from tests.support.crew import DIALECTS, Crew, Dialect, Film, open_crew, shared, text

pytestmark = pytest.mark.asyncio(loop_scope="module")

GUESTS: dict[str, Role] = {"a guest who may look": "viewer", "a guest who may review": "reviewer"}
WHO: dict[str, Role] = {**{f"the {role}": role for role in LADDER}, **GUESTS}
WRITABLE = ("read-write", "readonly")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crew(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crew]:
    async with open_crew(tmp_path_factory.mktemp("workspace")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_film(crew: Crew) -> AsyncIterator[Film]:
    async with crew.film() as film:
        wanted = {"name": "Arrival", "shots": ["shot-1"]}
        await film.send("the editor", "POST", "/scene-chains", wanted, 201)
        await film.send("the editor", "POST", "/forks", {"name": "shot-1"}, 201)
        yield film


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guests(shared_film: Film) -> dict[str, tuple[str, str]]:
    """The cookie of each guest, and their id."""
    return {who: (await shared_film.guest(role))[:2] for who, role in GUESTS.items()}


@pytest_asyncio.fixture(loop_scope="module")
async def table(shared_film: Film) -> AsyncIterator[Film]:
    """The film of the whole table: whatever a test writes in it carries a mark of its own."""
    yield shared_film
    await shared_film.leave()


@pytest_asyncio.fixture(loop_scope="module")
async def film(crew: Crew) -> AsyncIterator[Film]:
    """A film of the test's own."""
    async with crew.film() as made:
        yield made


def name_of(kind: DocumentKind) -> str:
    return f"{kind.name}/shot-1" if kind.named else kind.name


def writings(me: str, mark: str) -> dict[str, dict[str, Any]]:
    """For each kind of document and each of its roots, an honest record of somebody's."""
    note = {"author": me, "text": text(mark), "created_at": "", "deleted": False}
    lock = {"kind": "shot", "target": mark, "by": me, "by_name": "", "at": "", "reason": ""}
    canvas = {
        "nodes": shared({"type": "note", "title": mark, "position": {"x": 0, "y": 0}, "text": text(mark)}),
        "edges": {"source": "prompt-1", "source_socket": "text", "target": "shot-1", "target_socket": "prompt"},
        "intents": {"kind": "cancel", "job": mark},
    }
    return {
        "canvas": canvas,
        "fork": canvas,
        "styles": {
            "styles": shared({"title": mark, "context": text(mark), "author": me, "deleted": False}),
            "votes": shared({me: 1}),
            "notes": shared({**note, "style": "style-1"}),
        },
        "annotations": {
            "marks": shared({**note, "take": "take-1", "frame": 3, "kind": "pin", "data": {}}),
            "notes": shared({**note, "mark": "", "reply_to": "", "resolved": False}),
            "verdicts": shared({me: "approved"}),
        },
        "takes": {"jobs": shared({"status": "completed"}), "takes": {"node": "shot-1", "number": 1}},
        "library": {"assets": shared({"kind": "prop", "title": mark, "author": me, "deleted": False})},
        "production": {
            "locks": lock,
            "chains": shared({"name": mark, "order": [], "deleted": False}),
            "audit": {"at": "", "by": me, "action": "unlock"},
            "forks": {"at": "", "by": me, "by_name": "", "commit": "", "deleted": False},
        },
    }


def code_of(kind: DocumentKind, me: str, mark: str) -> str:
    """JavaScript that writes in every root of a document, all in one update."""
    lines = [
        f"doc.getMap('{root}').set('{mark}', shared({json.dumps(record)}))"
        for root, record in writings(me, mark).get(kind.name, {}).items()
    ]
    if kind.name == "production":
        lines.append(f"[...doc.getMap('segments').values()][0].get('text').insert(0, '{mark} ')")
    if kind.name == "script":
        lines.append(f"doc.getText('text').insert(0, '{mark} ')")
    return ";".join(lines)


def may_write(role: Role, kind: DocumentKind) -> dict[str, bool]:
    """Root by root, as architecture says."""
    whole = access(role, kind) == "write"
    return {root: whole and least is not None and reaches(role, least) for root, least in kind.roots.items()}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("who", WHO)
async def test_a_role_writes_what_the_table_says_and_nothing_else_arrives(
    table: Film, guests: dict[str, tuple[str, str]], who: str, kind: DocumentKind, dialect: Dialect
) -> None:
    cookie, me = guests[who] if who in guests else ("", table.crew.ids[who])
    mark = f"{who.replace(' ', '-')}-{dialect}"
    expected = may_write(WHO[who], kind)
    document = name_of(kind)
    other = await table.open("the owner", "yjs" if dialect == "hocuspocus" else "hocuspocus", document)
    writer = await table.open(who, dialect, document, cookie=cookie)
    if dialect == "hocuspocus":
        assert await writer.read("p.scope") == WRITABLE[access(WHO[who], kind) == "read"]
    await writer.edit(code_of(kind, me, mark))
    if not any(expected.values()):
        await writer.until("p.refused > 0")
        if dialect == "hocuspocus":
            assert await writer.read("p.unsynced") == 1, "what is not saved must not look saved"
    for root, stays in expected.items():
        if any(expected.values()):
            await writer.until(f"p.holds('{root}', '{mark}') === {str(stays).lower()}")
        if stays:
            await other.until(f"p.holds('{root}', '{mark}')")
    fresh = await table.open("the owner", dialect, document)
    together = (other, fresh, writer) if any(expected.values()) else (other, fresh)
    shown = await table.agree(*together)
    assert {root: mark in str(shown[root]) for root in expected} == expected


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_the_farm_gets_no_document(table: Film, kind: DocumentKind, dialect: Dialect) -> None:
    app = table.crew.service.app
    token = app[keys.TOKENS].issue_farm(FarmGrant(table.project, "job-1"), now=app[keys.CLOCK]())
    assert access("farm", kind) == "none"
    node = await table.open("the farm", dialect, name_of(kind), synced=False, token=token)
    await node.until("p.denials.length + p.closes.length > 0")
    assert await node.read("p.synced") is False
    assert await node.read(f"Object.keys(p.json('{next(iter(kind.roots))}')).length") == 0


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_of_one_update_a_reviewer_keeps_the_vote_and_loses_the_style_and_is_told_why(
    film: Film, dialect: Dialect
) -> None:
    me = film.crew.ids["the reviewer"]
    reviewer = await film.open("the reviewer", dialect, "styles")
    owner = await film.open("the owner", "hocuspocus", "styles")
    await owner.put("styles", "noir", writings(film.crew.ids["the owner"], "Noir")["styles"]["styles"])
    await reviewer.until("p.holds('styles', 'Noir')")
    vote = json.dumps(shared({me: 1}))
    await reviewer.edit(
        f"doc.getMap('styles').get('noir').set('title', 'Mine'); doc.getMap('votes').set('noir', shared({vote}))"
    )
    await owner.until("p.holds('votes', 'noir')")
    shown = await film.agree(reviewer, owner)
    assert (shown["styles"]["noir"]["title"], shown["votes"]) == ("Noir", {"noir": {me: 1}})
    [proposal] = await film.proposals("the reviewer")
    assert (proposal["rule"], proposal["record"], proposal["field"]) == ("role", "styles/noir", "title")
    assert (proposal["proposed"], proposal["kept"]) == ("Mine", "Noir")
    assert proposal["lift"] == "an admin or the owner of this project"
    if dialect == "hocuspocus":
        await reviewer.until("p.told.length === 1")
        assert (await reviewer.read("p.told"))[0]["path"] == ["styles", "noir", "title"]
