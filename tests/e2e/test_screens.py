"""Every page while it is empty, busy and in trouble: what must be readable then, and a picture of each to look at."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PASSWORD = "correct horse battery"
GATE = "Complete Project Brief before generating"
OVER_BUDGET = "Budget Cap exceeded. Admin override required."


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with nothing in it yet, an editor and a viewer."""
    running = Studio(tmp_path_factory.mktemp("studio"), demo=False).start()
    running.add_user("Bo", PASSWORD)
    running.add_user("Vi", PASSWORD, role="viewer")
    yield running
    running.stop()


class SlowAnswer:
    """Holds back what the server is asked at an address until it is let go; the answer itself is the server's."""

    def __init__(self, page: Page, address: str) -> None:
        self._held: list[Route] | None = []
        page.route(address, self._answer)

    def _answer(self, route: Route) -> None:
        if self._held is None:
            route.continue_()
        else:
            self._held.append(route)

    def let_go(self) -> None:
        """Pass on what was asked meanwhile, and from now on everything at once."""
        held, self._held = self._held or [], None
        for route in held:
            route.continue_()


def make_project(page: Page, studio: Studio, **fields: object) -> str:
    """A project made over REST; its address."""
    answer = page.request.post("/api/projects", data=fields, headers={"Origin": studio.url})
    assert answer.status == 201, answer.text()
    return f"/projects/{answer.json()['id']}"


def open_first_shot(page: Page, address: str) -> None:
    """The project with the first shot on its canvas, joined to a pipeline."""
    page.goto(address)
    page.get_by_role("button", name="Add the first shot").click()
    expect(app.nodes(page, "shot")).to_have_count(1)
    app.expect_saved(page)


def expect_nothing_cut_off(page: Page) -> None:
    """The page itself never scrolls, and what stands in the top bar is all there."""
    for name in ("undo", "connection-badge"):
        expect(page.get_by_test_id(name)).to_be_in_viewport(ratio=1)
    overflow = page.evaluate(
        """() => {
            const page = document.documentElement;
            return [page.scrollWidth - innerWidth, page.scrollHeight - innerHeight];
        }"""
    )
    assert max(overflow) <= 0


def test_projects_before_there_is_one(studio: Studio, new_person: NewPerson) -> None:
    page, viewer = new_person(), new_person()
    app.sign_in_by_link(page, studio)
    expect(page.get_by_role("heading", name="No projects yet")).to_be_visible()
    expect(page.get_by_test_id("new-project")).to_have_count(1)
    picture(page, "projects-empty")
    app.sign_in_by_password(viewer, "Vi", PASSWORD)
    viewer.get_by_test_id("new-project").hover()
    expect(viewer.get_by_text("can make you an editor")).to_be_visible()


