"""Audience: everybody in a room; all are told the same bytes, and whoever cannot keep up gets one diff later."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from server.hub.counts import Counts
from server.hub.limits import Limits
from server.hub.messages import Message
from server.hub.session import Session

CatchUp = Callable[[bytes], Iterable[Message] | None]
"""What somebody has missed who was last sent the state with that state vector; None while that cannot be said."""

NOTHING_YET = b"\0"
"""State vector of somebody who was sent nothing."""


class Audience:
    """The sessions of one room. Waits for none of them: a session costs what its socket has not taken, and no more."""

    def __init__(self, limits: Limits, counts: Counts, *, state: Callable[[], bytes], catch_up: CatchUp) -> None:
        self._limits = limits
        self._counts = counts
        self._state = state
        self._catch_up = catch_up
        self._sessions: dict[Session, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def sessions(self) -> Sequence[Session]:
        """Who is here."""
        return list(self._sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    def join(self, session: Session) -> None:
        """Count somebody in."""
        self._sessions[session] = None

    def leave(self, session: Session) -> None:
        """Count somebody out."""
        self._sessions.pop(session, None)

    def close(self) -> None:
        """Stop looking after those who are behind."""
        if self._timer is not None:
            self._timer.cancel()

    def answer(self, session: Session, step2: Message) -> None:
        """Send somebody what it lacks; from here on it is told what changes."""
        session.told = True
        session.link.send(step2)

    def tell(self, message: Message, author: Session | None, *, change: bool = False) -> int:
        """Send one message to all but its author; returns to how many.

        A change goes to those only who were sent a step 2: the others' will hold it. yrs 0.28 cannot always put
        together what came before what it builds on, and its clients would wait for ever.
        """
        told = 0
        limit = self._limits.outbox_bytes
        for session in self._sessions:
            if session is not author and session.behind is None and (session.told or not change):
                link = session.link
                link.send(message)
                told += 1
                if link.backlog_bytes() > limit:
                    self.put_behind(session, self._state() if session.told else NOTHING_YET)
        return told

    def is_full(self, session: Session) -> bool:
        """Whether a session has more unsent than it may have."""
        return session.link.backlog_bytes() > self._limits.outbox_bytes

    def put_behind(self, session: Session, state: bytes) -> None:
        """Send a session nothing more until it has read; from `state` on it gets one diff, however much happens."""
        session.behind = state
        self._counts.outbox_drops += 1
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._limits.catch_up_seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        for session in self._sessions:
            if session.behind is None:
                continue
            missed = self._catch_up(session.behind) if session.link.backlog_bytes() == 0 else None
            if missed is None:
                self._schedule()
            else:
                session.behind, session.told = None, True
                for message in missed:
                    session.link.send(message)
