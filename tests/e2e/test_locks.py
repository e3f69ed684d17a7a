"""Locks as people meet them: a locked shot stands still, what was not kept is told and can be sent again."""

import time

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson, picture
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PASSWORD = "correct horse battery"


def two_at_a_shot(studio: Studio, new_person: NewPerson, name: str) -> tuple[Page, Page]:
    """The owner and Bo, an editor, look at the same new project with one shot and its pipeline."""
    owner, bo = new_person(), new_person()
    app.sign_in_by_link(owner, studio)
    address = app.create_project(owner, name)
    app.add_node(owner, "pipeline")
    shot = app.add_node(owner, "shot")
    # Waits until the view has come to rest.
    shot.locator("header").hover()
    app.drag(
        owner,
        app.handle(app.nodes(owner, "pipeline").first, "pipeline", "source"),
        app.handle(shot, "pipeline", "target"),
    )
    expect(owner.locator(".svelte-flow__edge")).to_have_count(1)
    app.expect_saved(owner)
    app.sign_in_by_password(bo, "Bo", PASSWORD)
    bo.goto(address)
    expect(app.nodes(bo, "shot")).to_have_count(1)
    app.expect_saved(bo)
    return owner, bo


def choose(page: Page, kind: str = "shot") -> Locator:
    """Select the one node of a kind by its header."""
    node = app.nodes(page, kind).first
    node.locator("header").click(position={"x": 20, "y": 18})
    return node


def lock(owner: Page) -> None:
    """Lock the shot in the inspector."""
    choose(owner)
    owner.get_by_test_id("lock").click()
    expect(owner.get_by_test_id("unlock")).to_be_visible()


def unlock(owner: Page, reason: str) -> None:
    """Unlock the shot, saying why."""
    choose(owner)
    owner.get_by_test_id("unlock").click()
    dialog = owner.get_by_test_id("dialog-unlock")
    expect(dialog.get_by_test_id("unlock-sure")).to_have_attribute("aria-disabled", "true")
    dialog.get_by_test_id("unlock-reason").fill(reason)
    picture(owner, "locks-unlock-dialog")
    dialog.get_by_test_id("unlock-sure").click()
    expect(dialog).to_be_hidden()


def on_canvas(page: Page) -> dict[str, object]:
    """What a page shows of the canvas: names, places, words and links."""
    return page.evaluate(
        """() => ({
            nodes: [...document.querySelectorAll('[data-node-type]')].map((node) => ({
                id: node.dataset.testid,
                name: node.querySelector('.title')?.textContent.trim(),
                place: node.closest('.svelte-flow__node').style.transform,
                words: [...node.querySelectorAll('.cm-content')].map((each) => each.textContent),
            })).sort((a, b) => a.id < b.id ? -1 : 1),
            edges: [...document.querySelectorAll('.svelte-flow__edge')].map((edge) => edge.dataset.id).sort(),
        })"""
    )


def expect_equal_canvases(one: Page, other: Page) -> None:
    """Wait until two people see the same canvas."""
    until = time.monotonic() + app.SYNC_MS / 1000
    while on_canvas(one) != on_canvas(other) and time.monotonic() < until:
        other.wait_for_timeout(50)
    assert on_canvas(one) == on_canvas(other)


def test_a_locked_shot_looks_locked_and_stands_still_for_an_editor(studio: Studio, new_person: NewPerson) -> None:
    owner, bo = two_at_a_shot(studio, new_person, "Final Cut")
    lock(owner)
    picture(owner, "locks-owner")

    shot = app.nodes(bo, "shot").first
    line = shot.get_by_test_id("lock-line")
    expect(line).to_contain_text("Locked by")
    choose(bo)
    control = bo.get_by_test_id("unlock")
    expect(control).to_have_attribute("aria-disabled", "true")
    control.hover()
    expect(bo.get_by_role("tooltip")).to_contain_text("Only an admin or the owner of this project can unlock")
    picture(bo, "locks-editor")
    bo.mouse.move(5, 5)

    before = on_canvas(bo)
    app.drag_by(bo, shot.locator("header"), 120, 60)
    shot.get_by_test_id("prompt-editor").click()
    bo.keyboard.type("words that must not arrive")
    choose(bo)
    bo.keyboard.press("Delete")
    expect(bo.get_by_text("Not deleted")).to_be_visible()
    app.drag(
        bo,
        app.handle(shot, "pipeline", "target"),
        bo.get_by_test_id("canvas"),
    )
    expect(bo.get_by_test_id("inspector").get_by_label("Name")).to_have_attribute("readonly", "")
    expect(shot.get_by_test_id("generate")).to_have_attribute("aria-disabled", "true")
    expect(bo.get_by_test_id("project-tree").get_by_text("Locked by")).to_have_count(1)
    assert on_canvas(bo) == before
    expect_equal_canvases(owner, bo)
    expect(bo.get_by_test_id("not-kept-badge")).to_have_count(0)


