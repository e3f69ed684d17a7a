"""Snapshots of a large project: 10,000 nodes and 1,000 takes, and 50 changed files of 10,000, beside plain git.

`python -m bench.snapshots [--small]` writes its chapter of `docs/benchmarks.md`; `make bench-project` runs it.
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pycrdt import Doc

from bench.page import PAGE, write_chapter
from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId, ProjectId
from crdt_schema.records import Media, Take
from crdt_schema.takes import Takes
from server.auth.actor import FARM, Actor
from server.projects.index import Project, Projects
from server.projects.manifest import NewProject
from server.snapshot.copies import Copy
from server.snapshot.repo import ProjectRepo
from server.snapshot.threeway import merge_records
from server.snapshot.writer import Order, write_snapshot

ADA = Actor("ada", "Ada Lovelace", "owner")
GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "gc.auto=0")
GOAL_MS = 50.0
PLAIN_CLONE = "plain git, the same files without LFS"


@dataclass(frozen=True)
class Size:
    """How much there is."""

    nodes: int = 10_000
    takes: int = 1_000
    take_bytes: int = 20_000
    files: int = 10_000
    changed: int = 50
    repeats: int = 7
    clones: int = 3


SMALL = Size(nodes=500, takes=50, files=1_000, repeats=3, clones=1)


@dataclass(frozen=True)
class Took:
    """How long something took, and how much of that the processor worked on it, children included."""

    ms: float
    cpu_ms: float


def took(work: Callable[[], object]) -> Took:
    """Do it once."""
    began, cpu = time.perf_counter(), _cpu_seconds()
    work()
    return Took(1000 * (time.perf_counter() - began), 1000 * (_cpu_seconds() - cpu))


def _cpu_seconds() -> float:
    spent = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def median(runs: list[Took]) -> Took:
    """The median of each of the two."""
    return Took(statistics.median(run.ms for run in runs), statistics.median(run.cpu_ms for run in runs))


def fsync_ms(folder: Path) -> float:
    """What one fsync of a small new file takes on this disk, now: the median of 30."""
    runs: list[float] = []
    for number in range(30):
        with (folder / f"fsync-{number}").open("wb") as file:
            file.write(b"x" * 1000)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            runs.append(1000 * (time.perf_counter() - began))
    return statistics.median(runs)


def git(folder: Path, *arguments: str) -> None:
    """Run git, without a word."""
    subprocess.run([*GIT, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - no input


def changed_files(size: Size, folder: Path) -> dict[str, list[Took]]:
    """So many changed files among so many: Workprint's Git work, and plain git's, in turns."""
    ours, theirs = ProjectRepo.create(folder / "ours"), folder / "theirs"
    files = {f"{number // 100:03}/{number}.json": b"{}\n" for number in range(size.files)}
    tip = ours.tip()
    tree, blobs = ours.write_tree(tip, files)
    ours.commit(tip, tree, "Start\n", ADA, datetime.now(UTC))
    ours.put_into_work_tree(files)
    ours.stage(blobs)
    shutil.copytree(folder / "ours", theirs)
    times: dict[str, list[Took]] = {"ours": [], "git": []}
    step = size.files // size.changed
    for repeat in range(size.repeats):
        change = dict.fromkeys(list(files)[::step], b'{"value": %d}\n' % repeat)
        ours.put_into_work_tree(change)
        times["ours"].append(took(lambda change=change: _commit(folder / "ours", change)))
        for path, data in change.items():
            (theirs / path).write_bytes(data)
        times["git"].append(took(lambda: (git(theirs, "add", "-A"), git(theirs, "commit", "-q", "-m", "Change"))))
    return times


def _commit(folder: Path, change: dict[str, bytes]) -> None:
    repo = ProjectRepo(folder)
    tip = repo.tip()
    tree, blobs = repo.write_tree(tip, change)
    repo.commit(tip, tree, "Change\n", ADA, datetime.now(UTC))
    repo.stage(blobs)


class Film:
    """A large project."""

    def __init__(self, projects: Projects, project: Project) -> None:
        self.projects = projects
        self.project = project
        self.canvas: Doc[Any] = Doc()
        self.takes: Doc[Any] = Doc()
        self.copies = {name: Copy(name) for name in ("canvas", "takes")}

    @classmethod
    async def make(cls, root: Path, size: Size) -> "Film":
        """All of it but the snapshot."""
        projects = Projects(root)
        await projects.start()
        film = cls(projects, await projects.create(NewProject("Large"), ADA))
        with film.canvas.transaction():
            for number in range(size.nodes):
                place = {"x": float(number % 100) * 300, "y": float(number // 100) * 200}
                fields = {"title": f"Shot {number}", "prompt": f"A street at night, take {number}, wet neon. " * 4}
                shot = {"chapter": 1 + number // 1000, "scene": 1 + number // 100 % 10, "shot": 1 + number % 100}
                Canvas(film.canvas).add_node(NodeId(f"shot-{number}"), "shot", place, **fields, **shot)  # type: ignore[arg-type]
        for number in range(size.takes):
            film.add_take(number, size)
        return film

    def add_take(self, number: int, size: Size) -> None:
        """A take as the recorder files it."""
        scene, shot = 1 + number // 100 % 10, 1 + number % 100
        blob = self.project.blobs.put_bytes(os.urandom(size.take_bytes))
        where = {"chapter": 1, "scene": scene, "shot": shot}
        name = self.projects.store_take(self.project, **where, number=1, suffix=".png", blob=blob)
        media: Media = {
            "blob": blob,
            "media_type": "image/png",
            "width": 64,
            "height": 36,
            "size_bytes": size.take_bytes,
        }
        take: Take = {
            "node": f"shot-{number}",
            "job": f"job-{number}",
            "attempt": f"attempt-{number}",
            "number": 1,
            "name": name,
            "chapter": 1,
            "scene": scene,
            "shot": shot,
            "media": media,
            "thumbnail": media,
            "recipe": {"version": "recipe.1", "seed": number},
            "created_at": "2026-01-02T03:04:05Z",
            "created_by": "ada",
            "created_by_name": "Ada Lovelace",
            "seconds": 1.5,
            "cost_usd": 0,
        }
        Takes(self.takes).add_take(f"take-{number}", take)

    def snapshot(self) -> None:
        """All that a snapshot does, from the bytes of the documents to the work tree."""
        for name, doc in (("canvas", self.canvas), ("takes", self.takes)):
            self.copies[name].receive(doc.get_update(self.copies[name].state))
        changes = {ADA: 1, FARM: 1}
        write_snapshot(self.projects, Order(ProjectId(self.project.id), datetime.now(UTC), self.copies, changes))


async def project_times(size: Size, folder: Path) -> dict[str, Took]:
    """First snapshot, one after an edit, one without a change, a clone, and a restore of the whole canvas."""
    film = await Film.make(folder / "workspace", size)
    found = {"first snapshot": took(film.snapshot)}
    edits: list[Took] = []
    for repeat in range(size.repeats):
        Canvas(film.canvas).text(f"shot-{repeat}", "prompt").insert(0, f"Rain {repeat}. ")
        edits.append(took(film.snapshot))
    found["snapshot after an edit"] = median(edits)
    found["snapshot without a change"] = median([took(film.snapshot) for _ in range(size.repeats)])
    found |= _clones(size, folder, film.project.folder)
    found["restore of the whole canvas"] = took(lambda: _restore(film))
    return found


def _clones(size: Size, folder: Path, source: Path) -> dict[str, Took]:
    """Clones as somebody makes them, without the media and with, and plain git's of the same files without LFS."""
    plain = folder / "plain"
    shutil.copytree(source, plain, ignore=shutil.ignore_patterns(".git", ".workprint", ".gitattributes"))
    git(folder, "init", "-q", str(plain))
    git(plain, "add", "-A")
    git(plain, "commit", "-q", "-m", "The same files")
    pointers = ("-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false")
    runs: dict[str, list[Took]] = {name: [] for name in ("clone (pointers)", "clone (media too)", PLAIN_CLONE)}
    for repeat in range(size.clones):
        clone = str(folder / f"clone-{repeat}")
        bare = took(lambda clone=clone: git(folder, *pointers, "clone", "-q", "--no-local", str(source), clone))
        media = took(lambda clone=clone: git(Path(clone), "lfs", "pull")) if shutil.which("git-lfs") else None
        runs["clone (pointers)"].append(bare)
        if media is not None:
            runs["clone (media too)"].append(Took(bare.ms + media.ms, bare.cpu_ms + media.cpu_ms))
        other = f"{clone}-plain"
        runs[PLAIN_CLONE].append(took(lambda other=other: git(folder, "clone", "-q", "--no-local", str(plain), other)))
    return {name: median(each) for name, each in runs.items() if each}


