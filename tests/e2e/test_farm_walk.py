"""The farm with real work: what an artist and a TD see while takes are made, fail, wait and are offered again."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.farm_stage import PASSWORD, FarmStage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

LIVE_MS = 30_000
FALLBACK = "High quality not available on current hardware. Fell back to low 512px generation."


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmStage]:
    """A farm with one node of 12 GB, an admin and an editor."""
    with FarmStage(tmp_path_factory.mktemp("stage")) as stage:
        stage.add("Ada", "owner")
        stage.add("Bo", "editor")
        # A lease that a busy machine does not let run out: the attempts that die here do so by themselves.
        stage.worker("--name", "render-1", "--vram", "12", WORKPRINT_LEASE_SECONDS="30")
        yield stage


def open_project(page: Page, stage: FarmStage, name: str, shots: int = 1, **parameters: object) -> Locator:
    """A new project of Ada's, on her canvas; its shots."""
    app.sign_in_by_password(page, "Ada", PASSWORD)
    page.goto(f"/projects/{stage.project('Ada', name, shots, **parameters)}")
    expect(app.nodes(page, "shot")).to_have_count(shots)
    return app.nodes(page, "shot")


def open_farm(page: Page) -> Locator:
    """The farm, in another tab of the same browser; its one node."""
    page.goto("/farm")
    node = page.get_by_test_id("farm-node")
    expect(node).to_have_attribute("data-node", "render-1", timeout=LIVE_MS)
    return node


def pick_pipeline(page: Page, name: str) -> None:
    app.nodes(page, "pipeline").first.get_by_label("Pipeline", exact=True).click()
    page.get_by_label("Find a pipeline").fill(name)
    page.keyboard.press("Enter")


def test_a_take_is_seen_and_heard_of_while_it_is_made_and_stops_when_told(
    studio: FarmStage, new_person: NewPerson
) -> None:
    page = new_person()
    shot = open_project(page, studio, "Night Bus", behaviour="talk", steps=20_000).first
    shot.locator("header").click()
    shot.get_by_test_id("generate").click()
    expect(shot.get_by_test_id("preview")).to_be_visible(timeout=LIVE_MS)
    page.get_by_test_id("job-details").first.click()
    dialog = page.get_by_test_id("dialog-job")
    expect(dialog.get_by_role("log")).to_contain_text("step 40: the lamp is warm", timeout=LIVE_MS)
    expect(dialog.get_by_test_id("log")).to_contain_text("following")
    picture(page, "farm-log-live")
    dialog.get_by_role("button", name="Cancel this job").click()
    expect(dialog.get_by_test_id("attempt")).to_contain_text("Cancelled", timeout=LIVE_MS)
    expect(dialog.get_by_test_id("log")).to_contain_text("all of it", timeout=LIVE_MS)


def test_a_job_that_kills_its_nodes_is_lost_with_every_attempt_and_its_pipeline_is_held_back_until_forgiven(
    studio: FarmStage, new_person: NewPerson
) -> None:
    page = new_person()
    shot = open_project(page, studio, "Day Bus", behaviour="die", steps=1).first
    shot.locator("header").click()
    shot.get_by_test_id("generate").click()
    expect(shot.get_by_text("vanished, 3 times")).to_be_visible(timeout=2 * LIVE_MS)
    page.get_by_test_id("job-details").first.click()
    expect(page.get_by_test_id("dialog-job").get_by_test_id("attempt")).to_have_count(3)
    page.keyboard.press("Escape")
    shot.get_by_test_id("generate").click()

    node = open_farm(page)
    expect(node.get_by_test_id("blocked-pipelines")).to_contain_text("test-still failed here too often")
    expect(page.get_by_test_id("queue-standstill")).to_contain_text("Every ready node has failed with test-still")
    lost = page.get_by_role("img", name="Lost: its farm nodes vanished")
    expect(lost).to_have_count(1)
    picture(page, "farm-blocked")
    node.get_by_test_id("forgive-node").click()
    expect(lost).to_have_count(2, timeout=2 * LIVE_MS)  # it was taken at once, and died of it as before
    studio.send("Ada", "POST", "/api/farm/nodes/render-1/forgive")


