"""A folder per attempt, gone when the attempt is, however it ended."""

import fcntl
import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from render_farm.settings import BadSetting, default_scratch

_INPUTS = "-inputs"


def claim(root: Path) -> None:
    """Make the default root, whose name anybody can guess, and let nobody else in; one that was set is left alone.

    Raises BadSetting when somebody else was there first: they could read and change what an attempt makes.
    """
    if root != default_scratch():
        return
    with suppress(FileExistsError):
        root.mkdir(mode=0o700)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise BadSetting(
            f"{root} belongs to somebody else or is no folder, so nothing is worked on there. Have it removed, or "
            "set WORKPRINT_SCRATCH to a folder that only this user can write."
        )
    root.chmod(0o700)


@contextmanager
def scratch_folder(root: Path, attempt: str) -> Generator[Path]:
    """An empty folder that belongs to one attempt of this process, removed with `inputs_of` it and all they hold."""
    folder = root / f"{os.getpid()}-{attempt}"
    folder.mkdir(mode=0o700, parents=True)
    # Held until this process ends: workers in other containers see the folder, and no process of ours.
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        inputs_of(folder).mkdir(mode=0o700)
        yield folder
    finally:
        discard(folder)
        os.close(lock)


def inputs_of(folder: Path) -> Path:
    """Where the inputs of an attempt lie: beside its scratch folder, which is empty when a pipeline starts."""
    return folder.with_name(f"{folder.name}{_INPUTS}")


def discard(folder: Path) -> None:
    """Remove the scratch folder of an attempt, and its inputs."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(inputs_of(folder), ignore_errors=True)


def sweep(root: Path) -> list[str]:
    """Remove what attempts left behind that were killed; returns the names of those folders."""
    if not root.is_dir():
        return []
    left = [folder for folder in root.iterdir() if not _is_alive(folder)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return sorted(folder.name for folder in left)


def _is_alive(folder: Path) -> bool:
    """Whether the process that owns a folder still runs, here or in a container; one of a strange name is let alone."""
    pid = folder.name.partition("-")[0]
    if not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return _is_locked(folder.with_name(folder.name.removesuffix(_INPUTS)))
    except PermissionError:
        return True
    return True


def _is_locked(folder: Path) -> bool:
    with suppress(OSError):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
    return False
