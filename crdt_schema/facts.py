"""The facts of a take that name files beside it: a list of cuts, the faces that were found."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from crdt_schema.ids import BlobHash, is_blob_hash

MOST_FURTHER = 24
"""Files that a take can have beside it."""
_ALSO = "also:"
_NAME = re.compile(r"(?=.{3,80}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
"""With a suffix of its own: `json` alone would be the provenance of the take."""


@dataclass(frozen=True)
class Further:
    """A file that came with a take; the project has it under its hash."""

    name: str
    blob: BlobHash
    media_type: str


def fact_of(name: str, blob: str, media_type: str) -> tuple[str, str]:
    """How a take names such a file: `also:cuts.edl` -> its SHA-256 and its kind."""
    return f"{_ALSO}{name}", f"{blob} {media_type}"


def further_files(facts: object) -> Iterator[Further]:
    """The files that a take's facts name, at most 24; what is written otherwise names none."""
    if not isinstance(facts, Mapping):
        return
    facts = cast("Mapping[str, object]", facts)
    named = [key for key in sorted(facts) if key.startswith(_ALSO)]
    for key in named[:MOST_FURTHER]:
        name, (blob, _, media_type) = key.removeprefix(_ALSO), str(facts[key]).partition(" ")
        if _NAME.fullmatch(name) and is_blob_hash(blob):
            yield Further(name, BlobHash(blob), media_type)
