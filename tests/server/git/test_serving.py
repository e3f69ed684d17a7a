"""Clone, fetch and push of a project with the real git, over a real port."""

import asyncio
import contextlib
import gzip
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId
from server import keys
from server.auth.actor import SYSTEM
from server.errors import TooMany
from server.git.backend import Backend, Call, GitLimits, blot
from tests.support.farm import eventually
from tests.support.git import assert_healthy, environment, git
from tests.support.remote import Studio, api_token, at, commit, open_studio, refused
from tests.support.service import PASSWORD, made
from tests.support.workspace import ADA, GRACE

CANVAS = "02_Source_Creative/Canvases/main_canvas.json"
HOOKS = ("pre-receive", "update", "post-receive", "post-update", "reference-transaction")


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncGenerator[Studio]:
    async with open_studio(tmp_path / "workspace") as studio:
        yield studio


async def snapshot(studio: Studio, name: str) -> None:
    await made(studio.ana, f"/api/projects/{studio.project.id}/snapshots", {"name": name})


async def add_shot(studio: Studio, node: str, words: str = "") -> None:
    async with studio.service.app[keys.HUB].room(studio.project.id, "canvas") as room:
        room.edit(SYSTEM, lambda doc: Canvas(doc).add_node(NodeId(node), "shot", {"x": 0, "y": 0}, prompt=words))


async def test_a_viewer_clones_the_project_and_fetches_what_is_new(studio: Studio, tmp_path: Path) -> None:
    clone = await studio.clone("Vic", tmp_path / "clone")
    assert "shot-1" not in (clone / CANVAS).read_text()
    await add_shot(studio, "shot-1")
    await snapshot(studio, "First cut")
    await at(clone, "pull", "-q")
    assert "shot-1" in (clone / CANVAS).read_text()
    assert (await at(clone, "tag")).split() == ["First-cut"]
    assert (await at(clone, "rev-parse", "HEAD")) == git(studio.project.folder, "rev-parse", "HEAD")
    assert_healthy(clone)


async def test_protocol_2_is_spoken_and_0_too(studio: Studio, tmp_path: Path) -> None:
    for version in ("2", "0"):
        told = await at(tmp_path, "-c", f"protocol.version={version}", "ls-remote", studio.address("Vic"))
        assert "refs/heads/main" in told


async def test_a_partial_clone_fetches_the_rest_when_it_needs_it(studio: Studio, tmp_path: Path) -> None:
    await at(tmp_path, "clone", "-q", "--filter=blob:none", "--no-checkout", studio.address("Vic"), "clone")
    assert "uuid" in await at(tmp_path / "clone", "show", "HEAD:project.json")


async def test_only_branches_and_tags_are_shown(studio: Studio, tmp_path: Path) -> None:
    folder = studio.project.folder
    inner = ("refs/remotes/workprint/main", "refs/private/notes", "refs/stash")
    for ref in inner:
        git(folder, "update-ref", ref, "HEAD")
    git(folder, "update-ref", "refs/replace/" + "1" * 40, "HEAD")
    git(folder, "tag", "Rough-cut")
    # What the repository itself says of it does not count.
    for ref in inner:
        git(folder, "config", "--add", "transfer.hideRefs", f"!{ref}")
    for version in ("0", "2"):
        told = await at(tmp_path, "-c", f"protocol.version={version}", "ls-remote", studio.address("Vic"))
        assert {line.split()[1] for line in told.splitlines()} == {"HEAD", "refs/heads/main", "refs/tags/Rough-cut"}
    await at(tmp_path, "clone", "-q", "--mirror", studio.address("Vic"), "mirror")
    kept = git(tmp_path / "mirror", "for-each-ref", "--format=%(refname)").split()
    assert kept == ["refs/heads/main", "refs/tags/Rough-cut"]
    assert "remote ref" in await refused(tmp_path / "mirror", "fetch", studio.address("Vic"), inner[0])


async def test_an_editor_pushes_a_branch_and_adds_to_it(studio: Studio, tmp_path: Path) -> None:
    clone = await studio.clone("Eva", tmp_path / "clone")
    await at(clone, "push", "-q", "origin", "HEAD:refs/heads/idea")
    newest = await commit(clone, "06_notes.txt", b"A thought.\n")
    await at(clone, "push", "-q", "origin", "HEAD:idea")
    assert git(studio.project.folder, "rev-parse", "idea").strip() == newest
    assert git(studio.project.folder, "status", "--porcelain") == ""
    assert_healthy(studio.project.folder)
    await snapshot(studio, "After the push")


