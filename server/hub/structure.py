"""Structure: reads an update (encoding version 1) item by item before pycrdt sees it, and says what it builds on; pure.

pycrdt 0.14 believes what an update claims. Found by fuzzing: an item of length zero, a client that stands in an update
twice, a clock near 2**32 or a text that is no UTF-8 passes at first, and panics, hangs or ends the process later, in
the middle of somebody else's edit. Whoever writes updates honestly, Yjs or yrs, writes none of these.
"""

import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import cast

from server.hub.codec import BadMessage

Id = tuple[int, int]
"""Yjs client id and clock."""

MAX_CLIENT_ID = 1 << 53
MAX_CLOCK = 1 << 31
"""yrs counts in 32 bits and overflows; nobody writes two thousand million characters."""
DEEPEST = 1000
"""Levels of lists and objects in one value, and of shared types within shared types. yrs reads and deletes both by
recursion: 100,000 levels of the one, or 50,000 of the other, end a process that has a stack of 8 MiB."""
LOADED = 20
"""Level of a shared type that was there when the document was loaded: nobody has noted how deep it lies."""

_GC, _DELETED, _JSON, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC, _SKIP = range(11)
_TYPES = (0, 1, 2, 3, 4, 6)
"""Not the hooks of XML: yrs writes them back without their names, so that nobody can read the document."""
_NAMED_TYPE = 3
_KEYED, _AFTER, _BEFORE = 0x20, 0x80, 0x40
_OBJECT, _LIST, _INTEGER, _STRING_VALUE, _BYTES_VALUE = 0x76, 0x75, 0x7D, 0x77, 0x74
_FIXED_BYTES = {0x7F: 0, 0x7E: 0, 0x7C: 4, 0x7B: 8, 0x7A: 8, 0x79: 0, 0x78: 0}
_PAIR = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")
"""A character such as an emoji, of which Yjs counts two halves."""
_JSON_DEEPEST = 100
"""serde gives up at 128 levels."""


