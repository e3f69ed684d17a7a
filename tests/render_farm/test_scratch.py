"""Scratch folders: gone with their attempt, and nobody else's are touched."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from render_farm.scratch import claim, discard, inputs_of, scratch_folder, sweep
from render_farm.settings import BadSetting, default_scratch


def process_that_is_gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(60)
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


@pytest.fixture
def default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the default scratch folder would be."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return default_scratch()


def test_nobody_else_looks_into_the_default_folder(default: Path) -> None:
    claim(default)
    assert default.stat().st_mode & 0o777 == 0o700
    default.chmod(0o777)
    claim(default)
    assert default.stat().st_mode & 0o777 == 0o700


def test_a_default_folder_that_somebody_else_has_made_is_not_used(
    default: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = default.with_name(f"workprint-scratch-{os.getuid() + 1}")
    theirs.mkdir()
    somebody = os.getuid() + 1
    with monkeypatch.context() as other:
        other.setattr(os, "getuid", lambda: somebody)
        with pytest.raises(BadSetting, match="WORKPRINT_SCRATCH"):
            claim(theirs)
    default.symlink_to(tmp_path / "nothing yet")
    with pytest.raises(BadSetting, match="belongs to somebody else"):
        claim(default)
    environment = {**os.environ, "TMPDIR": str(tmp_path), "WORKPRINT_SCRATCH": ""}
    command = [sys.executable, "-m", "render_farm.worker", "--burst"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stderr) == (2, f"workprint: {no_folder(default)}\n")


def no_folder(path: Path) -> str:
    with pytest.raises(BadSetting) as told:
        claim(path)
    return str(told.value)


def test_a_folder_that_was_set_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    claim(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_what_a_killed_attempt_left_is_removed_with_its_inputs(tmp_path: Path) -> None:
    folder = tmp_path / f"{process_that_is_gone()}-attempt-1"
    folder.mkdir()
    inputs_of(folder).mkdir()
    (tmp_path / "notes").mkdir()
    assert sweep(tmp_path) == [folder.name, inputs_of(folder).name]
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
    discard(folder)
