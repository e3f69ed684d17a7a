"""Logs of attempts on disk: whole or not at all."""

import errno
from pathlib import Path
from typing import Any

import pytest

from render_farm.attempt_log import LogLine
from server.intents import kept_logs

LINES = [LogLine("1", "2026-01-01T00:00:00Z", "Sampling"), LogLine("2", "2026-01-01T00:00:01Z", "", "finished")]


def test_a_log_that_a_full_disk_does_not_take_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int, *_rest: Any, **_more: Any) -> Any:
        return Path("/dev/full").open("w", encoding="utf-8")

    monkeypatch.setattr("server.intents.kept_logs.os.fdopen", full)
    path = kept_logs.log_path(tmp_path, "attempt-1")
    with pytest.raises(OSError, match="No space left") as failure:
        kept_logs.keep(path, LINES)
    assert failure.value.errno == errno.ENOSPC
    assert list(path.parent.iterdir()) == []
    monkeypatch.undo()
    kept_logs.keep(path, LINES)
    assert [(line.text, line.exit) for line in kept_logs.read(path)] == [("Sampling", ""), ("", "finished")]
