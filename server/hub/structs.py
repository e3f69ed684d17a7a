"""Which parts of a document's history an update writes, and a whole state cut into the parts that each author wrote.

Everything ever written into a Yjs document has a number of its own: a client and a clock. An update names the numbers
it brings, a whole state holds all of them: what was deleted as a number without content.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from server.hub import codec
from server.hub.codec import Reader

NO_DELETES = b"\0"
_GC, _DELETED, _JSON, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC, SKIP = range(11)
_COUNTED = {_GC, _DELETED, SKIP}
_CHUNKS = {_BINARY: 1, _EMBED: 1, _FORMAT: 2}
_NAMED_TYPES = {3, 5}
_OBJECT, _LIST, _INTEGER = 0x76, 0x75, 0x7D
_FIXED_BYTES = {0x7F: 0, 0x7E: 0, 0x7C: 4, 0x7B: 8, 0x7A: 8, 0x79: 0, 0x78: 0}


class Written(NamedTuple):
    """Consecutive clock values of one Yjs client, `end` not included."""

    client_id: int
    start: int
    end: int


class Struct(NamedTuple):
    """One struct of an update and where its bytes lie."""

    client_id: int
    clock: int
    length: int
    first_byte: int
    end_byte: int


def read_structs(update: bytes) -> Iterator[Struct]:
    """The structs of an update (encoding version 1) that a document has taken, without its gaps; raises BadMessage."""
    reader = Reader(update)
    for _ in range(reader.uint()):
        count, client_id, clock = reader.uint(), reader.uint(), reader.uint()
        for _ in range(count):
            first_byte = reader.at
            length = _read_struct(reader)
            if update[first_byte] & 0x1F != SKIP:
                yield Struct(client_id, clock, length, first_byte, reader.at)
            clock += length


def written_by(updates: Iterable[bytes]) -> bytes:
    """What some updates write, as bytes that `Slices.cut` understands."""
    structs = (struct for update in updates for struct in read_structs(update))
    return written(Written(struct.client_id, struct.clock, struct.clock + struct.length) for struct in structs)


def written(ranges: Iterable[Written]) -> bytes:
    """Ranges as bytes."""
    found = _joined(ranges)
    return codec.uint(len(found)) + b"".join(
        codec.uint(each.client_id) + codec.uint(each.start) + codec.uint(each.end - each.start) for each in found
    )


def _joined(ranges: Iterable[Written]) -> list[Written]:
    found: list[Written] = []
    for each in sorted(ranges):
        last = found[-1] if found else None
        if last is not None and last.client_id == each.client_id and each.start <= last.end:
            found[-1] = last._replace(end=max(last.end, each.end))
        else:
            found.append(each)
    return found


class Slices:
    """A whole state, ready to be cut. Reading one takes about a second per MB of state: make it in a thread."""

    def __init__(self, state: bytes) -> None:
        self.state = state
        self._structs: dict[int, list[Struct]] = {}
        for struct in read_structs(state):
            self._structs.setdefault(struct.client_id, []).append(struct)
        self._clocks = {client: [each.clock for each in structs] for client, structs in self._structs.items()}

    def cut(self, wrote: bytes) -> bytes:
        """The update that holds what is left of what was written; applied in order, the slices make the whole state.

        Deletions and gaps left out. A struct belongs to whoever wrote its beginning: Yjs joins structs only within
        one text or list, of one client.
        """
        reader = Reader(wrote)
        clients: dict[int, list[Struct]] = {}
        for _ in range(reader.uint()):
            client_id, start, length = reader.uint(), reader.uint(), reader.uint()
            clocks = self._clocks.get(client_id, [])
            found = slice(bisect_left(clocks, start), bisect_left(clocks, start + length))
            if structs := self._structs.get(client_id, [])[found]:
                clients.setdefault(client_id, []).extend(structs)
        parts = [self._encoded(client_id, structs) for client_id, structs in sorted(clients.items(), reverse=True)]
        return codec.uint(len(parts)) + b"".join(parts) + NO_DELETES

    def _encoded(self, client_id: int, structs: Sequence[Struct]) -> bytes:
        pieces: list[bytes] = []
        clock = structs[0].clock
        for struct in structs:
            if struct.clock > clock:
                pieces.append(bytes((SKIP,)) + codec.uint(struct.clock - clock))
            pieces.append(self.state[struct.first_byte : struct.end_byte])
            clock = struct.clock + struct.length
        return codec.uint(len(pieces)) + codec.uint(client_id) + codec.uint(structs[0].clock) + b"".join(pieces)


def _read_struct(reader: Reader) -> int:
    """Walk over one struct and return how many clock values it takes."""
    info = reader.byte()
    content = info & 0x1F
    if content not in (_GC, SKIP):
        _read_place(reader, info)
    length = 1
    if content in _COUNTED:
        length = reader.uint()
    elif content == _STRING:
        length = _utf16_length(reader.chunk())
    elif content == _TYPE:
        if reader.uint() in _NAMED_TYPES:
            reader.skip_chunk()
    elif content == _ANY:
        length = reader.uint()
        _read_values(reader, length)
    elif content == _DOC:
        reader.skip_chunk()
        _read_values(reader, 1)
    elif content == _JSON:
        length = reader.uint()
        _skip_chunks(reader, length)
    else:
        _skip_chunks(reader, _CHUNKS.get(content, 0))
    return length


def _utf16_length(data: bytes) -> int:
    """Yjs counts text as JavaScript does."""
    return len(data) if data.isascii() else len(data.decode(errors="replace").encode("utf-16-le")) // 2


def _read_place(reader: Reader, info: int) -> None:
    for given in (0x80, 0x40):
        if info & given:
            reader.uint()
            reader.uint()
    if not info & 0xC0:
        if reader.uint():
            reader.skip_chunk()
        else:
            reader.uint()
            reader.uint()
        if info & 0x20:
            reader.skip_chunk()


def _skip_chunks(reader: Reader, count: int) -> None:
    for _ in range(count):
        reader.skip_chunk()


def _read_values(reader: Reader, count: int) -> None:
    """Walk over values; what is nested is counted, not recursed into."""
    levels = [(count, False)]
    while levels:
        left, keyed = levels.pop()
        if not left:
            continue
        levels.append((left - 1, keyed))
        if keyed:
            reader.skip_chunk()
        kind = reader.byte()
        if kind in (_OBJECT, _LIST):
            levels.append((reader.uint(), kind == _OBJECT))
        elif kind == _INTEGER:
            reader.uint()
        elif kind in _FIXED_BYTES:
            reader.skip(_FIXED_BYTES[kind])
        else:
            reader.skip_chunk()
