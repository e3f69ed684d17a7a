"""What the guard shows the rules of one session's changes, and what the rules answer; pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from crdt_schema.production import Locks
from crdt_schema.rules import Rule
from crdt_schema.shapes import Kind
from server.auth.actor import Actor

__all__ = ["Breach", "Kind", "Record", "Rules", "Touch", "View"]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a root, as JSON values and how they are held."""

    kind: Kind
    values: Mapping[str, object]
    """Its fields, texts as str and maps as dict; `{"": value}` of a plain value that is no dict; {} of all others."""
    kinds: Mapping[str, Kind] = field(default_factory=dict[str, Kind])
    """Only of the fields that are no plain values."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One record before and after the changes of a tick."""

    root: str
    key: str
    fields: frozenset[str] | None
    """The fields that were touched; None: the record as a whole was added, replaced or removed."""
    before: Record | None
    after: Record | None


class Breach(NamedTuple):
    """A change that is not allowed, and is to be put back."""

    rule: Rule
    root: str
    key: str
    field: str | None
    """None: the record as a whole."""
    message: str
    """What happened and why, for the one who sent it."""
    lift: str
    """Who can lift it, in words; empty when nobody can."""


class View(Protocol):
    """The document with the changes of this tick in it."""

    def get(self, root: str, key: str) -> Record | None:
        """One record; None where there is none."""
        ...

    def keys(self, root: str) -> Iterable[str]:
        """The keys of every record of a root."""
        ...


Rules = Callable[[Actor, Sequence[Touch], View, Locks], Iterable[Breach]]
"""The rules of one kind of documents."""
