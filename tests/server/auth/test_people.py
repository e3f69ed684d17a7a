"""Who may sign in, and how often a one-time link works."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from crdt_schema.ids import ProjectId
from server.auth.credentials import SESSION_LIFETIME, Wanted
from server.auth.database import MIGRATIONS
from server.auth.passwords import MOST_CHECKS
from server.auth.people import People
from server.auth.tokens import FarmGrant, Tokens, workspace_secret
from server.errors import BadRequest, Conflict, Forbidden, TooMany, Unauthorised
from tests.support.sockets import until

START = datetime(2026, 11, 20, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START
        self.reads = 0

    def __call__(self) -> datetime:
        self.reads += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def people(tmp_path: Path, clock: Clock) -> AsyncIterator[People]:
    opened = await People.open(tmp_path / "workspace.sqlite", clock)
    yield opened
    await opened.close()


async def test_a_password_signs_in_and_a_wrong_one_does_not(people: People) -> None:
    ana = await people.add("Ana", "correct horse", "editor")
    assert await people.sign_in("ana", "correct horse") == ana
    for name, password in (("Ana", "wrong horse"), ("Bob", "correct horse"), ("Ana", "")):
        with pytest.raises(Unauthorised, match="Name or password is wrong"):
            await people.sign_in(name, password)


async def test_a_name_signs_in_as_it_was_typed_when_it_was_added(people: People) -> None:
    ana = await people.add("  Ana   Lind ", "correct horse", "editor")
    assert ana.name == "Ana Lind"
    assert await people.sign_in("  Ana   Lind ", "correct horse") == ana


async def test_a_flood_of_sign_ins_is_told_to_come_back(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    all_have_come = threading.Event()
    monkeypatch.setattr(people._passwords, "_hasher", Patient(all_have_come))
    tries = [asyncio.create_task(people.sign_in("Nobody", "guess")) for _ in range(MOST_CHECKS + 10)]
    try:
        await until(lambda: sum(each.done() for each in tries) == 10)
    finally:
        all_have_come.set()
    failures = [type(each) for each in await asyncio.gather(*tries, return_exceptions=True)]
    assert failures.count(TooMany) == 10
    assert failures.count(Unauthorised) == MOST_CHECKS


class Patient(PasswordHasher):
    """Hashes nothing before it may: how many wait for it is not a matter of speed then."""

    def __init__(self, may: threading.Event) -> None:
        super().__init__()
        self._may = may

    def hash(self, *args: Any, **kwargs: Any) -> str:
        assert self._may.wait(60)
        return super().hash(*args, **kwargs)


async def test_an_unknown_name_costs_as_much_as_a_wrong_password(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[object] = []
    monkeypatch.setattr(people._passwords, "_hasher", Counted(hashed))
    await people.add("Ana", "correct horse", "editor")
    hashed.clear()
    for name in ("Ana", "Nobody"):
        with pytest.raises(Unauthorised):
            await people.sign_in(name, "wrong horse")
    assert len(hashed) == 2


class Counted(PasswordHasher):
    """Counts what takes the time."""

    def __init__(self, calls: list[object]) -> None:
        super().__init__()
        self._calls = calls

    def hash(self, *args: Any, **kwargs: Any) -> str:
        self._calls.append("hash")
        return super().hash(*args, **kwargs)

    def verify(self, *args: Any, **kwargs: Any) -> Any:
        self._calls.append("verify")
        return super().verify(*args, **kwargs)


async def test_many_processes_may_open_a_new_workspace_at_once(tmp_path: Path, clock: Clock) -> None:
    opened = await asyncio.gather(*(People.open(tmp_path / "new.sqlite", clock) for _ in range(8)))
    for number, each in enumerate(opened):
        await each.add(f"Person {number}", "correct horse", "editor")
        await each.close()


async def test_the_link_of_the_owner_signs_in_nobody_else(people: People) -> None:
    bo = await people.add("Owner", "correct horse", "viewer")
    owner = await people.ensure_local_owner()
    assert owner.role == "owner"
    assert owner.id != bo.id
    assert await people.ensure_local_owner() == owner


async def test_a_name_is_taken_once_whatever_its_case(people: People) -> None:
    await people.add("Ana", "correct horse", "editor")
    with pytest.raises(Conflict):
        await people.add("ANA", "another horse", "viewer")


@pytest.mark.parametrize(
    ("name", "password"), [("", "long enough"), ("x" * 61, "long enough"), ("Ana", "short"), ("a\x00b", "long enough")]
)
async def test_poor_names_and_passwords_are_refused(people: People, name: str, password: str) -> None:
    with pytest.raises(BadRequest):
        await people.add(name, password, "editor")


async def test_the_local_owner_has_no_password_to_guess(people: People) -> None:
    owner = await people.ensure_local_owner()
    assert owner.role == "owner"
    assert await people.ensure_local_owner() == owner
    with pytest.raises(Unauthorised):
        await people.sign_in(owner.name, "")


async def test_a_one_time_link_works_once(people: People) -> None:
    owner = await people.ensure_local_owner()
    code = await people.one_time_login(owner.id)
    assert await people.redeem(code) == owner
    with pytest.raises(Unauthorised):
        await people.redeem(code)


async def test_a_one_time_link_is_old_after_an_hour(people: People, clock: Clock) -> None:
    owner = await people.ensure_local_owner()
    code = await people.one_time_login(owner.id)
    clock.now += timedelta(hours=1, seconds=1)
    with pytest.raises(Unauthorised):
        await people.redeem(code)


async def test_who_is_removed_signs_in_no_more_and_frees_the_name(people: People) -> None:
    ana = await people.add("Ana", "correct horse", "editor")
    await people.remove(ana)
    for refused in (people.sign_in("Ana", "correct horse"), people.user(ana.id)):
        with pytest.raises(Unauthorised):
            await refused
    assert (await people.add("Ana", "another horse", "viewer")).id != ana.id


async def test_the_last_owner_of_a_workspace_stays_its_owner(people: People) -> None:
    owner = await people.ensure_local_owner()
    for refused in (people.remove(owner), people.change_role(owner, "admin")):
        with pytest.raises(Conflict, match="last one"):
            await refused
    await people.add("Bo", "correct horse", "owner")
    await people.change_role(owner, "admin")
    assert (await people.user(owner.id)).role == "admin"


async def test_a_new_password_ends_the_sessions_of_the_old_one(people: People) -> None:
    ana = await people.add("Ana", "correct horse", "editor")
    mine, my_secret = await people.credentials.issue(Wanted(ana.id, "session", SESSION_LIFETIME))
    _, other_secret = await people.credentials.issue(Wanted(ana.id, "session", SESSION_LIFETIME))
    with pytest.raises(Forbidden, match="current password is wrong"):
        await people.change_password(ana, "wrong horse", "another horse")
    await people.change_password(replace(ana, by=mine), "correct horse", "another horse")
    assert await people.sign_in("Ana", "another horse") == ana
    assert await people.credentials.user_with(my_secret, ("session",)) == ana
    with pytest.raises(Unauthorised):
        await people.credentials.user_with(other_secret, ("session",))


async def test_a_workspace_of_an_older_workprint_opens_with_its_people(tmp_path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as old, old:
        for statement in MIGRATIONS[0]:
            old.execute(statement)
        hashed = PasswordHasher().hash("correct horse")
        old.execute("INSERT INTO users VALUES ('ana', 'Ana', ?, 'viewer', 3, '2026-01-01T00:00:00+00:00')", (hashed,))
        old.execute("INSERT INTO memberships VALUES ('film', 'ana', 'admin')")
        old.execute("PRAGMA user_version = 1")
    people = await People.open(tmp_path / "old.sqlite", clock)
    ana = await people.sign_in("Ana", "correct horse")
    assert (ana.id, ana.role, ana.hue) == ("ana", "viewer", 3)
    assert await people.role_in(ProjectId("film"), ana) == "admin"
    with pytest.raises(Conflict):
        await people.add("ana", "another horse", "viewer")
    await people.close()


async def watching_from_now(people: People, clock: Clock) -> asyncio.Task[None]:
    """The watch, once it knows what is there already: it looks at the clock last."""
    before = clock.reads
    watching = asyncio.create_task(people.watch())
    await until(lambda: clock.reads > before)
    return watching


async def test_what_another_process_changes_is_noticed_within_a_second(
    tmp_path: Path, people: People, clock: Clock
) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    people.on_change(told.put)
    watching = await watching_from_now(people, clock)
    command = await People.open(tmp_path / "workspace.sqlite", clock)
    await command.add("Ana", "correct horse", "editor")
    assert await asyncio.wait_for(told.get(), 60) == ""
    await command.close()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_what_ends_by_its_date_is_noticed_within_a_second(people: People, clock: Clock) -> None:
    ana = await people.add("Ana", "correct horse", "editor")
    await people.credentials.issue(Wanted(ana.id, "session", timedelta(minutes=5)))
    told: asyncio.Queue[str] = asyncio.Queue()
    people.on_change(told.put)
    watching = await watching_from_now(people, clock)
    clock.now += timedelta(minutes=6)
    assert await asyncio.wait_for(told.get(), 60) == ana.id
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_people_are_remembered_over_a_restart(tmp_path: Path, clock: Clock) -> None:
    for round_number in range(2):
        people = await People.open(tmp_path / "w.sqlite", clock)
        if round_number == 0:
            await people.add("Ana", "correct horse", "editor")
        assert (await people.sign_in("Ana", "correct horse")).role == "editor"
        await people.close()


def test_a_token_stands_for_its_session_until_it_expires() -> None:
    tokens = Tokens("s" * 32)
    token = tokens.issue("session-1", now=START, lifetime=timedelta(minutes=1))
    assert tokens.verify(token, now=START + timedelta(seconds=59)) == "session-1"
    with pytest.raises(Unauthorised, match="expired"):
        tokens.verify(token, now=START + timedelta(minutes=1))


def test_a_token_of_another_secret_or_for_another_use_is_refused() -> None:
    tokens, other = Tokens("s" * 32), Tokens("t" * 32)
    farm = tokens.issue_farm(FarmGrant(ProjectId("p"), "j"), now=START)
    stolen = other.issue("session-1", now=START, lifetime=timedelta(minutes=1))
    for token in (farm, stolen, "", "rubbish", farm[:-2]):
        with pytest.raises(Unauthorised):
            tokens.verify(token, now=START)
    assert tokens.verify_farm(farm, now=START) == FarmGrant(ProjectId("p"), "j")


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = workspace_secret(tmp_path, "")
    assert workspace_secret(tmp_path, "") == first
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert workspace_secret(tmp_path, "configured") == "configured"
