"""Hashes and checks passwords, a few at a time: each takes 64 MiB and most of a core for a moment."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from server.errors import BadRequest, TooMany

MIN_PASSWORD_LENGTH = 8
CHECKED_AT_ONCE = 2
"""A flood of sign-ins must leave threads for the rest."""
MOST_CHECKS = 50
"""Checked or waiting to be; beyond that a flood is told to come back."""


class Passwords:
    """argon2id with the library's own, current parameters."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._checking = asyncio.Semaphore(CHECKED_AT_ONCE)
        self._checks = 0

    async def hash(self, password: str) -> str:
        """What is stored of a password; raises BadRequest for a poor one."""
        if len(password) < MIN_PASSWORD_LENGTH:
            raise BadRequest(f"A password has at least {MIN_PASSWORD_LENGTH} characters.")
        return await asyncio.to_thread(self._hasher.hash, password)

    async def match(self, stored: str, password: str) -> bool:
        """Whether a password is the one whose hash was stored; raises TooMany."""
        if self._checks >= MOST_CHECKS:
            raise TooMany("Too many people are signing in right now. Try again in a moment.")
        self._checks += 1
        try:
            async with self._checking:
                return await asyncio.to_thread(self._matches, stored, password)
        finally:
            self._checks -= 1

    def _matches(self, stored: str, password: str) -> bool:
        """As `match`; it blocks. No account takes as long as a wrong password: the clock tells nobody who is here."""
        if not stored:
            self._hasher.hash(password)
            return False
        try:
            return self._hasher.verify(stored, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
