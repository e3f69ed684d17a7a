"""Pictures that are joined to a pipeline: only what can be read without anybody's help."""

from pathlib import Path

import pytest
from PIL import Image

from pipelines import pictures
from pipelines.spec import PipelineError


def test_a_picture_comes_upright_and_in_rgb(tmp_path: Path) -> None:
    picture = Image.new("L", (64, 36), 99)
    exif = picture.getexif()
    exif[0x0112] = 6  # lies on its side
    picture.save(tmp_path / "plate.jpg", exif=exif)
    opened = pictures.opened(tmp_path / "plate.jpg")
    assert (opened.size, opened.mode) == ((36, 64), "RGB")


def test_a_program_of_postscript_is_no_picture_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {started}\nexit 1\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    path = tmp_path / "plate.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(PipelineError):
        pictures.opened(path)
    assert not started.exists(), "it starts no program of this machine"
