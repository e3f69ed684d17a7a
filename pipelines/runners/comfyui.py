"""Runs a graph on a ComfyUI server; the server's history is the truth, its websocket only tells how far it is."""

import asyncio
import os
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

import aiohttp

from pipelines import binding
from pipelines.runners import comfyui_folder
from pipelines.runners import comfyui_words as words
from pipelines.runners.comfyui_client import Client, Refused, ServerAway
from pipelines.runners.comfyui_progress import Progress
from pipelines.runners.media import MEDIA_TYPES, described
from pipelines.runners.watched import watched
from pipelines.spec import (
    Output,
    Pipeline,
    PipelineError,
    Recipe,
    Result,
    RunContext,
    TierSpec,
    Transient,
)

TICK_SECONDS = 0.25
POLL_SECONDS = 1.0
SOCKET_SECONDS = 2.0
"""How long the websocket is waited for before the prompt is sent, so that nothing of it is missed."""
AWAY_SECONDS = 180.0
"""How long a server may be away before the attempt gives up; one with many nodes takes a minute to start."""
MAX_OUTPUTS = 64
FETCH_PERCENT = 98.0
"""Where the bar stands when the graph is done and its files are not here yet."""
STOP_SECONDS = 8.0
"""How long a cancelled prompt may take to be gone; a bit less than the farm waits before it kills the attempt."""
FORGET_SECONDS = 2.0
"""How long a server may take to forget a prompt; the take is here already and waits for it."""
READY_SECONDS = 20.0
"""How long an answer about what a server has is believed."""
HELD_SECONDS = 2.0
"""How long a server may take to say what it holds; the heartbeat of its node waits for it."""

_FILES = ("videos", "gifs", "images", "audio")
"""Where nodes write down the files they made; core video nodes use `images` too, others `gifs`."""
_known: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}


def ready(pipeline: Pipeline, spec: TierSpec) -> str:
    """What the server lacks: the address, the server itself, node classes, or files of models."""
    url = _url()
    if not url:
        return "Set WORKPRINT_COMFYUI_URL to the address of a ComfyUI server."
    graph = binding.static_graph(spec)
    try:
        known = asyncio.run(_object_info(url, {str(node["class_type"]) for node in graph.values()}))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return "No ComfyUI server answers at WORKPRINT_COMFYUI_URL. Start it, or correct the setting."
    missing = words.lacking(graph, known)
    return f"The ComfyUI server cannot run {pipeline.label}: {'; '.join(missing)}." if missing else ""


def held_gb() -> float:
    """GPU memory that this node's server keeps for its models, in GiB; 0 when there is none or it does not answer."""
    try:
        return asyncio.run(_held_bytes(url)) / (1 << 30) if (url := _url()) else 0.0
    except (aiohttp.ClientError, Refused, ServerAway, TimeoutError, OSError, ValueError, TypeError):
        return 0.0


async def _held_bytes(url: str) -> float:
    async with asyncio.timeout(HELD_SECONDS), Client(url, uuid.uuid4().hex) as comfy:
        stats = await comfy.stats()
        cards = [device for device in stats.get("devices", []) if device.get("type") == "cuda"]
        return float(sum(card.get("torch_vram_total", 0) for card in cards))


def run(pipeline: Pipeline, spec: TierSpec, recipe: Recipe, context: RunContext) -> Result:
    """Run the tier's graph with the recipe's values; raises PipelineError and its kinds."""
    url = _url()
    if not url:
        raise PipelineError(ready(pipeline, spec).rstrip("."))
    try:
        return asyncio.run(_run(url, spec, recipe, context))
    except ServerAway as error:
        raise Transient("The ComfyUI server does not answer") from error


