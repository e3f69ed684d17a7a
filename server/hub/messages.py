"""Messages to clients: the body both dialects share, and its websocket frame, encoded once for all who get it."""

from crdt_schema.wire import Kind, SyncStep
from server.hub import codec
from server.hub.codec import Reader

_FIN_BINARY = 0x82
_SHORT, _MEDIUM = 126, 1 << 16
_KEPT_FRAMES = 4
_SYNC_HEAD = 3
_MORE = 0x80

AUTH_TOKEN, AUTH_DENIED, AUTH_ADMITTED = 0, 1, 2
"""Second number of an AUTH message: give me a token (or: here it is), denied, admitted."""


class Message:
    """One message. Hocuspocus puts the document's address in front of it, y-websocket nothing."""

    __slots__ = ("body", "frames")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.frames: dict[bytes, bytes] = {}
        """The frames that were asked for, by address; `frame` makes those that are missing."""

    def frame(self, address: bytes) -> bytes:
        """The websocket frame for everybody at `address`: the same bytes object each time."""
        frame = self.frames.get(address)
        if frame is None:
            frame = websocket_frame(address, self.body)
            # Session-aware addresses are one per session: a copy for each would keep a room's state a hundredfold.
            if len(self.frames) < _KEPT_FRAMES:
                self.frames[address] = frame
        return frame


def websocket_frame(address: bytes, body: bytes) -> bytes:
    """One unmasked, uncompressed binary frame (RFC 6455), as servers send them."""
    length = len(address) + len(body)
    if length < _SHORT:
        head = bytes((_FIN_BINARY, length))
    elif length < _MEDIUM:
        head = bytes((_FIN_BINARY, _SHORT)) + length.to_bytes(2, "big")
    else:
        head = bytes((_FIN_BINARY, _SHORT + 1)) + length.to_bytes(8, "big")
    return b"".join((head, address, body))


def read_sync(body: bytes) -> tuple[int, bytes]:
    """Step and data of a sync message; raises BadMessage."""
    # Numbers of one byte, the usual case, are read without a call.
    if len(body) > _SYNC_HEAD and body[1] < _MORE and len(body) == _SYNC_HEAD + body[2] and body[2] < _MORE:
        return body[1], body[_SYNC_HEAD:]
    reader = Reader(body, 1)
    return reader.uint(), reader.chunk()


def _sync(step: SyncStep, data: bytes) -> Message:
    return Message(b"".join((bytes((Kind.SYNC, step)), codec.uint(len(data)), data)))


def step1(state: bytes) -> Message:
    """Tell me what is missing here: a state vector."""
    return _sync(SyncStep.STEP1, state)


def step2(update: bytes) -> Message:
    """What you are missing."""
    return _sync(SyncStep.STEP2, update)


def change(update: bytes) -> Message:
    """What just changed."""
    return _sync(SyncStep.UPDATE, update)


def presence(update: bytes) -> Message:
    """Who is here, in the encoding of the awareness protocol."""
    return Message(bytes((Kind.AWARENESS,)) + codec.chunk(update))


def sync_status(*, saved: bool) -> Message:
    """Whether one update was taken and is on disk (Hocuspocus)."""
    return Message(bytes((Kind.SYNC_STATUS, int(saved))))


def stateless(payload: str) -> Message:
    """A notice that is part of no document (Hocuspocus)."""
    return Message(bytes((Kind.STATELESS,)) + codec.text(payload))


def admitted(*, writable: bool) -> Message:
    """Come in (Hocuspocus)."""
    scope = "read-write" if writable else "readonly"
    return Message(bytes((Kind.AUTH, AUTH_ADMITTED)) + codec.text(scope))


def denied(reason: str) -> Message:
    """Not allowed (Hocuspocus)."""
    return Message(bytes((Kind.AUTH, AUTH_DENIED)) + codec.text(reason))


def denied_change(reason: str) -> Message:
    """A change was not taken (y-websocket's only word for it)."""
    return Message(bytes((Kind.AUTH, 0)) + codec.text(reason))


def closed(reason: str) -> Message:
    """This document is closed for you, the socket stays open (Hocuspocus)."""
    return Message(bytes((Kind.CLOSE,)) + codec.text(reason))


NOTHING_NEW = presence(b"\0")
"""Presence of nobody: keeps a provider from taking silence for a lost connection."""
PING = Message(bytes((Kind.PING,)))
PONG = Message(bytes((Kind.PONG,)))
SAVED = sync_status(saved=True)
REFUSED = sync_status(saved=False)
