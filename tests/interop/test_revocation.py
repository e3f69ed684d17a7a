"""Rights that end, end on open sockets at once, with real Yjs clients: members, guests, tokens, sessions, roles."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from tests.support.crew import DIALECTS, Client, Crew, Dialect, Film, open_crew, shared, text
from tests.support.service import got, made

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTES = "annotations/shot-1"
SOON_SECONDS = 30.0
"""A second is promised; a machine that tests is busy with more than this."""
OVER = {4401, 4403, 4404}
"""Close codes after which a client does not come back by itself."""
PRESENT = "Object.values(p.states).some(state => state.cursor?.x === 7)"


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
class Right:
    """Somebody's right to write, and how it ends."""

    me: str
    end: Callable[[], Awaitable[object]]
    who: str = "another editor"
    shown: dict[str, Any] = field(default_factory=dict[str, Any])
    """A cookie or a token, where it is not just who they are."""


async def member(film: Film) -> Right:
    """Of a project that is open to its members only."""
    me = film.crew.ids["another editor"]
    await film.send("the owner", "PUT", "/access", {"access": "members"})
    await film.send("the owner", "POST", "/members", {"name": "another editor", "role": "editor"}, 201)
    return Right(me, lambda: film.send("the admin", "DELETE", f"/members/{me}"))


async def workspace(film: Film) -> Right:
    """Of a project that is open to the workspace, until it is open to its members only."""
    closing = {"access": "members"}
    return Right(film.crew.ids["another editor"], lambda: film.send("the owner", "PUT", "/access", closing))


async def guest(film: Film) -> Right:
    cookie, me, link = await film.guest()
    return Right(me, lambda: film.send("the admin", "DELETE", f"/shares/{link}"), shown={"cookie": cookie})


async def api_token(film: Film) -> Right:
    session = film.crew.sessions["another editor"]
    wanted = {"name": "script", "role": "editor", "project": film.project, "days": 1}
    token = await made(session, "/api/me/tokens", wanted)

    async def revoke() -> None:
        async with session.delete(f"/api/me/tokens/{token['id']}") as reply:
            assert reply.status == 200

    return Right(film.crew.ids["another editor"], revoke, shown={"token": token["token"]})


async def session(film: Film) -> Right:
    """A program that signed in by password, and is signed out from elsewhere."""
    known = {each["id"] for each in await got(film.crew.sessions["another editor"], "/api/me/sessions")}
    token = await film.crew.service.token("another editor")
    listed = await got(film.crew.sessions["another editor"], "/api/me/sessions")
    [fresh] = [each["id"] for each in listed if each["id"] not in known]

    async def sign_out() -> None:
        async with film.crew.sessions["another editor"].delete(f"/api/me/sessions/{fresh}") as reply:
            assert reply.status == 200

    return Right(film.crew.ids["another editor"], sign_out, shown={"token": token})


async def write(client: Client, me: str, words: str) -> None:
    """A note on the shot, with its words for its id as well."""
    fields = {"author": me, "mark": "", "reply_to": "", "created_at": "", "resolved": False, "deleted": False}
    record = json.dumps(shared({**fields, "text": text(words)}))
    await client.edit(f"doc.getMap('notes').set('{words}', shared({record}))")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("right", [member, workspace, guest, api_token, session], ids=lambda each: each.__name__)
async def test_who_may_not_come_in_any_more_is_out_at_once(
    film: Film, right: Callable[[Film], Awaitable[Right]], dialect: Dialect
) -> None:
    theirs = await right(film)
    client = await film.open(theirs.who, dialect, NOTES, **theirs.shown)
    watcher = await film.open("the owner", "hocuspocus", NOTES)
    bystander = await film.open("the admin", dialect, NOTES)
    await write(client, theirs.me, "before")
    await watcher.until("p.holds('notes', 'before')")
    await film.crew.node.do("presence", client.name, state={"cursor": {"x": 7, "y": 7}})
    await watcher.until(PRESENT)
    await theirs.end()
    begun = time.monotonic()
    if dialect == "hocuspocus":
        # The socket may carry other documents, so this one is closed by a word of the dialect.
        await client.until("p.ends.length > 0 && p.denials.length > 0", SOON_SECONDS)
    else:
        await client.until("p.gaveUp !== null", SOON_SECONDS)
        assert await client.read("p.gaveUp") in OVER
    assert time.monotonic() - begun < SOON_SECONDS
    await watcher.until(f"!{PRESENT}")
    assert await client.read("p.synced") is False
    await write(client, theirs.me, "after")
    await client.go_offline()
    await client.come_back()
    await client.until("p.closes.length > 1 || p.denials.length > 1")
    await write(watcher, film.crew.ids["the owner"], "later")
    await bystander.until("p.holds('notes', 'later')")
    assert sorted((await film.agree(watcher, bystander))["notes"]) == ["before", "later"]
    assert await client.read("p.holds('notes', 'later')") is False, "nothing of what others do is shown either"
    assert await bystander.read("p.closes") == []


