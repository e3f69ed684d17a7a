"""The hub as a process of its own: what it listens on, whom it keeps out, and how it stops."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from server.config import embedded_redis_socket
from tests.support.ports import free_port
from tests.support.studio import BIN

StartHub = Callable[..., subprocess.Popen[str]]
PASSWORD = "correct horse"


def settings(workspace: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WORKPRINT_", "REDIS"))}
    return {**inherited, "WORKSPACE_ROOT": str(workspace), "WORKPRINT_DEMO": "0"}


def add_user(workspace: Path, name: str) -> None:
    command = [BIN / "workprint", "user", "add", name, "--role", "editor"]
    subprocess.run(command, env=settings(workspace), input=PASSWORD + "\n", text=True, timeout=60, check=True)


def ask(port: int, path: str, body: object = None, token: str = "") -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())


def until_healthy(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            assert ask(port, "/healthz")["status"] == "ok"
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the hub did not become healthy")


@pytest.fixture
def start_hub(tmp_path: Path) -> Iterator[StartHub]:
    """Starts hubs in one workspace; they end with the test."""
    with ExitStack() as ending:

        def start(port: int, **environment: str) -> subprocess.Popen[str]:
            command = [BIN / "workprint", "serve", "--host", "127.0.0.1", "--port", str(port)]
            environment = {**settings(tmp_path), **environment}
            process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
            ending.enter_context(process)
            ending.callback(process.kill)
            return process

        yield start


def test_a_hub_without_redis_becomes_healthy_and_says_one_line(start_hub: StartHub) -> None:
    port = free_port()
    hub = start_hub(port)
    until_healthy(port)
    hub.send_signal(signal.SIGTERM)
    _, said = hub.communicate(timeout=60)
    assert hub.returncode == 0
    assert "Redis" in said
    assert len(said.splitlines()) == 1, said


def test_a_missing_git_lfs_is_told_in_the_terminal_and_in_the_health_and_keeps_nobody_from_working(
    start_hub: StartHub, tmp_path: Path
) -> None:
    port, empty = free_port(), tmp_path / "empty"
    empty.mkdir()
    hub = start_hub(port, PATH=str(empty))
    until_healthy(port)
    found = ask(port, "/healthz")["git_lfs"]
    assert not found["ok"]
    assert "apt install git-lfs" in found["message"]
    hub.send_signal(signal.SIGTERM)
    _, said = hub.communicate(timeout=60)
    assert hub.returncode == 0
    assert f"workprint: {found['message']}\n" in said


def test_a_second_hub_in_a_workspace_is_kept_out(start_hub: StartHub) -> None:
    first, second = free_port(), free_port()
    start_hub(first)
    until_healthy(first)
    other = start_hub(second)
    _, said = other.communicate(timeout=60)
    assert other.returncode == 2
    assert "A hub runs already in this workspace" in said
    until_healthy(first)


def test_a_hub_may_follow_at_once_one_that_was_killed(start_hub: StartHub) -> None:
    port = free_port()
    first = start_hub(port)
    until_healthy(port)
    first.kill()
    first.wait(60)
    start_hub(port)
    until_healthy(port)


def test_a_second_valkey_does_not_take_the_first_one_s_place(tmp_path: Path) -> None:
    environment = settings(tmp_path)
    command = [BIN / "workprint", "redis"]
    with subprocess.Popen(command, env=environment) as first:
        try:
            until_answers(embedded_redis_socket(tmp_path))
            second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
            assert second.returncode == 2
            assert "runs already" in second.stderr
            until_answers(embedded_redis_socket(tmp_path))
        finally:
            first.terminate()
    with subprocess.Popen(command, env=environment) as third:
        try:
            until_answers(embedded_redis_socket(tmp_path))
        finally:
            third.terminate()


def until_answers(path: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
                client.sendall(b"PING\r\n")
                answer = client.recv(64)
            except (FileNotFoundError, ConnectionError):
                answer = b""
        if answer == b"+PONG\r\n":
            return
        assert answer == b"" or answer.startswith(b"-LOADING"), answer  # it reads its file first
        time.sleep(0.05)
    raise AssertionError("Valkey does not answer")


DELETE_WHAT_IS_NESTED = """
import sys
from pycrdt import Doc, Map
from server.serve import deepen_stack

deepen_stack()
doc = Doc()
at = doc.get("nodes", type=Map)
with doc.transaction():
    for _ in range(100_000):
        at["a"] = Map({})
        at = at["a"]
del doc.get("nodes", type=Map)["a"]
sys.stdout.write("still here")
"""


def test_shared_types_nested_without_end_do_not_end_the_hub() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DELETE_WHAT_IS_NESTED], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "still here", f"status {done.returncode}: {done.stderr}"


def deaf_client(port: int, path: str, token: str) -> socket.socket:
    """Somebody who asks for a websocket and never says or reads anything again."""
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    head = [f"GET {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", "Connection: Upgrade"]
    head += ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
    client.sendall("\r\n".join([*head, "", ""]).encode())
    assert client.recv(12) == b"HTTP/1.1 101"
    return client


def test_sigterm_ends_a_hub_within_seconds_whatever_its_clients_do(start_hub: StartHub, tmp_path: Path) -> None:
    port = free_port()
    hub = start_hub(port)
    until_healthy(port)
    add_user(tmp_path, "Ana")
    token = ask(port, "/auth/token", {"username": "Ana", "password": PASSWORD})["access_token"]
    project = ask(port, "/api/projects", {"name": "Night Bus"}, token)["id"]
    with (
        deaf_client(port, f"/ws/{project}", token),
        deaf_client(port, f"/ws/{project}/canvas", token),
        socket.create_connection(("127.0.0.1", port)) as half_a_request,
        socket.create_connection(("127.0.0.1", port)) as half_an_upload,
    ):
        half_a_request.sendall(b"GET /api/projects HTTP/1.1\r\nHost: x\r\n")
        half_an_upload.sendall(b"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        began = time.monotonic()
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(60) == 0
        assert time.monotonic() - began < 30, "three seconds, and what a busy machine adds"