def test_login_says_what_to_do_first_and_what_went_wrong(new_person: NewPerson) -> None:
    page = new_person()
    page.goto("/login?link=used")
    expect(page.get_by_text("That sign-in link has already been used")).to_contain_text("workprint login-url")
    page.goto("/login")
    expect(page.get_by_label("User name")).to_be_focused()
    expect(page.get_by_text("prints a link that signs you in once")).to_be_visible()
    picture(page, "login-empty")
    page.get_by_label("User name").fill("Bo")
    page.get_by_label("Password", exact=True).fill("not this one")
    slow = SlowAnswer(page, "**/auth/login")
    page.get_by_label("Password", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Sign in")).to_have_attribute("aria-busy", "true")
    picture(page, "login-busy")
    slow.let_go()
    expect(page.get_by_role("alert")).to_have_text(re.compile("^That name and password do not go together"))
    expect(page.get_by_label("User name")).to_have_value("Bo")
    picture(page, "login-error")


def test_a_new_project_needs_only_a_name_and_says_so(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    page.get_by_test_id("new-project").click()
    dialog = page.get_by_test_id("dialog-new-project")
    picture(page, "new-project-empty")
    dialog.get_by_test_id("create-project").click()
    expect(dialog.get_by_text("A project needs a name")).to_be_visible()
    picture(page, "new-project-error")
    dialog.get_by_test_id("field-name").fill("Night Train")
    slow = SlowAnswer(page, "**/api/projects")
    dialog.get_by_test_id("create-project").click()
    expect(dialog.get_by_test_id("create-project")).to_have_attribute("aria-busy", "true")
    picture(page, "new-project-busy")
    slow.let_go()
    page.wait_for_url("**/projects/*")
    expect(page.get_by_role("button", name="Add the first shot")).to_be_visible()


def test_projects_while_they_are_fetched_and_when_they_cannot_be(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    make_project(page, studio, name="Rain Check", description="Somebody forgot an umbrella, somebody else a name.")
    slow = SlowAnswer(page, "**/api/projects")
    page.goto("/")
    expect(page.get_by_role("status", name="Loading projects")).to_be_visible()
    picture(page, "projects-busy")
    slow.let_go()
    card = page.get_by_test_id("project-card").filter(has_text="Rain Check")
    card.click()
    expect(page.get_by_test_id("canvas")).to_be_visible()
    page.context.set_offline(True)
    page.go_back()
    expect(page.get_by_role("heading", name="Your projects could not be loaded")).to_be_visible()
    picture(page, "projects-error")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(card).to_be_visible()


def test_the_studio_empty_busy_and_done(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    end = app.SlowEnd(page)
    app.sign_in_by_link(page, studio)
    address = make_project(page, studio, name="Three States", creativeContract={"budgetCap": 5})
    slow = SlowAnswer(page, "**/api/projects/*")
    page.goto(address)
    expect(page.get_by_role("status", name="Opening the project")).to_be_visible()
    picture(page, "studio-opening")
    slow.let_go()
    expect(page.get_by_text("A film starts with a shot")).to_be_visible()
    expect(page.get_by_test_id("project-tree")).to_be_visible()
    expect(page.get_by_text("Nothing is running")).to_be_visible()
    expect_nothing_cut_off(page)
    picture(page, "studio-empty")
    page.get_by_role("tab", name="Takes").click()
    expect(page.get_by_text("No takes yet. Generate a shot on the canvas")).to_be_visible()
    picture(page, "takes-empty")
    page.get_by_role("button", name="Go to the canvas").click()

    open_first_shot(page, address)
    shot = app.nodes(page, "shot").first
    shot.get_by_test_id("generate").click()
    expect(shot.get_by_test_id("node-state")).to_have_attribute("data-state", "generating")
    expect(page.get_by_test_id("activity").get_by_role("progressbar")).to_be_visible()
    expect(shot.get_by_role("button", name="Cancel")).to_be_visible()
    picture(page, "studio-busy")
    page.get_by_role("tab", name="Takes").click()
    sheet = page.get_by_test_id("contact-sheet")
    expect(sheet.get_by_text("The first take is being made")).to_be_visible()
    picture(page, "takes-busy")
    end.let_go()
    expect(sheet.get_by_text("Take 1, active")).to_be_visible(timeout=app.TAKE_MS)
    sheet.get_by_role("button", name="Star").last.click()
    sheet.get_by_role("radio", name="Starred").click()
    expect(sheet.get_by_text("Take 1, active")).to_be_visible()
    picture(page, "takes-done")


def test_the_studio_in_a_small_window(studio: Studio, new_person: NewPerson) -> None:
    page = new_person(1280, 720)
    app.sign_in_by_link(page, studio)
    address = make_project(page, studio, name="A Film With Quite a Long Name", creativeContract={"budgetCap": 5})
    open_first_shot(page, address)
    for name in ("project-tree", "inspector", "activity", "palette"):
        expect(page.get_by_test_id(name)).to_be_in_viewport()
    expect(app.nodes(page, "shot").first.get_by_test_id("generate")).to_be_in_viewport(ratio=1)
    expect_nothing_cut_off(page)
    picture(page, "studio-1280x720")
    page.get_by_role("button", name="Hide project panel").click()
    page.get_by_role("button", name="Hide inspector").click()
    expect_nothing_cut_off(page)
    picture(page, "studio-1280x720-canvas")


def test_a_refused_job_says_why_and_can_be_traced_and_tried_again(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    address = make_project(page, studio, name="Too Dear", creativeContract={"budgetCap": 0.001})
    open_first_shot(page, address)
    shot = app.nodes(page, "shot").first
    # By a program: the page itself knows that it is too dear, and does not let it be asked for.
    node = page.locator(".svelte-flow__node").filter(has=shot).get_attribute("data-id")
    asked = {"project_id": address.rpartition("/")[2], "node_id": node}
    page.request.post("/api/tasks/submit", data=asked, headers={"Origin": studio.url})
    expect(shot.get_by_text(OVER_BUDGET)).to_be_visible()
    expect(shot.get_by_role("button", name="Copy trace id")).to_be_visible()
    expect(page.get_by_test_id("activity").get_by_text("Trace id")).to_be_visible()
    picture(page, "studio-error")
    page.request.patch(f"/api{address}", data={"creativeContract": {"budgetCap": 5}}, headers={"Origin": studio.url})
    shot.get_by_role("button", name="Try again").click()
    expect(shot.get_by_test_id("active-take")).to_be_visible(timeout=app.TAKE_MS)
    expect(shot.get_by_text(OVER_BUDGET)).to_have_count(0)


def test_a_brief_that_is_not_complete_stands_in_the_way_in_words(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    open_first_shot(page, make_project(page, studio, name="No Brief", governance="studio"))
    gate = page.get_by_test_id("gate")
    expect(gate).to_contain_text(f"{GATE}: set a budget cap and add 3 reference images.")
    generate = app.nodes(page, "shot").first.get_by_test_id("generate")
    expect(generate).to_have_attribute("aria-disabled", "true")
    generate.hover()
    expect(page.get_by_role("tooltip")).to_contain_text(GATE)
    picture(page, "studio-gate")
    gate.get_by_role("button", name="Open the brief").click()
    expect(page.get_by_test_id("inspector").get_by_role("button", name="Edit brief")).to_be_visible()


def test_a_viewer_sees_everything_and_is_told_why_nothing_can_be_changed(studio: Studio, new_person: NewPerson) -> None:
    page, viewer = new_person(), new_person()
    app.sign_in_by_link(page, studio)
    address = make_project(page, studio, name="Look, Do Not Touch", creativeContract={"budgetCap": 5})
    open_first_shot(page, address)
    viewer.goto(address)
    viewer.get_by_label("User name").fill("Vi")
    viewer.get_by_label("Password", exact=True).fill(PASSWORD)
    viewer.get_by_role("button", name="Sign in").click()
    # Whoever followed a link and had to sign in first comes to where the link led.
    expect(app.nodes(viewer, "shot")).to_have_count(1)
    expect(viewer.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "readonly")
    app.nodes(viewer, "shot").first.get_by_test_id("generate").hover()
    expect(viewer.get_by_role("tooltip")).to_contain_text("can make you an editor")
    viewer.get_by_test_id("palette-note").click(force=True)
    viewer.keyboard.press("Control+a")
    viewer.keyboard.press("Delete")
    expect(app.nodes(viewer, "shot")).to_have_count(1)
    expect(app.nodes(viewer, "note")).to_have_count(0)
    picture(viewer, "studio-viewer")


def test_a_wrong_address_leads_back_to_the_projects(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    page.goto("/projects/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("heading", name="There is no such project for you")).to_be_visible()
    expect(page.get_by_text("Trace id")).to_be_visible()
    picture(page, "project-unknown")
    page.goto("/nowhere")
    expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
    page.get_by_role("link", name="All projects").click()
    expect(page.get_by_test_id("project-card").first).to_be_visible()
