"""Uploads that can be taken up again: bytes wait in the project's own state until all of them are there.

create -> write, write, … (a broken connection changes nothing but how far it is) -> a blob
create -> nothing for a day, or dropped -> forgotten
"""

import asyncio
import hashlib
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog

from crdt_schema.ids import BlobHash, ProjectId, new_id
from crdt_schema.sniffing import HEAD_BYTES
from server.errors import BadRequest, Conflict, NotFound, TooLarge
from server.projects.files import Home
from server.projects.layout import Category
from server.projects.sniffing import demand_fits
from server.snapshot.repo import STATE_FOLDER, replace_file
from server.store.blobs import WRITE_BYTES, DiskFull, WrongHash, disk_full_explained, make_folders

log = structlog.get_logger(__name__)
FOLDER = "uploads"
ABANDONED_SECONDS = 24 * 3600.0
"""So long after its last byte an upload is forgotten."""
SWEEP_SECONDS = 3600.0
SURE_BYTES = 64 << 20
"""After so many bytes it is written down how far the upload is, so that a crash costs no more."""
MOST_AT_ONCE = 200
"""Unfinished uploads of one project."""
SPARE_BYTES = 256 << 20
"""An upload never takes the last of the disk: documents are written there too."""


class WrongOffset(Conflict):
    """The bytes that were sent do not follow those that are here."""

    code = "wrong_offset"


@dataclass(frozen=True)
class Wanted:
    """What somebody is going to send."""

    name: str
    size_bytes: int
    category: Category
    sha256: str = ""
    """Empty when it was not announced."""


@dataclass(frozen=True)
class Record:
    """What is kept of an upload on disk."""

    id: str
    by: str
    wanted: Wanted
    offset: int
    """So many bytes are surely on disk."""


@dataclass
class _Running:
    """An upload as this process knows it."""

    record: Record
    place: Path
    offset: int
    digest: Any
    turn: int = 0
    """Grows with each connection that writes: one that was given up may still be open, and must not write."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True)
class Finished:
    """An upload of which every byte is here, as a blob."""

    wanted: Wanted
    blob: BlobHash
    media_type: str


class Uploads:
    """The unfinished uploads of every project; for the event loop."""

    def __init__(self, *, max_bytes: int, now: Callable[[], float] = time.time) -> None:
        """`now`: seconds since 1970."""
        self._max_bytes = max_bytes
        self._now = now
        self._running: dict[tuple[ProjectId, str], _Running] = {}

    async def create(self, home: Home, wanted: Wanted, by: str) -> Record:
        """Begin; raises TooLarge, DiskFull, BadRequest."""
        if wanted.size_bytes > self._max_bytes:
            raise TooLarge(f"A file may have at most {self._max_bytes // (1 << 20):,} MB.")
        return await asyncio.to_thread(self._create, home, wanted, by)

    async def look(self, home: Home, upload: str, by: str) -> Record:
        """How far an upload of somebody is; raises NotFound."""
        running = await self._find(home, upload, by)
        return replace(running.record, offset=running.offset)

    async def write(
        self, home: Home, upload: str, by: str, offset: int, chunks: AsyncIterator[bytes]
    ) -> Finished | Record:
        """Take in bytes that begin at `offset`; what came before a connection broke stays.

        Raises NotFound, WrongOffset, TooLarge, WrongHash, WrongType, DiskFull.
        """
        running = await self._find(home, upload, by)
        async with running.lock:
            if offset != running.offset:
                raise WrongOffset(f"This upload goes on at byte {running.offset}, not at {offset}.")
            running.turn += 1
            turn = running.turn
        try:
            with disk_full_explained():
                await self._take_in(running, turn, chunks)
        except BadRequest:
            with suppress(NotFound):
                await self.drop(home, upload, by)
            raise
        if running.offset < running.record.wanted.size_bytes:
            return replace(running.record, offset=running.offset)
        return await self._finish(home, running, turn)

    async def drop(self, home: Home, upload: str, by: str) -> None:
        """Forget an upload and its bytes; raises NotFound."""
        running = await self._find(home, upload, by)
        self._running.pop((home.id, upload), None)
        async with running.lock:
            running.turn += 1
            await asyncio.to_thread(shutil.rmtree, running.place, ignore_errors=True)

    async def sweep_on(self, homes: Callable[[], Iterable[Home]]) -> None:
        """Sweep every project, now and ever again; runs until it is cancelled. `homes` blocks."""
        while True:
            for home in await asyncio.to_thread(lambda: list(homes())):
                await asyncio.to_thread(self.sweep, home)
            await asyncio.sleep(SWEEP_SECONDS)

    def sweep(self, home: Home) -> None:
        """Forget what nobody has gone on with for a day; it blocks."""
        for place in _folders(_uploads(home)):
            with suppress(OSError):
                newest = max(entry.stat().st_mtime for entry in (place, *place.iterdir()))
                if self._now() - newest > ABANDONED_SECONDS:
                    self._running.pop((home.id, place.name), None)
                    shutil.rmtree(place, ignore_errors=True)
                    log.info("abandoned_upload_removed", project=home.id, upload=place.name)

    def _create(self, home: Home, wanted: Wanted, by: str) -> Record:
        if len(_folders(_uploads(home))) >= MOST_AT_ONCE:
            raise Conflict(f"{MOST_AT_ONCE} uploads of this project are unfinished. Finish or cancel some first.")
        if shutil.disk_usage(home.folder).free < wanted.size_bytes + SPARE_BYTES:
            raise DiskFull("The server's disk has no room for this file. Free some space and send it again.")
        record = Record(new_id("up"), by, wanted, 0)
        place = _uploads(home) / record.id
        with disk_full_explained():
            make_folders(home.folder, place)
            _data(place).touch()
            _note(place, record)
        self._running[home.id, record.id] = _Running(record, place, 0, hashlib.sha256())
        return record

    async def _find(self, home: Home, upload: str, by: str) -> _Running:
        """An upload, read again from disk when another process began it; nobody has another's."""
        running = self._running.get((home.id, upload))
        if running is None or not running.place.is_dir():
            loaded = await asyncio.to_thread(_load, _uploads(home), upload)
            if loaded is None:
                self._running.pop((home.id, upload), None)
                raise NotFound("There is no such upload. It was finished, cancelled, or left for more than a day.")
            # Whoever came first while this was reading.
            running = self._running.setdefault((home.id, upload), loaded)
            if not running.place.is_dir():
                running = self._running[home.id, upload] = loaded
        if running.record.by != by:
            raise NotFound("There is no such upload of yours.")
        return running

    async def _take_in(self, running: _Running, turn: int, chunks: AsyncIterator[bytes]) -> None:
        """Write what comes; whatever ends it, what came is kept."""
        size_bytes, unsure = running.record.wanted.size_bytes, 0
        try:
            async for piece in _pieces(chunks):
                _demand_room(running.offset + len(piece), size_bytes)
                unsure += len(piece)
                await self._write(running, turn, piece, sure=unsure >= SURE_BYTES)
                unsure %= SURE_BYTES
        except BaseException:
            with suppress(OSError, WrongOffset):
                await self._write(running, turn, b"", sure=True)
            raise
        await self._write(running, turn, b"", sure=True)

    async def _write(self, running: _Running, turn: int, data: bytes, *, sure: bool) -> None:
        async with running.lock:
            if running.turn != turn:
                raise WrongOffset("This upload was taken up by another connection.")
            begun = running.offset
            await asyncio.to_thread(_append, running, data, sure=sure)
        if begun < HEAD_BYTES <= running.offset:
            await asyncio.to_thread(_demand_type, running)

    async def _finish(self, home: Home, running: _Running, turn: int) -> Finished:
        """Make it a blob, once; raises WrongHash, WrongType, DiskFull."""
        wanted = running.record.wanted
        async with running.lock:
            if running.turn != turn:
                raise WrongOffset("This upload was taken up by another connection.")
            running.turn += 1
            blob = BlobHash(running.digest.hexdigest())
            try:
                if wanted.sha256 and wanted.sha256 != blob:
                    raise WrongHash.on_the_way()
                media_type = await asyncio.to_thread(_demand_type, running)
                with disk_full_explained():
                    await asyncio.to_thread(home.blobs.adopt, _data(running.place), blob)
            except BadRequest:
                await asyncio.to_thread(shutil.rmtree, running.place, ignore_errors=True)
                self._running.pop((home.id, running.record.id), None)
                raise
            await asyncio.to_thread(shutil.rmtree, running.place, ignore_errors=True)
            self._running.pop((home.id, running.record.id), None)
        return Finished(wanted, blob, media_type)


