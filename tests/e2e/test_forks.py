"""Forks as people meet them: something is tried beside the canvas, compared with it, merged, or thrown away."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PASSWORD = "correct horse battery"
RAIN = "Rain on the platform, she waits under the clock."
LIST_MS = 30_000


def write(page: Page, words: str) -> None:
    """Replace the prompt of the one shot."""
    app.prompt(app.nodes(page, "shot").first).click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(words)
    app.expect_saved(page)


def add(page: Page, end: str, words: str) -> None:
    """Type at an end of the prompt of the one shot."""
    app.prompt(app.nodes(page, "shot").first).click()
    page.keyboard.press(f"ControlOrMeta+{end}")
    page.keyboard.type(words)
    app.expect_saved(page)


def words_on(page: Page) -> Locator:
    """The prompt of the one shot as it is shown."""
    return app.nodes(page, "shot").first.locator(".cm-content")


def two(studio: Studio, new_person: NewPerson, name: str, **size: int) -> tuple[Page, Page, str]:
    """The owner and Bo, an editor, on a canvas with one shot; and its address."""
    owner, bo = new_person(**size), new_person()
    app.sign_in_by_link(owner, studio)
    address = app.create_project(owner, name)
    app.add_node(owner, "shot")
    write(owner, RAIN)
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    bo.goto(address)
    expect(words_on(bo)).to_have_text(RAIN)
    return owner, bo, address


def make_fork(page: Page, name: str) -> None:
    """By keyboard alone, from the command palette."""
    page.keyboard.press("Escape")
    app.command(page, "fork the canvas")
    dialog = page.get_by_test_id("dialog-new-fork")
    expect(dialog.get_by_test_id("fork-name-field")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_test_id("fork-name")).to_have_text(name.replace(" ", "-"))
    expect(words_on(page)).to_have_text(RAIN)


def open_fork(page: Page, name: str) -> None:
    """From the list among the versions."""
    page.get_by_test_id("versions").click()
    open_fork_here(page, name)


def open_fork_here(page: Page, name: str) -> None:
    """From the list that is open."""
    row = page.locator(f'[data-fork="{name}"]')
    expect(row).to_be_visible(timeout=LIST_MS)
    row.get_by_test_id("open-fork").click()
    expect(page.get_by_test_id("fork-name")).to_have_text(name)


def test_a_fork_is_worked_in_like_the_canvas_and_neither_disturbs_the_other(
    studio: Studio, new_person: NewPerson
) -> None:
    owner, bo, address = two(studio, new_person, "The Platform")
    owner.get_by_test_id("versions").click()
    expect(owner.get_by_test_id("forks")).to_contain_text("No fork yet")
    picture(owner, "forks-none")
    owner.get_by_role("tab", name="Canvas").click()
    make_fork(owner, "night version")
    expect(owner).to_have_url(f"{address}?fork=night-version")
    expect(bo.get_by_test_id("person-avatar")).to_have_count(0)

    app.add_node(owner, "note")
    add(owner, "Home", "Night. ")
    add(bo, "End", " A dog barks.")
    expect(words_on(owner)).to_have_text("Night. " + RAIN)
    expect(words_on(bo)).to_have_text(RAIN + " A dog barks.")
    expect(app.nodes(bo, "note")).to_have_count(0)
    generate = app.nodes(owner, "shot").first.get_by_test_id("generate")
    expect(generate).to_have_attribute("aria-disabled", "true")
    picture(owner, "forks-inside")

    # Undo is the fork's own.
    owner.get_by_test_id("undo").click()
    expect(words_on(owner)).to_have_text(RAIN)
    owner.get_by_test_id("redo").click()
    expect(words_on(owner)).to_have_text("Night. " + RAIN)

    # A reload stays in the fork.
    app.expect_saved(owner)
    owner.reload()
    expect(owner.get_by_test_id("fork-name")).to_have_text("night-version")
    expect(app.nodes(owner, "note")).to_have_count(1)

    # Bo comes in as well, the two see one another there, and he goes back as a browser does.
    open_fork(bo, "night-version")
    expect(app.nodes(bo, "note")).to_have_count(1)
    expect(bo.get_by_test_id("person-avatar")).to_have_count(1)
    app.add_node(bo, "prompt")
    expect(app.nodes(owner, "prompt")).to_have_count(1)
    bo.go_back()
    expect(bo.get_by_test_id("fork-bar")).to_be_hidden()
    expect(words_on(bo)).to_have_text(RAIN + " A dog barks.")
    expect(owner.get_by_test_id("person-avatar")).to_have_count(0)


def test_a_fork_is_compared_and_merged_and_everybody_sees_both_sides(studio: Studio, new_person: NewPerson) -> None:
    owner, bo, address = two(studio, new_person, "The Merge")
    make_fork(owner, "night")
    app.add_node(owner, "note")
    add(owner, "Home", "Night. ")
    add(bo, "End", " A dog barks.")
    owner.get_by_test_id("fork-changes").click()
    pane = owner.get_by_test_id("fork-diff")
    expect(pane.get_by_test_id("fork-summary")).to_contain_text("1 changed, 1 added")
    words = pane.locator('[data-change="changed"] [data-field="prompt"]').get_by_test_id("word-diff")
    expect(words.locator("ins")).to_have_text([re.compile("Night")])
    expect(owner.get_by_test_id("fork-ahead")).to_have_text("2 changes", timeout=LIST_MS)
    picture(owner, "forks-changes")
    owner.get_by_test_id("fork-diff-merge").click()
    dialog = owner.get_by_test_id("dialog-fork")
    expect(dialog.get_by_test_id("fork-consequence")).to_contain_text("1 changed, 1 added")
    picture(owner, "forks-merge")
    dialog.get_by_test_id("fork-sure").click()
    expect(dialog).to_be_hidden()

    for page in (owner, bo):
        expect(words_on(page)).to_have_text(f"Night. {RAIN} A dog barks.")
        expect(app.nodes(page, "note")).to_have_count(1)
    expect(owner.get_by_test_id("fork-bar")).to_be_hidden()
    expect(owner).to_have_url(address)
    expect(bo.get_by_test_id("activity").get_by_text("Owner merged the fork “night”")).to_be_visible()
    picture(bo, "forks-merged-notice")
    picture(owner, "forks-merged")


def test_what_is_locked_is_told_before_the_merge_and_after_it(studio: Studio, new_person: NewPerson) -> None:
    owner, bo, _ = two(studio, new_person, "The Locked Platform")
    make_fork(bo, "thaw")
    write(bo, "Sun on the platform.")
    app.add_node(bo, "note")
    app.expect_saved(bo)
    app.nodes(owner, "shot").first.locator("header").click(position={"x": 20, "y": 18})
    owner.get_by_test_id("lock").click()
    expect(owner.get_by_test_id("unlock")).to_be_visible()
    bo.get_by_test_id("fork-merge").click()
    dialog = bo.get_by_test_id("dialog-fork")
    expect(dialog.get_by_test_id("locked")).to_contain_text("Shot 1")
    picture(bo, "forks-locked-before")
    dialog.get_by_test_id("fork-sure").click()
    expect(dialog.get_by_test_id("not-merged")).to_contain_text("locked")
    picture(bo, "forks-locked-after")
    dialog.get_by_test_id("fork-not-kept").click()
    expect(bo.get_by_test_id("proposal").get_by_test_id("proposed")).to_contain_text("Sun on the platform.")
    bo.keyboard.press("Escape")
    expect(app.nodes(owner, "note")).to_have_count(1)
    expect(words_on(owner)).to_have_text(RAIN)


def test_whoever_is_in_a_fork_that_is_thrown_away_is_led_back_and_told(studio: Studio, new_person: NewPerson) -> None:
    owner, bo, address = two(studio, new_person, "The Short Try")
    make_fork(owner, "dusk")
    open_fork(bo, "dusk")
    owner.get_by_test_id("fork-changes").click()
    owner.get_by_test_id("fork-delete").click()
    dialog = owner.get_by_test_id("dialog-fork")
    expect(dialog.get_by_test_id("fork-consequence")).to_contain_text("nothing in it that could still be merged")
    picture(owner, "forks-delete")
    dialog.get_by_test_id("fork-sure").click()
    expect(dialog).to_be_hidden()
    expect(bo.get_by_test_id("fork-bar")).to_be_hidden()
    expect(bo.get_by_test_id("activity").get_by_text("Owner threw the fork “dusk” away")).to_be_visible()
    expect(bo.get_by_test_id("activity")).to_contain_text("You are back on the canvas")
    expect(bo).to_have_url(address)
    picture(bo, "forks-led-back")
    # The canvas of both goes on, and the name is not given again.
    write(bo, RAIN + " Still here.")
    expect(owner.get_by_test_id("forks")).to_contain_text("No fork yet")
    owner.get_by_test_id("new-fork").click()
    owner.get_by_test_id("fork-name-field").fill("dusk")
    expect(owner.get_by_test_id("dialog-new-fork")).to_contain_text("never given twice")
    owner.get_by_test_id("fork-name-field").fill("dämmerung")
    expect(owner.get_by_test_id("dialog-new-fork")).to_contain_text("“ä” cannot stand in a name")
    picture(owner, "forks-name")
    owner.keyboard.press("Escape")

    # An old link says that there is nothing any more.
    bo.goto(f"{address}?fork=dusk")
    expect(bo.get_by_test_id("activity").get_by_text("the fork “dusk” is not there")).to_be_visible()
    expect(words_on(bo)).to_have_text(RAIN + " Still here.")


def test_who_is_still_in_a_fork_that_somebody_merged_is_told_there(studio: Studio, new_person: NewPerson) -> None:
    owner, bo, _ = two(studio, new_person, "The Small Screen", width=1024, height=640)
    make_fork(owner, "tight")
    write(owner, "Rain on the platform, close.")
    picture(owner, "forks-inside-1024")
    open_fork(bo, "tight")
    bo.get_by_test_id("fork-merge").click()
    bo.get_by_test_id("dialog-fork").get_by_test_id("fork-sure").click()
    expect(bo.get_by_test_id("fork-bar")).to_be_hidden()
    expect(owner.get_by_test_id("fork-bar")).to_contain_text("Bo has merged the fork tight into the canvas")
    picture(owner, "forks-merged-1024")
    owner.get_by_test_id("fork-leave").click()
    expect(words_on(owner)).to_have_text("Rain on the platform, close.")
    owner.get_by_test_id("versions").click()
    owner.locator('[data-fork="tight"] .pick').click()
    expect(owner.get_by_test_id("fork-diff")).to_contain_text("There is nothing to merge")
    picture(owner, "forks-changes-1024")


def test_the_list_says_when_it_cannot_be_had_and_offline_says_what_waits(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    app.create_project(page, "The Tunnel")
    app.add_node(page, "shot")
    write(page, RAIN)
    page.route("**/forks", lambda route: route.fulfill(status=503, body="away"))
    page.reload()
    page.get_by_test_id("versions").click()
    expect(page.get_by_test_id("forks")).to_contain_text("The forks could not be listed")
    picture(page, "forks-error")
    page.unroute("**/forks")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("forks")).to_contain_text("No fork yet")
    page.get_by_role("tab", name="Canvas").click()
    make_fork(page, "tunnel")
    page.context.set_offline(True)
    app.prompt(app.nodes(page, "shot").first).click()
    page.keyboard.press("End")
    page.keyboard.type(" Dark.")
    badge = page.get_by_test_id("connection-badge")
    expect(badge).to_have_attribute("data-kind", "offline", timeout=LIST_MS)
    expect(page.get_by_test_id("fork-merge")).to_have_attribute("aria-disabled", "true")
    picture(page, "forks-offline")
    page.context.set_offline(False)
    app.expect_saved(page)
    page.get_by_test_id("fork-changes").click()
    expect(page.get_by_test_id("fork-summary")).to_contain_text("1 changed", timeout=LIST_MS)


def test_a_viewer_looks_at_a_fork_and_is_told_who_can_do_more(studio: Studio, new_person: NewPerson) -> None:
    owner, bo, address = two(studio, new_person, "The Guest")
    make_fork(owner, "look")
    status = owner.evaluate(
        """async (project) => (await fetch(`/api/projects/${project}/members`, {
            method: 'POST', headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ name: 'Bo', role: 'viewer' }),
        })).status""",
        address.rsplit("/", 1)[1],
    )
    assert status == 201
    bo.reload()
    bo.get_by_test_id("versions").click()
    expect(bo.get_by_test_id("new-fork")).to_have_attribute("aria-disabled", "true")
    bo.get_by_test_id("new-fork").hover()
    expect(bo.get_by_role("tooltip")).to_contain_text("You are a viewer of this project")
    picture(bo, "forks-viewer")
    open_fork_here(bo, "look")
    expect(bo.get_by_test_id("fork-merge")).to_have_attribute("aria-disabled", "true")
    add(owner, "End", " Closer.")
    expect(words_on(bo)).to_have_text(RAIN + " Closer.")
    expect(bo.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "readonly")
