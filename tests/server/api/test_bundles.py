"""Projects leave as one file and arrive whole; what is broken, hostile or half is refused and leaves nothing."""

import errno
import io
import json
import os
import shutil
import stat
import tarfile
import warnings
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Text

from crdt_schema.ids import ProjectId
from server import keys
from server.auth.actor import SYSTEM
from server.hub import messages
from server.projects.bundle import MOST_AT_ONCE
from tests.support.git import assert_healthy, git, is_clean
from tests.support.lifecycle import rss_bytes
from tests.support.service import PNG_PIXEL, Service, got, made, running_service
from tests.support.sockets import until
from tests.support.wire import end_of, page
from tests.support.workspace import ADA, Workspace

TAKE = "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path / "one", WORKPRINT_SNAPSHOT_QUIET_SECONDS="60") as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


def write(doc: Doc[Any], words: str) -> None:
    text: Text = doc.get("text", type=Text)
    text += words


async def film(service: Service, session: aiohttp.ClientSession) -> ProjectId:
    """A project with a shot, its take, a treatment and a file that is in no commit; nothing is committed yet."""
    project = ProjectId((await made(session, "/api/projects", {"name": "Night Bus"}))["id"])
    app = service.app
    workspace = Workspace(app[keys.PROJECTS], app[keys.HUB], app[keys.SNAPSHOTTER])
    await workspace.add_shot(project, "shot-1", "Door", by=SYSTEM)
    await workspace.type(project, "shot-1", "rain on glass \U0001f327", by=ADA)
    await workspace.make_take(app[keys.PROJECTS].get(project), "shot-1", PNG_PIXEL)
    async with app[keys.HUB].room(project, "script/treatment") as room:
        room.edit(SYSTEM, lambda doc: write(doc, "A bus at night.\n"))
    (folder_of(service, project) / "01_Assets/Source_Media/notes.txt").write_text("location list")
    return project


def folder_of(service: Service, project: str) -> Path:
    return service.app[keys.PROJECTS].get(ProjectId(project)).folder


async def documents(service: Service, project: str) -> dict[str, Any]:
    """Every document of a project by name."""
    found: dict[str, Any] = {}
    for document in ("canvas", "takes", "script/treatment"):
        async with service.app[keys.HUB].room(ProjectId(project), document) as room:
            found[document] = room.plain()
    return found


async def exported(session: aiohttp.ClientSession, project: str) -> bytes:
    async with session.get(f"/api/projects/{project}/bundle") as reply:
        assert reply.status == 200, await reply.text()
        assert reply.headers["Content-Disposition"].endswith("Night_Bus.workprint")
        return await reply.read()


async def imported(session: aiohttp.ClientSession, data: bytes, status: int = 201, query: str = "") -> Any:
    headers = {"Content-Type": "application/octet-stream"}
    async with session.post(f"/api/projects/import{query}", data=io.BytesIO(data), headers=headers) as reply:
        text = await reply.text()
        assert reply.status == status, text
        return json.loads(text)


def nothing_left(service: Service) -> bool:
    """Whether nothing of an import is on the disk."""
    return [path.name for path in service.app[keys.PROJECTS].folder.iterdir() if path.name.startswith(".new")] == []


