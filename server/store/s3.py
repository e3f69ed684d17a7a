"""Blobs in an S3 bucket: one shared bucket, one prefix per project, each object named and checked by its hash."""

import asyncio
import base64
import hashlib
import importlib
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from crdt_schema.ids import BlobHash, is_blob_hash, is_id
from server.config import Config
from server.errors import NotFound, Unavailable
from server.store.blobs import Incoming, WrongHash, disk_full_explained, receive

T = TypeVar("T")
PART_BYTES = 16 << 20
"""A larger blob is sent in parts of this size; S3 takes no more than 10,000 of them, so 160 GB."""
AT_ONCE = 8
"""Threads that speak with the bucket: a slow one must not hold up the disk's."""
READ_BYTES = 1 << 18
CONNECT_SECONDS, ANSWER_SECONDS = 5, 60
ATTEMPTS = 3
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
ALREADY_THERE = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
NO_BLOB = "There is no such file in this project."


class BucketAway(Unavailable):
    """The bucket does not answer, or refuses this studio."""

    code = "bucket_unavailable"


@dataclass(frozen=True)
class S3Settings:
    """Where the bucket is; credentials come from where boto3 looks for them (environment, profile, instance role)."""

    bucket: str
    endpoint: str = ""
    """Empty: Amazon's own."""
    prefix: str = ""
    """The tenant's part of a shared bucket (X-023)."""
    region: str = ""


