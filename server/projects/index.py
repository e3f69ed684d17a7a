"""Projects: finds project folders by their uuid, makes new ones, changes manifests and files takes."""

import asyncio
import copy
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

import structlog

from crdt_schema.ids import BlobHash, ProjectId
from crdt_schema.project import Manifest
from crdt_schema.records import Take
from server.auth.actor import SYSTEM, Actor
from server.errors import Conflict, NotFound
from server.projects import layout, manifest, references, scaffold
from server.projects.files import file_pointers
from server.projects.filing import link_once, names_in, same_file, take_path
from server.projects.further import put_further
from server.projects.manifest import BrokenManifest, NewProject
from server.projects.provenance import Sidecar, Sidecars, put_sidecars, sidecar_path
from server.snapshot.lfs import Pointer
from server.snapshot.repo import STATE_FOLDER, LeadsOut, demand_inside, replace_file
from server.store.blobs import LocalBlobs

log = structlog.get_logger(__name__)
ABANDONED = (
    ".new-*",
    "*/.git/lfs/tmp/incoming-*",
    "*/.git/objects/*/tmp_obj_*",
    f"*/{STATE_FOLDER}/write-*",
    f"*/{STATE_FOLDER}/export-*.sqlite*",
)
ABANDONED_SECONDS = 3600.0
"""Something half-made that is this old belongs to a process that died."""

Listener = Callable[[ProjectId, Actor], None]


class TakeExists(Conflict):
    """A take's file is written once; this one is there already."""

    def __init__(self, name: str, *, same_bytes: bool) -> None:
        """`same_bytes`: the file there is the very blob, as after a crash between the file and the document."""
        super().__init__(f"The take {name} exists already.")
        self.name = name
        self.same_bytes = same_bytes


@dataclass(frozen=True)
class Project:
    """A project as it was when somebody asked for it; the manifest is a copy."""

    id: ProjectId
    folder: Path
    manifest: Manifest
    blobs: LocalBlobs


@dataclass(frozen=True)
class _Known:
    """What the index remembers of a folder: valid while `project.json` is the same file."""

    folder: Path
    stamp: tuple[int, int, int]
    manifest: Manifest