def zipped(folder: Path, inside: str = "clone/") -> bytes:
    """A folder as people zip it: deflated, with entries for folders."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in sorted(folder.rglob("*")):
            bundle.write(path, f"{inside}{path.relative_to(folder)}")
    return data.getvalue()


def tarred(folder: Path) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as bundle:
        bundle.add(folder, "clone")
    return data.getvalue()


async def clone(service: Service, project: str, place: Path) -> Path:
    """What `git clone` makes of the project as it is now, with its media."""
    await service.app[keys.SNAPSHOTTER].snapshot_now(ProjectId(project))
    async with service.app[keys.HUB].room(ProjectId(project), "script/treatment") as room:
        assert room.epoch
    await service.app[keys.SNAPSHOTTER].snapshot_now(ProjectId(project))
    git(place.parent, "clone", "-q", str(folder_of(service, project)), place.name)
    git(place, "lfs", "pull")
    return place


async def test_a_bundle_opens_in_another_studio_with_everything(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    data = await exported(ana, project)
    (tmp_path / "film.zip").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "film.zip") as bundle:
        assert bundle.testzip() is None
        names = bundle.namelist()
        assert {entry.compress_type for entry in bundle.infolist()} == {zipfile.ZIP_STORED}
    # What the store holds is sent once, and what is nobody else's business is not sent.
    assert f"Night_Bus/{TAKE}" not in names
    assert not [name for name in names if "/hooks/" in name or name.endswith(("/.git/config", ".lock"))]
    async with running_service(tmp_path / "two") as other:
        bo = await other.sign_in("Bo", "editor")
        answer = await imported(bo, data)
        assert answer == {
            "id": project,
            "name": "Night Bus",
            "new_identity": False,
            "rebuilt": False,
            "missing": [],
            "problems": [],
        }
        assert await documents(other, project) == await documents(service, project)
        assert (await got(bo, f"/api/projects/{project}"))["role"] == "owner"
        folder = folder_of(other, project)
        assert (folder / TAKE).read_bytes() == PNG_PIXEL
        assert (folder / "01_Assets/Source_Media/notes.txt").read_text() == "location list"
        assert git(folder, "log", "--format=%s") == git(folder_of(service, project), "log", "--format=%s")
        assert git(folder, "status", "--porcelain").splitlines() == ["?? 01_Assets/Source_Media/notes.txt"]
        assert_healthy(folder)
        assert nothing_left(other)
    audit = await got(ana, f"/api/projects/{project}/audit")
    assert audit["entries"][0]["action"] == "exported"


async def test_a_bundle_beside_its_project_becomes_another_one(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    answer = await imported(ana, await exported(ana, project), query="?name=Second")
    assert answer["new_identity"]
    assert answer["id"] != project
    assert answer["name"] == "Second"
    assert await documents(service, answer["id"]) == await documents(service, project)
    assert git(folder_of(service, answer["id"]), "log", "-1", "--format=%s") == "Import Second\n"
    assert_healthy(folder_of(service, answer["id"]))


async def test_a_project_that_comes_back_from_a_bundle_takes_no_older_copies(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = await film(service, ana)
    data = await exported(ana, project)
    mine: Doc[Any] = Doc()
    async with service.app[keys.HUB].room(project, "canvas") as room:
        mine.apply_update(room.doc.get_update())
    async with ana.delete(f"/api/projects/{project}") as reply:
        assert reply.status == 200
    async with ana.delete(f"/api/trash/{project}", json={"title": "Night Bus"}) as reply:
        assert reply.status == 200
    ben = await service.sign_in("Ben", "editor")
    # Somebody else does not get the identity, and with it the audit log, of a project that was not theirs.
    assert (await imported(ben, data))["new_identity"]
    owner = await service.sign_in("Olga", "owner")
    assert (await imported(owner, data))["id"] == project
    async with page(service, "Olga", project, "canvas") as socket:
        await socket.send_bytes(messages.step1(mine.get_state()).body)
        await socket.send_bytes(messages.step2(mine.get_update()).body)
        assert (await end_of(socket))[0] == 4409


async def test_only_the_owner_exports(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    await got(await service.sign_in("Al", "admin"), f"/api/projects/{project}/bundle", 403)


@pytest.mark.parametrize("pack", [zipped, tarred])
async def test_a_plain_clone_becomes_a_project(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path, pack: Callable[[Path], bytes]
) -> None:
    project = await film(service, ana)
    place = await clone(service, project, tmp_path / "clone")
    treatment = place / "02_Source_Creative/Treatments/treatment.txt"
    assert treatment.read_text() == "A bus at night.\n"
    treatment.write_text("A bus at dawn.\n")
    answer = await imported(ana, pack(place))
    assert answer["rebuilt"]
    assert (answer["missing"], answer["problems"]) == ([], [])
    mine, theirs = await documents(service, answer["id"]), await documents(service, project)
    assert (mine["canvas"], mine["takes"]) == (theirs["canvas"], theirs["takes"])
    # What was edited and not committed is what its author wants.
    assert mine["script/treatment"]["text"] == "A bus at dawn.\n"
    folder = folder_of(service, answer["id"])
    assert (folder / TAKE).read_bytes() == PNG_PIXEL
    assert is_clean(folder)
    assert_healthy(folder)
    assert git(folder, "remote") == ""


async def test_a_clone_without_its_media_says_what_is_missing(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    place = await clone(service, project, tmp_path / "clone")
    shutil.rmtree(place / ".git" / "lfs")
    (place / TAKE).unlink()
    answer = await imported(ana, zipped(place))
    assert answer["missing"] == [TAKE]
    assert (await documents(service, answer["id"]))["takes"]["takes"]
    # The work tree alone is enough.
    whole = await clone(service, project, tmp_path / "whole")
    shutil.rmtree(whole / ".git" / "lfs")
    answer = await imported(ana, zipped(whole))
    assert answer["missing"] == []
    assert_healthy(folder_of(service, answer["id"]))


async def test_a_hook_and_a_setting_of_a_stranger_are_not_taken_over(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    place = await clone(service, project, tmp_path / "clone")
    (place / ".git" / "hooks" / "post-commit").write_text("#!/bin/sh\ntouch /tmp/owned\n")
    git(place, "config", "core.fsmonitor", "touch /tmp/owned")
    folder = folder_of(service, (await imported(ana, zipped(place)))["id"])
    assert "owned" not in (folder / ".git" / "hooks" / "post-commit").read_text()
    assert "owned" not in (folder / ".git" / "config").read_text()


def with_entry(name: str, data: bytes = b"x", mode: int = 0) -> Callable[[bytes], bytes]:
    """Adds an entry to a zip."""

    def add(bundle: bytes) -> bytes:
        changed = io.BytesIO(bundle)
        with zipfile.ZipFile(changed, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a name that is there already
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, data)
        return changed.getvalue()

    return add


def cut_short(bundle: bytes) -> bytes:
    """The connection broke."""
    return bundle[:-100]


def instead(data: bytes) -> Callable[[bytes], bytes]:
    """Something else altogether."""
    return lambda _: data


def damaged(bundle: bytes) -> bytes:
    """One byte of a stored Git object is another one, and the zip's own checksum fits it."""
    old, new = io.BytesIO(bundle), io.BytesIO()
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if (
                "/.git/objects/" in entry.filename
                and "/info/" not in entry.filename
                and not entry.filename.endswith(".idx")
            ):
                middle = len(data) // 2
                data = data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]
            target.writestr(entry.filename, data)
    return new.getvalue()


