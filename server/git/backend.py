"""Runs `git http-backend` for one request: a safe environment, a limit of processes and time, nothing left behind."""

import asyncio
import os
import signal
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

import structlog

from server.auth.actor import Actor
from server.errors import TooMany, Unavailable
from server.snapshot.repo import git_email, git_name

log = structlog.get_logger(__name__)

Service = Literal["git-upload-pack", "git-receive-pack"]
"""A fetch and a push, as Git calls what answers them."""

CHUNK_BYTES: Final = 1 << 16
HEADER_LINES: Final = 32
KEPT_STDERR_BYTES: Final = 4096
LAST_SECONDS: Final = 5.0
NOT_NOW = "The repository of this project cannot be served right now. Ask whoever runs this studio."


@dataclass(frozen=True)
class GitLimits:
    """How much serving Git may take from the machine."""

    processes: int = 8
    processes_per_person: int = 4
    idle_seconds: float = 120.0
    """Without a byte in or out. Git itself says every five seconds that it is still at work."""
    longest_seconds: float = 3600.0
    push_bytes: int = 512 << 20
    """Of one push; media are not in it, Git LFS brings them one by one."""


@dataclass(frozen=True)
class Call:
    """One request to the repository in a project's folder."""

    folder: Path
    service: Service
    by: Actor
    advertise: bool
    """True: tell which branches and tags there are; False: take the body and answer it."""
    protocol: str = ""
    """The client's `Git-Protocol` header, already checked."""


class Deadline:
    """Ends what it surrounds when nothing has moved for a while, or when it takes too long altogether."""

    def __init__(self, limits: GitLimits) -> None:
        now = asyncio.get_running_loop().time()
        self._idle_seconds = limits.idle_seconds
        self._end = now + limits.longest_seconds
        self.timeout = asyncio.timeout_at(min(now + limits.idle_seconds, self._end))

    def moved(self) -> None:
        """A byte came or went."""
        if not self.timeout.expired():
            self.timeout.reschedule(min(asyncio.get_running_loop().time() + self._idle_seconds, self._end))


class Running:
    """A `git http-backend` at work."""

    def __init__(self, process: Process, deadline: Deadline, secret: bytes = b"") -> None:
        """`secret` is blotted out of the answer: the folder, which Git names when it cannot write there."""
        self._deadline = deadline
        self._secret = secret
        # They were asked for.
        self._stdin, self._stdout = cast("StreamWriter", process.stdin), cast("StreamReader", process.stdout)

    async def ready(self) -> None:
        """Wait until it has found the repository and begins to answer; raises Unavailable."""
        for _ in range(HEADER_LINES):
            line = (await self._stdout.readline()).strip()
            self._deadline.moved()
            if not line:
                break
            if line.lower().startswith(b"status:"):
                raise Unavailable(NOT_NOW)
        if self._stdout.at_eof():
            raise Unavailable(NOT_NOW)

    async def feed(self, body: AsyncIterator[bytes]) -> None:
        """Give it the request's body as fast as it takes it."""
        try:
            async for chunk in body:
                self._stdin.write(chunk)
                await self._stdin.drain()
                self._deadline.moved()
        except ConnectionError:
            return  # one of the two has gone; whoever reads the output notices
        finally:
            self._stdin.close()

    async def output(self) -> AsyncGenerator[bytes]:
        """The answer as it comes; whoever reads slowly slows Git down."""
        held = b""
        while chunk := await self._stdout.read(CHUNK_BYTES):
            self._deadline.moved()
            chunk, held = blot(held + chunk, self._secret)
            yield chunk
            self._deadline.moved()
        if held:
            yield held


