"""A page closed before its edits were sent: the next one still has them, says so, and sends them."""

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.e2e import app
from tests.support.browser import NewPerson
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_edits_of_a_page_that_was_closed_offline_are_counted_and_sent_by_the_next(
    studio: Studio, new_person: NewPerson
) -> None:
    ana, bo = new_person(), new_person()
    app.sign_in_by_link(ana, studio)
    address = app.create_project(ana, "The Tunnel")
    note = app.add_node(ana, "note")
    app.expect_saved(ana)
    ana.context.set_offline(True)
    app.prompt(note).click()
    ana.keyboard.type("kept")
    expect(ana.get_by_test_id("connection-badge")).to_contain_text("4 unsynced", timeout=app.SYNC_MS)
    ana.close()

    # The server's pages can be had again, but its sockets cannot: only the local copy can show the note's words.
    ana.context.set_offline(False)
    reachable = False

    def answer(socket: WebSocketRoute) -> None:
        if reachable:
            socket.connect_to_server()
        else:
            socket.close()

    again = ana.context.new_page()
    again.route_web_socket("**/ws/**", answer)
    again.goto(address)
    expect(app.prompt(app.nodes(again, "note").first)).to_have_text("kept")
    badge = again.get_by_test_id("connection-badge")
    expect(badge).to_have_attribute("data-kind", "offline")
    expect(badge).to_contain_text("4 unsynced")

    reachable = True
    app.expect_saved(again)
    app.sign_in_by_password(bo, "Bo", "correct horse battery")
    bo.goto(address)
    expect(app.prompt(app.nodes(bo, "note").first)).to_have_text("kept")
    again.reload()
    app.expect_saved(again)
