"""Work without a network: nothing is lost, and the badge says what is true."""

import pytest
from playwright.sync_api import expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_edits_made_offline_and_online_both_survive(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    app.sign_in_by_link(ana, studio)
    address = app.create_project(ana, "The Train")
    shot = app.add_node(ana, "shot")
    app.expect_saved(ana)
    app.sign_in_by_password(bo, "Bo", "correct horse battery")
    bo.goto(address)
    expect(app.nodes(bo, "shot")).to_have_count(1)
    app.expect_saved(bo)

    bo.context.set_offline(True)
    expect(bo.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "offline", timeout=app.SYNC_MS)
    app.add_node(bo, "note")
    app.prompt(app.nodes(bo, "shot").first).click()
    bo.keyboard.type("written on the train")
    badge = bo.get_by_test_id("connection-badge")
    expect(badge).to_contain_text("unsynced")
    picture(bo, "offline")

    app.prompt(shot).click()
    ana.keyboard.type("written at the desk. ")
    app.add_node(ana, "style")
    app.expect_saved(ana)
    expect(app.nodes(ana, "note")).to_have_count(0)

    bo.context.set_offline(False)
    expect(badge).to_have_attribute("data-kind", "saved", timeout=2 * app.SYNC_MS)
    for person in (ana, bo):
        for kind in ("shot", "note", "style"):
            expect(app.nodes(person, kind)).to_have_count(1)
        text = app.prompt(app.nodes(person, "shot").first)
        expect(text).to_contain_text("written on the train")
        expect(text).to_contain_text("written at the desk.")
    expect(app.prompt(app.nodes(bo, "shot").first)).to_have_text(app.prompt(shot).inner_text())


def test_undo_takes_back_only_ones_own_changes(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    app.sign_in_by_link(ana, studio)
    address = app.create_project(ana, "Undo")
    app.sign_in_by_password(bo, "Bo", "correct horse battery")
    bo.goto(address)
    app.add_node(ana, "note")
    expect(app.nodes(bo, "note")).to_have_count(1)
    app.add_node(bo, "style")
    expect(app.nodes(ana, "style")).to_have_count(1)
    ana.get_by_test_id("undo").click()
    for person in (ana, bo):
        expect(app.nodes(person, "note")).to_have_count(0)
        expect(app.nodes(person, "style")).to_have_count(1)
    ana.get_by_test_id("redo").click()
    expect(app.nodes(bo, "note")).to_have_count(1)


def test_a_moving_hand_and_a_dragged_node_are_seen_by_the_others(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    app.sign_in_by_link(ana, studio)
    address = app.create_project(ana, "Hands")
    note = app.add_node(ana, "note")
    app.sign_in_by_password(bo, "Bo", "correct horse battery")
    bo.goto(address)
    bo_note = app.nodes(bo, "note").first
    expect(bo_note).to_be_visible()
    before = app.centre(bo_note)
    x, y = app.centre(note.locator("header"))
    ana.mouse.move(x, y)
    ana.mouse.down()
    ana.mouse.move(x + 160, y + 90, steps=10)
    expect(bo.get_by_test_id("remote-cursor")).to_have_count(1)
    bo.wait_for_function(
        """(before) => {
            const box = document.querySelector('[data-node-type=note]').getBoundingClientRect();
            return box.x + box.width / 2 - before > 100;
        }""",
        arg=before[0],
    )
    ana.mouse.up()
    app.expect_saved(ana)
    bo.reload()
    expect(app.nodes(bo, "note")).to_have_count(1)