def blot(data: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """The data with dots for the secret, which keep every length; and the end that may be the beginning of another."""
    if not secret:
        return data, b""
    data = data.replace(secret, b"." * len(secret))
    started = next((size for size in range(len(secret) - 1, 0, -1) if data.endswith(secret[:size])), 0)
    return data[: len(data) - started], data[len(data) - started :]


class Backend:
    """Starts them, no more than the machine should carry, and ends them with their request."""

    def __init__(self, limits: GitLimits | None = None) -> None:
        self.limits = limits or GitLimits()
        self._running = Counter[str]()

    @asynccontextmanager
    async def run(self, call: Call) -> AsyncGenerator[Running]:
        """A process that is gone when the block ends; raises TooMany, Unavailable, and TimeoutError in the block."""
        _demand_own_repository(call.folder)
        with self._place_for(call.by):
            process = await _start(call, self.limits)
            told = asyncio.create_task(_first_of_stderr(process))
            deadline = Deadline(self.limits)
            try:
                async with deadline.timeout:
                    # A fetch answers with packed media-free history, in which no path can be told from data.
                    pushing = call.service == "git-receive-pack"
                    yield Running(process, deadline, os.fsencode(call.folder) if pushing else b"")
            finally:
                await asyncio.shield(_end(process))
                words = await told
                if process.returncode:
                    log.info("git ended early", service=call.service, status=process.returncode, said=words)

    @contextmanager
    def _place_for(self, person: Actor) -> Generator[None]:
        limits, running, who = self.limits, self._running, person.user_id
        if running.total() >= limits.processes or running[who] >= limits.processes_per_person:
            raise TooMany(
                "Too many clones and pushes are under way. Wait a little, then try again.", retry_after_seconds=5
            )
        running[who] += 1
        try:
            yield
        finally:
            running[who] -= 1
            if not running[who]:
                del running[who]


def _demand_own_repository(folder: Path) -> None:
    """Raise Unavailable when what lies there would have Git read another place of the disk (X-014)."""
    git = folder / ".git"
    links = (git, git / "objects", git / "refs", git / "objects" / "pack")
    borrowed = (git / "objects" / "info" / "alternates", git / "commondir")
    if not git.is_dir() or any(place.is_symlink() for place in links) or any(place.exists() for place in borrowed):
        log.warning("repository leads out of its project", folder=folder.name)
        raise Unavailable(NOT_NOW)


async def _start(call: Call, limits: GitLimits) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *("git", "http-backend"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=CHUNK_BYTES,
            env=environment(call, limits),
            # Its children end with it: they share its group, which nobody else is in.
            start_new_session=True,
        )
    except OSError as error:
        log.exception("git cannot be started", error=str(error))
        raise Unavailable("The server cannot start Git. Ask whoever runs this studio.") from None


def environment(call: Call, limits: GitLimits) -> dict[str, str]:
    """Everything Git is told; of the server's own environment only where programs are."""
    settings = _settings(call, limits)
    pairs = {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(settings)}
    pairs |= {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(settings)}
    request = {
        "REQUEST_METHOD": "GET" if call.advertise else "POST",
        "PATH_INFO": "/info/refs" if call.advertise else f"/{call.service}",
        "QUERY_STRING": f"service={call.service}" if call.advertise else "",
        "CONTENT_TYPE": "" if call.advertise else f"application/x-{call.service}-request",
    }
    return {
        **request,
        **pairs,
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_PROJECT_ROOT": str(call.folder / ".git"),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": call.protocol,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_COMMITTER_NAME": git_name(call.by),
        "GIT_COMMITTER_EMAIL": git_email(call.by),
        "REMOTE_USER": call.by.user_id,
        "HOME": os.devnull,
        "LC_ALL": "C",
        "PATH": os.environ.get("PATH", os.defpath),
    }


def _settings(call: Call, limits: GitLimits) -> list[tuple[str, str]]:
    """Settings that stand above those in the repository, which may have come from anywhere with an import."""
    return [
        ("safe.directory", "*"),
        # Nothing that lies in the repository is run, and nothing is fetched from elsewhere.
        ("core.hooksPath", os.devnull),
        ("core.fsmonitor", "false"),
        ("protocol.allow", "never"),
        # Branches and tags; not what somebody keeps beside them on the disk. Hidden ones cannot be pushed to either.
        ("transfer.hideRefs", "refs"),
        ("transfer.hideRefs", "!refs/heads"),
        ("transfer.hideRefs", "!refs/tags"),
        ("http.uploadpack", "true"),
        ("http.receivepack", "true" if call.service == "git-receive-pack" else "false"),
        ("http.getanyfile", "false"),
        ("uploadpack.allowFilter", "true"),
        ("pack.threads", "1"),
        ("transfer.fsckObjects", "true"),
        ("receive.fsckObjects", "true"),
        ("receive.maxInputSize", str(limits.push_bytes)),
        # What server.git.push has refused before; these hold also when the branch changes meanwhile.
        ("receive.denyCurrentBranch", "refuse"),
        ("receive.denyDeletes", "true"),
        ("receive.denyNonFastForwards", "true"),
        # A clean-up would run beside the snapshotter, and longer than the request.
        ("receive.autogc", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
    ]


async def _first_of_stderr(process: Process) -> str:
    """What Git said beside its answer, for the log; all of it is read, so that it never waits."""
    kept, stderr = b"", cast("StreamReader", process.stderr)
    while chunk := await stderr.read(CHUNK_BYTES):
        kept = (kept + chunk)[:KEPT_STDERR_BYTES]
    return kept.decode(errors="replace").strip()


async def _end(process: Process) -> None:
    """Kill what is left of it and take its last words, without which it is never reaped."""
    stdin, stdout = cast("StreamWriter", process.stdin), cast("StreamReader", process.stdout)
    stdin.close()
    if stdout.at_eof():
        # It is about to go by itself, with a status that is worth knowing.
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), LAST_SECONDS)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    while await stdout.read(CHUNK_BYTES):
        pass
    await process.wait()
