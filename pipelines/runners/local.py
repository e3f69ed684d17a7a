"""Runs a Python function of our own in this process."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from pipelines.spec import Output, Pipeline, PipelineError, Recipe, Result, RunContext, TierSpec

Entry = Callable[[Recipe, dict[str, Any], RunContext], Result | Sequence[Output]]


def ready(pipeline: Pipeline, spec: TierSpec) -> str:
    """What is missing; a step names the modules it wants beyond Workprint's own as the option `requires`."""
    missing = [name for name in spec.options.get("requires", []) if find_spec(name) is None]
    return f"Install {pipeline.needs or ', '.join(missing)}." if missing else ""


def run(pipeline: Pipeline, spec: TierSpec, recipe: Recipe, context: RunContext) -> Result:
    """Call the tier's entry, "module:function" inside this package, with (recipe, the tier's options, context)."""
    lacking = ready(pipeline, spec)
    if lacking:
        raise PipelineError(f"{pipeline.label} cannot run on this node. {lacking}")
    module_name, _, function_name = spec.entry.partition(":")
    if not module_name.startswith("pipelines."):
        raise PipelineError(f"{spec.entry} is not one of Workprint's own steps")
    entry = cast("Entry", getattr(import_module(module_name), function_name))
    made = entry(recipe, spec.options, context)
    result = made if isinstance(made, Result) else Result(tuple(made))
    for output in result.outputs:
        if not output.path.is_relative_to(context.scratch) or not output.path.is_file():
            raise PipelineError(f"{spec.entry} reported a file that is not in the scratch folder of the attempt")
    return result
