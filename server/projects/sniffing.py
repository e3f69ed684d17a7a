"""In which category a file may go by what its first bytes say it is; pure."""

from pathlib import PurePath

from crdt_schema.sniffing import UNKNOWN, media_type_of
from server.errors import BadRequest
from server.projects.layout import Category

_KINDS: dict[Category, tuple[str, ...]] = {
    "source_media": ("image/", "video/", "audio/", "model/gltf-binary", "application/pdf"),
    "ai_models": ("model/safetensors", "model/gguf"),
    "characters": ("image/", "video/", "model/gltf-binary"),
    "locations": ("image/", "video/", "model/gltf-binary"),
    "music": ("audio/",),
    "styles": ("image/", "video/", "model/safetensors"),
}
_WORDS: dict[Category, str] = {
    "source_media": "pictures (PNG, JPEG, WebP, GIF, TIFF, EXR, PSD), films (MP4, MOV, WebM, MKV), sound (WAV, MP3, "
    "FLAC, AIFF, M4A, OGG, MIDI), GLB and PDF",
    "ai_models": "models as safetensors or GGUF, which hold numbers and no program",
    "characters": "pictures, films and GLB",
    "locations": "pictures, films and GLB",
    "music": "sound (WAV, MP3, FLAC, AIFF, M4A, OGG, MIDI)",
    "styles": "pictures, films and models of a style as safetensors",
}


class WrongType(BadRequest):
    """The bytes are of a kind that does not go there."""

    status = 415
    code = "wrong_type"


def demand_fits(name: str, head: bytes, category: Category) -> str:
    """The media type of a file that may go into a category; raises WrongType, which says what may."""
    kind = media_type_of(head)
    if not kind.startswith(_KINDS[category]):
        is_kind = "is of a kind that is not known here" if kind == UNKNOWN else f"is {kind}"
        raise WrongType(f"{shown(name)} {is_kind}, and was not added. Into this folder go {_WORDS[category]}.")
    return kind


def shown(name: str) -> str:
    """A file's name as somebody sent it, in a message."""
    seen = "".join(char for char in PurePath(name.replace("\\", "/")).name if char.isprintable())
    return seen[:80] or "The file"
