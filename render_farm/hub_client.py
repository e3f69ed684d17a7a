# ruff: noqa: ASYNC240 - an attempt has nothing else to do while it reads and writes its own files
"""The farm's side of the hub's blob addresses: bytes by SHA-256, in and out, with the order's token."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import aiohttp

from crdt_schema.ids import BlobHash
from pipelines.spec import PipelineError

CHUNK_BYTES = 1 << 20
TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=60)
"""No limit on the whole: a take may be gigabytes; silence is what ends a transfer."""
PREVIEW_SECONDS = 10
"""A preview that comes later is of no use."""
OUT_OF_DATE = 401
NO_SPACE = 507
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


class HubAway(Exception):
    """The hub does not answer, or not now; try again."""


class HubRefused(PipelineError):
    """The hub will not take or give this; trying again is no use."""


class HubClient:
    """A session with the hub; use as `async with`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def put_blob(self, project: str, blob: BlobHash, path: Path) -> None:
        """Send a file under its SHA-256; harmless when the hub has it. Raises HubAway, HubRefused."""
        headers = {"Content-Length": str(path.stat().st_size), "Content-Type": "application/octet-stream"}
        try:
            async with self._open().put(self._address(project, blob), data=_chunks(path), headers=headers) as answer:
                _judge(answer.status, "take the result")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HubAway(str(error)) from error

    async def get_blob(self, project: str, blob: BlobHash, path: Path) -> None:
        """Fetch a blob into a new file, and check that it is the one. Raises HubAway, HubRefused."""
        digest = hashlib.sha256()
        try:
            async with self._open().get(self._address(project, blob)) as answer:
                _judge(answer.status, "give an input")
                with path.open("xb") as file:
                    async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                        digest.update(chunk)
                        file.write(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            path.unlink(missing_ok=True)
            raise HubAway(str(error)) from error
        if digest.hexdigest() != blob:
            path.unlink()
            raise HubAway("the blob arrived damaged")

    async def put_preview(self, project: str, job: str, picture: bytes, media_type: str) -> None:
        """Show a small picture of the work so far. Raises HubAway, HubRefused."""
        address = f"{self._url}/api/farm/previews/{project}/{job}"
        try:
            limit = aiohttp.ClientTimeout(total=PREVIEW_SECONDS)
            async with self._open().put(
                address, data=picture, headers={"Content-Type": media_type}, timeout=limit
            ) as answer:
                _judge(answer.status, "show a preview")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HubAway(str(error)) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("HubClient is used inside `async with`")
        return self._session

    def _address(self, project: str, blob: str) -> str:
        return f"{self._url}/api/farm/blobs/{project}/{blob}"


def hash_file(path: Path) -> BlobHash:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return BlobHash(hashlib.file_digest(file, "sha256").hexdigest())


def _judge(status: int, wanted: str) -> None:
    if status in RETRIED:
        raise HubAway(f"HTTP {status}")
    if status == NO_SPACE:
        raise HubRefused("The server's disk is full, so the take could not be stored. Free some space and try again.")
    if status == OUT_OF_DATE:
        raise HubRefused("This job waited for its farm node longer than its order is good for. Please generate again.")
    if status >= 400:  # noqa: PLR2004 - where HTTP's refusals begin
        raise HubRefused(f"The hub would not {wanted} (HTTP {status})")


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
