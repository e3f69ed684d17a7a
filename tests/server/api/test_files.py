"""Files of a project: added to the folder of their category, whole or not at all, and served with what browsers ask."""

import asyncio
import hashlib
import io
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from crdt_schema.ids import ProjectId
from server import keys
from server.projects.files import list_files
from server.projects.index import Project
from tests.support.files import GGUF, SAFETENSORS, WAVE, added, ffmpeg, film, form, png
from tests.support.service import Service, got, made, running_service
from tests.support.studio import git

FOLDERS = {
    "source_media": "01_Assets/Source_Media",
    "ai_models": "01_Assets/AI_Models",
    "characters": "01_Assets/Generative_Assets/Characters",
    "locations": "01_Assets/Generative_Assets/Locations",
    "music": "01_Assets/Generative_Assets/Music",
    "styles": "01_Assets/Generative_Assets/Styles",
}


class Studio:
    """A project, who edits it, and who only looks."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def open(self) -> "Studio":
        self.editor = await self.service.sign_in("Ed", "editor")
        self.viewer = await self.service.sign_in("Vi", "viewer")
        self.id = (await made(self.editor, "/api/projects", {"name": "Night Bus"}))["id"]
        self.path = f"/api/projects/{self.id}/files"
        return self

    @property
    def project(self) -> Project:
        return self.service.app[keys.PROJECTS].get(ProjectId(self.id))

    async def files(self, category: str = "") -> list[dict[str, Any]]:
        return (await got(self.viewer, f"{self.path}?category={category}"))["files"]


@pytest.fixture
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Studio]:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ffmpeg").symlink_to(ffmpeg())
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    async with running_service(tmp_path / "workspace") as service:
        yield await Studio(service).open()


def blobs_in(studio: Studio) -> list[Path]:
    return [path for path in (studio.project.folder / ".git/lfs").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("category", "name", "data", "kept", "kind"),
    [
        ("source_media", "Harbour at night.JPG", png(), "Harbour_at_night.png", "image/png"),
        ("ai_models", "noir.ckpt", SAFETENSORS, "noir.safetensors", "model/safetensors"),
        ("ai_models", "writer.gguf", GGUF, "writer.gguf", "model/gguf"),
        ("characters", "../../Ada.png", png(), "Ada.png", "image/png"),
        ("locations", "con.png", png(), "con_.png", "image/png"),
        ("music", "theme", WAVE, "theme.wav", "audio/wav"),
        ("styles", "…", png(), "File.png", "image/png"),
    ],
)
async def test_a_file_goes_into_the_folder_of_its_category_under_a_name_that_every_system_takes(  # noqa: PLR0917 - a table of cases
    studio: Studio, category: str, name: str, data: bytes, kept: str, kind: str
) -> None:
    (file,) = (await added(studio.editor, studio.id, category, (name, data)))["files"]
    assert (file["name"], file["media_type"], file["category"]) == (kept, kind, category)
    assert (file["size_bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert (studio.project.folder / FOLDERS[category] / kept).read_bytes() == data
    assert await studio.files(category) == [file]
    assert str(studio.project.folder) not in json.dumps(file)


async def test_several_files_come_at_once_with_the_category_in_the_form(studio: Studio) -> None:
    sent = form(("one.png", png("red")), ("two.png", png("blue")), category="characters")
    async with studio.editor.post(studio.path, data=sent) as reply:
        assert reply.status == 201, await reply.text()
    assert [file["name"] for file in await studio.files()] == ["one.png", "two.png"]


async def test_the_same_bytes_are_there_once_and_others_of_that_name_get_a_number(studio: Studio) -> None:
    for colour in ("red", "red", "blue"):
        await added(studio.editor, studio.id, "styles", ("Look.png", png(colour)))
    await added(studio.editor, studio.id, "styles", ("LOOK.PNG", png("green")))
    assert [file["name"] for file in await studio.files()] == ["Look.png", "Look_2.png", "LOOK_3.png"]


async def test_a_new_version_of_a_style_model_is_a_file_of_its_own_and_none_is_replaced(studio: Studio) -> None:
    weights = [SAFETENSORS + bytes((number,)) for number in range(3)]
    for data in weights:
        await added(studio.editor, studio.id, "styles", ("noir.safetensors", data))
    folder = studio.project.folder / FOLDERS["styles"]
    names = ("noir.safetensors", "noir_2.safetensors", "noir_3.safetensors")
    assert [(folder / name).read_bytes() for name in names] == weights
    assert not any((folder / name).stat().st_mode & 0o222 for name in names)


@pytest.mark.parametrize(
    ("category", "data"),
    [
        ("source_media", b"<svg onload=alert(1)>"),
        ("source_media", b"MZ\x90\0"),
        ("source_media", SAFETENSORS),
        ("ai_models", b"\x80\x04\x95 a pickle"),
        ("ai_models", b"PK\x03\x04 a checkpoint"),
        ("music", png()),
        ("characters", WAVE),
        ("characters", b""),
    ],
)
async def test_what_does_not_go_there_is_refused_by_its_bytes_and_nothing_is_kept(
    studio: Studio, category: str, data: bytes
) -> None:
    before = blobs_in(studio)
    told = await added(studio.editor, studio.id, category, ("good.png", data), status=415)
    assert told["error"]["code"] == "wrong_type"
    assert "good.png" in told["error"]["message"]
    assert "Into this folder go" in told["error"]["message"]
    assert await studio.files() == []
    assert blobs_in(studio) == before


async def test_one_file_that_is_refused_keeps_all_of_them_out(studio: Studio) -> None:
    await added(studio.editor, studio.id, "styles", ("one.png", png()), ("two.png", b"no picture"), status=415)
    assert await studio.files() == []
    assert blobs_in(studio) == []


async def test_a_file_that_is_too_large_is_refused_while_it_arrives(tmp_path: Path) -> None:
    async with running_service(tmp_path, WORKPRINT_FILE_MB="1") as service:
        studio = await Studio(service).open()
        large = png() + b"\0" * (3 << 20)
        told = await added(studio.editor, studio.id, "styles", ("large.png", large), status=413)
        assert told["error"]["message"] == "large.png is larger than 1 MB."
        assert await studio.files() == []
        assert blobs_in(studio) == []


async def test_twenty_files_come_at_once_and_no_more(studio: Studio) -> None:
    many = [(f"{number}.png", png()) for number in range(21)]
    async with studio.editor.post(studio.path, data=form(*many[:20], category="styles")) as reply:
        assert reply.status == 201, await reply.text()
    await added(studio.editor, studio.id, "locations", *many, status=400)
    assert len(await studio.files()) == 20


async def test_what_a_refused_request_brought_stays_when_somebody_else_has_it(studio: Studio) -> None:
    await added(studio.editor, studio.id, "styles", ("here.png", png()))
    await added(studio.editor, studio.id, "styles", ("one.png", png()), ("two.png", b"no picture"), status=415)
    (kept,) = await studio.files()
    assert [place.name for place in blobs_in(studio)] == [kept["sha256"]]


async def test_files_for_a_project_that_goes_to_the_trash_meanwhile_leave_nothing(studio: Studio) -> None:
    url = studio.service.server.make_url(f"{studio.path}?category=styles")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    first = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="cut.png"\r\n\r\n' + png()
    rest = b"\0" * 3_000_000 + b"\r\n--cut--\r\n"
    head = (
        f"POST {url.path_qs} HTTP/1.1\r\nHost: {url.authority}\r\nConnection: close\r\n"
        f"Authorization: {studio.editor.headers['Authorization']}\r\n"
        f"Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: {len(first) + len(rest)}\r\n\r\n"
    )
    writer.write(head.encode() + first + rest[:1_500_000])
    await writer.drain()
    async with asyncio.timeout(60):
        while not blobs_in(studio):  # noqa: ASYNC110 - the disk of the server: there is no event to wait for
            await asyncio.sleep(0.01)
    folder = studio.project.folder
    async with studio.editor.delete(f"/api/projects/{studio.id}", json={}) as reply:
        assert reply.status == 200, await reply.text()
    writer.write(rest[1_500_000:])
    await writer.drain()
    said = (await reader.read()).decode()
    writer.close()
    assert said.startswith("HTTP/1.1 404"), said
    assert "moved to the trash" in said
    assert not folder.exists()
    (trashed,) = (folder.parent / ".trash").iterdir()
    assert [path for path in (trashed / ".git/lfs").rglob("*") if path.is_file()] == []


async def test_a_full_disk_is_said_so_and_keeps_nothing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = blobs_in(studio)
    monkeypatch.setattr(os, "fsync", full)
    told = await added(studio.editor, studio.id, "styles", ("a.png", png()), status=507)
    monkeypatch.undo()
    assert told["error"]["code"] == "disk_full"
    assert "Free some space" in told["error"]["message"]
    assert await studio.files() == []
    assert blobs_in(studio) == before


async def test_a_connection_that_is_cut_half_way_leaves_nothing(studio: Studio) -> None:
    url = studio.service.server.make_url(f"{studio.path}?category=styles")
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = (
        f"POST {url.path_qs} HTTP/1.1\r\nHost: {url.authority}\r\n"
        f"Authorization: {studio.editor.headers['Authorization']}\r\n"
        "Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: 9000000\r\n\r\n"
        '--cut\r\nContent-Disposition: form-data; name="file"; filename="cut.png"\r\n\r\n'
    )
    writer.write(head.encode() + png() + b"\0" * 3_000_000)
    await writer.drain()
    async with asyncio.timeout(60):
        while not blobs_in(studio):  # noqa: ASYNC110 - the disk of the server: there is no event to wait for
            await asyncio.sleep(0.01)
    assert await studio.files() == []
    writer.transport.abort()
    async with asyncio.timeout(60):
        while blobs_in(studio):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    assert await studio.files() == []


@pytest.mark.parametrize(
    ("headers", "status", "part", "content_range"),
    [
        ({}, 200, slice(None), None),
        ({"Range": "bytes=2-5"}, 206, slice(2, 6), "bytes 2-5/{size}"),
        ({"Range": "bytes=0-"}, 206, slice(None), "bytes 0-{last}/{size}"),
        ({"Range": "bytes=-4"}, 206, slice(-4, None), "bytes {last4}-{last}/{size}"),
        ({"Range": "bytes=5-99999999"}, 206, slice(5, None), "bytes 5-{last}/{size}"),
        ({"Range": "bytes=0-1,4-5"}, 200, slice(None), None),
        ({"Range": "bytes=2-5", "If-Range": "{etag}"}, 206, slice(2, 6), "bytes 2-5/{size}"),
        ({"Range": "bytes=2-5", "If-Range": '"other"'}, 200, slice(None), None),
        ({"Range": "bytes=99999999-"}, 416, None, "bytes */{size}"),
        ({"Range": "bytes=9-2"}, 416, None, "bytes */{size}"),
        ({"If-None-Match": "{etag}"}, 304, slice(0, 0), None),
        ({"If-None-Match": '"other"'}, 200, slice(None), None),
        ({"If-Match": '"other"'}, 412, slice(0, 0), None),
    ],
)
@pytest.mark.parametrize("where", ["file", "media"])
async def test_bytes_are_served_whole_in_part_or_not_again(  # noqa: PLR0917 - a table of cases
    studio: Studio, headers: dict[str, str], status: int, part: slice | None, content_range: str | None, where: str
) -> None:
    data = png()
    (file,) = (await added(studio.editor, studio.id, "styles", ("look.png", data)))["files"]
    url = file["url"] if where == "file" else f"/api/projects/{studio.id}/media/{file['sha256']}"
    words = {"etag": f'"{file["sha256"]}"', "size": len(data), "last": len(data) - 1, "last4": len(data) - 4}
    sent = {name: value.format(**words) for name, value in headers.items()}
    async with studio.viewer.get(url, headers=sent) as reply:
        assert reply.status == status
        body = await reply.read()
        if part is not None:
            assert body == data[part]
            assert reply.headers["ETag"] == words["etag"]
        assert reply.headers.get("Content-Range") == (content_range.format(**words) if content_range else None)
    async with studio.viewer.head(url, headers=sent) as reply:
        assert reply.status == status
        assert await reply.read() == b""
        if status < 300:
            assert int(reply.headers["Content-Length"]) == len(body)


async def test_a_file_is_saved_under_its_own_name(studio: Studio) -> None:
    (file,) = (await added(studio.editor, studio.id, "styles", ("Café noir.png", png())))["files"]
    async with studio.viewer.get(f"{file['url']}?download=1") as reply:
        assert reply.content_disposition is not None
        assert (reply.content_disposition.type, reply.content_disposition.filename) == ("attachment", "Café_noir.png")


async def test_a_picture_has_a_thumbnail(studio: Studio) -> None:
    (file,) = (await added(studio.editor, studio.id, "styles", ("wide.png", png(size=(2100, 900)))))["files"]
    async with studio.viewer.get(file["thumbnail"]) as reply:
        assert (reply.status, reply.content_type) == (200, "image/webp")
        etag = reply.headers["ETag"]
        with Image.open(io.BytesIO(await reply.read())) as image:
            assert image.size == (512, 219)
    async with studio.viewer.get(file["thumbnail"], headers={"If-None-Match": etag}) as reply:
        assert reply.status == 304
    assert (studio.project.folder / f"05_Cache/thumbnails/{file['sha256']}.webp").is_file()


async def test_a_picture_that_is_damaged_is_kept_and_has_no_thumbnail(studio: Studio) -> None:
    (file,) = (await added(studio.editor, studio.id, "styles", ("half.png", png()[:60])))["files"]
    for _ in range(2):
        assert (await got(studio.viewer, file["thumbnail"], 404))["error"][
            "message"
        ] == "There is no preview of this file."
    assert await studio.files() == [file]


async def test_a_film_has_a_poster_and_a_small_version(studio: Studio, tmp_path: Path) -> None:
    data = await asyncio.to_thread(film, tmp_path)
    (file,) = (await added(studio.editor, studio.id, "source_media", ("A001.mov", data)))["files"]
    assert (file["name"], file["media_type"]) == ("A001.mp4", "video/mp4")
    async with studio.viewer.get(file["thumbnail"]) as reply:
        assert reply.status == 200, await reply.text()
        with Image.open(io.BytesIO(await reply.read())) as image:
            assert image.size == (512, 288)
    async with asyncio.timeout(60):
        while True:
            async with studio.viewer.get(file["proxy"], headers={"Range": "bytes=4-7"}) as reply:
                if reply.status != 202:
                    assert (reply.status, await reply.read()) == (206, b"ftyp")
                    break
                assert reply.headers["Retry-After"]
            await asyncio.sleep(0.1)
    small = studio.project.folder / f"05_Cache/proxies/{file['sha256']}.mp4"
    assert [entry.name for entry in small.parent.iterdir()] == [small.name]


async def test_what_cannot_be_shown_small_says_so(studio: Studio) -> None:
    (file,) = (await added(studio.editor, studio.id, "music", ("theme.wav", WAVE)))["files"]
    assert (file["thumbnail"], file["proxy"]) == (None, None)
    await got(studio.viewer, f"{file['url']}/thumbnail", 404)
    await got(studio.viewer, f"{file['url']}/proxy", 404)


async def committed(studio: Studio, path: str, *, there: bool = True) -> None:
    async with asyncio.timeout(60):
        while (path in git(studio.project.folder, "ls-tree", "-r", "--name-only", "HEAD")) != there:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)


async def clean(folder: Path) -> None:
    """Until the index is in step with the commit."""
    async with asyncio.timeout(60):
        while git(folder, "status", "--porcelain"):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)


async def test_an_added_file_is_committed_as_a_pointer_by_who_added_it_and_removed_by_who_removed_it(
    studio: Studio,
) -> None:
    data = png()
    (file,) = (await added(studio.editor, studio.id, "characters", ("Ada.png", data)))["files"]
    path, folder = f"{FOLDERS['characters']}/Ada.png", studio.project.folder
    await committed(studio, path)
    assert f"oid sha256:{file['sha256']}\nsize {len(data)}" in git(folder, "show", f"HEAD:{path}")
    assert git(folder, "log", "-1", "--format=%an") == "Ed\n"
    await clean(folder)
    assert "Git LFS fsck OK" in git(folder, "lfs", "fsck")

    async with studio.viewer.delete(file["url"]) as reply:
        assert reply.status == 403
    async with studio.editor.delete(file["url"]) as reply:
        assert reply.status == 200, await reply.text()
    await got(studio.viewer, file["url"], 404)
    assert await studio.files() == []
    await committed(studio, path, there=False)
    assert git(folder, "log", "-1", "--format=%an: %s", "--", path) == "Ed: Ada.png removed\n"
    await clean(folder)
    assert file["sha256"] in git(folder, "show", f"HEAD~1:{path}")


async def test_who_has_the_project_open_learns_of_a_new_file(studio: Studio) -> None:
    async with studio.service.app[keys.HUB].room(ProjectId(studio.id), "takes") as room:
        versions = set[str]()
        for name in ("one.png", "two.png"):
            await added(studio.editor, studio.id, "styles", (name, png()))
            (state,) = room._presence.states().values()
            assert state["files"]["by"] == "Ed"
            versions.add(state["files"]["version"])
        assert len(versions) == 2


async def test_a_file_that_somebody_put_into_the_folder_is_listed_and_served(studio: Studio) -> None:
    data, folder = png("teal"), studio.project.folder / FOLDERS["locations"]
    (folder / "By hand.png").write_bytes(data)
    (folder / "page.png").write_bytes(b"<html><script>alert(1)</script>")
    (folder / "elsewhere.png").symlink_to("/etc/passwd")
    (folder / ".hidden.png").write_bytes(data)
    by_hand, page = await studio.files("locations")
    assert (by_hand["name"], by_hand["sha256"]) == ("By hand.png", hashlib.sha256(data).hexdigest())
    async with studio.viewer.get(by_hand["url"]) as reply:
        assert await reply.read() == data
    async with studio.viewer.get(page["url"]) as reply:
        assert reply.content_type == "application/octet-stream"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
    (folder / "By hand.png").write_bytes(png("navy"))
    # Not in the same moment, which may be long for a file system.
    later = time.time() + 10
    os.utime(folder / "By hand.png", (later, later))
    assert (await studio.files("locations"))[0]["sha256"] == hashlib.sha256(png("navy")).hexdigest()


async def test_a_folder_that_leads_out_of_the_project_gets_nothing(studio: Studio, tmp_path: Path) -> None:
    folder, outside = studio.project.folder / FOLDERS["music"], tmp_path / "outside"
    outside.mkdir()
    (folder / ".gitkeep").unlink()
    folder.rmdir()
    folder.symlink_to(outside)
    await added(studio.editor, studio.id, "music", ("theme.wav", WAVE), status=503)
    assert list(outside.iterdir()) == []


async def test_a_viewer_adds_and_removes_nothing(studio: Studio) -> None:
    told = await added(studio.viewer, studio.id, "styles", ("a.png", png()), status=403)
    assert "editor" in told["error"]["message"]


@pytest.mark.parametrize("category", ["", "05_Cache", "../.git", "references"])
async def test_a_category_that_is_none_is_refused(studio: Studio, category: str) -> None:
    told = await added(studio.editor, studio.id, category, ("a.png", png()), status=400)
    assert "category must be one of source_media" in told["error"]["message"]


async def test_a_file_of_another_project_is_not_found(studio: Studio) -> None:
    (file,) = (await added(studio.editor, studio.id, "styles", ("a.png", png())))["files"]
    other = (await made(studio.editor, "/api/projects", {"name": "Other"}))["id"]
    await got(studio.editor, f"/api/projects/{other}/files/{file['id']}", 404)
    await got(studio.editor, f"/api/projects/{other}/media/{file['sha256']}", 404)


async def test_what_files_hash_to_is_remembered(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    await added(studio.editor, studio.id, "styles", ("a.png", png()))
    before = await asyncio.to_thread(list_files, studio.project)

    def never(*_: object) -> None:
        raise AssertionError("it was read again")

    monkeypatch.setattr(hashlib, "file_digest", never)
    assert await asyncio.to_thread(list_files, studio.project) == before


async def test_the_body_must_be_multipart(studio: Studio) -> None:
    async with studio.editor.post(f"{studio.path}?category=styles", data=png()) as reply:
        assert reply.status == 400
    async with studio.editor.post(
        f"{studio.path}?category=styles", data=b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"}
    ) as reply:
        assert reply.status == 400
