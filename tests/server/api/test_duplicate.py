"""A duplicate: everything in it, nothing shared with the original, and nobody's old copy fits it."""

import errno
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from pycrdt import Doc, Text

from crdt_schema.canvas import Canvas
from crdt_schema.ids import ProjectId
from crdt_schema.records import Job, JobStatus
from crdt_schema.takes import Takes
from server import keys
from server.auth.actor import SYSTEM
from server.hub import messages
from tests.support.git import assert_healthy, git, is_clean
from tests.support.service import PNG_PIXEL, Service, got, made, running_service
from tests.support.wire import end_of, page
from tests.support.workspace import ADA, Workspace


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path, WORKPRINT_SNAPSHOT_QUIET_SECONDS="60") as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


async def film(service: Service, session: aiohttp.ClientSession) -> ProjectId:
    """A project with a shot, its take, and a treatment; nothing of it is committed yet."""
    project = ProjectId((await made(session, "/api/projects", {"name": "Night Bus"}))["id"])
    app = service.app
    workspace = Workspace(app[keys.PROJECTS], app[keys.HUB], app[keys.SNAPSHOTTER])
    await workspace.add_shot(project, "shot-1", "Door", by=SYSTEM)
    await workspace.type(project, "shot-1", "rain on glass", by=ADA)
    take = await workspace.make_take(app[keys.PROJECTS].get(project), "shot-1", PNG_PIXEL)
    assert take["number"] == 1
    async with app[keys.HUB].room(project, "canvas") as room:
        room.edit(SYSTEM, lambda doc: Canvas(doc).set_field("shot-1", "active_take", "shot-1-take-1"))
    async with app[keys.HUB].room(project, "script/treatment") as room:
        room.edit(SYSTEM, lambda doc: write(doc, "A bus at night."))
    return project


def write(doc: Doc[Any], words: str) -> None:
    text: Text = doc.get("text", type=Text)
    text += words


def job_record(status: JobStatus) -> Job:
    """A whole job."""
    times = dict.fromkeys(("asked_at", "queued_at", "started_at", "ended_at"), "")
    return cast(
        "Job",
        {
            "kind": "generate",
            "node": "shot-1",
            "status": status,
            "reason": "",
            "trace_id": "",
            "pipeline": "p",
            "tier": "low",
            "asked_by": "ada",
            "asked_by_name": "Ada",
            **times,
            "attempts": [],
            "take": "",
            "seconds": 0.0,
            "cost_usd": 0.0,
            "recipe": {},
        },
    )


async def opened(service: Service, project: str) -> dict[str, Any]:
    """Every document of a project by name."""
    found: dict[str, Any] = {}
    for document in ("canvas", "takes", "script/treatment"):
        async with service.app[keys.HUB].room(ProjectId(project), document) as room:
            found[document] = room.plain()
    return found


def folder_of(service: Service, project: str) -> Path:
    return service.app[keys.PROJECTS].get(ProjectId(project)).folder


