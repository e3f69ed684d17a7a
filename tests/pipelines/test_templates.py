"""Pipelines of one's own: definitions and graphs that are dropped into a folder, while everything runs (P-008)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipelines import registry
from pipelines.spec import PipelineError, UnknownPipeline

CASES = Path(__file__).parent / "definitions"
FLEXIACT = (CASES / "flexiact.toml").read_text()
GRAPH = {"1": {"class_type": "Sampler", "inputs": {"text": "", "seed": 0}}}
WITH_GRAPH = (
    FLEXIACT.partition("[[inputs]]")[0]
    + """
[[inputs]]
name = "prompt"
types = ["String"]
label = "Prompt"

[tiers.low]
runner = "comfyui"
entry = "my-graph.json"
vram_gb = 12
long_edge_px = 768
seconds_prior = 10
options = { bind = { "1.text" = "prompt", "1.seed" = "seed" } }
"""
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalogue(tmp_path: Path, clock: Clock) -> registry.Catalogue:
    return registry.Catalogue(templates=[tmp_path, tmp_path / "no-such-folder"], clock=clock)


def look_again(catalogue: registry.Catalogue, clock: Clock) -> None:
    clock.now += registry.LOOK_SECONDS
    catalogue.refresh()


def test_a_definition_dropped_into_the_folder_appears_without_a_restart(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path
) -> None:
    held = catalogue.pipelines
    (tmp_path / "mine.toml").write_text(FLEXIACT)
    look_again(catalogue, clock)
    assert held["flexiact"].label == "FlexiAct"
    assert "previz-image" in held


def test_the_folder_is_looked_at_every_two_seconds_at_most(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(FLEXIACT)
    clock.now += registry.LOOK_SECONDS - 0.01
    catalogue.refresh()
    assert "flexiact" not in catalogue.pipelines
    clock.now += 0.01
    catalogue.refresh()
    assert "flexiact" in catalogue.pipelines


def test_a_changed_definition_is_read_again_and_one_that_went_is_gone(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FLEXIACT)
    look_again(catalogue, clock)
    file.write_text(FLEXIACT.replace('label = "FlexiAct"', 'label = "Motion"'))
    os.utime(file, ns=(1, 1))
    look_again(catalogue, clock)
    assert catalogue.pipelines["flexiact"].label == "Motion"
    file.unlink()
    look_again(catalogue, clock)
    assert "flexiact" not in catalogue.pipelines


def test_a_file_with_a_mistake_is_told_and_takes_no_other_down(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "a-broken.toml").write_text("id = ")
    (tmp_path / "mine.toml").write_text(FLEXIACT)
    look_again(catalogue, clock)
    assert "flexiact" in catalogue.pipelines
    assert [problem.file for problem in catalogue.problems] == ["a-broken.toml"]
    assert str(tmp_path) not in catalogue.problems[0].message


def test_shots_go_on_with_what_a_definition_said_while_somebody_is_saving_it(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FLEXIACT)
    look_again(catalogue, clock)
    file.write_text(FLEXIACT[:200])
    look_again(catalogue, clock)
    assert catalogue.pipelines["flexiact"].label == "FlexiAct"
    assert [problem.file for problem in catalogue.problems] == ["mine.toml"]
    file.write_text(FLEXIACT)
    os.utime(file, ns=(1, 1))
    look_again(catalogue, clock)
    assert catalogue.problems == ()


def test_a_template_cannot_take_the_place_of_a_pipeline_of_this_version(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(FLEXIACT.replace('id = "flexiact"', 'id = "previz-image"'))
    look_again(catalogue, clock)
    assert catalogue.pipelines["previz-image"].is_local
    assert "previz-image or its uuid is taken" in catalogue.problems[0].message


@pytest.mark.parametrize("entry", ["pipelines.runners.local:import_module", "pipelines.command:main"])
def test_a_template_runs_no_code_inside_the_farm_worker_but_workprint_s_own_steps(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path, entry: str
) -> None:
    head = FLEXIACT.partition("[tiers.")[0]
    tier = "[tiers.low]\nrunner = 'local'\nentry = '{}'\nvram_gb = 0\nlong_edge_px = 64\nseconds_prior = 1\n"
    (tmp_path / "mine.toml").write_text(head + tier.format(entry))
    look_again(catalogue, clock)
    assert "flexiact" not in catalogue.pipelines
    assert "code of yours goes into a container" in catalogue.problems[0].message
    (tmp_path / "mine.toml").write_text(head + tier.format("pipelines.previz.render:render"))
    look_again(catalogue, clock)
    assert catalogue.problems == ()


def test_a_graph_beside_its_definition_becomes_part_of_it(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "my-graph.json").write_text(json.dumps(GRAPH))
    (tmp_path / "mine.toml").write_text(WITH_GRAPH)
    look_again(catalogue, clock)
    assert catalogue.problems == ()
    assert catalogue.pipelines["flexiact"].tier("low").options["graph"] == GRAPH


@pytest.mark.parametrize(
    ("graph", "told"),
    [
        (None, "there is no graph my-graph.json beside this file"),
        ({"2": GRAPH["1"]}, "tiers.low: bind: the graph has no node '1'"),
        ([], "no graph in ComfyUI's API format"),
    ],
)
def test_a_graph_that_cannot_be_used_is_told(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path, graph: Any, told: str
) -> None:
    if graph is not None:
        (tmp_path / "my-graph.json").write_text(json.dumps(graph))
    (tmp_path / "mine.toml").write_text(WITH_GRAPH)
    look_again(catalogue, clock)
    assert any(told in problem.message for problem in catalogue.problems)


def test_a_definition_may_be_written_as_json(catalogue: registry.Catalogue, clock: Clock, tmp_path: Path) -> None:
    definition: dict[str, Any] = {
        "id": "a-model",
        "version": "1",
        "uuid": "11111111-2222-4333-8444-555555555555",
        "label": "A model",
        "summary": "x",
        "output": "Audio",
        "price_usd": 0,
        "licence": "MIT",
        "source": "x",
        "tiers": {
            "low": {
                "runner": "local",
                "entry": "pipelines.speech:render",
                "vram_gb": 0,
                "long_edge_px": 2,
                "seconds_prior": 1,
            },
        },
    }
    (tmp_path / "a-model.json").write_text(json.dumps(definition))
    look_again(catalogue, clock)
    assert catalogue.pipelines["a-model"].output == "Audio"


def test_a_pipeline_is_found_by_name_by_tag_and_by_uuid() -> None:
    catalog = registry.read_catalog(CASES)
    for wanted in ("flexiact", "flexiact:1.0", "flexiact:latest", "0e5e6d53-5d39-4b0e-8a5f-1f2f4f6c0a02"):
        assert registry.find(catalog, wanted).id == "flexiact"
    with pytest.raises(UnknownPipeline, match=r"here in version 1\.0, not 2\.0"):
        registry.find(catalog, "flexiact:2.0")


def test_a_tag_that_stands_for_a_tier_narrows_the_pipeline_to_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(f'tags = {{ "1.0-cinematic" = "high" }}\n{FLEXIACT}')
    found = registry.find(registry.read_catalog(tmp_path), "flexiact:1.0-cinematic")
    assert set(found.tiers) == {"high"}
    with pytest.raises(PipelineError, match="no tier low"):
        found.tier("low")


def test_a_container_s_option_that_cannot_mean_anything_is_told_with_the_definition(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path
) -> None:
    tier = 'runner = "docker"\nentry = "me/tool:1"\nvram_gb = 0\nlong_edge_px = 64\nseconds_prior = 1\n'
    wrong = FLEXIACT.partition("[tiers.")[0] + f"[tiers.low]\n{tier}options = {{ memory_gb = -1 }}\n"
    (tmp_path / "mine.toml").write_text(wrong)
    look_again(catalogue, clock)
    (problem,) = catalogue.problems
    assert problem.message == "mine.toml: tiers.low: options.memory_gb: must be more than 0"


def test_while_one_definition_is_read_again_the_others_are_there(
    catalogue: registry.Catalogue, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text(FLEXIACT)
    look_again(catalogue, clock)
    seen: list[bool] = []
    read = registry.read_definition

    def watch(path: Path) -> registry.Pipeline:
        seen.append("flexiact" in catalogue.pipelines)
        return read(path)

    monkeypatch.setattr(registry, "read_definition", watch)
    (tmp_path / "mine.toml").write_text(FLEXIACT + "\n")
    look_again(catalogue, clock)
    assert seen == [True]
