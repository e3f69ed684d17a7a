"""The catalogue's tiers for diffusers, held to the classes of the release that the container installs."""

import ast
import json
import subprocess
from pathlib import Path

import pytest

from pipelines import registry
from pipelines.spec import Pipeline, TierSpec

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".make" / "models" / "bin" / "python"
CALLING = HERE.parents[1] / "pipelines" / "containers" / "diffusers" / "calling.py"
pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not PYTHON.exists(), reason="torch and diffusers are not here; `.ci/setup models` fetches them"),
]
OWN_CLASS = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "StableDiffusionPipeline",
    "black-forest-labs/FLUX.1-dev": "FluxPipeline",
    "black-forest-labs/FLUX.1-schnell": "FluxPipeline",
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": "WanPipeline",
    "Wan-AI/Wan2.1-T2V-14B-Diffusers": "WanPipeline",
}
"""The class that a model's own model_index.json names, where the tier names none."""
NOT_FOR_THE_CALL = ("seconds", "fps", "style_strength")
"""Parameters that shape other values, or the LoRAs, before the pipeline is called."""


def tiers() -> list[tuple[Pipeline, TierSpec]]:
    found = registry.read_catalog(registry.CATALOG).values()
    return [(each, spec) for each in found for spec in each.tiers.values() if spec.entry == "workprint/diffusers:1"]


def class_of(spec: TierSpec) -> str:
    return spec.options.get("class") or OWN_CLASS[spec.options["model"]]


@pytest.fixture(scope="module")
def taken() -> dict[str, list[str]]:
    """Class -> what its call takes."""
    names = sorted({class_of(spec) for _, spec in tiers()})
    ran = subprocess.run([PYTHON, HERE / "signatures.py", *names], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


def table() -> dict[str, str]:
    """The container's own table of arguments, read without importing torch."""
    for node in ast.parse(CALLING.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ARGUMENTS":
            return ast.literal_eval(node.value)
    raise AssertionError("there is no table ARGUMENTS")


def test_there_are_tiers_to_look_at() -> None:
    assert len({each.id for each, _ in tiers()}) >= 9


def test_every_argument_that_a_tier_adds_is_one_of_its_class(taken: dict[str, list[str]]) -> None:
    for pipeline, spec in tiers():
        added = set(spec.options.get("arguments", {}))
        assert added <= set(taken[class_of(spec)]), pipeline.id


def test_every_parameter_and_input_of_a_pipeline_reaches_its_class(taken: dict[str, list[str]]) -> None:
    for pipeline, spec in tiers():
        arguments = {**table(), **spec.options.get("arguments", {})}
        reached = {path for name, path in arguments.items() if name in taken[class_of(spec)]}
        wanted = {f"parameters.{each.name}" for each in pipeline.params if each.name not in NOT_FOR_THE_CALL}
        wanted |= {f"inputs.{each.name}" for each in pipeline.inputs if each.types != ("String",)}
        wanted |= {"frames"} if pipeline.output == "Video" else set()
        assert wanted <= reached, f"{pipeline.id}: {wanted - reached} goes nowhere"
