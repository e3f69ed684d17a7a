"""What a file is by its first bytes, whatever its name says; pure."""

HEAD_BYTES = 4096
"""So much of a file tells what it is."""
UNKNOWN = "application/octet-stream"

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"v/1\x01", "image/x-exr"),
    (b"8BPS\x00\x01", "image/vnd.adobe.photoshop"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"MThd", "audio/midi"),
    (b"glTF", "model/gltf-binary"),
    (b"GGUF", "model/gguf"),
    (b"%PDF-", "application/pdf"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_FORM = {b"AIFF": "audio/aiff", b"AIFC": "audio/aiff"}
_AUDIO_BRANDS = (b"M4A ", b"M4B ")
_STILL_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
_MPEG_LAYER_3 = frozenset({0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2})


def media_type_of(head: bytes) -> str:
    """The type of a file that begins with `head`; `application/octet-stream` when nothing here knows it."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], UNKNOWN)
    if head[:4] == b"FORM":
        return _FORM.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        return _iso_media(head[8:12])
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[:1] == b"\xff" and head[1:2] and head[1] in _MPEG_LAYER_3:
        return "audio/mpeg"
    return "model/safetensors" if _is_safetensors(head) else UNKNOWN


def _iso_media(brand: bytes) -> str:
    if brand in _STILL_BRANDS:
        return UNKNOWN
    if brand == b"qt  ":
        return "video/quicktime"
    return "audio/mp4" if brand in _AUDIO_BRANDS else "video/mp4"


def _is_safetensors(head: bytes) -> bool:
    """The length of a JSON header in eight bytes, and then the header: `{"`, after blanks at most."""
    length = int.from_bytes(head[:8], "little")
    return 2 <= length <= 100_000_000 and head[8:].lstrip(b" ").startswith(b'{"')  # noqa: PLR2004 - `{}` at least; what readers take
