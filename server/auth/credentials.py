"""Every opaque secret that lets somebody in: sessions, refresh and API tokens, share links; stored as hashes."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiosqlite

from crdt_schema.ids import ProjectId, UserId, new_id
from crdt_schema.records import Role
from crdt_schema.roles import lower
from server.auth.actor import Credential, CredentialKind, User
from server.auth.changes import Changes
from server.auth.database import Database
from server.errors import NotFound, Unauthorised

SESSION_LIFETIME = timedelta(days=14)
REFRESH_LIFETIME = timedelta(days=30)
TOKEN_PREFIX = "wp_"  # noqa: S105 - no secret: it says what kind of secret follows, also to those who scan for leaks
USE_NOTED_SECONDS = 60.0
SESSION_KINDS: tuple[CredentialKind, ...] = ("session", "refresh", "guest")
INVALID = "This sign-in is not valid any more. Sign in again."

USER_OF = """
    SELECT u.id, u.name, u.role, u.hue, u.share, c.id, c.kind, c.role_cap, c.project, c.last_used_at
    FROM credentials c JOIN users u ON u.id = c.user_id LEFT JOIN credentials s ON s.id = u.share
    WHERE c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > :now) AND u.removed_at IS NULL
        AND (u.share = '' OR (s.revoked_at IS NULL AND s.expires_at > :now))
