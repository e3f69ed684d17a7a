"""A small picture of an output, for nodes and galleries: of a film a typical frame, of a sound its waves."""

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from pipelines import media
from pipelines.pictures import FORMATS
from pipelines.spec import Output, PipelineError

LONG_EDGE_PX = 512
QUALITY = 82
MOST_PIXELS = 178_000_000
"""A larger picture is refused before it is unpacked: a few bytes of it can fill a node's memory."""
_BY_FFMPEG = frozenset({"image/x-exr"})


def thumbnail(output: Output, folder: Path, most_pixels: int = MOST_PIXELS) -> Output:
    """A WebP of at most 512 px on its long edge, in `folder`; raises PipelineError when `output` cannot be shown."""
    path = folder / "thumbnail.webp"
    frame = folder / "thumbnail.png"
    try:
        kind = output.media_type.partition("/")[0]
        if kind == "video" or output.media_type in _BY_FFMPEG:
            media.poster(output.path, frame)
        elif kind == "audio":
            media.waves(output.path, frame)
        small = _small(frame if frame.exists() else output.path, most_pixels)
    finally:
        frame.unlink(missing_ok=True)
    small.save(path, "WEBP", quality=QUALITY, method=4)
    return Output(path=path, media_type="image/webp", width=small.width, height=small.height)


def _small(path: Path, most_pixels: int) -> Image.Image:
    try:
        with warnings.catch_warnings(), Image.open(path, formats=FORMATS) as picture:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            if picture.width * picture.height > most_pixels:
                raise PipelineError(f"The picture has more than {most_pixels // 1_000_000} million pixels")
            small = picture.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise PipelineError("The pipeline's output is not a picture that can be read") from error
    small.thumbnail((LONG_EDGE_PX, LONG_EDGE_PX), Image.Resampling.LANCZOS)
    return small
