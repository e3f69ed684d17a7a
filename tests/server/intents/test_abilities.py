"""Which node can run what, when a project falls back to a lower tier, and the words for it."""

from dataclasses import replace

import pytest

from pipelines.registry import load_catalog, quality_mappings
from pipelines.spec import Pipeline, TierSpec
from render_farm.job import FarmNode
from render_farm.overview import UNREACHABLE, Overview
from server.intents.abilities import Choice, able, choose, missing, waits_for
from tests.support.farm_seen import farm_of, node
from tests.support.farm_worker import TEST_STILL

MODEL = replace(
    TEST_STILL,
    id="model",
    label="The model",
    needs="a GPU with Docker",
    tiers={
        "low": TierSpec("docker", "model", 12, 512, 5),
        "standard": TierSpec("docker", "model", 16, 1024, 20),
        "high": TierSpec("docker", "model", 24, 2048, 60),
    },
)
CATALOGUE = {"model": MODEL}
CAN = tuple(f"model@{tier}" for tier in MODEL.tiers)


def card(name: str, vram_gb: float, job: str = "", **fields: object) -> FarmNode:
    return node(name, vram_gb=vram_gb, can=CAN, job=job, **fields)


def chosen(farm: Overview, when_busy: str, wanted: Pipeline = MODEL, **catalogue: Pipeline) -> Choice:
    assert when_busy in ("queue", "fallback")
    mappings = quality_mappings()
    return choose(farm, {**CATALOGUE, **catalogue}, mappings, Choice(wanted, "high"), when_busy)


def test_a_node_can_run_what_it_says_it_can_on_the_memory_it_has() -> None:
    farm = farm_of(card("small", 12), card("big", 24), node("other", vram_gb=80, lacks={"model@low": "no Docker"}))
    assert [each.name for each in able(farm, MODEL, "low")] == ["small", "big"]
    assert [each.name for each in able(farm, MODEL, "high")] == ["big"]
    assert able(farm_of(card("big", 24, state="draining")), MODEL, "high") == []


def test_a_node_that_has_not_said_yet_can_run_what_comes_with_workprint_and_no_model() -> None:
    silent = farm_of(node("new", vram_gb=24))
    assert able(silent, MODEL, "low") == []
    assert able(silent, TEST_STILL, "low") == list(silent.nodes)
    assert able(farm_of(node("bare", lacks={"test-still@low": "no Pillow"})), TEST_STILL, "low") == []


def test_the_tier_asked_for_runs_where_a_node_is_free_for_it() -> None:
    farm = farm_of(card("big", 24), card("small", 16))
    for when_busy in ("queue", "fallback"):
        assert chosen(farm, when_busy) == Choice(MODEL, "high")


def test_a_project_that_waits_gets_its_tier_however_busy_the_farm_is() -> None:
    assert chosen(farm_of(card("big", 24, "j-1"), card("small", 16)), "queue") == Choice(MODEL, "high")


@pytest.mark.parametrize("big", [(), (card("big", 24, "j-1"),), (card("big", 24, state="paused"),)])
def test_a_project_that_falls_back_is_told_so_word_for_word(big: tuple[FarmNode, ...]) -> None:
    found = chosen(farm_of(*big, card("small", 16)), "fallback")
    assert (found.pipeline.id, found.tier) == ("model", "standard")
    assert found.notice == ("High quality not available on current hardware. Fell back to standard 1024px generation.")


def test_a_lower_tier_that_is_free_goes_before_a_higher_one_that_is_busy() -> None:
    farm = farm_of(card("big", 24, "j-1"), card("middle", 16, "j-2"), card("small", 12))
    assert chosen(farm, "fallback").tier == "low"
    assert chosen(farm, "fallback").notice.endswith("Fell back to low 512px generation.")


