"""What crosses the socket: message kinds of both dialects, close codes and their retry bands."""

from enum import IntEnum


class SyncStep(IntEnum):
    """Second number of a sync message (y-protocols)."""

    STEP1 = 0
    STEP2 = 1
    UPDATE = 2


class Kind(IntEnum):
    """First number of a message; 0 to 3 are y-websocket's, all are Hocuspocus's."""

    SYNC = 0
    AWARENESS = 1
    AUTH = 2
    QUERY_AWARENESS = 3
    SYNC_REPLY = 4
    STATELESS = 5
    BROADCAST_STATELESS = 6
    CLOSE = 7
    SYNC_STATUS = 8
    PING = 9
    PONG = 10


class CloseCode(IntEnum):
    """Why the hub ends a session. 4400 to 4499: do not come back with the same; else retry with back-off."""

    GOING_AWAY = 1001
    TRY_AGAIN_LATER = 1013
    BAD_MESSAGE = 4400
    UNAUTHORISED = 4401
    FORBIDDEN = 4403
    NO_SUCH_DOCUMENT = 4404
    OTHER_EPOCH = 4409
    TOO_LARGE = 4413
    TOO_FREQUENT = 4429
    REPLACED = 4500


def may_retry(code: int) -> bool:
    """Whether a client that was closed with `code` should come back by itself."""
    return not 4400 <= code < 4500  # noqa: PLR2004 - the band is the rule