def test_what_has_not_changed_is_offered_and_not_paid_for_twice(studio: FarmStage, new_person: NewPerson) -> None:
    page = new_person()
    shots = open_project(page, studio, "Fog", 2)
    page.get_by_test_id("canvas").click(position={"x": 12, "y": 200})
    page.keyboard.press("Control+a")
    several = page.get_by_test_id("generate-several")
    expect(page.get_by_test_id("batch-detail")).to_contain_text("All there in about")
    several.click()
    for shot in shots.all():
        expect(shot.get_by_test_id("node-state")).to_have_attribute("data-state", "completed", timeout=LIVE_MS)
    expect(several).to_have_text("Nothing has changed")
    expect(page.get_by_test_id("generate-anew")).to_have_text("Generate all 2 anew - $1.00")
    picture(page, "farm-unchanged")
    shots.first.locator("header").click()
    expect(shots.first.get_by_test_id("unchanged")).to_contain_text("Unchanged, take 1")

    open_farm(page)
    costs = page.get_by_test_id("farm-costs")
    expect(costs.locator("tr", has_text="Fog")).to_contain_text("$1.00", timeout=LIVE_MS)
    page.get_by_role("radio", name="By person").click()
    expect(costs.locator("tr", has_text="Ada")).to_be_visible()


def test_a_project_that_falls_back_is_told_so_before_and_after_and_a_socket_that_is_gone_is_dimmed(
    studio: FarmStage, new_person: NewPerson
) -> None:
    page = new_person()
    shots = open_project(page, studio, "Harbour", 2)
    shot = shots.first
    pick_pipeline(page, "Test on a GPU")
    page.get_by_test_id("canvas").click(position={"x": 12, "y": 200})
    page.get_by_role("radiogroup", name="Quality of new takes").locator('[data-value="high"]').click()
    page.get_by_test_id("when-busy").locator('[data-value="fallback"]').click()
    shot.locator("header").click()
    expect(page.get_by_test_id("estimate-notice")).to_contain_text(FALLBACK)
    picture(page, "farm-fallback")
    shot.get_by_test_id("generate").click()
    expect(shot.get_by_test_id("node-state")).to_have_attribute("data-state", "completed", timeout=LIVE_MS)
    expect(shot.get_by_test_id("job-notice")).to_have_text(FALLBACK)

    page.get_by_test_id("canvas").click(position={"x": 12, "y": 200})
    app.drag(page, app.handle(shots.nth(1), "output", "source"), app.handle(shot, "reference", "target"))
    picture(page, "farm-joined")
    expect(page.locator(".svelte-flow__edge")).to_have_count(3)
    pick_pipeline(page, "Test still")
    expect(app.handle(shot, "reference", "target")).to_have_class(re.compile(r"\blost\b"))
    expect(page.locator("path.join.lost")).to_have_count(1)


def test_a_queue_is_dragged_with_the_mouse_and_a_node_says_that_it_pauses_drains_and_resumes(
    studio: FarmStage, new_person: NewPerson
) -> None:
    page = new_person()
    open_project(page, studio, "Rain", 3)
    page.keyboard.press("Control+a")
    farm = page.context.new_page()
    node = open_farm(farm)
    node.get_by_test_id("pause-node").click()
    expect(node).to_contain_text("Paused", timeout=LIVE_MS)
    page.get_by_test_id("generate-several").click()
    rows = farm.get_by_test_id("queued-job")
    expect(rows).to_have_count(3, timeout=LIVE_MS)
    expect(farm.get_by_test_id("queue-standstill")).to_contain_text("paused or draining")
    studio.send("Ada", "PUT", f"/api/projects/{page.url.rpartition('/')[2]}/access", {"access": "members"})
    bo = new_person()
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    open_farm(bo)
    expect(bo.get_by_test_id("queued-job")).to_have_count(3, timeout=LIVE_MS)
    expect(bo.get_by_test_id("farm-waiting")).not_to_contain_text("Rain")
    expect(bo.get_by_test_id("resume-node")).to_have_attribute("aria-disabled", "true")
    before = [str(row.get_attribute("data-job")) for row in rows.all()]
    rows.nth(2).drag_to(rows.nth(0), target_position={"x": 60, "y": 4})
    for at, job in enumerate([before[2], before[0], before[1]]):
        expect(rows.nth(at)).to_have_attribute("data-job", job, timeout=LIVE_MS)
    node.get_by_test_id("resume-node").click()
    expect(rows).to_have_count(0, timeout=LIVE_MS)
    expect(node).to_contain_text("Ready", timeout=LIVE_MS)


