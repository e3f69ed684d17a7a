"""Large files of a project with the real git-lfs: pull, push, locks; and who gets nothing."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crdt_schema.ids import ProjectId
from server import keys
from server.api.git_access import LFS_TYPE
from server.projects.index import Project
from server.snapshot.lfs import parse_pointer
from tests.support.bucket import bucket_settings, with_credentials
from tests.support.farm import eventually
from tests.support.git import assert_healthy, git
from tests.support.ports import free_port
from tests.support.remote import Studio, at, commit, open_studio, refused
from tests.support.service import PNG_PIXEL, made

LARGE_BYTES = 20_000_000


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncGenerator[Studio]:
    async with open_studio(tmp_path / "workspace") as studio:
        yield studio


async def add_media(studio: Studio, project: Project, count: int) -> dict[str, bytes]:
    """Pictures in the brief and in the repository; path to bytes."""
    form = aiohttp.FormData()
    pictures = [PNG_PIXEL + bytes((number,)) * 5000 for number in range(count)]
    for number, picture in enumerate(pictures):
        form.add_field("files", picture, filename=f"still-{number}.png")
    async with studio.ana.post(f"/api/projects/{project.id}/references", data=form) as reply:
        assert reply.status == 201, await reply.text()
    await made(studio.ana, f"/api/projects/{project.id}/snapshots", {"name": "With stills"})
    files = git(project.folder, "ls-files", "*.png").split()
    assert len(files) == count
    return {file: (project.folder / file).read_bytes() for file in files}


async def asked(
    session: aiohttp.ClientSession, project: str, path: str, body: object, *, status: int = 200
) -> dict[str, Any]:
    """What the LFS API answers."""
    headers = {"Content-Type": LFS_TYPE, "Accept": LFS_TYPE}
    async with session.post(f"/git/{project}.git/info/lfs/{path}", data=json.dumps(body), headers=headers) as reply:
        text = await reply.text()
        assert reply.status == status, text
        assert reply.content_type == LFS_TYPE
        return json.loads(text)


def named(data: bytes) -> dict[str, object]:
    return {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}


def batch(operation: str, *objects: Mapping[str, object]) -> dict[str, object]:
    return {"operation": operation, "transfers": ["basic"], "objects": list(objects), "hash_algo": "sha256"}


async def test_a_plain_clone_brings_every_file_without_any_set_up(studio: Studio, tmp_path: Path) -> None:
    media = await add_media(studio, studio.project, 3)
    await at(tmp_path, "clone", "-q", studio.address("Vic"), "clone")
    for path, data in media.items():
        assert (tmp_path / "clone" / path).read_bytes() == data
    assert_healthy(tmp_path / "clone")


async def test_a_pull_brings_only_what_it_includes(studio: Studio, tmp_path: Path) -> None:
    media = await add_media(studio, studio.project, 3)
    wanted, *others = media
    clone = await studio.clone("Vic", tmp_path / "clone")
    assert all(parse_pointer((clone / path).read_bytes()) for path in media)
    await at(clone, "lfs", "pull", "--include", wanted)
    assert (clone / wanted).read_bytes() == media[wanted]
    assert all(parse_pointer((clone / path).read_bytes()) for path in others)
    await at(clone, "lfs", "pull")
    assert {path: (clone / path).read_bytes() for path in media} == media
    assert_healthy(clone)


async def test_a_push_brings_its_large_file_along(studio: Studio, tmp_path: Path) -> None:
    clone = await studio.clone("Eva", tmp_path / "clone")
    plate = os.urandom(LARGE_BYTES)
    await commit(clone, "01_Assets/Source_Media/plate.mov", plate)
    await at(clone, "push", "-q", "origin", "HEAD:refs/heads/plates")
    blob = hashlib.sha256(plate).hexdigest()
    assert studio.project.blobs.size_bytes(blob) == LARGE_BYTES
    assert "Git LFS fsck OK" in git(studio.project.folder, "lfs", "fsck", "--objects", "plates")
    await at(tmp_path, "clone", "-q", "--branch", "plates", studio.address("Vic"), "other")
    assert (tmp_path / "other/01_Assets/Source_Media/plate.mov").read_bytes() == plate


async def test_a_viewers_push_of_large_files_is_refused(studio: Studio, tmp_path: Path) -> None:
    clone = await studio.clone("Vic", tmp_path / "clone")
    plate = os.urandom(1000)
    await commit(clone, "plate.mov", plate)
    assert "You are viewer here" in await refused(clone, "push", "origin", "HEAD:refs/heads/plates")
    await refused(clone, "lfs", "push", "origin", "HEAD")
    assert not studio.project.blobs.has(hashlib.sha256(plate).hexdigest())


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(studio: Studio) -> None:
    huge = {"oid": "a" * 64, "size": 1 << 40}
    (told,) = (await asked(studio.ana, studio.project.id, "objects/batch", batch("upload", huge)))["objects"]
    assert told["error"]["code"] == 422
    assert "at most 64 MB" in told["error"]["message"]


async def test_another_projects_file_is_refused_even_to_who_knows_its_hash(studio: Studio) -> None:
    other_id = (await made(studio.ana, "/api/projects", {"name": "Other"}))["id"]
    other = studio.service.app[keys.PROJECTS].get(ProjectId(other_id))
    (secret,) = (await add_media(studio, other, 1)).values()
    (told,) = (await asked(studio.ana, studio.project.id, "objects/batch", batch("download", named(secret))))["objects"]
    assert told["error"]["code"] == 404
    async with studio.ana.get(f"/git/{studio.project.id}.git/info/lfs/objects/{named(secret)['oid']}") as reply:
        assert reply.status == 404
    # And a transfer of one project opens nothing in the other.
    (ours,) = (await asked(studio.ana, other.id, "objects/batch", batch("download", named(secret))))["objects"]
    header = ours["actions"]["download"]["header"]
    async with studio.service.session(header).get(ours["actions"]["download"]["href"]) as reply:
        assert await reply.read() == secret
    elsewhere = ours["actions"]["download"]["href"].replace(other.id, studio.project.id)
    async with studio.service.session(header).get(elsewhere) as reply:
        assert reply.status == 403


async def test_files_come_straight_from_the_bucket_also_those_that_are_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_credentials(monkeypatch)
    settings = bucket_settings(f"git-{tmp_path.name}")
    s3 = {"S3_BUCKET": settings.bucket, "S3_ENDPOINT": settings.endpoint, "S3_PREFIX": settings.prefix}
    async with open_studio(tmp_path / "workspace", s3) as studio:
        media = await add_media(studio, studio.project, 2)
        (gone, here), replication = media.values(), studio.service.app[keys.REPLICATION]
        await eventually(lambda: replication.state().waiting == 0)
        blob = str(named(gone)["oid"])
        told = await asked(studio.ana, studio.project.id, "objects/batch", batch("download", named(gone), named(here)))
        for each in told["objects"]:
            assert each["actions"]["download"]["href"].startswith(f"{settings.endpoint}/")
            assert "header" not in each["actions"]["download"]
        studio.project.blobs.path(blob).unlink()
        await at(tmp_path, "clone", "-q", studio.address("Vic"), "clone")
        for path, data in media.items():
            assert (tmp_path / "clone" / path).read_bytes() == data


async def test_what_is_here_is_served_while_the_bucket_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_credentials(monkeypatch)
    s3 = {"S3_BUCKET": "films", "S3_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    async with open_studio(tmp_path / "workspace", s3) as studio:
        (here,) = (await add_media(studio, studio.project, 1)).values()
        wanted = batch("download", named(here), named(b"not here"))
        told = (await asked(studio.ana, studio.project.id, "objects/batch", wanted))["objects"]
        assert told[0]["actions"]["download"]["href"].startswith(str(studio.service.server.make_url("/git/")))
        assert told[1]["error"]["code"] == 503


async def test_the_address_of_a_transfer_opens_nothing_by_itself(studio: Studio) -> None:
    (picture,) = (await add_media(studio, studio.project, 1)).values()
    (told,) = (await asked(studio.ana, studio.project.id, "objects/batch", batch("download", named(picture))))[
        "objects"
    ]
    async with studio.service.session().get(told["actions"]["download"]["href"]) as reply:
        assert reply.status == 401
        assert reply.headers["LFS-Authenticate"].startswith("Basic ")
        assert (await reply.json(content_type=LFS_TYPE))["message"].startswith("Sign in")


async def test_a_transfer_ends_when_its_persons_rights_end(studio: Studio) -> None:
    eva = studio.service.session({"Authorization": f"Bearer {studio.tokens['Eva']}"})
    picture = os.urandom(100)
    (told,) = (await asked(eva, studio.project.id, "objects/batch", batch("upload", named(picture))))["objects"]
    people = studio.service.app[keys.PEOPLE]
    await people.change_role(await people.named("Eva"), "viewer")
    upload = told["actions"]["upload"]
    async with studio.service.session(upload["header"]).put(upload["href"], data=picture) as reply:
        assert reply.status == 403
    await people.remove(await people.named("Eva"))
    async with studio.service.session(upload["header"]).put(upload["href"], data=picture) as reply:
        assert reply.status == 401


async def test_bytes_that_hash_to_something_else_are_not_kept(studio: Studio) -> None:
    picture, blobs = os.urandom(100), studio.project.blobs
    (told,) = (await asked(studio.ana, studio.project.id, "objects/batch", batch("upload", named(picture))))["objects"]
    upload = told["actions"]["upload"]
    session = studio.service.session(upload["header"])
    async with session.put(upload["href"], data=picture[:-1]) as reply:
        assert (reply.status, reply.content_type) == (400, LFS_TYPE)
        assert "damaged on its way" in (await reply.json(content_type=LFS_TYPE))["message"]
    assert list(blobs.names()) == []
    await asked(session, studio.project.id, "verify", named(picture), status=404)
    async with session.put(upload["href"], data=picture) as reply:
        assert reply.status == 200
    await asked(session, studio.project.id, "verify", named(picture))
    await asked(session, studio.project.id, "verify", {**named(picture), "size": 5}, status=400)
    (again,) = (await asked(studio.ana, studio.project.id, "objects/batch", batch("upload", named(picture))))["objects"]
    assert "actions" not in again


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        (batch("delete"), 400),
        ({**batch("download"), "objects": "all"}, 400),
        (batch("download", {"oid": "../../project.json", "size": 1}), 400),
        (batch("download", {"oid": "a" * 64, "size": -1}), 400),
        ({**batch("download"), "hash_algo": "sha512"}, 409),
        ({**batch("download"), "transfers": ["ssh"]}, 400),
        (batch("download", *[{"oid": "a" * 64, "size": 1}] * 1001), 400),
    ],
)
async def test_what_no_git_lfs_says_is_refused_in_its_own_form(studio: Studio, body: object, status: int) -> None:
    assert (await asked(studio.ana, studio.project.id, "objects/batch", body, status=status))["message"]


async def test_what_is_sent_as_a_form_is_not_read(studio: Studio) -> None:
    async with studio.ana.post(f"/git/{studio.project.id}.git/info/lfs/locks", json={"path": "a.mov"}) as reply:
        assert reply.status == 400


async def test_who_locks_a_file_has_it_until_they_or_an_admin_unlock_it(studio: Studio, tmp_path: Path) -> None:
    ana, eva = await studio.clone("Ana", tmp_path / "ana"), await studio.clone("Eva", tmp_path / "eva")
    await at(eva, "lfs", "lock", "01_Assets/plate.mov")
    assert "Eva" in await at(ana, "lfs", "locks")
    said = await refused(ana, "lfs", "lock", "01_Assets/plate.mov")
    assert "Eva has locked this file." in said
    assert "Eva has locked this file." in await refused(ana, "lfs", "unlock", "01_Assets/plate.mov")
    await commit(ana, "01_Assets/plate.mov", b"x" * 1000)
    assert (
        "locked"
        in (await refused(ana, "-c", "lfs.locksverify=true", "push", "origin", "HEAD:refs/heads/plates")).lower()
    )
    await at(ana, "lfs", "unlock", "--force", "01_Assets/plate.mov")
    await at(ana, "push", "-q", "origin", "HEAD:refs/heads/plates")
    assert await at(eva, "lfs", "locks") == ""
    async with studio.ana.get(f"/api/projects/{studio.project.id}/audit") as reply:
        newest = (await reply.json())["entries"][0]
    assert (newest["action"], newest["target"]) == ("unlock", "01_Assets/plate.mov")


async def test_an_editor_unlocks_their_own_files_and_no_others(studio: Studio, tmp_path: Path) -> None:
    ana, eva = await studio.clone("Ana", tmp_path / "ana"), await studio.clone("Eva", tmp_path / "eva")
    await at(ana, "lfs", "lock", "a.mov")
    assert "You are editor here." in await refused(eva, "lfs", "unlock", "--force", "a.mov")
    await at(eva, "lfs", "lock", "b.mov")
    await at(eva, "lfs", "unlock", "b.mov")
    assert (await at(ana, "lfs", "locks")).startswith("a.mov")


async def test_a_viewer_sees_locks_and_takes_none(studio: Studio, tmp_path: Path) -> None:
    ana, vic = await studio.clone("Ana", tmp_path / "ana"), await studio.clone("Vic", tmp_path / "vic")
    await at(ana, "lfs", "lock", "a.mov")
    assert (await at(vic, "lfs", "locks")).startswith("a.mov")
    assert "You are viewer here." in await refused(vic, "lfs", "lock", "b.mov")


async def test_only_one_of_many_gets_a_lock(studio: Studio) -> None:
    headers = {"Content-Type": LFS_TYPE}

    async def attempt() -> int:
        async with studio.ana.post(
            f"/git/{studio.project.id}.git/info/lfs/locks", data='{"path": "a.mov"}', headers=headers
        ) as reply:
            return reply.status

    assert sorted(await asyncio.gather(*(attempt() for _ in range(12)))) == [201] + [409] * 11


async def test_long_lists_of_locks_come_in_pages(studio: Studio) -> None:
    for number in range(5):
        await asked(studio.ana, studio.project.id, "locks", {"path": f"{number}.mov"}, status=201)
    first = await asked(studio.ana, studio.project.id, "locks/verify", {"limit": 3})
    rest = await asked(studio.ana, studio.project.id, "locks/verify", {"limit": 3, "cursor": first["next_cursor"]})
    assert [lock["path"] for lock in [*first["ours"], *rest["ours"]]] == [f"{number}.mov" for number in range(5)]
    assert "next_cursor" not in rest
    async with studio.ana.get(f"/git/{studio.project.id}.git/info/lfs/locks?path=2.mov") as reply:
        (only,) = (await reply.json(content_type=LFS_TYPE))["locks"]
    assert (only["path"], only["owner"]) == ("2.mov", {"name": "Ana"})


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.mov", "a//b", "", "a\nb", "x" * 1025, 5])
async def test_a_lock_needs_a_path_in_the_repository(studio: Studio, path: object) -> None:
    await asked(studio.ana, studio.project.id, "locks", {"path": path}, status=400)