@pytest.mark.parametrize("spelled", ["main", "Main"])
async def test_nobody_pushes_to_the_branch_of_the_snapshots(studio: Studio, tmp_path: Path, spelled: str) -> None:
    before = git(studio.project.folder, "for-each-ref")
    clone = await studio.clone("Ana", tmp_path / "clone")
    await commit(clone, "notes.txt", b"A thought.\n")
    said = await refused(clone, "push", "origin", f"HEAD:refs/heads/{spelled}", "HEAD:refs/heads/idea")
    assert "Workprint itself writes this branch. Push to one of your own" in said
    assert "something else in this push was refused" in said
    assert git(studio.project.folder, "for-each-ref") == before


async def test_a_branch_that_is_checked_out_on_the_disk_is_the_snapshotters(studio: Studio, tmp_path: Path) -> None:
    git(studio.project.folder, "checkout", "-q", "-b", "colour")
    clone = await studio.clone("Eva", tmp_path / "clone")
    await commit(clone, "notes.txt", b"A thought.\n")
    for branch in ("colour", "main"):
        assert "Workprint itself writes" in await refused(clone, "push", "origin", f"HEAD:{branch}")


async def test_nothing_is_deleted_moved_back_or_renamed_by_a_push(studio: Studio, tmp_path: Path) -> None:
    await snapshot(studio, "First cut")
    clone = await studio.clone("Eva", tmp_path / "clone")
    await commit(clone, "notes.txt", b"A thought.\n")
    await at(clone, "push", "-q", "origin", "HEAD:refs/heads/idea", "HEAD:refs/tags/mine")
    before = git(studio.project.folder, "for-each-ref")
    for wanted, words in {
        ":idea": "branches are not deleted by a push",
        "+HEAD~1:idea": "non-fast-forward",
        "+HEAD:First-cut": "keeps it; choose another name",
        ":mine": "keeps it; choose another name",
        "HEAD:refs/notes/mine": "only branches and tags",
    }.items():
        assert words in await refused(clone, "push", "origin", wanted), wanted
    assert git(studio.project.folder, "for-each-ref") == before


async def test_a_push_that_is_too_large_changes_nothing(studio: Studio, tmp_path: Path) -> None:
    studio.service.app[keys.GIT].limits = GitLimits(push_bytes=100_000)
    clone = await studio.clone("Eva", tmp_path / "clone")
    await commit(clone, "noise.dat", os.urandom(3_000_000))
    said = await refused(clone, "push", "origin", "HEAD:refs/heads/idea")
    assert "pack exceeds maximum allowed size" in said
    assert str(tmp_path / "workspace") not in said
    assert "idea" not in git(studio.project.folder, "branch", "--list")
    studio.service.app[keys.GIT].limits = GitLimits()
    await at(clone, "push", "-q", "origin", "HEAD:refs/heads/idea")


async def test_a_damaged_object_is_not_taken(studio: Studio, tmp_path: Path) -> None:
    clone = await studio.clone("Eva", tmp_path / "clone")
    tree = (await at(clone, "rev-parse", "HEAD^{tree}")).strip()
    (tmp_path / "broken").write_text(f"tree {tree}\nauthor nobody\ncommitter nobody\n\nBroken\n")
    broken = (await at(clone, "hash-object", "-t", "commit", "-w", "--literally", str(tmp_path / "broken"))).strip()
    said = await refused(clone, "push", "origin", f"{broken}:refs/heads/broken")
    assert "missingEmail" in said or "missingSpaceBeforeEmail" in said
    assert str(tmp_path / "workspace") not in said
    assert "broken" not in git(studio.project.folder, "branch", "--list")


async def test_a_repository_that_cannot_be_read_says_who_can_help(studio: Studio, tmp_path: Path) -> None:
    (studio.project.folder / ".git/HEAD").write_text("nothing that Git knows\n")
    said = await refused(tmp_path, "ls-remote", studio.address("Vic"))
    assert "cannot be served right now. Ask whoever runs this studio." in said
    assert str(tmp_path / "workspace") not in said


async def test_a_viewer_is_told_who_may_push(studio: Studio, tmp_path: Path) -> None:
    clone = await studio.clone("Vic", tmp_path / "clone")
    said = await refused(clone, "push", "origin", "HEAD:refs/heads/idea")
    assert "remote: You are viewer here. Ask an editor, an admin or the owner of this project." in said