async def _pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Chunks gathered into pieces that are worth a thread; what came before a connection broke is one too."""
    gathered = bytearray()
    try:
        async for chunk in chunks:
            gathered += chunk
            if len(gathered) >= WRITE_BYTES:
                yield bytes(gathered)
                gathered.clear()
    except Exception:
        yield bytes(gathered)
        raise
    yield bytes(gathered)


def _demand_room(end: int, size_bytes: int) -> None:
    if end > size_bytes:
        raise TooLarge("More bytes came than were announced. Nothing was kept; begin again.")


def _data(place: Path) -> Path:
    return place / "data"


def _uploads(home: Home) -> Path:
    return home.folder / STATE_FOLDER / FOLDER


def _folders(uploads: Path) -> list[Path]:
    return sorted(entry for entry in uploads.iterdir() if entry.is_dir()) if uploads.is_dir() else []


def _note(place: Path, record: Record) -> None:
    replace_file(place / "upload.json", json.dumps(asdict(record)).encode(), place)


def _append(running: _Running, data: bytes, *, sure: bool) -> None:
    """Add bytes at the offset; what a write that failed has left behind it is cut off."""
    with _data(running.place).open("r+b", buffering=0) as file:
        file.truncate(running.offset)
        file.seek(running.offset)
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        if sure:
            os.fsync(file.fileno())
    running.digest.update(data)
    running.offset += len(data)
    if sure:
        running.record = replace(running.record, offset=running.offset)
        _note(running.place, running.record)


def _demand_type(running: _Running) -> str:
    with _data(running.place).open("rb") as file:
        return demand_fits(running.record.wanted.name, file.read(HEAD_BYTES), running.record.wanted.category)


def _load(uploads: Path, upload: str) -> _Running | None:
    """An upload from before a restart: as far as it is surely on disk, hashed again."""
    place = uploads / upload
    if place not in _folders(uploads):
        return None
    try:
        raw: dict[str, Any] = json.loads((place / "upload.json").read_bytes())
        record = Record(raw["id"], raw["by"], Wanted(**raw["wanted"]), int(raw["offset"]))
        digest, left = hashlib.sha256(), record.offset
        with _data(place).open("rb") as file:
            while left and (chunk := file.read(min(left, WRITE_BYTES))):
                digest.update(chunk)
                left -= len(chunk)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _Running(record, place, record.offset, digest) if not left else None