async def test_a_duplicate_holds_everything_and_is_another_project(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = await film(service, ana)
    git(folder_of(service, project), "remote", "add", "origin", "https://elsewhere.example/film.git")
    answer = await made(ana, f"/api/projects/{project}/duplicate", {"name": "Other End"})
    copy = answer["id"]
    assert answer["name"] == "Other End"
    assert copy != project
    assert await opened(service, copy) == await opened(service, project)
    assert (await got(ana, f"/api/projects/{copy}"))["role"] == "owner"
    folder = folder_of(service, copy)
    assert folder.name == "Other_End"
    assert is_clean(folder)
    assert_healthy(folder)
    log = git(folder, "log", "--format=%s").splitlines()
    assert log[0] == "Duplicate Night Bus as Other End"
    assert log[-1] == "Start Night Bus"
    # It pushes nowhere, and what is large lies on the disk once.
    assert git(folder, "remote") == ""
    take = "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png"
    assert (folder / take).samefile(folder_of(service, project) / take)
    assert not (folder / "project.json").samefile(folder_of(service, project) / "project.json")


async def test_who_holds_the_original_holds_another_history(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    copy = (await made(ana, f"/api/projects/{project}/duplicate", {"name": "Copy"}))["id"]
    mine: Doc[Any] = Doc()
    async with service.app[keys.HUB].room(project, "canvas") as room:
        mine.apply_update(room.doc.get_update())
        assert room.epoch
    async with page(service, "Ana", copy, "canvas") as socket:
        await socket.send_bytes(messages.step1(mine.get_state()).body)
        await socket.send_bytes(messages.step2(mine.get_update()).body)
        code, _ = await end_of(socket)
    assert code == 4409


async def test_without_takes_nothing_speaks_of_one(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    (folder_of(service, project) / "01_Assets/Source_Media/notes.txt").write_text("location list")
    copy = (await made(ana, f"/api/projects/{project}/duplicate", {"name": "Fresh", "takes": False}))["id"]
    found = await opened(service, copy)
    assert found["takes"] == {"schema": "takes.1", "jobs": {}, "takes": {}}
    assert found["canvas"]["nodes"]["shot-1"]["prompt"] == "rain on glass"
    assert found["canvas"]["nodes"]["shot-1"]["active_take"] == ""
    assert found["script/treatment"]["text"] == "A bus at night."
    folder = folder_of(service, copy)
    assert git(folder, "log", "--format=%s").splitlines() == ["Duplicate Night Bus as Fresh"]
    assert list((folder / ".git" / "lfs").rglob("*/*/*/*")) == []
    assert [path.name for path in (folder / "03_Renders").iterdir()] == ["takes.json"]
    assert (folder / "01_Assets/Source_Media/notes.txt").read_text() == "location list"
    assert git(folder, "status", "--porcelain").splitlines() == ["?? 01_Assets/Source_Media/notes.txt"]
    assert_healthy(folder)
    # The original has lost nothing.
    assert len((await opened(service, project))["takes"]["takes"]) == 1


async def test_what_was_under_way_goes_on_in_the_original_only(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    async with service.app[keys.HUB].room(project, "takes") as room:
        room.edit(SYSTEM, lambda doc: Takes(doc).add_job("job-9", job_record("queued")))
    copy = (await made(ana, f"/api/projects/{project}/duplicate", {"name": "Copy"}))["id"]
    assert (await opened(service, copy))["takes"]["jobs"]["job-9"]["status"] == "cancelled"
    assert (await opened(service, project))["takes"]["jobs"]["job-9"]["status"] == "queued"


async def test_a_closed_project_is_not_opened_by_copying_it(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    bo = await service.sign_in("Bo", "editor")
    async with ana.put(f"/api/projects/{project}/access", json={"access": "members"}) as reply:
        assert reply.status == 200
    await made(bo, f"/api/projects/{project}/duplicate", {"name": "Mine now"}, 404)
    copy = (await made(ana, f"/api/projects/{project}/duplicate", {"name": "Copy"}))["id"]
    await got(bo, f"/api/projects/{copy}", 404)


async def test_a_viewer_makes_no_copy(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    await made(await service.sign_in("Vi", "viewer"), f"/api/projects/{project}/duplicate", {"name": "Copy"}, 403)


async def test_a_full_disk_leaves_no_half_copy(
    service: Service, ana: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await film(service, ana)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("server.projects.duplicate.copy_file", full)
    answer = await made(ana, f"/api/projects/{project}/duplicate", {"name": "Copy"}, 507)
    assert "disk is full" in answer["error"]["message"]
    assert [folder.name for folder in service.app[keys.PROJECTS].folder.iterdir()] == ["Night_Bus"]


async def test_what_belongs_to_this_machine_alone_goes_into_no_copy(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    await service.app[keys.SNAPSHOTTER].snapshot_now(project)
    folder = folder_of(service, project)
    secret_address = "https://me:hunter2@elsewhere.example/film.git"
    git(folder, "remote", "add", "origin", secret_address)
    git(folder, "config", "lfs.url", secret_address)
    git(folder, "config", f"credential.{secret_address}.helper", "store --file=hunter2")
    for ref in ("refs/remotes/workprint/main", "refs/stash", "refs/notes/hunter2"):
        git(folder, "update-ref", ref, "HEAD")
    git(folder, "tag", "-a", "-m", "named", "Rough-cut")
    git(folder, "pack-refs", "--all")
    git(folder, "update-ref", "refs/remotes/origin/loose", "HEAD")
    for place in (".git/hooks/post-commit", ".git/hooks/pre-push", ".git/info/exclude", ".git/FETCH_HEAD"):
        (folder / place).write_text("#!/bin/sh\n: hunter2\n")
    for place in (".workprint/disk.json", ".workprint/files.json", ".workprint/hunter2"):
        (folder / place).write_text('{"hunter2": 1}')
    copy = folder_of(service, (await made(ana, f"/api/projects/{project}/duplicate", {"name": "Other End"}))["id"])
    async with ana.get(f"/api/projects/{project}/bundle") as reply:
        (tmp_path / "bundle.zip").write_bytes(await reply.read())
    with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle:
        bundle.extractall(tmp_path / "bundle")
        assert {name for name in bundle.namelist() if ".workprint/" in name} == {
            "Night_Bus/.workprint/documents.sqlite"
        }
    assert git(copy, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main", "refs/tags/Rough-cut"]
    assert git(copy, "rev-parse", "Rough-cut^{}") == git(folder, "rev-parse", "Rough-cut^{}")
    assert git(copy, "remote").strip() == ""
    for place in (copy, tmp_path / "bundle"):
        held = [path for path in place.rglob("*") if path.is_file()]
        assert any(path.name == "packed-refs" for path in held)
        assert [path for path in held if b"hunter2" in path.read_bytes() or b"refs/remotes" in path.read_bytes()] == []
    assert_healthy(copy)
    assert is_clean(copy)
