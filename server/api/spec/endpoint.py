"""One entry of the table of endpoints: who may ask, what is sent, what comes back."""

from dataclasses import dataclass, field
from typing import Literal

from crdt_schema.roles import Action
from server.api.spec.shapes import Schema

Need = Literal["nobody", "signed in", "order"] | Action
"""Who may ask: everybody, whoever is signed in, the farm node that has an order's token, or who may do that action."""


@dataclass(frozen=True)
class Endpoint:
    """A route, described. The statuses that follow from `needs`, the address and the body need not be named."""

    needs: Need
    reply: Schema | None = None
    """None: an empty reply, as of a redirect."""
    status: int = 200
    also: tuple[int, ...] = ()
    """More statuses with the same reply."""
    body: Schema | None = None
    may_be_empty: bool = False
    """The body may be left out."""
    media: tuple[str, ...] = ("application/json",)
    """In which types the body is taken."""
    reply_media: tuple[str, ...] = ("application/json",)
    query: dict[str, Schema] = field(default_factory=dict[str, Schema])
    needed: tuple[str, ...] = ()
    """What of the query may not be left out."""
    errors: tuple[int, ...] = ()
    """More statuses with the one error body."""
