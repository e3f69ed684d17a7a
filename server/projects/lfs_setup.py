"""Sets repositories up for Git LFS with the very script that stands in every project for whoever cloned it (W-065)."""

import subprocess
from importlib import resources
from pathlib import Path

from server.errors import Unavailable

SCRIPT = "setup-lfs.sh"
LONGEST_SECONDS = 600.0


def helper_scripts() -> dict[str, bytes]:
    """What a new project has at its root: a script for macOS and Linux, and one for Windows that calls it."""
    folder = resources.files("server.projects") / "set_up"
    return {name: (folder / name).read_bytes() for name in (SCRIPT, "setup-lfs.cmd")}


def set_up(folder: Path, *options: str) -> tuple[str, int]:
    """Run the script for a repository; its words, and 0 when nothing is missing. It blocks; raises Unavailable."""
    with resources.as_file(resources.files("server.projects") / "set_up" / SCRIPT) as script:
        command = ["sh", str(script), "--in", str(folder), *options]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)  # noqa: S603 - our own script; nothing of it is read by a shell
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"The set-up of Git LFS could not be run ({type(error).__name__}). Try again.") from None
    return (done.stdout + done.stderr).rstrip(), done.returncode
