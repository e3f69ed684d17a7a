"""What the Python client promises: in step when it can be, patient when it cannot, honest about what is saved."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from pycrdt import Map

from client.document import LocalDocument
from client.errors import NotSaved, Refused
from client.studio import Studio, sign_in
from crdt_schema.canvas import Canvas
from crdt_schema.documents import kind_of
from crdt_schema.ids import NodeId
from crdt_schema.records import Role
from server import keys
from server.auth.credentials import Wanted
from tests.support.ports import free_port
from tests.support.service import PASSWORD, Service, made, running_service

SECONDS = 60


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Service]:
    async with running_service(tmp_path / "workspace") as running:
        yield running


async def new_project(service: Service) -> str:
    session = await service.sign_in("Ana", "editor")
    return (await made(session, "/api/projects", {"name": "Night Bus"}))["id"]


def url_of(service: Service) -> str:
    return str(service.server.make_url("/")).rstrip("/")


@asynccontextmanager
async def opened(service: Service, project: str, name: str = "Ana", keep: Path | None = None) -> AsyncGenerator[Studio]:
    token = await sign_in(url_of(service), name, PASSWORD)
    async with asyncio.timeout(SECONDS), Studio(url_of(service), token, project, keep=keep) as studio:
        yield studio


def add_note(document: LocalDocument, name: str) -> None:
    with document.doc.transaction():
        Canvas(document.doc).add_node(NodeId(name), "note", {"x": 0, "y": 0}, text=name)


async def until_it_has(document: LocalDocument, names: set[str]) -> None:
    async with asyncio.timeout(SECONDS):
        while set(Canvas(document.doc).nodes()) != names:  # noqa: ASYNC110 - a CRDT has no event for "equal"
            await asyncio.sleep(0.01)


async def test_two_clients_see_each_others_edits(service: Service) -> None:
    project = await new_project(service)
    async with opened(service, project) as ana, opened(service, project) as bo:
        documents = [studio.open("canvas") for studio in (ana, bo)]
        for document in documents:
            await document.wait_synced()
        add_note(documents[0], "from-ana")
        add_note(documents[1], "from-bo")
        for document in documents:
            await until_it_has(document, {"from-ana", "from-bo"})
            await document.wait_saved()


async def test_what_was_saved_is_there_for_the_next_client(service: Service) -> None:
    project = await new_project(service)
    async with opened(service, project) as studio:
        canvas = studio.open("canvas")
        add_note(canvas, "early")  # before it is connected at all
        assert not canvas.is_saved
        await canvas.wait_saved()
    async with opened(service, project) as studio:
        canvas = studio.open("canvas")
        await canvas.wait_synced()
        assert set(Canvas(canvas.doc).nodes()) == {"early"}


@pytest.mark.parametrize(("role", "document"), [("viewer", "canvas"), ("editor", "takes")])
async def test_who_may_only_read_is_told_that_it_was_not_saved(service: Service, role: Role, document: str) -> None:
    project = await new_project(service)
    await service.sign_in("Vera", role)
    async with opened(service, project, "Vera") as studio:
        local = studio.open(document)
        await local.wait_synced()
        assert not local.writable
        local.doc.get("meta", type=Map)["schema"] = "mine"
        with pytest.raises(NotSaved):
            await local.wait_saved()
    async with opened(service, project) as studio:
        local = studio.open(document)
        await local.wait_synced()
        assert kind_of(document).schema in str(local.doc.get("meta", type=Map).to_py())


async def test_a_wrong_password_and_an_unknown_document_are_refused_in_words(service: Service) -> None:
    project = await new_project(service)
    with pytest.raises(Refused, match="wrong"):
        await sign_in(url_of(service), "Ana", "not her password")
    async with opened(service, project) as studio:
        with pytest.raises(Refused, match="no document"):
            await studio.open("secrets").wait_synced()
    async with opened(service, "nothing") as studio:
        with pytest.raises(Refused, match="no such project"):
            await studio.open("canvas").wait_synced()


async def test_edits_made_without_a_network_survive_the_program_and_a_hub_restart(tmp_path: Path) -> None:
    port, workspace, keep = free_port(), tmp_path / "workspace", tmp_path / "keep"
    async with running_service(workspace, port=port) as service:
        project = await new_project(service)
        async with opened(service, project, keep=keep) as studio:
            canvas = studio.open("canvas")
            add_note(canvas, "at-the-desk")
            await canvas.wait_saved()
    token = "no server will see this one"
    async with Studio(f"http://127.0.0.1:{port}", token, project, keep=keep) as studio:
        canvas = studio.open("canvas")
        assert set(Canvas(canvas.doc).nodes()) == {"at-the-desk"}
        add_note(canvas, "on-the-train")
        assert not canvas.is_saved
    async with running_service(workspace, port=port) as service, opened(service, project, keep=keep) as studio:
        canvas = studio.open("canvas")
        assert not canvas.is_saved
        await canvas.wait_saved()
        async with opened(service, project) as other:
            document = other.open("canvas")
            await document.wait_synced()
            assert set(Canvas(document.doc).nodes()) == {"at-the-desk", "on-the-train"}


async def test_a_program_stays_signed_in_longer_than_its_token_lives(service: Service) -> None:
    project = await new_project(service)
    who = await sign_in(url_of(service), "Ana", PASSWORD)
    first = who._refresh_token
    who._due = 0.0  # as if most of its lifetime had passed
    async with asyncio.timeout(SECONDS), Studio(url_of(service), who, project) as studio:
        await studio.open("canvas").wait_synced()
        assert who._refresh_token != first
        who._due = 0.0
        async with aiohttp.ClientSession() as session:
            await who.renew(session)
            async with session.get(
                f"{url_of(service)}/api/me", headers={"Authorization": f"Bearer {who.token}"}
            ) as reply:
                assert reply.status == 200


async def test_a_sign_in_that_was_ended_is_told_and_not_tried_for_ever(service: Service) -> None:
    project = await new_project(service)
    who = await sign_in(url_of(service), "Ana", PASSWORD)
    people = service.app[keys.PEOPLE]
    await people.credentials.end_sessions((await people.named("Ana")).id)
    who._due = 0.0
    async with asyncio.timeout(SECONDS), Studio(url_of(service), who, project) as studio:
        with pytest.raises(Refused):
            await studio.open("canvas").wait_synced()


async def test_a_personal_api_token_opens_a_project(service: Service) -> None:
    project = await new_project(service)
    people = service.app[keys.PEOPLE]
    ana = await people.named("Ana")
    _, token = await people.credentials.issue(Wanted(ana.id, "token", None, cap="viewer"))
    async with asyncio.timeout(SECONDS), Studio(url_of(service), token, project) as studio:
        canvas = studio.open("canvas")
        await canvas.wait_synced()
        assert not canvas.writable


async def test_it_comes_back_by_itself_when_the_hub_does(tmp_path: Path) -> None:
    port = free_port()
    async with running_service(tmp_path, port=port) as service:
        project = await new_project(service)
        token = await sign_in(url_of(service), "Ana", PASSWORD)
        async with Studio(url_of(service), token, project) as studio:
            canvas = studio.open("canvas")
            await canvas.wait_synced()
            await service.close()
            add_note(canvas, "while-away")
            async with running_service(tmp_path, port=port), asyncio.timeout(SECONDS):
                await canvas.wait_saved()
