"""Git's pack format as far as a writer needs it (gitformat-pack): many new objects in one file, without deltas."""

import hashlib
import os
import struct
import tempfile
import zlib
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
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
    # The index last: without it nobody looks at the pack.
    put({place: body + trailer, place.with_suffix(".idx"): _index(index, trailer)})
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


def put(files: Mapping[Path, bytes]) -> None:
    """Write object files, each in one step, and in this order; they and their names are on disk when this returns."""
    with ExitStack() as left:
        written: dict[Path, Path] = {}
        for place, data in files.items():
            number, name = tempfile.mkstemp(dir=place.parent, prefix="tmp_obj_")
            left.callback(Path(name).unlink, missing_ok=True)
            with os.fdopen(number, "wb") as file:
                file.write(data)
                os.fchmod(number, READ_ONLY)
            written[place] = Path(name)
        # Each waits for the same journal of the disk, which takes many at once.
        with ThreadPoolExecutor(len(written)) as pool:
            list(pool.map(_sync, written.values()))
            for place, temporary in written.items():
                temporary.replace(place)
            list(pool.map(_sync, {place.parent for place in written}))


def _sync(file_or_folder: Path) -> None:
    number = os.open(file_or_folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
