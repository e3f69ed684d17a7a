"""Blobs: hashed on the way in, whole or not there, never changed."""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import NotFound, TooLarge
from server.store import blobs as blobs_module
from server.store.blobs import DiskFull, LocalBlobs, WrongHash


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def torn(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise ConnectionResetError


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "lfs")


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_blob_is_the_lfs_object_of_its_hash(store: LocalBlobs, tmp_path: Path) -> None:
    data = os.urandom(3 * blobs_module.WRITE_BYTES + 17)
    blob, size = await store.put(stream(data[:100], data[100:5000], b"", data[5000:]))
    assert blob == hashlib.sha256(data).hexdigest()
    assert size == len(data)
    assert store.path(blob) == tmp_path / "lfs/objects" / blob[:2] / blob[2:4] / blob
    assert store.path(blob).read_bytes() == data
    assert store.size_bytes(blob) == len(data)


async def test_a_blob_with_another_hash_than_announced_is_refused_and_leaves_nothing(
    store: LocalBlobs, tmp_path: Path
) -> None:
    with pytest.raises(WrongHash, match="Send it again"):
        await store.put(stream(b"damaged"), expected=hashlib.sha256(b"whole").hexdigest())
    assert files_under(tmp_path) == []


async def test_a_stream_that_breaks_off_leaves_nothing(store: LocalBlobs, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        await store.put(torn(b"x" * (2 * blobs_module.WRITE_BYTES)))
    assert files_under(tmp_path) == []


async def test_a_cancelled_upload_leaves_nothing(store: LocalBlobs, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * blobs_module.WRITE_BYTES
            begun.set()
            await asyncio.sleep(0.001)

    upload = asyncio.create_task(store.put(endless()))
    await begun.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert files_under(tmp_path) == []


async def test_too_many_bytes_are_refused_while_they_arrive(store: LocalBlobs, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await store.put(stream(b"12345", b"678"), max_bytes=7)
    assert files_under(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_is_said_so_and_leaves_nothing(
    store: LocalBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="disk is full"):
        await store.put(stream(b"a take"))
    with pytest.raises(DiskFull):
        store.put_bytes(b"a take")
    assert files_under(tmp_path) == []


async def test_other_failures_of_the_disk_keep_their_own_words(
    store: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        await store.put(stream(b"a take"))


async def test_the_same_bytes_twice_at_once_are_one_blob(store: LocalBlobs, tmp_path: Path) -> None:
    data = os.urandom(100_000)
    results = await asyncio.gather(*(store.put(stream(data)) for _ in range(8)))
    assert len(set(results)) == 1
    assert len(files_under(tmp_path)) == 1


async def test_a_blob_is_read_only(store: LocalBlobs) -> None:
    blob = store.put_bytes(b"final")
    assert store.path(blob).stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("name", ["", "../../../etc/passwd", "A" * 64, "0" * 63, "0" * 64])
def test_what_is_no_blob_here_is_not_found(store: LocalBlobs, name: str) -> None:
    assert not store.has(name)
    with pytest.raises(NotFound):
        store.path(name)


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_bytes_come_back_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, data: bytes, step: int) -> None:
    store = LocalBlobs(tmp_path_factory.mktemp("lfs"))
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    blob, size = asyncio.run(store.put(stream(*chunks)))
    assert (store.path(blob).read_bytes(), size) == (data, len(data))
    assert store.put_bytes(data) == blob
