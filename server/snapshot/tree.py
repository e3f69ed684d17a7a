"""What a snapshot writes: documents, manifest and media as {path: bytes}; same state, same bytes."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Protocol, cast

from crdt_schema import plain
from crdt_schema.documents import UnknownDocument, kind_of
from crdt_schema.project import Manifest


class Encoded(Protocol):
    """A file that stands beside the documents: the pointer of a large one, or one that is kept as it is."""

    def encode(self) -> bytes:
        """Its bytes in Git."""
        ...


MANIFEST_PATH = "project.json"
DOCUMENT_PATHS: dict[str, str] = {
    "canvas": "02_Source_Creative/Canvases/main_canvas.json",
    "takes": "03_Renders/takes.json",
}
"""Where the documents stand in the repository that every project has from the start (W-031, W-050)."""
LATER_PATHS: dict[str, str] = {
    "styles": "01_Assets/Generative_Assets/Styles/styles.json",
    "library": "01_Assets/Generative_Assets/library.json",
    "production": "04_Project_Files/production.json",
}
"""Those that are written once something stands in them (W-029, W-030, W-036, W-041)."""
ANNOTATIONS = "03_Renders/Annotations"
SCRIPTS = "02_Source_Creative/Scripts"
SCRIPT_FOLDERS: dict[str, str] = {
    "treatment": "02_Source_Creative/Treatments",
    "shot_list": "02_Source_Creative/ShotLists",
}
"""By how the name of the script begins; all others are in `SCRIPTS` (W-032 to W-034, W-044)."""


# Windows gives these names to devices, with any suffix and in any case.
RESERVED = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"}) | {
    f"{device}{digit}" for device in ("com", "lpt") for digit in "0123456789¹²³"
}
MARK = "~"
"""Behind the name of a document that is such a name (W-084); no id has it."""


def document_path(name: str) -> str:
    """Path of a document in the repository; raises UnknownDocument."""
    path = DOCUMENT_PATHS.get(name) or LATER_PATHS.get(name)
    if path is not None:
        return path
    kind, _, own_name = name.partition("/")
    stem = f"{own_name}{MARK}" if own_name.lower() in RESERVED else own_name
    if kind_of(name).named and kind == "annotations":
        return f"{ANNOTATIONS}/{stem}.json"
    if kind_of(name).named and kind == "script":
        return f"{script_folder(own_name)}/{stem}.txt"
    raise UnknownDocument(f"the repository has no place for the document {name!r}")


FOLDERS: tuple[str, ...] = (SCRIPTS, *SCRIPT_FOLDERS.values(), ANNOTATIONS)
"""Where the documents stand that have a name of their own."""


def document_at(path: str) -> str | None:
    """The document whose file stands there; None for every other file."""
    fixed = next((name for name, place in (DOCUMENT_PATHS | LATER_PATHS).items() if place == path), None)
    if fixed is not None:
        return fixed
    own_name = PurePosixPath(path).stem.removesuffix(MARK)
    for name in (f"script/{own_name}", f"annotations/{own_name}"):
        if has_place(name) and document_path(name) == path:
            return name
    return None


def script_folder(own_name: str) -> str:
    """Where a script stands: `treatment`, `treatment_2` and `treatment-short` are all treatments."""
    for start, folder in SCRIPT_FOLDERS.items():
        if own_name == start or own_name.startswith((f"{start}-", f"{start}_")):
            return folder
    return SCRIPTS


def has_place(name: str) -> bool:
    """Whether a document stands in the repository."""
    try:
        return bool(document_path(name))
    except UnknownDocument:
        return False


def is_script(name: str) -> bool:
    """Whether the file of a document is a text, not JSON."""
    return name.startswith("script/")


def encode(name: str, value: object) -> bytes:
    """The file of a document: canonical JSON, and of a script its text, which ends with a line feed."""
    if not is_script(name):
        return plain.encode(value)
    text = str(cast("Mapping[str, object]", value)["text"])
    return (text if not text or text.endswith("\n") else f"{text}\n").encode()


def build(documents: Mapping[str, bytes], manifest: Manifest, media: Mapping[str, Encoded]) -> dict[str, bytes]:
    """Every file that a snapshot writes, in the order of the paths; `documents` are files by the document's name."""
    files = {document_path(name): data for name, data in documents.items()}
    files |= {path: file.encode() for path, file in media.items()}
    files[MANIFEST_PATH] = plain.encode(manifest)
    return dict(sorted(files.items()))
