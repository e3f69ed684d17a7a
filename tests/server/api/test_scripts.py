"""Creative documents begin from the story and the shots of the project, and stand as files in its tree."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId, ProjectId
from server import keys
from server.auth.actor import SYSTEM
from server.projects.narratives import STRUCTURES
from tests.support.service import Service, got, made, running_service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


async def text_of(service: Service, project: str, document: str) -> str:
    async with service.app[keys.HUB].room(ProjectId(project), document) as room:
        plain: Any = room.plain()
        return plain["text"]


@pytest.mark.parametrize("structure", STRUCTURES)
async def test_every_structure_makes_chapters_scenes_and_beats_that_documents_begin_with(
    service: Service, ana: aiohttp.ClientSession, structure: str
) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus", "structure": structure}))["id"]
    narrative = (await got(ana, f"/api/projects/{project}"))["manifest"]["narrative"]
    scenes = [scene for chapter in narrative["chapters"] for scene in chapter["scenes"]]
    assert len(narrative["chapters"]) >= 3
    assert len(scenes) >= 8
    assert all(scene["title"] and scene["summary"] for scene in scenes)
    assert len(narrative["emotionalBeats"]) >= 5
    for kind in ("treatment", "screenplay", "beat-sheet", "shot-list"):
        script = await made(ana, f"/api/projects/{project}/scripts", {"kind": kind})
        words = await text_of(service, project, script["document"])
        places = [words.casefold().index(scene["title"].casefold()) for scene in scenes]
        assert places == sorted(places)
    sheet = await text_of(service, project, "script/beat_sheet")
    assert all(f"Feels: {beat}" in sheet for beat in narrative["emotionalBeats"])


async def test_a_screenplay_is_fountain(service: Service, ana: aiohttp.ClientSession) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    script = await made(ana, f"/api/projects/{project}/scripts", {"kind": "screenplay"})
    lines = (await text_of(service, project, script["document"])).splitlines()
    assert lines[0] == "Title: Night Bus"
    # The title page ends with an empty line; sections, forced headings with their numbers, and synopses follow.
    assert lines.index("") == 4
    assert "# Act One: Setup" in lines
    heading = lines.index(".OPENING IMAGE #1-1#")
    assert lines[heading - 1] == lines[heading + 1] == ""
    assert lines[heading + 2] == "= The world and its mood before anything happens."


async def test_a_shot_list_names_the_shots_of_the_canvas(service: Service, ana: aiohttp.ClientSession) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]

    def draw(doc: Any) -> None:
        for number, title in ((2, "The wait"), (1, "The door")):
            fields = {"title": title, "shot": number, "scene": 2, "prompt": "wet\nneon"}
            Canvas(doc).add_node(NodeId(f"s{number}"), "shot", {"x": 0, "y": 0}, **fields)

    async with service.app[keys.HUB].room(ProjectId(project), "canvas") as room:
        room.edit(SYSTEM, draw)
    await made(ana, f"/api/projects/{project}/scripts", {"kind": "shotlist"})
    words = await text_of(service, project, "script/shot_list")
    assert words.index("1.2 Inciting incident") < words.index("001  The door") < words.index("002  The wait")
    assert "Size: auto   Lens: 35 mm" in words
    assert "wet neon" in words


async def test_the_list_says_how_long_they_are_and_who_wrote_last(service: Service, ana: aiohttp.ClientSession) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    address = f"/api/projects/{project}/scripts"
    assert await got(ana, address) == {"scripts": []}
    for title, name in (("", "treatment"), ("Treatment", "treatment_2"), ("Für Käthe", "treatment-fur_kathe")):
        script = await made(ana, address, {"kind": "treatment", "title": title})
        assert (script["name"], script["kind"]) == (name, "treatment")
    listed = (await got(ana, address))["scripts"]
    assert [script["title"] for script in listed] == ["Treatment", "Fur kathe", "Treatment 2"]
    assert {script["changed_by"]["name"] for script in listed} == {"Ana"}
    assert all(script["words"] > 20 and script["changed_at"] for script in listed)
    await service.app[keys.SNAPSHOTTER].snapshot_now(ProjectId(project))
    folder = service.app[keys.PROJECTS].get(ProjectId(project)).folder / "02_Source_Creative/Treatments"
    names = {f"{script['name']}.txt" for script in listed}
    assert names <= {path.name for path in folder.iterdir()}


async def test_viewers_read_and_do_not_begin_any(service: Service, ana: aiohttp.ClientSession) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    vi = await service.sign_in("Vi", "viewer")
    await made(vi, f"/api/projects/{project}/scripts", {"kind": "treatment"}, 403)
    await made(ana, f"/api/projects/{project}/scripts", {"kind": "poem"}, 400)
    await made(ana, f"/api/projects/{project}/scripts", {}, 400)
    assert await got(vi, f"/api/projects/{project}/scripts") == {"scripts": []}


async def test_the_workspace_tells_what_projects_can_use(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (tmp_path / "Library/Branding/logo.svg").write_text("<svg/>")
    config = await got(ana, "/api/workspace/config")
    assert {each["name"]: each["files"] for each in config["library"]}["Branding"] == 1
    assert all(each["holds"] for each in config["library"])
    assert [each["id"] for each in config["structures"]] == list(STRUCTURES)
    assert config["limits"]["upload_bytes"] == 64 << 20
    assert str(tmp_path) not in str(config)
    await got(service.session(), "/api/workspace/config", 401)
