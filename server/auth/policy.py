"""Who may do what: one pure table, asked by REST, websockets and intents alike (G-098 to G-101, CF-53)."""

from dataclasses import dataclass
from typing import Literal

from crdt_schema.documents import DocumentKind
from crdt_schema.roles import LADDER, LEAST_ROLE, WHILE_LOCKED, WHO, Action, Standing, lower, reaches
from server.auth.actor import Actor

__all__ = ["LADDER", "LEAST_ROLE", "Access", "Action", "Resource", "access", "lower", "may", "reaches", "who_may"]

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


def who_may(action: Action) -> str:
    """Who could do it, in words: "an admin or the owner of this project"."""
    if action == "create_project":
        return "an editor, an admin or the owner of this workspace"
    return WHO[LEAST_ROLE[action]]


def access(role: Standing, kind: DocumentKind) -> Access:
    """What a role may do with documents of a kind as a whole; the rules of the kind say more of single fields."""
    if not reaches(role, LEAST_ROLE["read"]):
        return "none"
    return "write" if kind.written_by is not None and reaches(role, kind.written_by) else "read"
