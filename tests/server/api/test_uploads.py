"""Uploads that can be taken up again: whatever happens on the way, the file is whole or not there."""

import asyncio
import hashlib
import io
import os
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import aiohttp
import pytest

from crdt_schema.ids import ProjectId
from server import keys
from server.projects.index import Project
from server.projects.uploads import Record, Wanted
from tests.support.files import png
from tests.support.service import Service, got, made, running_service

DATA = png() + Random(7).randbytes(3_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()


class Sender:
    """Somebody who sends a file in pieces."""

    def __init__(self, service: Service, session: aiohttp.ClientSession, project: str) -> None:
        self.service = service
        self.session = session
        self.uploads = f"/api/projects/{project}/uploads"
        self.id = project

    @property
    def project(self) -> Project:
        return self.service.app[keys.PROJECTS].get(ProjectId(self.id))

    async def begin(self, status: int = 201, **given: object) -> Any:
        wanted = {"name": "A001.png", "size_bytes": len(DATA), "category": "source_media", "sha256": SHA256, **given}
        return await made(self.session, self.uploads, wanted, status)

    async def send(self, upload: str, offset: int, data: bytes) -> "Reply":
        headers = {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
        async with self.session.patch(f"{self.uploads}/{upload}", data=io.BytesIO(data), headers=headers) as reply:
            return Reply(reply.status, await reply.json())

    async def offset(self, upload: str) -> int:
        async with self.session.head(f"{self.uploads}/{upload}") as reply:
            assert reply.status == 200
            return int(reply.headers["Upload-Offset"])

    async def cut(self, upload: str, offset: int, data: bytes) -> None:
        """Send some bytes of many, and tear the connection."""
        url = self.service.server.make_url(f"{self.uploads}/{upload}")
        _, writer = await asyncio.open_connection(url.host, url.port)
        head = (
            f"PATCH {url.path} HTTP/1.1\r\nHost: {url.authority}\r\n"
            f"Authorization: {self.session.headers['Authorization']}\r\n"
            f"Upload-Offset: {offset}\r\nContent-Length: {len(DATA) - offset}\r\n\r\n"
        )
        writer.write(head.encode() + data)
        await writer.drain()
        writer.transport.abort()

    async def files(self) -> list[Any]:
        return (await got(self.session, f"/api/projects/{self.id}/files"))["files"]

    def left(self) -> list[str]:
        """What an upload has left behind on disk."""
        folders = [self.project.folder / ".workprint/uploads", self.project.folder / ".git/lfs"]
        return [path.name for folder in folders for path in folder.rglob("*") if path.is_file()]


class Reply(NamedTuple):
    status: int
    body: Any


async def sender_in(service: Service) -> Sender:
    session = await service.sign_in("Ed", "editor")
    project = (await made(session, "/api/projects", {"name": "Night Bus"}))["id"]
    return Sender(service, session, project)


@pytest.fixture
async def sender(tmp_path: Path) -> AsyncIterator[Sender]:
    async with running_service(tmp_path) as service:
        yield await sender_in(service)


async def test_a_file_comes_in_pieces_and_is_there_with_the_last(sender: Sender) -> None:
    upload = await sender.begin()
    assert (upload["offset"], upload["file"]) == (0, None)
    half = await sender.send(upload["id"], 0, DATA[:1_500_000])
    assert (half.status, half.body["offset"], half.body["file"]) == (200, 1_500_000, None)
    assert await sender.offset(upload["id"]) == 1_500_000
    assert await sender.files() == []
    whole = await sender.send(upload["id"], 1_500_000, DATA[1_500_000:])
    assert whole.status == 200
    assert (whole.body["file"]["name"], whole.body["file"]["sha256"]) == ("A001.png", SHA256)
    assert await sender.files() == [whole.body["file"]]
    assert sender.left() == [SHA256]
    await got(sender.session, f"{sender.uploads}/{upload['id']}", 404)


async def test_after_a_cut_connection_it_goes_on_where_it_was(sender: Sender) -> None:
    upload = (await sender.begin())["id"]
    await sender.cut(upload, 0, DATA[:2_000_000])
    async with asyncio.timeout(60):
        while not (offset := await sender.offset(upload)):  # noqa: ASYNC110 - the server notices a cut when it does
            await asyncio.sleep(0.02)
    assert offset <= 2_000_000
    assert await sender.files() == []
    async with asyncio.timeout(60):
        while (done := await sender.send(upload, offset, DATA[offset:])).status == 409:
            offset = await sender.offset(upload)
    assert done.body["file"]["sha256"] == SHA256


async def test_after_a_restart_of_the_server_it_goes_on_where_it_was(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        sender = await sender_in(service)
        upload = (await sender.begin())["id"]
        await sender.send(upload, 0, DATA[:1_200_000])
    async with running_service(tmp_path) as service:
        again = service.session({"Authorization": f"Bearer {await service.token('Ed')}"})
        sender = Sender(service, again, sender.id)
        assert await sender.offset(upload) == 1_200_000
        done = await sender.send(upload, 1_200_000, DATA[1_200_000:])
        assert done.body["file"]["sha256"] == SHA256


@pytest.mark.parametrize("offset", [0, 999, 1_000_001])
async def test_bytes_that_do_not_follow_are_refused_and_change_nothing(sender: Sender, offset: int) -> None:
    upload = (await sender.begin())["id"]
    await sender.send(upload, 0, DATA[:1_000_000])
    refused = await sender.send(upload, offset, b"x")
    assert (refused.status, refused.body["error"]["code"]) == (409, "wrong_offset")
    assert "goes on at byte 1000000" in refused.body["error"]["message"]
    assert (await sender.send(upload, 1_000_000, DATA[1_000_000:])).body["file"]["sha256"] == SHA256


async def test_another_hash_than_announced_leaves_nothing(sender: Sender) -> None:
    upload = (await sender.begin())["id"]
    refused = await sender.send(upload, 0, DATA[:-1] + b"?")
    assert (refused.status, refused.body["error"]["code"]) == (400, "wrong_hash")
    assert await sender.files() == []
    assert sender.left() == []


async def test_more_bytes_than_announced_leave_nothing(sender: Sender) -> None:
    upload = (await sender.begin(size_bytes=1000, sha256=""))["id"]
    assert (await sender.send(upload, 0, DATA[:1001])).status == 413
    assert sender.left() == []


async def test_another_type_is_refused_before_all_of_it_has_come(sender: Sender) -> None:
    upload = (await sender.begin(name="tool.png"))["id"]
    refused = await sender.send(upload, 0, b"MZ" + b"\0" * 10_000)
    assert (refused.status, refused.body["error"]["code"]) == (415, "wrong_type")
    assert sender.left() == []


async def test_a_file_of_a_few_bytes_is_looked_at_too(sender: Sender) -> None:
    upload = (await sender.begin(size_bytes=2, sha256=""))["id"]
    assert (await sender.send(upload, 0, b"MZ")).status == 415
    assert sender.left() == []


async def test_the_newest_connection_writes_and_one_that_hangs_does_not(sender: Sender) -> None:
    upload, gate = (await sender.begin())["id"], asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield DATA[:1_500_000]
        await gate.wait()
        yield b"from the old connection" * 100_000

    headers = {"Upload-Offset": "0", "Content-Type": "application/octet-stream"}

    async def hanging() -> int:
        async with sender.session.patch(f"{sender.uploads}/{upload}", data=slowly(), headers=headers) as reply:
            return reply.status

    old = asyncio.create_task(hanging())
    async with asyncio.timeout(60):
        while not (offset := await sender.offset(upload)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
    done = await sender.send(upload, offset, DATA[offset:])
    assert done.body["file"]["sha256"] == SHA256
    gate.set()
    assert await old in {404, 409, 413}
    assert [file["sha256"] for file in await sender.files()] == [SHA256]


async def test_while_the_disk_is_full_an_upload_stays_as_far_as_it_is(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = (await sender.begin())["id"]
    await sender.send(upload, 0, DATA[:1_000_000])
    real = os.fsync

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused = await sender.send(upload, 1_000_000, DATA[1_000_000:])
    assert (refused.status, refused.body["error"]["code"]) == (507, "disk_full")
    assert await sender.files() == []
    monkeypatch.setattr(os, "fsync", real)
    offset = await sender.offset(upload)
    assert (await sender.send(upload, offset, DATA[offset:])).body["file"]["sha256"] == SHA256


async def test_a_file_for_which_there_is_no_room_is_refused_at_once(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nearly_full(_: Path) -> tuple[int, int, int]:
        return shutil._ntuple_diskusage(10**12, 10**12 - 10**6, 10**6)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    assert (await sender.begin(507))["error"]["code"] == "disk_full"
    assert sender.left() == []


async def test_an_upload_is_cancelled(sender: Sender) -> None:
    upload = (await sender.begin())["id"]
    await sender.send(upload, 0, DATA[:100_000])
    async with sender.session.delete(f"{sender.uploads}/{upload}") as reply:
        assert reply.status == 200
    assert sender.left() == []
    await got(sender.session, f"{sender.uploads}/{upload}", 404)


async def test_nobody_touches_the_upload_of_somebody_else(sender: Sender) -> None:
    upload = (await sender.begin())["id"]
    other = Sender(sender.service, await sender.service.sign_in("Bo", "editor"), sender.id)
    assert (await other.send(upload, 0, b"x")).status == 404
    async with other.session.delete(f"{sender.uploads}/{upload}") as reply:
        assert reply.status == 404
    assert await sender.offset(upload) == 0


async def test_a_viewer_sends_nothing(sender: Sender) -> None:
    viewer = Sender(sender.service, await sender.service.sign_in("Vi", "viewer"), sender.id)
    await viewer.begin(403)


async def test_an_upload_that_was_left_for_a_day_is_forgotten(sender: Sender) -> None:
    old, young = (await sender.begin())["id"], (await sender.begin())["id"]
    for upload in (old, young):
        await sender.send(upload, 0, DATA[:1000])
    yesterday = (datetime.now(UTC) - timedelta(hours=25)).timestamp()
    folder = sender.project.folder / ".workprint/uploads" / old
    for place in (*folder.iterdir(), folder):
        os.utime(place, (yesterday, yesterday))
    await asyncio.to_thread(sender.service.app[keys.UPLOADS].sweep, sender.project)
    await got(sender.session, f"{sender.uploads}/{old}", 404)
    assert await sender.offset(young) == 1000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size_bytes", 0),
        ("size_bytes", -1),
        ("size_bytes", 1.5),
        ("size_bytes", "10"),
        ("size_bytes", None),
        ("name", ""),
        ("name", "\0"),
        ("category", "05_Cache"),
        ("sha256", "../../x"),
        ("sha256", SHA256.upper()),
    ],
)
async def test_what_is_no_upload_is_not_begun(sender: Sender, field: str, value: object) -> None:
    await sender.begin(400, **{field: value})
    assert sender.left() == []


async def test_a_file_larger_than_the_setting_is_not_begun(sender: Sender) -> None:
    assert (await sender.begin(413, size_bytes=1 << 45))["error"]["message"] == "A file may have at most 20,480 MB."


@pytest.mark.parametrize("upload", ["up-0", "up-" + "a" * 60])
async def test_an_upload_that_is_none_is_not_found(sender: Sender, upload: str) -> None:
    assert (await sender.send(upload, 0, b"x")).status == 404


async def test_where_the_bytes_begin_must_be_said(sender: Sender) -> None:
    upload = (await sender.begin())["id"]
    async with sender.session.patch(f"{sender.uploads}/{upload}", data=b"x") as reply:
        assert reply.status == 400


async def test_a_project_that_goes_to_the_trash_takes_its_upload_along_and_brings_it_back(sender: Sender) -> None:
    upload = (await sender.begin())["id"]
    url = sender.service.server.make_url(f"{sender.uploads}/{upload}")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = (
        f"PATCH {url.path} HTTP/1.1\r\nHost: {url.authority}\r\nConnection: close\r\n"
        f"Authorization: {sender.session.headers['Authorization']}\r\n"
        f"Upload-Offset: 0\r\nContent-Length: {len(DATA)}\r\n\r\n"
    )
    half = 2 << 20
    writer.write(head.encode() + DATA[:half])
    await writer.drain()
    async with asyncio.timeout(60):
        while await sender.offset(upload) == 0:  # noqa: ASYNC110 - the server's own state: there is no event
            await asyncio.sleep(0.01)
    folder = sender.project.folder
    async with sender.session.delete(f"/api/projects/{sender.id}", json={}) as reply:
        assert reply.status == 200
    writer.write(DATA[half:])
    await writer.drain()
    said = (await reader.read()).decode()
    writer.close()
    assert said.startswith("HTTP/1.1 404"), said
    assert "moved to the trash" in said
    assert not folder.exists()
    async with sender.session.post(f"/api/trash/{sender.id}/restore") as reply:
        assert reply.status == 200
    offset = await sender.offset(upload)
    assert (await sender.send(upload, offset, DATA[offset:])).body["file"]["sha256"] == SHA256


async def test_nothing_is_begun_in_a_project_whose_folder_is_gone(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sender.project.folder
    create = sender.service.app[keys.UPLOADS].create

    async def late(home: Project, wanted: Wanted, by: str) -> Record:
        # The request has found the project; only then it goes.
        folder.rename(folder.parent / ".away")
        return await create(home, wanted, by)

    monkeypatch.setattr(sender.service.app[keys.UPLOADS], "create", late)
    assert (await sender.begin(404))["error"]["code"] == "not_found"
    assert not folder.exists()
