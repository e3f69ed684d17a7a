"""The page about pipelines, followed word for word: from a command line to a picture, with a real Docker daemon."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines import registry
from pipelines.docker_options import KNOWN, Options
from pipelines.runners import job_folder
from tests.support.docker import docker_client, docker_host, python_image, tools_environment
from tests.support.run_context import Attempt

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pipelines.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each block of the page printed, by its last command, in a folder where nothing was."""
    folder = tmp_path_factory.mktemp("studio")
    environment = {**tools_environment(), "DOCKER_HOST": docker_host(), "DOCKER_CONFIG": str(folder / ".docker")}
    python_image()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["PYTHONPATH"] = str(ROOT)
    for name in [name for name in environment if name.startswith("WORKPRINT_") or name == "WORKSPACE_ROOT"]:
        del environment[name]
    printed: dict[str, str] = {"folder": str(folder)}
    for block in BLOCKS:
        done = subprocess.run(
            ["sh", "-eu", "-c", block],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        last = block.strip().splitlines()[-1].strip()
        assert done.returncode == 0, f"{last}\n{done.stdout}{done.stderr}"
        printed[last] = done.stdout + done.stderr
    return printed


def said(walked: dict[str, str], beginning: str) -> str:
    """What the block printed whose last command begins so."""
    (found,) = [words for command, words in walked.items() if command.startswith(beginning)]
    return found


def test_the_check_says_that_it_can_run_here(walked: dict[str, str]) -> None:
    assert "low: can run here" in said(walked, "workprint pipeline check julia")


def test_the_run_shows_progress_and_leaves_a_picture_with_its_provenance(walked: dict[str, str]) -> None:
    told = said(walked, "workprint pipeline run julia")
    assert re.search(r"^ 44 %  drawing 44%$", told, re.MULTILINE)
    assert f"image_digest: {docker_client().images.get('studio/julia:1').id}" in told
    assert "image/png, 320x180" in told


def test_the_container_of_ones_own_makes_a_picture_before_anything_is_changed(walked: dict[str, str]) -> None:
    assert "asked for 'A red door.' with seed 7, strength 0.5" in said(walked, "workprint pipeline run flat")
    with Image.open(Path(walked["folder"], "renders", "result.png")) as picture:
        assert picture.size == (64, 36)


def test_no_container_is_left(walked: dict[str, str]) -> None:
    assert walked
    assert docker_client().containers.list(all=True, filters={"label": "workprint.attempt"}) == []


def test_every_option_stands_there_with_its_default() -> None:
    table = PAGE.split("| option | default | meaning |\n|---|---|---|\n")[1].split("\n\n")[0]
    told = {row.split("|")[1].strip(" `"): row.split("|")[2].strip() for row in table.splitlines()}
    assert told.keys() == KNOWN.keys() == {field.name for field in fields(Options)} - {"models_folder"}
    for name, default in told.items():
        real = getattr(Options(), name)
        words = {"cpus": "all", "network": "false"}
        assert default == words.get(name, f"{real:g}" if isinstance(real, int | float) else ""), name


def test_every_placeholder_that_it_names_is_in_a_job(tmp_path: Path) -> None:
    pipeline = registry.get("t2i-sd1.5")
    recipe: dict[str, Any] = {"tier": "low", "prompt": {}, "parameters": {}}
    job = job_folder.prepare(pipeline, pipeline.tier("low"), recipe, Attempt(tmp_path / "a")).job
    for name in re.findall(r"`\{([a-z_]+)", PAGE.split("What stands in braces")[1].split("\n")[0]):
        assert name in job, name
