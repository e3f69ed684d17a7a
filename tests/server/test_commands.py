"""The commands about people, as an operator runs them beside a hub."""

from pathlib import Path

import pytest

from server import keys
from tests.support.command import workprint
from tests.support.service import Service, got, running_service
from tests.support.signed_in import refusal, signed_in_browser


def test_people_are_added_listed_changed_and_removed(tmp_path: Path) -> None:
    workprint(tmp_path, "user", "add", "Bo", "--role", "viewer", stdin="correct horse\n")
    workprint(tmp_path, "user", "add", "Ana", "--role", "owner", stdin="correct horse\n")
    assert workprint(tmp_path, "user", "list").splitlines() == ["owner    Ana", "viewer   Bo"]
    assert workprint(tmp_path, "user", "role", "bo", "editor") == "Bo is editor now.\n"
    assert "last one" in workprint(tmp_path, "user", "remove", "Ana", status=2)
    assert "nobody of that name" in workprint(tmp_path, "user", "role", "Carl", "editor", status=2)
    assert "at least 8" in workprint(tmp_path, "user", "password", "Bo", stdin="short\n", status=2)
    assert "signed out everywhere" in workprint(tmp_path, "user", "remove", "Bo")
    assert workprint(tmp_path, "user", "list") == "owner    Ana\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


async def test_a_hub_that_runs_takes_what_a_command_changes(workspace: Path) -> None:
    async with running_service(workspace) as service:
        await in_turn(service, workspace)


async def in_turn(service: Service, workspace: Path) -> None:
    """A page of somebody whose role, password and account an operator changes one after the other."""
    await service.app[keys.PEOPLE].add("Bo", "correct horse battery", "viewer")
    page = await signed_in_browser(service, "Bo")
    workprint(workspace, "user", "role", "Bo", "editor")
    assert (await got(page, "/api/me"))["role"] == "editor"
    workprint(workspace, "user", "password", "Bo", stdin="another horse\n")
    assert (await refusal(page, "GET", "/api/me"))[0] == 401
    other = service.session()
    async with other.post("/auth/token", json={"username": "Bo", "password": "another horse"}) as reply:
        token = (await reply.json())["access_token"]
    workprint(workspace, "user", "remove", "Bo")
    program = service.session({"Authorization": f"Bearer {token}"})
    assert (await refusal(program, "GET", "/api/me"))[0] == 401
