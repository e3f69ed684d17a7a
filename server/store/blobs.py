"""Media by SHA-256 on disk: a blob is a Git LFS object of its project's repository."""

import asyncio
import errno
import hashlib
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from crdt_schema.ids import BlobHash, is_blob_hash
from server.errors import BadRequest, NotFound, TooLarge, Unavailable

WRITE_BYTES = 1 << 20
"""Chunks are gathered up to this size before a thread writes them; one hop per network chunk would cost more."""
READ_BYTES = 1 << 18
READ_ONLY = 0o444
DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class WrongHash(BadRequest):
    """The bytes that arrived are not the bytes that were announced."""

    code = "wrong_hash"

    @classmethod
    def on_the_way(cls) -> "WrongHash":
        """In the words that people see."""
        return cls("The file was damaged on its way: its SHA-256 is not the one announced. Send it again.")


class DiskFull(Unavailable):
    """There is no room for a file; nothing of it was kept."""

    status: ClassVar[int] = 507
    code = "disk_full"


class LocalBlobs:
    """The blobs of one project on this machine, each written once under its hash and never changed; a BlobStore."""

    def __init__(self, lfs_folder: Path, on_kept: Callable[[BlobHash], None] | None = None) -> None:
        """`lfs_folder` is `.git/lfs` of the project; `on_kept` hears of every new blob, in any thread."""
        self._git = lfs_folder.parent
        self._objects = lfs_folder / "objects"
        self._temporary = lfs_folder / "tmp"
        self._on_kept = on_kept

    def has(self, blob: str) -> bool:
        """Whether the blob is here; False for anything that is no hash, and for a link that leads elsewhere."""
        if not is_blob_hash(blob):
            return False
        place = self._place(blob)
        return place.is_file() and place.resolve().is_relative_to(self._objects.resolve())

    def path(self, blob: str) -> Path:
        """Where the blob lies, for the server's own use; raises NotFound."""
        if not self.has(blob):
            raise NotFound("There is no such file in this project.")
        return self._place(blob)

    def size_bytes(self, blob: str) -> int:
        """Size of a blob; raises NotFound."""
        with suppress(FileNotFoundError):
            if self.has(blob):
                return self._place(blob).stat().st_size
        raise NotFound("There is no such file in this project.")

    async def find(self, blob: str) -> int | None:
        """Size of a blob; None when it is not here."""
        with suppress(NotFound):
            return await asyncio.to_thread(self.size_bytes, blob)
        return None

    async def read(self, blob: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start`, all of them or `length`; raises NotFound."""
        file = await asyncio.to_thread(self.path(blob).open, "rb")
        try:
            file.seek(start)
            left = length if length is not None else self.size_bytes(blob)
            while left > 0 and (chunk := await asyncio.to_thread(file.read, min(left, READ_BYTES))):
                left -= len(chunk)
                yield chunk
        finally:
            file.close()

    async def all(self) -> AsyncIterator[BlobHash]:
        """Every blob that is here."""
        for blob in await asyncio.to_thread(self.names):
            yield blob

    def names(self) -> list[BlobHash]:
        """The hash of every blob that is here; it blocks."""
        return [BlobHash(path.name) for path in self._objects.glob("??/??/*") if self.has(path.name)]

    async def download_url(self, blob: str, *, seconds: int) -> str | None:  # noqa: ARG002 - the shape of BlobStore
        """None: the server hands out what lies on its disk."""
        return None

    async def put(
        self, chunks: AsyncIterator[bytes], *, expected: str | None = None, max_bytes: int | None = None
    ) -> tuple[BlobHash, int]:
        """Store a stream and return its hash and size; raises WrongHash, TooLarge, DiskFull and then keeps nothing."""
        async with self.staged(chunks, max_bytes=max_bytes) as incoming:
            return await asyncio.to_thread(self._keep, incoming, expected)

    @asynccontextmanager
    async def staged(self, chunks: AsyncIterator[bytes], *, max_bytes: int | None = None) -> AsyncGenerator["Incoming"]:
        """A stream that is whole and on disk, but no blob before `keep`; at the end of the block it is forgotten.

        Raises TooLarge, DiskFull.
        """
        with disk_full_explained():
            incoming = await asyncio.to_thread(self.incoming)
            try:
                await receive(incoming, chunks, max_bytes)
                await asyncio.to_thread(incoming.finish)
                yield incoming
            finally:
                await asyncio.to_thread(incoming.discard)

    def keep(self, incoming: "Incoming") -> BlobHash:
        """Make what was staged a blob. It blocks."""
        return self._keep(incoming, None)[0]

    def incoming(self) -> "Incoming":
        """A blob that is about to come; raises FileNotFoundError when the project is not there any more. It blocks."""
        make_folders(self._git, self._temporary)
        return Incoming(self._temporary)

    def put_bytes(self, data: bytes) -> BlobHash:
        """Store `data` and return its hash; raises DiskFull. It blocks: call it in a thread."""
        with disk_full_explained():
            incoming = self.incoming()
            try:
                incoming.write(data)
                return self._keep(incoming, None)[0]
            finally:
                incoming.discard()

    def adopt(self, file: Path, blob: BlobHash) -> None:
        """Make a file of this file system, whose hash the caller knows, a blob; it is moved. It blocks."""
        file.chmod(READ_ONLY)
        with file.open("rb") as whole:
            os.fsync(whole.fileno())
        self._put_in_place(file, blob)

    def _place(self, blob: str) -> Path:
        return self._objects.joinpath(blob[:2], blob[2:4], blob)

    def _keep(self, incoming: "Incoming", expected: str | None) -> tuple[BlobHash, int]:
        blob = incoming.finish()
        if expected is not None and blob != expected:
            raise WrongHash.on_the_way()
        self._put_in_place(incoming.path, blob)
        return blob, incoming.size_bytes

    def _put_in_place(self, file: Path, blob: BlobHash) -> None:
        """Found under its name means whole and on disk: bytes first, then the name, then the folder that holds it."""
        place = self._place(blob)
        if not place.exists():
            make_folders(self._git, place.parent)
            file.replace(place)
            sync_folder(place.parent)
            if self._on_kept is not None:
                self._on_kept(blob)


class Incoming:
    """A blob on its way in: a temporary file, hashed while it is written. Every method blocks."""

    def __init__(self, folder: Path) -> None:
        number, name = tempfile.mkstemp(dir=folder, prefix="incoming-")
        # By this it is found and forgotten also when the project was moved to the trash meanwhile.
        self._folder: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.path = Path(name)
        self.size_bytes = 0
        self._file = os.fdopen(number, "wb", buffering=0)
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._digest.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self.size_bytes += len(data)

    def finish(self) -> BlobHash:
        """Bring the file to disk, read-only, and return its hash."""
        os.fchmod(self._file.fileno(), READ_ONLY)
        os.fsync(self._file.fileno())
        return BlobHash(self._digest.hexdigest())

    def discard(self) -> None:
        """Close and forget the temporary file; harmless when it became a blob."""
        self._file.close()
        if self._folder is not None:
            with suppress(FileNotFoundError):
                os.unlink(self.path.name, dir_fd=self._folder)
            os.close(self._folder)
            self._folder = None


async def receive(incoming: Incoming, chunks: AsyncIterator[bytes], max_bytes: int | None) -> None:
    """Write a stream into a file on its way in; raises TooLarge."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        if max_bytes is not None and incoming.size_bytes + len(gathered) > max_bytes:
            raise TooLarge(f"A file may have at most {max_bytes} bytes.")
        if len(gathered) >= WRITE_BYTES:
            await asyncio.to_thread(incoming.write, bytes(gathered))
            gathered.clear()
    await asyncio.to_thread(incoming.write, bytes(gathered))


def make_folders(within: Path, folder: Path) -> None:
    """Make a folder and those it lies in, up to `within`.

    Raises FileNotFoundError when that is not there: a project that was moved away must not come to life again as an
    empty folder.
    """
    for part in (*reversed(folder.relative_to(within).parents), folder.relative_to(within)):
        if part.parts:
            (within / part).mkdir(exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk, so that a file renamed into it survives a power cut."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def disk_full_explained() -> Generator[None]:
    """Turn "no space left" and "quota exceeded" into DiskFull; other failures pass as they are."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_IS_FULL:
            raise DiskFull(
                "The server's disk is full, so the file was not stored. Free some space and send it again."
            ) from error
        raise
