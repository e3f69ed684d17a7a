"""The app as the tests use it: what a person does, in words."""

from playwright.sync_api import Locator, Page, expect

from tests.support.studio import Studio

TAKE_MS = 60_000
SYNC_MS = 30_000


class SlowEnd:
    """Holds back the news that a job is completed from a page opened later, until it is let go.

    How long a take takes is up to the machine: without this a page that is looked at late has no busy farm to show.
    """

    # A message of one byte is an answer to the heartbeat, and no news.
    _HOLD = """{
        let held = [];
        window.letGo = () => {
            const late = held;
            held = null;
            for (const [socket, data] of late) socket.dispatchEvent(new MessageEvent('message', { data }));
        };
        const tells = (data) => new TextDecoder('latin1').decode(data).includes('completed');
        window.WebSocket = class extends WebSocket {
            constructor(...given) {
                super(...given);
                this.addEventListener('message', (event) => {
                    const { data } = event;
                    if (!held || data.byteLength === 1 || !(held.length || tells(data))) return;
                    event.stopImmediatePropagation();
                    held.push([this, data]);
                });
            }
        };
    }"""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.add_init_script(self._HOLD)

    def let_go(self) -> None:
        """Pass on what came meanwhile, and from now on everything at once."""
        self._page.evaluate("() => window.letGo()")


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


def view_of(page: Page) -> str:
    """Where this person looks, as the canvas is transformed."""
    return page.locator(".svelte-flow__viewport").evaluate("(viewport) => viewport.style.transform")


def settled_view(page: Page) -> str:
    """The view once it has stopped gliding: counted in pictures drawn, which a busy machine draws late."""
    page.evaluate("() => { window.samples = []; }")
    page.wait_for_function(
        """() => {
            window.samples.push(document.querySelector('.svelte-flow__viewport').style.transform);
            const last = window.samples.slice(-16);
            return last.length === 16 && last.every((view) => view === last[0]);
        }"""
    )
    return view_of(page)


def drag(page: Page, source: Locator, target: Locator) -> None:
    """Press on one, move, release on the other."""
    settled_view(page)
    start, end = centre(source), centre(target)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=6)
    page.mouse.move(*end, steps=6)
    page.mouse.up()


def drag_by(page: Page, source: Locator, dx: float, dy: float) -> None:
    """Press on something, move it by so much, release."""
    settled_view(page)
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


def command(page: Page, name: str) -> None:
    """Carry out a command by keyboard alone, typing its name into the command palette."""
    page.keyboard.press("ControlOrMeta+k")
    palette = page.get_by_test_id("command-palette")
    expect(palette.get_by_role("combobox")).to_be_focused()
    page.keyboard.type(name)
    expect(palette.locator(".command-palette-item[data-selected]")).to_contain_text(name, ignore_case=True)
    page.keyboard.press("Enter")


def expect_saved(page: Page) -> None:
    """Wait until everything this person did is on the server's disk."""
    expect(page.get_by_test_id("connection-badge")).to_have_attribute("data-kind", "saved", timeout=SYNC_MS)
