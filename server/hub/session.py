"""Session: one client in one room, and the little that the room must know of its socket."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from crdt_schema.wire import CloseCode
from server.auth.actor import Actor
from server.hub.messages import Message


class Link(Protocol):
    """The socket side of a session. Nothing here waits: what the kernel does not take at once is the backlog."""

    def send(self, message: Message) -> None:
        """Send, or queue in the backlog."""
        ...

    def acknowledge(self, count: int) -> None:
        """Tell the sender that so many of its messages are safe on disk."""
        ...

    def refuse(self, count: int) -> None:
        """Tell the sender that so many of its messages were not taken, because it may only read."""
        ...

    def tell(self, payload: str) -> None:
        """Send a notice that is part of no document, where the dialect knows such a thing."""
        ...

    def backlog_bytes(self) -> int:
        """How much is queued."""
        ...

    def close(self, code: CloseCode, reason: str) -> None:
        """Tell the client why, and go."""
        ...


class Session:
    """One client in one room. Its fields belong to the room; the dialect only makes it and hands over frames."""

    __slots__ = (
        "actor",
        "asks_back",
        "behind",
        "clients",
        "early",
        "ended",
        "link",
        "reconsider",
        "relaying",
        "shown",
        "told",
        "writable",
    )

    def __init__(self, actor: Actor, link: Link, *, writable: bool, asks_back: bool) -> None:
        self.actor = actor
        self.link = link
        self.writable = writable
        self.asks_back = asks_back
        """Answer each step 1 with a step 1 of the room: Hocuspocus's provider counts on being asked."""
        self.clients: set[int] = set()
        """Yjs client ids whose presence this session speaks for."""
        self.behind: bytes | None = None
        """State vector of what the client was last sent, while its socket does not keep up; else None."""
        self.early: list[bytes] | None = []
        """Changes that came before it was clear of which epoch they are; None from then on. See `epochs.py`."""
        self.shown = False
        """Whether it has shown its state vector."""
        self.told = False
        """Whether it was sent a step 2: what came to it before might build on what it lacks."""
        self.ended = False
        self.relaying = False
        """Whether what lies in the room's inbox came as a sync reply, which may hold what others wrote."""
        self.reconsider: Callable[[], Awaitable[None]] | None = None
        """Ask again who it is and what it may do; the dialect's, and it tells the client what has changed."""
