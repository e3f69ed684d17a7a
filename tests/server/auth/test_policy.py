"""The permission table, row by row."""

from typing import get_args

import pytest

from crdt_schema.documents import KINDS
from crdt_schema.records import Role
from server.auth.policy import LEAST_ROLE, Action, may, may_write

TABLE: dict[Action, str] = {
    "read": "viewer reviewer editor admin owner",
    "generate": "editor admin owner",
    "cancel": "editor admin owner",
    "edit_project": "editor admin owner",
    "snapshot": "editor admin owner",
    "create_project": "editor admin owner",
    "delete_project": "owner",
}


@pytest.mark.parametrize("action", get_args(Action))
def test_an_action_is_open_to_exactly_these_roles(action: Action) -> None:
    assert [role for role in get_args(Role) if may(role, action)] == TABLE[action].split()


def test_every_action_stands_in_the_table() -> None:
    assert set(LEAST_ROLE) == set(get_args(Action))


def test_nobody_but_the_server_writes_takes() -> None:
    assert not any(may_write(role, KINDS["takes"]) for role in get_args(Role))


def test_the_canvas_is_written_by_editors_and_above() -> None:
    assert [role for role in get_args(Role) if may_write(role, KINDS["canvas"])] == ["editor", "admin", "owner"]