def test_nothing_is_gained_by_a_lower_tier_that_is_as_busy() -> None:
    assert chosen(farm_of(card("big", 24, "j-1"), card("small", 16, "j-2")), "fallback").tier == "high"
    assert chosen(farm_of(card("small", 16, "j-2")), "fallback").tier == "standard"


def test_a_pipeline_of_one_tier_falls_back_to_the_one_that_stands_for_the_tier_below() -> None:
    catalogue = load_catalog()
    flux, schnell = catalogue["t2i-flux-dev-fp16"], catalogue["t2i-flux-schnell"]
    farm = farm_of(node("small", vram_gb=16, can=("t2i-flux-schnell@standard",)))
    found = chosen(farm, "fallback", flux, **{schnell.id: schnell})
    assert (found.pipeline.id, found.tier) == ("t2i-flux-schnell", "standard")
    assert found.notice == ("High quality not available on current hardware. Fell back to standard 1024px generation.")


def test_what_is_missing_is_told_with_what_the_nearest_node_lacks() -> None:
    wanted = Choice(MODEL, "high")
    assert missing(farm_of(), wanted) == "The model needs a GPU with Docker; none is connected."
    small = farm_of(card("cpu-1", 0), card("small", 12))
    assert missing(small, wanted).endswith("none is connected. small comes nearest: it has 12 GB of GPU memory.")
    bare = farm_of(card("small", 12), node("bare", vram_gb=24, lacks={"model@high": "The image is not here."}))
    assert missing(bare, wanted).endswith("bare comes nearest: The image is not here.")
    assert missing(farm_of(card("big", 24, "busy")), wanted) == ""


def test_nothing_is_missing_while_the_farm_cannot_be_seen() -> None:
    assert missing(UNREACHABLE, Choice(MODEL, "high")) == ""


def test_what_comes_with_workprint_may_wait_for_its_worker_to_start() -> None:
    wanted = Choice(TEST_STILL, "low")
    assert missing(farm_of(), wanted) == ""
    lacking = farm_of(node("bare", lacks={"test-still@low": "Install workprint[video]."}))
    assert missing(lacking, wanted).endswith("none is connected. bare comes nearest: Install workprint[video].")


def test_a_job_that_waits_says_for_what() -> None:
    wanted = Choice(MODEL, "standard")
    assert waits_for(farm_of(), wanted) == "Waiting for a 16 GB node; none is connected."
    assert waits_for(farm_of(card("small", 12)), wanted) == (
        "Waiting for a 16 GB node; none is connected. small comes nearest: it has 12 GB of GPU memory."
    )
    bare = farm_of(node("bare", vram_gb=16, lacks={"model@standard": "The image is not here."}))
    assert waits_for(bare, wanted) == (
        "Waiting for a node that can run The model, which needs a GPU with Docker; none is connected. "
        "bare comes nearest: The image is not here."
    )
    assert waits_for(farm_of(card("big", 16, "busy")), wanted) == ""
    assert waits_for(UNREACHABLE, wanted) == ""


def test_a_job_whose_nodes_are_paused_or_blocked_is_told_so() -> None:
    wanted, paused, big = Choice(MODEL, "standard"), card("big", 16, state="paused"), card("big", 24)
    assert waits_for(farm_of(paused), wanted) == (
        "Waiting for big, the only node that can run it: paused, until an admin of the workspace resumes it."
    )
    assert "one of the 2 nodes that can run it: paused" in waits_for(farm_of(paused, paused), wanted)
    assert waits_for(farm_of(paused, card("other", 16)), wanted) == ""
    blocked = farm_of(replace(big, blocked={"model": 9e9}))
    assert able(blocked, MODEL, "high") == []
    assert waits_for(blocked, wanted).startswith("Waiting for big, the only node that can run it: The model failed")


def test_a_node_that_gets_nothing_of_a_pipeline_for_a_while_is_not_taken_for_a_missing_one() -> None:
    blocked = farm_of(card("big", 24, blocked={"model": 9e9}))
    assert missing(blocked, Choice(MODEL, "high")) == ""
