"""A project is pushed over HTTPS with a token, media included, to the Git server of another studio."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from crdt_schema.ids import BlobHash, ProjectId
from server import keys
from server.auth.actor import SYSTEM
from server.projects.index import Project
from tests.support.git import assert_healthy, git
from tests.support.remote import Studio, open_studio
from tests.support.service import PNG_PIXEL, Service, got, made, running_service
from tests.support.signed_in import sent
from tests.support.workspace import Workspace


@dataclass
class Pair:
    """A studio that pushes, and another one that is pushed to, over HTTPS with a certificate of its own making."""

    ours: Service
    ana: aiohttp.ClientSession
    project: Project
    blob: BlobHash
    theirs: Studio
    address: str
    certificate: Path

    async def push(self, token: str | None, holds: Callable[[Any], bool]) -> Any:
        """Set the remote, and wait until its state is what it should be."""
        wanted = {"url": self.address} | ({"token": token} if token is not None else {})
        await sent(self.ana, "PUT", f"/api/projects/{self.project.id}/git/remote", wanted)
        async with asyncio.timeout(60):
            while not holds(state := (await self.status())["remote"]):  # noqa: ASYNC110 - of two servers and of git
                await asyncio.sleep(0.05)
        return state

    async def status(self) -> Any:
        return await got(self.ana, f"/api/projects/{self.project.id}/git/status")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of this machine, signed by nobody; its key lies beside it."""
    made_by = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    place = tmp_path / "certificate.pem"
    files = ["-keyout", str(place.with_suffix(".key")), "-out", str(place)]
    subprocess.run([*made_by, *named, *files], check=True, capture_output=True)
    return place


@pytest.fixture
async def pair(tmp_path: Path, certificate: Path, request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    trusted = getattr(request, "param", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    settings = {"WORKPRINT_PUSH_CA": trusted, "WORKPRINT_SNAPSHOT_QUIET_SECONDS": "60"}
    async with (
        open_studio(tmp_path / "theirs") as theirs,
        running_service(tmp_path / "ours", port=0, **settings) as ours,
    ):
        runner = theirs.service.server.runner
        assert runner is not None
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        (port,) = {int(address[1]) for address in runner.addresses} - {theirs.service.server.make_url("/").port}
        ana = await ours.sign_in("Ana", "owner")
        project = ours.app[keys.PROJECTS].get(
            ProjectId((await made(ana, "/api/projects", {"name": "Night Bus"}))["id"])
        )
        workspace = Workspace(ours.app[keys.PROJECTS], ours.app[keys.HUB], ours.app[keys.SNAPSHOTTER])
        await workspace.add_shot(project.id, "shot-1", "Door", by=SYSTEM)
        take = await workspace.make_take(project, "shot-1", PNG_PIXEL)
        blob = BlobHash(take["media"]["blob"])
        address = f"https://127.0.0.1:{port}/git/{theirs.project.id}.git"
        yield Pair(ours, ana, project, blob, theirs, address, certificate)


def holds_word(folder: Path, word: str) -> list[str]:
    """Files below a folder in which a word stands."""
    found: list[str] = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # a log is closed meanwhile, and takes its files along
            if word.encode() in path.read_bytes():
                found.append(path.name)
    return found


async def test_commits_and_media_arrive_and_the_token_stays_where_it_is(
    pair: Pair, capfd: pytest.CaptureFixture[str]
) -> None:
    git(pair.project.folder, "switch", "-q", "-c", "night-bus")
    commit = (await made(pair.ana, f"/api/projects/{pair.project.id}/snapshots", {"name": "Rough cut"}))["commit"]
    settings = (pair.project.folder / ".git/config").read_bytes()
    token = pair.theirs.tokens["Eva"]
    state = await pair.push(token, lambda state: state["state"] != "waiting")
    assert (state["state"], state["message"], state["url"]) == ("ok", "", pair.address)
    arrived = pair.theirs.project
    assert git(arrived.folder, "rev-parse", "night-bus", "Rough-cut^{commit}").split() == [commit, commit]
    assert arrived.blobs.path(pair.blob).read_bytes() == PNG_PIXEL
    git(arrived.folder, "lfs", "fsck", "night-bus")
    assert_healthy(pair.project.folder)
    # Also what git-lfs likes to note.
    assert (pair.project.folder / ".git/config").read_bytes() == settings
    assert holds_word(pair.project.folder, token) == []
    audit = await got(pair.ana, f"/api/projects/{pair.project.id}/audit")
    assert token not in str([state, await pair.status(), audit]) + "".join(capfd.readouterr())


async def test_a_wrong_token_says_what_to_do_and_another_one_puts_it_right(
    pair: Pair, capfd: pytest.CaptureFixture[str]
) -> None:
    git(pair.project.folder, "switch", "-q", "-c", "night-bus")
    wrong = pair.theirs.tokens["Eva"][:-6] + "nobody"
    state = await pair.push(wrong, lambda state: state["state"] == "failing")
    assert state["message"] == (
        "The remote does not let this studio in. An admin of this project can set another token."
    )
    viewers = pair.theirs.tokens["Vic"]
    state = await pair.push(viewers, lambda state: state["state"] == "failing")
    assert "does not let this studio in" in state["message"]
    said = "".join(capfd.readouterr()) + str(await pair.status())
    assert wrong not in said
    assert viewers not in said
    assert holds_word(pair.project.folder, wrong) + holds_word(pair.project.folder, viewers) == []
    assert not pair.theirs.project.blobs.has(pair.blob)
    assert (await pair.push(pair.theirs.tokens["Eva"], lambda state: state["state"] == "ok"))["message"] == ""


async def test_the_branch_of_another_workprint_is_its_own(pair: Pair) -> None:
    # What it would have as a copy of ours, from before.
    git(pair.theirs.project.folder, "fetch", "-q", str(pair.project.folder), "main")
    git(pair.theirs.project.folder, "update-ref", "refs/heads/main", "FETCH_HEAD")
    before = git(pair.theirs.project.folder, "rev-parse", "main")
    await made(pair.ana, f"/api/projects/{pair.project.id}/snapshots", {"name": "Rough cut"})
    state = await pair.push(pair.theirs.tokens["Ana"], lambda state: state["state"] == "failing")
    assert "Another Workprint writes that branch" in state["message"]
    assert git(pair.theirs.project.folder, "rev-parse", "main") == before


@pytest.mark.parametrize("pair", [""], indirect=True)
async def test_a_certificate_that_nobody_named_is_not_trusted(pair: Pair) -> None:
    state = await pair.push(pair.theirs.tokens["Eva"], lambda state: state["state"] == "failing")
    assert "WORKPRINT_PUSH_CA" in state["message"]