async def test_a_token_reaches_as_far_as_it_was_made_for(studio: Studio, tmp_path: Path) -> None:
    other = (await made(studio.ana, "/api/projects", {"name": "Other"}))["id"]
    studio.tokens["small"] = await api_token(studio.ana, "viewer", project=other)
    assert "main" in await at(tmp_path, "ls-remote", studio.address("small", other))
    assert "There is no such project." in await refused(tmp_path, "ls-remote", studio.address("small"))
    clone = await studio.clone("Ana", tmp_path / "clone")
    said = await refused(clone, "push", studio.address("small", other), "HEAD:refs/heads/idea")
    assert "You are viewer here." in said


async def test_a_password_signs_in_too_and_guessing_it_is_slowed_down(studio: Studio, tmp_path: Path) -> None:
    studio.tokens["Ana"] = PASSWORD
    assert "main" in await at(tmp_path, "ls-remote", studio.address("Ana"))
    studio.tokens["Eva"] = "not my password"
    said = [await refused(tmp_path, "ls-remote", studio.address("Eva")) for _ in range(10)]
    assert "remote: Name or password is wrong." in said[0]
    assert "Too many tries." in said[-1]


@pytest.mark.parametrize("token", ["wp_wrong", "eyJ.wrong.token"])
async def test_a_wrong_token_opens_nothing(studio: Studio, tmp_path: Path, token: str) -> None:
    studio.tokens["Ana"] = token
    assert "Authentication failed" in await refused(tmp_path, "ls-remote", studio.address("Ana"))


async def test_who_says_nothing_is_asked_and_learns_nothing(studio: Studio) -> None:
    nobody = studio.service.session()
    told = list[str]()
    for project in (studio.project.id, "there-is-none"):
        async with nobody.get(f"/git/{project}.git/info/refs?service=git-upload-pack") as reply:
            assert reply.status == 401
            assert reply.headers["WWW-Authenticate"].startswith("Basic ")
            told.append(await reply.text())
    assert told[0] == told[1]


async def test_a_cookie_opens_no_repository(studio: Studio) -> None:
    browser = studio.service.session()
    await made(browser, "/auth/login", {"username": "Ana", "password": PASSWORD}, 200)
    async with browser.get(f"/git/{studio.project.id}.git/info/refs?service=git-upload-pack") as reply:
        assert reply.status == 401


async def test_files_of_the_repository_have_no_address(studio: Studio) -> None:
    for path in ("HEAD", "config", "objects/info/packs", "info/refs", "info/refs?service=git-shell"):
        async with studio.ana.get(f"/git/{studio.project.id}.git/{path}") as reply:
            text = await reply.text()
            assert reply.status in {403, 404}, (path, text)
            assert str(studio.project.folder) not in text


async def test_a_body_that_was_packed_is_read(studio: Studio) -> None:
    body = gzip.compress(b"0014command=ls-refs\n0000")
    headers = {
        "Content-Type": "application/x-git-upload-pack-request",
        "Content-Encoding": "gzip",
        "Git-Protocol": "version=2",
    }
    async with studio.ana.post(f"/git/{studio.project.id}.git/git-upload-pack", data=body, headers=headers) as reply:
        assert reply.status == 200
        assert b"refs/heads/main" in await reply.read()


@pytest.mark.parametrize("body", [b"hello", b"0005", b"0003", b"000epush-cert\n", b"", b"ffff" + b"x" * 70_000])
async def test_a_push_that_is_none_is_refused_in_words(studio: Studio, body: bytes) -> None:
    headers = {"Content-Type": "application/x-git-receive-pack-request"}
    async with studio.ana.post(f"/git/{studio.project.id}.git/git-receive-pack", data=body, headers=headers) as reply:
        assert (reply.status, await reply.text()) == (
            400,
            "This is no push that can be read. Update Git, then push again.\n",
        )


async def test_what_lies_in_the_repository_is_not_run(studio: Studio, tmp_path: Path) -> None:
    hooks = studio.project.folder / ".git" / "hooks"
    for name in HOOKS:
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\n")
        (hooks / name).chmod(0o755)
    clone = await studio.clone("Eva", tmp_path / "clone")
    await at(clone, "push", "-q", "origin", "HEAD:refs/heads/idea")
    assert not any((tmp_path / f"ran-{name}").exists() for name in HOOKS)


