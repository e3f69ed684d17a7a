"""`workprint doctor` as an operator runs it, beside a hub; and what tells people that Git LFS is missing."""

import asyncio
import os
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from crdt_schema.ids import ProjectId
from server import keys
from server.commands import doctor
from server.config import read_config
from server.projects.index import Project
from server.snapshot.lfs import LFS_MISSING
from server.workspace import prepare
from tests.support.bucket import bucket_settings, with_credentials
from tests.support.service import PNG_PIXEL, Service, got, made, running_service
from tests.support.studio import BIN
from tests.support.workspace import Workspace


async def film(service: Service) -> tuple[Project, Path]:
    """A project with a committed take, and its file."""
    ana = await service.sign_in("Ana", "editor")
    app = service.app
    project_id = ProjectId((await made(ana, "/api/projects", {"name": "Night Bus"}))["id"])
    project = app[keys.PROJECTS].get(project_id)
    workspace = Workspace(app[keys.PROJECTS], app[keys.HUB], app[keys.SNAPSHOTTER])
    await workspace.make_take(project, "shot-1", PNG_PIXEL)
    await app[keys.SNAPSHOTTER].snapshot_now(project.id)
    return project, project.folder / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png"


async def run(workspace: Path, *arguments: str) -> tuple[int, str]:
    """The exit status of `workprint doctor`, and all that it printed."""
    done = await asyncio.to_thread(
        subprocess.run,
        [BIN / "workprint", "doctor", *arguments],
        env={**os.environ, "WORKSPACE_ROOT": str(workspace)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def test_the_exit_status_says_how_bad_it_is_while_people_work(tmp_path: Path) -> None:
    prepare(read_config({"WORKSPACE_ROOT": str(tmp_path)}))
    async with running_service(tmp_path) as service:
        project, file = await film(service)
        status, said = await run(tmp_path)
        assert (status, "0 damaged" in said) == (0, True), said
        file.unlink()
        assert (await run(tmp_path, "Night Bus"))[0] == 1
        status, said = await run(tmp_path, "--repair", project.id)
        assert (status, "1 repaired." in said) == (0, True), said
        assert file.read_bytes() == PNG_PIXEL
        project.blobs.path(project.blobs.put_bytes(PNG_PIXEL)).unlink()
        file.unlink()
        assert (await run(tmp_path, "--repair", "--deep"))[0] == 2
        assert "no project 'Day Bus'" in (await run(tmp_path, "Day Bus"))[1]
        assert (await got(await service.sign_in("Bo", "viewer"), f"/api/projects/{project.id}"))["id"] == project.id


async def test_what_is_missing_here_comes_back_from_the_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_credentials(monkeypatch)
    bucket = bucket_settings(f"tenant-{uuid4().hex}")
    settings = {
        "S3_BUCKET": bucket.bucket,
        "S3_ENDPOINT": bucket.endpoint,
        "S3_PREFIX": bucket.prefix,
        "S3_REGION": bucket.region,
    }
    config = read_config({"WORKSPACE_ROOT": str(tmp_path), **settings})
    prepare(config)
    async with running_service(tmp_path, port=0, **settings) as service:
        project, file = await film(service)
        async with asyncio.timeout(60):
            while service.app[keys.REPLICATION].state().waiting:  # noqa: ASYNC110 - it copies in threads
                await asyncio.sleep(0.02)
        blob = project.blobs.put_bytes(PNG_PIXEL)
        project.blobs.path(blob).unlink()
        file.unlink()
        bo = await service.sign_in("Bo", "editor")
        found = await made(bo, f"/api/projects/{project.id}/takes/reconcile", {}, status=200)
        assert [one["name"] for one in found["restored"]] == [file.name]
        assert found["vanished"] == []
        assert file.read_bytes() == PNG_PIXEL
    blob = project.blobs.put_bytes(PNG_PIXEL)
    project.blobs.path(blob).unlink()
    file.unlink()
    said, status = await doctor(config, "", deep=True, repair=True)
    assert status == 0, said
    assert "brought back from the bucket" in said
    assert project.blobs.has(blob)
    assert file.read_bytes() == PNG_PIXEL


async def test_the_app_is_told_that_git_lfs_is_missing_and_people_go_on_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    async with running_service(tmp_path / "workspace") as service:
        project, _ = await film(service)
        bo = await service.sign_in("Bo", "viewer")
        assert (await got(bo, "/api/workspace/config"))["git_lfs"]["ok"]
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
        told = {"ok": False, "message": LFS_MISSING}
        assert (await got(bo, "/healthz"))["git_lfs"] == told
        assert (await got(bo, "/api/workspace/config"))["git_lfs"] == {**told, "version": ""}
        assert LFS_MISSING in str(await got(bo, f"/api/projects/{project.id}/git/status"))
