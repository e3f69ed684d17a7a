"""Branded ids and the one alphabet they are written in."""

import re
import secrets
from typing import NewType

ProjectId = NewType("ProjectId", str)
NodeId = NewType("NodeId", str)
EdgeId = NewType("EdgeId", str)
IntentId = NewType("IntentId", str)
TakeId = NewType("TakeId", str)
UserId = NewType("UserId", str)
BlobHash = NewType("BlobHash", str)
"""SHA-256 in lower-case hex; at once the Git LFS object id."""

MAX_ID_LENGTH = 64
ID_PATTERN = rf"[A-Za-z0-9_-]{{1,{MAX_ID_LENGTH}}}"
_ID = re.compile(ID_PATTERN)
_BLOB = re.compile(r"[0-9a-f]{64}")


class InvalidId(ValueError):
    """An id holds something that could not be a URL part, a Redis key, an RQ job id and a path at once."""


def is_id(value: object) -> bool:
    """Whether `value` is a well-formed id."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def check_id(value: str) -> str:
    """Return `value`, or raise InvalidId."""
    if not is_id(value):
        raise InvalidId(f"an id is 1 to {MAX_ID_LENGTH} characters of A-Z a-z 0-9 _ -, not {value[:80]!r}")
    return value


def is_blob_hash(value: object) -> bool:
    """Whether `value` is a SHA-256 in lower-case hex."""
    return isinstance(value, str) and _BLOB.fullmatch(value) is not None


def new_id(prefix: str = "") -> str:
    """A fresh id with 96 random bits; `prefix` names the kind for human eyes (`shot-…`)."""
    token = secrets.token_hex(12)
    return f"{prefix}-{token}" if prefix else token
