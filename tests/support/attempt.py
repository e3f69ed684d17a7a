"""A run context for runners: it remembers what it was told, and raises Cancelled from the moment a test wants it to."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.spec import Cancelled


class Attempt:
    """Scratch folder, joined files, and everything that a runner tells."""

    def __init__(self, scratch: Path, inputs: Mapping[str, tuple[Path, ...]] | None = None) -> None:
        self.scratch = scratch
        self.inputs: Mapping[str, tuple[Path, ...]] = inputs or {}
        self.steps: list[tuple[float, str]] = []
        self.lines: list[str] = []
        self.previews: list[bytes] = []
        self.cancelled = threading.Event()
        self.on_step: Callable[[str], None] = lambda _: None

    def progress(self, percent: float, step: str) -> None:
        self.check()
        self.steps.append((percent, step))
        self.on_step(step)

    def check(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled("The job was cancelled")

    def log(self, line: str) -> None:
        self.lines.append(line)

    def preview(self, path: Path) -> None:
        self.previews.append(path.read_bytes())