async def _run(url: str, spec: TierSpec, recipe: Recipe, context: RunContext) -> Result:
    prompt_id = str(uuid.uuid4())
    async with Client(url, uuid.uuid4().hex) as comfy:
        stats = await comfy.stats()
        wanted, argv = spec.options.get("comfyui_flags", ()), stats.get("system", {}).get("argv") or ()
        if otherwise := words.started_otherwise(wanted, argv):
            context.log(otherwise)
        files = {
            name: [await comfy.upload(path, path.name) for path in paths] for name, paths in context.inputs.items()
        }
        values = binding.values_of(recipe, binding.options_of(spec), files, prompt_id)
        for clause in values["left_out"]:
            context.log(f"The prompt is too long for the model; left out: {clause}")
        graph = binding.bound_graph(spec, recipe, values)
        attempt = _Prompt(comfy, prompt_id, graph, context)
        try:
            made = await attempt.made()
            outputs = await _fetch(comfy, _chosen(made, binding.options_of(spec).get("output")), values, context)
        finally:
            removed = comfyui_folder.clear(prompt_id)
        if removed == 0:
            context.log("The result stays in ComfyUI's folder: it is not in WORKPRINT_COMFYUI_OUTPUT, or not ours")
        with suppress(ServerAway, Refused, TimeoutError):
            async with asyncio.timeout(FORGET_SECONDS):
                await comfy.forget(prompt_id)
    return Result(outputs, facts={**_facts(stats), "comfyui_prompt": prompt_id})


