"""Scratch folders: gone with their attempt, and nobody else's are touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from render_farm.scratch import discard, inputs_of, scratch_folder, sweep


def process_that_is_gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(20)
    return process.pid


def test_the_folder_of_an_attempt_in_another_container_is_let_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its number means nothing here, as that of a process behind another container's wall.
    monkeypatch.setattr(os, "getpid", process_that_is_gone)
    with scratch_folder(tmp_path, "attempt-1") as folder:
        monkeypatch.undo()
        (inputs_of(folder) / "plate.png").touch()
        assert sweep(tmp_path) == []
        assert (inputs_of(folder) / "plate.png").exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_attempt_left_is_removed_with_its_inputs(tmp_path: Path) -> None:
    folder = tmp_path / f"{process_that_is_gone()}-attempt-1"
    folder.mkdir()
    inputs_of(folder).mkdir()
    (tmp_path / "notes").mkdir()
    assert sweep(tmp_path) == [folder.name, inputs_of(folder).name]
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
    discard(folder)
