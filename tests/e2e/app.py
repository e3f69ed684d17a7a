"""The app as the tests use it: what a person does, in words."""

from playwright.sync_api import Locator, Page, expect

from tests.support.studio import Studio

TAKE_MS = 60_000
SYNC_MS = 15_000


def sign_in_by_link(page: Page, studio: Studio) -> None:
    """As the person who started the studio."""
    page.goto(studio.login_link())
    expect(page.get_by_test_id("new-project")).to_be_visible()


def sign_in_by_password(page: Page, name: str, password: str) -> None:
    """As somebody with an account."""
    page.goto("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_test_id("new-project")).to_be_visible()


def create_project(page: Page, name: str) -> str:
    """Through the New Project dialog; the project's address."""
    page.get_by_test_id("new-project").click()
    dialog = page.get_by_test_id("dialog-new-project")
    dialog.get_by_test_id("field-name").fill(name)
    dialog.get_by_test_id("field-description").fill("A test of the whole loop.")
    dialog.get_by_test_id("field-budget").fill("5")
    dialog.get_by_test_id("create-project").click()
    page.wait_for_url("**/projects/*")
    expect(page.get_by_test_id("canvas")).to_be_visible()
    return page.url


def open_demo(page: Page) -> None:
    """The demo project, from the list."""
    page.goto("/")
    page.get_by_test_id("project-card").filter(has_text="Neo-Noir Laundromat").click()
    expect(nodes(page, "shot")).to_have_count(3)


def nodes(page: Page, kind: str) -> Locator:
    """The nodes of a kind on the canvas."""
    return page.locator(f'[data-node-type="{kind}"]')


def add_node(page: Page, kind: str) -> Locator:
    """Add a node from the palette; the new node."""
    before = nodes(page, kind).count()
    page.get_by_test_id(f"palette-{kind}").click()
    expect(nodes(page, kind)).to_have_count(before + 1)
    return nodes(page, kind).last


def drag(page: Page, source: Locator, target: Locator) -> None:
    """Press on one, move, release on the other."""
    start, end = centre(source), centre(target)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=6)
    page.mouse.move(*end, steps=6)
    page.mouse.up()


def drag_by(page: Page, source: Locator, dx: float, dy: float) -> None:
    """Press on something, move it by so much, release."""
    x, y = centre(source)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=8)
    page.mouse.up()


def centre(locator: Locator) -> tuple[float, float]:
    """Where something is on the screen."""
    box = locator.bounding_box()
    assert box is not None, f"{locator} is not on the screen"
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def handle(node: Locator, socket: str, side: str) -> Locator:
    """A socket of a node; side is `source` or `target`."""
    return node.locator(f'.svelte-flow__handle.{side}[data-handleid="{socket}"]')


def prompt(node: Locator) -> Locator:
    """Where the prompt is typed."""
    return node.get_by_test_id("prompt-editor").locator('[contenteditable="true"]')


def expect_saved(page: Page) -> None:
    """Wait until everything this person did is on the server's disk."""
    expect(page.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "saved", timeout=SYNC_MS)
