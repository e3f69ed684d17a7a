"""Cached: what is made from a document and stays the same until it changes; all who ask meanwhile get one object."""

from collections.abc import Callable
from typing import Generic, TypeVar

from server.hub.replica import Replica

T = TypeVar("T")


class Cached(Generic[T]):
    """One such thing, made by `make` when somebody asks for it."""

    __slots__ = ("_made", "_make", "_of")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._of: tuple[Replica, int] | None = None
        self._made: T | None = None

    def get(self, replica: Replica) -> T:
        """What it is for the document as `replica` is now."""
        if self._made is None or self._of != (replica, replica.version):
            self._made = self._make()
            self._of = (replica, replica.version)
        return self._made
