"""Reads what a client wrote as JSON values, whatever it wrote; pure."""

import math
from collections.abc import Mapping
from typing import Any, cast

from pycrdt import Map, Text, XmlText

DEEPEST = 64
"""Levels of a value that are read; a record of ours has five. Python gives up at about a thousand."""


def normal(value: object, levels: int = DEEPEST) -> object:
    """The JSON value of a shared type or a plain one, each with one spelling: 3.0 and 3 must be the same bytes.

    A client may write what JSON has no word for, such as NaN, bytes, a piece of XML or a list in a list in a list
    without end: that becomes null rather than an error, because one such value must not hide all the others.
    So does a shared list, which no record has: pycrdt 0.14 reads one that holds a piece of text with an emoji for ever.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Text | XmlText):
        return str(value)
    return _container(value, levels) if levels else None


def _container(value: object, levels: int) -> object:
    if isinstance(value, Map):
        shared = cast("Map[Any]", value)
        items = [(key, _value(shared, key)) for key in shared.keys()]  # noqa: SIM118 - iterating a Map reads its values
    elif isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
    elif isinstance(value, list | tuple):
        return [normal(item, levels - 1) for item in cast("list[object]", value)]
    else:
        return None
    return {str(key): normal(item, levels - 1) for key, item in items}


def _value(shared: "Map[Any]", key: str) -> object:
    try:
        # Faster than `get`, which looks twice whether the key is there.
        return shared[key]
    except KeyError:
        # A key may hold what pycrdt lists and cannot give.
        return None


def _number(value: float) -> int | float | None:
    rounded = round(value, 6)
    if not math.isfinite(rounded):
        return None
    return int(rounded) if rounded.is_integer() else rounded
