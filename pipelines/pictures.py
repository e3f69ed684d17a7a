"""Pictures as pipelines take and hand them in: upright, RGB, never larger than a node can hold."""

import warnings
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from pipelines.spec import PipelineError, RunContext

MOST_PIXELS = 100_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "PSD", "BMP")
"""Those that Pillow reads by itself. For others, whatever a file is called, it would start programs of the machine."""


def only_input(context: RunContext, name: str) -> Path:
    """The one file that is joined to an input; raises PipelineError."""
    files = context.inputs.get(name, ())
    if not files:
        raise PipelineError(f"Nothing is joined to the input {name}. Join a shot that has a take, or a file.")
    return files[0]


def opened(path: Path) -> Image.Image:
    """A picture, upright and in RGB; raises PipelineError."""
    try:
        with warnings.catch_warnings(), Image.open(path, formats=FORMATS) as image:
            warnings.simplefilter("ignore")
            if image.width * image.height > MOST_PIXELS:
                raise PipelineError(f"The picture has more than {MOST_PIXELS // 1_000_000} million pixels")
            return ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise PipelineError("The file that is joined to this is not a picture that can be read") from error


def folder_of(package: str) -> Path:
    """Where a package that brings a model lies, without importing it; raises PipelineError."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    if not places:
        raise PipelineError(f"The Python package {package} is not installed on this farm node")
    return Path(places[0])
