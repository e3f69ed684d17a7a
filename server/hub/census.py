"""Census: how many sessions one person has in this process; every session costs memory and each broadcast a write."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from crdt_schema.ids import UserId
from server.errors import TooMany


class TooManySessions(TooMany):
    """One more session would be too many, of one person or in one room."""

    code = "too_many_sessions"


class Census:
    """Sessions by person."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._sessions: Counter[str] = Counter()

    @contextmanager
    def counted(self, user_id: UserId | str) -> Generator[None]:
        """Count a session for as long as the context lasts; raises TooManySessions."""
        if self._sessions[user_id] >= self._at_most:
            raise TooManySessions("You have too many documents open. Close some tabs first.")
        self._sessions[user_id] += 1
        try:
            yield
        finally:
            self._sessions[user_id] -= 1
            if not self._sessions[user_id]:
                del self._sessions[user_id]
