"""The workspace's own folder of state: private, usable or said why not, and held by one process of a kind at a time."""

import contextlib
import fcntl
import os
import time
from collections.abc import Generator
from pathlib import Path

from server.config import BadSetting, Config
from server.errors import Conflict

LOOK_SECONDS = 0.2


def prepare(config: Config) -> None:
    """Make the folder of state, which holds password hashes and the key of every token; raises BadSetting."""
    try:
        config.workspace_root.mkdir(parents=True, exist_ok=True)
        config.state_folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise BadSetting(_unusable(config, error.strerror or type(error).__name__)) from None
    if not os.access(config.state_folder, os.W_OK | os.X_OK):
        raise BadSetting(_unusable(config, "Permission denied"))


def _unusable(config: Config, reason: str) -> str:
    return f"The workspace {config.workspace_root} cannot be used ({reason}). Set WORKSPACE_ROOT to another folder."


@contextlib.contextmanager
def only_one(lock: Path, taken: str, *, patience_seconds: float) -> Generator[int]:
    """Hold a lock file and give its descriptor.

    Raises Conflict with the words `taken` when another process does not let go of it in time.
    """
    deadline = time.monotonic() + patience_seconds
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Conflict(taken) from None
                time.sleep(LOOK_SECONDS)
        yield file.fileno()
