"""Examines a workspace, project by project, and repairs what is safe; a hub may run meanwhile."""

from collections.abc import Callable
from pathlib import Path

from crdt_schema.ids import BlobHash
from server.doctor.documents import Documents, examine_documents
from server.doctor.findings import Finding, Report
from server.doctor.repository import Asked, examine_objects, examine_repository
from server.doctor.workspace_files import examine_leftovers, examine_machine, examine_secrets
from server.errors import NotFound
from server.projects import layout, manifest
from server.projects.manifest import BrokenManifest
from server.projects.takes_folder import TakeFile, reconcile
from server.store.blobs import LocalBlobs

FetchBlob = Callable[[str, LocalBlobs, BlobHash], bool]
"""Brings a blob of a project (its uuid) from the bucket; whether it is here then."""


def nowhere(_project: str, _blobs: LocalBlobs, _blob: BlobHash) -> bool:
    """There is no bucket."""
    return False


def examine(
    root: Path, project: str = "", *, deep: bool = False, repair: bool = False, fetch: FetchBlob = nowhere
) -> Report:
    """Examine the workspace at `root`, or one project of it by uuid, folder or title; raises NotFound. It blocks."""
    asked, folders = Asked(deep, repair), _folders(root / "Projects")
    if project:
        folders = [folder for folder in folders if project in _names_of(folder)]
        if not folders:
            raise NotFound(f"There is no project {project[:80]!r} in this workspace.")
    findings = [*examine_machine(), *examine_secrets(root / ".workprint")]
    findings += examine_leftovers(root / "Projects", repair=repair)
    seen: dict[str, Path] = {}
    for folder in folders:
        findings += _examine_project(folder, asked, fetch, seen)
    return Report(findings)


def _folders(projects: Path) -> list[Path]:
    """What may be a project; links and hidden folders are none."""
    if not projects.is_dir():
        return []
    return sorted(
        folder
        for folder in projects.iterdir()
        if not folder.name.startswith(".") and folder.is_dir() and not folder.is_symlink()
    )


def _names_of(folder: Path) -> set[str]:
    try:
        known = manifest.decode((folder / layout.MANIFEST).read_bytes())
    except (OSError, BrokenManifest):
        return {folder.name}
    return {folder.name, known["uuid"], known["title"]}


def _examine_project(folder: Path, asked: Asked, fetch: FetchBlob, seen: dict[str, Path]) -> list[Finding]:
    project, findings = _examine_manifest(folder, seen)
    documents, repository = examine_documents(folder), examine_repository(folder, asked)
    findings += documents.findings + repository.findings
    blobs = LocalBlobs(folder / ".git" / "lfs")
    findings += examine_objects(
        folder, repository, documents.takes(), asked, lambda blob: bool(project) and fetch(project, blobs, blob)
    )
    findings += _examine_takes(folder, blobs, documents, asked)
    if not findings:
        count = len(repository.pointers)
        said = f"{len(documents.plains)} documents and {count} large files are as they should be"
        findings.append(Finding("fine", str(folder), said))
    return findings


def _examine_manifest(folder: Path, seen: dict[str, Path]) -> tuple[str, list[Finding]]:
    """The uuid, empty when nobody knows, and what is wrong."""
    place = folder / layout.MANIFEST
    advice = f"`git -C {folder} show HEAD:{layout.MANIFEST}` shows the last good one; put that in its place."
    if place.is_symlink():
        return "", [Finding("damage", str(place), "the manifest is a link, and is not followed", advice)]
    try:
        project = str(manifest.decode(place.read_bytes())["uuid"])
    except BrokenManifest as error:
        return "", [Finding("damage", str(place), f"the manifest cannot be read: {error}", advice)]
    except OSError as error:
        return "", [Finding("damage", str(place), f"the manifest cannot be read: {error.strerror}", advice)]
    if (first := seen.setdefault(project, folder)) != folder:
        said = f"it has the same uuid as {first}, so it is not shown"
        advice = "Import it (`workprint` gives it a new uuid then), or move one of the two out of Projects."
        return project, [Finding("warning", str(place), said, advice)]
    return project, []


def _examine_takes(folder: Path, blobs: LocalBlobs, documents: Documents, asked: Asked) -> list[Finding]:
    takes = documents.takes()
    if takes is None:
        return []
    found = reconcile(folder, blobs, takes, restore=asked.repair, deep=asked.deep)

    def where(file: TakeFile) -> str:
        return str(folder / file.path)

    findings = [Finding("repaired", where(file), "it was gone; it is linked again") for file in found.restored]
    for file in found.vanished:
        here = blobs.has(takes[file.take]["media"]["blob"])
        advice = "Run `workprint doctor --repair`: its bytes are here." if here and not asked.repair else ""
        severity = "warning" if advice else "damage"
        findings.append(Finding(severity, where(file), "the file of a take is gone", advice))
    for file in found.damaged:
        said, advice = "it does not hold what the take says", "Move it away, then run `workprint doctor --repair`."
        findings.append(Finding("damage", where(file), said, advice))
    for file in found.unknown:
        said, advice = "no take names it", "Add it to the project's files, or delete it."
        findings.append(Finding("warning", where(file), said, advice))
    return findings
