"""Who may do what: one pure table, asked by REST, websockets and intents alike (G-098 to G-101, CF-53)."""

from typing import Literal, get_args

from crdt_schema.documents import DocumentKind
from crdt_schema.records import Role

Action = Literal[
    "read",
    "generate",
    "cancel",
    "edit_project",
    "snapshot",
    "create_project",
    "delete_project",
]

LADDER: tuple[Role, ...] = get_args(Role)
"""Each role may do all that the roles before it may."""

LEAST_ROLE: dict[Action, Role] = {
    "read": "viewer",
    "generate": "editor",
    "cancel": "editor",
    "edit_project": "editor",
    "snapshot": "editor",
    "create_project": "editor",
    "delete_project": "owner",
}


def reaches(role: Role, least: Role) -> bool:
    """Whether `role` stands at `least` or above it on the ladder."""
    return LADDER.index(role) >= LADDER.index(least)


def may(role: Role, action: Action) -> bool:
    """Whether a role may do something."""
    return reaches(role, LEAST_ROLE[action])


def may_write(role: Role, kind: DocumentKind) -> bool:
    """Whether a role may write to documents of a kind; the server's own documents are written by nobody else."""
    return kind.written_by is not None and reaches(role, kind.written_by)
