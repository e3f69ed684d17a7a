"""Runs a Python function of our own in this process."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from pipelines.spec import Output, PipelineError, Recipe, RunContext, TierSpec

Entry = Callable[[Recipe, dict[str, Any], RunContext], list[Output]]


def run(spec: TierSpec, recipe: Recipe, context: RunContext) -> list[Output]:
    """Call the tier's entry, "module:function" inside this package, with (recipe, the tier's options, context)."""
    module_name, _, function_name = spec.entry.partition(":")
    if not module_name.startswith("pipelines."):
        raise PipelineError(f"{spec.entry} is not one of Workprint's own steps")
    entry = cast("Entry", getattr(import_module(module_name), function_name))
    outputs = entry(recipe, spec.options, context)
    for output in outputs:
        if not output.path.is_relative_to(context.scratch) or not output.path.is_file():
            raise PipelineError(f"{spec.entry} reported a file that is not in the scratch folder of the attempt")
    return outputs