@pytest.mark.parametrize(
    "break_it",
    [
        with_entry("../evil.txt"),
        with_entry("/etc/evil.txt"),
        with_entry("Night_Bus/..\\evil.txt"),
        with_entry("Night_Bus/link", b"/etc/passwd", stat.S_IFLNK | 0o777),
        with_entry("Night_Bus/01_Assets/.git/config"),
        with_entry("Night_Bus/.GIT/hooks/post-commit"),
        with_entry("Night_Bus/project.json", b"{}"),
        with_entry("Other/.git/HEAD", b"ref: refs/heads/main\n"),
        cut_short,
        instead(b"PK\x03\x04 no zip at all"),
        instead(b"<html>not found</html>"),
        instead(b""),
        damaged,
    ],
)
async def test_what_is_broken_or_hostile_is_refused_and_leaves_nothing(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path, break_it: Callable[[bytes], bytes]
) -> None:
    project = await film(service, ana)
    answer = await imported(ana, break_it(await exported(ana, project)), 400)
    assert str(tmp_path) not in answer["error"]["message"]
    assert [path.name for path in service.app[keys.PROJECTS].folder.iterdir()] == ["Night_Bus"]
    assert not [name for _, _, names in os.walk(tmp_path) for name in names if name == "evil.txt"]


