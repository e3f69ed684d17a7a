"""Pushes a project to its remote after each snapshot, media included; tries again for as long as it takes."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

import structlog

from crdt_schema.ids import ProjectId, new_id
from server.errors import NotFound, WorkprintError
from server.snapshot.lfs import lfs_status
from server.snapshot.remotes import Remote, Remotes
from server.snapshot.repo import ProjectRepo
from server.snapshot.writer import Home

log = structlog.get_logger(__name__)
PUSH_SECONDS = 3600.0
"""A first push may carry every film there is."""
FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 900.0
NAME = "workprint"
"""What the remote is called, for this one command: so its branches are known here, and nothing is sent twice."""
HELPER = '!f() { test "$1" = get && echo username=workprint && echo "password=$WORKPRINT_PUSH_TOKEN"; }; f'
REASONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("non-fast-forward", "fetch first", "[rejected]"),
        "The remote has commits that are not here. Pull them into the project's folder; then they are merged.",
    ),
    (
        ("certificate verification failed", "ssl certificate problem", "x509:"),
        "The remote's certificate is not trusted here. Whoever runs this studio can name it (WORKPRINT_PUSH_CA).",
    ),
    (
        ("workprint itself writes this branch",),
        "Another Workprint writes that branch of its project. Push to a Git server, or keep yours on another branch.",
    ),
    (
        ("authentication failed", "could not read username", "permission denied", " 401", " 403", "authorization"),
        "The remote does not let this studio in. An admin of this project can set another token.",
    ),
    (
        ("not appear to be a git repository", "repository not found", "does not exist", " 404"),
        "There is no repository at that address.",
    ),
    (
        (
            "could not resolve",
            "connection refused",
            "timed out",
            "unable to access",
            "unreachable",
            "failed to connect",
        ),
        "The remote cannot be reached. It is tried again.",
    ),
)
"""What Git says, in small letters, and what that is to people."""
State = Literal["ok", "waiting", "failing"]


class Homes(Protocol):
    """What this needs of the index of projects."""

    def get(self, project_id: ProjectId, /) -> Home:
        """The project; raises NotFound."""
        ...


class PushFailed(Exception):
    """The message is for people."""


@dataclass
class _Push:
    state: State = "waiting"
    at: str | None = None
    message: str = ""
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Pusher:
    """For the event loop; each project is pushed by a task of its own, while there is something to push."""

    def __init__(
        self,
        projects: Homes,
        remotes: Remotes,
        *,
        pause_seconds: float = FIRST_PAUSE_SECONDS,
        push_seconds: float = PUSH_SECONDS,
        certificates: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`certificates`: a file of those that are trusted; empty: what this machine trusts."""
        self._projects = projects
        self._remotes = remotes
        self._pause_seconds = pause_seconds
        self._push_seconds = push_seconds
        self._certificates = certificates
        self._now = now
        self._pushes: dict[ProjectId, _Push] = {}
        self._closing = False

    async def start(self) -> None:
        """Push what a process that ended may have left."""
        for project in await asyncio.to_thread(self._remotes.all):
            self.want(project)

    async def close(self) -> None:
        """End what is going on; the next start pushes it."""
        self._closing = True
        tasks = [push.task for push in self._pushes.values() if push.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def want(self, project: ProjectId) -> None:
        """There is something new in a project."""
        if self._closing:
            return
        push = self._pushes.setdefault(project, _Push())
        push.wanted.set()
        if push.task is None or push.task.done():
            push.task = asyncio.create_task(self._go_on(project, push), name=f"push {project}")

    async def set_remote(self, project: ProjectId, url: str, token: str | None) -> dict[str, object] | None:
        """Set where a project is pushed, and push it; as `state`. Raises BadRequest."""
        await asyncio.to_thread(self._remotes.set, project, url, token)
        if (push := self._pushes.pop(project, None)) is not None and push.task is not None:
            push.task.cancel()
            await asyncio.gather(push.task, return_exceptions=True)
        if url:
            self.want(project)
        return await asyncio.to_thread(self.state, project)

    def state(self, project: ProjectId) -> dict[str, object] | None:
        """How it stands, as JSON; None where there is no remote. It blocks."""
        remote = self._remotes.get(project)
        if remote is None:
            return None
        push = self._pushes.get(project) or _Push()
        return {"url": remote.shown, "state": push.state, "at": push.at, "message": push.message}

    async def _go_on(self, project: ProjectId, push: _Push) -> None:
        pause = self._pause_seconds
        while push.wanted.is_set():
            push.wanted.clear()
            try:
                done = await self._push(project)
            except PushFailed as error:
                push.state, push.at, push.message = "failing", self._stamp(), str(error)
            except NotFound:
                return
            except (WorkprintError, OSError) as error:
                log.warning("push_failed", project=project, reason=str(error))
                push.state, push.at, push.message = "failing", self._stamp(), "The repository cannot be read."
            else:
                if done:
                    push.state, push.at, push.message = "ok", self._stamp(), ""
                pause = self._pause_seconds
                continue
            push.wanted.set()
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)

    def _stamp(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    async def _push(self, project: ProjectId) -> bool:
        remote = await asyncio.to_thread(self._remotes.get, project)
        if remote is None:
            return False
        folder = (await asyncio.to_thread(self._projects.get, project)).folder
        if not (lfs := await asyncio.to_thread(lfs_status)).ok:
            raise PushFailed(lfs.message)
        branch = await asyncio.to_thread(lambda: ProjectRepo(folder).tip().branch)
        # The files first: a pointer must never arrive before what it points to.
        await self._run(project, folder, remote, "lfs", "push", NAME, branch.removeprefix("refs/heads/"))
        await self._run(
            project, folder, remote, "push", "--quiet", "--no-verify", "--follow-tags", NAME, f"{branch}:{branch}"
        )
        return True

    async def _run(self, project: ProjectId, folder: Path, remote: Remote, *command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            "git",
            *command,
            cwd=folder,
            env=environment(remote, self._certificates),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._push_seconds):
                _, said = await process.communicate()
        except TimeoutError:
            raise PushFailed("The push took too long. It is tried again.") from None
        finally:
            # With all that it has started; when it has ended there is nobody to end.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if process.returncode is None:
                await process.wait()
        if process.returncode:
            raise PushFailed(reason(said.decode(errors="replace"), project, remote))


def reason(said: str, project: ProjectId, remote: Remote) -> str:
    """What became of a push, in words for people; all that Git said goes to the log, but for the token."""
    trace_id = new_id("trace")
    shown = said.replace(remote.token, "…") if remote.token else said
    log.warning("push_failed", project=project, trace_id=trace_id, said=shown[-2000:])
    small = said.lower()
    found = next((words for signs, words in REASONS if any(sign in small for sign in signs)), "")
    return found or f"The push failed. The server's log says why under {trace_id}."


def environment(remote: Remote, certificates: str = "") -> dict[str, str]:
    """Git's surroundings: the remote for this one command, no questions, no hooks, no other protocols than ours."""
    settings = [
        (f"remote.{NAME}.url", remote.url),
        (f"remote.{NAME}.fetch", f"+refs/heads/*:refs/remotes/{NAME}/*"),
        ("core.hooksPath", os.devnull),
        ("core.fsmonitor", "false"),
        # Whatever the project's own .lfsconfig says: media go where the commits go.
        ("lfs.pushurl", lfs_url(remote.url)),
        (f"lfs.{lfs_url(remote.url)}.locksverify", "false"),
    ]
    if remote.token:
        settings += [(f"credential.{remote.origin}.helper", ""), (f"credential.{remote.origin}.helper", HELPER)]
        # Said here, or git-lfs writes it into the project's settings.
        settings += [(f"lfs.{lfs_url(remote.url)}.access", "basic")]
    given = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20",
        "GIT_CONFIG_COUNT": str(len(settings)),
        "LC_ALL": "C.UTF-8",
        "WORKPRINT_PUSH_TOKEN": remote.token,
    }
    for number, (key, value) in enumerate(settings):
        given |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    if certificates:
        given["GIT_SSL_CAINFO"] = certificates
    secrets = {"WORKPRINT_SECRET", "REDIS_URL", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    return {name: value for name, value in os.environ.items() if name not in secrets} | given


def lfs_url(url: str) -> str:
    """Where the media of a repository at that address go, by the rule of Git LFS."""
    if not url.startswith(("http://", "https://")):
        return url
    return f"{url if url.endswith('.git') else f'{url}.git'}/info/lfs"
