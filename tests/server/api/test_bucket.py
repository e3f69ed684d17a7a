"""A studio with a bucket: what is added gets its copy there, and is shown again when this machine has lost it."""

import asyncio
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from crdt_schema.ids import ProjectId
from server import keys
from tests.support.bucket import BUCKET, s3_endpoint, with_credentials
from tests.support.files import added, png
from tests.support.service import Service, got, made, running_service


async def copied(service: Service, project: str, blob: str) -> bool:
    return await service.app[keys.REPLICATION].download_url(project, blob, seconds=60) is not None


async def bucket_is(session: aiohttp.ClientSession, *, ok: bool, waiting: int) -> None:
    """Until /healthz says so."""
    async with asyncio.timeout(60):
        while (await got(session, "/healthz"))["bucket"] != {"ok": ok, "configured": True, "waiting": waiting}:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)


async def test_a_blob_that_this_machine_lost_is_shown_from_the_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_credentials(monkeypatch)
    prefix = f"tenant-{uuid4().hex}"
    async with running_service(tmp_path, S3_BUCKET=BUCKET, S3_ENDPOINT=s3_endpoint(), S3_PREFIX=prefix) as service:
        editor = await service.sign_in("Ed", "editor")
        project = (await made(editor, "/api/projects", {"name": "Night Bus"}))["id"]
        (file,) = (await added(editor, project, "styles", ("look.png", png())))["files"]
        async with asyncio.timeout(60):
            while not await copied(service, project, file["sha256"]):  # noqa: ASYNC110 - S3 calls nobody
                await asyncio.sleep(0.05)
        await bucket_is(editor, ok=True, waiting=0)
        service.app[keys.PROJECTS].get(ProjectId(project)).blobs.path(file["sha256"]).unlink()
        async with editor.get(f"/api/projects/{project}/media/{file['sha256']}") as reply:
            assert (reply.status, await reply.read()) == (200, png())
            assert reply.headers["ETag"] == f'"{file["sha256"]}"'


async def test_a_studio_whose_bucket_is_away_works_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_credentials(monkeypatch, secret="not the secret")
    async with running_service(tmp_path, S3_BUCKET=BUCKET, S3_ENDPOINT=s3_endpoint()) as service:
        editor = await service.sign_in("Ed", "editor")
        project = (await made(editor, "/api/projects", {"name": "Night Bus"}))["id"]
        (file,) = (await added(editor, project, "styles", ("look.png", png())))["files"]
        await bucket_is(editor, ok=False, waiting=1)
        async with editor.get(file["url"]) as reply:
            assert await reply.read() == png()
