"""Slows down who guesses: passwords, share links, one-time codes (counted in memory, by the clock it is given).

Only failures count. Three buckets stand before a password: of one name from one address (small), of one address, and
of one name from anywhere. The last one slows a guesser with many addresses, and would let a stranger keep somebody
out; so it refills within seconds, and an address from which that person has signed in before is not asked for it.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from server.errors import Forbidden, TooMany, Unauthorised

MOST_REMEMBERED = 10_000


class Pace(NamedTuple):
    """So many failures at once, and one more after each pause."""

    burst: int
    pause_seconds: float


NAME_AT_ADDRESS = Pace(8, 30.0)
ADDRESS = Pace(40, 2.0)
NAME = Pace(30, 15.0)
LINK_AT_ADDRESS = Pace(20, 5.0)


@dataclass
class Bucket:
    """Failures that are still held against somebody, as they were at a time."""

    failures: float
    at: float


class Attempts:
    """Remembers failures for as long as they count."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[Hashable, Bucket] = OrderedDict()
        self._familiar: OrderedDict[tuple[str, str], None] = OrderedDict()

    @contextmanager
    def password(self, name: str, address: str) -> Generator[None]:
        """Around a check of a password: raises TooMany instead of letting it happen."""
        pair = (" ".join(name.split()).casefold(), address)
        held: list[tuple[Hashable, Pace]] = [(pair, NAME_AT_ADDRESS), (("from", address), ADDRESS)]
        if pair not in self._familiar:
            held.append((("name", pair[0]), NAME))
        with self._count(held):
            yield
        self._buckets.pop(pair, None)
        self._familiar[pair] = None
        self._familiar.move_to_end(pair)
        if len(self._familiar) > MOST_REMEMBERED:
            self._familiar.popitem(last=False)

    @contextmanager
    def link(self, address: str) -> Generator[None]:
        """Around the exchange of a link or code, which nobody can guess: keeps it cheap to refuse those who try."""
        with self._count([(("link", address), LINK_AT_ADDRESS)]):
            yield

    @contextmanager
    def _count(self, held: list[tuple[Hashable, Pace]]) -> Generator[None]:
        """Count a failure before it happens, or a hundred tries at once were one; take it back if it does not."""
        now = self._clock().timestamp()
        waits = [self._wait_seconds(key, pace, now) for key, pace in held]
        if max(waits) > 0:
            raise TooMany("Too many tries. Wait a little, then try again.", retry_after_seconds=max(waits))
        for key, pace in held:
            self._add(key, pace, now)
        try:
            yield
        except (Unauthorised, Forbidden):
            raise
        except BaseException:
            self._take_back(held)
            raise
        self._take_back(held)

    def _wait_seconds(self, key: Hashable, pace: Pace, now: float) -> float:
        return max(0.0, (self._failures(key, pace, now) + 1 - pace.burst) * pace.pause_seconds)

    def _failures(self, key: Hashable, pace: Pace, now: float) -> float:
        bucket = self._buckets.get(key)
        return max(0.0, bucket.failures - max(0.0, now - bucket.at) / pace.pause_seconds) if bucket else 0.0

    def _add(self, key: Hashable, pace: Pace, now: float) -> None:
        self._buckets[key] = Bucket(self._failures(key, pace, now) + 1, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_REMEMBERED:
            self._buckets.popitem(last=False)

    def _take_back(self, held: list[tuple[Hashable, Pace]]) -> None:
        for key, _ in held:
            if key in self._buckets:
                self._buckets[key].failures -= 1
