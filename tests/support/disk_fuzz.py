"""A seeded muddle: people edit in the app while somebody works on the same files with editors and git; nobody loses.

Every addition is a word of its own, so that it can be looked for: what was acknowledged in the app, and what stood in a
file or a commit, has to be in the document in the end, once. Only who removes a word may have it gone.
"""

import asyncio
import json
import random
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from pycrdt import Text

from crdt_schema.canvas import Canvas
from server.doctor.examine import examine
from server.projects.index import Project
from server.snapshot.disk import UnderWay
from tests.support.git import assert_healthy, environment, git
from tests.support.workspace import ADA, GRACE, Workspace, open_workspace

SCREENPLAY = "02_Source_Creative/Scripts/screenplay.txt"
CANVAS = "02_Source_Creative/Canvases/main_canvas.json"
SHOT = "shot-1"
NOTES = "notes of mine.txt"
MOST_ROUNDS = 6


class Muddle:
    """One run; `words` is what must be there in the end, by document."""

    def __init__(self, workspace: Workspace, project: Project, rng: random.Random) -> None:
        self.workspace, self.project, self.rng = workspace, project, rng
        self.words: dict[str, set[str]] = {"script": set(), "prompt": set(), "nodes": set()}
        self.count = 0
        self.told: list[str] = []
        self.guessed = False

    @property
    def folder(self) -> Path:
        return self.project.folder

    def word(self, whose: str) -> str:
        self.count += 1
        return f"{whose}{self.count:04d}"

    # In the app

    async def write_script(self) -> None:
        word = self.word("app")

        def change(doc: Any) -> None:
            text: Text = doc.get("text", type=Text)
            lines = str(text).splitlines(keepends=True)
            at = sum(len(line.encode()) for line in lines[: self.rng.randint(0, len(lines))])
            if at and not str(text).encode()[:at].endswith(b"\n"):
                at = 0
            text.insert(at, f"{word}\n")

        await self._edit("script/screenplay", change)
        self.words["script"].add(word)

    async def write_prompt(self) -> None:
        word = self.word("app")

        def change(doc: Any) -> None:
            text = Canvas(doc).text(SHOT, "prompt")
            text += f"{word} "

        await self._edit("canvas", change)
        self.words["prompt"].add(word)

    async def add_note(self) -> None:
        word = self.word("app")
        await self._edit("canvas", lambda doc: Canvas(doc).add_node(cast("Any", word), "note", {"x": 0, "y": 0}))
        self.words["nodes"].add(word)

    async def _edit(self, document: str, change: Callable[[Any], object]) -> None:
        async with self.workspace.hub.room(self.project.id, document) as room:
            room.edit(self.rng.choice((ADA, GRACE)), change)
            await room.saved()

    async def snapshot(self) -> bool:
        """Whether there was one: none is made in the middle of somebody's merge."""
        try:
            await self.workspace.snapshotter.snapshot_now(self.project.id, self.rng.choice((None, None, "A name")))
        except UnderWay:
            self.told.append("a merge is under way")
            return False
        return True

    # On the disk

    async def edit_script(self) -> None:
        """As an editor saves: another file, put in place."""
        word, place = self.word("disk"), self.folder / SCREENPLAY
        aside = place.with_suffix(".swp")
        aside.write_text(self._with_line(place, word))
        aside.replace(place)
        self.words["script"].add(word)

    async def edit_script_slowly(self) -> None:
        """As a simple editor saves: emptied, half written, written."""
        word, place = self.word("disk"), self.folder / SCREENPLAY
        whole = self._with_line(place, word)
        self.words["script"].add(word)
        with place.open("w") as file:
            await asyncio.sleep(self.rng.uniform(0, 0.02))
            file.write(whole[: len(whole) // 2])
            file.flush()
            await asyncio.sleep(self.rng.uniform(0, 0.02))
            file.write(whole[len(whole) // 2 :])

    def _with_line(self, place: Path, word: str) -> str:
        lines = place.read_text().splitlines(keepends=True) if place.exists() else []
        lines.insert(self.rng.randint(0, len(lines)), f"{word}\n")
        return "".join(lines)

    async def edit_canvas(self) -> None:
        word, place = self.word("disk"), self.folder / CANVAS
        try:
            value = json.loads(place.read_bytes())
        except ValueError:
            return
        if self.rng.random() < 0.5:
            value["nodes"][word] = {"type": "note", "title": word, "text": "", "position": {"x": 1, "y": 2}}
            self.words["nodes"].add(word)
        else:
            value["nodes"][SHOT]["prompt"] += f"{word} "
            self.words["prompt"].add(word)
        aside = place.with_suffix(".swp")
        aside.write_text(json.dumps(value))
        aside.replace(place)

    async def break_canvas(self) -> None:
        """Rubbish is left as it is and told; who made it repairs it."""
        place = self.folder / CANVAS
        before = place.read_bytes()
        rubbish = self.rng.choice((b"{", before[: len(before) // 2], b"[]", b"\xff\xfe", b"{}", b"null"))
        place.write_bytes(rubbish)
        await self.write_prompt()
        await self.snapshot()
        assert place.read_bytes() == rubbish, "rubbish was written over"
        status = cast("list[str]", self.workspace.snapshotter.status(self.project.id)["files"])
        assert any(CANVAS in line for line in status), status
        place.write_bytes(before)

    async def remove_script(self) -> None:
        """A file that is gone comes back: it is not how a document is deleted."""
        if not await self.snapshot():
            return  # what somebody has just written there would be theirs to throw away
        (self.folder / SCREENPLAY).unlink(missing_ok=True)
        await self.snapshot()

    async def commit_all(self) -> None:
        self._git("commit", "-qam", "by hand")

    async def commit_own(self) -> None:
        (self.folder / NOTES).write_text(self.word("own"))
        if self._git("add", NOTES):
            self._git("commit", "-qm", "my notes")

    async def edit_and_commit(self) -> None:
        await self.edit_script()
        self._git("commit", "-qam", "a scene")

    async def look_at_an_old_version(self) -> None:
        """`git checkout` of a commit and back, with the app going on meanwhile."""
        if self._git("diff", "--quiet", "HEAD") and self._git("checkout", "-q", "HEAD~1"):
            # What an editor shows after that is one of several versions.
            self.guessed = True
            await self.write_script()
            await self.snapshot()
            # What the app has written elsewhere is not touched by this.
            assert self._git("checkout", "-q", "main"), "could not go back"

    async def set_back(self) -> None:
        """`git reset` of the branch alone: documents go on."""
        await self.settle()
        self._git("reset", "-q", "--soft", "HEAD~1")
        await self.settle()

    async def pull(self) -> None:
        """A commit that somebody made in a clone, brought in with a merge."""
        word = self.word("pulled")
        clone = self.folder.parent.parent / f"clone-{word}"
        git(self.folder.parent, "clone", "-q", "--no-checkout", str(self.folder), str(clone))
        git(clone, "checkout", "-q", "HEAD", "--", SCREENPLAY)
        (clone / SCREENPLAY).write_text(self._with_line(clone / SCREENPLAY, word))
        git(clone, "commit", "-q", "-m", "from elsewhere", "--", SCREENPLAY)
        await self.write_script()
        await self.snapshot()
        if self._git("pull", "-q", "--no-rebase", "--no-edit", str(clone), "main"):
            self.words["script"].add(word)
        else:
            self._git("merge", "--abort")

    def _git(self, *arguments: str) -> bool:
        """Whether git did it: somebody else's lock or nothing to do are no faults of anybody."""
        done = subprocess.run(
            ["git", *arguments], check=False, cwd=self.folder, env=environment(), capture_output=True, timeout=60
        )
        return done.returncode == 0

    async def at_once(self) -> None:
        """Somebody works on the disk in the very middle of a snapshot."""
        act = self.rng.choice((self.edit_script, self.edit_script_slowly, self.edit_canvas, self.edit_and_commit))
        wait, self.guessed = self.rng.uniform(0, 0.03), True

        async def later() -> None:
            # In a thread: a snapshot runs in one too, and must not be waited for.
            await asyncio.to_thread(lambda: (time.sleep(wait), asyncio.run(act())))

        await self.write_script()
        await asyncio.gather(self.snapshot(), later())

    def acts(self) -> list[Callable[[], Awaitable[object]]]:
        app = [self.write_script, self.write_prompt, self.add_note, self.snapshot]
        disk = [self.edit_script, self.edit_script_slowly, self.edit_canvas, self.break_canvas, self.remove_script]
        hand = [self.commit_all, self.commit_own, self.edit_and_commit, self.look_at_an_old_version, self.set_back]
        return [*app, *app, *disk, *hand, self.pull, self.at_once, self.at_once]

    async def settle(self) -> None:
        """Snapshots until nothing is left to do; asserts that everything is there, once, everywhere."""
        for _ in range(MOST_ROUNDS):
            if await self.workspace.snapshotter.snapshot_now(self.project.id) is None:
                break
        async with self.workspace.hub.room(self.project.id, "script/screenplay") as room:
            script = str(room.doc.get("text", type=Text))
        async with self.workspace.hub.room(self.project.id, "canvas") as room:
            nodes = cast("dict[str, Any]", dict(room.plain())["nodes"])
        found = {"script": script.split(), "prompt": nodes[SHOT]["prompt"].split(), "nodes": list(nodes)}
        for what, words in self.words.items():
            assert not (lost := words - set(found[what])), f"lost of {what}: {sorted(lost)}"
            # Where it had to be guessed what an editor had read, a word may come twice: that is no loss.
            assert self.guessed or not (twice := {word for word in words if found[what].count(word) > 1}), (
                f"twice: {sorted(twice)}"
            )
        assert not [name for name in nodes if name.startswith("disk") and nodes[name].get("deleted")]
        committed = git(self.folder, "show", f"HEAD:{SCREENPLAY}")
        assert committed.split() == script.split()
        assert (self.folder / SCREENPLAY).read_text() == committed
        assert json.loads(git(self.folder, "show", f"HEAD:{CANVAS}"))["nodes"].keys() == nodes.keys()
        assert_healthy(self.folder)


async def muddle(root: Path, seed: int, steps: int = 25) -> None:
    """One seeded run, with a restart in the middle."""
    rng = random.Random(seed)
    async with open_workspace(root) as workspace:
        project = await workspace.new_project("Shared")
        await workspace.add_shot(project.id, SHOT, "The door")
        async with workspace.hub.room(project.id, "script/screenplay") as room:
            room.edit(ADA, lambda doc: doc.get("text", type=Text).insert(0, "INT. BUS - NIGHT\n"))
        await workspace.snapshotter.snapshot_now(project.id)
    words: Muddle | None = None
    done: list[str] = []
    try:
        for _ in range(2):
            async with open_workspace(root) as workspace:
                run = Muddle(workspace, workspace.projects.get(project.id), rng)
                if words is not None:
                    run.words, run.count, run.guessed = words.words, words.count, words.guessed
                words = run
                for _ in range(steps // 2):
                    act = rng.choice(run.acts())
                    done.append(act.__name__)
                    await act()
                await run.settle()
        report = examine(root)
        assert report.exit_status == 0, report.text()
    except BaseException as error:
        error.add_note(f"seed {seed}: {', '.join(done)}")
        raise
