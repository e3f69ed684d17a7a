"""The launch suite: every row of P-011 to P-051 is there, says what is true of it, and pretends nothing."""

from typing import Any, cast, get_args

import pytest

from crdt_schema.records import Tier
from pipelines import docker_options, registry, run
from pipelines.spec import PipelineError
from render_farm.job import queue_for

TIERS: tuple[Tier, ...] = get_args(Tier)
ROWS = {
    "P-011": ("t2v-wan2.1",),
    "P-012": ("i2v-ltx",),
    "P-013": ("a2v-fantasy-talking",),
    "P-014": ("motion-flexiact",),
    "P-015": ("ip-dreamo",),
    "P-016": ("faceswap-reactor",),
    "P-017": ("tts-f5",),
    "P-018": ("edit-omnigen2",),
    "P-019": ("t2i-sd1.5", "t2i-flux-schnell", "t2i-flux-dev-fp16"),
    "P-020": ("t2v-wan2.1-1.3b", "t2v-ltx-13b"),
    "P-021": ("auteur-flux:1.0-draft", "auteur-flux:1.0-standard", "auteur-flux:1.0-cinematic"),
    "P-022": ("layerflow",),
    "P-023": ("thera",),
    "P-024": ("seedvr2",),
    "P-025": ("motion-control-map",),
    "P-026": ("style-lut-generator:latest",),
    "P-027": ("style-transfer:latest",),
    "P-028": ("style-temporal:latest",),
    "P-029": ("style-fusion:latest",),
    "P-030": ("style-flux-kontext",),
    "P-031": ("fal-flux-dev",),
    "P-032": ("fal-qwen-image-edit-2511",),
    "P-033": ("fal-flux-kontext-dev",),
    "P-034": ("fal-ideogram-v2",),
    "P-035": ("google-imagen-4",),
    "P-036": ("runpod-stable-video-infinity",),
    "P-037": ("3d-re-gen",),
    "P-038": ("mvinverse",),
    "P-039": ("flashportrait",),
    "P-040": ("cari4d",),
    "P-041": ("cadrage-optics",),
    "P-042": ("genfocus",),
    "P-043": ("temporal-coherence",),
    "P-044": ("diffcamera",),
    "P-045": ("infcam",),
    "P-046": ("llm-outline",),
    "P-047": ("llm-breakdown",),
    "P-048": ("embeddings-openai",),
    "P-049": ("vision-describe",),
    "P-050": ("export-ffmpeg", "publish-youtube"),
    "P-051": ("flux-pro-redux", "midjourney", "dall-e-3", "runway", "kling-2.1"),
}

SOCKETS: dict[str, tuple[dict[str, tuple[str, ...]], str]] = {
    "t2v-wan2.1": ({"prompt": ("String",)}, "Video"),
    "i2v-ltx": ({"source": ("Image",), "prompt": ("String",)}, "Video"),
    "a2v-fantasy-talking": ({"source": ("Image",), "audio": ("Audio",), "prompt": ("String",)}, "Video"),
    "motion-flexiact": ({"target": ("Image",), "motion": ("Video", "ControlMap"), "prompt": ("String",)}, "Video"),
    "ip-dreamo": ({"prompt": ("String",), "reference": ("Image",)}, "Image"),
    "faceswap-reactor": ({"target": ("Image",), "source": ("Image",)}, "Image"),
    "tts-f5": ({"prompt": ("String",), "reference": ("Audio",)}, "Audio"),
    "edit-omnigen2": ({"source": ("Image",), "prompt": ("String",)}, "Image"),
    "thera": ({"source": ("Image", "Video")}, "Image"),
    "seedvr2": ({"source": ("Video",)}, "Video"),
    "motion-control-map": ({"source": ("Video",)}, "ControlMap"),
}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_launch_suite_is_in_the_catalogue(row: str) -> None:
    for name in ROWS[row]:
        assert registry.get(name).label


@pytest.mark.parametrize("name", SOCKETS)
def test_the_suite_has_the_sockets_of_the_specification(name: str) -> None:
    inputs, output = SOCKETS[name]
    pipeline = registry.get(name)
    assert {socket.name: socket.types for socket in pipeline.inputs} == inputs
    assert pipeline.output == output


def test_a_gate_stands_before_the_face_swap() -> None:
    assert registry.get("faceswap-reactor").sfw_gate


def test_whatever_makes_what_a_take_cannot_hold_says_that_nobody_can_run_it() -> None:
    for pipeline in registry.load_catalog().values():
        if pipeline.output not in ("Image", "Video", "Audio"):
            assert pipeline.unavailable, pipeline.id


