"""Git's pack format as far as a writer needs it (gitformat-pack): many new objects in one file, without deltas."""

import hashlib
import os
import struct
import tempfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["tree", "blob"]
NUMBERS: dict[Kind, int] = {"tree": 2, "blob": 3}
READ_ONLY = 0o444
LEVEL = 1
"""Documents are compressed in a tenth of the time and to hardly more; `git gc` packs them again."""


class NewObject(NamedTuple):
    """A blob or a tree that is not in the repository."""

    oid: str
    kind: Kind
    data: bytes


class _Packed(NamedTuple):
    oid: bytes
    crc: int
    offset: int


def write_pack(folder: Path, objects: Collection[NewObject]) -> Path:
    """Write objects as a pack with its index, on disk when this returns; the pack's file."""
    parts, at = [b"PACK" + struct.pack(">II", 2, len(objects))], 12
    index: list[_Packed] = []
    for one in sorted(objects):
        part = _head(NUMBERS[one.kind], len(one.data)) + zlib.compress(one.data, LEVEL)
        index.append(_Packed(bytes.fromhex(one.oid), zlib.crc32(part), at))
        parts.append(part)
        at += len(part)
    body = b"".join(parts)
    trailer = _sha1(body)
    folder.mkdir(exist_ok=True)
    place = folder / f"pack-{trailer.hex()}.pack"
    put(place, body + trailer)
    # The index last: without it nobody looks at the pack.
    put(place.with_suffix(".idx"), _index(index, trailer))
    sync_folder(folder)
    return place


def _head(number: int, size_bytes: int) -> bytes:
    """Type and size of an object: four bits of the size in the first byte, seven in each one after it."""
    head, left = [number << 4 | size_bytes & 0x0F], size_bytes >> 4
    while left:
        head[-1] |= 0x80
        head.append(left & 0x7F)
        left >>= 7
    return bytes(head)


def _index(packed: list[_Packed], pack: bytes) -> bytes:
    """The index of version 2; `packed` is sorted by object id, and the pack is smaller than 2 GiB."""
    fan_out = [0] * 256
    for one in packed:
        fan_out[one.oid[0]] += 1
    for at in range(1, 256):
        fan_out[at] += fan_out[at - 1]
    body = b"".join(
        (
            b"\xfftOc" + struct.pack(">I256I", 2, *fan_out),
            *(one.oid for one in packed),
            struct.pack(f">{len(packed)}I", *(one.crc for one in packed)),
            struct.pack(f">{len(packed)}I", *(one.offset for one in packed)),
            pack,
        )
    )
    return body + _sha1(body)


def put(place: Path, data: bytes) -> None:
    """Write an object file in one step; its name is durable after `sync_folder`."""
    number, name = tempfile.mkstemp(dir=place.parent, prefix="tmp_obj_")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            os.fchmod(number, READ_ONLY)
            file.flush()
            os.fsync(number)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
