"""A server process that dies at a named point of what it does, and what has to be true of the workspace it leaves.

`python -m tests.support.dying ROOT DEED POINT CALL`: does DEED and kills itself where the code calls POINT
(`module:name` or `module:Class.name`) for the CALL-th time; with CALL 0 after its first call. It prints `did` when it
came to the end alive.
"""

import asyncio
import functools
import importlib
import inspect
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pycrdt import Text

from server.doctor.examine import examine
from server.history.rewind import Target
from server.history.service import History
from server.hub.room import Room
from server.projects.bundle import collected, write_zip
from server.projects.duplicate import Duplicates, Order
from server.projects.importing import Imports
from server.projects.index import Project, Projects
from server.projects.trash import Trash
from server.snapshot.pusher import Pusher
from server.snapshot.remotes import Remotes
from tests.support.git import assert_healthy, git
from tests.support.workspace import ADA, Workspace, open_workspace

REPOSITORY = Path(__file__).resolve().parents[2]
SCREENPLAY = "02_Source_Creative/Scripts/screenplay.txt"
SHOT = "shot-1"
PICTURE = bytes(range(256)) * 300
PROMPT = "She enters through steam.\n"
SCRIPT = "INT. BUS - NIGHT\n\nRain.\n"
ON_DISK = "Steam on the windows.\n"
LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Dying:
    """Where a deed is broken off."""

    deed: str
    point: str
    call: int = 1
    daily: bool = False
    """Whether it is tried every day, not only in the long run."""

    @property
    def name(self) -> str:
        """As a test says it."""
        return f"{self.deed} at {self.point.rpartition(':')[2]} {self.call or 'after'}"


DEATHS = (
    Dying("snapshot", "server.snapshot.objects:put"),
    Dying("snapshot", "server.snapshot.objects:put", 0),
    Dying("snapshot", "server.snapshot.packs:_sync"),
    Dying("snapshot", "server.snapshot.packs:_sync", 4),
    Dying("snapshot", "server.snapshot.writer:write_ledger", 1),
    Dying("snapshot", "server.snapshot.writer:write_ledger", 2),
    Dying("snapshot", "server.snapshot.repo:ProjectRepo._advance", 0, daily=True),
    Dying("snapshot", "server.snapshot.repo:replace_file", 0),
    Dying("snapshot", "server.snapshot.disk:replace_file", 0),
    Dying("snapshot", "server.projects.index:replace_file"),
    *(Dying("snapshot", "os:fsync", call) for call in range(1, 10)),
    *(Dying("snapshot", "pathlib:Path.replace", call) for call in range(1, 9)),
    Dying("snapshot", "server.snapshot.repo:ProjectRepo.stage", 0),
    Dying("snapshot", "server.snapshot.repo:ProjectRepo.tag", 1),
    Dying("take", "server.store.blobs:Incoming.finish"),
    Dying("take", "server.store.blobs:LocalBlobs._put_in_place", daily=True),
    Dying("take", "server.store.blobs:sync_folder"),
    Dying("take", "server.projects.index:link_once", 0),
    Dying("take", "server.projects.index:put_sidecars"),
    Dying("merge", "server.snapshot.merger:do_errand"),
    Dying("merge", "server.hub.errand:hand_in"),
    Dying("merge", "server.hub.errand:hand_in", 0, daily=True),
    Dying("merge", "server.snapshot.merger:note_seen"),
    Dying("merge", "server.snapshot.merger:note_seen", 0, daily=True),
    Dying("merge", "server.snapshot.repo:ProjectRepo.put_into_work_tree"),
    Dying("restore", "server.history.service:hand_in"),
    Dying("restore", "server.history.service:hand_in", 0, daily=True),
    Dying("push", "server.snapshot.pusher:Pusher._run"),
    Dying("push", "server.snapshot.pusher:Pusher._run", 2, daily=True),
    Dying("trash", "server.projects.trash:put_in_place"),
    Dying("trash", "server.projects.trash:put_in_place", 0, daily=True),
    Dying("untrash", "server.projects.trash:put_in_place"),
    Dying("untrash", "server.projects.trash:put_in_place", 0),
    Dying("erase", "server.projects.trash:_rename", 0),
    Dying("duplicate", "server.projects.duplicate:copy_file", 5),
    Dying("duplicate", "server.projects.duplicate:write_log"),
    Dying("duplicate", "server.projects.duplicate:commit_contents"),
    Dying("duplicate", "server.projects.duplicate:put_in_place", daily=True),
    Dying("duplicate", "server.projects.duplicate:put_in_place", 0),
    Dying("import", "server.projects.importing:unpack", 0),
    Dying("import", "server.projects.importing:commit_contents", daily=True),
    Dying("import", "server.projects.importing:put_in_place"),
    Dying("import", "server.projects.importing:put_in_place", 0),
    Dying("export", "server.projects.bundle:write_zip"),
)


