"""What the badge says when the server's disk fails, when it has no place, and when somebody may do more than before."""

import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_a_disk_that_fails_is_said_while_it_does_and_not_longer(studio: Studio, new_person: NewPerson) -> None:
    ana = new_person()
    app.sign_in_by_link(ana, studio)
    app.create_project(ana, "The Full Disk")
    app.expect_saved(ana)
    badge = ana.get_by_test_id("connection-badge")
    log = studio.project_folder("The Full Disk") / ".workprint" / "documents.sqlite"
    with closing(sqlite3.connect(log, isolation_level=None)) as other:
        # Somebody else's backup holds the file for longer than SQLite waits for it.
        other.execute("BEGIN IMMEDIATE")
        app.add_node(ana, "shot")
        expect(badge).to_have_attribute("data-kind", "stuck", timeout=app.SYNC_MS)
        expect(badge).to_have_text("Server disk fails")
        expect(ana.get_by_text("The server cannot write its disk", exact=True).first).to_be_visible()
        badge.hover()
        expect(ana.get_by_role("tooltip")).to_contain_text("kept in this browser too")
        picture(ana, "disk-fails")
        other.execute("ROLLBACK")
    app.expect_saved(ana)
    expect(ana.get_by_text("The server writes its disk again").first).to_be_visible()
    ana.reload()
    expect(app.nodes(ana, "shot")).to_have_count(1)


def test_a_full_room_is_said_and_asked_again(studio: Studio, new_person: NewPerson) -> None:
    ana = new_person()
    app.sign_in_by_link(ana, studio)
    address = app.create_project(ana, "The Full Room")
    app.expect_saved(ana)
    full = True

    def answer(socket: WebSocketRoute) -> None:
        if full:
            socket.close(code=1013, reason="You have too many documents open. Close some tabs first.")
        else:
            socket.connect_to_server()

    page = ana.context.new_page()
    page.route_web_socket("**/ws/**", answer)
    page.goto(address)
    badge = page.get_by_test_id("connection-badge")
    expect(badge).to_have_attribute("data-kind", "offline")
    badge.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("Close some tabs first.")
    picture(page, "full-room")
    full = False
    app.expect_saved(page)


def test_a_viewer_who_becomes_an_editor_may_write_without_a_reload(studio: Studio, new_person: NewPerson) -> None:
    ana, eve = new_person(), new_person()
    studio.add_user("Eve", "correct horse battery", "viewer")
    app.sign_in_by_link(ana, studio)
    app.open_demo(ana)
    address, notes = ana.url, app.nodes(ana, "note").count()
    app.sign_in_by_password(eve, "Eve", "correct horse battery")
    eve.goto(address)
    badge = eve.get_by_test_id("connection-badge")
    expect(badge).to_have_attribute("data-kind", "readonly", timeout=app.SYNC_MS)
    with closing(sqlite3.connect(next(studio.workspace.rglob("workspace.sqlite")))) as people, people:
        people.execute("UPDATE users SET role = 'editor' WHERE name = 'Eve'")
    # A job that ends makes every page ask the server what has become of the project, its role in it included.
    app.nodes(ana, "shot").first.get_by_test_id("generate").click()
    expect(badge).to_have_attribute("data-kind", "saved", timeout=app.TAKE_MS)
    app.add_node(eve, "note")
    app.expect_saved(eve)
    expect(app.nodes(ana, "note")).to_have_count(notes + 1)
