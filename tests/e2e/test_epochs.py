"""A project is begun anew on the server while somebody holds edits of its earlier life: nothing is mixed unasked."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One of our own: it is stopped and started again."""
    running = Studio(tmp_path_factory.mktemp("studio"), farm_nodes=1).start()
    running.add_user("Bo", "correct horse battery")
    yield running
    running.stop()


def begin_anew(studio: Studio, title: str, *viewers: str) -> None:
    """What a restore from a clone looks like: the project folder without the local log of its documents."""
    assert studio.stop() == 0
    logs = list((studio.project_folder(title) / ".workprint").glob("documents.sqlite*"))
    assert logs
    for log in logs:
        log.unlink()
    with closing(sqlite3.connect(next(studio.workspace.rglob("workspace.sqlite")))) as database, database:
        for name in viewers:
            database.execute("UPDATE users SET role = 'viewer' WHERE name = ?", (name,))
    studio.start()


def note_offline(page: Page, words: str) -> None:
    """Write a note that never reaches the server."""
    page.context.set_offline(True)
    expect(page.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "offline", timeout=app.SYNC_MS)
    note = app.add_node(page, "note")
    app.prompt(note).click()
    page.keyboard.type(words)
    expect(page.get_by_test_id("connection-badge")).to_contain_text("unsynced")


def come_back(page: Page, address: str) -> Page:
    """The page was closed; a new one of the same browser opens the project."""
    context = page.context
    page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(address)
    return again


def dialog_of(page: Page) -> Locator:
    return page.get_by_test_id("dialog-older-copy")


def prepared(studio: Studio, new_person: NewPerson, title: str, *, width: int = 1440, height: int = 900) -> Page:
    """Ana has a shot that is saved and a note that is not, and her page shows the project begun anew."""
    ana = new_person(width, height)
    app.sign_in_by_link(ana, studio)
    address = app.create_project(ana, title)
    app.add_node(ana, "shot")
    app.expect_saved(ana)
    note_offline(ana, "only on the train")
    begin_anew(studio, title)
    return come_back(ana, address)


def test_a_copy_of_an_earlier_life_is_merged_as_new_edits_that_others_get(
    studio: Studio, new_person: NewPerson
) -> None:
    ana = prepared(studio, new_person, "The Clone")
    dialog = dialog_of(ana)
    expect(dialog).to_contain_text("begun anew on the server", timeout=app.SYNC_MS)
    expect(dialog.get_by_test_id("copy-added")).to_contain_text("only on the train")
    assert app.nodes(ana, "note").count() == 0, "nothing is mixed before somebody decides"
    picture(ana, "older-copy")

    bo = new_person()
    app.sign_in_by_password(bo, "Bo", "correct horse battery")
    bo.goto(ana.url)
    expect(bo.get_by_test_id("canvas")).to_be_visible()
    app.expect_saved(bo)
    expect(app.nodes(bo, "note")).to_have_count(0)

    dialog.get_by_test_id("copy-merge").click()
    expect(dialog).to_be_hidden()
    for page in (ana, bo):
        expect(app.nodes(page, "note")).to_have_count(1)
        expect(app.nodes(page, "note").first).to_contain_text("only on the train")
    app.expect_saved(ana)
    expect(ana.get_by_test_id("older-copy")).to_have_count(0)
    ana.get_by_test_id("undo").click()
    expect(app.nodes(bo, "note")).to_have_count(0)
    ana.get_by_test_id("redo").click()
    expect(app.nodes(bo, "note")).to_have_count(1)
    ana.reload()
    expect(app.nodes(ana, "note")).to_have_count(1)
    app.expect_saved(ana)
    expect(ana.get_by_test_id("older-copy")).to_have_count(0)


