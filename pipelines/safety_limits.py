"""What the safe-for-work check refuses, and how far a definition may change it: only towards stricter; pure."""

from collections.abc import Mapping
from typing import Any, cast

from pipelines.spec import PipelineError

UNSAFE: Mapping[str, float] = {
    "FEMALE_BREAST_EXPOSED": 0.45,
    "FEMALE_GENITALIA_EXPOSED": 0.35,
    "MALE_GENITALIA_EXPOSED": 0.35,
    "BUTTOCKS_EXPOSED": 0.45,
    "ANUS_EXPOSED": 0.35,
}
"""Part -> the least score that refuses a picture."""

PARTS = (
    *("FEMALE_GENITALIA_COVERED", "FACE_FEMALE", "BUTTOCKS_EXPOSED", "FEMALE_BREAST_EXPOSED"),
    *("FEMALE_GENITALIA_EXPOSED", "MALE_BREAST_EXPOSED", "ANUS_EXPOSED", "FEET_EXPOSED", "BELLY_COVERED"),
    *("FEET_COVERED", "ARMPITS_COVERED", "ARMPITS_EXPOSED", "FACE_MALE", "BELLY_EXPOSED"),
    *("MALE_GENITALIA_EXPOSED", "ANUS_COVERED", "FEMALE_BREAST_COVERED", "BUTTOCKS_COVERED"),
)
"""What the model's outputs stand for, in its order."""


class BadLimits(PipelineError):
    """The option `unsafe` of a tier cannot mean anything, or would let more through."""


def limits_of(options: Mapping[str, Any]) -> Mapping[str, float]:
    """Part -> the least score that refuses, with the tier's option `unsafe` over our own; raises BadLimits."""
    wanted: object = options.get("unsafe", {})
    if not isinstance(wanted, Mapping):
        raise BadLimits("options.unsafe: must be a table such as { BELLY_EXPOSED = 0.5 }")
    limits = dict(UNSAFE)
    for part, limit in cast("Mapping[str, object]", wanted).items():
        if part not in PARTS:
            raise BadLimits(f"options.unsafe: {part!r} is no part that the check knows; it knows {', '.join(PARTS)}")
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit <= 1:
            raise BadLimits(f"options.unsafe: {part} must be a score of more than 0, up to 1")
        if limit > limits.get(part, 1.0):
            raise BadLimits(
                f"options.unsafe: {part} = {limit:g} would let more through than the check does by itself "
                f"({limits[part]:g}); a tier can only be stricter"
            )
        limits[part] = float(limit)
    return limits
