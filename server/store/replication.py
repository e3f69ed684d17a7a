"""Keeps a copy of every blob in the bucket, and brings back from there what is missing on this machine."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from crdt_schema.ids import BlobHash
from server.errors import NotFound
from server.store.blobs import LocalBlobs, WrongHash
from server.store.s3 import Bucket

log = structlog.get_logger(__name__)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
"""Between attempts while the bucket is away, doubled each time."""
SCAN_SECONDS = 600.0
"""How often folders and bucket are compared: a git of this machine, or another process, stores blobs too."""
AT_ONCE = 4


@dataclass(frozen=True)
class ReplicationState:
    """How the copies stand, for whoever runs the studio."""

    configured: bool
    waiting: int
    """Blobs that are on this machine only."""
    problem: str
    """Why they wait; empty while all goes well."""


class Replication:
    """Without a bucket it does nothing: the folder is all there is. Its methods are for the event loop, save `note`."""

    def __init__(
        self,
        bucket: Bucket | None,
        homes: Callable[[], Mapping[str, LocalBlobs]],
        *,
        scan_seconds: float = SCAN_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        """`homes`: the local blobs of every project by its id; it blocks."""
        self._bucket = bucket
        self._homes = homes
        self._scan_seconds = scan_seconds
        self._first_pause_seconds = first_pause_seconds
        self._waiting: dict[tuple[str, BlobHash], None] = {}
        self._problem = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._fetching: dict[tuple[str, str], asyncio.Lock] = {}

    def start(self) -> None:
        """Begin to compare and to copy."""
        self._loop = asyncio.get_running_loop()
        if self._bucket is not None:
            self._tasks = [asyncio.create_task(self._scan_on()), asyncio.create_task(self._copy_on())]

    async def close(self) -> None:
        """Stop; what is not copied yet is found again by the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._bucket is not None:
            self._bucket.close()

    def note(self, project: str, blob: BlobHash) -> None:
        """A blob was stored on this machine; any thread may say so."""
        if self._bucket is not None and self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended: the next start finds it
                self._loop.call_soon_threadsafe(self._enter, project, blob)

    def state(self) -> ReplicationState:
        """How the copies stand."""
        return ReplicationState(self._bucket is not None, len(self._waiting), self._problem)

    async def ensure(self, project: str, local: LocalBlobs, blob: str) -> Path:
        """Where the blob lies on this machine, fetched from the bucket if need be; raises NotFound, Unavailable."""
        if self._bucket is None or await asyncio.to_thread(local.has, blob):
            return local.path(blob)
        remote, key = self._bucket.blobs(project), (project, blob)
        # Ten people who open the same film fetch it once.
        async with self._fetching.setdefault(key, asyncio.Lock()):
            try:
                if not await asyncio.to_thread(local.has, blob):
                    await local.put(remote.read(blob), expected=blob)
            except WrongHash:
                log.exception("blob_is_damaged_in_the_bucket", project=project, blob=blob)
                raise NotFound(
                    "This file is damaged in the bucket and cannot be shown. Ask an administrator."
                ) from None
            finally:
                self._fetching.pop(key, None)
        return local.path(blob)

    async def download_url(self, project: str, blob: str, *, seconds: int) -> str | None:
        """A signed address of the bucket for a blob; None where there is no bucket, or not this blob in it yet."""
        if self._bucket is None:
            return None
        remote = self._bucket.blobs(project)
        return await remote.download_url(blob, seconds=seconds) if await remote.find(blob) is not None else None

    async def upload_url(
        self, project: str, blob: str, size_bytes: int, *, seconds: int
    ) -> tuple[str, dict[str, str]] | None:
        """A signed address for one PUT of this blob, and the headers it needs; None where there is no bucket."""
        if self._bucket is None:
            return None
        return await self._bucket.blobs(project).upload_url(blob, size_bytes, seconds=seconds)

    def _enter(self, project: str, blob: BlobHash) -> None:
        self._waiting[project, blob] = None
        self._changed.set()

    async def _scan_on(self) -> None:
        while True:
            try:
                await self._scan()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round tries again
                self._tell(error)
            await asyncio.sleep(self._scan_seconds if not self._problem else LONGEST_PAUSE_SECONDS)

    async def _scan(self) -> None:
        """Enter what stands in a folder and not in the bucket."""
        assert self._bucket is not None  # noqa: S101 - only started with one
        for project, local in (await asyncio.to_thread(self._homes)).items():
            here = set(await asyncio.to_thread(local.names))
            there = {blob async for blob in self._bucket.blobs(project).all()} if here else set[BlobHash]()
            for blob in sorted(here - there):
                self._enter(project, blob)

    async def _copy_on(self) -> None:
        pause = self._first_pause_seconds
        while True:
            await self._changed.wait()
            self._changed.clear()
            homes, waiting = await asyncio.to_thread(self._homes), list(self._waiting)
            room = asyncio.Semaphore(AT_ONCE)
            done = await asyncio.gather(*(self._copy(homes, room, *entry) for entry in waiting))
            if all(done):
                self._problem, pause = "", self._first_pause_seconds
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                self._changed.set()

    async def _copy(
        self, homes: Mapping[str, LocalBlobs], room: asyncio.Semaphore, project: str, blob: BlobHash
    ) -> bool:
        """Copy one; whether it need not be tried again."""
        assert self._bucket is not None  # noqa: S101 - as above
        try:
            async with room:
                if project in homes and await asyncio.to_thread(homes[project].has, blob):
                    await self._bucket.blobs(project).put_file(homes[project].path(blob), blob)
        except (NotFound, FileNotFoundError):
            pass  # the project was deleted meanwhile
        except WrongHash:
            # The copy in the bucket stays the good one.
            log.error("blob_is_damaged_on_disk", project=project, blob=blob)  # noqa: TRY400 - the words say it all
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again and told
            self._tell(error)
            return False
        self._waiting.pop((project, blob), None)
        return True

    def _tell(self, error: Exception) -> None:
        if not self._problem:
            log.warning("bucket_is_away", error=str(error.__cause__ or error))
        self._problem = "The bucket cannot be reached or refuses this studio; media wait on this machine."
