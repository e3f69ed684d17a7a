"""Who may do what: one pure table, asked by REST, websockets and intents alike (G-098 to G-101, CF-53)."""

from dataclasses import dataclass
from typing import Literal

from crdt_schema.documents import DocumentKind
from crdt_schema.records import Role
from crdt_schema.roles import LADDER, LEAST_ROLE, WHILE_LOCKED, WHO, Action, Standing, lower, reaches
from server.auth.actor import Actor

__all__ = [
    "LADDER",
    "LEAST_ROLE",
    "Access",
    "Action",
    "Resource",
    "access",
    "lower",
    "may",
    "may_give",
    "reaches",
    "role_here",
    "who_may",
]

Access = Literal["none", "read", "write"]


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action is done to, as far as the answer depends on it. Its project is the one the actor's role is for."""

    locked: bool = False


UNLOCKED = Resource()


def may(actor: Actor, action: Action, resource: Resource = UNLOCKED) -> bool:
    """Whether somebody may do something, with the role they act in."""
    asked = WHILE_LOCKED.get(action, action) if resource.locked else action
    return asked is not None and reaches(actor.role, LEAST_ROLE[asked])


def who_may(action: Action, where: Literal["project", "workspace"] = "project") -> str:
    """Who could do it, in words: "an admin or the owner of this project"."""
    if action in ("create_project", "manage_farm"):
        where = "workspace"
    return WHO[LEAST_ROLE[action]].replace("project", where)


def access(role: Standing, kind: DocumentKind) -> Access:
    """What a role may do with documents of a kind as a whole; the rules of the kind say more of single fields."""
    if not reaches(role, LEAST_ROLE["read"]):
        return "none"
    return "write" if kind.written_by is not None and reaches(role, kind.written_by) else "read"


def role_here(workspace: Role | None, member: Role | None, *, open_to_workspace: bool) -> Role | None:
    """The role somebody has in a project; None: for them it does not exist (X-011).

    The role given there, or where the project is open to the workspace the one they have there. Who runs the workspace
    reaches everything in it.
    """
    runs = workspace if workspace is not None and reaches(workspace, "admin") else None
    here = member if member is not None or not open_to_workspace else workspace
    if runs is None or here is None:
        return runs or here
    return here if reaches(here, runs) else runs


def may_give(by: Standing, today: Role | None, wanted: Role | None) -> bool:
    """Whether a role may turn somebody else's role `today` into `wanted`; None is no role.

    Nobody touches a role as high as their own, and only an owner makes admins and owners; owners may do all of it.
    """
    if reaches(by, LEAST_ROLE["grant_admin"]):
        return True
    touched: list[Role] = [role for role in (today, wanted) if role is not None]
    return reaches(by, LEAST_ROLE["manage_members"]) and not any(reaches(role, "admin") for role in touched)
