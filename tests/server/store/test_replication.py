"""Every blob gets its copy in the bucket, whatever happens on the way, and comes back when it is missing here."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from crdt_schema.ids import BlobHash
from server.errors import NotFound
from server.store.blobs import LocalBlobs
from server.store.replication import Replication
from server.store.s3 import Bucket, BucketAway, S3Settings
from tests.support.bucket import BUCKET, TENANT_KEY, TENANT_SECRET, bucket_settings, with_credentials
from tests.support.ports import free_port

PROJECT = "film"


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    with_credentials(monkeypatch)
    return Bucket(bucket_settings(f"tenant-{uuid4().hex}"), tmp_path)


class Studio:
    """One project on this machine, and the replication that watches it."""

    def __init__(self, folder: Path, bucket: Bucket | None) -> None:
        self.replication = Replication(bucket, lambda: {PROJECT: self.local}, first_pause_seconds=0.05)
        self.local = LocalBlobs(folder / "lfs", lambda blob: self.replication.note(PROJECT, blob))


@pytest.fixture
async def studio(tmp_path: Path, bucket: Bucket) -> AsyncIterator[Studio]:
    studio = Studio(tmp_path, bucket)
    yield studio
    await studio.replication.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - it copies in threads: there is no event to wait for
            await asyncio.sleep(0.02)


async def copied(studio: Studio, bucket: Bucket, blob: str) -> None:
    async with asyncio.timeout(60):
        while await bucket.blobs(PROJECT).find(blob) is None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
    await until(lambda: studio.replication.state().waiting == 0)


async def test_a_new_blob_is_soon_in_the_bucket_below_its_tenant_and_project(studio: Studio, bucket: Bucket) -> None:
    studio.replication.start()
    blob = await asyncio.to_thread(studio.local.put_bytes, b"a take")
    await copied(studio, bucket, blob)
    key = bucket.blobs(PROJECT).key(blob)
    assert key.startswith("tenant-")
    assert key.endswith(f"/film/lfs/{blob[:2]}/{blob[2:4]}/{blob}")
    assert studio.replication.state().problem == ""


async def test_what_was_there_before_the_start_is_copied_too(studio: Studio, bucket: Bucket) -> None:
    blob = studio.local.put_bytes(b"from an older day")
    studio.replication.start()
    await copied(studio, bucket, blob)


async def test_a_blob_that_is_missing_here_comes_back_whole(studio: Studio, bucket: Bucket) -> None:
    studio.replication.start()
    data = os.urandom(3_000_000)
    blob = studio.local.put_bytes(data)
    await copied(studio, bucket, blob)
    studio.local.path(blob).unlink()
    found = await asyncio.gather(*(studio.replication.ensure(PROJECT, studio.local, blob) for _ in range(5)))
    assert {path.read_bytes() for path in found} == {data}


async def test_a_blob_that_is_nowhere_is_not_found(studio: Studio) -> None:
    with pytest.raises(NotFound):
        await studio.replication.ensure(PROJECT, studio.local, "0" * 64)


async def test_a_blob_that_was_damaged_in_the_bucket_is_never_shown(studio: Studio, bucket: Bucket) -> None:
    blob = hashlib.sha256(b"good").hexdigest()
    bucket.client.put_object(Bucket=BUCKET, Key=bucket.blobs(PROJECT).key(blob), Body=b"evil")
    with pytest.raises(NotFound, match="damaged"):
        await studio.replication.ensure(PROJECT, studio.local, blob)
    assert not studio.local.has(blob)


async def test_a_blob_that_was_damaged_on_disk_never_reaches_the_bucket(studio: Studio, bucket: Bucket) -> None:
    blob = studio.local.put_bytes(b"good")
    studio.local.path(blob).chmod(0o644)
    studio.local.path(blob).write_bytes(b"evil")
    whole = studio.local.put_bytes(b"whole")
    studio.replication.start()
    await copied(studio, bucket, whole)
    assert await bucket.blobs(PROJECT).find(blob) is None


async def test_while_the_bucket_is_away_blobs_wait_and_it_is_said_why(tmp_path: Path, bucket: Bucket) -> None:
    away = Bucket(S3Settings(BUCKET, f"http://127.0.0.1:{free_port()}", "tenant-x"), tmp_path)
    studio = Studio(tmp_path, away)
    blob = studio.local.put_bytes(b"a take")
    studio.replication.start()
    await until(lambda: studio.replication.state().problem != "")
    studio.replication.note(PROJECT, blob)
    await until(lambda: studio.replication.state().waiting == 1)
    assert await studio.replication.ensure(PROJECT, studio.local, blob) == studio.local.path(blob)
    with pytest.raises(BucketAway, match="ask whoever runs this studio"):
        await studio.replication.ensure(PROJECT, studio.local, "0" * 64)
    # The bucket is back.
    away.client = bucket.client
    await until(lambda: studio.replication.state().waiting == 0)
    await until(lambda: studio.replication.state().problem == "")
    assert await away.blobs(PROJECT).find(blob) == len(b"a take")
    await studio.replication.close()


async def test_without_a_bucket_the_folder_is_all_there_is(tmp_path: Path) -> None:
    studio = Studio(tmp_path, None)
    studio.replication.start()
    blob = studio.local.put_bytes(b"a take")
    assert studio.replication.state().configured is False
    assert await studio.replication.ensure(PROJECT, studio.local, blob) == studio.local.path(blob)
    assert await studio.replication.download_url(PROJECT, blob, seconds=60) is None
    assert await studio.replication.upload_url(PROJECT, blob, 6, seconds=60) is None
    await studio.replication.close()


async def test_a_signed_address_gives_this_blob_and_no_other(studio: Studio, bucket: Bucket) -> None:
    studio.replication.start()
    blob, other = studio.local.put_bytes(b"a take"), studio.local.put_bytes(b"another")
    await copied(studio, bucket, blob)
    await copied(studio, bucket, other)
    address = await studio.replication.download_url(PROJECT, blob, seconds=60)
    assert address is not None
    async with aiohttp.ClientSession() as session:
        async with session.get(address, headers={"Range": "bytes=2-"}) as reply:
            assert (reply.status, await reply.read()) == (206, b"take")
        async with session.get(address.replace(blob, other)) as reply:
            assert reply.status == 403
        async with session.get(address.partition("?")[0]) as reply:
            assert reply.status == 403


async def test_a_signed_address_ends(bucket: Bucket) -> None:
    blob = BlobHash(hashlib.sha256(b"a take").hexdigest())
    address = await bucket.blobs(PROJECT).download_url(blob, seconds=1)
    assert address is not None
    await asyncio.sleep(2.1)
    async with aiohttp.ClientSession() as session, session.get(address) as reply:
        assert reply.status == 403


async def test_a_signed_upload_takes_these_bytes_and_no_others(bucket: Bucket) -> None:
    blob = hashlib.sha256(b"a take").hexdigest()
    address, headers = await bucket.blobs(PROJECT).upload_url(blob, 6, seconds=60)
    async with aiohttp.ClientSession() as session:
        async with session.put(address, data=b"a fake", headers=headers) as reply:
            assert reply.status == 400
        assert await bucket.blobs(PROJECT).find(blob) is None
        async with session.put(address, data=b"a take", headers=headers) as reply:
            assert reply.status == 200, await reply.text()
    assert await bucket.blobs(PROJECT).find(blob) == 6


async def test_a_tenant_s_credentials_reach_its_own_prefix_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_credentials(monkeypatch, TENANT_KEY, TENANT_SECRET)
    own, foreign = (Bucket(bucket_settings(prefix), tmp_path) for prefix in ("tenant-a", "tenant-b"))
    file = tmp_path / "take"
    file.write_bytes(b"a take")
    blob = BlobHash(hashlib.sha256(b"a take").hexdigest())
    await own.blobs(PROJECT).put_file(file, blob)
    assert await own.blobs(PROJECT).find(blob) == 6
    with pytest.raises(BucketAway):
        await foreign.blobs(PROJECT).put_file(file, blob)
    with pytest.raises(BucketAway):
        await foreign.blobs(PROJECT).find(blob)
