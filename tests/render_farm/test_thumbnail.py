"""Small pictures of outputs and previews, whatever somebody calls a picture."""

import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines import media
from pipelines.spec import Output, PipelineError
from render_farm.hub_client import HubClient
from render_farm.previews import Previews
from render_farm.thumbnail import thumbnail


def bomb(path: Path, side: int) -> Path:
    """A PNG of a hundred bytes that says it has side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [14_000, 60_000])
def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path, side: int) -> None:
    with pytest.raises(PipelineError):
        thumbnail(Output(bomb(tmp_path / "bomb.png", side), "image/png"), tmp_path)


def test_a_program_of_postscript_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "drawn.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(PipelineError):
        thumbnail(Output(path, "image/png"), tmp_path)


def test_a_picture_with_a_high_dynamic_range_can_be_a_take(tmp_path: Path) -> None:
    path = tmp_path / "plate.exr"
    colour = ["-f", "lavfi", "-i", "color=red:s=640x360", "-frames:v", "1", "-pix_fmt", "gbrpf32le"]
    subprocess.run([media.ffmpeg(), "-loglevel", "error", *colour, str(path)], check=True)
    small = thumbnail(Output(path, "image/x-exr"), tmp_path)
    assert (small.width, small.height) == (512, 288)
    with Image.open(small.path) as picture:
        red, green, _ = np.asarray(picture.convert("RGB"))[9, 9].tolist()
    assert red > 200
    assert green < 50


@pytest.mark.parametrize("side", [7_000, 60_000])
def test_a_preview_that_is_a_bomb_costs_the_attempt_nothing(tmp_path: Path, side: int) -> None:
    sent: list[str] = []

    def hub() -> HubClient:
        sent.append("")
        return HubClient("http://127.0.0.1:9", "")

    Previews(hub, "project", "job").show(bomb(tmp_path / "preview.png", side), tmp_path)
    assert sent == []
