"""Every snapshot is pushed, media included, and people see how that stands."""

import asyncio
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.errors import BadRequest
from server.projects.index import Project, Projects
from server.snapshot.pusher import Pusher, lfs_url, reason
from server.snapshot.remotes import Remote, Remotes
from tests.support.git import assert_healthy, git
from tests.support.workspace import Workspace, open_workspace

FILES = ("file://", "https://", "ssh://", "http://127.0.0.1")


@asynccontextmanager
async def pushing(root: Path, remotes: Remotes) -> AsyncGenerator[tuple[Workspace, Pusher]]:
    pushers: list[Pusher] = []

    def make(projects: Projects) -> Pusher:
        pushers.append(Pusher(projects, remotes, pause_seconds=0.05))
        return pushers[0]

    async with open_workspace(root / "workspace", make_pusher=make) as workspace:
        yield workspace, pushers[0]
        await pushers[0].close()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote.git")
    return tmp_path / "remote.git"


@pytest.fixture
def remotes(tmp_path: Path) -> Remotes:
    return Remotes(tmp_path / "state", FILES)


async def until(pusher: Pusher, project: Project, holds: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(60):
        while not holds(state := pusher.state(project.id)):  # noqa: ASYNC110 - git, another process, has no event
            await asyncio.sleep(0.02)
    return state


async def test_each_snapshot_is_pushed_with_its_media_and_its_names(
    tmp_path: Path, bare: Path, remotes: Remotes
) -> None:
    async with pushing(tmp_path, remotes) as (workspace, pusher):
        project = await workspace.new_project()
        await workspace.add_shot(project.id, "shot-1", "The door")
        await workspace.make_take(project, "shot-1", b"picture" * 1000)
        await workspace.snapshotter.snapshot_now(project.id)
        await pusher.set_remote(project.id, f"file://{bare}", None)
        await until(pusher, project, lambda state: state["state"] == "ok")
        await workspace.type(project.id, "shot-1", "She enters.")
        commit = await workspace.snapshotter.snapshot_now(project.id, "Rough cut")
        await until(pusher, project, lambda _: git(bare, "rev-parse", "main").strip() == commit)
        # Git writes one name after the other, and whoever closes now ends it.
        await until(pusher, project, lambda _: git(bare, "tag").split() == ["Rough-cut"])
        await until(pusher, project, lambda state: state["state"] == "ok" and state["at"].endswith("Z"))
        await until(pusher, project, lambda state: state == workspace.snapshotter.status(project.id)["remote"])
    assert git(bare, "tag").split() == ["Rough-cut"]
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", f"file://{bare}", str(clone))
    git(clone, "lfs", "pull")
    assert (clone / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png").read_bytes() == b"picture" * 1000
    assert_healthy(clone)


async def test_a_remote_that_is_away_is_tried_again_until_it_is_there(tmp_path: Path, remotes: Remotes) -> None:
    async with pushing(tmp_path, remotes) as (workspace, pusher):
        project = await workspace.new_project()
        await pusher.set_remote(project.id, f"file://{tmp_path}/later.git", None)
        state = await until(pusher, project, lambda state: state["state"] == "failing")
        assert state["message"] == "There is no repository at that address."
        git(tmp_path, "init", "-q", "--bare", "-b", "main", "later.git")
        await until(pusher, project, lambda state: state["state"] == "ok")
    assert git(tmp_path / "later.git", "log", "-1", "--format=%s").strip() == "Start Night Bus"


async def test_a_remote_with_commits_of_its_own_is_never_forced(tmp_path: Path, bare: Path, remotes: Remotes) -> None:
    async with pushing(tmp_path, remotes) as (workspace, pusher):
        project = await workspace.new_project()
        await pusher.set_remote(project.id, f"file://{bare}", None)
        await until(pusher, project, lambda state: state["state"] == "ok")
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "-q", str(bare), str(clone))
        git(clone, "commit", "-q", "--allow-empty", "-m", "Theirs")
        git(clone, "push", "-q")
        await workspace.add_shot(project.id, "shot-1", "The door")
        await workspace.snapshotter.snapshot_now(project.id)
        state = await until(pusher, project, lambda state: state["state"] == "failing")
        assert "commits that are not here" in state["message"]
        assert git(bare, "log", "-1", "--format=%s").strip() == "Theirs"
        git(project.folder, "pull", "-q", "--no-rebase", "--no-edit", str(bare), "main")
        await until(pusher, project, lambda state: state["state"] == "ok")
    assert {"Theirs", "Shot 1.1.1 The door added"} <= set(git(bare, "log", "--format=%s").split("\n"))


async def test_what_a_process_that_ended_has_left_is_pushed_at_the_next_start(
    tmp_path: Path, bare: Path, remotes: Remotes
) -> None:
    async with open_workspace(tmp_path / "workspace") as workspace:
        project = await workspace.new_project()
    remotes.set(project.id, f"file://{bare}", None)
    async with pushing(tmp_path, remotes) as (_, pusher):
        await pusher.start()
        await until(pusher, project, lambda state: state["state"] == "ok")
    assert git(bare, "log", "-1", "--format=%s").strip() == "Start Night Bus"


async def test_a_hook_of_the_project_runs_nothing_on_the_server(tmp_path: Path, bare: Path, remotes: Remotes) -> None:
    async with pushing(tmp_path, remotes) as (workspace, pusher):
        project = await workspace.new_project()
        hook = project.folder / ".git/hooks/pre-push"
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
        await pusher.set_remote(project.id, f"file://{bare}", None)
        await until(pusher, project, lambda state: state["state"] == "ok")
    assert not (tmp_path / "ran").exists()


def test_a_token_is_readable_by_the_server_alone_and_shown_to_nobody(remotes: Remotes, tmp_path: Path) -> None:
    project: Any = "p"
    remotes.set(project, "https://git.example.org/film.git", "secret")
    assert stat.S_IMODE((tmp_path / "state/p.json").stat().st_mode) == 0o600
    assert Remote("https://u@git.example.org/film.git", "secret").shown == "https://git.example.org/film.git"
    # Without a token the one stays, but no other host is ever shown it.
    assert remotes.set(project, "https://git.example.org/other.git", None) == Remote(
        "https://git.example.org/other.git", "secret"
    )
    assert remotes.set(project, "https://example.com/film.git", None) == Remote("https://example.com/film.git", "")
    assert remotes.set(project, "", None) is remotes.get(project) is None


def test_the_token_never_reaches_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    said = reason("fatal: secret was wrong", "p", Remote("https://x.org/y", "secret"))  # type: ignore[arg-type]
    assert "secret" not in said + capsys.readouterr().out


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c id",
        "ext::sh",
        "/etc",
        "http://10.0.0.1/x.git",
        "https://user:password@example.org/x.git",
        "https://-oProxyCommand=x/y",
        "ssh://-oProxyCommand=x/y",
        "file:///a/../etc",
        "https:///x",
        "https://[/x",
        "--upload-pack=x",
        "https://example.org/" + "x" * 600,
    ],
)
def test_an_address_that_could_do_something_else_is_refused(remotes: Remotes, url: str) -> None:
    with pytest.raises(BadRequest):
        remotes.set("p", url, None)  # type: ignore[arg-type]


def test_media_go_where_the_commits_go() -> None:
    assert lfs_url("https://example.org/film") == "https://example.org/film.git/info/lfs"
    assert lfs_url("https://example.org/film.git") == "https://example.org/film.git/info/lfs"
    assert lfs_url("ssh://git@example.org/film.git") == "ssh://git@example.org/film.git"
