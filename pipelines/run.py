"""Runs one pipeline: finds it, finds the runner of its tier, and hands the recipe over."""

from crdt_schema.records import Tier
from pipelines import registry
from pipelines.runners import local
from pipelines.spec import Output, PipelineError, Recipe, RunContext

_MISSING_RUNNERS = {
    "docker": "the Docker runner",
    "comfyui": "a ComfyUI server",
    "provider": "an account with the provider",
}


def run(pipeline_id: str, tier: Tier, recipe: Recipe, context: RunContext) -> list[Output]:
    """Run the pipeline and return the files it made, all in `context.scratch`.

    Raises UnknownPipeline, BadParameter, Cancelled, and PipelineError for everything else an artist should read.
    """
    pipeline = registry.get(pipeline_id)
    spec = pipeline.tier(tier)
    if spec.runner != "local":
        missing = _MISSING_RUNNERS[spec.runner]
        raise PipelineError(
            f"{pipeline.label} cannot run on this node: {missing} is missing. It needs {pipeline.needs}."
        )
    parameters = registry.check(pipeline, recipe.get("parameters", {}))
    return local.run(spec, {**recipe, "parameters": parameters}, context)
