"""A whole document as plain values, read so that nobody who draws waits for it."""

from crdt_schema.documents import kind_of
from crdt_schema.plain import reader, roots_of, whole
from crdt_schema.records import DocumentPlain
from server.errors import Unavailable
from server.hub.changes import Changes
from server.hub.room import Room


async def plain_in_turns(room: Room) -> DocumentPlain:
    """As `Room.plain`, at one moment, for who can wait: a canvas of 5,000 nodes takes a third of a second.

    What changes while it is read is read again. Raises Unavailable when the document is loaded again meanwhile.
    """
    if kind_of(room.document).name == "script":
        return room.plain()
    doc, roots = room.doc, roots_of(room.document)
    read, records = reader(doc, room.document), {root: dict[str, object]() for root in roots}

    def put(root: str, key: str) -> None:
        if (record := read(root, key)) is None:
            records[root].pop(key, None)
        else:
            records[root][key] = record

    changes = Changes(doc, roots)
    try:
        await changes.in_turns(put)
    finally:
        changes.detach()
    if room.doc is not doc:
        raise Unavailable("This document is being repaired. Try again in a moment.")
    return whole(room.document, records)
