"""Reference images of the brief: looked at before they are kept, stored as blobs, filed in the project folder."""

import io
import threading
from dataclasses import dataclass
from pathlib import PurePath

from PIL import Image, UnidentifiedImageError

from crdt_schema.ids import BlobHash
from server.errors import BadRequest, TooLarge
from server.projects import layout

MAX_IMAGE_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 100_000_000
"""A 10,000 x 10,000 scan passes; a small file that unpacks into gigabytes does not."""
FORMATS: dict[str, str] = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff"}
"""Only these decoders are ever tried on what was uploaded."""
HASH_IN_NAME = 12
_AT_ONCE = threading.BoundedSemaphore(2)
"""The largest image that passes takes half a gigabyte while it is decoded."""


class BadImage(BadRequest):
    """What was uploaded is no image that can be kept."""

    code = "bad_image"


@dataclass(frozen=True)
class Picture:
    """What an image turned out to be."""

    media_type: str
    width: int
    height: int


def look_at(name: str, data: bytes) -> Picture:
    """Decode an image to be sure that it is whole; raises BadImage, TooLarge. It blocks: call it in a thread."""
    shown = PurePath(name.replace("\\", "/")).name[:80] or "The file"
    if len(data) > MAX_IMAGE_BYTES:
        raise TooLarge(f"{shown} is larger than {MAX_IMAGE_BYTES // (1024 * 1024)} MB.")
    too_many = TooLarge(f"{shown} has more than {MAX_PIXELS // 1_000_000} megapixels.")
    try:
        with _AT_ONCE, Image.open(io.BytesIO(data), formats=tuple(FORMATS)) as image:
            fits = image.width * image.height <= MAX_PIXELS
            if fits:
                image.load()
            picture = Picture(FORMATS[str(image.format)], image.width, image.height)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_many from error
    except UnidentifiedImageError:
        raise BadImage(f"{shown} is no PNG, JPEG, WebP or TIFF image.") from None
    except Exception as error:
        # On hostile bytes a decoder raises whatever it happens to.
        raise BadImage(f"{shown} is damaged and cannot be read as an image.") from error
    if not fits:
        raise too_many
    return picture


def file_name(name: str, blob: BlobHash, media_type: str) -> str:
    """A safe file name that carries the start of its hash: unique, and found again by it."""
    stem = layout.safe_name(PurePath(name.replace("\\", "/")).stem, "reference")[:60]
    return f"{stem}_{blob[:HASH_IN_NAME]}{layout.suffix_of(media_type)}"


def hash_in_name(file_name: str) -> str:
    """The start of the hash that a reference's file name carries; empty when it carries none."""
    head, _, tail = PurePath(file_name).stem.rpartition("_")
    return tail if head and len(tail) == HASH_IN_NAME else ""
