"""What a person may be called."""

from server.errors import BadRequest

MAX_NAME_LENGTH = 60


def checked_name(name: str) -> str:
    """A name as it is kept, with single spaces; raises BadRequest."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise BadRequest(f"A name has 1 to {MAX_NAME_LENGTH} visible characters.")
    return name
