"""The small runtime that is copied into images, run in a container by the real runner."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.runners import docker
from pipelines.spec import OutOfMemory, Pipeline, PipelineError, Result, TierSpec, Transient
from tests.support.docker import PYTHON, docker_client, docker_host, python_image
from tests.support.run_context import Attempt

RUNTIME = Path(docker.__file__).parents[1] / "containers" / "workprint_runtime"
BUILT = "workprint-tests/runtime:1"
RECIPE = {"prompt": {"direct": "A door"}, "seed": 7, "width": 64, "height": 36, "parameters": {"strength": 0.5}}
PREAMBLE = "import sys; sys.path.insert(0, '/app')\nfrom workprint_runtime import *\n"

Python = Callable[[str], Result]
pytestmark = pytest.mark.timeout(300)  # a daemon and its image are made first


@pytest.fixture(scope="module", autouse=True)
def _image(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An image built as a TD builds one: a base, and the runtime copied in."""
    docker_host()
    python_image()
    folder = tmp_path_factory.mktemp("context")
    (folder / "workprint_runtime").mkdir()
    (folder / "workprint_runtime" / "__init__.py").write_bytes((RUNTIME / "__init__.py").read_bytes())
    (folder / "Dockerfile").write_text(f"FROM {PYTHON}\nCOPY workprint_runtime /app/workprint_runtime\n")
    docker_client().images.build(path=str(folder), tag=BUILT)


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    Image.new("RGB", (64, 36), "#336699").save(tmp_path / "in.png")
    return Attempt(
        tmp_path / f"{os.getpid()}-{tmp_path.name[:40].replace('_', '-')}", {"source": (tmp_path / "in.png",)}
    )


@pytest.fixture
def python(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> Python:
    monkeypatch.setenv("DOCKER_HOST", docker_host())

    def run(program: str) -> Result:
        options: dict[str, Any] = {
            "command": ["python3", "-c", "import os; exec(os.environ['PROGRAM'])"],
            "environment": {"PROGRAM": PREAMBLE + program},
            "style": "noir",
        }
        spec = TierSpec("docker", BUILT, 0, 64, 1.0, options)
        texts = ("runtime", "1.0", "0d5a4c0e-3c39-4b38-8d1f-6f3d2a9c1e98", "Runtime", "A program.")
        pipeline = Pipeline(*texts, "Image", (), (), {"low": spec}, 0.0, "python", "PSF-2.0", "https://python.org")
        return docker.run(pipeline, spec, RECIPE, attempt)

    return run


def test_a_program_of_a_few_lines_is_a_pipeline(python: Python, attempt: Attempt) -> None:
    result = python(
        """
def main(job):
    job.progress(10, "Loading")
    job.log(f"{job.prompt} {job.seed} {job.width}x{job.height} {job.parameters} {job.options['style']}")
    job.file("small.png").write_bytes(job.input("source").read_bytes())
    job.preview("small.png")
    job.file("made.png").write_bytes(job.input("source").read_bytes())
    job.result("made.png", rate="24/1", frames=1)
    job.fact("checkpoint", "sha256:abc")
run(main)
"""
    )
    (output,) = result.outputs
    assert (output.media_type, output.width, output.height, output.rate) == ("image/png", 64, 36, "24/1")
    assert result.facts["checkpoint"] == "sha256:abc"
    assert attempt.steps == [(10, "Loading")]
    assert attempt.lines == ["A door. 7 64x36 {'strength': 0.5} noir"]
    assert len(attempt.previews) == 1


def test_what_a_program_says_of_its_failure_reaches_the_artist(python: Python) -> None:
    with pytest.raises(PipelineError, match=r"^The style needs a face$"):
        python("def main(job): raise Failed('The style needs a face')\nrun(main)")


def test_a_failure_that_may_pass_is_tried_again(python: Python) -> None:
    with pytest.raises(Transient):
        python("def main(job): raise TryAgain('The licence server is busy')\nrun(main)")


def test_any_other_failure_is_told_and_its_traceback_is_in_the_log(python: Python, attempt: Attempt) -> None:
    with pytest.raises(PipelineError, match="ZeroDivisionError: division by zero"):
        python("def main(job): 1 / 0\nrun(main)")
    assert any("Traceback" in line for line in attempt.lines)


@pytest.mark.parametrize("error", ["MemoryError()", "RuntimeError('CUDA out of memory. Tried to allocate')"])
def test_running_out_of_memory_is_told_as_such(python: Python, error: str) -> None:
    with pytest.raises(OutOfMemory):
        python(f"def main(job): raise {error}\nrun(main)")


def test_a_missing_input_is_explained(python: Python) -> None:
    with pytest.raises(PipelineError, match="Nothing is joined to the input mask"):
        python("def main(job): job.input('mask')\nrun(main)")