def test_what_cannot_run_has_no_tiers_that_would_look_as_if_it_could() -> None:
    for pipeline in registry.load_catalog().values():
        assert bool(pipeline.unavailable) != bool(pipeline.tiers), pipeline.id
        if pipeline.unavailable:
            assert run.ready(pipeline, "low") == f"It {pipeline.unavailable}."


def test_a_node_without_anything_runs_nothing_that_needs_something(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKPRINT_COMFYUI_URL", "WORKPRINT_MODELS", "FAL_KEY", "REPLICATE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/docker.sock")
    for pipeline in registry.load_catalog().values():
        for tier, spec in pipeline.tiers.items():
            if spec.runner != "local":
                assert run.ready(pipeline, tier), (pipeline.id, tier)


def test_nothing_asks_for_less_memory_than_the_lowest_tier_has() -> None:
    least = {"low": 12, "standard": 16, "high": 24}
    for pipeline in registry.load_catalog().values():
        for tier, spec in pipeline.tiers.items():
            assert spec.vram_gb == 0 or spec.vram_gb >= least[tier], (pipeline.id, tier)


def test_the_options_of_every_container_can_be_read() -> None:
    for pipeline in registry.load_catalog().values():
        for spec in pipeline.tiers.values():
            if spec.runner == "docker":
                assert docker_options.read_options(spec, {}).memory_gb > 0


def test_providers_need_a_key_and_no_gpu() -> None:
    for pipeline in registry.load_catalog().values():
        for tier, spec in pipeline.tiers.items():
            if spec.runner == "provider":
                assert any(each.startswith("env:") for each in pipeline.requires), pipeline.id
                assert queue_for(pipeline.task, tier, spec.vram_gb) == "cpu"


def test_models_with_weights_of_their_own_say_where_they_are_and_on_what_terms() -> None:
    for pipeline in registry.load_catalog().values():
        if any(spec.vram_gb for spec in pipeline.tiers.values()):
            assert pipeline.weights, pipeline.id
            assert all(each.licence for each in pipeline.weights)


@pytest.mark.parametrize("tier", TIERS)
def test_every_tier_stands_for_a_pipeline_that_has_it(tier: Tier) -> None:
    for task in ("generate-image", "generate-video", "style-transfer", "style-anything", "no-table-of-its-own"):
        pipeline = registry.for_task(task, tier)
        row = registry.mapping_for(task, tier)
        spec = pipeline.tier(tier)
        assert spec.vram_gb == row["target_vram"]
        assert spec.long_edge_px <= int(row.get("max_long_edge_px", 4096))


def test_tasks_without_a_table_go_to_auteur_flux() -> None:
    assert [registry.for_task("anything", tier).id for tier in TIERS] == ["auteur-flux"] * 3
    assert set(registry.get("auteur-flux:1.0-cinematic").tiers) == {"high"}


def test_the_optimizations_of_the_table_enter_the_tier_as_options() -> None:
    for tier in TIERS:
        asked = cast("list[str]", registry.mapping_for("anything", tier)["optimizations"])
        assert set(asked) <= set(cast("list[str]", registry.get("auteur-flux").tier(tier).options["optimizations"]))


@pytest.mark.parametrize(
    ("tier", "edge", "loras", "flags", "checkpoint"),
    [
        ("low", 768, 1, ["--lowvram"], "flux1-schnell"),
        ("standard", 1024, 4, ["--normalvram"], "flux1-dev"),
        ("high", 2048, 8, ["--highvram"], "flux1-dev"),
    ],
)
def test_style_jobs_keep_to_the_limits_of_their_tier(
    tier: Tier, edge: int, loras: int, flags: list[str], checkpoint: str
) -> None:
    row: dict[str, Any] = registry.mapping_for("style-transfer", tier)
    spec = registry.for_task("style-transfer", tier).tier(tier)
    assert (row["max_long_edge_px"], row["max_loras"], row["comfyui_flags"]) == (edge, loras, flags)
    assert (spec.long_edge_px, spec.options["max_loras"], spec.options["comfyui_flags"]) == (edge, loras, flags)
    assert str(spec.options["checkpoint"]).startswith(checkpoint)
    assert queue_for("style-transfer", tier, spec.vram_gb) == f"style_{tier}"


def test_several_styles_are_blended_from_the_tier_standard_on() -> None:
    fusion = registry.get("style-fusion")
    assert set(fusion.tiers) == {"standard", "high"}
    with pytest.raises(PipelineError, match="no tier low"):
        fusion.tier("low")


def test_a_price_that_a_provider_bills_says_whether_it_was_checked() -> None:
    for path in registry.CATALOG.glob("*.toml"):
        if 'runner = "provider"' in path.read_text():
            assert "\nchecked = " in path.read_text(), path.name
