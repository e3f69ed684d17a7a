"""Pipelines from definition to take, over real parts: hub, Valkey, workers, Docker, the protocols of others, bills."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image, ImageOps

from crdt_schema.canvas import Canvas
from crdt_schema.ids import EdgeId, IntentId, NodeId, ProjectId
from crdt_schema.records import Job, Take
from crdt_schema.takes import Takes
from pipelines.runners import owner
from server import keys
from server.auth.actor import SYSTEM
from server.intents.kept_logs import log_path
from tests.support.busy_farm import BusyFarm, busy_farm
from tests.support.comfyui import Imitation
from tests.support.docker import BUSYBOX, busybox_image, docker_client, docker_host
from tests.support.farm import DYING_LEASE_SECONDS, eventually
from tests.support.film import joins
from tests.support.providers import KEY, Providers
from tests.support.service import got, made

pytestmark = pytest.mark.timeout(180)
SHOT = "shot-1"
HEAD = """
id = "{id}"
version = "1.0"
uuid = "{uuid}"
label = "{label}"
summary = "One for the walk."
task = "generate-image"
output = "Image"
price_usd = 0.5
licence = "MIT"
source = "https://example.org"
needs = "{needs}"
"""
UUID = "6f8f2f0e-7d53-4c86-9d52-5a1d2c0b7f{:02}"
TIER = """
[tiers.low]
runner = "{runner}"
entry = "{entry}"
vram_gb = 0
long_edge_px = 64
seconds_prior = 1

[tiers.low.options]
"""
SOURCE = """
[[inputs]]
name = "source"
types = ["Image"]
label = "Source"
"""
COPY = "set -e; cp /job/inputs/source/0.png /job/out/made.png; "
DONE = """echo '{"outputs": [{"path": "made.png"}], "facts": {"tool": "cp"}}' > /job/out/result.json"""
SLOW = """touch /job/out/begun; echo '{"progress": 30, "step": "Copying"}'; sleep 120; """


class Studio:
    """One project on a whole farm: definitions are dropped, shots are joined and generated, takes are looked at."""

    def __init__(self, farm: BusyFarm, session: aiohttp.ClientSession, folder: Path) -> None:
        self.farm, self.session, self._folder = farm, session, folder
        self.project = ""

    async def open(self) -> None:
        self.project = await self.farm.project(self.session)

    def drop(self, name: str, text: str) -> None:
        """Put a file where a TD would put it."""
        folder = self._folder / "workspace" / "Library" / "Pipeline_Templates"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    def start_worker(self, name: str = "one", **settings: str) -> Any:
        templates = str(self._folder / "workspace" / "Library" / "Pipeline_Templates")
        return self.farm.start_worker("--name", name, "--vram", "0", WORKPRINT_PIPELINES=templates, **settings)

    async def listed(self, pipeline: str) -> dict[str, Any]:
        """The pipeline as the catalogue tells it, once it is there."""
        async with asyncio.timeout(60):
            while True:
                for found in await got(self.session, "/api/pipelines"):
                    if found["id"] == pipeline:
                        return found
                await asyncio.sleep(0.1)

    async def can_run(self, pipeline: str) -> None:
        async with asyncio.timeout(60):
            while not (await self.listed(pipeline))["tiers"]["low"]["available"]:  # noqa: ASYNC110 - it is asked over REST
                await asyncio.sleep(0.1)

    async def add_shot(self, node: str, pipeline: str, source: str = "", **parameters: Any) -> None:
        def change(doc: Any) -> None:
            canvas, origin = Canvas(doc), NodeId(f"pipeline-of-{node}")
            values: dict[str, Any] = {"shot": 2, "seed": 7, "seed_mode": "fixed", "prompt": "A door"}
            canvas.add_node(NodeId(node), "shot", {"x": 0, "y": 0}, title=node, parameters=parameters, **values)
            canvas.add_node(origin, "pipeline", {"x": 0, "y": 0}, pipeline=pipeline)
            canvas.add_edge(EdgeId(f"edge-of-{node}"), joins(origin, "pipeline", node, "pipeline"))
            if source:
                canvas.add_edge(EdgeId(f"source-of-{node}"), joins(source, "output", node, "source"))

        async with self.farm.service.app[keys.HUB].room(ProjectId(self.project), "canvas") as room:
            room.edit(SYSTEM, change)
            await room.saved()

    async def submit(self, node: str, status: int = 202) -> Any:
        return await made(self.session, "/api/tasks/submit", {"project_id": self.project, "node_id": node}, status)

    async def generate(self, node: str) -> str:
        return (await self.submit(node))["task_id"]

    async def job(self, task: str, *wanted: str) -> Job:
        """The job, once it stands as one of these."""
        await self.farm.task(self.session, task, *wanted)
        async with self.farm.service.app[keys.HUB].room(ProjectId(self.project), "takes") as room:
            found = Takes(room.doc).job(task)
        assert found is not None
        return found

    async def take(self, task: str) -> Take:
        """What a job has made; fails with its reason when it failed."""
        job = await self.job(task, "completed", "failed", "lost", "cancelled", "refused")
        assert job["status"] == "completed", job["reason"]
        async with self.farm.service.app[keys.HUB].room(ProjectId(self.project), "takes") as room:
            return Takes(room.doc).takes()[job["take"]]

    async def log_of(self, task: str) -> str:
        """What is kept of a job's last attempt."""
        job = await self.job(task, "completed", "cancelled", "failed")
        path = log_path(self.folder, job["attempts"][-1]["id"])
        await eventually(path.exists)
        return path.read_text()

    async def cancel(self, task: str) -> None:
        async with self.farm.service.app[keys.HUB].room(ProjectId(self.project), "canvas") as room:
            room.edit(SYSTEM, lambda doc: Canvas(doc).ask(IntentId(f"cancel-{task}"), {"kind": "cancel", "job": task}))
            await room.saved()

    @property
    def folder(self) -> Path:
        """The project's."""
        return self.farm.service.app[keys.PROJECTS].get(ProjectId(self.project)).folder

    def file_of(self, take: Take) -> Path:
        return next(path for path in (self.folder / "03_Renders").rglob(f"{take['name']}.*") if path.suffix != ".json")


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncGenerator[Studio]:
    async with busy_farm(tmp_path) as farm:
        studio = Studio(farm, await farm.service.sign_in("Ana", "owner"), tmp_path)
        await studio.open()
        yield studio


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host())
    busybox_image()


