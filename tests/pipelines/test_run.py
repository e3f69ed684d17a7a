"""Running a pipeline by id: what is delivered, what is said when it cannot run, and how it stops."""

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines import registry, run
from pipelines.runners import local
from pipelines.spec import BadParameter, Cancelled, Output, PipelineError, TierSpec, UnknownPipeline

Recipe = Callable[..., dict[str, Any]]


def test_previz_delivers_one_picture_in_the_scratch_folder(recipe: Recipe, context: Any) -> None:
    outputs = run.run("previz-image", "low", recipe(), context).outputs
    assert [(out.media_type, out.width, out.height) for out in outputs] == [("image/png", 240, 136)]
    assert outputs[0].path.parent == context.scratch
    assert outputs[0].path.read_bytes().startswith(b"\x89PNG")


def test_progress_rises_and_names_its_steps(recipe: Recipe, context: Any) -> None:
    run.run("previz-image", "low", recipe(), context)
    percents = [percent for percent, _ in context.steps]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    names = [step for _, step in context.steps]
    assert names.index("Reading the prompt") < names.index("Building the set") < names.index("Lighting")


@pytest.mark.parametrize("percent", [1, 10, 30, 50, 70, 90])
def test_a_cancelled_job_stops_at_its_next_step(
    recipe: Recipe, make_context: Callable[..., Any], percent: float
) -> None:
    context = make_context(percent)
    with pytest.raises(Cancelled):
        run.run("previz-image", "low", recipe(), context)
    assert context.steps[-1][0] >= percent
    assert all(passed < percent for passed, _ in context.steps[:-1])
    assert list(context.scratch.iterdir()) == []


def test_a_pipeline_that_cannot_run_here_says_what_is_missing(recipe: Recipe, context: Any) -> None:
    with pytest.raises(PipelineError, match=r"cannot run on this node\. (Docker|The image)"):
        run.run("t2i-sd1.5", "low", recipe(), context)


def test_a_runner_that_breaks_when_it_is_asked_is_one_that_lacks_something() -> None:
    spec = TierSpec("local", "pipelines.previz:render", 0, 64, 1, {"requires": ["no.such.package"]})
    broken = replace(registry.get("previz-image"), tiers={"low": spec})
    assert "could not be asked" in run.ready(broken, "low")


def test_a_tier_the_pipeline_does_not_have_is_refused(recipe: Recipe, context: Any) -> None:
    with pytest.raises(PipelineError, match="no tier high"):
        run.run("t2i-sd1.5", "high", recipe(), context)


def test_an_unknown_pipeline_is_refused(recipe: Recipe, context: Any) -> None:
    with pytest.raises(UnknownPipeline):
        run.run("no-such-thing", "low", recipe(), context)


def test_parameters_are_checked_again_on_the_node(recipe: Recipe, context: Any) -> None:
    with pytest.raises(BadParameter, match="Lens"):
        run.run("previz-image", "low", recipe(parameters={"lens_mm": 9000}), context)


def _step(function: Callable[[Any, Any, Any], list[Output]]) -> TierSpec:
    module = ModuleType("pipelines.made_for_a_test")
    module.step = function  # pyright: ignore[reportAttributeAccessIssue] - a module takes any name
    sys.modules[module.__name__] = module
    return TierSpec("local", "pipelines.made_for_a_test:step", 0, 768, 1)


def test_files_beside_the_take_are_facts_of_it(context: Any) -> None:
    def step(_recipe: Any, _options: Any, where: Any) -> list[Output]:
        (where.scratch / "made.edl").write_text("TITLE: X\n")
        return [
            Output(where.scratch / name, kind) for name, kind in (("a.png", "image/png"), ("made.edl", "text/x-edl"))
        ]

    (context.scratch / "a.png").write_bytes(b"a picture")
    pipeline = replace(registry.get("previz-image"), params=(), tiers={"low": _step(step)})
    facts = run.run_pipeline(pipeline, "low", {}, context).facts
    digest = hashlib.sha256(b"TITLE: X\n").hexdigest()
    assert {name: fact for name, fact in facts.items() if name.startswith("also:")} == {
        "also:made.edl": f"{digest} text/x-edl"
    }


def test_a_local_step_may_not_report_files_outside_its_scratch_folder(context: Any, tmp_path: Path) -> None:
    outside = tmp_path.parent / "elsewhere.png"
    outside.write_bytes(b"x")
    spec = _step(lambda _recipe, _options, _context: [Output(outside, "image/png", 1, 1)])
    with pytest.raises(PipelineError, match="scratch folder"):
        local.run(registry.get("previz-image"), spec, {}, context)


def test_a_local_step_that_reports_a_file_it_did_not_write_is_caught(context: Any) -> None:
    spec = _step(lambda _recipe, _options, where: [Output(where.scratch / "missing.png", "image/png", 1, 1)])
    with pytest.raises(PipelineError, match="scratch folder"):
        local.run(registry.get("previz-image"), spec, {}, context)


def test_a_local_entry_is_one_of_ours(context: Any) -> None:
    with pytest.raises(PipelineError, match="not one of"):
        local.run(registry.get("previz-image"), TierSpec("local", "os:system", 0, 768, 1), {}, context)