def write_offline_while_it_is_locked(owner: Page, bo: Page) -> None:
    """Bo writes on the shot and adds a note without a network; the owner locks the shot meanwhile; Bo comes back."""
    app.prompt(app.nodes(owner, "shot").first).click()
    owner.keyboard.type("Rain on the platform.")
    app.expect_saved(owner)
    expect(app.prompt(app.nodes(bo, "shot").first)).to_contain_text("Rain on the platform.")
    badge = bo.get_by_test_id("connection-badge")
    bo.context.set_offline(True)
    expect(badge).to_have_attribute("data-kind", "offline", timeout=app.SYNC_MS)
    app.prompt(app.nodes(bo, "shot").first).click()
    bo.keyboard.press("End")
    bo.keyboard.type(" Written on the train.")
    app.add_node(bo, "note")
    lock(owner)
    bo.context.set_offline(False)
    expect(badge).to_have_attribute("data-kind", "saved", timeout=2 * app.SYNC_MS)


def test_what_was_written_offline_on_a_locked_shot_is_not_kept_and_its_writer_is_told_where_and_why(
    studio: Studio, new_person: NewPerson
) -> None:
    owner, bo = two_at_a_shot(studio, new_person, "The Train Again")
    write_offline_while_it_is_locked(owner, bo)
    # The note breaks no rule, so it stays; the words in the locked shot do not.
    expect(app.nodes(owner, "note")).to_have_count(1)
    notice = app.nodes(bo, "shot").first.get_by_test_id("not-kept")
    expect(notice).to_contain_text("Not kept: this shot is locked by")
    expect(notice).to_contain_text("can unlock it.")
    expect(bo.get_by_test_id("activity").get_by_text("Not kept: Prompt of")).to_be_visible()
    expect(app.nodes(bo, "shot").first.locator(".cm-content")).to_have_text("Rain on the platform.")
    expect_equal_canvases(owner, bo)
    picture(bo, "locks-not-kept")

    notice.get_by_test_id("see-not-kept").click()
    proposal = bo.get_by_test_id("dialog-not-kept").get_by_test_id("proposal")
    expect(proposal).to_have_count(1)
    expect(proposal.get_by_test_id("proposed")).to_contain_text("Written on the train.")
    expect(proposal.get_by_test_id("stands")).to_have_text("Rain on the platform.")
    expect(proposal.get_by_test_id("send-again")).to_have_attribute("aria-disabled", "true")
    picture(bo, "locks-not-kept-dialog")


def test_what_was_not_kept_waits_for_its_writer_and_is_sent_again_when_the_shot_is_unlocked(
    studio: Studio, new_person: NewPerson
) -> None:
    owner, bo = two_at_a_shot(studio, new_person, "The Next Train")
    write_offline_while_it_is_locked(owner, bo)
    expect(bo.get_by_test_id("not-kept-badge")).to_be_visible()
    bo.reload()
    badge = bo.get_by_test_id("not-kept-badge")
    expect(badge).to_contain_text("1 not kept", timeout=app.SYNC_MS)
    badge.click()
    proposal = bo.get_by_test_id("dialog-not-kept").get_by_test_id("proposal")
    again = proposal.get_by_test_id("send-again")
    expect(again).to_have_attribute("aria-disabled", "true")
    unlock(owner, "The client wants the train in it")
    expect(app.nodes(bo, "shot").first.get_by_test_id("lock-line")).to_have_count(0)
    expect(again).not_to_have_attribute("aria-disabled", "true")
    again.click()
    expect(proposal).to_have_count(0)
    bo.keyboard.press("Escape")
    expect(badge).to_have_count(0)
    expect(app.prompt(app.nodes(owner, "shot").first)).to_contain_text("Written on the train.")
    expect_equal_canvases(owner, bo)


