"""A stored file as a reply: strong ETag, 304, one range, HEAD; read piece by piece in threads."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from aiohttp import ETag, web
from aiohttp.abc import AbstractStreamWriter

from crdt_schema.ids import new_id
from server.middleware import error_body

PIECE_BYTES = 1 << 18
IMMUTABLE = "private, max-age=31536000, immutable"
"""For what is addressed by its hash."""
ASK_AGAIN = "private, no-cache"
"""For an address under which other bytes may stand one day: it is kept, and asked about."""


class FilePart(web.StreamResponse):
    """Some bytes of a file, sent when the reply begins: until then others may still add headers."""

    def __init__(self, place: Path, start: int, end: int, *, status: int, headers: dict[str, str]) -> None:
        super().__init__(status=status, headers=headers)
        self.content_length = end - start
        self._file = place
        self._from = start
        self._until = end

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it all."""
        # Opened and closed right here, which takes microseconds: in a thread it would stay open when the client leaves
        # at that moment.
        with self._file.open("rb") as file:
            writer = await super().prepare(request)
            if request.method != "HEAD":
                file.seek(self._from)
                left = self._until - self._from
                while left and (piece := await asyncio.to_thread(file.read, min(PIECE_BYTES, left))):
                    await self.write(piece)
                    left -= len(piece)
            await self.write_eof()
            return writer


async def send_file(
    request: web.Request, place: Path, etag: str, media_type: str, *, cache: str, save_as: str = ""
) -> web.StreamResponse:
    """A file, a part of it, or that nothing has changed; `etag` names its bytes. Raises FileNotFoundError."""
    size = (await asyncio.to_thread(place.stat)).st_size
    headers = {"ETag": f'"{etag}"', "Cache-Control": cache, "Accept-Ranges": "bytes"}
    if request.if_match is not None and not _has(request.if_match, etag):
        return web.Response(status=412, headers=headers)
    if _has(request.if_none_match, etag):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = media_type
    if save_as:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(save_as, safe='')}"
    if not _wants_part(request, etag):
        return FilePart(place, 0, size, status=200, headers=headers)
    part = _part(request, size)
    if part is None:
        told = error_body("range_not_satisfiable", f"This file has {size} bytes, and none of those.", new_id("trace"))
        return web.json_response(told, status=416, headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{size}"
    return FilePart(place, *part, status=206, headers=headers)


def _has(wanted: tuple[ETag, ...] | None, etag: str) -> bool:
    return wanted is not None and any(one.value in (etag, "*") for one in wanted)


def _wants_part(request: web.Request, etag: str) -> bool:
    """Whether a part is asked for, of these very bytes (If-Range), in a form that is answered: one range."""
    wanted = request.headers.get("Range", "")
    if not wanted.startswith("bytes=") or "," in wanted:
        return False
    return request.headers.get("If-Range", f'"{etag}"') == f'"{etag}"'


def _part(request: web.Request, size: int) -> tuple[int, int] | None:
    """From which byte to which; None when there are no such bytes."""
    try:
        wanted = request.http_range
    except ValueError:
        return None
    start, end = wanted.start or 0, wanted.stop
    if start < 0:
        start, end = max(0, size + start), size
    end = size if end is None else min(end, size)
    return (start, end) if start < end else None
