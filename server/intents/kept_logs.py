"""The logs of attempts that ended, kept for good in the project's own state: `.workprint/logs/{attempt}.log`."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from render_farm.attempt_log import LogLine

END_MARK = "== "


def log_path(project_folder: Path, attempt: str) -> Path:
    """Where the log of an attempt is kept; the id was checked when its event was read."""
    return project_folder / ".workprint" / "logs" / f"{attempt}.log"


def keep(path: Path, lines: Sequence[LogLine]) -> None:
    """Write a log, whole or not at all; one that stands is replaced only by more. It blocks; raises OSError."""
    text = "".join(f"{line.at} {END_MARK + line.exit if line.exit else line.text}\n" for line in lines)
    with suppress(FileNotFoundError):
        if path.stat().st_size >= len(text.encode()):
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)  # on a full disk, of all places, it would only be in the way
        raise


def read(path: Path) -> list[LogLine]:
    """The lines of a kept log, none where nothing was kept. It blocks."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [_line(number, *line.partition(" ")) for number, line in enumerate(lines, start=1)]


def _line(number: int, at: str, _space: str, text: str) -> LogLine:
    ended = text.startswith(END_MARK)
    return LogLine(str(number), at, "" if ended else text, text.removeprefix(END_MARK) if ended else "")