def _restore(film: Film) -> None:
    """An older version as a new change: read it from its commit, and change every record that differs."""
    repo = ProjectRepo(film.project.folder)
    path = "02_Source_Creative/Canvases/main_canvas.json"
    now = json.loads(repo.blob(repo.documents(str(repo.tip().commit))[path]) or b"{}")
    then = {**now, "nodes": {key: {**node, "title": "Earlier"} for key, node in now["nodes"].items()}}
    with film.canvas.transaction():
        merge_records(film.canvas, "canvas", now, then)


def chapter(size: Size, files: dict[str, list[Took]], film: dict[str, Took], disk_ms: tuple[float, float]) -> str:
    """The results as markdown."""
    ours, peer = median(files["ours"]), median(files["git"])
    best = min(run.ms for run in files["ours"])
    met = "met" if ours.ms < GOAL_MS else "**missed**"
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    rows = "\n".join(f"| {name} | {run.ms:,.0f} | {run.cpu_ms:,.0f} |" for name, run in film.items())
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    load, now = os.getloadavg()[0], f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return f"""# Benchmarks: snapshots

Written by `make bench-project`. Plain `git add -A && git commit` ran in turns with Workprint, on the same files and
disk; everything that Workprint's commit consists of is synced to the disk when it counts as done; plain git leaves its
loose objects to the system, as its default is (`core.fsync`).

- {platform.processor() or platform.machine()}, {os.cpu_count()} cores, {system}; load average {load:.1f} at the end
- Python {platform.python_version()}; {now}; medians of {size.repeats} runs, clones {size.clones}
- one fsync of a small file took {disk_ms[0]:.1f} ms before the run and {disk_ms[1]:.1f} ms after it

## {size.changed} changed files of {size.files:,}

| | ms | of it processor |
|---|---:|---:|
| Workprint: objects, commit, index | {ours.ms:.1f} (best {best:.1f}) | {ours.cpu_ms:.1f} |
| `git add -A && git commit` | {peer.ms:.1f} | {peer.cpu_ms:.1f} |

Ratio {ours.ms / peer.ms:.2f}. Goal: under {GOAL_MS:.0f} ms of Git work: {met} by the median.
The time includes the waiting for the disk.

## A project of {size.nodes:,} nodes and {size.takes:,} takes

| | ms | of it processor |
|---|---:|---:|
{rows}

A snapshot here is everything: the document from its bytes, its JSON, the takes, the commit, the work tree and the
index. It runs in a thread, on a private copy. Restore changes one field of every node. The process, documents and
all, held {memory_mb:,.0f} MB at most.
"""


def main() -> None:
    """Measure and write the chapter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a small project, printed and not written")
    small: bool = parser.parse_args().small
    size = SMALL if small else Size()
    with tempfile.TemporaryDirectory(prefix="workprint-bench-") as folder:
        (Path(folder) / "ours").mkdir()
        before = fsync_ms(Path(folder))
        files = changed_files(size, Path(folder))
        film = asyncio.run(project_times(size, Path(folder)))
        written = chapter(size, files, film, (before, fsync_ms(Path(folder))))
    if not small:
        write_chapter(PAGE, written)
    sys.stdout.write(written)


if __name__ == "__main__":
    main()
