"""What a film or a sound really is, whatever was asked for: its size, its frames and its rate, out of the file."""

import subprocess
from pathlib import Path

import pytest

from pipelines import media
from pipelines.media import as_it_is, h264
from pipelines.spec import Cancelled, Output, PipelineError
from tests.support.run_context import Attempt


def asked(path: Path) -> Output:
    """A film as it was asked for."""
    return Output(path, "video/mp4", 640, 360, 999, "12/1")


def film(path: Path, rate: str, frames: int, size: tuple[int, int] = (64, 36)) -> Path:
    with h264(path, size, rate) as write:
        for number in range(frames):
            write(bytes([number % 256]) * (size[0] * size[1] * 3))
    return path


def ffmpeg(*arguments: str) -> None:
    subprocess.run([media.ffmpeg(), "-y", "-loglevel", "error", *arguments], check=True)


def nothing() -> None:
    """Nobody wants the attempt to end."""


@pytest.mark.parametrize("rate", ["24/1", "24000/1001", "30000/1001", "25/1", "8/1", "60/1"])
def test_a_film_has_the_size_the_frames_and_the_rate_of_its_file(tmp_path: Path, rate: str) -> None:
    path = film(tmp_path / "film.mp4", rate, 9)
    assert as_it_is(asked(path), nothing) == Output(path, "video/mp4", 64, 36, 9, rate)


def test_a_film_that_is_shown_turned_has_the_size_that_is_seen(tmp_path: Path) -> None:
    straight, turned = film(tmp_path / "film.mp4", "24/1", 3), tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "90", "-i", str(straight), "-c", "copy", str(turned))
    found = as_it_is(asked(turned), nothing)
    assert (found.width, found.height) == (36, 64)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_a_sound_has_the_samples_and_the_rate_of_its_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sound.{suffix}"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1.5:r=22050", str(path))
    found = as_it_is(Output(path, "audio/x", frames=1, rate="48000/1"), nothing)
    assert (found.frames, found.rate) == (33075, "22050/1")


def test_what_is_called_a_film_and_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(PipelineError, match=r"What came back as film.mp4 cannot be read"):
        as_it_is(Output(path, "video/mp4"), nothing)


def test_a_cancel_is_heard_while_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1500:r=22050", str(path))
    attempt = Attempt(tmp_path)
    attempt.cancelled.set()
    with pytest.raises(Cancelled):
        as_it_is(Output(path, "audio/wav"), attempt.check)
