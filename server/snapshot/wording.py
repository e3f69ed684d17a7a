"""How things are called and values shown in a commit message: one bounded line each, whatever a client wrote; pure."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

Record = Mapping[str, Any]
"""JSON of an older commit: it may have any shape, so every read of it has a default."""

TITLE_LENGTH = 40
NUMBER_LENGTH = 12
UNSET: tuple[object, ...] = (None, "")


def one_line(text: object, longest: int = 80) -> str:
    """Text from a document as it may stand in a subject: one line without control characters, and no trailers."""
    words = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"


def label(node: Record) -> str:
    """How people call a node: `Shot 1.1.2 The wait`, `Style Neo-noir`."""
    kind = one_line(node.get("type", "node"), TITLE_LENGTH).capitalize()
    title = one_line(node.get("title", ""), TITLE_LENGTH)
    if node.get("type") == "shot":
        kind += f" {place(node)}"
    return kind if not title or title == kind.split(" ", maxsplit=1)[0] else f"{kind} {title}"


def place(node: Record) -> str:
    """`1.2.3`: chapter, scene and shot."""
    return ".".join(one_line(node.get(level, "?"), NUMBER_LENGTH) for level in ("chapter", "scene", "shot"))


def values_changed(before: Record, after: Record, words: Mapping[str, str] | None = None) -> Iterator[str]:
    """`lens 35 mm -> 50 mm` for every key that differs."""
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        name, unit = (words or {}).get(key, one_line(key, TITLE_LENGTH).replace("_", " ")), ""
        if name.endswith(" mm"):
            name, unit = name.removesuffix(" mm"), " mm"
        if old in UNSET:
            yield f"{name} set to {shown(new)}{unit}"
        elif new in UNSET:
            yield f"{name} cleared"
        else:
            yield f"{name} {shown(old)}{unit} -> {shown(new)}{unit}"


def shown(value: object) -> str:
    """A value from a document, in one short line."""
    if isinstance(value, list):
        return "x".join(one_line(item, TITLE_LENGTH) for item in cast("list[object]", value))
    return one_line(value, TITLE_LENGTH)


def counted(number: int, noun: str) -> str:
    """`1 take`, `2 takes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: list[str]) -> str:
    """`one, two and three`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def record_of(value: object) -> Record:
    """The record that a value is; an empty one when it is none."""
    return cast("Record", value) if isinstance(value, Mapping) else {}


def records_of(value: object) -> dict[str, Record]:
    """The records that a value holds by their keys."""
    return {key: record_of(item) for key, item in record_of(value).items()}
