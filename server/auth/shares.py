"""Share links: they let guests without an account into one project, with one role, until a date."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from crdt_schema.ids import ProjectId, UserId, new_id
from server.auth.actor import HUES, Actor, User
from server.auth.audit import Audit, Note
from server.auth.changes import Changes
from server.auth.credentials import SESSION_LIFETIME, Credentials, Wanted, digest
from server.auth.database import Database
from server.auth.names import checked_name
from server.errors import Conflict, NotFound, Unauthorised

GuestRole = Literal["viewer", "reviewer"]
LONGEST_DAYS = 90
MOST_GUESTS = 200
"""A link that more people than this came by has got about: somebody should look, and make another one."""
ENDED = "This share link has ended or was never made. Ask whoever sent it for a new one."


@dataclass(frozen=True)
class Share:
    """A link as its project's admins see it. Times are seconds since 1970; `last_used_at`: a guest came in."""

    id: str
    label: str
    role: GuestRole
    by_id: str
    by_name: str
    created_at: float
    last_used_at: float | None
    expires_at: float
    guests: int


@dataclass(frozen=True)
class Entered:
    """A guest who came in, and the secret of their browser's session."""

    user: User
    project: ProjectId
    role: GuestRole
    secret: str


class Shares:
    """Makes and ends links, and lets guests in. A guest's every right comes from their link, so it ends with it."""

    def __init__(self, database: Database, credentials: Credentials, audit: Audit, changes: Changes) -> None:
        self._database = database
        self._clock = credentials.clock
        self._credentials = credentials
        self._audit = audit
        self._changes = changes

    async def create(
        self, project: ProjectId, by: Actor, *, label: str, role: GuestRole, days: float
    ) -> tuple[Share, str]:
        """Make a link; its secret is told here and never again."""
        wanted = Wanted(UserId(by.user_id), "share", timedelta(days=days), label, role, project)
        async with self._database.write() as writing:
            made, secret = await self._credentials.issue_within(writing, wanted)
            detail = f"{role}, {days:g} days"
            await self._audit.note_within(writing, Note(project, by, "share_created", made.id, label, detail))
        return next(share for share in await self.all(project) if share.id == made.id), secret

    async def all(self, project: ProjectId) -> list[Share]:
        """The links of a project that still let somebody in, newest first."""
        query = """
            SELECT s.id, s.label, s.role_cap, s.user_id, u.name, s.created_at, s.last_used_at, s.expires_at,
                (SELECT COUNT(*) FROM users g WHERE g.share = s.id)
            FROM credentials s JOIN users u ON u.id = s.user_id
            WHERE s.kind = 'share' AND s.project = ? AND s.revoked_at IS NULL AND s.expires_at > ?
            ORDER BY s.created_at DESC, s.id
        """
        return [Share(*row) for row in await self._database.all(query, (project, self._clock().timestamp()))]

    async def revoke(self, project: ProjectId, share: str, by: Actor) -> None:
        """End a link and sign all its guests out; raises NotFound."""
        now = self._clock().timestamp()
        async with self._database.write() as writing:
            ended = await writing.execute(
                "UPDATE credentials SET revoked_at = ? WHERE id = ? AND kind = 'share' AND project = ? "
                "AND revoked_at IS NULL",
                (now, share, project),
            )
            if not ended.rowcount:
                raise NotFound("There is no such share link, or it was ended already.")
            guests = [row[0] for row in await self._database.all("SELECT id FROM users WHERE share = ?", (share,))]
            await writing.execute(
                "UPDATE credentials SET revoked_at = ? WHERE kind = 'guest' AND revoked_at IS NULL "
                "AND user_id IN (SELECT id FROM users WHERE share = ?)",
                (now, share),
            )
            await self._audit.note_within(writing, Note(project, by, "share_revoked", share))
        await self._changes.tell(*guests)

    async def opened_by(self, secret: str) -> tuple[ProjectId, GuestRole]:
        """What a link opens; raises Unauthorised."""
        _, project, role, _, _ = await self._link(secret)
        return project, role

    async def enter(self, secret: str, name: str) -> Entered:
        """Let somebody in under a name; raises Unauthorised, BadRequest, and Conflict when too many came."""
        name, now = checked_name(name), self._clock().timestamp()
        async with self._database.write() as writing:
            share, project, role, expires_at, guests = await self._link(secret)
            if guests >= MOST_GUESTS:
                raise Conflict("Too many people came by this link. Ask whoever sent it for a new one.")
            people = (await self._database.one("SELECT COUNT(*) FROM users"))[0]
            user = User(UserId(new_id("guest")), await self._free(name), None, people % HUES, share)
            await writing.execute(
                "INSERT INTO users VALUES (?, ?, '', NULL, ?, ?, ?, NULL)",
                (user.id, user.name, user.hue, self._clock().isoformat(), share),
            )
            lifetime = min(SESSION_LIFETIME, timedelta(seconds=expires_at - now))
            _, session = await self._credentials.issue_within(writing, Wanted(user.id, "guest", lifetime))
            await writing.execute("UPDATE credentials SET last_used_at = ? WHERE id = ?", (now, share))
        return Entered(user, project, role, session)

    async def _link(self, secret: str) -> tuple[str, ProjectId, GuestRole, float, int]:
        query = """
            SELECT id, project, role_cap, expires_at, (SELECT COUNT(*) FROM users g WHERE g.share = credentials.id)
            FROM credentials WHERE secret_hash = ? AND kind = 'share' AND revoked_at IS NULL AND expires_at > ?
        """
        row = await self._database.one(query, (digest(secret), self._clock().timestamp()))
        if row is None:
            raise Unauthorised(ENDED)
        return row

    async def _free(self, name: str) -> str:
        """The name, marked so that no guest passes for a person of the workspace, and with a number if it is taken."""
        rows = await self._database.all("SELECT name FROM users WHERE removed_at IS NULL AND name LIKE '% (guest%'")
        taken = {row[0].casefold() for row in rows}
        names = (f"{name} (guest{f' {number}' if number > 1 else ''})" for number in range(1, len(taken) + 2))
        return next(each for each in names if each.casefold() not in taken)
