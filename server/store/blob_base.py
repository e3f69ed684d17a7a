"""BlobStore: what a store of media must promise, in words, whether it is a folder or a bucket."""

from collections.abc import AsyncIterator
from typing import Protocol

from crdt_schema.ids import BlobHash


class BlobStore(Protocol):
    """The blobs of one project by their SHA-256. `tests/promises/test_blob_store.py` holds each store to this.

    - Content decides: a blob's name is the hash of its bytes, so the same bytes twice are one blob, and never change.
    - Whole or not there: a blob is found only when all of it is stored. A stream that breaks off, is cancelled, is too
      long or hashes to something else leaves nothing.
    - At once: any number of puts and reads may run at the same time, of the same blob too.
    - Apart: a store never shows another project's blobs.
    - No path and no key: what is no lower-case SHA-256 is not found, whatever it is.
    - Failures are told: DiskFull, Unavailable and what the network raises, never a blob that is half there.
    """

    async def find(self, blob: str) -> int | None:
        """Size of a blob in bytes; None when it is not here. Raises Unavailable."""
        ...

    async def put(
        self, chunks: AsyncIterator[bytes], *, expected: str | None = None, max_bytes: int | None = None
    ) -> tuple[BlobHash, int]:
        """Store a stream; its hash and size. Raises WrongHash, TooLarge, DiskFull, Unavailable; then keeps nothing."""
        ...

    def read(self, blob: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start`, all of them or `length`; raises NotFound with the first one, Unavailable."""
        ...

    def all(self) -> AsyncIterator[BlobHash]:
        """Every blob there is, in no order. Raises Unavailable."""
        ...

    async def download_url(self, blob: str, *, seconds: int) -> str | None:
        """An address from which whoever has it gets the blob for so long; None where the server itself hands it out."""
        ...
