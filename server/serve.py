"""`workprint serve`: the hub alone, until it is told to stop."""

import asyncio
import sys

import uvloop
from aiohttp import web

from server.app import build_app
from server.config import Config
from server.errors import Unavailable
from server.logs import set_up_logs

SHUTDOWN_SECONDS = 3.0
"""How long open requests may take to end; websockets are told at once by the hub."""


def serve(config: Config) -> int:
    """Run the hub until SIGINT or SIGTERM; raises Unavailable when the address is taken."""
    set_up_logs(config.log)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        web.run_app(
            build_app(config),
            host=config.host,
            port=config.port,
            loop=loop,
            print=None,
            access_log=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
    except OSError as error:
        raise Unavailable(
            f"Cannot listen on {config.host}:{config.port} ({error.strerror}). Is Workprint running already? "
            "Set WORKPRINT_PORT to use another port."
        ) from None
    sys.stderr.flush()
    return 0
