"""History as people meet it: versions of two people's work, what differs, a look back, and bringing something back."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PASSWORD = "correct horse battery"
RAIN = "Rain on the platform at dusk, she waits under the clock."
SNOW = "Snow on the platform at dusk, she waits under the broken clock."
VERSION_MS = 30_000


def write(page: Page, words: str) -> None:
    """Replace the prompt of the one shot."""
    app.prompt(app.nodes(page, "shot").first).click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(words)
    app.expect_saved(page)


def name_version(page: Page, name: str) -> None:
    """Save the project as a version with that name."""
    page.get_by_test_id("snapshot").click()
    dialog = page.get_by_test_id("dialog-snapshot")
    dialog.get_by_test_id("field-version").fill(name)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()


def words_on(page: Page) -> Locator:
    """The prompt of the one shot as the canvas shows it."""
    return app.nodes(page, "shot").first.locator(".cm-content")


def two_with_versions(studio: Studio, new_person: NewPerson, name: str) -> tuple[Page, Page]:
    """The owner wrote of rain and named that version; Bo, an editor, made it snow, and that has a name as well."""
    owner, bo = new_person(), new_person()
    app.sign_in_by_link(owner, studio)
    address = app.create_project(owner, name)
    app.add_node(owner, "pipeline")
    shot = app.add_node(owner, "shot")
    shot.locator("header").hover()
    app.drag(
        owner,
        app.handle(app.nodes(owner, "pipeline").first, "pipeline", "source"),
        app.handle(shot, "pipeline", "target"),
    )
    expect(owner.locator(".svelte-flow__edge")).to_have_count(1)
    write(owner, RAIN)
    name_version(owner, "For the director")
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    bo.goto(address)
    expect(words_on(bo)).to_have_text(RAIN)
    write(bo, SNOW)
    app.add_node(bo, "note")
    app.expect_saved(bo)
    expect(words_on(owner)).to_have_text(SNOW)
    expect(app.nodes(owner, "note")).to_have_count(1)
    name_version(owner, "Winter")
    return owner, bo


def open_versions(page: Page) -> Locator:
    """The view of all versions."""
    page.get_by_test_id("versions").click()
    view = page.get_by_test_id("versions-view")
    expect(version(page, "Winter")).to_be_visible(timeout=VERSION_MS)
    return view


def version(page: Page, name: str) -> Locator:
    """The named version in the timeline."""
    return page.get_by_test_id("version").filter(has=page.get_by_test_id("version-name").filter(has_text=name))


def compare(page: Page, which: str, name: str) -> None:
    """Choose one of the two versions that are compared, by how it is called."""
    select = page.get_by_test_id(f"compare-{which}")
    value = select.locator("option").filter(has_text=re.compile(f"^{name}")).get_attribute("value")
    select.select_option(value)


def prompt_difference(page: Page) -> Locator:
    """The words of the shot in the open comparison."""
    return page.locator('[data-testid="diff-record"][data-change="changed"] [data-field="prompt"]')


def test_versions_carry_both_names_and_a_comparison_shows_the_words_that_changed(
    studio: Studio, new_person: NewPerson
) -> None:
    owner, _ = two_with_versions(studio, new_person, "The Platform")
    view = open_versions(owner)
    expect(version(owner, "For the director")).to_be_visible()
    expect(view.get_by_test_id("version").filter(has_text="Bo").first).to_be_visible()
    expect(view.get_by_test_id("pending")).to_have_text(
        "Nothing has changed since the last version", timeout=VERSION_MS
    )

    compare(owner, "from", "For the director")
    compare(owner, "to", "Now")
    words = prompt_difference(owner).get_by_test_id("word-diff")
    expect(words.locator("del")).to_have_text(["Rain"])
    expect(words.locator("ins")).to_have_text(["Snow", re.compile("broken")])
    expect(view.locator('[data-testid="diff-record"][data-change="added"]').filter(has_text="Note")).to_be_visible()
    picture(owner, "history-difference")

    # Somebody goes on working: it is told that no version holds it yet.
    owner.get_by_role("tab", name="Canvas").click()
    write(owner, SNOW + " A dog barks.")
    owner.get_by_test_id("versions").click()
    owner.get_by_test_id("timeline-now").click()
    expect(prompt_difference(owner).locator("ins")).to_contain_text(["A dog barks"])
    picture(owner, "history-versions")

    owner.get_by_test_id("diff").get_by_role("button", name="Shot 1", exact=True).click()
    expect(app.nodes(owner, "shot").first).to_be_in_viewport()
    expect(owner.get_by_test_id("inspector").get_by_label("Name")).to_have_value("Shot 1")


def test_a_look_at_an_earlier_version_changes_nothing_and_disturbs_nobody(
    studio: Studio, new_person: NewPerson
) -> None:
    owner, bo = two_with_versions(studio, new_person, "The Look Back")
    open_versions(owner)
    version(owner, "For the director").click()
    owner.get_by_test_id("look-at").click()
    bar = owner.get_by_test_id("past-bar")
    expect(bar.get_by_test_id("past-version")).to_contain_text("For the director")
    expect(words_on(owner)).to_have_text(RAIN)
    expect(app.nodes(owner, "note")).to_have_count(0)
    # What was selected still is, with the values it had.
    expect(owner.get_by_test_id("inspector")).to_have_count(1)
    owner.keyboard.press("Escape")
    expect(owner.get_by_test_id("past-inspector")).to_contain_text("1 shot")
    picture(owner, "history-past")

    # Read only: keys and hands change nothing, and the inspector shows what was.
    app.nodes(owner, "shot").first.locator("header").click(position={"x": 20, "y": 18})
    expect(owner.get_by_test_id("inspector").get_by_label("Name")).to_have_attribute("readonly", "")
    owner.keyboard.press("Delete")
    app.drag_by(owner, app.nodes(owner, "shot").first.locator("header"), 90, 40)
    expect(app.nodes(owner, "shot")).to_have_count(1)
    expect(app.nodes(owner, "shot").first.get_by_test_id("generate")).to_have_attribute("aria-disabled", "true")
    expect(owner.get_by_test_id("undo")).to_have_attribute("aria-disabled", "true")
    picture(owner, "history-past-inspector")

    # Bo goes on as if nothing were; the owner is still there for him, and still sees the past.
    expect(words_on(bo)).to_have_text(SNOW)
    expect(bo.get_by_test_id("person-avatar")).to_have_count(1)
    write(bo, SNOW + " A dog barks.")
    expect(words_on(owner)).to_have_text(RAIN)

    # Along the versions by keyboard, and back to now.
    owner.keyboard.press("Escape")
    owner.keyboard.press("ArrowRight")
    expect(bar.get_by_test_id("past-version")).not_to_contain_text("For the director")
    owner.keyboard.press("ArrowLeft")
    expect(bar.get_by_test_id("past-version")).to_contain_text("For the director")
    expect(words_on(owner)).to_have_text(RAIN)
    owner.get_by_test_id("past-leave").click()
    expect(bar).to_be_hidden()
    expect(words_on(owner)).to_have_text(SNOW + " A dog barks.")
    expect(app.nodes(owner, "note")).to_have_count(1)


def test_one_field_comes_back_for_everybody_and_its_neighbours_stay(studio: Studio, new_person: NewPerson) -> None:
    owner, bo = two_with_versions(studio, new_person, "The Thaw")
    open_versions(owner)
    compare(owner, "from", "For the director")
    compare(owner, "to", "Now")
    prompt_difference(owner).get_by_test_id("restore-field").click()
    dialog = owner.get_by_test_id("dialog-restore")
    expect(dialog.get_by_test_id("consequence")).to_contain_text("The prompt of “Shot 1” becomes what it was in “For")
    expect(dialog).to_contain_text(RAIN)
    picture(owner, "history-restore")
    dialog.get_by_test_id("restore-sure").click()
    expect(dialog).to_be_hidden()
    expect(words_on(bo)).to_have_text(RAIN)
    expect(app.nodes(bo, "note")).to_have_count(1)
    expect(prompt_difference(owner)).to_have_count(0, timeout=app.SYNC_MS)
    # The others are told, and whoever did it takes it back.
    expect(bo.get_by_test_id("activity").get_by_text("Owner restored “Shot 1”")).to_be_visible()
    picture(bo, "history-restored-notice")
    owner.get_by_test_id("activity").get_by_role("button", name="Undo").click()
    expect(words_on(bo)).to_have_text(SNOW)


def test_a_deleted_node_comes_back_from_a_look_at_the_version_that_had_it(
    studio: Studio, new_person: NewPerson
) -> None:
    owner, bo = two_with_versions(studio, new_person, "The Lost Note")
    app.nodes(bo, "note").first.locator("header").click(position={"x": 20, "y": 18})
    bo.keyboard.press("Delete")
    expect(app.nodes(owner, "note")).to_have_count(0)
    app.expect_saved(bo)
    open_versions(owner)
    version(owner, "Winter").click()
    owner.get_by_test_id("look-at").click()
    expect(app.nodes(owner, "note")).to_have_count(1)
    app.nodes(owner, "note").first.locator("header").click(position={"x": 20, "y": 18})
    owner.get_by_test_id("past-restore").click()
    dialog = owner.get_by_test_id("dialog-restore")
    expect(dialog.get_by_test_id("consequence")).to_contain_text("“Note” comes back as it was in “Winter”")
    dialog.get_by_test_id("restore-sure").click()
    expect(dialog).to_be_hidden()
    expect(app.nodes(bo, "note")).to_have_count(1)
    expect(words_on(bo)).to_have_text(SNOW)
    # It is a step of the owner's own: undone and done again by the usual keys.
    owner.get_by_test_id("past-leave").click()
    owner.keyboard.press("ControlOrMeta+z")
    expect(app.nodes(bo, "note")).to_have_count(0)
    expect(owner.get_by_test_id("activity").get_by_text("Undone: “Note”")).to_be_visible()
    owner.keyboard.press("ControlOrMeta+Shift+z")
    expect(app.nodes(bo, "note")).to_have_count(1)


def test_takes_stand_in_the_timeline_and_in_a_comparison(studio: Studio, new_person: NewPerson) -> None:
    owner, _ = two_with_versions(studio, new_person, "The Takes")
    shot = app.nodes(owner, "shot").first
    for number, name in enumerate(("First take", "Second take"), start=1):
        shot.get_by_test_id("generate").click()
        expect(shot.get_by_test_id("take-thumb")).to_have_count(number, timeout=app.TAKE_MS)
        name_version(owner, name)
    open_versions(owner)
    expect(version(owner, "Second take").locator("img")).to_have_count(1)
    compare(owner, "from", "Winter")
    compare(owner, "to", "Second take")
    expect(owner.get_by_test_id("diff-takes").locator("li")).to_have_count(2)
    compare(owner, "from", "First take")
    expect(owner.get_by_test_id("diff-takes").locator("li")).to_have_count(1)
    picture(owner, "history-takes")
    version(owner, "First take").click()
    owner.get_by_test_id("look-at").click()
    expect(shot.get_by_test_id("take-thumb")).to_have_count(1)
    picture(owner, "history-past-takes")


def test_what_is_locked_is_not_restored_and_the_person_is_told(studio: Studio, new_person: NewPerson) -> None:
    owner, bo = two_with_versions(studio, new_person, "The Locked Winter")
    app.nodes(owner, "shot").first.locator("header").click(position={"x": 20, "y": 18})
    owner.get_by_test_id("lock").click()
    expect(owner.get_by_test_id("unlock")).to_be_visible()
    open_versions(bo)
    version(bo, "For the director").click()
    bo.get_by_test_id("restore-version").click()
    dialog = bo.get_by_test_id("dialog-restore")
    expect(dialog.get_by_test_id("consequence")).to_contain_text("The whole canvas becomes what it was")
    dialog.get_by_test_id("restore-sure").click()
    expect(dialog.get_by_test_id("not-restored")).to_contain_text("locked")
    picture(bo, "history-not-restored")
    expect(words_on(owner)).to_have_text(SNOW)
    expect(app.nodes(owner, "note")).to_have_count(0)


def test_before_there_is_a_version_and_when_the_list_cannot_be_had(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    app.create_project(page, "The Blank Page")
    page.route("**/history?*", lambda route: route.fulfill(status=503, body="away"))
    page.reload()
    page.get_by_test_id("versions").click()
    expect(page.get_by_test_id("versions-view")).to_contain_text("The versions could not be loaded")
    picture(page, "history-error")
    page.unroute("**/history?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("version").first).to_be_visible(timeout=VERSION_MS)
