"""Who does something: a person with a role in a project, or one of the two services."""

from dataclasses import dataclass

from crdt_schema.roles import Standing

HUES = 8
"""People are told apart by eight hues that keep their contrast on dark (look.md)."""


@dataclass(frozen=True)
class Actor:
    """A user as one request or session sees them."""

    user_id: str
    name: str
    role: Standing
    hue: int = 0


FARM = Actor("farm", "Farm", "farm")
"""Writes what happened to jobs."""

SYSTEM = Actor("workprint", "Workprint", "owner")
"""Writes what Workprint itself sets up, e.g. the demo project."""
