"""Single: judges the usual update, one item and at most one deletion, in a third of the time `survey` takes; pure."""

import re
from collections.abc import Mapping

from server.hub import codec
from server.hub.structure import MAX_CLOCK

_NUMBER = rb"([\x80-\xff]{0,7}[\x00-\x7f])"
_SMALL = rb"([\x80-\xff]{0,3}[\x00-\x7f])"
_HEAD = re.compile(
    rb"\x01\x01"
    + _NUMBER
    + _SMALL
    + rb"(?:([\x84\x88\xa8])|([\xc4\xc8]))"
    + _NUMBER
    + _SMALL
    + rb"(?(4)"
    + _NUMBER
    + _SMALL
    + rb")",
    re.DOTALL,
)
"""One client, one item that stands after another, and perhaps before one: text, or a value."""
_VALUE = re.compile(rb"\x01(?:[\x78\x79\x7e\x7f]|\x7c.{4}|[\x7a\x7b].{8}|\x7d[\x80-\xff]{0,8}[\x00-\x7f])", re.DOTALL)
_DELETE = re.compile(rb"\x01" + _NUMBER + rb"\x01" + _SMALL + _SMALL, re.DOTALL)
_TEXT = 4
_LONGEST = 0x80


class Ends:
    """The end clock of each client, by number and by the bytes that updates write for the number."""

    __slots__ = ("by_bytes", "by_number")

    def __init__(self, known: Mapping[int, int]) -> None:
        self.by_number = dict(known)
        self.by_bytes = {codec.uint(client): (client, end) for client, end in known.items()}

    def grow(self, client: int, end: int) -> None:
        """A client has written up to `end`."""
        if end > self.by_number.get(client, 0):
            self.by_number[client] = end
            self.by_bytes[codec.uint(client)] = (client, end)


def new_end(update: bytes, ends: Ends) -> tuple[int, int] | None:
    """The client and its new end clock; None when an update cannot be judged so quickly.

    It is well formed, adds one item right after what is known and builds on nothing else. Cuts and levels are not seen.
    """
    head = _HEAD.match(update)
    if head is None:
        return None
    own_bytes, clock_bytes, after, _, left_client, left, right_client, right = head.groups()
    own = ends.by_bytes.get(own_bytes)
    if own is None or _small(clock_bytes) != own[1]:
        return None
    by_bytes = ends.by_bytes
    near = by_bytes.get(left_client)
    if near is None or _small(left) >= near[1]:
        return None
    if after is None:
        near = by_bytes.get(right_client)
        if near is None or _small(right) >= near[1]:
            return None
    at = head.end()
    length = 1
    if update[head.end(2)] & 0x1F == _TEXT:
        length = update[at] if at < len(update) else 0
        text = update[at + 1 : at + 1 + length]
        at += 1 + length
        if not 0 < length < _LONGEST or len(text) != length or not text.isascii():
            return None
    else:
        value = _VALUE.match(update, at)
        if value is None:
            return None
        at = value.end()
    end = own[1] + length
    if end >= MAX_CLOCK or not _is_harmless_rest(update, at, by_bytes):
        return None
    return own[0], end


def _is_harmless_rest(update: bytes, at: int, by_bytes: Mapping[bytes, tuple[int, int]]) -> bool:
    """Whether nothing follows but at most one deletion of what is known."""
    if len(update) == at + 1:
        return update[at] == 0
    deletion = _DELETE.fullmatch(update, at)
    if deletion is None:
        return False
    client, clock, length = deletion.groups()
    near, count = by_bytes.get(client), _small(length)
    return near is not None and count > 0 and _small(clock) + count <= near[1]


def _small(number: bytes) -> int:
    """A number of at most four bytes."""
    if len(number) == 1:
        return number[0]
    value = shift = 0
    for byte in number:
        value |= (byte & 0x7F) << shift
        shift += 7
    return value
