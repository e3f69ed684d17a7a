"""Whose container it is: labels that let the next process tell whether the attempt still lives."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

ATTEMPT = "workprint.attempt"
_HOST, _BOOT, _PROCESS, _UNTIL = "workprint.host", "workprint.boot", "workprint.process", "workprint.until"
GRACE_SECONDS = 120.0
"""So long after its own time limit nobody looks after a container any more."""


def labels(attempt: str, until: float) -> dict[str, str]:
    """The labels of a container of this process that ends at `until` (seconds of the epoch) at the latest."""
    return {
        ATTEMPT: attempt,
        _HOST: socket.gethostname(),
        _BOOT: _boot(),
        _PROCESS: process(os.getpid()),
        _UNTIL: f"{until + GRACE_SECONDS:.0f}",
    }


def is_gone(told: Mapping[str, str], now: float) -> bool:
    """Whether the attempt that started a container has ended without removing it.

    Another machine's attempts cannot be seen from here (one Docker may serve several): those count as gone when
    their time is up.
    """
    if told.get(_UNTIL, "").isdigit() and now > int(told[_UNTIL]):
        return True
    if told.get(_HOST) != socket.gethostname():
        return False
    pid = told.get(_PROCESS, "").partition("@")[0]
    if not pid.isdigit():
        return False
    return told.get(_BOOT) != _boot() or process(int(pid)) != told[_PROCESS]


def process(pid: int) -> str:
    """A process by number and the moment it started, since numbers come round again; empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    # Field 22 of proc(5), counted from the state, which is field 3; a zombie has ended.
    return "" if state in "ZX" else f"{pid}@{fields[18]}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
