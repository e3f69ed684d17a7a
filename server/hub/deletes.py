"""Delete sets of Yjs updates: which of them a document already has; pure."""

from bisect import bisect_right
from operator import itemgetter

from server.hub import codec
from server.hub.codec import Reader

Deletes = dict[int, list[tuple[int, int]]]
"""Per Yjs client the deleted ranges as (first clock, end clock), sorted and joined."""


def read_deletes(update: bytes) -> Deletes | None:
    """The delete set of an update (encoding version 1) that has nothing else; None when it brings content too."""
    reader = Reader(update)
    if reader.uint():
        return None
    found: Deletes = {}
    for _ in range(reader.uint()):
        client_id = reader.uint()
        ranges = found.setdefault(client_id, [])
        for _ in range(reader.uint()):
            clock, length = reader.uint(), reader.uint()
            ranges.append((clock, clock + length))
    return {client_id: _joined(ranges) for client_id, ranges in found.items()}


def encoded(deletes: Deletes) -> bytes:
    """A delete set as it stands at the end of an update."""
    parts = [codec.uint(len(deletes))]
    for client_id, ranges in deletes.items():
        parts += (codec.uint(client_id), codec.uint(len(ranges)))
        for start, end in ranges:
            parts += (codec.uint(start), codec.uint(end - start))
    return b"".join(parts)


def covers(known: Deletes, wanted: Deletes) -> bool:
    """Whether everything `wanted` deletes is deleted in `known`."""
    return all(
        _within(known.get(client_id, []), start, end) for client_id, ranges in wanted.items() for start, end in ranges
    )


def _within(ranges: list[tuple[int, int]], start: int, end: int) -> bool:
    at = bisect_right(ranges, start, key=itemgetter(0)) - 1
    return at >= 0 and end <= ranges[at][1]


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
