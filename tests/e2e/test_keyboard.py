"""The keys and gestures of the canvas, as Figma, Nuke and Resolve taught people to expect them."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

LONG_PROMPT = "A woman waits at a bus stop in the rain, neon on wet asphalt, steam over the grate, the last bus gone"


def first_shot(person: Page, studio: Studio, name: str) -> str:
    """A new project with a shot joined to a pipeline; its address."""
    app.sign_in_by_link(person, studio)
    address = app.create_project(person, name)
    person.get_by_role("button", name="Add the first shot").click()
    expect(person.locator(".svelte-flow__edge")).to_have_count(1)
    app.expect_saved(person)
    return address


def join(person: Page, address: str) -> None:
    app.sign_in_by_password(person, "Bo", "correct horse battery")
    person.goto(address)
    expect(app.nodes(person, "shot")).to_have_count(1)


def grab(node: Locator) -> None:
    """Select a node by its header, and nothing else."""
    header = node.locator("header")
    app.settled_view(node.page)
    box = header.bounding_box()
    assert box is not None
    # In parts of its size: how far the view is zoomed out differs with the machine's pace.
    header.click(position={"x": box["width"] / 8, "y": box["height"] / 2})
    expect(node).to_have_class(re.compile(r"\bselected\b"))


def chosen(person: Page) -> Locator:
    return person.locator("article.selected")


def point_at_free_space(person: Page) -> None:
    """Below what stands on the canvas, above what floats over it."""
    frame = person.get_by_test_id("canvas").bounding_box()
    assert frame is not None
    person.mouse.move(frame["x"] + 120, frame["y"] + frame["height"] - 200)


def expect_count(people: list[Page], kind: str, count: int) -> None:
    for person in people:
        expect(app.nodes(person, kind)).to_have_count(count)


def expect_edges(people: list[Page], count: int) -> None:
    for person in people:
        expect(person.locator(".svelte-flow__edge")).to_have_count(count)


def test_copied_nodes_and_their_words_are_pasted_for_everybody(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    join(bo, first_shot(ana, studio, "Copy"))
    app.prompt(app.nodes(ana, "shot").first).click()
    ana.keyboard.type("rain on glass")
    ana.keyboard.press("Escape")
    ana.keyboard.press("Control+a")
    expect(chosen(ana)).to_have_count(2)
    ana.keyboard.press("Control+c")
    point_at_free_space(ana)
    ana.keyboard.press("Control+v")
    expect_count([ana, bo], "shot", 2)
    expect_count([ana, bo], "pipeline", 2)
    expect_edges([ana, bo], 2)
    for person in (ana, bo):
        expect(app.prompt(app.nodes(person, "shot").nth(1))).to_have_text("rain on glass")
        expect(person.get_by_test_id("project-tree").get_by_role("treeitem").filter(has_text="02")).to_have_count(1)
    # What was pasted is selected, so that it can be moved or taken back at once.
    expect(chosen(ana)).to_have_count(2)
    ana.keyboard.press("Control+z")
    expect_count([ana, bo], "shot", 1)
    expect_edges([ana, bo], 1)


def test_cut_and_duplicate_do_what_they_say(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    join(bo, first_shot(ana, studio, "Cut"))
    grab(app.nodes(ana, "shot").first)
    ana.keyboard.press("Control+d")
    # A duplicate is fed by the same nodes as the original.
    expect_count([ana, bo], "shot", 2)
    expect_count([ana, bo], "pipeline", 1)
    expect_edges([ana, bo], 2)
    ana.keyboard.press("Control+x")
    expect_count([ana, bo], "shot", 1)
    expect_edges([ana, bo], 1)
    point_at_free_space(ana)
    ana.keyboard.press("Control+v")
    expect_count([ana, bo], "shot", 2)


def test_deleting_all_is_one_step_back_and_one_forth(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    join(bo, first_shot(ana, studio, "Delete"))
    grab(app.nodes(ana, "shot").first)
    for keys, left in (("Control+a Delete", 0), ("Control+z", 1), ("Control+Shift+z", 0), ("Control+z", 1)):
        for key in keys.split():
            ana.keyboard.press(key)
        expect_count([ana, bo], "shot", left)
        expect_count([ana, bo], "pipeline", left)
        expect_edges([ana, bo], left)
    grab(app.nodes(ana, "shot").first)
    ana.keyboard.press("Backspace")
    expect_count([ana, bo], "shot", 0)
    expect_count([ana, bo], "pipeline", 1)


def test_no_key_of_the_canvas_fires_while_somebody_types(studio: Studio, new_person: NewPerson) -> None:
    ana = new_person()
    first_shot(ana, studio, "Typing")
    shot = app.nodes(ana, "shot").first
    app.prompt(shot).click()
    view = app.settled_view(ana)
    ana.keyboard.type("Fog?! 1")
    for key in ("Backspace", "ArrowLeft", "Delete", "Shift+1", "Control+d"):
        ana.keyboard.press(key)
    expect(app.prompt(shot)).to_have_text(re.compile(r"^Fog\?!"))
    name = ana.get_by_test_id("inspector").get_by_label("Name")
    name.fill("fff?")
    name.press("Backspace")
    name.press("Control+a")
    expect(name).to_have_value("fff")
    expect_count([ana], "shot", 1)
    expect_count([ana], "pipeline", 1)
    expect(ana.get_by_role("dialog")).to_have_count(0)
    assert app.view_of(ana) == view


def test_a_caret_at_the_end_of_a_wrapped_line_does_not_take_the_keys_back(
    studio: Studio, new_person: NewPerson
) -> None:
    ana = new_person()
    first_shot(ana, studio, "Caret")
    shot = app.nodes(ana, "shot").first
    app.prompt(shot).click()
    ana.keyboard.insert_text(LONG_PROMPT)
    ana.keyboard.press("ArrowUp")
    ana.keyboard.press("End")
    app.drag_by(ana, app.nodes(ana, "pipeline").locator("header"), -10, 90)
    expect(chosen(ana)).to_have_attribute("data-node-type", "pipeline")
    ana.keyboard.press("Delete")
    expect_count([ana], "pipeline", 0)
    expect(app.prompt(shot)).to_have_text(LONG_PROMPT)


def test_the_view_fits_everything_or_frames_what_is_selected(studio: Studio, new_person: NewPerson) -> None:
    ana = new_person()
    first_shot(ana, studio, "View")
    for _ in range(4):
        ana.get_by_role("button", name="Zoom out").click()
    small = app.settled_view(ana)
    shot = app.nodes(ana, "shot").first
    grab(shot)
    ana.keyboard.press("f")
    framed = app.settled_view(ana)
    assert framed != small
    frame, box = ana.get_by_test_id("canvas").bounding_box(), shot.bounding_box()
    assert frame is not None
    assert box is not None
    assert abs((box["x"] + box["width"] / 2) - (frame["x"] + frame["width"] / 2)) < 3
    ana.keyboard.press("Shift+Digit1")
    assert app.settled_view(ana) != framed
    for kind in ("shot", "pipeline"):
        expect(app.nodes(ana, kind)).to_be_in_viewport(ratio=1)


def test_arrows_move_and_escape_lets_go(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    join(bo, first_shot(ana, studio, "Nudge"))
    note = app.add_node(ana, "note")
    grab(note)
    place = "(node) => node.closest('.svelte-flow__node').style.transform"
    before = note.evaluate(place)
    ana.keyboard.press("ArrowRight")
    ana.keyboard.press("Shift+ArrowDown")
    x, y = (float(part) for part in re.findall(r"-?[\d.]+(?=px)", before))
    moved = f"translate({x + 1:g}px, {y + 10:g}px)"
    ana.wait_for_function(f"(expected) => ({place})(document.querySelector('.note')) === expected", arg=moved)
    bo.wait_for_function(f"(expected) => ({place})(document.querySelector('.note')) === expected", arg=moved)
    ana.keyboard.press("Escape")
    expect(chosen(ana)).to_have_count(0)
    ana.keyboard.press("Delete")
    expect_count([ana, bo], "note", 1)


def test_tab_adds_a_node_by_typing_its_name(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    join(bo, first_shot(ana, studio, "Tab"))
    point_at_free_space(ana)
    ana.keyboard.press("Tab")
    search = ana.get_by_label("Type the name of a node")
    expect(search).to_be_focused()
    ana.keyboard.press("Escape")
    expect(search).to_have_count(0)
    ana.keyboard.press("Tab")
    expect(search).to_be_focused()
    ana.keyboard.type("describe a picture")
    never = ana.get_by_role("dialog", name="Add a node").get_by_role("option")
    expect(never).to_have_attribute("aria-disabled", "true")
    ana.keyboard.press("Enter")  # no node can ever run it in this version
    expect(search).to_be_focused()
    search.fill("")
    ana.keyboard.type("sty")
    ana.keyboard.press("Enter")
    expect_count([ana, bo], "style", 1)
    expect(chosen(ana)).to_have_attribute("data-node-type", "style")


def test_ctrl_enter_generates_every_selected_shot_once(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    join(bo, first_shot(ana, studio, "Generate"))
    grab(app.nodes(ana, "shot").first)
    ana.keyboard.press("Control+d")
    expect_count([ana, bo], "shot", 2)
    ana.keyboard.press("Control+a")
    # One primary action in view, with the count and the price.
    expect(ana.get_by_test_id("generate-several")).to_have_text(re.compile(r"Generate 2 takes - \$0\.02"))
    ana.keyboard.press("Control+Enter")
    ana.keyboard.press("Control+Enter")
    for person in (ana, bo):
        expect(person.get_by_test_id("active-take")).to_have_count(2, timeout=app.TAKE_MS)
        expect(person.get_by_test_id("take-thumb")).to_have_count(2)
    # Also from within the prompt, where it types nothing.
    app.prompt(app.nodes(ana, "shot").last).click()
    ana.keyboard.press("Control+Enter")
    expect(app.nodes(bo, "shot").last.get_by_test_id("take-thumb")).to_have_count(2, timeout=app.TAKE_MS)
    expect(app.prompt(app.nodes(ana, "shot").last)).to_have_text("What does the camera see?")


def test_keys_also_work_from_the_panels_and_the_palette(studio: Studio, new_person: NewPerson) -> None:
    ana = new_person()
    first_shot(ana, studio, "Panels")
    ana.get_by_test_id("project-tree").get_by_role("treeitem").filter(has_text="Shot 1").click()
    expect(chosen(ana)).to_have_attribute("data-node-type", "shot")
    ana.keyboard.press("Control+d")
    expect_count([ana], "shot", 2)
    app.command(ana, "select all")
    expect(chosen(ana)).to_have_count(3)
    ana.keyboard.press("?")
    sheet = ana.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet.get_by_text("Duplicate with links")).to_be_visible()
    # What is open over the canvas has the keys.
    ana.keyboard.press("Delete")
    ana.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect_count([ana], "shot", 2)
    ana.keyboard.press("Control+b")
    expect(ana.get_by_role("button", name="Show project panel")).to_be_visible()
    # Kept a moment after the panel has come to rest.
    ana.wait_for_function("() => JSON.stringify({ ...localStorage }).includes('[0,')")
    ana.reload()
    expect(ana.get_by_role("button", name="Show project panel")).to_be_visible()


def test_the_mouse_selects_and_unplugs_as_elsewhere(studio: Studio, new_person: NewPerson) -> None:
    ana, bo = new_person(), new_person()
    join(bo, first_shot(ana, studio, "Mouse"))
    shot, pipeline = app.nodes(ana, "shot").first, app.nodes(ana, "pipeline").first
    frame = ana.get_by_test_id("canvas").bounding_box()
    assert frame is not None
    # A frame drawn around both; then a plain click leaves the one that is clicked.
    ana.mouse.move(frame["x"] + 8, frame["y"] + 8)
    ana.mouse.down()
    ana.mouse.move(frame["x"] + frame["width"] - 8, frame["y"] + frame["height"] - 110, steps=8)
    ana.mouse.up()
    expect(chosen(ana)).to_have_count(2)
    grab(shot)
    expect(chosen(ana)).to_have_count(1)
    # An edge pulled out of the input comes off; dropped back it is joined again.
    app.drag_by(ana, app.handle(shot, "pipeline", "target"), -40, -160)
    expect_edges([ana, bo], 0)
    expect(shot.get_by_test_id("generate")).to_have_attribute("aria-disabled", "true")
    app.drag(ana, app.handle(shot, "pipeline", "target"), app.handle(pipeline, "pipeline", "source"))
    expect_edges([ana, bo], 1)
    expect(shot.get_by_test_id("generate")).not_to_have_attribute("aria-disabled", "true")
