"""Errand: a change in somebody's name that comes from inside the server, judged and saved like a session's own."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from pycrdt import Doc

from crdt_schema.wire import CloseCode
from server.auth.actor import Actor
from server.errors import Unavailable
from server.hub import messages
from server.hub.codec import Reader
from server.hub.messages import Message
from server.hub.replica import NOTHING
from server.hub.room import Room
from server.hub.session import Session


class _Desk:
    """The link of a session that has no socket: it keeps what it is told."""

    def __init__(self) -> None:
        self.refused: list[dict[str, Any]] = []
        self.sent_away = ""

    def send(self, message: Message) -> None:
        """What others do is nothing to an errand."""

    def acknowledge(self, count: int) -> None:
        """The room is asked whether it has saved."""

    def refuse(self, count: int) -> None:
        """Only readers are told this."""

    def tell(self, payload: str) -> None:
        """A notice of what was put back."""
        self.refused += cast("list[dict[str, Any]]", json.loads(payload).get("breaches", []))

    def backlog_bytes(self) -> int:
        """Nothing is ever queued."""
        return 0

    def close(self, code: CloseCode, reason: str) -> None:  # noqa: ARG002 - the reason says it
        """The room would not have it."""
        self.sent_away = reason


async def do_errand(
    room: Room, actor: Actor, change: Callable[[Doc[Any]], object], client_id: int | None = None
) -> list[dict[str, Any]]:
    """Have `change` done to a document in `actor`'s name, on disk when this returns; what was put back of it.

    It works on a copy, in a thread. With a `client_id` it is done once, however often it is asked for: a document that
    knows that Yjs client is left as it is. Raises Unavailable, and whatever `change` raises.
    """
    await room.ready()
    state = room.doc.get_update()
    update = await asyncio.to_thread(_update, state, change, client_id)
    return [] if update == NOTHING else await hand_in(room, actor, [update])


async def hand_in(room: Room, actor: Actor, updates: Sequence[bytes], *, relayed: bool = False) -> list[dict[str, Any]]:
    """Send updates of this very document in `actor`'s name, on disk when this returns; what was put back of them.

    `relayed`: others wrote them, as in what a client brings of its own copy. Raises Unavailable, TooLarge.
    """
    desk = _Desk()
    session = Session(actor, desk, writable=True, asks_back=False)
    # Its change was made from this very document, so that it needs not show which epoch it has.
    session.early = None
    room.join(session)
    try:
        for update in updates:
            room.receive(session, (messages.step2(update) if relayed else messages.change(update)).body)
            await room.saved()
    finally:
        room.leave(session)
    if desk.sent_away:
        raise Unavailable(f"The change was not taken: {desk.sent_away}")
    return desk.refused


def _update(state: bytes, change: Callable[[Doc[Any]], object], client_id: int | None) -> bytes:
    copy: Doc[Any] = Doc() if client_id is None else Doc(client_id=client_id)
    copy.apply_update(state)
    if client_id is not None and client_id in _clients(copy.get_state()):
        return NOTHING
    done: list[bytes] = []
    watching = copy.observe(lambda event: done.append(event.update))
    with copy.transaction():
        change(copy)
    copy.unobserve(watching)
    return done[0] if done else NOTHING


def _clients(state: bytes) -> dict[int, int]:
    reader = Reader(state)
    return {reader.uint(): reader.uint() for _ in range(reader.uint())}