@dataclass(slots=True)
class Survey:
    """What an update brings and what it builds on."""

    runs: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    """Client, first clock, end clock of what it brings, without gaps."""
    needs: list[Id] = field(default_factory=list[Id])
    """Items that what it brings stands next to or in."""
    deletes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Client and end clock of what it deletes."""
    cuts: list[Id] = field(default_factory=list[Id])
    """Where it divides what is there: before these items."""
    halves: list[Id] = field(default_factory=list[Id])
    """The second halves of characters that count as two."""
    levels: dict[Id, int] = field(default_factory=dict[Id, int])
    """How deep the shared types in it lie."""
    roots: set[bytes] = field(default_factory=set[bytes])
    """The shared types at the top, by name, in which something stands that has no neighbour."""

    def missing(self, known: Mapping[int, int]) -> bool:
        """Whether it builds on changes that are neither known nor in it; `known` is end clocks by client."""
        ends: dict[int, int] = {}
        for client, start, end in self.runs:
            have = ends.get(client)
            if have is None:
                have = known.get(client, 0)
            if start > have:
                return True
            ends[client] = max(end, have)
        for client, clock in self.needs:
            if clock >= ends.get(client, 0) and clock >= known.get(client, 0):
                return True
        return any(end > ends.get(client, 0) and end > known.get(client, 0) for client, end in self.deletes)

    def overlaps(self, known: Mapping[int, int]) -> bool:
        """Whether it brings a part of what is known once more, together with something new."""
        return any(start < known.get(client, 0) < end for client, start, end in self.runs)

    def check_cuts(self, halves: Container[Id]) -> None:
        """Raise BadMessage when it divides a character; `halves` are those of earlier updates.

        yrs writes the rest of such a character as a text of no length: nobody could read the document any more.
        """
        for cut in self.cuts:
            if cut in halves or cut in self.halves:
                raise BadMessage("an update cuts a character in two")


def may_hold_pairs(update: bytes) -> bool:
    """Whether `survey` might find halves of characters in it."""
    return _PAIR.search(update) is not None


class Levels:
    """How deep the shared types lie that were written since a document was loaded."""

    def __init__(self) -> None:
        self.of: dict[Id, int] = {}
        self.deepest = LOADED

    def add(self, levels: Mapping[Id, int]) -> None:
        """Note those of one more update."""
        if levels:
            self.of.update(levels)
            self.deepest = max(self.deepest, *levels.values())


def survey(update: bytes, levels: Levels | None = None) -> Survey:
    """Read an update; raises BadMessage when nobody honest wrote it. `levels` are those of earlier updates."""
    try:
        return _Surveyor(update, levels or Levels()).read()
    except IndexError:
        raise BadMessage("an update ends in the middle") from None


class _Surveyor:
    """Reads one update from its start; a number of one byte, the usual case, is read without a call."""

    __slots__ = ("_at", "_data", "_deepest", "_earlier", "_found", "_here")

    def __init__(self, update: bytes, levels: Levels) -> None:
        self._data = update
        self._at = 0
        self._earlier = levels.of
        self._deepest = levels.deepest
        self._here: dict[Id, int] = {}
        self._found = Survey()

    def read(self) -> Survey:
        clients: set[int] = set()
        for _ in range(self._count()):
            structs = self._count()
            client = self._client()
            if client in clients or not structs:
                raise BadMessage("an update names a client twice, or for nothing")
            clients.add(client)
            clock = self._number()
            self._found.cuts.append((client, clock))
            self._read_run(client, clock, structs)
        self._read_deletes()
        if self._at != len(self._data):
            raise BadMessage("an update goes on after its end")
        return self._found

    def _read_run(self, client: int, clock: int, structs: int) -> None:
        data, runs = self._data, self._found.runs
        start = clock
        for _ in range(structs):
            info = data[self._at]
            self._at += 1
            if info == _SKIP:
                if clock > start:
                    runs.append((client, start, clock))
                clock = start = clock + self._length()
                self._found.cuts.append((client, clock))
            elif info == _GC:
                clock += self._length()
            else:
                level = self._read_place(info)
                if level:
                    self._here[client, clock] = level
                if info & 0x1F == _TYPE:
                    self._note_type((client, clock), level)
                clock += self._read_content(info & 0x1F, client, clock)
            if clock >= MAX_CLOCK:
                raise BadMessage("an update counts too far")
        if clock > start:
            runs.append((client, start, clock))

    def _note_type(self, item: Id, level: int) -> None:
        # Beside a plain value of an earlier update, whose level nobody has kept: it may lie as deep as anything does.
        level = self._here[item] = self._found.levels[item] = level or self._deepest + 1
        self._deepest = max(self._deepest, level)
        if level > DEEPEST:
            raise BadMessage(f"an update nests shared types more than {DEEPEST} levels deep")

    def _read_place(self, info: int) -> int:
        """Read what an item stands next to or in; returns how deep that is, 0 when that is not known."""
        level = 0
        if info & _AFTER:
            client, clock = near = self._client(), self._number()
            self._found.cuts.append((client, clock + 1))
            level = self._note_neighbour(near, 0)
        if info & _BEFORE:
            near = self._client(), self._number()
            self._found.cuts.append(near)
            level = max(level, self._note_neighbour(near, 0))
        if not info & (_AFTER | _BEFORE):
            inside = self._number()
            if inside > 1:
                raise BadMessage("an update holds an item that stands nowhere")
            if inside:
                self._found.roots.add(self._text())
                level = 1
            else:
                level = self._note_neighbour((self._client(), self._number()), LOADED) + 1
            if info & _KEYED:
                self._text()
        return level

    def _note_neighbour(self, near: Id, level: int) -> int:
        self._found.needs.append(near)
        return self._here.get(near) or self._earlier.get(near, level)

    def _read_content(self, kind: int, client: int, clock: int) -> int:
        """Read what an item holds; returns its length in clocks."""
        if kind == _ANY:
            count = self._length()
            self._read_values(count)
            return count
        if kind == _STRING:
            text = self._text()
            if not text:
                raise BadMessage("an update holds an item of no length")
            return len(text) if text.isascii() else self._measure(text, client, clock)
        if kind == _DELETED:
            return self._length()
        self._read_single(kind)
        return 1

    def _measure(self, text: bytes, client: int, clock: int) -> int:
        """The length of a text in UTF-16, as JavaScript counts; notes the second halves."""
        if not may_hold_pairs(text):
            return len(text.decode())
        at = clock
        for character in text.decode():
            at += 1
            if ord(character) > 0xFFFF:  # noqa: PLR2004 - the last one that is a single unit
                self._found.halves.append((client, at))
                at += 1
        return at - clock

    def _read_single(self, kind: int) -> None:
        if kind == _TYPE:
            what = self._number()
            if what not in _TYPES:
                raise BadMessage(f"an update holds a shared type of the kind {what}")
            if what == _NAMED_TYPE:
                self._text()
        elif kind == _BINARY:
            self._skip(self._number())
        elif kind == _EMBED:
            _check_json(self._text())
        elif kind == _FORMAT:
            self._text()
            _check_json(self._text())
        elif kind == _DOC:
            self._text()
            self._read_values(1)
        else:
            # Kind 2, too: nobody has written it since Yjs 13.0, and yrs writes it back so that nobody can read it.
            raise BadMessage(f"an update holds content of the kind {kind}")

    def _read_values(self, count: int) -> None:
        """Walk over values without recursion: what is still to read on each level, and whether keys stand before it."""
        data = self._data
        levels: list[tuple[int, bool]] = []
        left, keyed = count, False
        while True:
            if not left:
                if not levels:
                    return
                left, keyed = levels.pop()
                continue
            left -= 1
            if keyed:
                self._text()
            kind = data[self._at]
            self._at += 1
            if kind in (_LIST, _OBJECT):
                levels.append((left, keyed))
                left, keyed = self._count(), kind == _OBJECT
                if len(levels) > DEEPEST:
                    raise BadMessage(f"an update holds a value of more than {DEEPEST} levels")
            else:
                self._read_value(kind)

    def _read_value(self, kind: int) -> None:
        if kind in _FIXED_BYTES:
            self._skip(_FIXED_BYTES[kind])
        elif kind == _STRING_VALUE:
            self._text()
        elif kind == _INTEGER:
            self._skip_integer()
        elif kind == _BYTES_VALUE:
            self._skip(self._number())
        else:
            raise BadMessage(f"an update holds a value of the unknown kind {kind}")

    def _read_deletes(self) -> None:
        clients: set[int] = set()
        for _ in range(self._count()):
            client = self._client()
            if client in clients:
                raise BadMessage("an update names a client twice")
            clients.add(client)
            last = 0
            for _ in range(self._count()):
                start = self._number()
                end = start + self._length()
                self._found.cuts += ((client, start), (client, end))
                if end >= MAX_CLOCK:
                    raise BadMessage("an update counts too far")
                last = max(last, end)
            self._found.deletes.append((client, last))

    def _number(self) -> int:
        data, at = self._data, self._at
        byte = data[at]
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            self._at = at + 1
            return byte
        value, shift = byte & 0x7F, 7
        while True:
            at += 1
            byte = data[at]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the continuation bit
                break
            shift += 7
            if shift > 56:  # noqa: PLR2004 - nothing in an update is larger than a client's id
                raise BadMessage("an update holds a number that is too large")
        self._at = at + 1
        return value

    def _client(self) -> int:
        client = self._number()
        if client >= MAX_CLIENT_ID:
            raise BadMessage("an update holds a client id that is too large")
        return client

    def _count(self) -> int:
        """A number of things of which each takes a byte at least."""
        count = self._number()
        if count > len(self._data) - self._at:
            raise BadMessage("an update promises more than it holds")
        return count

    def _length(self) -> int:
        length = self._number()
        if not 0 < length < MAX_CLOCK:
            raise BadMessage("an update holds a length that cannot be")
        return length

    def _skip(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise BadMessage("an update ends in the middle")

    def _skip_integer(self) -> None:
        """lib0 writes at most 64 bits, sign included."""
        data, at = self._data, self._at
        end = at + 10
        while data[at] >= 0x80:  # noqa: PLR2004 - the continuation bit
            at += 1
            if at >= end:
                raise BadMessage("an update holds a number that is too large")
        self._at = at + 1

    def _text(self) -> bytes:
        length = self._number()
        start = self._at
        self._skip(length)
        text = self._data[start : self._at]
        if not text.isascii():
            try:
                text.decode()
            except UnicodeDecodeError:
                raise BadMessage("an update holds a text that is no UTF-8") from None
        return text


def _check_json(text: bytes) -> None:
    """Raise BadMessage unless it is JSON: yrs takes any text and panics, or writes what nobody can read, later."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadMessage("an update holds an object that is no JSON") from None
    if text.count(b"[") + text.count(b"{") > _JSON_DEEPEST and _levels_of(value) > _JSON_DEEPEST:
        raise BadMessage(f"an update holds an object of more than {_JSON_DEEPEST} levels")


def _levels_of(value: object) -> int:
    levels, here = 0, [value]
    while here:
        levels += 1
        below: list[object] = []
        for each in here:
            if isinstance(each, dict):
                below.extend(cast("dict[str, object]", each).values())
            elif isinstance(each, list):
                below.extend(cast("list[object]", each))
        here = below
    return levels
