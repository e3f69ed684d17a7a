"""People of a workspace: users, passwords and one-time logins; and the way to everything else about rights."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import aiosqlite
import structlog

from crdt_schema.ids import ProjectId, UserId, new_id
from crdt_schema.records import Role
from server.auth.actor import HUES, SYSTEM, User
from server.auth.audit import Audit, Note
from server.auth.changes import Changes, Listener
from server.auth.credentials import Credentials, digest
from server.auth.database import Database
from server.auth.members import Members
from server.auth.names import checked_name
from server.auth.passwords import Passwords
from server.auth.shares import Shares
from server.errors import Conflict, Forbidden, NotFound, Unauthorised

__all__ = ["People", "User"]

ONE_TIME_LIFETIME = timedelta(hours=1)
LOOK_SECONDS = 0.5
log = structlog.get_logger(__name__)

USER = "SELECT id, name, role, hue, share FROM users WHERE removed_at IS NULL"


class People:
    """Who may sign in. `members`, `credentials`, `shares` and `audit` work on the same database."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._passwords = Passwords()
        self._changes = Changes()
        self.audit = Audit(database, clock)
        self.members = Members(database, clock, self.audit, self._changes)
        self.credentials = Credentials(database, clock, self._changes)
        self.shares = Shares(database, self.credentials, self.audit, self._changes)

    @classmethod
    async def open(cls, path: Path, clock: Callable[[], datetime]) -> "People":
        """Open or create the workspace's database."""
        return cls(await Database.open(path), clock)

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    def on_change(self, listener: Listener) -> None:
        """Call `listener` with a user id, or "" for everybody, after each change that could alter somebody's rights."""
        self._changes.listen(listener)

    async def watch(self) -> None:
        """Notice, until cancelled, what ends by its date and what another process writes, e.g. a command."""
        version, seen = await self._database.foreign_version(), self._clock().timestamp()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                found, now = await self._database.foreign_version(), self._clock().timestamp()
                ended = await self.credentials.expired_between(seen, now)
            except aiosqlite.Error as error:
                log.warning("cannot look whether rights have changed", error=str(error))
                continue
            await self._changes.tell(*([""] if found != version else ended))
            version, seen = found, now

    async def add(self, name: str, password: str, role: Role) -> User:
        """Add a user; raises BadRequest for a poor name or password and Conflict for a taken name."""
        name = checked_name(name)
        return await self._insert(name, await self._passwords.hash(password), role)

    async def ensure_local_owner(self) -> User:
        """The first owner of the workspace; where there is none one is made, who signs in by one-time login only."""
        row = await self._database.one(f"{USER} AND role = 'owner' ORDER BY created_at LIMIT 1")
        if row is not None:
            return User(*row)
        try:
            return await self._insert("Owner", "", "owner")
        except Conflict:
            # Somebody else is called that. Two words cannot be taken twice: the id is new.
            return await self._insert(f"Owner {new_id()[:6]}", "", "owner")

    async def _insert(self, name: str, password_hash: str, role: Role) -> User:
        try:
            async with self._database.write() as writing:
                count = (await self._database.one("SELECT COUNT(*) FROM users"))[0]
                user = User(UserId(new_id("user")), name, role, count % HUES)
                await writing.execute(
                    "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, '', NULL)",
                    (user.id, name, password_hash, role, user.hue, self._clock().isoformat()),
                )
        except aiosqlite.IntegrityError:
            raise Conflict(f"There is already somebody called {name}.") from None
        return user

    async def all(self) -> list[User]:
        """The people of the workspace by name, without guests."""
        return [User(*row) for row in await self._database.all(f"{USER} AND share = '' ORDER BY name, id")]

    async def user(self, user_id: UserId) -> User:
        """A user by id; raises Unauthorised when there is none any more."""
        row = await self._database.one(f"{USER} AND id = ?", (user_id,))
        if row is None:
            raise Unauthorised("This account does not exist any more.")
        return User(*row)

    async def named(self, name: str) -> User:
        """A person of the workspace by name; raises NotFound."""
        row = await self._database.one(f"{USER} AND share = '' AND name = ?", (" ".join(name.split()),))
        if row is None:
            raise NotFound("There is nobody of that name in this workspace.")
        return User(*row)

    async def role_in(self, project: ProjectId, user: User) -> Role | None:
        """As `members.role_in`: the role somebody has in a project today; None: it does not exist for them."""
        return await self.members.role_in(project, user)

    async def sign_in(self, name: str, password: str) -> User:
        """The user of that name and password; raises TooMany, and Unauthorised without saying which was wrong."""
        row = await self._database.one(
            "SELECT id, name, role, hue, share, password_hash FROM users WHERE removed_at IS NULL AND name = ?",
            (" ".join(name.split()),),
        )
        if not await self._passwords.match(row[5] if row is not None else "", password) or row is None:
            raise Unauthorised("Name or password is wrong.")
        return User(*row[:5])

    async def change_password(self, user: User, current: str, new: str) -> None:
        """Change one's own password and sign out everywhere else; raises Forbidden, BadRequest, TooMany."""
        row = await self._database.one("SELECT password_hash FROM users WHERE id = ?", (user.id,))
        # Who has none signed in by the workspace's own link, and sets their first one.
        if row[0] and not await self._passwords.match(row[0], current):
            raise Forbidden("The current password is wrong.")
        await self.set_password(user, new, but=user.by.id if user.by else "")

    async def set_password(self, user: User, password: str, *, but: str = "") -> None:
        """Set somebody's password and end their sessions, except `but`; raises BadRequest."""
        hashed = await self._passwords.hash(password)
        async with self._database.write() as writing:
            await writing.execute("UPDATE users SET password_hash = ? WHERE id = ?", (hashed, user.id))
        await self.credentials.end_sessions(user.id, but=but)

    async def change_role(self, user: User, role: Role) -> None:
        """Give somebody another role in the workspace; raises Conflict for its last owner."""
        async with self._database.write() as writing:
            if role != "owner":
                await self._must_keep_an_owner(user)
            await writing.execute("UPDATE users SET role = ? WHERE id = ?", (role, user.id))
            note = Note(None, SYSTEM, "role_change", user.id, detail=f"{user.role} -> {role}")
            await self.audit.note_within(writing, note)
        await self._changes.tell(user.id)

    async def remove(self, user: User) -> None:
        """Let somebody in no more; what they made keeps their name. Raises Conflict for the last owner."""
        now = self._clock().timestamp()
        async with self._database.write() as writing:
            await self._must_keep_an_owner(user)
            await writing.execute("UPDATE users SET removed_at = ? WHERE id = ?", (now, user.id))
            await writing.execute("DELETE FROM memberships WHERE user_id = ?", (user.id,))
            await writing.execute("DELETE FROM one_time_logins WHERE user_id = ?", (user.id,))
            await writing.execute(
                "UPDATE credentials SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL AND kind <> 'share'",
                (now, user.id),
            )
            await self.audit.note_within(writing, Note(None, SYSTEM, "member_removed", user.id, detail=user.name))
        await self._changes.tell(user.id)

    async def _must_keep_an_owner(self, user: User) -> None:
        query = "SELECT COUNT(*) FROM users WHERE role = 'owner' AND removed_at IS NULL AND id <> ?"
        if user.role == "owner" and not (await self._database.one(query, (user.id,)))[0]:
            raise Conflict("A workspace needs an owner, and this is the last one. Make somebody else an owner first.")

    async def one_time_login(self, user: UserId) -> str:
        """A code that signs `user` in once, within an hour; only its hash is stored."""
        code = secrets.token_urlsafe(24)
        expires = (self._clock() + ONE_TIME_LIFETIME).timestamp()
        async with self._database.write() as writing:
            await writing.execute("DELETE FROM one_time_logins WHERE expires_at < ?", (self._clock().timestamp(),))
            await writing.execute("INSERT INTO one_time_logins VALUES (?, ?, ?)", (digest(code), user, expires))
        return code

    async def redeem(self, code: str) -> User:
        """The user of a one-time code, which is used up by this; raises Unauthorised."""
        async with self._database.write() as writing:
            query = "DELETE FROM one_time_logins WHERE code_hash = ? RETURNING user_id, expires_at"
            rows = list(await writing.execute_fetchall(query, (digest(code),)))
        if not rows or rows[0][1] < self._clock().timestamp():
            raise Unauthorised("This login link was used or is too old. Run `workprint login-url` for a new one.")
        return await self.user(UserId(rows[0][0]))
