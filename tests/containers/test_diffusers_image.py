"""The image for models of diffusers, built from its own Dockerfile, and the catalogue's definitions run in it.

No registry is asked: under the name of the base lies this machine's Python with the packages of .make/models, so that
`pip install` finds whatever the image wants and needs no network. Definitions are the catalogue's own; only the weights
are small and random, and no GPU is asked for.
"""

import asyncio
import re
import subprocess
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from crdt_schema.records import Tier
from pipelines import registry, run
from pipelines.runners import owner
from pipelines.spec import Pipeline, Result
from tests.support.busy_farm import busy_farm
from tests.support.docker import PYTHON, docker_client, docker_host, python_image, tools_environment
from tests.support.run_context import Attempt
from tests.support.service import got
from tests.walks.test_pipelines_together import Studio

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / ".make" / "models"
CONTAINERS = HERE.parents[1] / "pipelines" / "containers"
IMAGE = "workprint/diffusers:1"
BUILD_SECONDS = 280
TAKE_SECONDS = 180
"""Importing torch in a fresh container alone takes half a minute on a busy machine."""
pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not (MODELS / "bin" / "python").exists(),
        reason="torch and diffusers are not here; `.ci/setup models` fetches them",
    ),
]


@pytest.fixture(scope="module")
def image() -> str:
    """The image's id, built from the Dockerfile without a network."""
    dockerfile = CONTAINERS / "diffusers" / "Dockerfile"
    (base,) = re.findall(r"^FROM (\S+)$", dockerfile.read_text(), re.MULTILINE)
    make_base(base)
    environment = {**tools_environment(), "DOCKER_HOST": docker_host(), "DOCKER_CONFIG": "/nonexistent"}
    done = subprocess.run(
        ["docker", "build", "--network", "none", "--tag", IMAGE, "--file", dockerfile, CONTAINERS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return docker_client().images.get(IMAGE).id


def make_base(name: str) -> None:
    """An image of that name with Python, torch, and what torch and ffmpeg want of the system."""
    python_image()
    (packages,) = MODELS.glob("lib/python3.*/site-packages")
    library = f"usr/lib/{packages.parent.name}"
    programs = [packages / "torch/lib/libtorch_cpu.so", *packages.glob("imageio_ffmpeg/binaries/ffmpeg-*")]
    told = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    shared = {word for word in told.split() if word.startswith("/") and not word.startswith(str(packages))}
    moved = f"--transform=s,^{packages},{library}/site-packages,"
    # As in the distribution of the real base: its Python is not to be changed unless one says that one means it.
    marking = ["/bin/sh", "-c", f"echo '[externally-managed]' >/{library}/EXTERNALLY-MANAGED"]
    container = docker_client().containers.create(PYTHON, marking)
    try:
        packing = ["tar", "-chP", "--exclude=torch/include", "--exclude=__pycache__", moved, "--transform=s,^/,,"]
        with subprocess.Popen([*packing, *shared, packages], stdout=subprocess.PIPE) as packed:
            assert container.put_archive("/", packed.stdout)
        container.start()
        assert container.wait()["StatusCode"] == 0
        repository, _, tag = name.partition(":")
        container.commit(repository, tag, conf={"Cmd": ["/bin/sh"]})
    finally:
        container.remove(force=True)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node's folder of weights, readable by the container's user as any folder of weights should be."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([MODELS / "bin" / "python", HERE / "tiny_models.py", folder], capture_output=True, check=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.fixture(autouse=True)
def _node(image: str, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert image
    monkeypatch.setenv("DOCKER_HOST", docker_host())
    monkeypatch.setenv("WORKPRINT_MODELS", str(models))


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    Image.radial_gradient("L").convert("RGB").save(tmp_path / "source.png")
    yield Attempt(tmp_path / f"1-{tmp_path.name[:40].replace('_', '-')}", {"source": (tmp_path / "source.png",)})
    assert not docker_client().containers.list(all=True, filters={"label": owner.ATTEMPT}, ignore_removed=True)


def small(name: str, tier: Tier, **options: Any) -> Pipeline:
    """A pipeline of the catalogue with small weights, on a node without a GPU."""
    pipeline = registry.get(name)
    spec = pipeline.tiers[tier]
    return replace(
        pipeline, tiers={tier: replace(spec, vram_gb=0, options={**spec.options, "memory_gb": 6, **options})}
    )


def made(pipeline: Pipeline, attempt: Attempt, **parameters: Any) -> Result:
    (tier,) = pipeline.tiers
    recipe = {"tier": tier, "width": 64, "height": 32, "seed": 7, "prompt": {"direct": "A red door"}}
    return run.run_pipeline(pipeline, tier, {**recipe, "parameters": {"steps": 2, **parameters}}, attempt)


def test_an_image_model_runs_in_its_container(attempt: Attempt, image: str) -> None:
    result = made(small("t2i-sd1.5", "low", model="tiny/sd", dtype="float32", preview_every=1), attempt)
    (output,) = result.outputs
    assert (output.media_type, output.width, output.height) == ("image/png", 64, 32)
    assert [step for _, step in attempt.steps] == [
        *("Loading the model", "Reading the prompt", "Step 1 of 2", "Step 2 of 2", "Saving"),
    ]
    assert [preview[:2] for preview in attempt.previews] == [b"\xff\xd8"], "JPEG"
    facts = result.facts
    assert (facts["image_id"], facts["model_class"], facts["model_revision"]) == (
        *(image, "StableDiffusionPipeline", "0123abcd"),
    )


def test_a_video_model_runs_in_its_container_from_a_picture(attempt: Attempt) -> None:
    result = made(small("i2v-ltx", "low", model="tiny/ltx"), attempt, seconds=1)
    (output,) = result.outputs
    assert (output.media_type, output.width, output.height) == ("video/mp4", 64, 32)
    assert (output.frames, output.rate) == (25, "24/1")
    assert result.facts["model_class"] == "LTXImageToVideoPipeline"


def test_a_worker_that_is_not_root_needs_no_account_in_the_image(attempt: Attempt) -> None:
    result = made(small("t2i-flux-schnell", "standard", model="tiny/flux", user="4321:4321"), attempt)
    assert result.facts["model_class"] == "FluxPipeline"


def test_weights_that_are_not_complete_are_told(attempt: Attempt, models: Path) -> None:
    (models / "half").mkdir(exist_ok=True)
    with pytest.raises(run.PipelineError, match="The weights of half are not complete on this node"):
        made(small("t2i-sd1.5", "low", model="half"), attempt)


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncGenerator[Studio]:
    async with busy_farm(tmp_path) as farm:
        studio = Studio(farm, await farm.service.sign_in("Ana", "owner"), tmp_path)
        await studio.open()
        yield studio


async def test_a_shot_that_is_joined_to_the_model_becomes_a_take(studio: Studio, image: str, models: Path) -> None:
    text = (registry.CATALOG / "t2i-sd1.5.toml").read_text()
    for before, after in (
        (r'^id = ".*"', 'id = "small"'),
        (r'^uuid = ".*"', 'uuid = "6f8f2f0e-7d53-4c86-9d52-5a1d2c0b7f77"'),
        (r"^vram_gb = .*", "vram_gb = 0"),
        (r"^long_edge_px = .*", "long_edge_px = 64"),
        (r'^model = ".*"', 'model = "tiny/sd"'),
        (r'^dtype = ".*"', 'dtype = "float32"'),
    ):
        text, count = re.subn(before, after, text, flags=re.MULTILINE)
        assert count == 1, before
    studio.drop("small.toml", text)
    studio.start_worker(WORKPRINT_MODELS=str(models), DOCKER_HOST=docker_host())
    await studio.can_run("small")
    await studio.add_shot("door", "small", steps=2)
    task = await studio.generate("door")
    async with asyncio.timeout(TAKE_SECONDS):
        while (await got(studio.session, f"/api/tasks/{task}/status"))["detail"] in ("queued", "running"):  # noqa: ASYNC110 - it is asked over REST
            await asyncio.sleep(0.1)
    take = await studio.take(task)
    with Image.open(studio.file_of(take)) as picture:
        assert picture.size == (take["media"]["width"], take["media"]["height"])
    assert take.get("facts", {})["image_id"] == image
