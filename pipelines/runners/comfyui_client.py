"""Speaks to one ComfyUI server: uploads, prompts, queue, history, files, and what it tells over its websocket."""

import asyncio
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, cast

import aiohttp

from pipelines.spec import PipelineError

REQUEST_SECONDS = 30.0
RECONNECT_SECONDS = 1.0
MAX_FILE_BYTES = 4 * 1024**3
FOLDER = "workprint"
"""Where uploads lie inside ComfyUI's folder of inputs."""

_PREVIEW, _PREVIEW_WITH_METADATA = 1, 4
_CHUNK_BYTES = 1024 * 1024

Json = dict[str, Any]


class ServerAway(Exception):
    """The server did not answer; what was asked of it may have happened or not."""

    def __init__(self, message: str, *, was_sent: bool = True) -> None:
        super().__init__(message)
        self.was_sent = was_sent
        """Whether the server may have heard the question."""


class Refused(Exception):
    """The server answered that it will not; `reply` is what it said."""

    def __init__(self, status: int, reply: Json) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.reply = reply


class Client:
    """One client of a server, under a name of its own: progress goes only to whoever asked."""

    def __init__(self, url: str, client_id: str) -> None:
        self.url = url.rstrip("/")
        self.client_id = client_id
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, connect=5.0, sock_read=REQUEST_SECONDS)
        self._http = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def stats(self) -> Json:
        """Versions and devices of the server."""
        return await self._json("GET", "/system_stats")

    async def upload(self, path: Path, name: str) -> str:
        """Give the server a file as an input; returns the name that it has there, which may be another."""
        with path.open("rb") as file:
            form = aiohttp.FormData()
            form.add_field("image", file, filename=name)
            form.add_field("type", "input")
            form.add_field("subfolder", FOLDER)
            reply = await self._json("POST", "/upload/image", data=form)
        return f"{reply['subfolder']}/{reply['name']}" if reply.get("subfolder") else str(reply["name"])

    async def submit(self, prompt_id: str, graph: Mapping[str, Any]) -> Json:
        """Queue a graph; raises Refused with what is wrong with it."""
        body = {"prompt": graph, "prompt_id": prompt_id, "client_id": self.client_id}
        return await self._json("POST", "/prompt", json=body)

    async def history(self, prompt_id: str) -> Json | None:
        """How a prompt ended, or None as long as it has not."""
        return (await self._json("GET", f"/history/{prompt_id}")).get(prompt_id)

    async def ahead(self, prompt_id: str) -> int | None:
        """How many prompts are before this one: 0 when it runs, None when it is not in the queue."""
        queue = await self._json("GET", "/queue")
        running, pending = queue["queue_running"], sorted(queue["queue_pending"], key=_number)
        if any(item[1] == prompt_id for item in running):
            return 0
        waiting = [item[1] for item in pending]
        return len(running) + waiting.index(prompt_id) if prompt_id in waiting else None

    async def stop(self, prompt_id: str) -> None:
        """Take a prompt out of the queue, and interrupt it if it runs; nobody else's is touched."""
        await self._ask("POST", "/queue", json={"delete": [prompt_id]})
        await self._ask("POST", "/interrupt", json={"prompt_id": prompt_id})

    async def forget(self, prompt_id: str) -> None:
        """Take a prompt that has ended out of the history, which the server keeps in its memory."""
        await self._ask("POST", "/history", json={"delete": [prompt_id]})

    async def download(self, file: Mapping[str, str], target: Path) -> None:
        """Fetch a file of an output; raises PipelineError when it is gone or enormous."""
        query = {key: file.get(key, "") for key in ("filename", "subfolder", "type")}
        try:
            async with self._session.get(f"{self.url}/view", params=query) as reply:
                if reply.status != 200:  # noqa: PLR2004 - HTTP's OK
                    raise PipelineError(f"ComfyUI made {query['filename']}, but no longer has it")
                with target.open("wb") as out:
                    async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
                        if out.tell() + len(chunk) > MAX_FILE_BYTES:
                            raise PipelineError(f"{query['filename']} is larger than {MAX_FILE_BYTES} bytes")
                        out.write(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServerAway(str(error)) from error

    async def listen(
        self, message: Callable[[str, Json], None], preview: Callable[[bytes], None], heard: Callable[[bool], None]
    ) -> None:
        """Hear what the server tells, for ever; it may be missed, so nothing but progress may hang on it.

        `heard` is told whether the server is there, whenever that changes.
        """
        while True:
            try:
                async with self._session.ws_connect(
                    f"{self.url}/ws", params={"clientId": self.client_id}, max_msg_size=0, heartbeat=20.0
                ) as socket:
                    flags = {"supports_preview_metadata": True}
                    await socket.send_json({"type": "feature_flags", "data": flags})
                    heard(True)
                    async for frame in socket:
                        _hear(frame, message, preview)
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            heard(False)
            await asyncio.sleep(RECONNECT_SECONDS)

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("the client is used before it is entered")
        return self._http

    async def _json(self, method: str, path: str, **request: Any) -> Json:  # noqa: ANN401 - aiohttp's own options
        return json.loads(await self._ask(method, path, **request))

    async def _ask(self, method: str, path: str, **request: Any) -> str:  # noqa: ANN401 - aiohttp's own options
        try:
            async with self._session.request(method, self.url + path, **request) as reply:
                text = await reply.text()
                if reply.status >= 500:  # noqa: PLR2004 - HTTP's failures of a server
                    raise ServerAway(f"status {reply.status}")
                if reply.status >= 400:  # noqa: PLR2004 - HTTP's failures of a client
                    raise Refused(reply.status, _object(text))
                return text
        except aiohttp.ClientConnectorError as error:
            raise ServerAway(str(error), was_sent=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServerAway(str(error)) from error


def _hear(frame: aiohttp.WSMessage, message: Callable[[str, Json], None], preview: Callable[[bytes], None]) -> None:
    if frame.type is aiohttp.WSMsgType.TEXT:
        told = _object(frame.data)
        if isinstance(told.get("data"), dict):
            message(str(told.get("type", "")), told["data"])
    elif frame.type is aiohttp.WSMsgType.BINARY:
        image = preview_image(frame.data)
        if image:
            preview(image)


def preview_image(frame: bytes) -> bytes:
    """The JPEG or PNG inside a binary frame; empty when the frame is of another kind."""
    if len(frame) < 8:  # noqa: PLR2004 - two words of four bytes stand before an image
        return b""
    kind, second = struct.unpack(">II", frame[:8])
    if kind == _PREVIEW:
        return frame[8:]
    return frame[8 + second :] if kind == _PREVIEW_WITH_METADATA else b""


def _number(item: list[Any]) -> float:
    return float(item[0])


def _object(text: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}
