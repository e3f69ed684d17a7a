"""Whole projects, their files and their documents, as people handle them in the browser."""

import io
import re
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PASSWORD = "correct horse battery"
DEMO = "Neo-Noir Laundromat"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with the demo project, an editor and a viewer."""
    running = Studio(tmp_path_factory.mktemp("studio")).start()
    running.add_user("Bo", PASSWORD)
    running.add_user("Vi", PASSWORD, role="viewer")
    yield running
    running.stop()


def card(page: Page, name: str) -> Locator:
    """The card of the project of exactly that name."""
    return page.get_by_test_id("project-card").filter(has=page.get_by_text(name, exact=True))


def choose(page: Page, name: str, action: str) -> None:
    """Something in the menu of a card."""
    page.get_by_role("button", name=f"More for {name}", exact=True).click()
    page.get_by_role("menuitem", name=action).click()


def duplicate(page: Page, name: str, copy: str) -> None:
    """A copy of a project without its takes, which is open then."""
    page.goto("/")
    choose(page, name, "Duplicate…")
    dialog = page.get_by_test_id("dialog-duplicate")
    dialog.get_by_test_id("duplicate-name").fill(copy)
    dialog.get_by_role("radio", name="Without both").click()
    picture(page, "projects-duplicate")
    dialog.get_by_test_id("duplicate").click()
    page.wait_for_url("**/projects/*")
    expect(app.nodes(page, "shot")).to_have_count(3)


def test_a_duplicate_is_a_project_of_its_own(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    duplicate(page, DEMO, "Laundromat, the other cut")
    app.add_node(page, "note")
    app.expect_saved(page)
    page.goto("/")
    expect(card(page, DEMO)).to_be_visible()
    card(page, DEMO).click()
    expect(app.nodes(page, "shot")).to_have_count(3)
    expect(app.nodes(page, "note")).to_have_count(1)


def test_what_is_in_the_trash_comes_back_or_goes_for_ever(studio: Studio, new_person: NewPerson) -> None:
    page, bo = new_person(), new_person()
    app.sign_in_by_link(page, studio)
    duplicate(page, DEMO, "Thrown away")
    address = page.url
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    bo.goto(address)
    expect(bo.get_by_test_id("canvas")).to_be_visible()

    page.goto("/")
    choose(page, "Thrown away", "Move to trash")
    expect(card(page, "Thrown away")).to_have_count(0)
    picture(page, "projects-undo")
    expect(bo.get_by_test_id("no-access")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(card(page, "Thrown away")).to_be_visible()
    bo.goto(address)
    expect(app.nodes(bo, "shot")).to_have_count(3)

    choose(page, "Thrown away", "Move to trash")
    page.get_by_test_id("show-trash").click()
    row = page.get_by_test_id("trashed").filter(has_text="Thrown away")
    row.get_by_role("button", name="Delete for ever…").click()
    row.get_by_test_id("delete-title").fill("Thrown")
    expect(row.get_by_test_id("delete-for-ever")).to_have_attribute("aria-disabled", "true")
    picture(page, "trash-busy")
    row.get_by_test_id("delete-title").fill("Thrown away")
    row.get_by_test_id("delete-for-ever").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    picture(page, "trash-empty")


def test_who_may_not_is_told_why_and_who_can(new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_password(page, "Vi", PASSWORD)
    page.get_by_role("button", name=f"More for {DEMO}").click()
    menu = page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Move to trash")).to_have_attribute("aria-disabled", "true")
    expect(menu).to_contain_text("Only the owner of this project can delete the project")
    expect(menu).to_contain_text("Only the owner of this project can export")
    picture(page, "projects-menu-viewer")


def still(colour: tuple[int, int, int]) -> bytes:
    """A picture of one colour as PNG."""
    data = io.BytesIO()
    Image.new("RGB", (320, 180), colour).save(data, "PNG")
    return data.getvalue()


def silence(size_bytes: int) -> bytes:
    """A WAV file of about that size."""
    data = io.BytesIO()
    with wave.open(data, "wb") as out:
        out.setparams((2, 2, 48_000, 0, "NONE", ""))
        out.writeframes(bytes(size_bytes))
    return data.getvalue()


def test_a_setting_that_somebody_changes_is_seen_in_every_open_studio(studio: Studio, new_person: NewPerson) -> None:
    page, bo = new_person(), new_person()
    app.sign_in_by_link(page, studio)
    app.open_demo(page)
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    app.open_demo(bo)
    terms = app.nodes(bo, "pipeline").locator(".terms")
    expect(terms).to_contain_text("standard")
    answered = page.evaluate(
        """async () => (await fetch(location.pathname.replace(/.*projects/, '/api/projects'), {
            method: 'PATCH', headers: {'Content-Type': 'application/json'}, body: '{"quality": "low"}'
        })).status"""
    )
    assert answered == 200
    expect(terms).to_contain_text("low")


def test_files_are_added_by_category_and_seen_by_everybody(studio: Studio, new_person: NewPerson) -> None:
    page, bo = new_person(), new_person()
    app.sign_in_by_link(page, studio)
    app.open_demo(page)
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    app.open_demo(bo)
    for person in (page, bo):
        person.get_by_test_id("asset-kind").select_option("characters")
    picture(page, "files-empty")
    page.get_by_test_id("field-files").set_input_files(
        [
            {"name": "marlowe.png", "mimeType": "image/png", "buffer": still((150, 40, 60))},
            {"name": "woman.png", "mimeType": "image/png", "buffer": still((30, 90, 120))},
            {"name": "notes.exe", "mimeType": "application/octet-stream", "buffer": b"MZ this runs somewhere"},
        ]
    )
    files = page.get_by_test_id("file")
    expect(files).to_have_count(2)
    expect(files.first.locator("img")).to_have_js_property("complete", True)
    expect(files.first.locator("img")).not_to_have_js_property("naturalWidth", 0)
    refused = page.get_by_test_id("upload").filter(has_text="notes.exe")
    expect(refused).to_have_attribute("data-state", "failed")
    expect(bo.get_by_test_id("file")).to_have_count(2)
    picture(page, "files-busy")
    refused.get_by_role("button", name="Dismiss").click()

    bo.get_by_test_id("file").filter(has_text="marlowe.png").click()
    dialog = bo.get_by_test_id("dialog-file")
    expect(dialog.get_by_role("img", name="marlowe.png")).to_be_visible()
    picture(bo, "files-preview")
    with bo.expect_download() as download:
        dialog.get_by_role("link", name="Download original").click()
    assert Path(download.value.path()).read_bytes() == still((150, 40, 60))
    dialog.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete file").click()
    expect(bo.get_by_test_id("file")).to_have_count(1)
    expect(page.get_by_test_id("file")).to_have_count(1)


def test_a_large_file_goes_on_after_a_lost_connection(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    app.open_demo(page)
    page.get_by_test_id("asset-kind").select_option("music")
    offsets: list[str | None] = []
    page.on(
        "request",
        lambda request: offsets.append(request.headers.get("upload-offset")) if request.method == "PATCH" else None,
    )
    cut: list[str] = []
    is_away = True

    def lose_all_but_the_first_piece(route: Route) -> None:
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0" and is_away:
            cut.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/uploads/*", lose_all_but_the_first_piece)
    music = silence(12_000_000)
    page.get_by_test_id("field-files").set_input_files({"name": "score.wav", "mimeType": "audio/wav", "buffer": music})
    expect(page.get_by_test_id("upload")).to_have_attribute("data-state", "paused")
    picture(page, "files-lost")
    is_away = False
    expect(page.get_by_test_id("file")).to_have_count(1, timeout=90_000)
    expect(page.get_by_test_id("upload")).to_have_count(0)
    assert cut
    assert offsets.count("0") == 1, "what had arrived was not sent again"
    page.get_by_test_id("file").click()
    expect(page.get_by_test_id("dialog-file").locator("audio")).to_be_visible()
    answer = page.request.get(page.get_by_test_id("dialog-file").locator("audio").get_attribute("src") or "")
    assert answer.body() == music


def test_two_people_write_one_screenplay(studio: Studio, new_person: NewPerson) -> None:
    page, bo = new_person(), new_person()
    app.sign_in_by_link(page, studio)
    app.open_demo(page)
    page.get_by_role("tab", name="Documents").click()
    page.get_by_test_id("new-script").click()
    dialog = page.get_by_test_id("dialog-new-script")
    dialog.get_by_role("radio", name="Screenplay").click()
    picture(page, "documents-new")
    dialog.get_by_test_id("create-script").click()
    mine = page.get_by_test_id("script-pane").get_by_role("textbox")
    expect(mine).to_have_attribute("contenteditable", "true")

    app.sign_in_by_password(bo, "Bo", PASSWORD)
    app.open_demo(bo)
    bo.get_by_role("tab", name="Documents").click()
    theirs = bo.get_by_test_id("script-pane").get_by_role("textbox")
    expect(theirs).to_have_attribute("contenteditable", "true")
    mine.press("ControlOrMeta+End")
    mine.press_sequentially("\n\nINT. LAUNDROMAT - NIGHT\n\nRain.\n\nMARLOWE\nIt never stops.\n")
    expect(theirs).to_contain_text("It never stops.")
    theirs.press("ControlOrMeta+End")
    theirs.press_sequentially("\nCUT TO:\n")
    expect(mine).to_contain_text("CUT TO:")
    expect(page.locator(".fountain-character").filter(has_text="MARLOWE")).to_be_visible()
    expect(page.locator('.cm-remote-caret[data-name="Bo"]')).to_be_visible()
    expect(page.get_by_test_id("script-person")).to_have_count(1)
    expect(page.get_by_test_id("script-state")).to_have_text("Saved")
    picture(page, "documents-busy")

    page.context.set_offline(True)
    expect(page.get_by_test_id("script-state")).to_contain_text("Offline")
    mine.press("ControlOrMeta+End")
    mine.press_sequentially("THE END")
    picture(page, "documents-offline")
    page.context.set_offline(False)
    expect(theirs).to_contain_text("THE END", timeout=app.SYNC_MS)


def test_where_the_work_is(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    app.open_demo(page)
    page.get_by_test_id("where").click()
    dialog = page.get_by_test_id("dialog-where")
    expect(dialog.get_by_test_id("clone-command")).to_have_value(
        re.compile(rf"^git clone {re.escape(studio.url)}/git/\w[\w-]*\.git Neo-Noir-Laundromat$")
    )
    dialog.get_by_role("button", name="Copy", exact=True).first.click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('git clone ')")
    expect(dialog.get_by_test_id("git-pending")).to_be_visible()
    dialog.get_by_test_id("reconcile").click()
    expect(dialog.get_by_test_id("reconciled")).to_have_text("Every take has its file, and every file its take")
    picture(page, "where")


def test_a_project_goes_out_as_a_file_and_comes_in_again(studio: Studio, new_person: NewPerson, tmp_path: Path) -> None:
    page = new_person()
    app.sign_in_by_link(page, studio)
    choose(page, DEMO, "Export…")
    dialog = page.get_by_test_id("dialog-export")
    picture(page, "projects-export")
    with page.expect_download() as download:
        dialog.get_by_test_id("export").click()
    bundle = tmp_path / download.value.suggested_filename
    assert bundle.suffix == ".workprint"
    download.value.save_as(bundle)
    expect(dialog.get_by_role("button", name="Close", exact=True).last).to_be_visible()
    page.keyboard.press("Escape")

    page.get_by_test_id("import-project").click()
    dialog = page.get_by_test_id("dialog-import")
    dialog.get_by_test_id("import-file").set_input_files(
        {"name": "broken.workprint", "mimeType": "application/zip", "buffer": b"this is no archive"}
    )
    expect(dialog.get_by_role("alert")).to_contain_text("Not imported; nothing was kept of it.")
    picture(page, "projects-import-error")
    dialog.get_by_test_id("import-file").set_input_files(bundle)
    page.wait_for_url("**/projects/*")
    expect(app.nodes(page, "shot")).to_have_count(3)
    page.goto("/")
    expect(page.get_by_role("button", name=re.compile(f"^More for {DEMO}"))).to_have_count(2)
