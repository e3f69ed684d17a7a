"""The permission table, row by row."""

from typing import get_args

import pytest

from crdt_schema.documents import KINDS
from crdt_schema.records import Role
from server.auth.actor import FARM, Actor
from server.auth.policy import LEAST_ROLE, Action, Resource, access, lower, may, who_may

FROM_VIEWER = "viewer reviewer editor admin owner"
FROM_REVIEWER = "reviewer editor admin owner"
FROM_EDITOR = "editor admin owner"
FROM_ADMIN = "admin owner"
OWNER = "owner"
TABLE: dict[Action, str] = {
    "read": FROM_VIEWER,
    "annotate": FROM_REVIEWER,
    "vote": FROM_REVIEWER,
    "edit": FROM_EDITOR,
    "generate": FROM_EDITOR,
    "cancel": FROM_EDITOR,
    "edit_project": FROM_EDITOR,
    "snapshot": FROM_EDITOR,
    "create_project": FROM_EDITOR,
    "lock": FROM_ADMIN,
    "unlock": FROM_ADMIN,
    "override_budget": FROM_ADMIN,
    "edit_locked_contract": FROM_ADMIN,
    "manage_members": FROM_ADMIN,
    "manage_shares": FROM_ADMIN,
    "manage_remote": FROM_ADMIN,
    "manage_farm": FROM_ADMIN,
    "read_audit": FROM_ADMIN,
    "delete_project": OWNER,
    "export": OWNER,
    "transfer_ownership": OWNER,
    "grant_admin": OWNER,
}
LOCKED = Resource(locked=True)


def who(role: Role) -> Actor:
    return Actor("ana", "Ana", role)


def allowed(action: Action, resource: Resource) -> list[Role]:
    return [role for role in get_args(Role) if may(who(role), action, resource)]


@pytest.mark.parametrize("action", get_args(Action))
def test_an_action_is_open_to_exactly_these_roles(action: Action) -> None:
    assert allowed(action, Resource()) == TABLE[action].split()


def test_every_action_stands_in_the_table() -> None:
    assert set(LEAST_ROLE) == set(get_args(Action))


def test_on_something_locked_nobody_edits_or_generates_and_a_locked_contract_takes_an_admin() -> None:
    assert allowed("edit", LOCKED) == allowed("generate", LOCKED) == []
    assert allowed("edit_project", LOCKED) == ["admin", "owner"]
    assert allowed("unlock", LOCKED) == ["admin", "owner"]
    assert allowed("read", LOCKED) == allowed("read", Resource())


@pytest.mark.parametrize("action", get_args(Action))
def test_the_farm_stands_nowhere_on_the_ladder(action: Action) -> None:
    assert not may(FARM, action)


def test_who_could_do_it_is_said_in_words() -> None:
    assert who_may("unlock") == "an admin or the owner of this project"
    assert who_may("export") == "the owner of this project"
    assert who_may("create_project").endswith("of this workspace")


def test_a_cap_lowers_a_role_and_never_raises_it() -> None:
    assert lower("owner", "reviewer") == "reviewer"
    assert lower("viewer", "editor") == "viewer"


@pytest.mark.parametrize("name", KINDS)
def test_a_role_writes_what_its_documents_say_and_reads_the_rest(name: str) -> None:
    documents = KINDS[name]
    ladder = get_args(Role)
    writers = ladder[ladder.index(documents.written_by) :] if documents.written_by else ()
    assert [role for role in ladder if access(role, documents) == "write"] == list(writers)
    assert [role for role in ladder if access(role, documents) == "none"] == []
    assert access("farm", documents) == "none"


def test_nobody_but_the_server_writes_takes() -> None:
    assert {access(role, KINDS["takes"]) for role in get_args(Role)} == {"read"}


def test_the_canvas_is_written_by_editors_and_above() -> None:
    assert [access(role, KINDS["canvas"]) for role in ("viewer", "reviewer", "editor")] == ["read", "read", "write"]