def test_the_decision_can_wait_and_the_copy_can_be_taken_away_and_discarded(
    studio: Studio, new_person: NewPerson
) -> None:
    ana = prepared(studio, new_person, "The Pause", width=1280, height=720)
    dialog, badge = dialog_of(ana), ana.get_by_test_id("older-copy")
    expect(dialog).to_be_visible(timeout=app.SYNC_MS)
    for _ in range(12):  # more than there are stops: the focus stays inside
        ana.keyboard.press("Tab")
        assert dialog.evaluate("element => element.contains(document.activeElement)")
    ana.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    picture(ana, "older-copy-later")
    ana.reload()
    expect(badge).to_be_visible(timeout=app.SYNC_MS)
    app.expect_saved(ana)
    expect(dialog).to_be_hidden()  # it opens by itself once
    badge.click()
    with ana.expect_download() as download:
        dialog.get_by_test_id("copy-download").click()
    copy = json.loads(download.value.path().read_text())
    assert [node["text"] for node in copy["nodes"].values() if node["type"] == "note"] == ["only on the train"]
    dialog.get_by_test_id("copy-discard").click()
    expect(dialog.get_by_role("alert")).to_contain_text("gone for good")
    picture(ana, "older-copy-discard")
    dialog.get_by_test_id("copy-discard-sure").click()
    expect(dialog).to_be_hidden()
    expect(badge).to_have_count(0)
    ana.reload()
    app.expect_saved(ana)
    expect(badge).to_have_count(0)
    expect(app.nodes(ana, "note")).to_have_count(0)


def test_where_both_sides_differ_each_record_is_chosen_and_the_servers_stays_unless_asked(
    studio: Studio, new_person: NewPerson
) -> None:
    ana, bo = new_person(), new_person()
    app.sign_in_by_link(ana, studio)
    address = app.create_project(ana, "The Two Copies")
    shot = app.add_node(ana, "shot")
    app.prompt(shot).click()
    ana.keyboard.type("a laundromat at night")
    app.add_node(ana, "style")
    app.expect_saved(ana)
    app.sign_in_by_password(bo, "Bo", "correct horse battery")
    bo.goto(address)
    expect(app.nodes(bo, "shot")).to_have_count(1)
    app.expect_saved(bo)
    bo.context.set_offline(True)
    expect(bo.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "offline", timeout=app.SYNC_MS)
    app.prompt(app.nodes(bo, "shot").first).click()
    bo.keyboard.press("Control+End")
    bo.keyboard.type(", seen from the train")
    app.drag_by(bo, app.nodes(bo, "style").first.locator("header"), 60, 40)
    expect(bo.get_by_test_id("connection-badge")).to_contain_text("unsynced")
    begin_anew(studio, "The Two Copies")
    # Ana had it open the whole time: it comes back by itself, without what it held.
    expect(dialog_of(ana)).to_be_visible(timeout=4 * app.SYNC_MS)
    dialog_of(ana).get_by_test_id("copy-merge").click()
    expect(app.nodes(ana, "shot")).to_have_count(1)
    app.expect_saved(ana)
    bo = come_back(bo, address)
    dialog = dialog_of(bo)
    differing = dialog.get_by_test_id("copy-differing")
    expect(differing).to_contain_text("seen from the train", timeout=app.SYNC_MS)
    expect(differing.locator("li")).to_have_count(2)
    expect(dialog.get_by_test_id("copy-merge")).to_have_attribute("aria-disabled", "true")
    differing.locator("li").filter(has_text="Shot 1").get_by_role("radio", name="Mine").click()
    picture(bo, "older-copy-differing")
    dialog.get_by_test_id("copy-merge").click()
    for page in (ana, bo):
        expect(app.prompt(app.nodes(page, "shot").first)).to_contain_text("at night, seen from the train")
    bo.get_by_test_id("undo").click()
    expect(app.prompt(app.nodes(ana, "shot").first)).to_have_text("a laundromat at night")


def test_who_may_only_read_is_told_so_and_may_keep_or_discard(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person(1280, 720)
    app.sign_in_by_link(ana, studio)
    address = app.create_project(ana, "The Demotion")
    shot = app.add_node(ana, "shot")
    app.prompt(shot).click()
    ana.keyboard.type("a laundromat at night")
    app.expect_saved(ana)
    app.sign_in_by_password(bo, "Bo", "correct horse battery")
    bo.goto(address)
    expect(app.nodes(bo, "shot")).to_have_count(1)
    app.expect_saved(bo)
    note_offline(bo, "written as an editor")
    begin_anew(studio, "The Demotion", "Bo")
    again = come_back(bo, address)
    dialog = dialog_of(again)
    expect(dialog.get_by_test_id("copy-added")).to_contain_text("written as an editor", timeout=app.SYNC_MS)
    merge = dialog.get_by_test_id("copy-merge")
    expect(merge).to_have_attribute("aria-disabled", "true")
    merge.hover()
    expect(again.get_by_role("tooltip")).to_contain_text("viewer")
    picture(again, "older-copy-viewer")
    merge.click(force=True)
    expect(dialog).to_be_visible()
    expect(app.nodes(again, "note")).to_have_count(0)
