"""What every BlobStore promises, tried on each that there is: the folder of a repository, and a real S3."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from server.errors import NotFound, TooLarge
from server.store.blob_base import BlobStore
from server.store.blobs import LocalBlobs, WrongHash
from server.store.s3 import PART_BYTES, Bucket
from tests.support.bucket import bucket_settings, with_credentials

Stores = Callable[[str], BlobStore]


@pytest.fixture(params=["folder", "bucket"])
def stores(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    """A store per project."""
    if request.param == "folder":

        def local(project: str) -> LocalBlobs:
            (tmp_path / project).mkdir(exist_ok=True)
            return LocalBlobs(tmp_path / project / "lfs")

        yield local
        return
    with_credentials(monkeypatch)
    bucket = Bucket(bucket_settings(f"tenant-{uuid4().hex}"), tmp_path / "spool")
    yield bucket.blobs
    bucket.close()


@pytest.fixture
def store(stores: Stores) -> BlobStore:
    return stores("film")


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def torn(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise ConnectionResetError


async def bytes_of(store: BlobStore, blob: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(blob, start, length)])


async def everything(store: BlobStore) -> set[str]:
    return {blob async for blob in store.all()}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_bytes_come_back_as_they_went_in_under_their_hash(store: BlobStore) -> None:
    data = os.urandom(700_000)
    assert await store.put(stream(data[:100], b"", data[100:])) == (sha256(data), len(data))
    assert await store.find(sha256(data)) == len(data)
    assert await bytes_of(store, sha256(data)) == data
    assert await everything(store) == {sha256(data)}


async def test_a_blob_of_several_parts_comes_back_whole(store: BlobStore) -> None:
    data = os.urandom(2 * PART_BYTES + 17)
    blob, size = await store.put(stream(data), expected=sha256(data))
    assert size == len(data)
    assert sha256(await bytes_of(store, blob)) == sha256(data)
    assert await bytes_of(store, blob, PART_BYTES - 5, 10) == data[PART_BYTES - 5 : PART_BYTES + 5]


async def test_nothing_at_all_is_a_blob_too(store: BlobStore) -> None:
    blob, size = await store.put(stream())
    assert (blob, size) == (sha256(b""), 0)
    assert await store.find(blob) == 0
    assert await bytes_of(store, blob) == b""


@pytest.mark.parametrize(
    ("start", "length", "part"),
    [(0, 4, b"abcd"), (3, None, b"defgh"), (6, 100, b"gh"), (8, None, b""), (0, 0, b"")],
)
async def test_a_part_of_a_blob_is_read(store: BlobStore, start: int, length: int | None, part: bytes) -> None:
    blob, _ = await store.put(stream(b"abcdefgh"))
    assert await bytes_of(store, blob, start, length) == part


async def test_another_hash_than_announced_is_refused_and_keeps_nothing(store: BlobStore) -> None:
    with pytest.raises(WrongHash, match="Send it again"):
        await store.put(stream(b"damaged"), expected=sha256(b"whole"))
    assert await everything(store) == set()


async def test_a_stream_that_breaks_off_keeps_nothing(store: BlobStore) -> None:
    with pytest.raises(ConnectionResetError):
        await store.put(torn(b"x" * 3_000_000))
    assert await everything(store) == set()
    assert await store.find(sha256(b"x" * 3_000_000)) is None


async def test_too_many_bytes_are_refused_and_keep_nothing(store: BlobStore) -> None:
    with pytest.raises(TooLarge):
        await store.put(stream(b"12345", b"678"), max_bytes=7)
    assert await everything(store) == set()


async def test_the_same_bytes_many_times_at_once_are_one_blob(store: BlobStore) -> None:
    data = os.urandom(100_000)
    stored = await asyncio.gather(*(store.put(stream(data)) for _ in range(12)))
    assert set(stored) == {(sha256(data), len(data))}
    assert await everything(store) == {sha256(data)}
    assert await bytes_of(store, sha256(data)) == data


async def test_many_blobs_at_once_do_not_mix(store: BlobStore) -> None:
    blobs = {sha256(data): data for data in (os.urandom(40_000) for _ in range(20))}
    await asyncio.gather(*(store.put(stream(data)) for data in blobs.values()))
    assert await everything(store) == set(blobs)
    read = await asyncio.gather(*(bytes_of(store, blob) for blob in blobs))
    assert read == list(blobs.values())


async def test_a_project_sees_nothing_of_another(stores: Stores) -> None:
    one, other, longer = stores("film"), stores("other"), stores("film-2")
    blob, _ = await one.put(stream(b"secret"))
    for store in (other, longer):
        assert await store.find(blob) is None
        assert await everything(store) == set()
        with pytest.raises(NotFound):
            await bytes_of(store, blob)


@pytest.mark.parametrize("name", ["", "../../../etc/passwd", "A" * 64, "0" * 63, "0" * 64, "0" * 63 + "\n", "**"])
async def test_what_is_no_blob_here_is_not_found(store: BlobStore, name: str) -> None:
    await store.put(stream(b"something"))
    assert await store.find(name) is None
    with pytest.raises(NotFound):
        await bytes_of(store, name)
