"""A ComfyUI server for the tests: the protocol of the real one, with a handful of node classes made with Pillow.

What it does was compared with ComfyUI 0.3.64 itself, run on the CPU, and the same tests pass against both: set
WORKPRINT_TEST_COMFYUI to a checkout and WORKPRINT_TEST_COMFYUI_PYTHON to a Python that has its requirements. Found
there and kept here: a prompt_id that is sent twice runs twice; a graph of which one output is sound is taken, with
status 200 and node_errors; an interrupt for a prompt that does not run does nothing; an upload whose name is taken
becomes `x (1).png`, unless the bytes are the same; an unknown history is `{}`; a prompt goes from the queue to the
history in one step; equal nodes come from a cache; previews are frames of type 4 for who declared to understand them.

`drop_sockets`, `lose` and `restart` do to it what happens to servers.
"""

import asyncio
import io
import itertools
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from PIL import Image, ImageOps

from tests.support import comfyui_nodes
from tests.support.comfyui_real import CHECKPOINT
from tests.support.ports import free_port

Graph = dict[str, dict[str, Any]]
ffmpeg: Any = import_module("imageio_ffmpeg")  # it has no types
_IMAGE, _STRING = ["IMAGE"], ["STRING", {"default": ""}]


def _number(default: float, least: float, kind: str = "INT") -> list[Any]:
    return [kind, {"default": default, "min": least, "max": 16384}]


