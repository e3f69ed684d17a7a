"""Refusals: what a room's guard did not let stand, and what the hub asks of a guard."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, Protocol

from pycrdt import Doc

from crdt_schema.ids import ProjectId
from server.auth.actor import Actor


class Refusal(NamedTuple):
    """One change that was put back."""

    rule: str
    path: tuple[str, ...]
    """Root, record and, unless the whole record was put back, field."""
    message: str
    """For whoever made it: what and why."""
    lift: str
    """Who can lift the rule, in words; empty when nobody can."""
    title: str
    """Of the record, as people know it; empty when it has none."""
    proposed: object
    """What was written, as JSON; None when it was removed."""
    kept: object
    """What stands, as JSON; None when there is nothing."""


class Guard(Protocol):
    """Decides which changes to one document may stand. Everything but `read_some` runs within one tick."""

    @property
    def allowed_roots(self) -> frozenset[str]:
        """The shared types at the top that the document has."""
        ...

    def attach(self, doc: Doc[Any]) -> None:
        """Watch a document from here on."""
        ...

    def detach(self) -> None:
        """Watch no more."""
        ...

    async def read_some(self) -> None:
        """Read the document as it is, giving others their turn."""
        ...

    def prepare(self) -> None:
        """Read what is left of it: somebody's change is about to be applied."""
        ...

    def accept(self) -> None:
        """What has changed was the server's own doing."""
        ...

    def judge(self, actor: Actor) -> Sequence[Refusal]:
        """Look at what has changed, in `actor`'s name; empty when all of it may stand, and then it is accepted."""
        ...

    def put_back(self, doc: Doc[Any]) -> None:
        """Undo what the last judgement named; inside a transaction. `judge` has the last word again."""
        ...


GuardFor = Callable[[ProjectId, str], AbstractAsyncContextManager[Guard | None]]
"""The guard of a document for as long as it is open; None for a document whose form says all."""
OnRefused = Callable[[ProjectId, str, Actor, Sequence[tuple[str, Refusal]]], None]
"""Hears what was put back, each with the id under which its author finds it again."""


@asynccontextmanager
async def unguarded(_project: ProjectId, _document: str) -> AsyncGenerator[Guard | None]:
    """No document has a guard."""
    yield None


def kept_nowhere(_project: ProjectId, _document: str, _actor: Actor, _refusals: Sequence[tuple[str, Refusal]]) -> None:
    """Nobody wants to hear it."""
