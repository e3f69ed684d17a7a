"""Where a project is pushed, over REST."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.service import Service, got, made, running_service
from tests.support.signed_in import refusal, sent


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


async def test_an_admin_says_where_and_nobody_sees_the_token(service: Service) -> None:
    olga = await service.sign_in("Olga", "editor")
    film = f"/api/projects/{(await made(olga, '/api/projects', {'name': 'Night Bus', 'governance': 'sketch'}))['id']}"
    assert (await got(olga, film + "/git/status"))["remote"] is None
    # A port on which nothing listens.
    wanted = {"url": "https://127.0.0.1:9/film.git", "token": "very-secret"}
    answer = await sent(olga, "PUT", film + "/git/remote", wanted)
    assert answer["remote"]["url"] == wanted["url"]
    status = await got(olga, film + "/git/status")
    assert set(status["remote"]) == {"url", "state", "at", "message"}
    audit = await got(olga, film + "/audit")
    assert "very-secret" not in str([answer, status, audit])
    assert "remote_change" in str(audit)
    status, said = await refusal(olga, "PUT", film + "/git/remote", {"url": "file:///etc"})
    assert (status, "WORKPRINT_PUSH_TO" in str(said)) == (400, True)
    assert (await sent(olga, "PUT", film + "/git/remote", {"url": ""}))["remote"] is None


async def test_an_editor_may_not(service: Service) -> None:
    olga, eddie = await service.sign_in("Olga", "editor"), await service.sign_in("Eddie", "editor")
    film = f"/api/projects/{(await made(olga, '/api/projects', {'name': 'Night Bus', 'governance': 'sketch'}))['id']}"
    status, _ = await refusal(eddie, "PUT", film + "/git/remote", {"url": "https://example.org/x.git"})
    assert status == 403
