"""Speaks HTTP to one provider: the key only where it belongs, nothing private reached, nothing endless fetched."""

import asyncio
import base64
import ipaddress
import json
import mimetypes
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from pipelines.providers import Provider, at
from pipelines.spec import PipelineError

MAX_FILE_BYTES = 4 * 1024**3
MAX_REPLY_BYTES = 64 * 1024**2
MAX_REDIRECTS = 3
MESSAGE_CHARS = 400
HIDDEN = "[key]"

_CHUNK_BYTES = 1024 * 1024
_LOOPBACK = "127.0.0.1"


class Busy(Exception):
    """The provider did not do it now (429 or 5xx), or could not be reached."""

    def __init__(self, message: str, *, after_seconds: float = 0.0, may_have_happened: bool = False) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds
        """How long the provider wants to be left alone; 0 where it does not say."""
        self.may_have_happened = may_have_happened


class Reply:
    """What a provider answered."""

    def __init__(self, body: dict[str, Any], headers: Mapping[str, str]) -> None:
        self.body = body
        self.headers = headers


class Http:
    """A session with one provider, with its key."""

    def __init__(self, provider: Provider, key: str) -> None:
        self._provider = provider
        self._key = key
        self._is_local = urlsplit(provider.base).hostname == _LOOPBACK
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = ThreadedResolver() if self._is_local else _PublicOnly()
        timeout = aiohttp.ClientTimeout(total=None, connect=10.0, sock_read=60.0)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver), timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def redacted(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self._key, HIDDEN) if self._key else text

    def own(self, address: str) -> str:
        """An address out of a reply, when it is the provider's own; the key goes nowhere else."""
        base, other = urlsplit(self._provider.base), urlsplit(address)
        if (other.scheme, other.netloc) != (base.scheme, base.netloc):
            raise PipelineError(f"{self._provider.label} answered with an address that is not its own")
        return address

    async def ask(self, method: str, address: str, **request: Any) -> Reply:  # noqa: ANN401 - aiohttp's own options
        """One request with the key; raises Busy, or PipelineError with the provider's words."""
        headers = {"Authorization": self._provider.authorization.format(key=self._key), **request.pop("headers", {})}
        try:
            async with self._http.request(method, address, headers=headers, allow_redirects=False, **request) as reply:
                text = await self._text(reply)
                self._judge(reply, text)
                return Reply(_object(text), reply.headers)
        except aiohttp.ClientConnectorError as error:
            raise Busy(f"{self._provider.label} cannot be reached") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Busy(f"{self._provider.label} did not answer", may_have_happened=True) from error

    async def _text(self, reply: aiohttp.ClientResponse) -> str:
        content = bytearray()
        async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
            content += chunk
            if len(content) > MAX_REPLY_BYTES:
                raise PipelineError(f"{self._provider.label} answered with more than {MAX_REPLY_BYTES} bytes")
        return content.decode(errors="replace")

    def _judge(self, reply: aiohttp.ClientResponse, text: str) -> None:
        label, status = self._provider.label, reply.status
        if status in (429, 503):
            raise Busy(f"{label} is busy", after_seconds=_seconds(reply.headers.get("Retry-After", "")))
        if status >= 500:  # noqa: PLR2004 - HTTP's failures of a server
            raise Busy(f"{label} failed with status {status}", may_have_happened=True)
        if status in (401, 403):
            raise PipelineError(f"{label} did not accept the key {self._provider.key} of this farm node")
        if status == 402:  # noqa: PLR2004 - HTTP's payment required
            raise PipelineError(f"The account at {label} has no credit left")
        if status >= 300:  # noqa: PLR2004 - HTTP's success ends there
            raise PipelineError(self.words(_object(text)) or f"{label} refused the request with status {status}")

    def words(self, body: Mapping[str, Any]) -> str:
        """What a reply says went wrong, short and without the key; empty when it says nothing."""
        for path in self._provider.error_at:
            for told in cast("list[object]", at(body, path)):
                spoken = "; ".join(map(str, at(cast("object", told), "*.msg"))) if isinstance(told, list) else str(told)
                if spoken:
                    return self.redacted(f"{self._provider.label}: {spoken}")[:MESSAGE_CHARS]
        return ""

    async def inline(self, path: Path) -> str:
        """What stands for a file in a request: itself as a data URI, or the address of an upload."""
        content = await asyncio.to_thread(path.read_bytes)
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        most = self._provider.max_inline_bytes
        if len(content) <= most:
            return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
        upload = self._provider.upload
        if upload is None:
            raise PipelineError(
                f"{path.name} is too large for {self._provider.label}, which takes {most} bytes at most"
            )
        form = aiohttp.FormData()
        form.add_field(upload.field, content, filename=path.name, content_type=media_type)
        reply = await self.ask("POST", self._provider.base + upload.path, data=form)
        return str(at(reply.body, upload.address_at)[0])

    async def download(self, address: str, target: Path) -> str:
        """Fetch a result, and return its media type; only https, nothing private, at most MAX_FILE_BYTES."""
        for _ in range(MAX_REDIRECTS + 1):
            self._check_public(address)
            headers = {"Authorization": self._provider.authorization.format(key=self._key)}
            try:
                async with self._http.get(
                    address, headers=headers if self._is_trusted(address) else {}, allow_redirects=False
                ) as reply:
                    if reply.status in (301, 302, 303, 307, 308):
                        address = urljoin(address, reply.headers.get("Location", ""))
                        continue
                    if reply.status != 200:  # noqa: PLR2004 - HTTP's OK
                        raise Busy(f"The result could not be fetched, status {reply.status}")
                    await _save(reply, target)
                    return reply.content_type
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise Busy("The result could not be fetched") from error
        raise PipelineError(f"{self._provider.label} leads from one address to another without end")

    def _is_trusted(self, address: str) -> bool:
        host, base = urlsplit(address).netloc, urlsplit(self._provider.base).netloc
        return host == base or any(host == name or host.endswith(f".{name}") for name in self._provider.key_hosts)

    def _check_public(self, address: str) -> None:
        parts = urlsplit(address)
        if self._is_local and parts.hostname == _LOOPBACK:
            return
        if parts.scheme != "https" or not parts.hostname or _is_private(parts.hostname):
            raise PipelineError(f"{self._provider.label} answered with an address that must not be fetched")

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the session is used before it is entered")
        return self._session


class _PublicOnly(ThreadedResolver):
    """Knows no host inside this network, whatever a name is made to point at."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = [entry for entry in await super().resolve(host, port, family) if not _is_private(entry["host"])]
        if not found:
            raise OSError(f"{host} is not a public host")
        return found


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


async def _save(reply: aiohttp.ClientResponse, target: Path) -> None:
    with target.open("wb") as out:
        async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
            if out.tell() + len(chunk) > MAX_FILE_BYTES:
                raise PipelineError(f"The result is larger than {MAX_FILE_BYTES} bytes")
            out.write(chunk)


def _seconds(text: str) -> float:
    return float(text) if text.isdigit() else 0.0


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