@pytest.fixture
def comfyui(tmp_path: Path) -> Iterator[Imitation]:
    server = Imitation(tmp_path / "comfyui")
    yield server
    server.close()


@pytest.fixture
def providers() -> Iterator[Providers]:
    servers = Providers()
    yield servers
    servers.close()


def containers() -> list[str]:
    found = docker_client().containers.list(all=True, filters={"label": owner.ATTEMPT}, ignore_removed=True)
    return [container.name for container in found]


def facts_of(take: Take) -> dict[str, str]:
    """What is known of how a take was made."""
    return take.get("facts", {})


def in_docker(name: str, script: str, number: int, *, head: str = "") -> str:
    texts = {"id": name, "uuid": UUID.format(number), "label": name.capitalize(), "needs": "a node with Docker"}
    command = json.dumps(["/bin/sh", "-c", script])
    return HEAD.format(**texts) + head + SOURCE + TIER.format(runner="docker", entry=BUSYBOX) + f"command = {command}\n"


async def first_take(studio: Studio) -> Take:
    """A take of the project's first shot, for others to start from."""
    return await studio.take(await studio.generate(SHOT))


@pytest.mark.usefixtures("docker")
async def test_a_definition_dropped_into_the_library_makes_a_take_in_a_container(studio: Studio) -> None:
    worker = studio.start_worker()
    await first_take(studio)
    studio.drop("copier.toml", in_docker("copier", 'echo \'{"log": "copying"}\'; ' + COPY + DONE, 1))
    assert (await studio.listed("copier"))["label"] == "Copier"
    await studio.can_run("copier")
    await studio.add_shot("copy", "copier", SHOT)
    task = await studio.generate("copy")
    take = await studio.take(task)
    with Image.open(studio.file_of(take)) as picture:
        assert picture.size == (take["media"]["width"], take["media"]["height"]) == (64, 36)
    assert (take["recipe"]["pipeline"], take["cost_usd"]) == ("copier", 0.5)
    assert facts_of(take)["image"] == BUSYBOX
    assert facts_of(take)["image_digest"] == busybox_image()
    assert facts_of(take)["tool"] == "cp"
    assert "copying" in await studio.log_of(task)
    assert containers() == []
    assert not [line for line in worker.log() if line.get("level") in ("warning", "error")]


@pytest.mark.usefixtures("docker")
async def test_cancel_ends_the_container_and_the_log_stays(studio: Studio) -> None:
    studio.drop("slow.toml", in_docker("slow", SLOW, 2))
    studio.start_worker()
    await first_take(studio)
    await studio.can_run("slow")
    await studio.add_shot("slow", "slow", SHOT)
    task = await studio.generate("slow")
    await studio.job(task, "running")
    progress = studio.farm.service.app[keys.INTENTS].progress
    await eventually(lambda: "Copying" in str(progress.of(ProjectId(studio.project), task)))
    assert containers()
    await studio.cancel(task)
    job = await studio.job(task, "cancelled")
    assert job["attempts"][-1]["exit"] == "cancelled"
    await eventually(lambda: not containers())
    assert "Copying" in await studio.log_of(task)


