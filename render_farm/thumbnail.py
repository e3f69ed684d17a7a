"""A small picture of an output, for nodes and galleries: of a film a typical frame, of a sound its waves."""

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from pipelines import media
from pipelines.spec import Output, PipelineError

LONG_EDGE_PX = 512
QUALITY = 82


def thumbnail(output: Output, folder: Path) -> Output:
    """A WebP of at most 512 px on its long edge, in `folder`; raises PipelineError when `output` cannot be shown."""
    path = folder / "thumbnail.webp"
    frame = folder / "thumbnail.png"
    try:
        kind = output.media_type.partition("/")[0]
        if kind == "video":
            media.poster(output.path, frame)
        elif kind == "audio":
            media.waves(output.path, frame)
        with Image.open(frame if frame.exists() else output.path) as picture:
            small = picture.convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise PipelineError("The pipeline's output is not a picture that can be read") from error
    finally:
        frame.unlink(missing_ok=True)
    small.thumbnail((LONG_EDGE_PX, LONG_EDGE_PX), Image.Resampling.LANCZOS)
    small.save(path, "WEBP", quality=QUALITY, method=4)
    return Output(path=path, media_type="image/webp", width=small.width, height=small.height)