def set_role(owner: Page, role: str) -> None:
    """Give Bo another role in the open project; "" takes him off it."""
    done = owner.evaluate(
        """async ([project, role]) => {
            const ask = (method, path, body) => fetch(`/api/projects/${project}/${path}`, {
                method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body),
            });
            const { members } = await (await ask('GET', 'members')).json();
            const bo = members.find((member) => member.name === 'Bo');
            if (role === '') {
                await ask('PUT', 'access', { access: 'members' });
                return (await ask('DELETE', `members/${bo.id}`)).status;
            }
            if (bo?.via === 'member') return (await ask('PUT', `members/${bo.id}`, { role })).status;
            return (await ask('POST', 'members', { name: 'Bo', role })).status;
        }""",
        [owner.url.rsplit("/", 1)[1], role],
    )
    assert done < 300, done


def test_what_somebody_wrote_who_may_only_read_by_now_is_kept_as_a_copy(studio: Studio, new_person: NewPerson) -> None:
    owner, bo = two_at_a_shot(studio, new_person, "The Demotion")
    app.prompt(app.nodes(owner, "shot").first).click()
    owner.keyboard.type("Rain on the platform.")
    app.expect_saved(owner)
    expect(app.prompt(app.nodes(bo, "shot").first)).to_contain_text("Rain on the platform.")

    badge = bo.get_by_test_id("connection-badge")
    bo.context.set_offline(True)
    expect(badge).to_have_attribute("data-kind", "offline", timeout=app.SYNC_MS)
    app.add_node(bo, "note")
    app.prompt(app.nodes(bo, "shot").first).click()
    bo.keyboard.type("Written on the train. ")
    set_role(owner, "viewer")
    bo.context.set_offline(False)

    expect(badge).to_have_attribute("data-kind", "readonly", timeout=2 * app.SYNC_MS)
    expect(bo.get_by_test_id("older-copy")).to_contain_text("Unsaved edits", timeout=app.SYNC_MS)
    dialog = bo.get_by_test_id("dialog-older-copy")
    expect(dialog).to_contain_text("Edits of yours were not saved")
    expect(dialog.get_by_test_id("copy-added")).to_contain_text("Note")
    expect(dialog.get_by_test_id("copy-differing")).to_contain_text("Written on the train.")
    expect(dialog.get_by_test_id("copy-merge")).to_have_attribute("aria-disabled", "true")
    picture(bo, "locks-unsaved-copy")
    bo.keyboard.press("Escape")
    expect(app.nodes(bo, "note")).to_have_count(0)
    expect(app.nodes(owner, "note")).to_have_count(0)
    expect(app.nodes(bo, "shot").first.locator(".cm-content")).to_have_text("Rain on the platform.")
    picture(bo, "locks-viewer")

    # An editor again: the copy can be merged.
    set_role(owner, "editor")
    expect(badge).to_have_attribute("data-kind", "saved", timeout=app.SYNC_MS)
    bo.get_by_test_id("older-copy").click()
    dialog.get_by_test_id("copy-merge").click()
    expect(app.nodes(owner, "note")).to_have_count(1)


def test_somebody_who_is_taken_off_is_told_and_keeps_their_copy(studio: Studio, new_person: NewPerson) -> None:
    owner, bo = two_at_a_shot(studio, new_person, "The Farewell")
    set_role(owner, "editor")
    set_role(owner, "")
    farewell = bo.get_by_test_id("no-access")
    expect(farewell).to_contain_text("can add you again")
    expect(farewell).to_contain_text("Your copy of the canvas is kept in this browser.")
    picture(bo, "locks-no-access")
    with bo.expect_download() as download:
        farewell.get_by_role("button", name="Download your copy").click()
    assert download.value.suggested_filename == "The Farewell - my copy.json"