@pytest.mark.usefixtures("docker")
async def test_a_killed_worker_leaves_no_container_and_another_does_the_job_once(studio: Studio) -> None:
    studio.drop("slow.toml", in_docker("slow", SLOW, 3))
    first = studio.start_worker("first", WORKPRINT_LEASE_SECONDS=str(DYING_LEASE_SECONDS))
    await first_take(studio)
    await studio.can_run("slow")
    await studio.add_shot("slow", "slow", SHOT)
    task = await studio.generate("slow")
    await eventually(containers)
    (left,) = containers()
    first.kill()
    await eventually(lambda: left not in containers())  # long before it would have ended by itself
    studio.drop("slow.toml", in_docker("slow", f"{COPY}{DONE}", 3))
    studio.start_worker("second")
    take = await studio.take(task)
    job = await studio.job(task, "completed")
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["lost", "completed"]
    assert job["attempts"][-1]["farm_node"] == "second"
    assert take["name"].endswith("take01")
    assert containers() == []


async def test_a_graph_dropped_into_the_library_makes_a_take_from_another_shot_s(
    studio: Studio, comfyui: Imitation
) -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": ""}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    }
    texts = {"id": "inverter", "uuid": UUID.format(4), "label": "Inverter", "needs": "a node with ComfyUI"}
    tier = TIER.format(runner="comfyui", entry="invert.json")
    studio.drop("invert.json", json.dumps(graph))
    studio.drop("inverter.toml", HEAD.format(**texts) + SOURCE + tier + 'bind = { "1.image" = "inputs.source" }\n')
    studio.start_worker(WORKPRINT_COMFYUI_URL=comfyui.url)
    source = await first_take(studio)
    await studio.can_run("inverter")
    await studio.add_shot("inverse", "inverter", SHOT)
    take = await studio.take(await studio.generate("inverse"))
    with Image.open(studio.file_of(source)) as before, Image.open(studio.file_of(take)) as after:
        assert after.convert("RGB").tobytes() == ImageOps.invert(before.convert("RGB")).tobytes()
    assert take["recipe"]["inputs"]["source"][0]["blob"] == source["media"]["blob"]
    assert facts_of(take)["comfyui_version"]


async def test_the_bill_of_a_provider_is_what_the_take_costs(studio: Studio, providers: Providers) -> None:
    studio.start_worker(WORKPRINT_TEST_PROVIDERS=providers.url, FAL_KEY=KEY)
    await studio.can_run("fal-flux-dev")
    await studio.add_shot("bought", "fal-flux-dev")
    task = await studio.generate("bought")
    take = await studio.take(task)
    job = await studio.job(task, "completed")
    # Two units at the price of the tier, where the estimate was one.
    assert (take["cost_usd"], job["cost_usd"], job["attempts"][-1]["cost_usd"]) == (0.05, 0.05, 0.05)
    estimate = await got(studio.session, f"/api/projects/{studio.project}/estimate?node=bought")
    assert estimate["budget_left_usd"] == 50 - 0.05
    assert facts_of(take)["request"] == "fal-1"
    assert KEY not in await studio.log_of(task)
    assert KEY not in json.dumps(take)


async def test_what_no_node_can_run_waits_until_one_comes_that_can(studio: Studio, providers: Providers) -> None:
    studio.start_worker("poor", FAL_KEY="")
    await eventually(studio.farm.service.app[keys.FARM].nodes)
    await studio.add_shot("bought", "fal-flux-dev")
    estimate = await got(studio.session, f"/api/projects/{studio.project}/estimate?node=bought")
    task = await studio.generate("bought")
    words = (await studio.job(task, "queued")).get("notice", "")
    assert "Waiting for a node that can run FLUX.1 dev at fal" in words
    assert "none is connected. poor comes nearest: " in words
    assert (estimate["available"], estimate["notice"].startswith(words)) == (True, True)
    listed = await studio.listed("fal-flux-dev")
    assert "FAL_KEY" in listed["tiers"]["low"]["needs"]
    studio.start_worker("rich", WORKPRINT_TEST_PROVIDERS=providers.url, FAL_KEY=KEY)
    job = await studio.job(task, "completed")
    assert (job["attempts"][-1]["farm_node"], job.get("notice")) == ("rich", "")
