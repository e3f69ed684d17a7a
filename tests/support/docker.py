"""A real Docker daemon for tests, on a socket of its own, with images made here: no registry is asked."""

import atexit
import functools
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import pytest

docker: Any = import_module("docker")  # it has no types

ROOT = Path(__file__).parents[2]
FETCHED = ROOT / ".make" / "docker"
READY_SECONDS = 120
BUSYBOX = "workprint-tests/busybox:1"
PYTHON = "python:3.11-slim"
"""The name that Dockerfiles ask for; here it is this machine's Python beside busybox."""
APPLETS = (
    *("cat", "chmod", "cp", "dd", "echo", "false", "grep", "head", "id", "ln", "ls", "mkdir", "mkfifo", "mv", "nc"),
    *("printf", "rm", "sed", "seq", "sh", "sleep", "sort", "stat", "touch", "true", "truncate", "wc", "yes"),
)


@functools.cache
def docker_host() -> str:
    """Where the daemon of this process listens; it ends with the process. Skips the test where none can run."""
    dockerd = _dockerd()
    if os.getuid() != 0:
        pytest.skip("a Docker daemon of one's own needs root")
    folder = Path(tempfile.mkdtemp(prefix="wpd-", dir="/tmp"))  # short: sockets below it have long names
    host = f"unix://{folder}/docker.sock"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                *(dockerd, "--data-root", folder / "data", "--exec-root", folder / "exec"),
                *("--pidfile", folder / "pid", "-H", host, "--iptables=false", "--ip6tables=false", "--bridge=none"),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=tools_environment(),
            start_new_session=True,
        )
    atexit.register(_end, process, folder)
    until = time.monotonic() + READY_SECONDS
    while not _answers(host):
        if process.poll() is not None or time.monotonic() > until:
            words = (folder / "log").read_text()[-800:]
            pytest.skip(f"no Docker daemon can run on this machine: {words}")
        time.sleep(0.05)
    return host


def tools_environment() -> dict[str, str]:
    """The environment in which the fetched programs (dockerd, docker, runc) find one another."""
    paths = [str(FETCHED / "usr" / "bin"), str(FETCHED / "usr" / "sbin"), os.environ["PATH"]]
    triplet = sysconfig.get_config_var("MULTIARCH")
    libraries = ":".join(str(FETCHED / place / triplet) for place in ("usr/lib", "lib"))
    return {**os.environ, "PATH": ":".join(paths), "LD_LIBRARY_PATH": libraries, "DOCKER_BUILDKIT": "0"}


@functools.cache
def docker_client() -> Any:
    """The SDK's client of that daemon, for tests that look or interfere."""
    client = docker.DockerClient(base_url=docker_host(), timeout=120)
    atexit.register(client.close)
    return client


@functools.cache
def busybox_image() -> str:
    """An image of a shell and little else; its id."""
    with _rootfs() as root:
        return _import(BUSYBOX, root)


@functools.cache
def python_image() -> str:
    """An image of this machine's Python, without packages; its id."""
    with _rootfs() as root:
        prefix, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
        binary = Path(os.path.realpath(sys.executable))
        library = prefix / "lib" / version
        for name in (version, "python3", "python"):
            _copy(root, binary, Path("/usr/bin", name))
        shutil.copytree(
            library,
            root.path / "usr" / "lib" / version,
            ignore=shutil.ignore_patterns(
                "site-packages", "dist-packages", "test", "__pycache__", "config-*", "idlelib"
            ),
        )
        loaded = [binary, *(library / "lib-dynload").glob("*.so")]
        for needed in {shared for each in loaded for shared in _shared_libraries(each)}:
            _copy(root, needed, needed)
        return _import(PYTHON, root)


class _Folder:
    """A folder that is gone after the block."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="wpd-root-"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _rootfs() -> _Folder:
    root = _Folder()
    for name in ("bin", "tmp", "etc", "job"):
        (root.path / name).mkdir()
    (root.path / "tmp").chmod(0o1777)  # as everywhere; runc gives its mode to what is mounted there
    busybox = next((path for path in (FETCHED / "bin/busybox", Path("/bin/busybox")) if path.exists()), None)
    if busybox is None:
        pytest.skip("no static busybox for an image; `.ci/setup test` fetches one")
    shutil.copy(busybox, root.path / "bin" / "busybox")
    for applet in APPLETS:
        (root.path / "bin" / applet).symlink_to("busybox")
    (root.path / "etc" / "passwd").write_text("root:x:0:0::/tmp:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n")
    return root


def _copy(root: _Folder, source: Path, target: Path) -> None:
    there = root.path / target.relative_to("/")
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, there)


def _shared_libraries(binary: Path) -> list[Path]:
    told = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
    return [Path(word) for line in told.splitlines() for word in line.split() if word.startswith("/")]


def _import(name: str, root: _Folder) -> str:
    """`docker import` of a folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(root.path, ".")
    repository, _, tag = name.partition(":")
    client = docker_client()
    client.api.import_image_from_data(packed.getvalue(), repository=repository, tag=tag)
    return client.images.get(name).id


def _dockerd() -> Path:
    fetched = FETCHED / "usr" / "sbin" / "dockerd"
    installed = shutil.which("dockerd")
    if fetched.exists():
        return fetched
    if installed is None:
        pytest.skip("there is no dockerd; `.ci/setup test` fetches one on Debian")
    return Path(installed)


def _answers(host: str) -> bool:
    if not Path(host.removeprefix("unix://")).exists():
        return False
    try:
        client = docker.DockerClient(base_url=host, timeout=5)
    except docker.errors.DockerException:
        return False
    try:
        return client.ping()
    except (docker.errors.DockerException, OSError):
        return False
    finally:
        client.close()


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Stop the daemon, which stops its containers and its containerd, and unmount what it leaves."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    process.kill()
    process.wait()
    subprocess.run(["umount", folder / "exec" / "netns" / "default"], capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)