class Projects:
    """The projects of a workspace. Any thread may call; what is not async and says so blocks."""

    def __init__(
        self,
        workspace_root: Path,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_blob: Callable[[ProjectId, BlobHash], None] = lambda _project, _blob: None,
    ) -> None:
        """`on_blob` hears of every new blob, in any thread."""
        self._root = workspace_root
        self._now = now
        self._on_blob = on_blob
        self._known: dict[ProjectId, _Known] = {}
        self._problems: dict[str, str] = {}
        self._listeners: list[Listener] = []
        self._sidecars = Sidecars()
        # Guards the index and every manifest on disk; held for milliseconds, by the loop and by snapshot threads.
        self._lock = threading.RLock()

    @property
    def folder(self) -> Path:
        """Where the projects of this workspace lie."""
        return self._root / "Projects"

    async def start(self) -> None:
        """Make the workspace's folders and find every project."""
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        scaffold.make_workspace(self._root)
        self._sweep()
        self.all()

    def get(self, project_id: ProjectId) -> Project:
        """The project, wherever in `Projects/` its folder is now; raises NotFound."""
        with self._lock:
            known = self._refresh(project_id)
            if known is None:
                self._scan()
                known = self._known.get(project_id)
            if known is None:
                raise NotFound("There is no such project.")
            return self._project(known)

    def all(self) -> list[Project]:
        """Every project that can be read, by title."""
        with self._lock:
            self._scan()
            return sorted(
                map(self._project, self._known.values()), key=lambda one: (one.manifest["title"].casefold(), one.id)
            )

    def problems(self) -> dict[str, str]:
        """Folders that look like projects but cannot be read: folder name to reason, for an administrator."""
        with self._lock:
            return dict(self._problems)

    def on_change(self, listener: Listener) -> None:
        """Call `listener` after a manifest was changed by somebody; on the event loop."""
        self._listeners.append(listener)

    async def create(self, request: NewProject, by: Actor) -> Project:
        """Make a project with all its folders, its repository and its first commit; raises BadRequest."""
        project_id = ProjectId(str(uuid.uuid4()))
        await asyncio.to_thread(scaffold.make_project, self._root, request, project_id, by, self._now())
        return self.get(project_id)

    async def update_manifest(
        self, project_id: ProjectId, change: Callable[[Manifest], Manifest], by: Actor = SYSTEM
    ) -> Manifest:
        """Write what `change` makes of the manifest, in one step on disk; raises NotFound, BrokenManifest."""
        changed = await asyncio.to_thread(self.write_manifest, project_id, change)
        for listener in self._listeners:
            listener(project_id, by)
        return changed

    def write_manifest(self, project_id: ProjectId, change: Callable[[Manifest], Manifest]) -> Manifest:
        """As `update_manifest`, telling nobody; it blocks. Raises BrokenManifest for an unreadable edit."""
        with self._lock:
            project = self.get(project_id)
            wanted = manifest.check(change(copy.deepcopy(project.manifest)))
            if any(wanted[key] != project.manifest[key] for key in ("uuid", "created", "schema")):
                raise BrokenManifest("uuid, created and schema of a project never change")
            data = manifest.encode(wanted)
            place = project.folder / layout.MANIFEST
            if (stands := place.read_bytes()) != data:
                _must_be_whole(stands)
                replace_file(place, data, project.folder / STATE_FOLDER)
            return self.get(project_id).manifest

    def set_index(self, project_id: ProjectId, version: int, assets: Mapping[str, list[str]]) -> None:
        """Note how many snapshots there are (CF-03) and which assets; it blocks."""
        self.write_manifest(project_id, lambda current: {**current, "version": version, "assets": {**assets}})

    def store_take(
        self, project: Project, *, chapter: int, scene: int, shot: int, number: int, suffix: str, blob: BlobHash
    ) -> str:
        """File a blob as a take, read-only, once; returns its name. Raises TakeExists, NotFound. It blocks."""
        name = layout.take_name(scene, shot, number)
        place = project.folder / layout.take_folder(chapter, scene, shot) / f"{name}.{suffix.lstrip('.')}"
        source = project.blobs.path(blob)
        if not link_once(source, place, project.folder):
            raise TakeExists(name, same_bytes=same_file(source, place))
        return name

    async def add_reference(self, project_id: ProjectId, name: str, data: bytes, by: Actor = SYSTEM) -> list[str]:
        """Add an image to the reference pack and return the pack; raises BadImage, TooLarge, NotFound."""
        blob = await asyncio.to_thread(self._keep_reference, self.get(project_id), name, data)

        def add(current: Manifest) -> Manifest:
            pack = current["creative_contract"]["referencePack"]
            if blob not in pack:
                pack.append(blob)
            return current

        return (await self.update_manifest(project_id, add, by))["creative_contract"]["referencePack"]

    def tracked_media(self, project_id: ProjectId, takes: Mapping[str, object]) -> Mapping[str, Pointer | Sidecar]:
        """Path and pointer of every take and reference whose bytes are here, each put in its place. It blocks.

        Beside each take its provenance, and the files that came with it.
        """
        project = self.get(project_id)
        found, missing = dict[str, Pointer | Sidecar](), dict[str, Sidecar]()
        for take_id, take in cast("dict[str, Take]", takes.get("takes", {})).items():
            try:
                blob, path = BlobHash(take["media"]["blob"]), take_path(take)
                pointer = Pointer(blob, project.blobs.size_bytes(blob))
                if not (project.folder / path).exists():
                    link_once(project.blobs.path(blob), project.folder / path, project.folder)
                beside, said = sidecar_path(path), self._sidecars.of(take_id, take)
                if not (project.folder / beside).exists():
                    demand_inside(project.folder, project.folder / beside)
                    missing[beside] = said
                further = put_further(project.folder, project.blobs, take, path)
            except NotFound:
                # A pointer without its object would make `git lfs fsck` and every clone fail.
                continue
            except (LeadsOut, layout.UnknownMedia, ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("take_has_no_place", project=project_id, take=take_id, reason=str(error))
                continue
            found |= {path: pointer, beside: said, **further}
        put_sidecars(project.folder, missing)
        return found | self._reference_pointers(project) | file_pointers(project)

    def _reference_pointers(self, project: Project) -> dict[str, Pointer]:
        folder = project.folder / layout.REFERENCES
        pack = project.manifest["creative_contract"]["referencePack"]
        by_start = {blob[: references.HASH_IN_NAME]: blob for blob in pack if project.blobs.has(blob)}
        return {
            f"{layout.REFERENCES}/{name}": Pointer(BlobHash(blob), project.blobs.size_bytes(blob))
            for name in names_in(folder)
            if (blob := by_start.get(references.hash_in_name(name))) is not None
        }

    def _keep_reference(self, project: Project, name: str, data: bytes) -> BlobHash:
        picture = references.look_at(name, data)
        blob = project.blobs.put_bytes(data)
        folder = project.folder / layout.REFERENCES
        if not any(references.hash_in_name(there) == blob[: references.HASH_IN_NAME] for there in names_in(folder)):
            place = folder / references.file_name(name, blob, picture.media_type)
            link_once(project.blobs.path(blob), place, project.folder)
        return blob

    def _project(self, known: _Known) -> Project:
        project_id = ProjectId(known.manifest["uuid"])
        blobs = LocalBlobs(known.folder / ".git" / "lfs", partial(self._on_blob, project_id))
        return Project(project_id, known.folder, copy.deepcopy(known.manifest), blobs)

    def _refresh(self, project_id: ProjectId) -> _Known | None:
        """What is known of a project, read again when its file changed; None when its folder is gone."""
        known = self._known.get(project_id)
        if known is None:
            return None
        try:
            if _stamp(known.folder) == known.stamp:
                return known
            fresh = _read(known.folder)
        except FileNotFoundError:
            return None
        except BrokenManifest as error:
            # Half-edited by hand, perhaps: the last good one serves until it is repaired.
            self._report(known.folder.name, str(error))
            return known
        if fresh.manifest["uuid"] != project_id:
            return None
        self._problems.pop(known.folder.name, None)
        self._known[project_id] = fresh
        return fresh

    def _scan(self) -> None:
        """Find every project folder; one that cannot be read is reported and harms no other."""
        before, found = self._known, dict[ProjectId, _Known]()
        by_folder = {known.folder: known for known in before.values()}
        for folder in sorted((self._root / "Projects").iterdir()):
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            if folder.is_symlink():
                self._report(folder.name, "it is a link; a project lies in the workspace itself")
                continue
            try:
                known = by_folder.get(folder)
                if known is None or _stamp(folder) != known.stamp:
                    known = _read(folder)
            except FileNotFoundError:
                continue
            except BrokenManifest as error:
                self._report(folder.name, str(error))
                known = by_folder.get(folder)
            if known is not None:
                self._enter(found, known)
        self._known = found

    def _enter(self, found: dict[ProjectId, _Known], known: _Known) -> None:
        project_id = ProjectId(known.manifest["uuid"])
        first = found.get(project_id)
        if first is not None:
            self._report(known.folder.name, f"it has the same uuid as {first.folder.name}")
            return
        found[project_id] = known

    def _report(self, folder: str, reason: str) -> None:
        if self._problems.get(folder) != reason:
            log.warning("project_cannot_be_read", folder=folder, reason=reason)
            self._problems[folder] = reason

    def _sweep(self) -> None:
        """Remove what processes that died have left: half-made projects, and files that were on their way in."""
        projects = self._root / "Projects"
        for left in (found for pattern in ABANDONED for found in projects.glob(pattern)):
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime < ABANDONED_SECONDS:
                    continue
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink()


def _stamp(folder: Path) -> tuple[int, int, int]:
    """Changes whenever `project.json` is replaced or written; raises FileNotFoundError."""
    try:
        if folder.is_symlink():
            raise FileNotFoundError(folder)
        found = (folder / layout.MANIFEST).stat()
    except NotADirectoryError as error:
        raise FileNotFoundError(str(error)) from error
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(folder: Path) -> _Known:
    """Read a folder; raises FileNotFoundError, BrokenManifest."""
    stamp = _stamp(folder)
    if (folder / layout.MANIFEST).is_symlink():
        raise BrokenManifest("its manifest is a link")
    try:
        return _Known(folder, stamp, manifest.decode((folder / layout.MANIFEST).read_bytes()))
    except (PermissionError, IsADirectoryError) as error:
        raise BrokenManifest(f"it cannot be opened: {error.strerror}") from error


def _must_be_whole(stands: bytes) -> None:
    """Raise BrokenManifest for what somebody is in the middle of editing: what is known of it is older than that."""
    try:
        manifest.decode(stands)
    except BrokenManifest as error:
        told = f"{layout.MANIFEST} of this project was edited on the server's disk and cannot be read: {error}."
        raise BrokenManifest(
            f"{told} It is left as it is; repair it, or `git checkout -- {layout.MANIFEST}` there."
        ) from error
