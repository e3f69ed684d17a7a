"""Local servers that answer as the queues of fal, Replicate and RunPod do, as far as their public documentation says.

fal: https://docs.fal.ai/model-apis/model-endpoints/queue (status 202 until it is done, a result at response_url, the
billed units in a header, PUT to cancel). Replicate: https://replicate.com/docs/reference/http (urls.get, urls.cancel,
metrics.predict_time, files). RunPod: https://docs.runpod.io/serverless/endpoints/operations (executionTime in ms).
"""

import asyncio
import base64
import io
import threading
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image

KEY = "a-key-of-the-tests-alone"
RUNS_FOR = 2
"""How often a request is polled before it is done."""


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (48, 24), (9, 99, 199)).save(file, format="PNG")
    return file.getvalue()


class Providers:
    """All three on one free port, in a thread of its own; what they were asked is kept."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.polls: dict[str, int] = {}
        self.cancelled: list[str] = []
        self.uploads: list[bytes] = []
        self.fetched_with: list[str] = []
        self.answers: list[web.Response | str] = []
        """What the next submissions get instead: a response, or `hang up` after they were taken."""
        self.poll_answers: list[web.Response] = []
        self.hangs = False
        """Whether no poll is answered any more until a request is cancelled."""
        self._stopped = asyncio.Event()
        self.asked = 0
        self.holds = False
        """Whether no submission is answered until `answer`."""
        self._answered = asyncio.Event()
        self.runs_for = RUNS_FOR
        self.ends: dict[str, Any] = {}
        """What replaces fields of the last word."""
        self.file_address = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(60)
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def answer(self) -> None:
        """Answer what was submitted while the providers were holding."""
        self._loop.call_soon_threadsafe(self._answered.set)

    async def _listen(self) -> int:
        app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[self._guard])
        app.add_routes(
            [
                web.post("/fal/{owner}/{name}/requests/none", self._missing),
                web.get("/fal/{owner}/{name}/requests/{id}/status", self._fal_status),
                web.put("/fal/{owner}/{name}/requests/{id}/cancel", self._cancel),
                web.get("/fal/{owner}/{name}/requests/{id}", self._fal_result),
                web.post("/fal/{model:.+}", self._fal_submit),
                web.post("/replicate/predictions", self._replicate_submit),
                web.get("/replicate/predictions/{id}", self._replicate_status),
                web.post("/replicate/predictions/{id}/cancel", self._cancel),
                web.post("/replicate/files", self._upload),
                web.post("/runpod/{model}/run", self._runpod_submit),
                web.get("/runpod/{model}/status/{id}", self._runpod_status),
                web.post("/runpod/{model}/cancel/{id}", self._cancel),
                web.get("/files/{name}", self._file),
                web.get("/loop", self._loop_for_ever),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        told = request.headers.get("Authorization", "")
        if request.path.startswith(("/files", "/loop")):
            self.fetched_with.append(told)
        elif told not in (f"Key {KEY}", f"Bearer {KEY}"):
            return web.json_response({"detail": f"Invalid token {told}"}, status=401)
        return await handler(request)

    async def _take(self, request: web.Request) -> web.Response | None:
        self.asked += 1
        if self.holds:
            await self._answered.wait()
        if self.answers and isinstance(self.answers[0], web.Response):
            return self.answers.pop(0)  # pyright: ignore[reportReturnType] - looked at just above
        self.bodies.append(await request.json())
        self.headers.append(request.headers)
        if self.answers:
            self.answers.pop(0)
            assert request.transport is not None
            request.transport.close()
        return None

    async def _poll(self, request: web.Request) -> int:
        if self.hangs:
            await self._stopped.wait()
        name = request.match_info["id"]
        self.polls[name] = self.polls.get(name, -1) + 1
        return self.polls[name]

    async def _missing(self, _: web.Request) -> web.Response:
        return web.Response(status=404)

    async def _cancel(self, request: web.Request) -> web.Response:
        self._stopped.set()
        self.cancelled.append(request.match_info["id"])
        return web.json_response({"status": "CANCELLATION_REQUESTED"}, status=202)

    async def _upload(self, request: web.Request) -> web.Response:
        content = (await request.post())["content"]
        assert isinstance(content, web.FileField)
        self.uploads.append(content.file.read())
        return web.json_response({"id": "file", "urls": {"get": f"{self.url}/replicate/files/file"}}, status=201)

    async def _file(self, request: web.Request) -> web.Response:
        kind = "image/png" if request.match_info["name"].endswith("png") else "text/html"
        return web.Response(body=picture(), content_type=kind)

    async def _loop_for_ever(self, _: web.Request) -> web.Response:
        raise web.HTTPFound("/loop")

    def _made(self) -> str:
        return self.file_address or f"{self.url}/files/take.png"

    async def _fal_submit(self, request: web.Request) -> web.Response:
        answer = await self._take(request)
        if answer is not None:
            return answer
        number = f"fal-{len(self.bodies)}"
        owner, name = request.match_info["model"].split("/")[:2]
        base = f"{self.url}/fal/{owner}/{name}/requests/{number}"
        addresses = {"response_url": base, "status_url": f"{base}/status", "cancel_url": f"{base}/cancel"}
        return web.json_response({"status": "IN_QUEUE", "request_id": number, **addresses, **self.ends})

    async def _fal_status(self, request: web.Request) -> web.Response:
        if self.poll_answers:
            return self.poll_answers.pop(0)
        polled = await self._poll(request)
        if request.match_info["id"] in self.cancelled or polled >= self.runs_for:
            return web.json_response({"status": "COMPLETED", "metrics": {"inference_time": 1.5}})
        if polled == 0:
            return web.json_response({"status": "IN_QUEUE", "queue_position": 3}, status=202)
        return web.json_response({"status": "IN_PROGRESS"}, status=202)

    async def _fal_result(self, _: web.Request) -> web.Response:
        if "detail" in self.ends:
            return web.json_response(self.ends, status=422)
        images = [{"url": self._made(), "content_type": "image/png"}]
        return web.json_response({"images": images, "seed": 7}, headers={"x-fal-billable-units": "2"})

    async def _replicate_submit(self, request: web.Request) -> web.Response:
        answer = await self._take(request)
        if answer is not None:
            return answer
        number = f"replicate-{len(self.bodies)}"
        base = f"{self.url}/replicate/predictions/{number}"
        urls = {"get": base, "cancel": f"{base}/cancel"}
        return web.json_response({"id": number, "status": "starting", "urls": urls}, status=201)

    async def _replicate_status(self, request: web.Request) -> web.Response:
        polled = await self._poll(request)
        if request.match_info["id"] in self.cancelled:
            return web.json_response({"status": "canceled"})
        if polled < self.runs_for:
            return web.json_response({"status": "processing", "error": None})
        done = {"status": "succeeded", "output": [self._made()], "error": None, "metrics": {"predict_time": 2.5}}
        return web.json_response({**done, **self.ends})

    async def _runpod_submit(self, request: web.Request) -> web.Response:
        answer = await self._take(request)
        return answer or web.json_response({"id": f"runpod-{len(self.bodies)}", "status": "IN_QUEUE"})

    async def _runpod_status(self, request: web.Request) -> web.Response:
        polled = await self._poll(request)
        if request.match_info["id"] in self.cancelled:
            return web.json_response({"status": "CANCELLED"})
        if polled < self.runs_for:
            return web.json_response({"status": "IN_PROGRESS", "delayTime": 10})
        output = {"image": base64.b64encode(picture()).decode()}
        done = {"status": "COMPLETED", "executionTime": 3000, "output": output}
        return web.json_response({**done, **self.ends})


def a_file(folder: Path, size_bytes: int) -> Path:
    """A file of that size to join to an input."""
    path = folder / "reference.png"
    path.write_bytes(b"\x89PNG" + b"x" * (size_bytes - 4))
    return path
