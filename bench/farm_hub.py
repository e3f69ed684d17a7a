"""The hub of the farm's benchmark: the whole service over an empty workspace, with the pipeline that does nothing.

`python -m bench.farm_hub FOLDER PORT` with REDIS_URL set; `bench/farm_click.py` starts it.
"""

import asyncio
import os
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from bench.farm_worker import NOTHING
from server import keys
from server.app import build_app
from server.config import read_config
from server.logs import set_up_logs
from server.serve import prepare_process

NAME, PASSWORD = "ada", "correct horse battery"


def main(folder: Path, port: int) -> None:
    """Serve until SIGTERM, on the same loop and with the same process settings as the product."""
    set_up_logs("text", "error")
    prepare_process()
    settings = {"WORKSPACE_ROOT": str(folder), "WORKPRINT_PORT": str(port), "WORKPRINT_DEMO": "0"}
    app = build_app(read_config({**settings, "REDIS_URL": os.environ["REDIS_URL"]}))
    app[keys.PIPELINES][NOTHING.id] = NOTHING

    async def add_somebody(app: web.Application) -> None:
        await app[keys.PEOPLE].add(NAME, PASSWORD, "owner")

    app.on_startup.append(add_somebody)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    web.run_app(app, host="127.0.0.1", port=port, loop=loop, print=None, access_log=None, shutdown_timeout=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
