"""Which records of a document nobody has read as they stand now: all of them at first, and then those that change."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from pycrdt import Doc, Map, MapEvent

AT_ONCE = 50
"""Records read before others get their turn: some ms."""


class Changes:
    """Of some roots of one document, for one reader, who reads when it suits."""

    def __init__(self, doc: Doc[Any], roots: Sequence[str]) -> None:
        self._doc = doc
        # Kept: a pycrdt subscription ends with the object it was made on.
        self._roots: dict[str, Map[Any]] = {name: doc.get(name, type=Map) for name in roots}
        self._unread: dict[tuple[str, str], None] = {}
        self._new = True
        self._subscriptions = [root.observe_deep(partial(self._note, name)) for name, root in self._roots.items()]

    def detach(self) -> None:
        """Follow no more: a document that is observed is never let go."""
        for root, subscription in zip(self._roots.values(), self._subscriptions, strict=True):
            root.unobserve(subscription)
        self._roots, self._subscriptions, self._unread, self._new = {}, [], {}, False

    @property
    def waiting(self) -> bool:
        """Whether anything is to be read."""
        return self._new or bool(self._unread)

    def begin(self) -> None:
        """Everything is to be read again."""
        self._new = True

    def read(self, most: int | None = None) -> Iterator[tuple[str, str]]:
        """Root and key of each record to be read, each told once; no more than so many."""
        if self._new:
            self._new = False
            for name, root in self._roots.items():
                self._unread.update(((name, key), None) for key in root.keys())  # noqa: SIM118 - iterating a Map reads its values
        for place in list(islice(self._unread, most)):
            del self._unread[place]
            yield place

    async def in_turns(self, put: Callable[[str, str], None]) -> None:
        """Have each record that is to be read put, others having their turn in between.

        Nothing waits when this returns, however many go on changing things: the last ones are put in one turn.
        """
        while self.waiting:
            # In one transaction: pycrdt would open one for each value that is read, and commit it.
            with self._doc.transaction():
                for root, key in self.read(AT_ONCE):
                    put(root, key)
            if self.waiting:
                await asyncio.sleep(0)

    def _note(self, root: str, events: Sequence[Any]) -> None:
        # Runs inside the transaction: it may read the events and note, and nothing else.
        for event in events:
            path: list[Any] = event.path
            keys: Iterable[str] = path[:1] or (event.keys if isinstance(event, MapEvent) else ())
            self._unread.update(((root, key), None) for key in keys)