class Bucket:
    """The connection to one bucket; hands out a BlobStore per project."""

    def __init__(self, settings: S3Settings, spool: Path | None = None) -> None:
        """`spool`: where streams wait until their hash is known; None: the system's temporary folder."""
        # Loaded here: it takes a third of a second, and only studios with a bucket need it.
        boto3: Any = importlib.import_module("boto3")
        config: Any = importlib.import_module("botocore.config")
        self.name = settings.bucket
        self.spool = spool or Path(tempfile.gettempdir())
        self._prefix = settings.prefix.strip("/")
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3")
        self.client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=settings.endpoint or None,
            region_name=settings.region or "us-east-1",
            config=config.Config(
                signature_version="s3v4",
                connect_timeout=CONNECT_SECONDS,
                read_timeout=ANSWER_SECONDS,
                max_pool_connections=AT_ONCE,
                retries={"max_attempts": ATTEMPTS, "mode": "standard"},
                s3={"addressing_style": "path" if settings.endpoint else "auto"},
            ),
        )

    def blobs(self, project: str) -> "S3Blobs":
        """The blobs of one project; raises NotFound for what cannot be a project's id."""
        if not is_id(project):
            raise NotFound("There is no such project.")
        start = f"{self._prefix}/{project}" if self._prefix else project
        return S3Blobs(self, f"{start}/lfs/")

    async def call(self, work: Callable[[], T]) -> T:
        """Run what blocks on the bucket in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Let go of threads and connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.client.close()


def bucket_of(config: Config) -> Bucket | None:
    """The bucket that the settings name; None: media stay on this machine."""
    if not config.s3_bucket:
        return None
    settings = S3Settings(config.s3_bucket, config.s3_endpoint, config.s3_prefix, config.s3_region)
    return Bucket(settings, config.state_folder / "spool")


class S3Blobs:
    """The blobs of one project below a prefix of a bucket; a BlobStore."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._s3 = bucket.client
        self._prefix = prefix

    def key(self, blob: str) -> str:
        """Where a blob stands in the bucket, laid out as Git LFS does; raises NotFound for what is no hash."""
        if not is_blob_hash(blob):
            raise NotFound(NO_BLOB)
        return f"{self._prefix}{blob[:2]}/{blob[2:4]}/{blob}"

    async def find(self, blob: str) -> int | None:
        """Size of a blob; None when it is not there. Raises BucketAway."""
        return await self._bucket.call(partial(self._size, blob)) if is_blob_hash(blob) else None

    async def put(
        self, chunks: AsyncIterator[bytes], *, expected: str | None = None, max_bytes: int | None = None
    ) -> tuple[BlobHash, int]:
        """Store a stream once its hash is known; raises WrongHash, TooLarge, DiskFull, BucketAway."""
        with disk_full_explained():
            await asyncio.to_thread(self._bucket.spool.mkdir, parents=True, exist_ok=True)
            incoming = await asyncio.to_thread(Incoming, self._bucket.spool)
            try:
                await receive(incoming, chunks, max_bytes)
                blob = await asyncio.to_thread(incoming.finish)
                _demand(blob, expected or blob)
                await self.put_file(incoming.path, blob)
                return blob, incoming.size_bytes
            finally:
                await asyncio.to_thread(incoming.discard)

    async def put_file(self, file: Path, blob: BlobHash) -> None:
        """Store a file whose hash is known; S3 checks it again. Raises WrongHash when the file is another by now."""
        await self._bucket.call(partial(self._send, file, blob))

    async def read(self, blob: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start`, all of them or `length`; raises NotFound, BucketAway."""
        key = self.key(blob)
        size = await self._bucket.call(partial(self._size, blob))
        if size is None:
            raise NotFound(NO_BLOB)
        end = size if length is None else min(size, start + length)
        if start >= end:
            return
        body = await self._bucket.call(partial(self._open, key, start, end))
        try:
            while chunk := await self._bucket.call(partial(_read, body)):
                yield chunk
        finally:
            body.close()

    async def all(self) -> AsyncIterator[BlobHash]:
        """Every blob below the prefix; raises BucketAway."""
        for blob in await self._bucket.call(lambda: list(self._list())):
            yield blob

    async def download_url(self, blob: str, *, seconds: int) -> str | None:
        """A signed address for a GET of this one blob."""
        wanted = {"Bucket": self._bucket.name, "Key": self.key(blob)}
        sign = partial(self._s3.generate_presigned_url, "get_object", Params=wanted, ExpiresIn=seconds)
        return str(await self._bucket.call(partial(_told, sign)))

    async def upload_url(self, blob: str, size_bytes: int, *, seconds: int) -> tuple[str, dict[str, str]]:
        """A signed address for one PUT of this very blob, and the headers that it must be sent with.

        S3 itself refuses other bytes. One PUT takes 5 GB at most.
        """
        wanted = {
            "Bucket": self._bucket.name,
            "Key": self.key(blob),
            "ContentLength": size_bytes,
            "ChecksumSHA256": _base64(blob),
        }
        sign = partial(self._s3.generate_presigned_url, "put_object", Params=wanted, ExpiresIn=seconds)
        address = str(await self._bucket.call(partial(_told, sign)))
        return address, {"x-amz-checksum-sha256": _base64(blob)}

    def _size(self, blob: str) -> int | None:
        with _explained():
            try:
                found = self._s3.head_object(Bucket=self._bucket.name, Key=self.key(blob))
            except Exception as error:
                if _code(error) in MISSING:
                    return None
                raise
            return int(found["ContentLength"])

    def _open(self, key: str, start: int, end: int) -> Any:  # noqa: ANN401 - a stream of botocore, which has no types
        with _explained():
            return self._s3.get_object(Bucket=self._bucket.name, Key=key, Range=f"bytes={start}-{end - 1}")["Body"]

    def _list(self) -> Iterator[BlobHash]:
        with _explained():
            pages = self._s3.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket.name, Prefix=self._prefix):
                for entry in page.get("Contents", ()):
                    name = str(entry["Key"]).rpartition("/")[2]
                    if is_blob_hash(name) and entry["Key"] == self.key(name):
                        yield BlobHash(name)

    def _send(self, file: Path, blob: BlobHash) -> None:
        with _explained():
            if self._size(blob) is not None:
                return
            if file.stat().st_size > PART_BYTES:
                self._send_in_parts(file, blob)
                return
            data = file.read_bytes()
            _demand(hashlib.sha256(data).hexdigest(), blob)
            self._finish("put_object", self.key(blob), Body=data, ChecksumSHA256=_base64(blob))

    def _send_in_parts(self, file: Path, blob: BlobHash) -> None:
        where: dict[str, Any] = {"Bucket": self._bucket.name, "Key": self.key(blob)}
        upload = self._s3.create_multipart_upload(**where, ChecksumAlgorithm="SHA256")["UploadId"]
        try:
            parts, digest = list[dict[str, object]](), hashlib.sha256()
            with file.open("rb") as source:
                for number, data in enumerate(iter(partial(source.read, PART_BYTES), b""), 1):
                    digest.update(data)
                    checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
                    sent = self._s3.upload_part(
                        **where, UploadId=upload, PartNumber=number, Body=data, ChecksumSHA256=checksum
                    )
                    parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum})
            # A checksum over parts is not the blob's own, so this is asked before the object comes to be.
            _demand(digest.hexdigest(), blob)
            self._finish("complete_multipart_upload", where["Key"], UploadId=upload, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(Exception):
                self._s3.abort_multipart_upload(**where, UploadId=upload)
            raise

    def _finish(self, operation: str, key: str, **given: object) -> None:
        """Let an object come to be unless it is there; two at once are one."""
        try:
            getattr(self._s3, operation)(Bucket=self._bucket.name, Key=key, IfNoneMatch="*", **given)
        except Exception as error:
            # A conflict with somebody who sends the same: unless they fail, it is there.
            if _code(error) not in ALREADY_THERE or self._size(key.rpartition("/")[2]) is None:
                raise


def _demand(found: str, wanted: str) -> None:
    if found != wanted:
        raise WrongHash.on_the_way()


def _read(body: Any) -> bytes:  # noqa: ANN401 - as `_open`
    with _explained():
        return body.read(READ_BYTES)


def _told(work: Callable[[], T]) -> T:
    with _explained():
        return work()


def _base64(blob: str) -> str:
    return base64.b64encode(bytes.fromhex(blob)).decode()


def _code(error: Exception) -> str:
    """The word in which S3 says what is wrong; empty for other failures."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


@contextmanager
def _explained() -> Generator[None]:
    """Turn whatever boto3 raises into BucketAway; what it says of keys and hosts stays in the log."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in {"botocore", "boto3", "urllib3"}:
            raise
        raise BucketAway(
            "The bucket that holds the media cannot be reached or refuses this studio. Try again; if it stays, ask "
            "whoever runs this studio."
        ) from error
