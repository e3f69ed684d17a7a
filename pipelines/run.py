"""Runs one pipeline: finds it, finds the runner of its tier, and hands the recipe over."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import cast

import structlog

from crdt_schema.facts import MOST_FURTHER, fact_of
from crdt_schema.records import Tier
from pipelines import media, registry, requirements, safety, safety_limits
from pipelines.spec import Output, Pipeline, PipelineError, Recipe, Result, RunContext, Runner, RunnerName, TierSpec

log = structlog.get_logger("workprint.pipelines")

_RUNNERS: dict[RunnerName, str] = {
    "local": "pipelines.runners.local",
    "docker": "pipelines.runners.docker",
    "comfyui": "pipelines.runners.comfyui",
    "provider": "pipelines.runners.provider",
}
"""Loaded when first used, so that a node needs only what its own runners need."""


def runner(name: RunnerName) -> Runner:
    """The runner of that name; raises PipelineError when this version has none."""
    if name not in _RUNNERS:
        raise PipelineError(f"This farm node has no runner called {name}")
    return cast("Runner", import_module(_RUNNERS[name]))


def ready(pipeline: Pipeline, tier: Tier) -> str:
    """Empty when this node can run the tier of a pipeline now, else what is missing here."""
    if pipeline.unavailable:
        return f"It {pipeline.unavailable}."
    if missing := requirements.lacking(pipeline.requires):
        return missing
    if pipeline.sfw_gate and (missing := safety.lacking()):
        return missing
    try:
        return runner(pipeline.runner(tier)).ready(pipeline, pipeline.tier(tier))
    except PipelineError as error:
        return f"{error}."
    except Exception:
        # One service that answers nonsense must not keep a node from everything else that it can run.
        log.exception("a runner could not tell what it lacks", pipeline=pipeline.id, tier=tier)
        return "What it needs here could not be asked; the log of the farm node has the details."


def run(pipeline_id: str, tier: Tier, recipe: Recipe, context: RunContext) -> Result:
    """Run the pipeline and return what it made, all in `context.scratch`.

    Raises UnknownPipeline, BadParameter, Cancelled, and PipelineError for everything else an artist should read.
    """
    return run_pipeline(registry.get(pipeline_id), tier, recipe, context)


def run_pipeline(pipeline: Pipeline, tier: Tier, recipe: Recipe, context: RunContext) -> Result:
    """Run a pipeline that need not be in the catalogue; raises as `run`."""
    spec = pipeline.tier(tier)
    lacking = ready(pipeline, tier)
    if lacking:
        raise PipelineError(f"{pipeline.label} cannot run on this node. {lacking}")
    parameters = registry.check(pipeline, recipe.get("parameters", {}))
    given = {**recipe, "parameters": parameters}
    if not pipeline.sfw_gate:
        result = _as_it_is(runner(spec.runner).run(pipeline, spec, given, context), spec, context)
        return replace(result, facts={**versions(), **further(result.outputs), **result.facts})
    limits = safety_limits.limits_of(spec.options)
    safety.check_pictures((path for paths in context.inputs.values() for path in paths), context, limits)
    ran = runner(spec.runner).run(pipeline, spec, given, cast("RunContext", safety.Unseen(context)))
    result = _as_it_is(ran, spec, context)
    seen = safety.check_pictures((output.path for output in result.outputs), context, limits)
    return replace(result, facts={**versions(), **further(result.outputs), **result.facts, **seen})


def _as_it_is(result: Result, spec: TierSpec, context: RunContext) -> Result:
    """The result with what its films and sounds really are; our own steps know what they have made."""
    if spec.runner == "local":
        return result
    return replace(result, outputs=tuple(media.as_it_is(output, context.check) for output in result.outputs))


@cache
def versions() -> Mapping[str, str]:
    """Of what every result on this node depends on (I-020); a pipeline adds its own."""
    return {
        "workprint": version("workprint"),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "pillow": version("pillow"),
        "machine": platform.machine(),
    }


def further(outputs: Sequence[Output]) -> Mapping[str, str]:
    """A fact for each file beside the take: `also:cuts.edl` -> its SHA-256, by which the hub keeps it, and its kind."""
    facts: dict[str, str] = {}
    for output in outputs[1 : MOST_FURTHER + 1]:
        with output.path.open("rb") as file:
            blob = hashlib.file_digest(file, "sha256").hexdigest()
        name, fact = fact_of(output.path.name, blob, output.media_type)
        facts[name] = fact
    return facts
