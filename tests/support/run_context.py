"""The run context of one attempt, which remembers what a runner told it."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.spec import Cancelled


class Attempt:
    """Scratch folder and inputs of an attempt, and all that was told; `cancel` ends it."""

    def __init__(self, scratch: Path, inputs: Mapping[str, tuple[Path, ...]] | None = None) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.scratch = scratch
        self.inputs: Mapping[str, tuple[Path, ...]] = inputs or {}
        self.steps: list[tuple[float, str]] = []
        self.lines: list[str] = []
        self.previews: list[bytes] = []
        self.cancelled = threading.Event()
        self.cancel_when: Callable[[], bool] = self.cancelled.is_set

    @property
    def told(self) -> str:
        """The whole log."""
        return "\n".join(self.lines)

    def progress(self, percent: float, step: str) -> None:
        self.check()
        self.steps.append((percent, step))

    def check(self) -> None:
        if self.cancel_when():
            raise Cancelled("The job was cancelled")

    def log(self, line: str) -> None:
        self.lines.append(line)

    def preview(self, path: Path) -> None:
        self.previews.append(path.read_bytes())
