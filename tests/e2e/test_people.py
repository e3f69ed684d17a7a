"""Who may do what, as people see it: guests by link, roles that change under an open page, tokens for programs."""

import json
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PASSWORD = "correct horse battery"
AT_ONCE_MS = 20_000
"""A change of rights reaches open pages within a second; the rest is for a machine that is busy with other things."""


@pytest.fixture
def ana(studio: Studio, new_person: NewPerson) -> Page:
    """The owner, with a project of their own open."""
    page = new_person()
    app.sign_in_by_link(page, studio)
    app.create_project(page, "The Shared Film")
    app.add_node(page, "shot")
    app.expect_saved(page)
    return page


def open_share(page: Page, tab: str) -> Locator:
    """The Share dialog at one of its tabs."""
    page.get_by_test_id("share").click()
    dialog = page.get_by_test_id("dialog-people")
    dialog.get_by_role("tab", name=tab).click()
    return dialog


def make_link(page: Page, label: str, role: str) -> str:
    """A guest link from the dialog; its address, as the owner copies it."""
    dialog = open_share(page, "Guest links")
    dialog.get_by_test_id("share-label").fill(label)
    dialog.get_by_test_id("share-role").get_by_role("radio", name=role, exact=True).click()
    dialog.get_by_test_id("share-create").click()
    once = dialog.get_by_test_id("share-url")
    once.get_by_role("button", name="Copy link").click()
    expect(once.get_by_role("button", name="Copied")).to_be_visible()
    return page.evaluate("navigator.clipboard.readText()")


def enter(page: Page, link: str, name: str) -> None:
    """Come in by a link."""
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    page.get_by_test_id("share-enter").click()
    expect(page.get_by_test_id("canvas")).to_be_visible()


def member(dialog: Locator, name: str) -> Locator:
    """Somebody's line in the list of members."""
    return dialog.locator(f'[data-testid="member"][data-name^="{name}"]')


def expect_read_only(page: Page) -> None:
    """The page says that nothing can be changed here, and why."""
    expect(page.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "readonly", timeout=AT_ONCE_MS)
    expect(page.get_by_test_id("palette-note")).to_have_attribute("aria-disabled", "true")