def test_the_page_is_steered_by_keys_and_whoever_stands_on_a_job_stays_on_it_until_it_has_ended(
    studio: FarmStage, new_person: NewPerson
) -> None:
    page = new_person()
    open_project(page, studio, "Sleet", 3)
    page.keyboard.press("Control+a")
    farm = page.context.new_page()
    node = open_farm(farm)
    pause = node.get_by_test_id("pause-node")
    expect(pause).not_to_have_attribute("aria-disabled", "true")  # until it is known who somebody is
    pause.focus()
    farm.keyboard.press("Enter")
    expect(node.get_by_test_id("resume-node")).to_be_focused(timeout=LIVE_MS)
    page.get_by_test_id("generate-several").click()
    rows = farm.get_by_test_id("queued-job")
    expect(rows).to_have_count(3, timeout=LIVE_MS)

    last = str(rows.nth(2).get_attribute("data-job"))
    job = farm.locator(f'[data-job="{last}"]')
    rows.nth(0).locator("button.open").focus()
    farm.keyboard.press("End")
    expect(job.locator("button.open")).to_be_focused()
    farm.keyboard.press("Tab")
    farm.keyboard.press("Enter")
    urgent = farm.get_by_role("menuitem", name="Urgent")
    expect(urgent).to_be_focused()
    farm.keyboard.press("Enter")
    expect(rows.nth(0)).to_have_attribute("data-job", last, timeout=LIVE_MS)
    expect(job.get_by_test_id("priority")).to_be_focused()
    picture(farm, "farm-keys")
    farm.keyboard.press("Shift+Tab")
    farm.keyboard.press("Enter")
    expect(farm.get_by_test_id("dialog-job")).to_be_visible()
    farm.keyboard.press("Escape")
    expect(job.locator("button.open")).to_be_focused()

    studio.send("Ada", "POST", "/api/farm/nodes/render-1/resume")
    ended = farm.get_by_role("region", name="Recent").locator(job)
    expect(ended).to_be_focused(timeout=LIVE_MS)
    farm.keyboard.press("Enter")
    expect(farm.get_by_role("log")).to_be_visible()
    farm.keyboard.press("Escape")
    expect(ended).to_be_focused()


def test_a_job_is_cancelled_on_the_farm_page_by_whoever_may(studio: FarmStage, new_person: NewPerson) -> None:
    page = new_person()
    shot = open_project(page, studio, "Hail", 1).first
    studio.send("Ada", "POST", "/api/farm/nodes/render-1/pause")
    farm = page.context.new_page()
    expect(open_farm(farm)).to_contain_text("Paused", timeout=LIVE_MS)
    shot.get_by_test_id("generate").click()
    waiting = farm.get_by_test_id("queued-job")
    expect(waiting).to_have_count(1, timeout=LIVE_MS)
    waiting.locator("button.open").focus()
    farm.keyboard.press("Enter")
    cancel = farm.get_by_test_id("dialog-job").get_by_test_id("cancel-job")
    cancel.focus()
    farm.keyboard.press("Enter")
    expect(waiting).to_have_count(0, timeout=LIVE_MS)
    expect(cancel).to_have_attribute("aria-disabled", "true")
    expect(cancel).to_be_focused()
    picture(farm, "farm-cancelled")
    expect(shot.get_by_test_id("node-state")).to_have_text("Cancelled")
    studio.send("Ada", "POST", "/api/farm/nodes/render-1/resume")
