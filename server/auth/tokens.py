"""Signing and verifying tokens; time is an argument."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import jwt

from crdt_schema.ids import ProjectId
from server.errors import Unauthorised

ALGORITHM = "HS256"
ACCESS_LIFETIME = timedelta(minutes=15)
SOCKET_LIFETIME = timedelta(minutes=5)
FARM_LIFETIME = timedelta(days=30)
"""A job may wait this long for a node that is switched on only now and then, and still hand in its result."""

TRANSFER_LIFETIME = timedelta(hours=1)
"""A batch of Git LFS files begins within this time; git-lfs asks for another one by itself."""

Audience = Literal["user", "farm", "transfer"]


@dataclass(frozen=True)
class FarmGrant:
    """What an order's token allows: blobs of one project, for one job."""

    project: ProjectId
    job: str


@dataclass(frozen=True)
class TransferGrant:
    """Who may bring and fetch media of one project by Git LFS; what exactly, their role there says at that time."""

    project: ProjectId
    user: str
    credential: str
    """Id of what they signed in with; empty: their password."""


class Tokens:
    """Makes and checks every token of a workspace with its one secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(self, session: str, *, now: datetime, lifetime: timedelta) -> str:
        """A token that stands for a session for a while, and ends with it: `session` is the id of a credential."""
        return self._sign("user", now, lifetime, sid=session)

    def verify(self, token: str, *, now: datetime) -> str:
        """Which session a token stands for; raises Unauthorised. Whether that session goes on must still be asked."""
        return str(self._read(token, "user", now).get("sid", ""))

    def issue_farm(self, grant: FarmGrant, *, now: datetime) -> str:
        """A token that lets one job read and write blobs of its project."""
        return self._sign("farm", now, FARM_LIFETIME, project=grant.project, job=grant.job)

    def verify_farm(self, token: str, *, now: datetime) -> FarmGrant:
        """What a farm node may do; raises Unauthorised."""
        claims = self._read(token, "farm", now)
        return FarmGrant(ProjectId(str(claims["project"])), str(claims["job"]))

    def issue_transfer(self, grant: TransferGrant, *, now: datetime) -> str:
        """A token for the transfers of one batch of Git LFS."""
        claims = {"project": grant.project, "sub": grant.user, "sid": grant.credential}
        return self._sign("transfer", now, TRANSFER_LIFETIME, **claims)

    def verify_transfer(self, token: str, *, now: datetime) -> TransferGrant:
        """Whose transfer it is; raises Unauthorised. Their role must still be asked."""
        claims = self._read(token, "transfer", now)
        return TransferGrant(ProjectId(str(claims["project"])), str(claims["sub"]), str(claims["sid"]))

    def _sign(self, audience: Audience, now: datetime, lifetime: timedelta, **claims: str) -> str:
        payload = {**claims, "aud": audience, "iat": now, "exp": now + lifetime}
        return jwt.encode(payload, self._secret, algorithm=ALGORITHM)  # pyright: ignore[reportUnknownMemberType] - its key types need cryptography

    def _read(self, token: str, audience: Audience, now: datetime) -> dict[str, Any]:
        # PyJWT reads the wall clock; expiry is checked here so that time stays an argument.
        options: Any = {"require": ["exp", "aud"], "verify_exp": False, "verify_iat": False}
        try:
            claims = jwt.decode(  # pyright: ignore[reportUnknownMemberType] - as in _sign
                token, self._secret, algorithms=[ALGORITHM], audience=audience, options=options
            )
        except (jwt.InvalidTokenError, UnicodeError):
            raise Unauthorised("This sign-in is not valid. Sign in again.") from None
        if now.timestamp() >= float(claims["exp"]):
            raise Unauthorised("This sign-in has expired. Sign in again.")
        return claims


def workspace_secret(state_folder: Path, configured: str) -> str:
    """The configured secret, or one made once and kept in the workspace where only its owner can read it."""
    if configured:
        return configured
    path = state_folder / "secret"
    if not path.exists():
        state_folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(draft)  # the first of two starting processes wins; the other reads its secret
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
