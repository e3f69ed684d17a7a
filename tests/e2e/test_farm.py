"""The farm in the app: its page live, a job with progress and log, and a queue in an admin's hands."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

LIVE_MS = 30_000


def open_farm(page: Page) -> None:
    """The farm, live, with both nodes of the studio."""
    page.goto("/farm")
    expect(page.get_by_test_id("farm")).to_have_attribute("data-link", "live", timeout=LIVE_MS)
    expect(page.get_by_test_id("farm-node")).to_have_count(2, timeout=LIVE_MS)


def command_nodes(page: Page, command: str, state: str) -> None:
    """Pause or resume every node, and see that each does it."""
    names = [node.get_attribute("data-node") for node in page.get_by_test_id("farm-node").all()]
    nodes = [page.locator(f'[data-testid="farm-node"][data-node="{name}"]') for name in names]
    for node in nodes:
        node.get_by_test_id(f"{command}-node").click()
    for node in nodes:
        expect(node).to_have_attribute("data-state", state, timeout=LIVE_MS)


def waiting(page: Page) -> list[str]:
    """The titles of what waits, in running order."""
    return [str(row.get_attribute("aria-label")) for row in page.get_by_test_id("queued-job").all()]


def make_a_take(artist: Page) -> None:
    """Generate one shot with its estimate in sight, and look at what the farm did for it."""
    artist.get_by_test_id("canvas").click(position={"x": 12, "y": 200})
    shot = app.nodes(artist, "shot").first
    shot.locator("header").click()
    shot.get_by_test_id("generate").hover()
    expect(shot.get_by_test_id("before-click")).to_contain_text("left")
    shot.get_by_test_id("generate").click()
    expect(shot.get_by_test_id("node-state")).to_have_attribute("data-state", "completed", timeout=app.TAKE_MS)
    artist.get_by_test_id("job-details").first.click()
    dialog = artist.get_by_test_id("dialog-job")
    expect(dialog.get_by_test_id("attempt")).to_have_count(1)
    expect(dialog.get_by_role("log")).to_be_visible()
    picture(artist, "farm-job")


def test_an_admin_sees_the_farm_work_holds_it_and_changes_the_order(studio: Studio, new_person: NewPerson) -> None:
    farm = new_person()
    app.sign_in_by_link(farm, studio)
    open_farm(farm)
    farm.get_by_test_id("node-abilities").first.click()
    expect(farm.get_by_text("Can run", exact=True)).to_be_visible()
    command_nodes(farm, "pause", "paused")
    picture(farm, "farm-paused")

    artist = new_person()
    app.sign_in_by_link(artist, studio)
    app.open_demo(artist)
    artist.keyboard.press("Control+a")
    expect(artist.get_by_test_id("generate-several")).to_contain_text("Generate 3 takes")
    artist.keyboard.press("Control+Enter")
    expect(artist.get_by_test_id("batch")).to_be_visible(timeout=LIVE_MS)

    rows = farm.get_by_test_id("queued-job")
    expect(rows).to_have_count(3, timeout=LIVE_MS)
    before = waiting(farm)
    rows.nth(2).locator("button.open").focus()
    farm.keyboard.press("Alt+ArrowUp")
    moved = [before[0], before[2], before[1]]
    for at, title in enumerate(moved):
        expect(rows.nth(at)).to_have_attribute("aria-label", title, timeout=LIVE_MS)
    picture(farm, "farm-busy")
    farm.reload()
    expect(rows).to_have_count(3, timeout=LIVE_MS)
    assert waiting(farm) == moved

    artist.get_by_test_id("cancel-rest").click()
    expect(rows).to_have_count(0, timeout=LIVE_MS)
    expect(artist.get_by_test_id("batch")).to_have_count(0, timeout=LIVE_MS)
    command_nodes(farm, "resume", "ready")

    make_a_take(artist)
    expect(farm.get_by_test_id("farm-job").first).to_contain_text("Neo-Noir Laundromat", timeout=LIVE_MS)


def test_an_artist_chooses_what_only_a_node_to_come_can_run_and_sees_that_it_waits(
    studio: Studio, new_person: NewPerson
) -> None:
    artist = new_person()
    app.sign_in_by_link(artist, studio)
    app.open_demo(artist)
    source = app.nodes(artist, "pipeline").first
    picker = source.get_by_role("combobox", name="Pipeline")
    expect(source.locator(".terms")).to_be_visible()  # it is known, and called by its name
    before = picker.inner_text()
    picker.click()
    expect(artist.get_by_label("Find a pipeline")).to_be_focused()
    artist.keyboard.type("flux")
    waits = artist.get_by_role("option").filter(has_text="none is connected").first
    expect(waits).not_to_have_attribute("aria-disabled", "true")
    picture(artist, "pipelines-that-wait")
    waits.click()
    expect(source.get_by_test_id("pipeline-missing")).to_have_text(re.compile(r"Waits for a .*; none is connected\."))
    shot = app.nodes(artist, "shot").first
    shot.locator("header").click()
    expect(shot.get_by_test_id("generate")).to_be_enabled()
    picture(artist, "pipeline-waits")
    picker.click()
    artist.get_by_label("Find a pipeline").fill(before)
    artist.keyboard.press("Enter")
    expect(source.get_by_test_id("pipeline-missing")).to_have_count(0)
