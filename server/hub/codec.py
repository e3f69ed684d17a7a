"""Variable-length numbers, byte strings and texts as lib0 writes them; pure."""

from server.errors import BadRequest

_MAX_BITS = 53  # lib0 refuses numbers that JavaScript cannot hold exactly
_MAX = 1 << _MAX_BITS


class BadMessage(BadRequest):
    """Bytes that are no message of the protocol."""


class Reader:
    """Reads one message from its start; raises BadMessage where it makes no sense."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at

    def uint(self) -> int:
        """The next number."""
        value = shift = 0
        data, at = self._data, self._at
        while True:
            if at >= len(data) or shift > _MAX_BITS:
                raise BadMessage("the message ends inside a number")
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the continuation bit
                if value >= _MAX:
                    raise BadMessage("the message holds a number that is too large")
                self._at = at
                return value
            shift += 7

    def chunk(self) -> bytes:
        """The next byte string, with its length in front."""
        length = self.uint()
        start = self._at
        self.skip(length)
        return self._data[start : self._at]

    def byte(self) -> int:
        """The next byte."""
        self.skip(1)
        return self._data[self._at - 1]

    def skip(self, count: int) -> None:
        """Pass over some bytes."""
        if self._at + count > len(self._data):
            raise BadMessage("the message ends inside a byte string")
        self._at += count

    def skip_chunk(self) -> None:
        """Pass over a byte string with its length in front."""
        self.skip(self.uint())

    def text(self) -> str:
        """The next UTF-8 text, with its length in bytes in front."""
        try:
            return self.chunk().decode()
        except UnicodeDecodeError:
            raise BadMessage("the message holds a text that is no UTF-8") from None

    @property
    def at(self) -> int:
        """How many bytes have been read."""
        return self._at

    def rest(self) -> bytes:
        """Everything that has not been read."""
        return self._data[self._at :]

    @property
    def done(self) -> bool:
        """Whether everything has been read."""
        return self._at >= len(self._data)


def uint(value: int) -> bytes:
    """A number."""
    if value < 0x80:  # noqa: PLR2004 - one byte, the usual case
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:  # noqa: PLR2004 - the continuation bit
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    out.append(value)
    return bytes(out)


def chunk(data: bytes) -> bytes:
    """A byte string with its length in front."""
    return uint(len(data)) + data


def text(value: str) -> bytes:
    """A text with its length in bytes in front."""
    return chunk(value.encode())
