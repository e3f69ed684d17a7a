"""The command `workprint`, run in a workspace as an operator runs it."""

import os
import subprocess
from pathlib import Path

from tests.support.studio import BIN


def workprint(workspace: Path, *arguments: str, stdin: str = "", status: int = 0) -> str:
    environment = {**os.environ, "WORKSPACE_ROOT": str(workspace)}
    done = subprocess.run(
        [BIN / "workprint", *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr
