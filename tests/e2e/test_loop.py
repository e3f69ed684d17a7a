"""The whole loop, as two artists live it (I-055 to I-057): from an empty list of projects to a take both see."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio, git

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


WHOLE_PROMPT = "A woman waits at a bus stop in the rain, neon reflected on wet asphalt"


def type_together(ana: Page, bo: Page) -> None:
    """Both type into the one prompt; both end with the same words."""
    shots = [app.nodes(person, "shot").first for person in (ana, bo)]
    for shot in shots:
        app.prompt(shot).click()
    app.prompt(shots[0]).press_sequentially("A woman waits at a bus stop in the rain", delay=15)
    app.prompt(shots[1]).press("Control+End")
    app.prompt(shots[1]).press_sequentially(", neon reflected on wet asphalt", delay=15)
    for shot in shots:
        expect(app.prompt(shot)).to_have_text(WHOLE_PROMPT)


def expect_the_take(person: Page, name: str) -> str:
    """Wait for the take on the person's node; its picture's address."""
    node = app.nodes(person, "shot").first
    expect(node.get_by_test_id("node-state")).to_have_attribute("data-state", "completed", timeout=app.TAKE_MS)
    expect(node.get_by_test_id("take-thumb")).to_have_count(1)
    active = node.get_by_test_id("active-take")
    expect(active).to_be_visible()
    person.wait_for_function("() => document.querySelector('[data-testid=active-take]').naturalWidth > 0")
    picture(person, name)
    return active.get_attribute("src") or ""


def expect_the_repository(folder: Path, clone: Path) -> None:
    """A clone has the take itself, and git-lfs finds nothing wrong."""
    git(folder.parent, "clone", "--quiet", str(folder), str(clone))
    git(clone, "lfs", "pull")
    assert "OK" in git(clone, "lfs", "fsck")


def test_two_artists_make_a_take_together(studio: Studio, new_person: NewPerson, tmp_path: Path) -> None:
    ana, bo = new_person(), new_person()
    end = app.SlowEnd(bo)
    app.sign_in_by_link(ana, studio)
    address = app.create_project(ana, "Night Bus")
    picture(ana, "canvas-empty")

    shot, pipeline = app.add_node(ana, "shot"), app.add_node(ana, "pipeline")
    app.drag_by(ana, pipeline.locator("header"), 0, -60)

    app.sign_in_by_password(bo, "Bo", "correct horse battery")
    bo.goto(address)
    expect(app.nodes(bo, "shot")).to_have_count(1)
    expect(app.nodes(bo, "pipeline")).to_have_count(1)
    expect(ana.get_by_test_id("person-avatar")).to_have_accessible_name(re.compile("^Bo"))
    expect(bo.get_by_test_id("person-avatar")).to_have_accessible_name(re.compile("^Owner"))

    app.drag(ana, app.handle(pipeline, "pipeline", "source"), app.handle(shot, "pipeline", "target"))
    expect(bo.locator(".svelte-flow__edge")).to_have_count(1)

    type_together(ana, bo)
    expect(shot.get_by_test_id("generate")).to_be_enabled()
    shot.get_by_test_id("generate").click()
    bo_state = app.nodes(bo, "shot").first.get_by_test_id("node-state")
    expect(bo_state).to_have_attribute("data-state", "generating")
    end.let_go()
    assert expect_the_take(ana, "take-ana") == expect_the_take(bo, "take-bo") != ""

    folder = studio.project_folder("Night Bus")
    take = folder / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png"
    assert take.read_bytes().startswith(b"\x89PNG")
    app.expect_saved(ana)
    ana.request.post(f"/api/projects/{address.rsplit('/', 1)[1]}/snapshots", data={}, headers={"Origin": studio.url})
    assert "take" in git(folder, "log", "-1", "--format=%B")
    clone = tmp_path / "clone"
    expect_the_repository(folder, clone)
    assert (clone / take.relative_to(folder)).read_bytes() == take.read_bytes()


def test_the_demo_project_is_ready_to_generate(studio: Studio, new_person: NewPerson, tmp_path: Path) -> None:
    ana = new_person()
    app.sign_in_by_link(ana, studio)
    picture(ana, "projects")
    app.open_demo(ana)
    app.expect_saved(ana)
    picture(ana, "demo-ready")
    for title in ("The door", "The wait", "The silhouette"):
        app.nodes(ana, "shot").filter(has_text=title).get_by_test_id("generate").click()
    picture(ana, "demo-busy")
    expect(ana.get_by_test_id("active-take")).to_have_count(3, timeout=app.TAKE_MS)
    app.expect_saved(ana)
    picture(ana, "demo-done")

    folder = studio.project_folder("Neo-Noir Laundromat")
    expect_the_repository(folder, tmp_path / "clone")
    assert len(git(folder, "log", "--format=%s").splitlines()) >= 4
