"""Reads what a container prints: JSON lines that mean something, and everything else for the log."""

import json
import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from pipelines.spec import RunContext

MAX_LINE_BYTES = 16 * 1024
"""A longer line is cut: nobody reads it."""
LAST_LINES = 12
LINES_PER_SECOND = 100
"""More than that nobody reads live; the farm's log should not be flooded by one container."""
STEPS_PER_SECOND = 20
PREVIEWS_PER_SECOND = 4
_BLANKS = re.compile(rb"[\r\n]+")


class _Second:
    """Lets so many things pass in every second."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._second, self._passed = 0, 0

    def is_new(self) -> bool:
        """Whether another second than that of the last look has begun."""
        second = int(self._clock())
        if second == self._second:
            return False
        self._second, self._passed = second, 0
        return True

    def passes(self) -> bool:
        self.is_new()
        self._passed += 1
        return self._passed <= self._most


class Lines:
    """Puts the pieces of two streams together to lines and hands each to the attempt."""

    def __init__(
        self,
        context: RunContext,
        take_preview: Callable[[str], Path | None],
        progress_pattern: re.Pattern[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._take_preview = take_preview
        self._pattern = progress_pattern
        self._rest = {True: b"", False: b""}
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._percent = 0.0
        self._lines = _Second(LINES_PER_SECOND, clock)
        self._steps = _Second(STEPS_PER_SECOND, clock)
        self._previews = _Second(PREVIEWS_PER_SECOND, clock)
        self._left_out = 0

    def feed(self, on_stdout: bool, piece: bytes) -> None:
        """More of one of the streams; a carriage return ends a line too, since progress bars are made of them."""
        *whole, rest = _BLANKS.split(self._rest[on_stdout] + piece)
        if len(rest) > MAX_LINE_BYTES:
            whole, rest = [*whole, rest], b""
        self._rest[on_stdout] = rest
        for line in whole:
            self._line(on_stdout, line)

    def end(self) -> None:
        """What was left without an end of line."""
        for on_stdout, rest in self._rest.items():
            self._line(on_stdout, rest)
        self._rest = {True: b"", False: b""}
        self._tell_left_out()

    def last_words(self) -> str:
        """The last lines that were meant for the log."""
        return "\n".join(self._last)

    def _line(self, on_stdout: bool, line: bytes) -> None:
        text = line[:MAX_LINE_BYTES].decode("utf-8", "replace").strip()
        if not text or (on_stdout and self._told(text)):
            return
        self._log(text)
        found = self._pattern.search(text) if self._pattern else None
        if found:
            self._progress(found[1], text)

    def _told(self, text: str) -> bool:
        """Whether the line was one of ours: {"progress": 40, "step": "..."}, {"log": "..."} or {"preview": "..."}."""
        if not text.startswith("{"):
            return False
        try:
            said: Any = json.loads(text)
        except (ValueError, RecursionError):
            return False
        match said:
            case {"progress": percent, **more}:
                return self._progress(percent, str(more.get("step", "")))
            case {"log": str(line)}:
                self._log(line[:MAX_LINE_BYTES])
            case {"preview": str(name)}:
                self._preview(name)
            case _:
                return False
        return True

    def _log(self, line: str) -> None:
        """Keep a line, or only count it when too many come at once."""
        self._last.append(line)
        if self._lines.is_new():
            self._tell_left_out()
        if self._lines.passes():
            self._context.log(line)
        else:
            self._left_out += 1

    def _preview(self, name: str) -> None:
        if not self._previews.passes():
            return
        picture = self._take_preview(name)
        if picture is None:
            self._log(f"The preview {name[:80]} is no small picture in the output folder.")
        else:
            self._context.preview(picture)

    def _tell_left_out(self) -> None:
        if self._left_out:
            self._context.log(f"({self._left_out} lines were left out: more than {LINES_PER_SECOND} a second)")
            self._left_out = 0

    def _progress(self, percent: object, step: str) -> bool:
        """Tell the progress, which never goes backwards nor beyond the whole."""
        try:
            number = float(cast("Any", percent))
        except (TypeError, ValueError, OverflowError):
            return False
        if not number >= 0:  # NaN too
            return False
        self._percent = max(self._percent, min(number, 100.0))
        if self._steps.passes():
            self._context.progress(self._percent, step[:200])
        return True
