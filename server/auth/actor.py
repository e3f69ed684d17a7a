"""Who does something: a person as they are signed in, with a role in a project, or one of the two services."""

from dataclasses import dataclass, field
from typing import Literal

from crdt_schema.ids import ProjectId, UserId
from crdt_schema.records import Role
from crdt_schema.roles import Standing

HUES = 8
"""People are told apart by eight hues that keep their contrast on dark (look.md)."""

CredentialKind = Literal["session", "refresh", "token", "share", "guest"]
"""A browser's session, a program's, a personal API token, a share link, and the session of a share link's guest."""


@dataclass(frozen=True)
class Actor:
    """A user as one request or session sees them."""

    user_id: str
    name: str
    role: Standing
    hue: int = 0


@dataclass(frozen=True)
class Credential:
    """What somebody signed in with, and how far it reaches."""

    id: str
    kind: CredentialKind
    cap: Role | None = None
    """No role that its holder has is higher than this."""
    only: ProjectId | None = None
    """The one project it opens."""


@dataclass(frozen=True)
class User:
    """A person. `role` is the one in the workspace as far as this sign-in carries it; a guest has none."""

    id: UserId
    name: str
    role: Role | None
    hue: int
    share: str = ""
    """Of a guest: the share link that lets them in."""
    by: Credential | None = field(default=None, compare=False)
    """None where somebody is looked up who has not signed in for it, e.g. the author of an intent."""

    @property
    def guest(self) -> bool:
        """Whether they came by a share link."""
        return bool(self.share)

    def acting_as(self, role: Role) -> Actor:
        """This person with the role they have in one project."""
        return Actor(self.id, self.name, role, self.hue)


FARM = Actor("farm", "Farm", "farm")
"""Writes what happened to jobs."""

SYSTEM = Actor("workprint", "Workprint", "owner")
"""Writes what Workprint itself sets up, e.g. the demo project."""
