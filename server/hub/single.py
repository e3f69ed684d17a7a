"""Single: judges the usual update, a few items of one client, in a third of the time `survey` takes; pure."""

import re
from collections.abc import Mapping

from server.hub import codec
from server.hub.structure import MAX_CLOCK

_NUMBER = rb"([\x80-\xff]{0,7}[\x00-\x7f])"
_SMALL = rb"([\x80-\xff]{0,3}[\x00-\x7f])"
_HEAD = re.compile(rb"\x01([\x01-\x08])" + _NUMBER + _SMALL, re.DOTALL)
"""One client and up to eight items."""
_ITEM = re.compile(
    rb"(?:([\x84\x88\xa8])|([\xc4\xc8]))" + _NUMBER + _SMALL + rb"(?(2)" + _NUMBER + _SMALL + rb")", re.DOTALL
)
"""An item that stands after another, and perhaps before one: text, or a value."""
_VALUE = re.compile(rb"\x01(?:[\x78\x79\x7e\x7f]|\x7c.{4}|[\x7a\x7b].{8}|\x7d[\x80-\xff]{0,8}[\x00-\x7f])", re.DOTALL)
_DELETES = re.compile(rb"\x01" + _NUMBER + rb"([\x01-\x08])", re.DOTALL)
_RANGE = re.compile(_SMALL + _SMALL, re.DOTALL)
_TEXT = 4
_LONGEST = 0x80

ByBytes = Mapping[bytes, tuple[int, int]]


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

    It is well formed, adds its items right after what is known and builds on nothing else. Cuts and levels are not
    seen.
    """
    head = _HEAD.match(update)
    if head is None:
        return None
    structs, own_bytes, clock_bytes = head.groups()
    by_bytes = ends.by_bytes
    own = by_bytes.get(own_bytes)
    if own is None or _small(clock_bytes) != own[1]:
        return None
    at, end = head.end(), own[1]
    for _ in range(structs[0]):
        at, length = _item_end(update, at, by_bytes)
        if not length:
            return None
        end += length
    if end >= MAX_CLOCK or not _is_harmless_rest(update, at, by_bytes):
        return None
    return own[0], end


def _item_end(update: bytes, at: int, by_bytes: ByBytes) -> tuple[int, int]:
    """Where an item ends, and how many clocks it takes; 0 when it is not a usual one beside what is known."""
    item = _ITEM.match(update, at)
    if item is None:
        return at, 0
    after, _, left_client, left, right_client, right = item.groups()
    near = by_bytes.get(left_client)
    if near is None or _small(left) >= near[1]:
        return at, 0
    if after is None:
        near = by_bytes.get(right_client)
        if near is None or _small(right) >= near[1]:
            return at, 0
    kind, at = update[at] & 0x1F, item.end()
    if kind == _TEXT:
        length = update[at] if at < len(update) else 0
        text = update[at + 1 : at + 1 + length]
        if not 0 < length < _LONGEST or len(text) != length or not text.isascii():
            return at, 0
        return at + 1 + length, length
    value = _VALUE.match(update, at)
    return (at, 0) if value is None else (value.end(), 1)


def _is_harmless_rest(update: bytes, at: int, by_bytes: ByBytes) -> bool:
    """Whether nothing follows but at most a few deletions of what one client wrote and is known."""
    if len(update) == at + 1:
        return update[at] == 0
    deletes = _DELETES.match(update, at)
    if deletes is None:
        return False
    near, at = by_bytes.get(deletes[1]), deletes.end()
    if near is None:
        return False
    for _ in range(deletes[2][0]):
        found = _RANGE.match(update, at)
        if found is None:
            return False
        clock, length = found.groups()
        count = _small(length)
        if not count or _small(clock) + count > near[1]:
            return False
        at = found.end()
    return at == len(update)


def _small(number: bytes) -> int:
    """A number of at most four bytes."""
    if len(number) == 1:
        return number[0]
    value = shift = 0
    for byte in number:
        value |= (byte & 0x7F) << shift
        shift += 7
    return value
