"""What one field of a record may hold: small predicates with the words that say what they ask for; pure."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from crdt_schema.ids import ID_PATTERN

Kind = Literal["map", "plain", "text", "other"]
"""How a value stands in a document: Y.Map, plain JSON, Y.Text, or any other shared type."""

HIGHEST_NUMBER = 9999
"""Of chapters, scenes and shots."""
HIGHEST_SEED = 2**31 - 1
"""What every image model takes."""
FARTHEST = 1e7
"""Canvas units from the middle, either way."""
LONGEST_TITLE = 200
LONGEST_TEXT = 100_000
LONGEST_VALUE = 2_000
MOST_COLOURS = 64
MOST_KEYS = 256
"""Of a map inside a record."""
LONGEST_EXTRA = 1_000
LONGEST_DRAWING = 200_000
"""Characters of JSON."""
HIGHEST_FRAME = 10**7
_ID = re.compile(ID_PATTERN)
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_PIPELINE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_TIME = re.compile(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))?")


@dataclass(frozen=True)
class Shape:
    """What a field may hold."""

    held: tuple[Kind, ...]
    fits: Callable[[object], bool]
    must: str
    """What it must be, in words that end a sentence: "a whole number from 1 to 9999"."""


def json_size(value: object) -> float:
    """Characters of a value as JSON; infinite when it is none."""
    try:
        return len(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError):
        return math.inf


def number(low: float, high: float) -> Shape:
    """A number in a range, ends included."""
    return Shape(("plain",), lambda value: _in_range(value, low, high), f"a number from {low:,} to {high:,}")


def whole(low: int, high: int) -> Shape:
    """A whole number; JavaScript has only floats, so 3.0 is one."""
    return Shape(
        ("plain",),
        lambda value: _in_range(value, low, high) and float(cast("float", value)).is_integer(),
        f"a whole number from {low:,} to {high:,}",
    )


def line(longest: int = LONGEST_TITLE) -> Shape:
    """A plain string."""
    return Shape(("plain",), lambda value: _is_text(value, longest), f"text of at most {longest:,} characters")


def one_of(words: Iterable[object]) -> Shape:
    """One of a few words or numbers."""
    allowed = tuple(words)
    return Shape(
        ("plain",),
        lambda value: not isinstance(value, bool) and any(value == word for word in allowed),
        f"one of {', '.join(map(str, allowed))}",
    )


def map_of(names: Callable[[str], bool], values: Callable[[object], bool], must: str) -> Shape:
    """A Y.Map, or a plain dict where a client keeps the whole record as one."""

    def fits(value: object) -> bool:
        if not isinstance(value, Mapping):
            return False
        found = cast("Mapping[object, object]", value)
        return len(found) <= MOST_KEYS and all(
            isinstance(key, str) and names(key) and values(each) for key, each in found.items()
        )

    return Shape(("map", "plain"), fits, must)


def list_of(values: Callable[[object], bool], most: int, must: str) -> Shape:
    """A plain list."""

    def fits(value: object) -> bool:
        if not isinstance(value, list):
            return False
        found = cast("list[object]", value)
        return len(found) <= most and all(map(values, found))

    return Shape(("plain",), fits, must)


def extra_fits(name: str, value: object) -> bool:
    """Whether a field that no table names may stand, as far as its name and size go."""
    return is_name(name) and json_size(value) <= LONGEST_EXTRA


def is_name(value: object) -> bool:
    """Whether `value` is written in the alphabet of ids."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def is_scalar(value: object) -> bool:
    """Whether `value` is a string, a finite number or yes or no."""
    if isinstance(value, str):
        return len(value) <= LONGEST_VALUE
    return isinstance(value, bool) or _in_range(value, -math.inf, math.inf)


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest


def _in_range(value: object, low: float, high: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value <= high and (isinstance(value, int) or math.isfinite(value))


def _is_position(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    place = cast("Mapping[object, object]", value)
    return set(place) == {"x", "y"} and all(_in_range(each, -FARTHEST, FARTHEST) for each in place.values())


POSITION = Shape(("plain",), _is_position, f"a place whose x and y are at most {FARTHEST:,.0f} from the middle")
TEXT = Shape(
    ("text", "plain"), lambda value: _is_text(value, LONGEST_TEXT), f"text of at most {LONGEST_TEXT:,} characters"
)
FLAG = Shape(("plain",), lambda value: isinstance(value, bool), "yes or no")
ID = Shape(("plain",), is_name, "an id")
ID_OR_NONE = Shape(("plain",), lambda value: value == "" or is_name(value), "an id, or empty")
PIPELINE = Shape(
    ("plain",),
    lambda value: value == "" or (isinstance(value, str) and _PIPELINE.fullmatch(value) is not None),
    "the id of a pipeline",
)
TIME = Shape(("plain",), lambda value: isinstance(value, str) and _TIME.fullmatch(value) is not None, "a time in UTC")
PALETTE = list_of(
    lambda value: isinstance(value, str) and _COLOUR.fullmatch(value) is not None,
    MOST_COLOURS,
    f"at most {MOST_COLOURS} colours such as #1a2b3c",
)
TAGS = list_of(lambda value: _is_text(value, LONGEST_TITLE), MOST_KEYS, f"at most {MOST_KEYS} short words")
PARAMETERS = map_of(
    is_name,
    is_scalar,
    f"at most {MOST_KEYS} names, each with a number, yes or no, or text of up to {LONGEST_VALUE:,}",
)
STARS = map_of(is_name, lambda value: isinstance(value, bool), "takes, each with yes or no")
DRAWING = Shape(
    ("plain",),
    lambda value: isinstance(value, dict) and json_size(cast("object", value)) <= LONGEST_DRAWING,
    f"one plain value of at most {LONGEST_DRAWING:,} characters of JSON",
)
