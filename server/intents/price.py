"""What a take costs by the catalogue: per image, per second of the result, or per job; pure."""

from collections.abc import Mapping
from typing import Any, cast

from pipelines.spec import Pipeline

SECONDS = ("seconds", "duration_seconds", "duration")
"""Parameters that say how long a result is to be."""


def price_of(pipeline: Pipeline, recipe: Mapping[str, Any]) -> float:
    """The price in USD of one take by that recipe."""
    if pipeline.price_unit != "second":
        return pipeline.price_usd
    return round(pipeline.price_usd * _result_seconds(cast("Mapping[str, object]", recipe.get("parameters", {}))), 6)


def _result_seconds(parameters: Mapping[str, object]) -> float:
    for name in SECONDS:
        value = parameters.get(name)
        if isinstance(value, int | float):
            return float(value)
    frames, rate = parameters.get("frames"), parameters.get("fps", 24)
    if isinstance(frames, int | float) and isinstance(rate, int | float) and rate > 0:
        return frames / rate
    return 1.0