def die_at(point: str, call: int) -> None:
    """Have this process killed there, as a power cut would."""
    module, _, path = point.partition(":")
    *owners, name = path.split(".")
    owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
    static = isinstance(inspect.getattr_static(owner, name), staticmethod)
    real: Callable[..., Any] = getattr(owner, name)
    left = [call]

    def dying(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(*arguments, **named)
        if call == 0:
            if isinstance(done, Awaitable):
                return _then_die(cast("Awaitable[Any]", done))
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(owner, name, staticmethod(dying) if static else dying)


async def _then_die(done: Awaitable[Any]) -> None:
    await done
    os.kill(os.getpid(), signal.SIGKILL)


def remotes_of(root: Path) -> Remotes:
    """Where the projects of a workspace are pushed."""
    return Remotes(root / ".remotes", ("file://",))


async def prepare(root: Path) -> None:
    """A film with a shot, a take and a screenplay, all of it committed; thrown away ones and a bundle beside it."""
    async with open_workspace(root) as workspace:
        project = await workspace.new_project("Night Bus")
        await workspace.add_shot(project.id, SHOT, "The door")
        await workspace.type(project.id, SHOT, PROMPT)
        await workspace.make_take(project, SHOT, PICTURE)
        async with workspace.hub.room(project.id, "script/screenplay") as room:
            write(room, SCRIPT)
        await workspace.snapshotter.snapshot_now(project.id, "First")
        with collected(project, "2026-01-02T03:04:05Z") as parts, (root / "bundle").open("wb") as file:
            write_zip(parts, file.write)


def write(room: Room, words: str) -> None:
    """Words at the end of a script."""

    def change(doc: Any) -> None:
        text = doc.get("text", type=Text)
        text += words

    room.edit(ADA, change)


async def _bytes_of(place: Path) -> AsyncIterator[bytes]:
    yield await asyncio.to_thread(place.read_bytes)


async def _anything(_: object) -> bool:
    return True


def trash_of(workspace: Workspace) -> Trash:
    """The trash of a workspace."""
    return Trash(workspace.projects, workspace.hub, workspace.snapshotter)


async def _snapshot(workspace: Workspace, project: Project, _: Path) -> None:
    await workspace.type(project.id, SHOT, "It is cold.\n")
    await workspace.snapshotter.snapshot_now(project.id, "Second")


async def _take(workspace: Workspace, project: Project, _: Path) -> None:
    await workspace.make_take(project, SHOT, PICTURE[::-1], number=2)
    await workspace.snapshotter.snapshot_now(project.id)


async def _merge(workspace: Workspace, project: Project, _: Path) -> None:
    (project.folder / SCREENPLAY).write_text(SCRIPT + ON_DISK)
    await workspace.snapshotter.snapshot_now(project.id)


async def _restore(workspace: Workspace, project: Project, _: Path) -> None:
    history = History(workspace.projects, workspace.hub, workspace.snapshotter.snapshot_now)
    first = (await history.page(project.id)).entries[-1].commit
    await history.restore(project.id, first, Target("canvas"), ADA)


async def _push(workspace: Workspace, project: Project, root: Path) -> None:
    pusher = Pusher(workspace.projects, remotes_of(root), pause_seconds=0.05)
    await pusher.set_remote(project.id, f"file://{root}/remote.git", None)
    async with asyncio.timeout(LIMIT_SECONDS):
        while (pusher.state(project.id) or {})["state"] != "ok":  # noqa: ASYNC110 - git, another process, has no event
            await asyncio.sleep(0.02)
    await pusher.close()


async def _trash(workspace: Workspace, project: Project, _: Path) -> None:
    await trash_of(workspace).throw_away(project.id, ADA, "enough")


async def _untrash(workspace: Workspace, project: Project, _: Path) -> None:
    await trash_of(workspace).throw_away(project.id, ADA, "enough")
    await trash_of(workspace).restore(project.id)


async def _erase(workspace: Workspace, project: Project, _: Path) -> None:
    copy = await Duplicates(workspace.projects, workspace.hub, workspace.snapshotter).duplicate(
        project.id, Order("Spare", takes=True, by=ADA)
    )
    await trash_of(workspace).throw_away(copy.id, ADA, "enough")
    await trash_of(workspace).erase(copy.id, "Spare")


async def _duplicate(workspace: Workspace, project: Project, _: Path) -> None:
    duplicates = Duplicates(workspace.projects, workspace.hub, workspace.snapshotter)
    await duplicates.duplicate(project.id, Order("Copy", takes=True, by=ADA))


async def _import(workspace: Workspace, _: Project, root: Path) -> None:
    imports = Imports(workspace.projects, trash_of(workspace))
    await imports.take_in(_bytes_of(root / "bundle"), ADA, _anything, most_bytes=1 << 30, name="Brought")


async def _export(_: Workspace, project: Project, root: Path) -> None:
    with collected(project, "2026-01-02T03:04:05Z") as parts, (root / "again").open("wb") as file:
        bundle = importlib.import_module("server.projects.bundle")
        bundle.write_zip(parts, file.write)


DEEDS: dict[str, Callable[[Workspace, Project, Path], Awaitable[None]]] = {
    "snapshot": _snapshot,
    "take": _take,
    "merge": _merge,
    "restore": _restore,
    "push": _push,
    "trash": _trash,
    "untrash": _untrash,
    "erase": _erase,
    "duplicate": _duplicate,
    "import": _import,
    "export": _export,
}


async def do(root: Path, deed: str) -> None:
    """What the process is for."""
    async with open_workspace(root) as workspace:
        project = film_of(workspace.projects)
        await DEEDS[deed](workspace, project, root)


def film_of(projects: Projects) -> Project:
    """The project that was there from the start."""
    return next(project for project in projects.all() if project.manifest["title"] == "Night Bus")


async def survive_all(folder: Path, deaths: Iterable[Dying]) -> None:
    """Each in a workspace of its own; says which one it was that lost something."""
    await prepare(folder / "template")
    for number, death in enumerate(deaths):
        try:
            await survive(folder / "template", folder / str(number), death)
        except BaseException as error:
            error.add_note(f"killed in the middle of: {death.name}")
            raise


async def survive(template: Path, root: Path, death: Dying) -> None:
    """Let a process die there in a copy of a prepared workspace; asserts that nothing is lost and all goes on."""
    shutil.copytree(template, root, symlinks=True)
    if death.deed == "push":
        git(root, "init", "-q", "--bare", "-b", "main", "remote.git")
    command = [sys.executable, "-m", "tests.support.dying", str(root), death.deed, death.point, str(death.call)]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=REPOSITORY, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    assert done.returncode == -signal.SIGKILL, f"{death.name}: {done.stdout[-500:]}{done.stderr[-3000:]}"
    # Before anything is repaired.
    for folder in folders_of(root):
        git(folder, "fsck", "--full", "--strict")
        assert "OK" in git(folder, "lfs", "fsck")
    async with open_workspace(root) as workspace:
        await trash_of(workspace).start()
        await _go_on(workspace, root, death)
    for folder in folders_of(root):
        assert_healthy(folder)
        # A take's file whose record was not on disk yet: its job is still in the stream and brings it again.
        takes = "all" if death.deed != "take" else "no"
        assert git(folder, "status", "--porcelain", f"--untracked-files={takes}") == ""
        assert not list(folder.rglob("*.lock")) or all(path.name == "snapshot.lock" for path in folder.rglob("*.lock"))
    report = examine(root, deep=True)
    assert report.exit_status <= (death.deed == "take"), report.text()


async def _go_on(workspace: Workspace, root: Path, death: Dying) -> None:
    """What people do next: everything is there, once, and the same deed succeeds."""
    trash = trash_of(workspace)
    for thrown in trash.all():
        assert thrown.title == "Night Bus"
        await trash.restore(thrown.id)
    assert [project.manifest["title"] for project in workspace.projects.all()].count("Night Bus") == 1
    film = film_of(workspace.projects)
    await workspace.snapshotter.snapshot_now(film.id)
    await _assert_whole(workspace, film, death)
    if death.deed != "take":
        await DEEDS[death.deed](workspace, film, root)
    for thrown in trash.all():
        await trash.restore(thrown.id)
    for project in workspace.projects.all():
        await workspace.snapshotter.snapshot_now(project.id)
    if death.deed == "push":
        assert git(root / "remote.git", "rev-parse", "main") == git(film.folder, "rev-parse", "main")


async def _assert_whole(workspace: Workspace, film: Project, death: Dying) -> None:
    async with workspace.hub.room(film.id, "canvas") as room:
        nodes = cast("dict[str, dict[str, Any]]", dict(room.plain())["nodes"])
    async with workspace.hub.room(film.id, "script/screenplay") as room:
        script = str(room.doc.get("text", type=Text))
    # What was restored is the first version, in which there was no shot.
    assert nodes[SHOT]["prompt"].startswith(PROMPT) if SHOT in nodes else death.deed == "restore"
    merged = SCRIPT + ON_DISK if death.deed == "merge" else SCRIPT
    assert script == merged
    assert git(film.folder, "show", f"HEAD:{SCREENPLAY}") == merged
    assert (film.folder / SCREENPLAY).read_text() == merged
    take = film.folder / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png"
    assert take.read_bytes() == PICTURE


def folders_of(root: Path) -> list[Path]:
    """Every whole project of a workspace, wherever it lies."""
    places = [*(root / "Projects").iterdir(), *(root / "Projects/.trash").glob("*")]
    return [place for place in places if not place.name.startswith(".")]


if __name__ == "__main__":
    die_at(sys.argv[3], int(sys.argv[4]))
    asyncio.run(do(Path(sys.argv[1]), sys.argv[2]))
    sys.stdout.write("did\n")
