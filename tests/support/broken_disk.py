"""A hub whose disk fails at will: `python -m tests.support.broken_disk CONTROL PORT FOLDER`.

The kernel asks us, by seccomp's user notification, about every write and sync of the process: while the file CONTROL
names a failure they end with the error that a disk of that kind gives, else they go on as they are. Linux only; needs
no rights and no tool. End such a process by SIGKILL: at the end of Python nobody is left to answer.
"""

import ctypes
import errno
import fcntl
import platform
import queue
import struct
import sys
import threading
from pathlib import Path

PWRITE, FSYNC, FDATASYNC, SECCOMP = {
    "x86_64": (18, 74, 75, 317),
    "aarch64": (68, 82, 83, 277),
}.get(platform.machine(), (0, 0, 0, 0))
FAILURES = {
    "full": ({PWRITE}, errno.ENOSPC),
    "read-only": ({PWRITE}, errno.EROFS),
    "sync": ({FSYNC, FDATASYNC}, errno.EIO),
}
"""Which calls fail with which error, by the word in CONTROL."""

PR_SET_NO_NEW_PRIVS = 38
SET_MODE_FILTER, NEW_LISTENER = 1, 8
LOAD_NUMBER = struct.pack("=HBBI", 0x20, 0, 0, 0)
ALLOW, ASK = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000), struct.pack("=HBBI", 0x06, 0, 0, 0x7FC00000)
RECEIVE, ANSWER = 0xC0502100, 0xC0182101
CONTINUE = 1


class Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def break_disk(control: Path) -> None:
    """From here on this thread, and those it starts, have a disk that does what `control` says."""
    listener: queue.SimpleQueue[int] = queue.SimpleQueue()
    # Started before the filter is there: the one who answers must not have to ask.
    threading.Thread(target=_answer, args=(listener, control), daemon=True).start()
    asked = (PWRITE, FSYNC, FDATASYNC)
    jumps = [struct.pack("=HBBI", 0x15, len(asked) - at, 0, number) for at, number in enumerate(asked)]
    filtered = b"".join((LOAD_NUMBER, *jumps, ALLOW, ASK))
    program = Program(len(filtered) // 8, filtered)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    descriptor = libc.syscall(SECCOMP, SET_MODE_FILTER, NEW_LISTENER, ctypes.byref(program))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "seccomp does not tell us about calls")
    listener.put(descriptor)


def _answer(listener: "queue.SimpleQueue[int]", control: Path) -> None:
    descriptor = listener.get()
    while True:
        asked = bytearray(80)
        try:
            fcntl.ioctl(descriptor, RECEIVE, asked)
        except FileNotFoundError:
            # Whoever asked is gone.
            continue
        number, failure = struct.unpack_from("=i", asked, 16)[0], control.read_text() if control.exists() else ""
        calls, error = FAILURES.get(failure, (set[int](), 0))
        fails = number in calls
        answer = struct.pack("=QqiI", struct.unpack_from("=Q", asked)[0], 0, -error if fails else 0, not fails)
        fcntl.ioctl(descriptor, ANSWER, bytearray(answer))


if __name__ == "__main__":
    import uvloop

    from tests.support import hub

    break_disk(Path(sys.argv.pop(1)))
    uvloop.run(hub.main())