"""


@dataclass(frozen=True)
class Wanted:
    """A credential to be made; `lifetime` None: until it is revoked."""

    user: UserId
    kind: CredentialKind
    lifetime: timedelta | None
    label: str = ""
    cap: Role | None = None
    only: ProjectId | None = None


@dataclass(frozen=True)
class Held:
    """What its holder may know of a credential. Times are seconds since 1970."""

    id: str
    kind: CredentialKind
    label: str
    cap: Role | None
    only: ProjectId | None
    created_at: float
    last_used_at: float | None
    expires_at: float | None


class Credentials:
    """Makes, recognises, rotates and ends them."""

    def __init__(self, database: Database, clock: Callable[[], datetime], changes: Changes) -> None:
        self._database = database
        self.clock = clock
        self._changes = changes

    def _now(self) -> float:
        return self.clock().timestamp()

    async def issue(self, wanted: Wanted) -> tuple[Credential, str]:
        """Make one; its secret is told here and never again."""
        async with self._database.write() as writing:
            return await self.issue_within(writing, wanted)

    async def issue_within(self, writing: aiosqlite.Connection, wanted: Wanted) -> tuple[Credential, str]:
        """As `issue`, in a transaction that is about more."""
        now = self._now()
        secret = (TOKEN_PREFIX if wanted.kind == "token" else "") + secrets.token_urlsafe(32)
        made = Credential(new_id(wanted.kind), wanted.kind, wanted.cap, wanted.only)
        expires = None if wanted.lifetime is None else now + wanted.lifetime.total_seconds()
        await writing.execute(
            "INSERT INTO credentials VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL)",
            (made.id, made.kind, digest(secret), wanted.user, wanted.label, made.cap, made.only, now, expires),
        )
        return made, secret

    async def user_with(self, secret: str, kinds: Sequence[CredentialKind]) -> User:
        """Who holds a secret of one of these kinds; raises Unauthorised."""
        # Looked up by its hash: how long that takes tells nothing about a secret of 256 random bits.
        user = await self._user("c.secret_hash = :key", digest(secret))
        if user is None or user.by is None or user.by.kind not in kinds:
            raise Unauthorised(INVALID)
        return user

    async def user_by(self, credential: str) -> User:
        """Who holds a credential that was recognised before; raises Unauthorised when it has ended."""
        user = await self._user("c.id = :key", credential)
        if user is None:
            raise Unauthorised(INVALID)
        return user

    async def _user(self, condition: str, key: str) -> User | None:
        now = self._now()
        row = await self._database.one(f"{USER_OF} AND {condition}", {"now": now, "key": key})
        if row is None:
            return None
        *person, credential, kind, cap, only, last_used_at = row
        if last_used_at is None or now - last_used_at >= USE_NOTED_SECONDS:
            async with self._database.write() as writing:
                await writing.execute("UPDATE credentials SET last_used_at = ? WHERE id = ?", (now, credential))
        return _capped(person, Credential(credential, kind, cap, only))

    async def rotate(self, secret: str) -> tuple[User, str]:
        """Take a refresh token and give the next one; one that was used before ends its whole family.

        Somebody who comes with a used one has copied it, or was copied; nobody can tell which. Raises Unauthorised.
        """
        async with self._database.write() as writing:
            row = await self._database.one(
                "SELECT credential FROM used_refresh WHERE secret_hash = ?", (digest(secret),)
            )
            if row is not None:
                await writing.execute(
                    "UPDATE credentials SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (self._now(), row[0])
                )
        if row is not None:
            await self._tell_holder(row[0])
            raise Unauthorised(
                "This refresh token was used before, so the sign-in it belongs to was ended. Sign in again."
            )
        return await self._renew(await self.user_with(secret, ("refresh",)), secret)

    async def _renew(self, user: User, secret: str) -> tuple[User, str]:
        if user.by is None:
            raise Unauthorised(INVALID)
        following = secrets.token_urlsafe(32)
        expires = self._now() + REFRESH_LIFETIME.total_seconds()
        async with self._database.write() as writing:
            changed = await writing.execute(
                "UPDATE credentials SET secret_hash = ?, expires_at = ? WHERE id = ? AND secret_hash = ?",
                (digest(following), expires, user.by.id, digest(secret)),
            )
            if changed.rowcount:
                await writing.execute("INSERT INTO used_refresh VALUES (?, ?)", (digest(secret), user.by.id))
        if not changed.rowcount:
            return await self.rotate(secret)  # somebody was faster with the same token
        return user, following

    async def of(self, user: UserId, kinds: Sequence[CredentialKind]) -> list[Held]:
        """What somebody holds and could still use, newest first."""
        query = (
            "SELECT id, kind, label, role_cap, project, created_at, last_used_at, expires_at FROM credentials "
            "WHERE user_id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) "
            "ORDER BY created_at DESC, id"
        )
        rows = await self._database.all(query, (user, self._now()))
        return [held for held in (Held(*row) for row in rows) if held.kind in kinds]

    async def revoke(self, user: UserId, credential: str, kinds: Sequence[CredentialKind]) -> Held:
        """End one that somebody holds; raises NotFound."""
        held = next((one for one in await self.of(user, kinds) if one.id == credential), None)
        if held is None:
            raise NotFound("There is no such sign-in or token, or it has ended already.")
        async with self._database.write() as writing:
            await writing.execute("UPDATE credentials SET revoked_at = ? WHERE id = ?", (self._now(), credential))
        await self._changes.tell(user)
        return held

    async def end_sessions(self, user: UserId, *, but: str = "") -> None:
        """Sign somebody out everywhere, except of the session `but`."""
        async with self._database.write() as writing:
            await writing.execute(
                "UPDATE credentials SET revoked_at = ? WHERE user_id = ? AND id <> ? AND revoked_at IS NULL "
                "AND kind IN ('session', 'refresh')",
                (self._now(), user, but),
            )
        await self._changes.tell(user)

    async def expired_between(self, after: float, until: float) -> list[str]:
        """Holders of what ended by its date in a span of time; for a share link, "" (its guests)."""
        query = (
            "SELECT DISTINCT CASE kind WHEN 'share' THEN '' ELSE user_id END FROM credentials "
            "WHERE expires_at > ? AND expires_at <= ?"
        )
        return [row[0] for row in await self._database.all(query, (after, until))]

    async def _tell_holder(self, credential: str) -> None:
        row = await self._database.one("SELECT user_id FROM credentials WHERE id = ?", (credential,))
        await self._changes.tell(row[0])


def digest(secret: str) -> str:
    """What is stored of a secret that is random and long: no salt, no slow hash needed."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _capped(person: Sequence[Any], by: Credential) -> User:
    """The person as far as a credential carries them: with a token of one project they have no workspace role."""
    user_id, name, role, hue, share = person
    reach: Role | None = None if by.only is not None else role
    if reach is not None and by.cap is not None:
        reach = lower(reach, by.cap)
    return User(user_id, name, reach, hue, share, by)
