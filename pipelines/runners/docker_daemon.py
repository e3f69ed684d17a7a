"""Talks to the Docker daemon of this node through the Docker SDK; its errors in our words."""

import os
import re
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import structlog

from pipelines.runners import owner
from pipelines.spec import PipelineError, Transient

Docker = Any
"""The Docker SDK has no types."""

docker: Docker = import_module("docker")
requests: Any = import_module("requests")

log = structlog.get_logger("workprint.docker")

DEFAULT_HOST = "unix:///var/run/docker.sock"
CALL_SECONDS = 30
GONE_SECONDS = 10.0
_NO_PROGRAM = re.compile(r'exec: "([^"]{1,200})": (?:executable file not found|stat )')


class DaemonAway(Transient):
    """Docker does not answer on this node."""


@contextmanager
def client() -> Generator[Docker]:
    """A connection of one's own (attempts are forked, sockets must not be shared); raises DaemonAway."""
    try:
        _knock()
        made = docker.from_env(timeout=CALL_SECONDS)
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise DaemonAway(_away(error)) from error
    try:
        yield made
    except docker.errors.APIError:  # it answered, and said no
        raise
    except (requests.RequestException, ConnectionError) as error:
        raise DaemonAway(_away(error)) from error
    finally:
        made.close()


@contextmanager
def told() -> Generator[None]:
    """Whatever the daemon refuses becomes a sentence for the artist and the TD."""
    try:
        yield
    except docker.errors.APIError as error:
        words = str(error.explanation or error)
        if "bind source path does not exist" in words:
            raise PipelineError(
                "Docker cannot see the folder of the attempt. When the farm worker runs in a container itself, its "
                f"scratch folder must be mounted under the same path as on the host ({words})"
            ) from error
        if absent := _NO_PROGRAM.search(words):
            raise PipelineError(
                f"The image has no program called {absent[1]}. Correct the command of the definition, or the image"
            ) from error
        raise PipelineError(f"Docker refused to run the container: {words}") from error


def find_image(daemon: Docker, name: str) -> Docker | None:
    """The image of that name on this node, or None; it is never pulled, so that nobody runs what he did not fetch."""
    try:
        return daemon.images.get(name)
    except docker.errors.ImageNotFound:
        return None
    except docker.errors.APIError as error:
        if "no such image" in str(error).lower():
            return None
        raise PipelineError(f"Docker does not understand the image name {name}: {error.explanation}") from error


def digest(image: Docker) -> str:
    """What names an image for ever: the registry's digest, or the image's own id when it was built here."""
    digests: list[str] = image.attrs.get("RepoDigests") or []
    return digests[0].rpartition("@")[2] if digests else str(image.id)


def has_gpu(daemon: Docker) -> bool:
    """Whether this daemon can hand a GPU to a container."""
    told: dict[str, Any] = daemon.info()
    return "nvidia" in (told.get("Runtimes") or {}) or bool(told.get("DiscoveredDevices"))


def containers(daemon: Docker) -> list[Docker]:
    """Every container of a farm attempt, running or not."""
    return daemon.containers.list(all=True, filters={"label": owner.ATTEMPT}, ignore_removed=True)


def remove(container: Docker) -> None:
    """Kill and remove a container, and come back when it is gone; raises PipelineError when it does not go."""
    until = time.monotonic() + GONE_SECONDS
    while True:
        with suppress(docker.errors.APIError):  # it is being removed already, or is on its way to its end
            container.remove(force=True, v=True)
        try:
            container.reload()
        except docker.errors.NotFound:
            return
        if time.monotonic() > until:
            raise PipelineError(f"Docker does not remove the container {container.name}")
        time.sleep(0.05)


def _knock() -> None:
    """Raise OSError when nobody listens at the daemon's Unix socket; the SDK leaves a socket open over it."""
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(CALL_SECONDS)
            door.connect(host.removeprefix("unix://"))


def _away(error: Exception) -> str:
    match error:
        case PermissionError():
            return "The farm worker may not speak to Docker here. Add its user to the group docker"
        case FileNotFoundError() | ConnectionRefusedError():
            return "Docker does not run here. Start it, or set DOCKER_HOST to where it listens"
        case _:
            # With addresses of this machine in it, which artists would read too.
            log.warning("Docker does not answer", error=str(error.__cause__ or error))
            return "Docker does not answer here; the log of the farm node says more"
