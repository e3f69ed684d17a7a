"""`workprint serve`: the hub alone, until it is told to stop."""

import asyncio
import contextlib
import resource
import socket
import sys
from collections.abc import Generator

import uvloop
from aiohttp import web

from server.app import build_app
from server.config import Config
from server.errors import Unavailable
from server.logs import set_up_logs
from server.snapshot.lfs import lfs_status
from server.workspace import only_one

SHUTDOWN_SECONDS = 3.0
"""How long open requests may take to end; websockets are told at once by the hub."""
PATIENCE_SECONDS = 6.0
"""How long the hub before this one may take to stop."""
SWITCH_SECONDS = 0.001
STACK_BYTES = 120 * 1024 * 1024
"""Linux leaves at least 128 MiB of addresses for the main thread to grow into."""
TAKEN = "A hub runs already in this workspace, and two would write over each other. Stop it first."


def serve(config: Config) -> int:
    """Run the hub until SIGINT or SIGTERM; raises Unavailable when the address is taken, Conflict as `only_one`."""
    set_up_logs(config.log, config.log_level)
    prepare_process()
    if not (lfs := lfs_status()).ok:
        sys.stderr.write(f"workprint: {lfs.message}\n")
    # Both before anything of the workspace is opened: what cannot serve must not touch it.
    with (
        listening(config) as sockets,
        only_one(config.state_folder / "hub.lock", TAKEN, patience_seconds=PATIENCE_SECONDS),
    ):
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        web.run_app(
            build_app(config),
            sock=sockets,
            loop=loop,
            print=None,
            access_log=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
    sys.stderr.flush()
    return 0


def prepare_process() -> None:
    """What the hub needs of its process before the first update comes."""
    deepen_stack()
    # A thread that compacts a log or takes a snapshot gives way after a millisecond, not after Python's five.
    sys.setswitchinterval(SWITCH_SECONDS)


def deepen_stack() -> None:
    """Let the main thread recurse further: yrs deletes shared types within shared types by recursion.

    Measured with pycrdt 0.14: 50,000 levels (an update of 650 kB, and 8 bytes that delete it) end a process that has
    the usual 8 MiB with SIGSEGV; with this it takes ten times as many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = STACK_BYTES if hard == resource.RLIM_INFINITY else min(hard, STACK_BYTES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))


@contextlib.contextmanager
def listening(config: Config) -> Generator[list[socket.socket]]:
    """A socket for every address of the host; raises Unavailable."""
    with contextlib.ExitStack() as opened:
        try:
            found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
            sockets = [
                opened.enter_context(socket.create_server(address[:2], family=family)) for family, address in addresses
            ]
        except OSError as error:
            reason, _, _ = str(error.strerror).partition(" (while")  # Python adds the address, which stands there
            raise Unavailable(
                f"Cannot listen on {config.host}:{config.port} ({reason}). Is Workprint running already? "
                "Set WORKPRINT_PORT to use another port."
            ) from None
        yield sockets
