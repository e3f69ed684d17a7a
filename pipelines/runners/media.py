"""Says what a file is that a server has made: its media type, its size in pixels, its frames; pure but for reading."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from pipelines.pictures import FORMATS
from pipelines.spec import Output, PipelineError

MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
}
"""Suffix -> media type, of everything that may become a take."""

SUFFIXES = {media_type: suffix for suffix, media_type in reversed(MEDIA_TYPES.items())}


def described(path: Path, media_type: str, values: Mapping[str, Any]) -> Output:
    """The output for a file; a picture is measured, a clip has what was asked for."""
    kind = media_type.partition("/")[0]
    if kind == "image":
        try:
            with Image.open(path, formats=FORMATS) as image:
                return Output(path, media_type, image.width, image.height)
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError) as error:
            raise PipelineError("What came back is called a picture, but is none") from error
    if kind == "video":
        fps = float(values["fps"])
        rate = f"{fps:g}/1" if fps.is_integer() else f"{round(fps * 1000)}/1000"
        return Output(path, media_type, values["width"], values["height"], values["frames"], rate if fps > 0 else "")
    return Output(path, media_type)
