"""The folders and files that a new workspace and a new project start with (W-013 to W-044); every function blocks."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import structlog

from crdt_schema import plain
from crdt_schema.documents import KINDS
from crdt_schema.ids import new_id
from crdt_schema.project import Manifest, Narrative, NarrativeStructure
from server.auth.actor import Actor
from server.projects import layout, manifest
from server.projects.lfs_setup import helper_scripts
from server.projects.narratives import STRUCTURES, narrative
from server.snapshot.repo import ProjectRepo
from server.snapshot.tree import DOCUMENT_PATHS

log = structlog.get_logger(__name__)

LFS_SUFFIXES: dict[str, str] = {
    "Images": "png jpg jpeg jpe gif webp avif heic heif tif tiff bmp tga exr hdr dpx cin jp2 j2k jxl psd psb kra xcf "
    "ico dng cr2 cr3 nef arw raf orf rw2",
    "Video": "mp4 m4v mov mkv webm avi wmv mxf mpg mpeg mts m2ts vob ogv r3d braw ari arx crm",
    "Audio": "wav bwf aif aiff mp3 aac m4a flac ogg oga opus wma caf mid midi",
    "Models": "safetensors ckpt pt pth bin onnx gguf ggml pb tflite h5 hdf5 engine plan mlmodel npz npy pkl",
    "Geometry": "glb fbx blend abc usdc usdz vdb ply stl bgeo",
    "Archives, fonts, paper": "zip 7z rar tar gz tgz xz bz2 zst ttf otf woff woff2 ttc pdf docx xlsx pptx",
}
"""Large or binary files by what they are; LUTs (.cube), EDLs, OTIO and USDA are text and stay in plain Git."""

GITIGNORE = """\
# Regenerated or delivered elsewhere.
05_Cache/
06_Exports/

# This machine's own state of the project.
.workprint/

# Left by operating systems and editors.
*.DS_Store
._*
.Spotlight-V100
.Trashes
Thumbs.db
desktop.ini
*~
*.tmp
*.swp
"""


def gitattributes() -> str:
    """LFS rules for every media and model type, in both cases, because cameras write `A001.MXF`."""
    lines = [
        "# Text keeps line feeds on every system, so that the same project has the same bytes.",
        "* text=auto eol=lf",
    ]
    for title, suffixes in LFS_SUFFIXES.items():
        lines += ["", f"# {title}"]
        spellings = (spelling for suffix in suffixes.split() for spelling in (suffix, suffix.upper()))
        lines += [f"*.{spelling} filter=lfs diff=lfs merge=lfs -text" for spelling in spellings]
    return "\n".join(lines) + "\n"


def make_workspace(root: Path) -> None:
    """The folders of W-003 to W-009 what each holds, and the narrative templates, which a studio may then change."""
    library = root / layout.LIBRARY
    for folder in (root / layout.PROJECTS, *(library / name for name in layout.LIBRARY_FOLDERS)):
        folder.mkdir(parents=True, exist_ok=True)
    if not (library / "README.md").exists():
        lines = (f"- `{name}/`: {holds}" for name, holds in layout.LIBRARY_FOLDERS.items())
        (library / "README.md").write_text("\n".join(["# What the projects of this workspace share", "", *lines, ""]))
    for structure in STRUCTURES:
        template = root / "Library/Narrative_Templates" / f"{structure}.json"
        if not template.exists():
            template.write_bytes(plain.encode(narrative(structure)))


def narrative_template(root: Path, structure: NarrativeStructure) -> Narrative:
    """The workspace's own template of a structure; the built-in one where that is missing or broken."""
    template = root / "Library/Narrative_Templates" / f"{structure}.json"
    try:
        raw: Any = json.loads(template.read_bytes())
        return cast("Narrative", {**narrative(structure), **raw, "structure": structure})
    except (OSError, ValueError, TypeError) as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("narrative_template_is_broken", structure=structure, reason=str(error))
        return narrative(structure)


def make_project(
    root: Path, request: manifest.NewProject, uuid: str, by: Actor, now: datetime
) -> tuple[Path, Manifest]:
    """Make a whole project and return its folder; raises BadRequest. What fails half-way leaves nothing behind."""
    created = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    made = manifest.new_manifest(request, uuid, created, narrative_template(root, request.structure))
    projects = root / "Projects"
    # Built under a name that the index passes over and put in place in one step.
    building = projects / f".new-{new_id()}"
    try:
        files = _write_tree(building, made)
        _first_commit(building, files, made["title"], by, now)
        return put_in_place(building, projects, layout.safe_name(made["title"])), made
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write_tree(folder: Path, made: Manifest) -> dict[str, bytes]:
    """Every folder and file; returns the files that go into Git."""
    files = {
        layout.MANIFEST: manifest.encode(made),
        ".gitignore": GITIGNORE.encode(),
        ".gitattributes": gitattributes().encode(),
        **helper_scripts(),
        **{path: plain.encode(_empty_document(name)) for name, path in DOCUMENT_PATHS.items()},
    }
    for tracked in layout.TRACKED_FOLDERS:
        if not any(path.startswith(f"{tracked}/") for path in files):
            files[f"{tracked}/.gitkeep"] = b""
    for path in (*layout.TRACKED_FOLDERS, *layout.IGNORED_FOLDERS):
        (folder / path).mkdir(parents=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
    return files


def _empty_document(name: str) -> dict[str, object]:
    """The plain value of a document in which nothing stands yet."""
    parts = {"canvas": ("nodes", "edges"), "takes": ("jobs", "takes")}[name]
    return {"schema": KINDS[name].schema, **{part: {} for part in parts}}


def _first_commit(folder: Path, files: dict[str, bytes], title: str, by: Actor, now: datetime) -> None:
    repo = ProjectRepo.create(folder)
    tip = repo.tip()
    tree, blobs = repo.write_tree(tip, files)
    repo.commit(tip, tree, f"Start {title}\n", by, now)
    repo.stage(blobs)


def put_in_place(building: Path, projects: Path, name: str) -> Path:
    """Give the folder its name, or the next free one."""
    number = 1
    while True:
        taken = {layout.fold(entry.name) for entry in projects.iterdir()}
        wanted = name if number == 1 else f"{name}_{number}"
        if layout.fold(wanted) not in taken:
            place = projects / wanted
            try:
                # Another process may have come first: renaming onto a folder that holds something fails.
                return building.rename(place)
            except OSError:
                if not place.exists():
                    raise
        number += 1
