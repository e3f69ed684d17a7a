"""What a push may change: reads the list of commands before Git sees it, and answers for Git what is refused.

A branch other than the snapshotter's may be made and may grow; a tag may be made. Nothing is deleted or moved back.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from server.errors import BadRequest, TooLarge

LONGEST_LIST_BYTES: Final = 1 << 20
FLUSH: Final = b"0000"
_LENGTH_BYTES: Final = 4
_BAND_BYTES: Final = 900
"""Of the answer in one packet: every client takes a thousand."""
_COMMAND = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) (refs/[^\x00-\x20\x7f]+)\n?")
_SHALLOW = re.compile(rb"shallow [0-9a-f]{40,64}\n?")
UNREADABLE = "This is no push that can be read. Update Git, then push again."


@dataclass(frozen=True)
class Command:
    """One reference that is to be changed; an id of zeros: there is none."""

    old: str
    new: str
    ref: str

    @property
    def makes(self) -> bool:
        """Whether the reference is to be a new one."""
        return not self.old.strip("0")

    @property
    def deletes(self) -> bool:
        """Whether there is to be none afterwards."""
        return not self.new.strip("0")


@dataclass(frozen=True)
class Push:
    """The head of a push: what it wants, what its client understands, and its bytes, to be handed on."""

    commands: tuple[Command, ...]
    capabilities: frozenset[str]
    head: bytes


async def read_push(body: AsyncIterator[bytes]) -> Push:
    """Read up to the end of the list; raises BadRequest for whatever is no plain list, TooLarge."""
    head, at = bytearray(), 0
    commands, capabilities = list[Command](), frozenset[str]()
    async for chunk in body:
        head += chunk
        while (packet := _packet(head, at)) is not None:
            at += max(len(packet), _LENGTH_BYTES)
            if packet == FLUSH:
                return Push(tuple(commands), capabilities, bytes(head))
            line, _, said = packet[_LENGTH_BYTES:].partition(b"\0")
            if said:
                capabilities = frozenset(said.decode(errors="replace").split())
            # Also a signed list is refused here: what it holds would go past us.
            if not _SHALLOW.fullmatch(line):
                commands.append(_command(line))
        if len(head) - at > LONGEST_LIST_BYTES or at > LONGEST_LIST_BYTES:
            raise TooLarge("This push changes too many branches at once. Push them in several goes.")
    raise BadRequest(UNREADABLE)


def _packet(data: bytearray, at: int) -> bytes | None:
    """The packet that begins there, its length included; None while it is not all here."""
    length = bytes(data[at : at + _LENGTH_BYTES])
    if len(length) < _LENGTH_BYTES:
        return None
    if length == FLUSH:
        return FLUSH
    if not re.fullmatch(rb"[0-9a-fA-F]{4}", length) or int(length, 16) <= _LENGTH_BYTES:
        raise BadRequest(UNREADABLE)
    size = int(length, 16)
    return bytes(data[at : at + size]) if len(data) - at >= size else None


def _command(line: bytes) -> Command:
    found = _COMMAND.fullmatch(line)
    if found is None:
        raise BadRequest(UNREADABLE)
    try:
        return Command(found[1].decode(), found[2].decode(), found[3].decode())
    except UnicodeError:
        raise BadRequest("Names of branches and tags must be in UTF-8.") from None


def refusals(push: Push, written_by_us: frozenset[str]) -> dict[str, str]:
    """Why references may not be changed like that; empty: all may. `written_by_us`: the snapshotter's branches."""
    ours = {ref.casefold() for ref in written_by_us}
    found = {command.ref: _refusal(command, ours) for command in push.commands}
    return {ref: reason for ref, reason in found.items() if reason}


def _refusal(command: Command, ours: set[str]) -> str:
    # Some file systems know no capitals: what differs by them alone would be the same branch there.
    if command.ref.casefold() in ours:
        return "Workprint itself writes this branch. Push to one of your own: git push origin HEAD:refs/heads/my-work"
    if command.ref.startswith("refs/heads/"):
        return "branches are not deleted by a push; ask whoever runs this studio" if command.deletes else ""
    if command.ref.startswith("refs/tags/"):
        return "" if command.makes else "a version that has a name keeps it; choose another name"
    return "only branches and tags are kept here"


def report(push: Push, refused: dict[str, str]) -> bytes | None:
    """The answer to a push of which something is refused: nothing of it was done. None: its client wants no answer."""
    if not push.capabilities & {"report-status", "report-status-v2"}:
        return None
    lines = [b"unpack ok\n"]
    for command in push.commands:
        reason = refused.get(command.ref, "something else in this push was refused, so nothing was changed")
        lines.append(f"ng {command.ref} {reason}\n".encode())
    told = b"".join(map(framed, lines)) + FLUSH
    if "side-band-64k" not in push.capabilities:
        return told
    bands = (told[start : start + _BAND_BYTES] for start in range(0, len(told), _BAND_BYTES))
    return b"".join(framed(b"\x01" + band) for band in bands) + FLUSH


def framed(data: bytes) -> bytes:
    """Data as one packet of Git's protocol."""
    return f"{len(data) + _LENGTH_BYTES:04x}".encode() + data