async def test_a_repository_that_borrows_from_another_is_not_served(studio: Studio, tmp_path: Path) -> None:
    other = (await made(studio.ana, "/api/projects", {"name": "Other"}))["id"]
    theirs = studio.service.app[keys.PROJECTS].get(other).folder / ".git" / "objects"
    (studio.project.folder / ".git/objects/info").mkdir(exist_ok=True)
    (studio.project.folder / ".git/objects/info/alternates").write_text(f"{theirs}\n")
    said = await refused(tmp_path, "ls-remote", studio.address("Ana"))
    assert "cannot be served right now" in said
    assert str(tmp_path / "workspace") not in said


async def test_clones_made_while_snapshots_are_taken_are_whole(studio: Studio, tmp_path: Path) -> None:
    done = asyncio.Event()

    async def keep_committing() -> int:
        number = 0
        while not done.is_set():
            number += 1
            await add_shot(studio, f"shot-{number}")
            await snapshot(studio, f"Cut {number}")
        return number

    committing = asyncio.create_task(keep_committing())
    try:
        for number in range(4):
            clone = await studio.clone("Vic", tmp_path / f"clone-{number}")
            assert "error" not in await at(clone, "fsck", "--full", "--strict")
    finally:
        done.set()
    assert await committing > 1


def backends() -> set[int]:
    """The processes of `git http-backend` and below that this process has started."""
    found, parents = set[int](), {os.getpid()}
    stats = list[str]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            stats.append(path.read_text())
    while parents:
        children = {int(stat.split()[0]) for stat in stats if int(stat.rpartition(")")[2].split()[1]) in parents}
        parents = children - found
        found |= children
    return {pid for pid in found if b"http-backend" in command(pid) or b"upload-pack" in command(pid)}


def command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


async def test_a_clone_that_was_killed_leaves_no_process(studio: Studio, tmp_path: Path) -> None:
    # More than all buffers on the way hold, and nothing that could be packed smaller.
    (studio.project.folder / "noise.dat").write_bytes(os.urandom(60_000_000))
    git(studio.project.folder, "add", "noise.dat")
    git(studio.project.folder, "commit", "-qm", "Noise")
    clone = await asyncio.create_subprocess_exec(
        *("git", "clone", "-q", studio.address("Vic"), "clone"),
        cwd=tmp_path,
        env=environment(),
        start_new_session=True,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await eventually(backends)
    os.killpg(clone.pid, signal.SIGKILL)
    await clone.wait()
    await eventually(lambda: not backends())


async def test_a_client_that_stops_reading_is_let_go(studio: Studio) -> None:
    (studio.project.folder / "noise.dat").write_bytes(os.urandom(40_000_000))
    git(studio.project.folder, "add", "noise.dat")
    git(studio.project.folder, "commit", "-qm", "Noise")
    studio.service.app[keys.GIT].limits = GitLimits(idle_seconds=2)
    head = git(studio.project.folder, "rev-parse", "HEAD").strip()
    body = f"0011command=fetch0001000fno-progress0032want {head}\n0009done\n0000".encode()
    headers = {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2"}
    async with studio.ana.post(f"/git/{studio.project.id}.git/git-upload-pack", data=body, headers=headers) as reply:
        assert reply.status == 200
        await eventually(backends)
        await eventually(lambda: not backends())


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_the_folder_is_blotted_out_of_what_git_says_wherever_it_is_cut(cut: int) -> None:
    said, folder = b"0034error: cannot write /srv/film/.git/objects: /srv/full\n", b"/srv/film"
    first, held = blot(said[:cut], folder)
    second, rest = blot(held + said[cut:], folder)
    assert first + second + rest == b"0034error: cannot write ........./.git/objects: /srv/full\n"


async def test_one_person_leaves_room_for_the_others(studio: Studio) -> None:
    backend = Backend(GitLimits(processes=3, processes_per_person=2))
    call = Call(studio.project.folder, "git-upload-pack", ADA, advertise=True)
    other = Call(studio.project.folder, "git-upload-pack", GRACE, advertise=True)
    async with backend.run(call), backend.run(call):
        with pytest.raises(TooMany):
            async with backend.run(call):
                pass
        async with backend.run(other):
            with pytest.raises(TooMany):
                async with backend.run(other):
                    pass
    async with backend.run(call) as running:
        await running.ready()
