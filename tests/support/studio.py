"""A whole studio for tests: `workprint up` as a user would start it, in a workspace of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from queue import Empty, Queue

from tests.support.ports import free_port

BIN = Path(sys.executable).parent
READY_SECONDS = 150
"""Longer than the studio itself waits for its parts: then it says which of them it waited for."""
LOGIN_LINK = re.compile(r"http://\S+/auth/one-time\?code=\S+")


class Studio:
    """A running studio: hub, farm workers and embedded Valkey, supervised by one process."""

    def __init__(self, workspace: Path, *, farm_nodes: int = 1, demo: bool = True) -> None:
        self.workspace = workspace
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WORKPRINT_")},
            "WORKSPACE_ROOT": str(workspace),
            "WORKPRINT_PORT": str(self.port),
            "WORKPRINT_FARM_NODES": str(farm_nodes),
            "WORKPRINT_DEMO": "1" if demo else "0",
            "WORKPRINT_SNAPSHOT_QUIET_SECONDS": "2",
        }
        self.environment.pop("REDIS_URL", None)
        self.output: list[str] = []
        self._lines: Queue[str] = Queue()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> "Studio":
        """Start it and wait until it prints its link."""
        self._process = subprocess.Popen(
            [BIN / "workprint", "up"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        self.first_link = self._wait_for_link()
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                self.output.append(line)
                self._lines.put(line)

    def _wait_for_link(self) -> str:
        while True:
            try:
                line = self._lines.get(timeout=READY_SECONDS)
            except Empty:
                raise AssertionError(f"the studio did not start:\n{''.join(self.output)}") from None
            if found := LOGIN_LINK.search(line):
                return found.group()

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        assert self._process is not None
        return self._process.pid

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run another `workprint` command in this workspace; what it printed."""
        done = subprocess.run(
            [BIN / "workprint", *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    def login_link(self) -> str:
        """Another one-time link for the owner."""
        return self.run("login-url")

    def add_user(self, name: str, password: str, role: str = "editor") -> None:
        """Add somebody."""
        self.run("user", "add", name, "--role", role, stdin=password + "\n")

    def healthy(self) -> bool:
        """Whether the hub answers."""
        try:
            with urllib.request.urlopen(self.url + "/healthz", timeout=2) as reply:
                return reply.status == 200
        except OSError:
            return False

    def stop(self) -> int:
        """Ctrl-C; the exit status. Nothing happens when it does not run."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        status = self._process.wait(60)
        self._process = None
        return status

    def project_folder(self, title: str) -> Path:
        """The folder of the project of that title."""
        for manifest in sorted(self.workspace.glob("Projects/*/project.json")):
            if f'"title": "{title}"' in manifest.read_text():
                return manifest.parent
        raise AssertionError(f"no project {title!r} in {sorted(self.workspace.glob('Projects/*'))}")


def git(folder: Path, *arguments: str) -> str:
    """Run the real git; what it printed."""
    binary = shutil.which("git")
    assert binary is not None
    done = subprocess.run([binary, "-C", folder, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout
