"""Forks in copies and imports: they begin anew beside the new canvas, so that they can be merged there too; pure."""

from collections.abc import Mapping
from typing import cast

from crdt_schema.records import Fork
from server.history.rewind import Target, rewind

Documents = dict[str, dict[str, object]]
LEFT_OUT = "The fork {name} was left out: what was tried in it did not come along, or cannot be merged any more."


def is_fork(name: str) -> bool:
    """Whether a document of that name is a fork of the canvas."""
    return name.startswith("fork/")


def agreed(documents: Documents) -> tuple[Documents, list[str]]:
    """The documents with those forks only that are open and that there is something of; what was left out, in words."""
    production = documents.get("production", {})
    listed = cast("Mapping[str, Fork]", production.get("forks", {}))
    open_forks = {name: fork for name, fork in listed.items() if not fork["deleted"]}
    kept = {name: fork for name, fork in open_forks.items() if f"fork/{name}" in documents}
    found = {
        name: value for name, value in documents.items() if not is_fork(name) or name.removeprefix("fork/") in kept
    }
    if "forks" in production:
        found["production"] = {**production, "forks": kept}
    return found, [LEFT_OUT.format(name=name) for name in open_forks if name not in kept]


def branched(canvas: bytes, value: Mapping[str, object], takes: Mapping[str, object]) -> list[bytes]:
    """What a fork holds more than a canvas with that state, as updates; the two begin together. It blocks."""
    made = cast("Mapping[str, object]", takes.get("takes", {}))
    return rewind(canvas, Target("canvas"), value, made).updates
