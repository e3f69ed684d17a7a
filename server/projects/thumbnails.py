"""Small pictures and small films of added files, in 05_Cache by the hash of what they show; made once, on demand."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog
from PIL import Image, ImageOps

from crdt_schema.ids import new_id
from server.errors import NotFound
from server.projects.references import MAX_PIXELS
from server.snapshot.repo import demand_inside
from server.store.blobs import make_folders

log = structlog.get_logger(__name__)
THUMBNAILS, PROXIES = "05_Cache/thumbnails", "05_Cache/proxies"
LONG_EDGE_PX, PROXY_HEIGHT_PX = 512, 540
POSTER_SECONDS, PROXY_SECONDS = 60.0, 1800.0
"""The longest that one may take."""
MAX_PROXY_BYTES = 2 << 30
AT_ONCE = 2
NICE = 10
"""People who edit come before films that are made small."""
DECODERS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/tiff": "TIFF",
}
DEMUXERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
}
"""Only what the first bytes said is ever tried: others can name files to be read."""
NOTHING = "There is no preview of this file."


class Thumbnails:
    """Makes them, a few at a time, and each once however many ask; for the event loop."""

    def __init__(self, ffmpeg: str | None) -> None:
        """`ffmpeg`: the program; None: films have no posters and no proxies."""
        self._ffmpeg = ffmpeg
        self._room = asyncio.Semaphore(AT_ONCE)
        self._making: dict[Path, asyncio.Task[None]] = {}
        self._hopeless: set[Path] = set()

    def has_thumbnail(self, media_type: str) -> bool:
        """Whether a file of this type can have one."""
        return media_type in DECODERS or self.has_proxy(media_type)

    def has_proxy(self, media_type: str) -> bool:
        """Whether a file of this type can have a small film."""
        return self._ffmpeg is not None and media_type in DEMUXERS

    async def thumbnail(self, folder: Path, source: Path, blob: str, media_type: str) -> Path:
        """The thumbnail of a file in a project's folder; raises NotFound."""
        if not self.has_thumbnail(media_type):
            raise NotFound(NOTHING)
        place = folder / THUMBNAILS / f"{blob}.webp"
        if media_type in DECODERS:
            await self._made(folder, place, partial(self._picture, source, DECODERS[media_type]))
        else:
            await self._made(folder, place, partial(self._poster, source, DEMUXERS[media_type]))
        return place

    async def proxy(self, folder: Path, source: Path, blob: str, media_type: str) -> Path | None:
        """The small film, None while it is being made, which this begins; raises NotFound."""
        if not self.has_proxy(media_type):
            raise NotFound("There is no small version of this file.")
        place = folder / PROXIES / f"{blob}.mp4"
        making = self._begin(folder, place, partial(self._film, source, DEMUXERS[media_type]))
        if making is None:
            return place
        await asyncio.wait({making}, timeout=0.2)
        if not making.done():
            return None
        making.result()
        return place

    async def close(self) -> None:
        """Stop what is being made; it is begun again when somebody asks."""
        for task in list(self._making.values()):
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    async def _made(self, folder: Path, place: Path, make: Callable[[Path], Awaitable[None]]) -> None:
        making = self._begin(folder, place, make)
        if making is not None:
            # Somebody who leaves must not take it from the others who wait.
            await asyncio.shield(making)

    def _begin(self, folder: Path, place: Path, make: Callable[[Path], Awaitable[None]]) -> "asyncio.Task[None] | None":
        """The one task that makes it; None when it is there. Raises NotFound when it cannot be made."""
        if place in self._hopeless:
            raise NotFound(NOTHING)
        if place.is_file():
            return None
        task = self._making.get(place)
        if task is None:
            task = self._making[place] = asyncio.create_task(self._make(folder, place, make))
            task.add_done_callback(partial(self._done, place))
        return task

    def _done(self, place: Path, task: "asyncio.Task[None]") -> None:
        self._making.pop(place, None)
        if not task.cancelled():
            task.exception()  # whoever waits is told; when nobody does any more, that is all right

    async def _make(self, folder: Path, place: Path, make: Callable[[Path], Awaitable[None]]) -> None:
        async with self._room:
            demand_inside(folder, place)
            await asyncio.to_thread(make_folders, folder, place.parent)
            unfinished = place.with_name(f".making-{new_id()}{place.suffix}")
            try:
                await make(unfinished)
                await asyncio.to_thread(unfinished.replace, place)
            except Exception as error:
                if isinstance(error, OSError) and error.errno:
                    raise  # the disk's; a decoder's own have no number
                # What cannot be decoded today cannot be tomorrow; it is not tried at every look.
                self._hopeless.add(place)
                log.info("no_preview", reason=str(error)[:300])
                raise NotFound(NOTHING) from error
            finally:
                await asyncio.to_thread(unfinished.unlink, missing_ok=True)

    async def _picture(self, source: Path, decoder: str, target: Path) -> None:
        await asyncio.to_thread(shrink, source, decoder, target)

    async def _poster(self, source: Path, demuxer: str, target: Path) -> None:
        frame = target.with_suffix(".png")
        size = f"scale='min({LONG_EDGE_PX},iw)':-2"
        try:
            # `thumbnail` looks at some frames and takes a typical one: the first is black too often.
            await self._run(
                demuxer, source, ["-frames:v", "1", "-vf", f"thumbnail=50,{size}", "-an"], frame, POSTER_SECONDS
            )
            await asyncio.to_thread(shrink, frame, "PNG", target)
        finally:
            await asyncio.to_thread(frame.unlink, missing_ok=True)

    async def _film(self, source: Path, demuxer: str, target: Path) -> None:
        size = f"scale=-2:'min({PROXY_HEIGHT_PX},trunc(ih/2)*2)'"
        how = ["-vf", size, "-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p"]
        how += ["-c:a", "aac", "-b:a", "96k", "-ac", "2", "-movflags", "+faststart", "-fs", str(MAX_PROXY_BYTES)]
        await self._run(demuxer, source, how, target, PROXY_SECONDS)

    async def _run(self, demuxer: str, source: Path, how: list[str], target: Path, seconds: float) -> None:
        """Run ffmpeg on one file; raises RuntimeError with its last words, TimeoutError."""
        given = ["-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-threads", "2"]
        given += ["-protocol_whitelist", "file", "-f", demuxer, "-i", f"file:{source}", "-map_metadata", "-1"]
        process = await asyncio.create_subprocess_exec(
            *("nice", "-n", str(NICE), self._ffmpeg or "ffmpeg"),
            *given,
            *how,
            f"file:{target}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(seconds):
                _, told = await process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise RuntimeError(told.decode(errors="replace").strip()[-300:])


def ffmpeg_program() -> str | None:
    """ffmpeg, when it is on PATH together with what makes it yield to others."""
    return shutil.which("ffmpeg") if shutil.which("nice") else None


def shrink(source: Path, decoder: str, target: Path) -> None:
    """A WebP of a picture, upright and no larger than a card needs; raises what the decoder raises. It blocks."""
    with Image.open(source, formats=(decoder,)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError("it has too many pixels")
        image.draft("RGB", (LONG_EDGE_PX, LONG_EDGE_PX))
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((LONG_EDGE_PX, LONG_EDGE_PX))
        mode = "RGBA" if "A" in upright.getbands() or "transparency" in upright.info else "RGB"
        upright.convert(mode).save(target, "WEBP", quality=82)
    with target.open("rb") as file:
        os.fsync(file.fileno())
