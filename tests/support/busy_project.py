"""A server process that never rests: one project, edits and takes all the time, snapshots one after the other.

`python -m tests.support.busy_project ROOT [DIE_AT]`: prints `saved N` once line N of the prompt is on disk. With DIE_AT
the process kills itself where a snapshot calls that method of ProjectRepo, as a power cut would.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from server.snapshot.repo import ProjectRepo
from tests.support.workspace import open_workspace

SHOT = "shot-1"


async def work(root: Path, number: int, takes: int) -> None:
    async with open_workspace(root, quiet_seconds=0.0, latest_seconds=0.0) as workspace:
        projects = workspace.projects.all()
        if projects:
            project = projects[0]
        else:
            project = await workspace.new_project("Busy")
            await workspace.add_shot(project.id, SHOT, "The door")
        while True:
            number += 1
            await workspace.type(project.id, SHOT, f"line {number}\n")
            if number % 10 == 0:
                takes += 1
                await workspace.make_take(project, SHOT, os.urandom(50_000), number=takes)
            async with workspace.hub.room(project.id, "canvas") as room:
                await room.saved()
            sys.stdout.write(f"saved {number}\n")
            sys.stdout.flush()
            await asyncio.sleep(0.005)


def die(*_: object) -> None:
    """What a method becomes at which the process shall die."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        setattr(ProjectRepo, sys.argv[2], die)
    started = len(list(Path(sys.argv[1]).glob("started-*")))
    (Path(sys.argv[1]) / f"started-{started}").touch()
    # Each run counts on its own, so that no line is written twice and no take has the number of another.
    asyncio.run(work(Path(sys.argv[1]), 1000 * started, 40 * started))
