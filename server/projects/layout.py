"""Where things stand in a workspace and in a project folder, and names that every file system takes; pure."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from server.snapshot.tree import DOCUMENT_PATHS, MANIFEST_PATH, RESERVED

PROJECTS = "Projects"
LIBRARY = "Library"
PIPELINE_TEMPLATES = "Pipeline_Templates"
LIBRARY_FOLDERS: dict[str, str] = {
    "Branding": "logos and fonts",
    "Stock_Media": "licensed music, sound effects and footage that any project may use",
    PIPELINE_TEMPLATES: "pipelines of your own: a definition each, with the graph of ComfyUI that it runs beside it",
    "Narrative_Templates": "story structures; change one, and new projects begin with its chapters, scenes and beats",
    "AI_Models": "models that every project of this workspace may use",
    "Assets": "talent, environments and more that was promoted out of a project, and stays when that goes",
    "Style_Templates": "styles and brands that every project may begin with",
}
"""What projects share, and what each folder holds (W-003 to W-009)."""

TRACKED_FOLDERS: tuple[str, ...] = (
    "01_Assets/Source_Media",
    "01_Assets/AI_Models",
    "01_Assets/Generative_Assets/Characters",
    "01_Assets/Generative_Assets/Locations",
    "01_Assets/Generative_Assets/Music",
    "01_Assets/Generative_Assets/Styles",
    "02_Source_Creative/Canvases",
    "02_Source_Creative/Scripts",
    "02_Source_Creative/Treatments",
    "02_Source_Creative/ShotLists",
    "03_Renders",
    "04_Project_Files/Auto_Saves",
    "04_Project_Files/EDLs",
)
IGNORED_FOLDERS: tuple[str, ...] = ("05_Cache/thumbnails", "05_Cache/control_maps", "06_Exports", ".workprint")
"""W-025 to W-038; `.workprint` is this machine's own state."""

Category = Literal["source_media", "ai_models", "characters", "locations", "music", "styles"]
CATEGORY_FOLDERS: dict[Category, str] = {
    "source_media": "01_Assets/Source_Media",
    "ai_models": "01_Assets/AI_Models",
    "characters": "01_Assets/Generative_Assets/Characters",
    "locations": "01_Assets/Generative_Assets/Locations",
    "music": "01_Assets/Generative_Assets/Music",
    "styles": "01_Assets/Generative_Assets/Styles",
}
"""Where an added file goes (W-026 to W-030, W-043)."""

MANIFEST = MANIFEST_PATH
CANVAS = DOCUMENT_PATHS["canvas"]
REFERENCES = "01_Assets/Source_Media/References"

SUFFIXES: dict[str, str] = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/tiff": ".tif",
    "image/x-exr": ".exr",
    "image/gif": ".gif",
    "image/vnd.adobe.photoshop": ".psd",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/aiff": ".aiff",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/midi": ".mid",
    "model/gltf-binary": ".glb",
    "model/safetensors": ".safetensors",
    "model/gguf": ".gguf",
    "application/pdf": ".pdf",
}
"""File name suffix by media type; every suffix here has an LFS rule."""

MAX_NAME_BYTES = 100
"""Room for `/03_Renders/…/S01_S01_take01.png` under it within the 260 characters of older Windows."""
HIGHEST_NUMBER = 9999
_S4_TAKE = re.compile(r"S(\d{2,})_S(\d{2,})_take(\d{2,})")
_S1_TAKE = re.compile(r"SHOT-(\d{3,})_v\d{2,}_take(\d{2,})")


class UnknownMedia(ValueError):
    """A media type that has no file name suffix here."""


@dataclass(frozen=True)
class TakeName:
    """What the name of a take's file says; S1's form names no scene."""

    scene: int | None
    shot: int
    number: int


def suffix_of(media_type: str) -> str:
    """`.png` for `image/png`; raises UnknownMedia."""
    suffix = SUFFIXES.get(media_type)
    if suffix is None:
        raise UnknownMedia(f"there is no file type for {media_type[:80]!r}")
    return suffix


def take_name(scene: float, shot: float, number: float) -> str:
    """`S01_S02_take03` (W-075, CF-21). Raises ValueError for what is no whole number in range."""
    return f"S{_whole(scene):02d}_S{_whole(shot):02d}_take{_whole(number):02d}"


def take_folder(chapter: float, scene: float, shot: float) -> str:
    """`03_Renders/Chapter_01/Scene_01/Shot_02` (W-074). Raises ValueError as `take_name` does."""
    return f"03_Renders/Chapter_{_whole(chapter):02d}/Scene_{_whole(scene):02d}/Shot_{_whole(shot):02d}"


def _whole(number: float) -> int:
    # A Yjs document hands out every number as a float.
    if number != int(number) or not 0 <= number <= HIGHEST_NUMBER:
        raise ValueError(f"chapters, scenes, shots and takes are numbered from 0 to {HIGHEST_NUMBER}")
    return int(number)


def parse_take_name(file_name: str) -> TakeName | None:
    """The numbers in a take's file name, in S4's form or S1's (CF-21)."""
    stem = PurePosixPath(file_name).stem
    if match := _S4_TAKE.fullmatch(stem):
        return TakeName(int(match[1]), int(match[2]), int(match[3]))
    if match := _S1_TAKE.fullmatch(stem):
        return TakeName(None, int(match[1]), int(match[2]))
    return None


def safe_name(title: str, fallback: str = "Project") -> str:
    """A folder or file name for a title, which Windows, macOS, Linux and a shell all take (W-084)."""
    # By Unicode category, not \w: that leaves out the marks without which many scripts fall apart.
    kept = (
        char if char in "_-" or unicodedata.category(char)[0] in "LNM" else " "
        for char in unicodedata.normalize("NFC", title)
    )
    words = re.sub(r"_{2,}", "_", "_".join("".join(kept).split())).strip("_-")
    while len(words.encode()) > MAX_NAME_BYTES:
        words = words[:-1].rstrip("_-")
    if words.lower() in RESERVED:
        words = f"{words}_"
    return words or fallback


def fold(name: str) -> str:
    """A name as the least careful file system sees it."""
    return unicodedata.normalize("NFKC", name.casefold())
