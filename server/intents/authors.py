"""Finds who wrote an intent, in the log of the document: for intents that nobody has answered when a room opens."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from pycrdt import Doc, Map

from crdt_schema.ids import IntentId
from server.store.base import LoggedUpdate

PAGE = 500

ReadLog = Callable[[int, int], Awaitable[list[LoggedUpdate]]]
"""(after, limit) -> that many entries of the canvas's log after that one, in order."""


async def find_authors(read_log: ReadLog, wanted: Collection[IntentId]) -> dict[IntentId, tuple[str, str]]:
    """User id and name of whoever first wrote each of the wanted intents; those not found are left out.

    Attribution comes from the log because the document cannot be trusted with it: a client may write any field.
    """
    doc: Doc[Any] = Doc()
    intents: Map[Any] = doc.get("intents", type=Map)
    missing, found, after = set(wanted), dict[IntentId, tuple[str, str]](), 0
    while missing and (page := await read_log(after, PAGE)):
        for entry in page:
            doc.apply_update(entry.update)
            for intent in [intent for intent in missing if intent in intents]:
                found[intent] = (entry.actor_id, entry.actor_name)
                missing.discard(intent)
        after = page[-1].seq
    return found
