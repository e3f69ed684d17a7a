"""A page closed before its edits were sent: the next one still has them, says so, and sends them."""

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.e2e import app
from tests.support.browser import NewPerson
from tests.support.studio import Studio

KEPT_LOCALLY = """async (edits) => {
    const stored = (await indexedDB.databases()).find(({ name }) => name.endsWith("/canvas"));
    const db = await new Promise((done, failed) => {
        const opening = indexedDB.open(stored.name);
        opening.onsuccess = () => done(opening.result);
        opening.onerror = () => failed(opening.error);
    });
    // Over both stores, so that it waits for whatever is being written to either.
    const reading = db.transaction(["updates", "custom"]).objectStore("custom").getAll();
    const counts = await new Promise((done) => (reading.onsuccess = () => done(reading.result)));
    db.close();
    return counts.some((count) => count === edits);
}"""
"""Whether this browser's own copy of the canvas has that many edits which the server has not confirmed."""

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
    ana.wait_for_function(KEPT_LOCALLY, arg=4)
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