_CLASSES: dict[str, dict[str, Any]] = {
    "EmptyImage": {
        "width": _number(512, 1),
        "height": _number(512, 1),
        "batch_size": _number(1, 1),
        "color": _number(0, 0),
    },
    "LoadImage": {"image": [["example.png"], {"image_upload": True}]},
    "ImageInvert": {"image": _IMAGE},
    "ImageScale": {
        "image": _IMAGE,
        "upscale_method": [["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]],
        "width": _number(512, 0),
        "height": _number(512, 0),
        "crop": [["disabled", "center"]],
    },
    "SaveImage": {"images": _IMAGE, "filename_prefix": _STRING},
    "PreviewImage": {"images": _IMAGE},
    "CreateVideo": {"images": _IMAGE, "fps": _number(30, 1, "FLOAT")},
    "SaveVideo": {
        "video": ["VIDEO"],
        "filename_prefix": _STRING,
        "format": ["COMBO", {"options": ["auto", "mp4"]}],
        "codec": ["COMBO", {"options": ["auto", "h264"]}],
    },
    "CheckpointLoaderSimple": {"ckpt_name": [[CHECKPOINT], {}]},
    "EmptyLatentImage": {"width": _number(512, 16), "height": _number(512, 16), "batch_size": _number(1, 1)},
    "VAEDecode": {"samples": ["LATENT"], "vae": ["VAE"]},
    "WorkprintSlow": comfyui_nodes.Slow.INPUT_TYPES()["required"],
    "WorkprintFails": comfyui_nodes.Fails.INPUT_TYPES()["required"],
}
_OUTPUTS = ("SaveImage", "PreviewImage", "SaveVideo")


class Interrupted(Exception):
    """The running prompt was interrupted."""


class Imitation:
    """The server, on a free port of the loopback, in a thread of its own; one more works off its queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sent = 0
        self.argv = ["main.py", "--cpu", "--port", str(self.port)]
        self.devices: list[dict[str, Any]] = [{"name": "cpu", "type": "cpu", "torch_vram_total": 64 << 30}]
        self._lost: list[tuple[str, bool]] = []
        self._loop = asyncio.new_event_loop()
        self._lock = threading.RLock()
        self._forget()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._listen())
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()

    def _forget(self) -> None:
        with self._lock:
            self.waiting: list[list[Any]] = []
            self.running: list[Any] | None = None
            self.history: dict[str, Any] = {}
            self._sockets: dict[str, web.WebSocketResponse] = {}
            self._flags: dict[str, dict[str, Any]] = {}
            self._numbers = itertools.count()
            self._cache: dict[str, Any] = {}
            self._made: dict[str, Any] = {}
            self._stop = True
            self.life = getattr(self, "life", 0) + 1

    def close(self) -> None:
        if self.life < 0:
            return
        self._call(self._runner.cleanup())
        self._forget()
        self.life = -1
        self._worker.join(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def restart(self, *, away_seconds: float = 0.2) -> None:
        """Die and come back with nothing in mind but the files."""
        self._call(self._runner.cleanup())
        self._forget()
        time.sleep(away_seconds)
        self._call(self._listen())

    def drop_sockets(self) -> None:
        """Lose every websocket; nobody is told anything any more until they come back."""
        for socket in list(self._sockets.values()):
            self._call(socket.close())

    def lose(self, path: str, *, after: bool) -> None:
        """Lose the next request to `path` on its way: before the server heard it, or its answer after it did."""
        self._lost.append((path, after))

    # Work

    def _work(self) -> None:
        while self.life > 0:
            with self._lock:
                life = self.life
                self.running = self.waiting.pop(0) if self.waiting else None
                self._stop = False
            if self.running is None:
                time.sleep(0.005)
                continue
            _, prompt, graph, extra, outputs = self.running
            client = extra.get("client_id", "")
            messages: list[Any] = []

            def say(kind: str, messages: list[Any] = messages, client: str = client, **data: Any) -> None:
                messages.append([kind, data])
                self._tell(client, kind, data)

            made = self._execute(prompt, graph, outputs, client, say)
            with self._lock:
                if life != self.life:
                    continue
                status = "error" if made is None else "success"
                self.history[prompt] = {
                    "prompt": self.running,
                    "outputs": made or {},
                    "status": {"status_str": status, "completed": made is not None, "messages": messages},
                }
                self.running = None
            self._tell(client, "executing", {"node": None, "prompt_id": prompt})

    def _execute(
        self, prompt: str, graph: Graph, outputs: list[str], client: str, say: Callable[..., None]
    ) -> dict[str, Any] | None:
        say("execution_start", prompt_id=prompt)
        cached = [node for node in graph if self._signature(graph, node) in self._cache]
        say("execution_cached", nodes=cached, prompt_id=prompt)
        made: dict[str, Any] = {}
        node = ""
        try:
            for node in _order(graph, outputs):
                self._node(prompt, graph, node, client, made)
        except Interrupted:
            say("execution_interrupted", prompt_id=prompt, node_id=node, node_type=graph[node]["class_type"])
            return None
        except Exception as error:  # noqa: BLE001 - whatever a node throws is told, as the real server does
            kind = "torch.OutOfMemoryError" if isinstance(error, MemoryError) else type(error).__name__
            about = {"prompt_id": prompt, "node_id": node, "node_type": graph[node]["class_type"]}
            say("execution_error", **about, exception_message=f"{error}\n", exception_type=kind)
            return None
        say("execution_success", prompt_id=prompt)
        return made

    def _node(self, prompt: str, graph: Graph, node: str, client: str, made: dict[str, Any]) -> None:
        if self._stop:
            raise Interrupted
        key, class_type = self._signature(graph, node), graph[node]["class_type"]
        if key not in self._cache:
            self._tell(client, "executing", {"node": node, "display_node": node, "prompt_id": prompt})
            inputs: dict[str, Any] = dict(graph[node]["inputs"])
            for name, source in _links(graph, node):
                inputs[name] = self._cache[self._signature(graph, source)]

            def step(value: int, most: int, picture: Image.Image) -> None:
                if self._stop:
                    raise Interrupted
                state = {"value": value, "max": most, "state": "running", "node_id": node, "prompt_id": prompt}
                self._tell(client, "progress_state", {"prompt_id": prompt, "nodes": {node: state}})
                self._show(client, {"node_id": node, "prompt_id": prompt}, picture)
                self._tell(client, "progress", {"value": value, "max": most, "prompt_id": prompt, "node": node})

            self._cache[key] = _RUN[class_type](self, inputs, step)
        if class_type in _OUTPUTS:
            made[node] = self._cache[key]
            self._tell(client, "executed", {"node": node, "output": made[node], "prompt_id": prompt})

    def _signature(self, graph: Graph, node: str) -> str:
        inputs: dict[str, Any] = dict(graph[node]["inputs"])
        for name, source in _links(graph, node):
            inputs[name] = self._signature(graph, source)
        return json.dumps([graph[node]["class_type"], inputs], sort_keys=True)

    def save(self, prefix: str, suffix: str, kind: str = "output") -> tuple[Path, dict[str, str]]:
        """Where the next file of that prefix goes, and how it is told."""
        subfolder, _, name = prefix.rpartition("/")
        folder = self.folder / kind / subfolder
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob(f"{name}_*"))) + 1
        filename = f"{name}_{number:05}_{suffix}"
        return folder / filename, {"filename": filename, "subfolder": subfolder, "type": kind}

    # Telling

    def _tell(self, client: str, kind: str, data: dict[str, Any]) -> None:
        socket = self._sockets.get(client)
        if socket is not None:
            with suppress(ConnectionError, RuntimeError):
                self._call(socket.send_json({"type": kind, "data": data}))

    def _show(self, client: str, about: dict[str, Any], picture: Image.Image) -> None:
        socket = self._sockets.get(client)
        if socket is None:
            return
        file = io.BytesIO()
        picture.save(file, format="JPEG")
        if self._flags.get(client, {}).get("supports_preview_metadata"):
            told = json.dumps({**about, "image_type": "image/jpeg"}).encode()
            frame = struct.pack(">II", 4, len(told)) + told + file.getvalue()
        else:
            frame = struct.pack(">II", 1, 1) + file.getvalue()
        with suppress(ConnectionError, RuntimeError):
            self._call(socket.send_bytes(frame))

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    # Routes

    async def _listen(self) -> None:
        app = web.Application(client_max_size=100 * 1024 * 1024, middlewares=[self._lossy])
        app.add_routes(
            [
                web.get("/ws", self._ws),
                web.get("/system_stats", self._stats),
                web.get("/object_info/{name}", self._info),
                web.post("/upload/image", self._upload),
                web.post("/prompt", self._prompt),
                web.get("/queue", self._queue),
                web.post("/queue", self._delete),
                web.post("/interrupt", self._interrupt),
                web.get("/history/{prompt}", self._ended),
                web.post("/history", self._delete),
                web.get("/view", self._view),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    @web.middleware
    async def _lossy(self, request: web.Request, handler: Any) -> web.StreamResponse:
        lost = next((entry for entry in self._lost if entry[0] == request.path), None)
        if lost is None:
            return await handler(request)
        self._lost.remove(lost)
        if lost[1]:
            await handler(request)
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def _ws(self, request: web.Request) -> web.WebSocketResponse:
        client = request.query.get("clientId", "")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets[client] = socket
        await socket.send_json({"type": "status", "data": {"status": {}, "sid": client}})
        async for frame in socket:
            told = json.loads(frame.data)
            if told.get("type") == "feature_flags":
                self._flags[client] = told["data"]
                await socket.send_json({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
        if self._sockets.get(client) is socket:
            del self._sockets[client]
        return socket

    async def _stats(self, _: web.Request) -> web.Response:
        versions = {"comfyui_version": "0.3.64", "pytorch_version": "2.9.0+cpu", "python_version": "3.11.7 (main)"}
        system = {**versions, "argv": self.argv}
        return web.json_response({"system": system, "devices": self.devices})

    async def _info(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        known = {name: {"input": {"required": _CLASSES[name]}, "name": name}} if name in _CLASSES else {}
        return web.json_response(known)

    async def _upload(self, request: web.Request) -> web.Response:
        post = await request.post()
        image = post["image"]
        assert isinstance(image, web.FileField)
        subfolder, content, name = str(post.get("subfolder", "")), image.file.read(), image.filename
        folder = self.folder / "input" / subfolder
        folder.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            if not (folder / name).exists() or (folder / name).read_bytes() == content:
                break
            name = f"{Path(image.filename).stem} ({number}){Path(image.filename).suffix}"
        (folder / name).write_bytes(content)
        return web.json_response({"name": name, "subfolder": subfolder, "type": "input"})

    async def _prompt(self, request: web.Request) -> web.Response:
        body = await request.json()
        graph = body["prompt"]
        sound, error, node_errors = self._judge(graph)
        if error is not None:
            return web.json_response({"error": error, "node_errors": node_errors}, status=400)
        with self._lock:
            self.sent += 1
            number, prompt = next(self._numbers), str(body["prompt_id"])
            self.waiting.append([number, prompt, graph, {"client_id": body.get("client_id", "")}, sound])
        return web.json_response({"prompt_id": prompt, "number": number, "node_errors": node_errors})

    def _judge(self, graph: Graph) -> tuple[list[str], dict[str, Any] | None, dict[str, Any]]:
        for node, entry in graph.items():
            if entry["class_type"] not in _CLASSES:
                message = f"Cannot execute because node {entry['class_type']} does not exist."
                return [], {"type": "invalid_prompt", "message": message, "details": f"Node ID '#{node}'"}, {}
        outputs = [node for node, entry in graph.items() if entry["class_type"] in _OUTPUTS]
        if not outputs:
            return [], {"type": "prompt_no_outputs", "message": "Prompt has no outputs", "details": ""}, {}
        node_errors: dict[str, Any] = {}
        sound: list[str] = []
        for output in outputs:
            bad = {node: found for node in _order(graph, [output]) if (found := self._errors(graph[node]))}
            node_errors |= {n: {"errors": e, "class_type": graph[n]["class_type"]} for n, e in bad.items()}
            sound += [] if bad else [output]
        message = "Prompt outputs failed validation"
        error = None if sound else {"type": "prompt_outputs_failed_validation", "message": message, "details": ""}
        return sound, error, node_errors

    def _errors(self, entry: dict[str, Any]) -> list[dict[str, Any]]:
        errors: list[dict[str, Any]] = []
        for name, declared in _CLASSES[entry["class_type"]].items():
            if name not in entry["inputs"]:
                kind = {"type": "required_input_missing", "message": "Required input is missing", "details": name}
                errors.append({**kind, "extra_info": {"input_name": name}})
                continue
            value, kind = entry["inputs"][name], declared[0]
            about = {"input_name": name, "received_value": value}
            if entry["class_type"] == "LoadImage":
                if not (self.folder / "input" / value).is_file():
                    details = f"image - Invalid image file: {value}"
                    message = "Custom validation failed for node"
                    errors.append({"type": "custom_validation_failed", "message": message, "details": details})
            elif isinstance(kind, list) and value not in kind:
                details = f"{name}: '{value}' not in {kind}"
                told = {"type": "value_not_in_list", "message": "Value not in list", "details": details}
                errors.append({**told, "extra_info": about})
            elif kind in ("INT", "FLOAT") and value < declared[1]["min"]:
                message = f"Value {value} smaller than min of {declared[1]['min']}"
                errors.append({"type": "value_smaller_than_min", "message": message, "details": name})
        return errors

    async def _queue(self, _: web.Request) -> web.Response:
        with self._lock:
            running = [self.running] if self.running else []
            return web.json_response({"queue_running": running, "queue_pending": self.waiting})

    async def _delete(self, request: web.Request) -> web.Response:
        gone = (await request.json())["delete"]
        with self._lock:
            if request.path == "/history":
                self.history = {prompt: ended for prompt, ended in self.history.items() if prompt not in gone}
            else:
                self.waiting = [item for item in self.waiting if item[1] not in gone]
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.Response:
        prompt = (await request.json()).get("prompt_id")
        with self._lock:
            if self.running is not None and prompt in (None, self.running[1]):
                self._stop = True
        return web.Response()

    async def _ended(self, request: web.Request) -> web.Response:
        prompt = request.match_info["prompt"]
        with self._lock:
            return web.json_response({prompt: self.history[prompt]} if prompt in self.history else {})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        folder = self.folder / request.query.get("type", "output") / request.query.get("subfolder", "")
        path = folder / request.query["filename"]
        return web.FileResponse(path) if path.is_file() else web.Response(status=404)


def _links(graph: Graph, node: str) -> list[tuple[str, str]]:
    """The inputs of a node that come from others, and from which."""
    inputs: dict[str, Any] = graph[node]["inputs"]
    return [(name, str(cast("list[Any]", value)[0])) for name, value in inputs.items() if isinstance(value, list)]


def _order(graph: Graph, outputs: list[str]) -> Iterator[str]:
    """The nodes that some outputs need, each after those it takes from."""
    done: set[str] = set()

    def visit(node: str) -> Iterator[str]:
        if node in done:
            return
        done.add(node)
        for _, source in _links(graph, node):
            yield from visit(source)
        yield node

    for output in outputs:
        yield from visit(output)


Step = Callable[[int, int, Image.Image], None]


def _empty(_: Imitation, inputs: dict[str, Any], __: Step) -> list[Image.Image]:
    colour = int(inputs["color"])
    rgb = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    return [Image.new("RGB", (inputs["width"], inputs["height"]), rgb)] * int(inputs["batch_size"])


def _load(server: Imitation, inputs: dict[str, Any], _: Step) -> list[Image.Image]:
    with Image.open(server.folder / "input" / inputs["image"]) as image:
        return [image.convert("RGB")]


def _slow(_: Imitation, inputs: dict[str, Any], step: Step) -> list[Image.Image]:
    for number in range(inputs["steps"]):
        time.sleep(inputs["step_seconds"])
        step(number + 1, inputs["steps"], Image.new("RGB", (64, 32), (number * 9 % 256, 0, 0)))
    return inputs["image"]


def _fails(_: Imitation, inputs: dict[str, Any], __: Step) -> list[Image.Image]:
    if inputs["how"] == "memory":
        raise MemoryError("Allocation on device 0 would exceed allowed memory.")
    raise ValueError("The probe was told to fail")


def _save(server: Imitation, inputs: dict[str, Any], _: Step) -> dict[str, Any]:
    kind = "output" if "filename_prefix" in inputs else "temp"
    told: list[dict[str, str]] = []
    for image in inputs["images"]:
        path, about = server.save(inputs.get("filename_prefix", "preview"), ".png", kind)
        image.save(path)
        told.append(about)
    return {"images": told}


def _save_video(server: Imitation, inputs: dict[str, Any], _: Step) -> dict[str, Any]:
    path, about = server.save(inputs["filename_prefix"], ".mp4")
    images, fps = inputs["video"]
    size = images[0].size
    writer = ffmpeg.write_frames(str(path), size, fps=fps, macro_block_size=2)
    writer.send(None)
    for image in images:
        writer.send(image.tobytes())
    writer.close()
    return {"images": [about], "animated": [True]}


_RUN: dict[str, Callable[[Imitation, dict[str, Any], Step], Any]] = {
    "EmptyImage": _empty,
    "LoadImage": _load,
    "ImageInvert": lambda _, inputs, __: [ImageOps.invert(image) for image in inputs["image"]],
    "ImageScale": lambda _, inputs, __: [i.resize((inputs["width"], inputs["height"])) for i in inputs["image"]],
    "SaveImage": _save,
    "PreviewImage": _save,
    "CreateVideo": lambda _, inputs, __: (inputs["images"], inputs["fps"]),
    "SaveVideo": _save_video,
    "CheckpointLoaderSimple": lambda _, inputs, __: inputs["ckpt_name"],
    "WorkprintSlow": _slow,
    "WorkprintFails": _fails,
}
