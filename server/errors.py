"""The tree of expected failures; each class carries its HTTP status, its word and its close code.

    WorkprintError
    +-- BadRequest        400  4400  what was sent makes no sense
    |   +-- TooLarge      413  4413  ... or there is too much of it
    +-- Unauthorised      401  4401  nobody knows who is asking
    +-- Forbidden         403  4403  known, but not allowed
    +-- NotFound          404  4404  no such thing, or none that you may see
    +-- Conflict          409  4400  it was changed or made by somebody else first
    +-- Locked            423  4403  somebody has locked it, who may also unlock it
    +-- TooMany           429  1013  too often; come back later
    +-- Unavailable       503  1013  a part that this needs is not there right now

A message is written for the person who sees it: what happened and what to do. It never holds a path or a secret.
"""

from typing import ClassVar

from crdt_schema.wire import CloseCode


class WorkprintError(Exception):
    """An expected failure with a message for the person who caused it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    close_code: ClassVar[CloseCode] = CloseCode.TRY_AGAIN_LATER

    @property
    def message(self) -> str:
        """What happened and what to do, in words."""
        return str(self)


class BadRequest(WorkprintError):
    """What was sent makes no sense."""

    status = 400
    code = "bad_request"
    close_code = CloseCode.BAD_MESSAGE


class TooLarge(BadRequest):
    """More bytes than are taken at once."""

    status = 413
    code = "too_large"
    close_code = CloseCode.TOO_LARGE


class Unauthorised(WorkprintError):
    """Nobody knows who is asking."""

    status = 401
    code = "unauthorised"
    close_code = CloseCode.UNAUTHORISED


class Forbidden(WorkprintError):
    """Known, but not allowed."""

    status = 403
    code = "forbidden"
    close_code = CloseCode.FORBIDDEN


class NotFound(WorkprintError):
    """No such thing, or none that this person may see."""

    status = 404
    code = "not_found"
    close_code = CloseCode.NO_SUCH_DOCUMENT


class Conflict(WorkprintError):
    """It was changed or made by somebody else first."""

    status = 409
    code = "conflict"
    close_code = CloseCode.BAD_MESSAGE


class Locked(WorkprintError):
    """Somebody has locked it; the message says who can lift that."""

    status = 423
    code = "locked"
    close_code = CloseCode.FORBIDDEN


class TooMany(WorkprintError):
    """Too often; come back later."""

    status = 429
    code = "too_many"

    def __init__(self, message: str, *, retry_after_seconds: float = 0.0) -> None:
        """`retry_after_seconds`: when it is worth trying again; 0: nobody knows."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(WorkprintError):
    """A part that this needs is not there right now."""

    status = 503
    code = "unavailable"
