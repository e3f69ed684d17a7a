"""Who belongs to a project, with which role, and who may change that (G-098 to G-101, X-011)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import aiosqlite

from crdt_schema.ids import ProjectId, UserId
from crdt_schema.records import Role
from server.auth.actor import Actor, User
from server.auth.audit import Audit, Note
from server.auth.changes import Changes
from server.auth.database import Database
from server.auth.policy import lower, may_give, role_here
from server.errors import BadRequest, Conflict, Forbidden, NotFound

ProjectAccess = Literal["workspace", "members"]
"""Whether a project is open to everybody of the workspace, with the role they have there, or to its members only."""

STANDING = """
    SELECT u.role, m.role, COALESCE(a.access, 'workspace'), s.role_cap, u.share, u.id, u.name, u.hue
    FROM users u
    LEFT JOIN memberships m ON m.user_id = u.id AND m.project = :project
    LEFT JOIN project_access a ON a.project = :project
    LEFT JOIN credentials s ON s.id = u.share AND s.project = :project AND s.revoked_at IS NULL AND s.expires_at > :now
    WHERE u.removed_at IS NULL
"""


@dataclass(frozen=True)
class Member:
    """Somebody who reaches a project, and how."""

    id: UserId
    name: str
    hue: int
    role: Role
    guest: bool
    via: Literal["member", "workspace", "share"]


class Members:
    """Roles in projects. Whoever changes one is the Actor `by`, with their own role in that project."""

    def __init__(self, database: Database, clock: Callable[[], datetime], audit: Audit, changes: Changes) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._changes = changes

    async def role_in(self, project: ProjectId, user: User) -> Role | None:
        """The role somebody has in a project today, as far as what they signed in with carries it; None: none."""
        if user.by is not None and user.by.only not in (None, project):
            return None
        values = {"project": project, "now": self._clock().timestamp(), "user": user.id}
        found = _member(await self._database.one(f"{STANDING} AND u.id = :user", values))
        if found is None or user.by is None or user.by.cap is None:
            return found.role if found else None
        return lower(found.role, user.by.cap)

    async def access(self, project: ProjectId) -> ProjectAccess:
        """Whom a project is open to."""
        row = await self._database.one("SELECT access FROM project_access WHERE project = ?", (project,))
        return row[0] if row else "workspace"

    async def all(self, project: ProjectId) -> list[Member]:
        """Everybody who reaches a project, by name."""
        values = {"project": project, "now": self._clock().timestamp()}
        rows = await self._database.all(f"{STANDING} ORDER BY u.name, u.id", values)
        return [member for member in map(_member, rows) if member is not None]

    async def manages_any(self, user: User) -> bool:
        """Whether somebody is admin or owner of any project."""
        query = "SELECT 1 FROM memberships WHERE user_id = ? AND role IN ('admin', 'owner') LIMIT 1"
        return await self._database.one(query, (user.id,)) is not None

    async def found(self, project: ProjectId, owner: UserId) -> None:
        """Make somebody the owner of a project that was just made."""
        async with self._database.write() as writing:
            await _set(writing, project, owner, "owner")
        await self._changes.tell(owner)

    async def add(self, project: ProjectId, name: str, role: Role, by: Actor) -> Member:
        """Make a person of the workspace a member; raises NotFound, Conflict, Forbidden."""
        async with self._database.write() as writing:
            query = "SELECT id FROM users WHERE name = ? AND share = '' AND removed_at IS NULL"
            row = await self._database.one(query, (" ".join(name.split()),))
            if row is None:
                raise NotFound(
                    "Nobody of that name is in this workspace. Whoever runs it can add them with `workprint user add`."
                )
            user = UserId(row[0])
            if await self._given(project, user) is not None:
                raise Conflict("They are a member already. Change their role instead.")
            _demand_gift(by, None, role)
            await _set(writing, project, user, role)
            await self._audit.note_within(writing, Note(project, by, "member_added", user, detail=role))
        await self._changes.tell(user)
        return await self._member(project, user)

    async def change(self, project: ProjectId, user: UserId, role: Role, by: Actor) -> Member:
        """Give a member another role; raises NotFound, Conflict, Forbidden."""
        async with self._database.write() as writing:
            today = await self._must_be_given(project, user)
            # Stepping down needs nobody's leave; stepping up does, and `may_give` never lets anybody lift themselves.
            if not (user == by.user_id and lower(today, role) == role):
                _demand_gift(by, today, role)
            if role != "owner":
                await self._must_keep_an_owner(project, today)
            await _set(writing, project, user, role)
            note = Note(project, by, "role_change", user, detail=f"{today} -> {role}")
            await self._audit.note_within(writing, note)
        await self._changes.tell(user)
        return await self._member(project, user)

    async def remove(self, project: ProjectId, user: UserId, by: Actor) -> None:
        """Take somebody out of a project, or leave it oneself; raises NotFound, Conflict, Forbidden."""
        async with self._database.write() as writing:
            today = await self._must_be_given(project, user)
            if user != by.user_id:
                _demand_gift(by, today, None)
            await self._must_keep_an_owner(project, today)
            await writing.execute("DELETE FROM memberships WHERE project = ? AND user_id = ?", (project, user))
            await self._audit.note_within(writing, Note(project, by, "member_removed", user, detail=today))
        await self._changes.tell(user)

    async def transfer(self, project: ProjectId, user: UserId, by: Actor) -> None:
        """Hand a project over: `user` becomes its owner and `by` an admin; raises NotFound, BadRequest."""
        if user == by.user_id:
            raise BadRequest("You are the owner already. Name somebody else.")
        async with self._database.write() as writing:
            query = "SELECT share FROM users WHERE id = ? AND removed_at IS NULL"
            row = await self._database.one(query, (user,))
            if row is None:
                raise NotFound("There is no such person in this workspace.")
            if row[0]:
                raise BadRequest("A guest cannot own a project. They need an account first.")
            await _set(writing, project, user, "owner")
            await writing.execute(
                "UPDATE memberships SET role = 'admin' WHERE project = ? AND user_id = ? AND role = 'owner'",
                (project, by.user_id),
            )
            await self._audit.note_within(writing, Note(project, by, "ownership_transferred", user))
        await self._changes.tell(user, by.user_id)

    async def open_to(self, project: ProjectId, access: ProjectAccess, by: Actor) -> None:
        """Open a project to the workspace, or to its members only; `by` stays in."""
        async with self._database.write() as writing:
            await writing.execute(
                "INSERT INTO project_access VALUES (?, ?) ON CONFLICT (project) DO UPDATE SET access = excluded.access",
                (project, access),
            )
            if access == "members" and await self._given(project, UserId(by.user_id)) is None and by.role != "farm":
                await _set(writing, project, UserId(by.user_id), by.role)
            await self._audit.note_within(writing, Note(project, by, "access_change", project, detail=access))
        await self._changes.tell("")

    async def knows(self, project: ProjectId) -> bool:
        """Whether anybody ever had to do with a project here: then its id is not for a stranger's to take."""
        query = """
            SELECT EXISTS (SELECT 1 FROM memberships WHERE project = :project)
                OR EXISTS (SELECT 1 FROM project_access WHERE project = :project)
                OR EXISTS (SELECT 1 FROM credentials WHERE project = :project)
                OR EXISTS (SELECT 1 FROM audit WHERE project = :project)
        """
        return bool((await self._database.one(query, {"project": project}))[0])

    async def forget(self, project: ProjectId) -> None:
        """A project was erased: its members, its links and the tokens that open nothing else end."""
        async with self._database.write() as writing:
            for query in (
                """UPDATE credentials SET revoked_at = :now WHERE kind = 'guest' AND revoked_at IS NULL AND user_id IN
                (SELECT u.id FROM users u JOIN credentials s ON s.id = u.share WHERE s.project = :project)""",
                "UPDATE credentials SET revoked_at = :now WHERE project = :project AND revoked_at IS NULL",
                "DELETE FROM memberships WHERE project = :project",
                "DELETE FROM project_access WHERE project = :project",
            ):
                await writing.execute(query, {"project": project, "now": self._clock().timestamp()})
        await self._changes.tell("")

    async def _given(self, project: ProjectId, user: UserId) -> Role | None:
        query = "SELECT role FROM memberships WHERE project = ? AND user_id = ?"
        row = await self._database.one(query, (project, user))
        return row[0] if row else None

    async def _must_be_given(self, project: ProjectId, user: UserId) -> Role:
        today = await self._given(project, user)
        if today is None:
            raise NotFound("They are no member of this project. Who comes by the workspace or a share link is none.")
        return today

    async def _must_keep_an_owner(self, project: ProjectId, today: Role) -> None:
        query = "SELECT COUNT(*) FROM memberships WHERE project = ? AND role = 'owner'"
        if today == "owner" and (await self._database.one(query, (project,)))[0] <= 1:
            raise Conflict("A project needs an owner, and this is the last one. Make somebody else the owner first.")

    async def _member(self, project: ProjectId, user: UserId) -> Member:
        values = {"project": project, "now": self._clock().timestamp(), "user": user}
        found = _member(await self._database.one(f"{STANDING} AND u.id = :user", values))
        if found is None:
            raise NotFound("There is no such person in this workspace.")
        return found


async def _set(writing: aiosqlite.Connection, project: ProjectId, user: UserId, role: Role) -> None:
    query = "INSERT INTO memberships VALUES (?, ?, ?) ON CONFLICT (project, user_id) DO UPDATE SET role = excluded.role"
    await writing.execute(query, (project, user, role))


def _member(
    row: tuple[Role | None, Role | None, ProjectAccess, Role | None, str, UserId, str, int] | None,
) -> Member | None:
    if row is None:
        return None
    workspace, given, access, shared, share, user, name, hue = row
    if share:
        return None if shared is None else Member(user, name, hue, shared, guest=True, via="share")
    role = role_here(workspace, given, open_to_workspace=access == "workspace")
    if role is None:
        return None
    return Member(user, name, hue, role, guest=False, via="member" if given == role else "workspace")


def _demand_gift(by: Actor, today: Role | None, wanted: Role | None) -> None:
    if may_give(by.role, today, wanted):
        return
    if "admin" in (today, wanted) or "owner" in (today, wanted):
        raise Forbidden("Only the owner of this project makes admins and owners, or changes their role. Ask the owner.")
    raise Forbidden(f"You are {by.role} here. Ask an admin or the owner of this project.")
