"""What a container leaves in its folder, and what is believed of it."""

import json
from pathlib import Path

import pytest

from pipelines.docker_options import Options
from pipelines.runners.job_folder import JobFolder
from pipelines.spec import Pipeline, TierSpec

FILM = Pipeline(
    *("shell", "1.0", "0d5a4c0e-3c39-4b38-8d1f-6f3d2a9c1e99", "Shell", "A script.", "Video", (), ()),
    {"low": TierSpec("docker", "busybox", 0, 64, 1.0)}, 0.0, "busybox", "GPL-2.0", "https://busybox.net",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    made = JobFolder("attempt-1", tmp_path, {}, [])
    made.out.mkdir()
    return made


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        (24, "24/1"),
        ("24000/1001", "24000/1001"),
        ("0/1", ""),
        (0, ""),
        ("24/0", ""),
        ("\u00b2/1", ""),
        ("9" * 5000, ""),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_rate_is_a_fraction_or_not_said_at_all(folder: JobFolder, said: object, rate: str) -> None:
    (folder.out / "film.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(64))
    (folder.out / "result.json").write_text(json.dumps({"outputs": [{"path": "film.mp4", "frames": 48, "rate": said}]}))
    (output,), _ = folder.collect(FILM, Options())
    assert output.rate == rate


def test_of_long_last_words_the_end_is_told(folder: JobFolder) -> None:
    folder.last_words = "Loading " * 100_000 + "the lens cap was on"
    kind, words = folder.error()
    assert kind == ""
    assert len(words) <= 2000
    assert words.endswith("the lens cap was on")
