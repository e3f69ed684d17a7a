"""Files of every kind as tests add them, small and real."""

import io
import subprocess
from importlib.metadata import files
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

SAFETENSORS = (2).to_bytes(8, "little") + b'{"'.ljust(2) + b"\0" * 64
GGUF = b"GGUF\x03\0\0\0" + b"\0" * 64
WAVE = b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 64


def png(colour: str = "#c2185b", size: tuple[int, int] = (64, 36)) -> bytes:
    """A picture of one colour."""
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "PNG")
    return data.getvalue()


def form(*given: tuple[str, bytes], category: str = "") -> aiohttp.FormData:
    """A multipart form of files."""
    made = aiohttp.FormData(quote_fields=False)  # as browsers send names
    if category:
        made.add_field("category", category)
    for name, data in given:
        made.add_field("file", io.BytesIO(data), filename=name, content_type="application/octet-stream")
    return made


async def added(
    session: aiohttp.ClientSession, project: str, category: str, *given: tuple[str, bytes], status: int = 201
) -> Any:
    """Add files and expect a status; what came back."""
    path = f"/api/projects/{project}/files?category={category}"
    async with session.post(path, data=form(*given)) as reply:
        assert reply.status == status, await reply.text()
        return await reply.json()


def ffmpeg() -> Path:
    """The ffmpeg of the tests."""
    (found,) = (file for file in files("imageio-ffmpeg") or () if "ffmpeg-linux" in file.name)
    return Path(str(found.locate()))


def film(folder: Path, size: str = "1280x720") -> bytes:
    """A second of a moving test picture, as MP4."""
    target = folder / "film.mp4"
    source = ["-f", "lavfi", "-i", f"testsrc=size={size}:rate=12:duration=1"]
    subprocess.run(
        [ffmpeg(), "-loglevel", "error", "-y", *source, "-c:v", "libx264", "-pix_fmt", "yuv420p", target],
        check=True,
        timeout=60,
    )
    return target.read_bytes()
