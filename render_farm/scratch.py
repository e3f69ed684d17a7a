"""A folder per attempt, gone when the attempt is, however it ended."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(root: Path, attempt: str) -> Generator[Path]:
    """An empty folder that belongs to one attempt of this process, removed with `inputs_of` it and all they hold."""
    folder = root / f"{os.getpid()}-{attempt}"
    folder.mkdir(mode=0o700, parents=True)
    inputs_of(folder).mkdir(mode=0o700)
    try:
        yield folder
    finally:
        discard(folder)


def inputs_of(folder: Path) -> Path:
    """Where the inputs of an attempt lie: beside its scratch folder, which is empty when a pipeline starts."""
    return folder.with_name(f"{folder.name}-inputs")


def discard(folder: Path) -> None:
    """Remove the scratch folder of an attempt, and its inputs."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(inputs_of(folder), ignore_errors=True)


def sweep(root: Path) -> list[str]:
    """Remove what attempts left behind that were killed; returns the names of those folders."""
    if not root.is_dir():
        return []
    left = [folder for folder in root.iterdir() if not _is_alive(folder.name.partition("-")[0])]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return sorted(folder.name for folder in left)


def _is_alive(pid: str) -> bool:
    """Whether the process that owns a folder still runs; a folder of a strange name is left alone."""
    if not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