class _Prompt:
    """One prompt on its way through a server: submitted once, followed to its end, and stopped if it has to be."""

    def __init__(self, comfy: Client, prompt_id: str, graph: binding.Graph, context: RunContext) -> None:
        self._comfy = comfy
        self._id = prompt_id
        self._graph = graph
        self._context = context
        self._progress = Progress(prompt_id, graph)
        self._preview = b""
        self._was_away = False
        """Whether the server may have been another process at some time since it was given the prompt."""
        self._is_heard = asyncio.Event()
        self._resubmitted = False

    async def made(self) -> Mapping[str, Any]:
        """What each node has made, by its id."""
        ear = asyncio.create_task(self._comfy.listen(self._progress.hear, self._see, self._heard))
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_heard.wait(), SOCKET_SECONDS)
            await self._submit()
            return await self._follow()
        except BaseException:
            await self._stop()
            raise
        finally:
            ear.cancel()
            with suppress(asyncio.CancelledError):
                await ear

    def _see(self, image: bytes) -> None:
        self._preview = image

    def _heard(self, is_there: bool) -> None:
        self._was_away = self._was_away or not is_there
        if is_there:
            self._is_heard.set()
        else:
            self._is_heard.clear()

    async def _submit(self) -> None:
        """Queue the graph. A server runs whatever it gets, so it is not asked twice on a mere suspicion."""
        self._was_away = not self._is_heard.is_set()
        try:
            reply = await self._comfy.submit(self._id, self._graph)
        except Refused as error:
            raise PipelineError(words.refusal(error.reply)) from error
        except ServerAway as error:
            if not error.was_sent:
                raise
            self._context.log("The ComfyUI server did not answer; looking whether it took the prompt")
            self._was_away = True
            return
        if reply.get("node_errors"):
            # A server runs the outputs it finds sound and leaves out the others; that would be half a result.
            raise PipelineError(words.refusal(reply))

    async def _follow(self) -> Mapping[str, Any]:
        looked, away_since = time.monotonic(), None
        while True:
            self._context.check()
            self._show()
            now = time.monotonic()
            if self._progress.over or now - looked >= POLL_SECONDS:
                looked = now
                try:
                    made = await watched(self._look(), self._context)
                    away_since = None
                except ServerAway as error:
                    self._was_away = True
                    away_since = away_since or now
                    if now - away_since > AWAY_SECONDS:
                        raise Transient("The ComfyUI server went away and did not come back") from error
                    made = None
                if made is not None:
                    return made
            await asyncio.sleep(TICK_SECONDS)

    async def _look(self) -> Mapping[str, Any] | None:
        """The outputs once the prompt has ended; it leaves the queue for the history in one step, so queue first."""
        ahead = await self._comfy.ahead(self._id)
        ended = await self._comfy.history(self._id)
        if ended is not None:
            status: dict[str, Any] = ended.get("status") or {}
            if status.get("status_str", "success") != "success":
                raise words.failure(status.get("messages", []))
            return ended.get("outputs", {})
        if ahead is None:
            return await self._vanished()
        if ahead:
            self._context.progress(0.0, f"Waiting in ComfyUI's queue, {ahead} before it")
        return None

    async def _vanished(self) -> Mapping[str, Any] | None:
        """Neither queued nor ended: the server forgot it when it restarted, or somebody took it away."""
        if self._progress.succeeded:
            return self._progress.outputs
        if not self._was_away:
            raise PipelineError("Somebody took the prompt out of ComfyUI's queue. Generate again")
        if self._resubmitted:
            raise Transient("The ComfyUI server restarted twice while the prompt was there")
        self._context.log("The ComfyUI server restarted and forgot the prompt; it is given the prompt once more")
        self._resubmitted = True
        self._progress.over = False
        await self._submit()
        return None

    def _show(self) -> None:
        if self._progress.step:
            self._context.progress(min(self._progress.percent, FETCH_PERCENT), self._progress.step)
        image, self._preview = self._preview, b""
        if image:
            path = self._context.scratch / ("preview.png" if image.startswith(b"\x89PNG") else "preview.jpg")
            path.write_bytes(image)
            self._context.preview(path)

    async def _stop(self) -> None:
        """Have the server drop the prompt, and see that it did: an interrupt just before a prompt begins is lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while True:
                    if await self._is_stopped():
                        return
                    await asyncio.sleep(TICK_SECONDS)
        self._context.log("The ComfyUI server did not confirm that it stopped the prompt")

    async def _is_stopped(self) -> bool:
        try:
            await self._comfy.stop(self._id)
            return await self._comfy.ahead(self._id) is None
        except (ServerAway, Refused):
            self._was_away = True
            return False


def _chosen(made: Mapping[str, Any], output: object) -> list[Mapping[str, str]]:
    """The files of the node that `output` names, or else of all, those that were saved before those that were not."""
    nodes = [made.get(str(output), {})] if output is not None else [made[name] for name in sorted(made)]
    files: list[Mapping[str, str]] = [
        file for node in nodes for kind in _FILES for file in node.get(kind, ()) if "filename" in file
    ]
    saved = [file for file in files if file.get("type", "output") == "output"] or files
    if not saved:
        raise PipelineError("The graph ended without a file. It needs a node such as Save Image")
    if len(saved) > MAX_OUTPUTS:
        raise PipelineError(f"The graph made {len(saved)} files; {MAX_OUTPUTS} are the most")
    return saved


async def _fetch(
    comfy: Client, files: list[Mapping[str, str]], values: Mapping[str, Any], context: RunContext
) -> tuple[Output, ...]:
    outputs: list[Output] = []
    for number, file in enumerate(files):
        suffix = PurePosixPath(file["filename"]).suffix.lower()
        if suffix not in MEDIA_TYPES:
            raise PipelineError(f"The graph made a file of a kind that is not known here: {suffix or 'none'}")
        path = context.scratch / f"take-{number}{suffix}"
        context.progress(FETCH_PERCENT, "Fetching the result")
        await watched(comfy.download(file, path), context)
        outputs.append(described(path, MEDIA_TYPES[suffix], values))
    return tuple(outputs)


def _facts(stats: Mapping[str, Any]) -> dict[str, str]:
    system, devices = stats.get("system", {}), stats.get("devices", [])
    facts = {
        "comfyui_version": str(system.get("comfyui_version", "")),
        "pytorch_version": str(system.get("pytorch_version", "")),
        "python_version": str(system.get("python_version", "")).partition(" ")[0],
        "device": ", ".join(str(device.get("name", "")) for device in devices),
        "comfyui_memory": " ".join(flag for flag in words.MEMORY_FLAGS if flag in (system.get("argv") or ())),
    }
    return {name: value for name, value in facts.items() if value}


async def _object_info(url: str, classes: set[str]) -> dict[str, Any]:
    """What the server knows of these classes, asked at most every READY_SECONDS."""
    now = time.monotonic()
    known: dict[str, Any] = {}
    timeout = aiohttp.ClientTimeout(total=5.0)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        for name in sorted(classes):
            at, info = _known.get((url, name), (-READY_SECONDS, {}))
            if now - at >= READY_SECONDS:
                async with http.get(f"{url}/object_info/{name}") as reply:
                    info = await reply.json()
                _known[url, name] = now, info
            known.update(info)
    return known


def _url() -> str:
    return os.environ.get("WORKPRINT_COMFYUI_URL", "").rstrip("/")
