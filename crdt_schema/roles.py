"""Roles and actions: the one table of who may do what, as data that the server and the web app share (CF-53)."""

from typing import Literal, get_args

from crdt_schema.records import Role

LADDER: tuple[Role, ...] = get_args(Role)
"""Each role may do all that the roles before it may."""

Service = Literal["farm"]
"""An identity that is no person and stands on no rung: what it may do, its job's own token says."""

Standing = Role | Service

Action = Literal[
    "read",
    "annotate",
    "vote",
    "edit",
    "generate",
    "cancel",
    "edit_project",
    "snapshot",
    "create_project",
    "lock",
    "unlock",
    "override_budget",
    "edit_locked_contract",
    "manage_members",
    "manage_shares",
    "manage_remote",
    "manage_farm",
    "read_audit",
    "delete_project",
    "export",
    "transfer_ownership",
    "grant_admin",
]

LEAST_ROLE: dict[Action, Role] = {
    "read": "viewer",
    "annotate": "reviewer",
    "vote": "reviewer",
    "edit": "editor",
    "generate": "editor",
    "cancel": "editor",
    "edit_project": "editor",
    "snapshot": "editor",
    "create_project": "editor",
    "lock": "admin",
    "unlock": "admin",
    "override_budget": "admin",
    "edit_locked_contract": "admin",
    "manage_members": "admin",
    "manage_shares": "admin",
    "manage_remote": "admin",
    "manage_farm": "admin",
    "read_audit": "admin",
    "delete_project": "owner",
    "export": "owner",
    "transfer_ownership": "owner",
    "grant_admin": "owner",
}
"""`create_project` and `manage_farm` ask for the role in the workspace, all others for the role in a project."""

WHILE_LOCKED: dict[Action, Action | None] = {
    "edit": None,
    "generate": None,
    "edit_project": "edit_locked_contract",
}
"""What an action counts as on something locked; None: nobody may, until it is unlocked (G-013, G-073)."""

WHO: dict[Role, str] = {
    "viewer": "anybody who may see this project",
    "reviewer": "a reviewer, an editor, an admin or the owner of this project",
    "editor": "an editor, an admin or the owner of this project",
    "admin": "an admin or the owner of this project",
    "owner": "the owner of this project",
}
"""Who can help, by the least role it takes."""


def reaches(role: Standing, least: Role) -> bool:
    """Whether `role` stands at `least` or above it on the ladder; a service stands nowhere on it."""
    return role in LADDER and LADDER.index(role) >= LADDER.index(least)


def lower(one: Role, other: Role) -> Role:
    """The one of two roles that may do less."""
    return one if reaches(other, one) else other