async def test_every_document_of_one_connection_hears_of_another_role(film: Film) -> None:
    me = film.crew.ids["another editor"]
    await film.send("the owner", "POST", "/members", {"name": "another editor", "role": "editor"}, 201)
    canvas, notes, takes = [
        await film.open("another editor", "hocuspocus", document, socket=f"one of {film.project}")
        for document in ("canvas", NOTES, "takes")
    ]
    assert [await each.read("p.scope") for each in (canvas, notes, takes)] == ["read-write", "read-write", "readonly"]
    await film.send("the owner", "PUT", f"/members/{me}", {"role": "reviewer"})
    await canvas.until("p.scope === 'readonly'", SOON_SECONDS)
    await write(notes, me, "still mine to say")
    await notes.until("p.saved")
    await canvas.edit("doc.getMap('nodes').get('shot-1').set('title', 'Mine')")
    await canvas.until("p.refused === 1")
    owner = await film.open("the owner", "yjs")
    assert (await film.agree(owner))["nodes"]["shot-1"]["title"] == "Title of shot-1"
    assert await canvas.read("p.closes") == []
    await film.send("the owner", "PUT", "/access", {"access": "members"})
    await film.send("the owner", "DELETE", f"/members/{me}")
    for each in (canvas, notes, takes):
        await each.until("p.ends.length > 0 && p.denials.length > 0", SOON_SECONDS)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_becomes_a_viewer_reads_on_and_writes_no_more_until_they_may_again(
    film: Film, dialect: Dialect
) -> None:
    """What was refused is kept by nobody but their client, and comes with the role, without a new connection."""
    me = film.crew.ids["another editor"]
    await film.send("the owner", "POST", "/members", {"name": "another editor", "role": "editor"}, 201)
    client = await film.open("another editor", dialect, NOTES)
    watcher = await film.open("the owner", "yjs", NOTES)
    await write(client, me, "before")
    await watcher.until("p.holds('notes', 'before')")
    await film.send("the owner", "PUT", f"/members/{me}", {"role": "viewer"})
    # The reply was there, so it counts: not a single edit comes through any more.
    await write(client, me, "after")
    await client.until("p.refused > 0", SOON_SECONDS)
    await client.film.crew.node.do("presence", client.name, state={"cursor": {"x": 7, "y": 7}})
    await watcher.until(PRESENT)
    await write(watcher, film.crew.ids["the owner"], "later")
    await client.until("p.holds('notes', 'later')")
    notes = (await film.agree(watcher))["notes"]
    assert notes.keys() >= {"before", "later"}
    assert "after" not in notes
    assert await client.read("p.closes") == []
    await film.send("the owner", "PUT", f"/members/{me}", {"role": "editor"})
    await watcher.until("p.holds('notes', 'after')", SOON_SECONDS)
    await write(client, me, "again")
    await watcher.until("p.holds('notes', 'again')")
    await film.agree(watcher, client)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_was_offline_while_they_became_a_viewer_brings_nothing(film: Film, dialect: Dialect) -> None:
    me = film.crew.ids["another editor"]
    await film.send("the owner", "POST", "/members", {"name": "another editor", "role": "editor"}, 201)
    client = await film.open("another editor", dialect, NOTES)
    watcher = await film.open("the owner", "hocuspocus", NOTES)
    await client.go_offline()
    await write(client, me, "offline")
    await film.send("the owner", "PUT", f"/members/{me}", {"role": "viewer"})
    await client.come_back()
    await client.until("p.refused > 0")
    await write(watcher, film.crew.ids["the owner"], "later")
    await client.until("p.holds('notes', 'later')")
    assert list((await film.agree(watcher))["notes"]) == ["later"]
