"""Shows the hub what an attempt has made so far, without ever holding it up (I-018)."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from pipelines.spec import Output, PipelineError
from render_farm.hub_client import HubAway, HubClient, HubRefused
from render_farm.thumbnail import thumbnail

PREVIEW_SECONDS = 0.5
"""More often than this nobody looks."""
MOST_PIXELS = 40_000_000
"""Of a preview, which is unpacked while the work waits."""

log = structlog.get_logger("workprint.attempt")


class Previews:
    """Sends small pictures of one job, one at a time; those that come meanwhile are left out."""

    def __init__(self, open_hub: Callable[[], HubClient], project: str, job: str) -> None:
        self._open_hub, self._project, self._job = open_hub, project, job
        self._sending: threading.Thread | None = None
        self._sent = float("-inf")

    def show(self, path: Path, folder: Path) -> None:
        """Send a small version of a picture, unless one was sent just now; `folder` takes it for a moment."""
        now = time.monotonic()
        if now - self._sent < PREVIEW_SECONDS or (self._sending is not None and self._sending.is_alive()):
            return
        self._sent = now
        try:
            small = thumbnail(Output(path, ""), folder, MOST_PIXELS).path.read_bytes()
        except PipelineError:
            log.debug("a preview that is no picture", job=self._job)
            return
        self._sending = threading.Thread(target=self._send, args=(small,), name="preview", daemon=True)
        self._sending.start()

    def _send(self, picture: bytes) -> None:
        try:
            asyncio.run(self._put(picture))
        except (HubAway, HubRefused) as error:
            log.debug("a preview was not shown", job=self._job, error=str(error))

    async def _put(self, picture: bytes) -> None:
        async with self._open_hub() as hub:
            await hub.put_preview(self._project, self._job, picture, "image/webp")