def status_of(studio: Studio, token: str, method: str, path: str, body: object = None) -> int:
    """What the API answers to a program that brings a token."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(studio.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=30) as reply:
            return reply.status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_guest_comes_in_by_a_link_and_may_not_edit_the_canvas(ana: Page, new_person: NewPerson) -> None:
    link = make_link(ana, "The agency", "Reviewer")
    picture(ana, "people-link")
    gil = new_person()
    gil.goto(link)
    picture(gil, "people-invited")
    enter(gil, link, "Gil")
    expect(gil).to_have_url(ana.url)
    expect(app.nodes(gil, "shot")).to_have_count(1)
    expect_read_only(gil)
    picture(gil, "people-guest")
    gil.go_back()
    assert link not in gil.url, "the link's secret stays in no history"
    ana.get_by_role("tab", name="Members").click()
    guest = member(ana.get_by_test_id("dialog-people"), "Gil")
    expect(guest).to_contain_text("Guest, by a link")
    expect(guest.get_by_test_id("member-role")).to_have_text("Reviewer")
    picture(ana, "people-members")


def test_a_role_that_changes_holds_on_the_open_page(ana: Page, new_person: NewPerson) -> None:
    bo = new_person()
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    bo.goto(ana.url)
    app.expect_saved(bo)
    dialog = open_share(ana, "Members")
    role = member(dialog, "Bo").get_by_test_id("member-role")
    role.select_option("viewer")
    expect_read_only(bo)
    bo.get_by_test_id("palette-note").hover()
    expect(bo.get_by_role("tooltip")).to_contain_text("viewer")
    picture(bo, "people-now-viewer")
    role.select_option("editor")
    expect(bo.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "saved", timeout=AT_ONCE_MS)
    app.add_node(bo, "note")
    app.expect_saved(bo)
    expect(app.nodes(ana, "note")).to_have_count(1)


def test_who_may_not_change_roles_is_told_who_can(ana: Page, new_person: NewPerson) -> None:
    bo = new_person()
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    bo.goto(ana.url)
    dialog = open_share(bo, "Members")
    expect(dialog).to_contain_text("People are added by an admin or the owner of this project.")
    member(dialog, "Owner").get_by_test_id("member-role").hover()
    expect(bo.get_by_role("tooltip")).to_contain_text("owner")
    expect(dialog.get_by_test_id("access").get_by_role("radio", name="Only members")).to_be_disabled()
    picture(bo, "people-as-editor")
    dialog.get_by_role("tab", name="Guest links").click()
    expect(dialog).to_contain_text("made and seen by an admin or the owner of this project")


def test_a_guest_whose_link_is_revoked_is_cut_off(ana: Page, new_person: NewPerson) -> None:
    link = make_link(ana, "The agency", "Viewer")
    gil = new_person()
    enter(gil, link, "Gil")
    expect_read_only(gil)
    dialog = ana.get_by_test_id("dialog-people")
    dialog.get_by_test_id("share-revoke").first.click()
    picture(ana, "people-revoke")
    dialog.get_by_role("button", name="Revoke link").click()
    expect(gil.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "refused", timeout=AT_ONCE_MS)
    expect(gil.get_by_role("alert")).to_contain_text("Your guest link has ended.")
    picture(gil, "people-cut-off")
    gil.reload()
    expect(gil.get_by_test_id("login-next")).to_contain_text("If you came by a guest link, it has ended")
    gil.goto(link)
    gil.get_by_label("Your name").fill("Gil")
    gil.get_by_test_id("share-enter").click()
    expect(gil.get_by_test_id("share-ended")).to_contain_text("Ask whoever sent it to you for a new one")
    picture(gil, "people-link-ended")


def test_a_token_works_for_programs_until_it_is_revoked(ana: Page, studio: Studio) -> None:
    ana.goto("/account")
    ana.get_by_test_id("token-name").fill("Nightly export")
    ana.get_by_test_id("token-create").click()
    token = ana.get_by_test_id("token-once").get_by_role("textbox").input_value()
    picture(ana, "account-token")
    assert status_of(studio, token, "GET", "/api/projects") == 200
    assert status_of(studio, token, "POST", "/api/projects", {"name": "Not for a viewer's token"}) == 403
    row = ana.get_by_test_id("token").filter(has_text="Nightly export")
    row.get_by_role("button", name="Revoke").click()
    row.get_by_role("button", name="Revoke", exact=True).click()
    expect(row).to_have_count(0)
    assert status_of(studio, token, "GET", "/api/projects") == 401


def test_a_browser_signed_out_from_afar_comes_back_to_where_it_was(ana: Page, new_person: NewPerson) -> None:
    here, there = new_person(), new_person()
    for page in (here, there):
        app.sign_in_by_password(page, "Bo", PASSWORD)
    there.goto(ana.url)
    expect(there.get_by_test_id("canvas")).to_be_visible()
    here.goto("/account")
    sessions = here.get_by_test_id("session")
    expect(sessions.filter(has_text="(this one)")).to_have_count(1)
    for _ in range(sessions.count() - 1):
        other = sessions.filter(has_not_text="(this one)").first
        left = sessions.count()
        other.get_by_role("button", name="Sign out").click()
        other.get_by_role("button", name="Sign out", exact=True).click()
        expect(sessions).to_have_count(left - 1)
    picture(here, "account")
    there.get_by_role("link", name="Sign in").click()
    there.get_by_label("User name").fill("Bo")
    there.get_by_label("Password").fill(PASSWORD)
    there.get_by_role("button", name="Sign in").click()
    expect(there).to_have_url(ana.url)
    expect(there.get_by_test_id("canvas")).to_be_visible()


def test_a_project_given_away_leaves_its_giver_an_admin(studio: Studio, new_person: NewPerson) -> None:
    studio.add_user("Cleo", PASSWORD)
    bo = new_person()
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    app.create_project(bo, "The Given Film")
    dialog = open_share(bo, "Members")
    dialog.get_by_test_id("add-name").fill("Cleo")
    dialog.get_by_test_id("add-role").select_option("reviewer")
    dialog.get_by_test_id("add-member").click()
    cleo = member(dialog, "Cleo")
    expect(cleo.get_by_test_id("member-role")).to_have_value("reviewer")
    cleo.get_by_test_id("member-more").click()
    bo.get_by_role("menuitem", name="Make owner").click()
    expect(cleo.get_by_test_id("confirm")).to_contain_text("Cleo becomes the owner, and you an admin.")
    picture(bo, "people-give-away")
    cleo.get_by_role("button", name="Make Cleo owner").click()
    expect(cleo.get_by_test_id("member-role")).to_have_text("Owner")
    expect(member(dialog, "Bo").get_by_test_id("member-role")).to_have_text("Admin")
    picture(bo, "people-given-away")


def test_somebody_who_has_no_account_cannot_be_added(ana: Page) -> None:
    dialog = open_share(ana, "Members")
    dialog.get_by_test_id("add-name").fill("Nobody Here")
    dialog.get_by_test_id("add-member").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Nobody of that name")
    picture(ana, "people-nobody")


def test_who_changed_what_is_listed_and_leads_there(ana: Page, new_person: NewPerson) -> None:
    bo = new_person()
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    bo.goto(ana.url)
    app.add_node(bo, "style")
    app.expect_saved(bo)
    dialog = open_share(ana, "Members")
    member(dialog, "Bo").get_by_test_id("member-role").select_option("reviewer")
    ana.keyboard.press("Escape")
    ana.get_by_test_id("changes").click()
    log = ana.get_by_test_id("dialog-changes")
    expect(log.get_by_test_id("log-entry").first).to_contain_text("Bo added")
    log.get_by_test_id("filter-person").select_option("Bo")
    expect(log.get_by_test_id("log-entry")).to_have_count(1)
    log.get_by_role("tab", name="Audit log").click()
    entry = log.locator('[data-action="member_added"]').first
    expect(entry).to_contain_text("added Bo as reviewer")
    picture(ana, "people-audit")
    log.get_by_role("tab", name="Changes").click()
    added = log.get_by_test_id("log-entry").filter(has_text="Bo added").get_by_role("button")
    expect(added).to_be_visible()
    picture(ana, "people-changes")
    added.click()
    expect(ana.get_by_test_id("inspector").get_by_label("Name")).to_have_value("Style")
    expect(ana.get_by_test_id("last-change")).to_contain_text("Bo")
    picture(ana, "people-last-change")


def test_guessing_passwords_is_slowed_down_and_says_for_how_long(new_person: NewPerson) -> None:
    eve = new_person()
    eve.goto("/login")
    alert = eve.get_by_role("alert")
    for _ in range(20):
        eve.get_by_label("User name").fill("Somebody")
        eve.get_by_label("Password").fill("a wrong guess")
        with eve.expect_response("**/auth/login") as answer:
            eve.get_by_role("button", name="Sign in").click()
        if answer.value.status == 429:
            break
    expect(alert).to_contain_text("You can try again in")
    picture(eve, "login-slowed")
