"""What a node says of its GPU, on a machine that has one and on one that has none."""

import subprocess
from shutil import which
from types import ModuleType

import pytest

from pipelines import registry
from render_farm import gpu as module
from render_farm.gpu import gpu
from render_farm.machine import Machine, abilities, named

WITHOUT_GPU = which("nvidia-smi") is None


@pytest.mark.skipif(not WITHOUT_GPU, reason="this machine has a GPU")
def test_a_machine_without_a_card_is_a_node_for_the_cpu() -> None:
    assert gpu() is None
    assert Machine().gpu() is None


@pytest.mark.skipif(WITHOUT_GPU, reason="this machine has no GPU")
def test_the_card_is_the_one_that_the_driver_tells_of() -> None:
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    name, megabytes = told.rsplit(", ", 1)
    found = gpu(0)
    assert found is not None
    assert found.name == name
    assert found.vram_gb == pytest.approx(float(megabytes) / 1024, rel=0.05)
    assert 0 <= found.vram_free_gb <= found.vram_gb


def test_without_the_package_a_node_still_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", missing)
    assert gpu() is None


def test_a_node_offers_as_much_memory_as_somebody_says() -> None:
    offered = Machine(16.0).gpu()
    assert offered is not None
    assert offered.vram_gb == 16.0
    assert offered.vram_free_gb <= 16.0
    assert Machine(0).gpu() is None


def test_a_node_can_run_what_fits_and_says_what_it_lacks_for_the_rest() -> None:
    catalogue = registry.load_catalog().values()
    found = abilities(catalogue, 0.0)
    assert "previz-image@low" in found.can
    wanted = {f"{pipeline.id}@{tier}" for pipeline in catalogue for tier in pipeline.tiers}
    assert {*found.can, *found.lacks} == wanted
    assert not {*found.can} & {*found.lacks}
    too_big = next(f"{one.id}@{tier}" for one in catalogue for tier, spec in one.tiers.items() if spec.vram_gb > 16)
    assert "needs a GPU with" in found.lacks[too_big]
    assert "this one has 12 GB" in abilities(catalogue, 12.0).lacks[too_big]


def test_two_nodes_of_a_machine_have_two_names_and_a_name_comes_back() -> None:
    with named() as first, named() as second:
        assert first != second
    with named() as again:
        assert again in (first, second)
    with named("Render 7/left") as wanted:
        assert wanted == "Render-7-left"
