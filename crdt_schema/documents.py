"""Which documents a project has, who writes them, and the schema label and epoch each one carries."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pycrdt import Doc, Map

from crdt_schema.ids import ID_PATTERN, new_id
from crdt_schema.records import Role


class UnknownDocument(ValueError):
    """A project has no document of that name."""


class NewerSchema(Exception):
    """A document was written by a newer Workprint than this one."""


@dataclass(frozen=True)
class DocumentKind:
    """One class of documents: the shape it has and the least role that may write to it."""

    name: str
    schema: str
    written_by: Role | None
    """The least role that may write anything in it at all; None: only the server writes."""
    roots: Mapping[str, Role | None] = field(default_factory=dict[str, "Role | None"], hash=False)
    """Every shared type at the top, and the least role that may write in it; None: only the server."""
    named: bool = False
    """Whether its documents have a name of their own, as `script/treatment` has."""
    shows_saved: bool = False
    """Whether clients are shown only what is on disk, because the server acts on what stands here."""


KINDS: dict[str, DocumentKind] = {
    "canvas": DocumentKind("canvas", "canvas.1", "editor", {"nodes": "editor", "edges": "editor", "intents": "editor"}),
    "styles": DocumentKind(
        "styles", "styles.1", "reviewer", {"styles": "editor", "votes": "reviewer", "notes": "reviewer"}
    ),
    "annotations": DocumentKind(
        "annotations",
        "annotations.1",
        "reviewer",
        {"marks": "reviewer", "notes": "reviewer", "verdicts": "reviewer"},
        named=True,
    ),
    "takes": DocumentKind("takes", "takes.1", None, {"jobs": None, "takes": None}, shows_saved=True),
    "library": DocumentKind("library", "library.1", "editor", {"assets": "editor"}),
    "production": DocumentKind(
        "production",
        "production.1",
        "editor",
        {"locks": None, "chains": None, "audit": None, "forks": None, "segments": "editor"},
        shows_saved=True,
    ),
    # A copy of the canvas to try something on. Takes are made on the canvas only, so nobody asks for them here.
    "fork": DocumentKind(
        "fork", "canvas.1", "editor", {"nodes": "editor", "edges": "editor", "intents": None}, named=True
    ),
    "script": DocumentKind("script", "script.1", "editor", {"text": "editor"}, named=True),
}
_NAME = re.compile(rf"({ID_PATTERN})(/{ID_PATTERN})?")

UPGRADES: dict[str, Callable[[Doc[Any]], None]] = {}
"""Ordered pure steps by the label they start from, e.g. `canvas.1` -> a function that makes it `canvas.2`."""


def kind_of(name: str) -> DocumentKind:
    """The kind of a document by its name (`canvas`, `annotations/{shot}`); raises UnknownDocument."""
    match = _NAME.fullmatch(name)
    kind = KINDS.get(match[1]) if match else None
    if match is None or kind is None or kind.named != (match[2] is not None):
        raise UnknownDocument(f"a project has no document called {name[:80]!r}")
    return kind


@dataclass(frozen=True)
class Identity:
    """What a document says of itself: the label of its shape, and which life of the document this is."""

    schema: object
    epoch: object


def initialise(doc: Doc[Any], name: str) -> None:
    """Give a new, empty document its schema label and its epoch. Only the server does this, once."""
    identify(doc, Identity(kind_of(name).schema, new_id()))


def identify(doc: Doc[Any], identity: Identity) -> None:
    """Write schema label and epoch; only the server does this."""
    meta: Map[Any] = doc.get("meta", type=Map)
    with doc.transaction():
        meta["schema"] = identity.schema
        meta["epoch"] = identity.epoch


def identity_of(doc: Doc[Any]) -> Identity:
    """Schema label and epoch as they stand; None where there is none."""
    meta: Map[Any] = doc.get("meta", type=Map)
    with doc.transaction():
        return Identity(meta.get("schema"), meta.get("epoch"))


def upgrade(doc: Doc[Any], name: str) -> bool:
    """Bring a stored document to today's schema, step by step; whether anything changed. Raises NewerSchema."""
    meta: Map[Any] = doc.get("meta", type=Map)
    changed = False
    while (label := str(meta.get("schema", ""))) != kind_of(name).schema:
        step = UPGRADES.get(label)
        if step is None:
            raise NewerSchema(f"{name} has the schema {label!r}, which this version does not know")
        step(doc)
        changed = True
    return changed
