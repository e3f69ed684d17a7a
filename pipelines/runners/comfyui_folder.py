"""Removes what a run left in ComfyUI's folder of outputs, on a machine that sees the folder; ComfyUI has no way to."""

import os
from contextlib import suppress
from pathlib import Path

from pipelines.binding import file_prefix


def clear(run: str) -> int | None:
    """Remove the files of a run, whose id nothing else begins with; how many, or None where no folder is named."""
    folder = os.environ.get("WORKPRINT_COMFYUI_OUTPUT", "")
    if not folder:
        return None
    removed = 0
    for path in Path(folder).glob(f"{file_prefix(run)}*"):
        with suppress(OSError):
            path.unlink()
            removed += 1
    return removed
