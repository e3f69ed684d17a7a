"""Studio: a connection to one project of a studio, which comes back by itself."""

import asyncio
import contextlib
import random
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from pycrdt import Decoder, write_message, write_var_uint

from client.document import LocalDocument, other_epoch
from client.errors import ClientError, Refused
from client.offline import OfflineLog
from client.signing_in import SignIn, sign_in
from crdt_schema.ids import check_id
from crdt_schema.wire import CloseCode, Kind, may_retry

__all__ = ["SignIn", "Studio", "sign_in"]

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 15.0
HEARTBEAT_SECONDS = 20.0
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
TOKEN, DENIED, ADMITTED = 0, 1, 2


class Studio:
    """One project over one socket (Hocuspocus dialect). Use it as a context manager.

    `who` is what `sign_in` gave, or a personal API token. `keep` is a folder on this machine: with it, what is edited
    without a network survives the program.
    """

    def __init__(self, url: str, who: SignIn | str, project: str, *, keep: Path | None = None) -> None:
        self._address = f"{url.rstrip('/')}/ws/{check_id(project)}"
        self._who = who
        self._project = project
        self._keep = keep
        self._documents: dict[str, LocalDocument] = {}
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to connect; documents can be opened and edited at once."""
        self._task = asyncio.create_task(self._stay_connected(), name="studio connection")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up. What is not saved is kept only with a `keep` folder."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for document in self._documents.values():
            document.close()

    def open(self, name: str) -> LocalDocument:
        """A document of the project, the same object each time."""
        if name not in self._documents:
            log = OfflineLog(self._keep / self._project / f"{name.replace('/', '~')}.sqlite") if self._keep else None
            self._documents[name] = LocalDocument(name, log)
            self._documents[name].ask_again = lambda: self._ask_for(name)
            self._ask_for(name)
        return self._documents[name]

    async def _stay_connected(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        async with aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    try:
                        code = await self._connect(session)
                    except Refused as refused:
                        await self._fail_all(refused)
                        return
                    pause = FIRST_PAUSE_SECONDS
                    if not may_retry(code):
                        await self._fail_all(Refused(f"The studio closed the connection for good ({code})."))
                        return
                # Spread out, so that a whole studio does not come back in the same moment.
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _connect(self, session: aiohttp.ClientSession) -> int:
        """One connection, until it ends; the close code."""
        if isinstance(self._who, SignIn):
            await self._who.renew(session)
        async with session.ws_connect(
            self._address, heartbeat=HEARTBEAT_SECONDS, max_msg_size=MAX_MESSAGE_BYTES
        ) as socket:
            self._socket = socket
            self._outbox = asyncio.Queue()
            tasks = [asyncio.create_task(self._write(socket), name="studio writer")]
            if isinstance(self._who, SignIn):
                tasks.append(asyncio.create_task(self._who.stay(session), name="studio sign-in"))
            try:
                for name in self._documents:
                    self._ask_for(name)
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.BINARY:
                        await self._receive(message.data)
            finally:
                self._socket = None
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for document in self._documents.values():
                    document.disconnect()
            return socket.close_code or 1006

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await socket.send_bytes(await self._outbox.get())

    def _ask_for(self, name: str) -> None:
        if self._socket is not None:
            self._put(name, Kind.AUTH, TOKEN, (self._who if isinstance(self._who, str) else self._who.token).encode())

    def _put(self, name: str, kind: Kind, step: int, data: bytes) -> None:
        head = write_message(name.encode()) + write_var_uint(kind) + write_var_uint(step)
        self._outbox.put_nowait(head + write_message(data))

    async def _receive(self, frame: bytes) -> None:
        if len(frame) <= 1:
            return
        decoder = Decoder(frame)
        document = self._documents.get(decoder.read_var_string())
        kind = decoder.read_var_uint()
        if document is None:
            return
        match kind:
            case Kind.SYNC | Kind.SYNC_REPLY:
                step = decoder.read_var_uint()
                await self._sync(document, step, decoder.read_message() or b"")
            case Kind.SYNC_STATUS:
                await document.receive_status(saved=decoder.read_var_uint() == 1)
            case Kind.AUTH:
                await self._admitted(document, decoder.read_var_uint(), decoder.read_var_string())
            case _:
                pass

    async def _sync(self, document: LocalDocument, step: int, data: bytes) -> None:
        try:
            await document.receive(step, data)
        except ClientError as error:
            await document.fail(error)

    async def _admitted(self, document: LocalDocument, verdict: int, words: str) -> None:
        if verdict == ADMITTED:
            document.writable = words == "read-write"
            document.connect(lambda step, data: self._put(document.name, Kind.SYNC, step, data))
        elif verdict == DENIED:
            epoch = words.startswith(f"{int(CloseCode.OTHER_EPOCH)} ")
            await document.fail(other_epoch(document.name) if epoch else Refused(words))

    async def _fail_all(self, error: ClientError) -> None:
        for document in self._documents.values():
            await document.fail(error)
