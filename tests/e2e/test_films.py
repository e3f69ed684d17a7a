"""A film as a take: it is made on the farm, filed as an MP4, and plays in the shot."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_a_previz_clip_plays_in_its_shot(studio: Studio, new_person: NewPerson) -> None:
    ana = new_person()
    app.sign_in_by_link(ana, studio)
    app.create_project(ana, "Night Film")
    shot, pipeline = app.add_node(ana, "shot"), app.add_node(ana, "pipeline")
    app.drag_by(ana, pipeline.locator("header"), 0, -60)
    pipeline.get_by_role("combobox", name="Pipeline").click()
    ana.locator(".pipeline-item").filter(has_text="Previz clip").click()
    app.drag(ana, app.handle(pipeline, "pipeline", "source"), app.handle(shot, "pipeline", "target"))
    app.prompt(shot).click()
    app.prompt(shot).press_sequentially("A woman waits at a bus stop in the rain")
    expect(shot.get_by_test_id("generate")).to_be_enabled()
    shot.get_by_test_id("generate").click()
    film = shot.locator("video[data-testid=active-take]")
    expect(shot.get_by_test_id("node-state")).to_have_attribute("data-state", "completed", timeout=2 * app.TAKE_MS)
    expect(film).to_be_visible()
    film.evaluate("film => film.play()")
    ana.wait_for_function(
        "() => { const film = document.querySelector('video[data-testid=active-take]');"
        " return film.videoWidth > 0 && film.currentTime > 0.2 && Math.abs(film.duration - 2) < 0.1 }"
    )
    picture(ana, "film")
    take = studio.project_folder("Night Film") / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.mp4"
    assert b"moov" in take.read_bytes()[:100_000]
    shot.locator("header").click()
    expect(ana.get_by_test_id("inspector")).to_contain_text(re.compile(r"48 frames at 24 fps, 2 s"))
    find_its_cuts(ana)


def find_its_cuts(ana: Page) -> None:
    """Have a second shot list the cuts of the film in the first, and take the list away as a file."""
    film, pipeline = app.nodes(ana, "shot").first, app.add_node(ana, "pipeline")
    pipeline.get_by_role("combobox", name="Pipeline").click()
    ana.locator(".pipeline-item").filter(has_text="Shot cuts").click()
    shot = app.add_node(ana, "shot")
    ana.get_by_role("button", name="Everything in view").click()
    app.handle(pipeline, "pipeline", "source").hover()  # waits for the view to stand still
    app.drag(ana, app.handle(pipeline, "pipeline", "source"), app.handle(shot, "pipeline", "target"))
    app.drag(ana, app.handle(film, "output", "source"), app.handle(shot, "video", "target"))
    shot.locator("header").click()
    shot.get_by_test_id("generate").click()
    expect(shot.get_by_test_id("node-state")).to_have_attribute("data-state", "completed", timeout=2 * app.TAKE_MS)
    files = ana.get_by_test_id("take-files")
    files.scroll_into_view_if_needed()
    picture(ana, "take-files")
    with ana.expect_download() as downloading:
        files.get_by_role("link", name="cuts.edl").click()
    assert downloading.value.suggested_filename == "cuts.edl"
    assert downloading.value.path().read_text().startswith("TITLE:")
