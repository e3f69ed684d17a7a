"""Values nested so deeply that decoding them would overflow the stack and take the whole process down; pure.

yrs decodes nested lists and objects by recursion: measured with pycrdt 0.14, 100,000 levels (a 200 kB update) end the
process with SIGSEGV, 10,000 do not. Nobody writes such a value by hand, so an update that holds one is refused unread.
"""

from server.hub.codec import BadMessage, Reader

DEEPEST = 1000
"""Levels of lists and objects within one value."""
_SAFE_LEVELS = 5000
_SAFE_BYTES = 2 * _SAFE_LEVELS
_OBJECT, _LIST = 0x76, 0x75

# Kinds of content as Yjs numbers them, and of the values within.
_GC, _DELETED, _JSON, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC, _SKIP = range(11)
_COUNTED = {_GC, _DELETED, _SKIP}
_CHUNKS = {_BINARY: 1, _STRING: 1, _EMBED: 1, _FORMAT: 2, _JSON: 0}
"""How many byte strings; 0: the number stands before them."""
_NAMED_TYPES = {3, 5}
_FIXED_BYTES = {0x7F: 0, 0x7E: 0, 0x7C: 4, 0x7B: 8, 0x7A: 8, 0x79: 0, 0x78: 0}
_INTEGER = 0x7D
_LENGTH_FIRST = {0x77, 0x74}


def check_nesting(update: bytes) -> None:
    """Raise BadMessage when a value in `update` (encoding version 1) is nested more than `DEEPEST` levels.

    Each level takes two bytes, one of them a marker: only an update with thousands of those is read at all.
    """
    if len(update) < _SAFE_BYTES or update.count(_LIST) + update.count(_OBJECT) < _SAFE_LEVELS:
        return
    reader = Reader(update)
    for _ in range(reader.uint()):
        structs = reader.uint()
        reader.uint()
        reader.uint()
        for _ in range(structs):
            _read_struct(reader)


def _read_struct(reader: Reader) -> None:
    info = reader.byte()
    content = info & 0x1F
    if content not in (_GC, _SKIP):
        _read_place(reader, info)
    if content in _COUNTED:
        reader.uint()
    elif content == _TYPE:
        if reader.uint() in _NAMED_TYPES:
            reader.skip_chunk()
    elif content == _ANY:
        _read_values(reader, reader.uint())
    elif content == _DOC:
        reader.skip_chunk()
        _read_values(reader, 1)
    elif content in _CHUNKS:
        for _ in range(_CHUNKS[content] or reader.uint()):
            reader.skip_chunk()
    else:
        raise BadMessage(f"an update holds content of the unknown kind {content}")


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


def _read_values(reader: Reader, count: int) -> None:
    """Walk over values without recursion: what is still to read on each level, and whether keys stand before it."""
    levels = [(count, False)]
    while levels:
        left, keyed = levels.pop()
        if not left:
            continue
        levels.append((left - 1, keyed))
        if keyed:
            reader.skip_chunk()
        kind = reader.byte()
        if kind in (_LIST, _OBJECT):
            levels.append((reader.uint(), kind == _OBJECT))
            if len(levels) > DEEPEST:
                raise BadMessage(f"an update holds a value of more than {DEEPEST} levels")
        elif kind in _LENGTH_FIRST:
            reader.skip_chunk()
        elif kind == _INTEGER:
            reader.uint()
        elif kind in _FIXED_BYTES:
            reader.skip(_FIXED_BYTES[kind])
        else:
            raise BadMessage(f"an update holds a value of the unknown kind {kind}")