async def test_a_bomb_is_stopped_while_it_unpacks(tmp_path: Path) -> None:
    async with running_service(tmp_path / "small", WORKPRINT_IMPORT_MB="2") as service:
        ana = await service.sign_in("Ana", "editor")
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("film/.git/objects/pack/zeros", bytes(8 << 20))
        assert len(data.getvalue()) < 1 << 20
        assert (await imported(ana, data.getvalue(), 413))["error"]["code"] == "too_large"
        assert (await imported(ana, os.urandom(3 << 20), 413))["error"]["code"] == "too_large"
        assert nothing_left(service)


async def test_a_log_that_cannot_be_read_is_replaced_by_the_files(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    place = await clone(service, project, tmp_path / "clone")
    (place / ".workprint").mkdir()
    (place / ".workprint" / "documents.sqlite").write_bytes(b"SQLite format 3\0 and then nothing of the kind")
    answer = await imported(ana, zipped(place))
    assert answer["rebuilt"]
    assert len(answer["problems"]) == 1
    assert (await documents(service, answer["id"]))["canvas"]["nodes"]["shot-1"]["title"] == "Door"


async def test_a_project_moved_by_hand_opens_in_another_workspace_with_everything(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    await service.app[keys.SNAPSHOTTER].snapshot_now(project)
    expected, folder = await documents(service, project), folder_of(service, project)
    await service.close()
    async with running_service(tmp_path / "two") as other:
        shutil.move(folder, tmp_path / "two" / "Projects" / "Renamed")
        bo = await other.sign_in("Bo", "owner")
        assert await documents(other, project) == expected
        (take,) = expected["takes"]["takes"].values()
        async with bo.get(f"/api/projects/{project}/media/{take['media']['blob']}") as reply:
            assert await reply.read() == PNG_PIXEL
        assert (await got(bo, f"/api/projects/{project}"))["role"] == "owner"
        assert_healthy(tmp_path / "two" / "Projects" / "Renamed")


async def test_a_bundle_that_nobody_takes_any_more_frees_its_place(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = await film(service, ana)
    folder = folder_of(service, project)
    with (folder / "01_Assets/Source_Media/raw.mxf").open("wb") as file:
        file.truncate(64 << 20)
    for _ in range(MOST_AT_ONCE + 1):
        async with ana.get(f"/api/projects/{project}/bundle") as reply:
            assert reply.status == 200
            await reply.content.readexactly(1000)
            reply.close()
        await until(lambda: not list((folder / ".workprint").glob("export-*")))


async def test_a_full_disk_during_an_import_says_so_and_keeps_nothing(
    service: Service, ana: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = await exported(ana, await film(service, ana))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("server.projects.importing.commit_contents", full)
    assert (await imported(ana, data, 507))["error"]["code"] == "disk_full"
    assert nothing_left(service)
    assert len(await got(ana, "/api/projects")) == 1


async def test_large_media_leave_and_arrive_in_pieces(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    folder, size_bytes = folder_of(service, project), 256 << 20
    with (folder / "01_Assets/Source_Media/reel.bin").open("wb") as file:
        # Not there on the disk, and read as any other byte.
        file.truncate(size_bytes)
    place, before = tmp_path / "large.workprint", rss_bytes()
    highest = before
    async with ana.get(f"/api/projects/{project}/bundle") as reply:
        with place.open("wb") as file:
            async for chunk in reply.content.iter_chunked(1 << 18):
                file.write(chunk)
                highest = max(highest, rss_bytes())
    assert place.stat().st_size > size_bytes

    async def sent() -> AsyncIterator[bytes]:
        nonlocal highest
        with place.open("rb") as file:
            while chunk := file.read(1 << 18):
                yield chunk
                highest = max(highest, rss_bytes())

    async with ana.post("/api/projects/import", data=sent()) as reply:
        made_of_it = await reply.json()
    arrived = folder_of(service, made_of_it["id"]) / "01_Assets/Source_Media/reel.bin"
    assert arrived.stat().st_size == size_bytes
    assert max(highest, rss_bytes()) - before < size_bytes / 4
