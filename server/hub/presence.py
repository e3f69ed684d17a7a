"""Presence: who is in a room and what they point at; latest state per client, coalesced, forgotten when they go."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import structlog

from server.hub import codec
from server.hub.codec import BadMessage, Reader
from server.hub.limits import Limits
from server.hub.rates import Bucket
from server.hub.session import Session

REMEMBER_GONE_SECONDS = 60.0
"""Providers repeat other people's states; a repetition must not bring back who has left within this time."""

MAX_ENTRIES = 4096
"""Clients in one message: clients repeat what they heard, so a whole room may stand in it."""
MAX_PRESENCE_CLOCK = (1 << 53) - 1024
"""Counting on from here would give numbers that JavaScript cannot hold, and break whoever reads them."""


def _no_constant(name: str) -> NoReturn:
    raise BadMessage(f"a presence state holds {name}, which is no JSON")


# One decoder for all: json.loads builds a new one per call when it gets an option. NaN would break every browser.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


@dataclass(slots=True)
class _Client:
    """One Yjs client's presence as the room last relayed it."""

    clock: int
    state: bytes
    """JSON; `null` when it has gone."""
    user_id: str
    owner: Session | None
    encoded: bytes


class Presence:
    """The presence states of one room, in the encoding of y-protocols/awareness. Keeps no socket and no timer."""

    def __init__(
        self,
        limits: Limits,
        now: Callable[[], float] = time.monotonic,
        refuse: Callable[[str], None] = lambda _kind: None,
    ) -> None:
        """`refuse` hears a short word for each message that was dropped."""
        self._limits = limits
        self._now = now
        self._refuse = refuse
        self._buckets: dict[Session, Bucket] = {}
        self._log = structlog.get_logger(__name__)
        self._clients: dict[int, _Client] = {}
        self._gone: dict[int, float] = {}
        self.changed: dict[int, Session | None] = {}
        """Clients of which there is news, and who brought it."""
        self._everybody: bytes | None = None
        self._own_id = secrets.randbits(32) | 1
        self._own_state: dict[str, object] = {}

    def receive(self, session: Session, data: bytes) -> None:
        """Take what a session says about its clients; raises BadMessage. What it says about others is left out."""
        bucket = self._buckets.get(session)
        if bucket is None:
            rate = self._limits.presence_per_second
            bucket = self._buckets[session] = Bucket(rate, 2 * rate, self._now)
        if not bucket.takes(1.0):
            self._refuse("presence_too_frequent")
            return
        reader = Reader(data)
        count = reader.uint()
        if count > MAX_ENTRIES:
            raise BadMessage(f"a presence message speaks of more than {MAX_ENTRIES} clients")
        for _ in range(count):
            client_id, clock, state = reader.uint(), reader.uint(), reader.chunk()
            if clock > MAX_PRESENCE_CLOCK:
                raise BadMessage("a presence clock cannot grow any more")
            self._hear(session, client_id, clock, state)

    def _hear(self, session: Session, client_id: int, clock: int, state: bytes) -> None:
        known = self._clients.get(client_id)
        if not self._speaks_for(session, client_id, clock, known):
            return
        if known is not None and clock == known.clock:
            if state == known.state:
                return
            # A client that lost its socket says again what it said before; the others would take it for old news.
            clock += state != b"null"
        if len(state) > self._limits.presence_bytes:
            self._refuse("presence_too_large")
            self._log.info("presence_too_large", user=session.actor.user_id, size_bytes=len(state))
            return
        self._set(client_id, clock, checked(state, session), session)

    def _speaks_for(self, session: Session, client_id: int, clock: int, known: _Client | None) -> bool:
        """Providers repeat what they hear about others, so a foreign client id is no offence; it is just not news."""
        if known is None:
            return client_id != self._own_id and len(session.clients) < self._limits.presence_clients
        if clock < known.clock or known.user_id != session.actor.user_id:
            return False
        if known.owner is None and session.clients and clock == known.clock:
            # Another tab of theirs repeats what it knew; who comes back says it on a socket that speaks for nobody yet.
            return False
        # The same person on a new socket, before the old one was found dead: its clock must have moved on.
        return known.owner is session or known.owner is None or clock > known.clock

    def _set(self, client_id: int, clock: int, state: bytes, owner: Session | None) -> None:
        known = self._clients.get(client_id)
        gone = state == b"null"
        if known is None and gone:
            return
        if known is not None and known.owner is not None:
            known.owner.clients.discard(client_id)
        if owner is not None and not gone:
            owner.clients.add(client_id)
        user_id = owner.actor.user_id if owner is not None else known.user_id if known is not None else ""
        encoded = b"".join((codec.uint(client_id), codec.uint(clock), codec.chunk(state)))
        self._clients[client_id] = _Client(clock, state, user_id, None if gone else owner, encoded)
        self.changed[client_id] = owner
        self._everybody = None
        if gone:
            self._gone[client_id] = self._now()
            self._forget()
        else:
            self._gone.pop(client_id, None)

    def owner_of(self, client_id: int) -> str | None:
        """The user who is present with a Yjs client id; None when nobody is."""
        known = self._clients.get(client_id)
        return known.user_id if known is not None and known.owner is not None else None

    def leave(self, session: Session) -> None:
        """Say goodbye for a session whose socket is gone."""
        self._buckets.pop(session, None)
        for client_id in list(session.clients):
            client = self._clients[client_id]
            self._set(client_id, client.clock, b"null", None)
        session.clients.clear()

    def present(self, field: str, value: object | None) -> None:
        """Set a field of the server's own state; None removes it."""
        state = {name: item for name, item in self._own_state.items() if name != field}
        if value is not None:
            state[field] = value
        if state != self._own_state:
            self._own_state = state
            self.renew()

    def renew(self) -> None:
        """Say the server's own state again: clients forget who was silent for 30 s."""
        known = self._clients.get(self._own_id)
        clock = known.clock + 1 if known is not None else 1
        state = json.dumps(self._own_state, separators=(",", ":")) if self._own_state else "null"
        self._set(self._own_id, clock, state.encode(), None)

    @property
    def speaks(self) -> bool:
        """Whether the server itself has something to show in this room."""
        return bool(self._own_state)

    def take(self) -> tuple[bytes, Session | None] | None:
        """What changed since the last call as one update, and its author when there is just one; None if nothing."""
        if not self.changed:
            return None
        authors = set(self.changed.values())
        update = self._encode(self.changed)
        self.changed = {}
        return update, authors.pop() if len(authors) == 1 else None

    def everybody(self) -> bytes | None:
        """All who are here as one update; None when nobody is."""
        if self._everybody is None:
            self._everybody = self._encode([key for key in self._clients if key not in self._gone])
        return self._everybody if self._everybody != b"\0" else None

    def states(self) -> dict[int, dict[str, Any]]:
        """Everybody's state by Yjs client id."""
        present = {key: client for key, client in self._clients.items() if key not in self._gone}
        return {key: json.loads(client.state) for key, client in present.items()}

    def _encode(self, client_ids: dict[int, Session | None] | list[int]) -> bytes:
        return codec.uint(len(client_ids)) + b"".join([self._clients[key].encoded for key in client_ids])

    def _forget(self) -> None:
        for client_id, since in list(self._gone.items()):
            if since > self._now() - REMEMBER_GONE_SECONDS or client_id in self.changed:
                return
            del self._gone[client_id], self._clients[client_id]


def checked(state: bytes, session: Session) -> bytes:
    """The state to relay: `state` itself unless it says somebody else's name; raises BadMessage when it is no JSON."""
    try:
        value: object = _DECODER.decode(state.decode())
    except (ValueError, RecursionError):
        raise BadMessage("a presence state is no JSON") from None
    if value is None:
        return b"null"
    if not isinstance(value, dict):
        raise BadMessage("a presence state is neither an object nor null")
    record = cast("dict[str, object]", value)
    if "user" not in record:
        return state
    claimed: object = record["user"]
    claims = cast("dict[str, object]", claimed) if isinstance(claimed, dict) else {}
    actor = session.actor
    truth = {**claims, "id": actor.user_id, "name": actor.name, "hue": actor.hue}
    if truth == claimed:
        return state
    try:
        return json.dumps({**record, "user": truth}, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise BadMessage("a presence state holds what JSON has no word for") from None
