"""What a node says of its GPU, on a machine that has one and on one that has none."""

import subprocess
import tempfile
from pathlib import Path
from shutil import which
from types import ModuleType

import pytest

from pipelines import registry
from render_farm import gpu as module
from render_farm.gpu import Gpu, gpu
from render_farm.machine import Abilities, Machine, Others, abilities, named

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


def test_what_other_programs_hold_of_the_card_is_memory_that_no_job_can_have() -> None:
    all_of_it = Abilities(("big@high", "fair@standard", "small@cpu"), {}, {"big@high": 24, "fair@standard": 12})
    assert all_of_it.beside(2.4, 24) == all_of_it
    crowded = all_of_it.beside(10.0, 24)
    assert crowded.can == ("fair@standard", "small@cpu")
    assert crowded.lacks["big@high"] == (
        "It needs a GPU with 24 GB, and other programs hold 10.0 of the 24 GB here. "
        "Close what uses that GPU on the machine; the node notices by itself."
    )
    assert all_of_it.beside(24, 24).can == ("small@cpu",)


def test_what_the_farm_itself_holds_of_the_card_does_not_count_against_it() -> None:
    held = 0.0
    others = Others(lambda: held)

    def look(free_gb: float, *, is_busy: bool = False) -> float:
        others.look(Gpu("Test", 24, free_gb), is_busy=is_busy)
        return others.gb

    assert look(20) == 4
    assert look(2, is_busy=True) == 4, "what a job takes is its own"
    assert look(23, is_busy=True) == 1, "what the desktop gave back is free"
    assert look(14) == 10
    held = 9.0
    assert look(14) == 1, "a server of this node keeps its models and makes room by itself"
    others.look(None, is_busy=False)
    assert others.gb == 0


def test_two_nodes_of_a_machine_have_two_names_and_a_name_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other nodes of this machine come and go meanwhile
    with named() as first, named() as second:
        assert first != second
    with named() as again:
        assert again in (first, second)
    with named("Render 7/left") as wanted:
        assert wanted == "Render-7-left"
