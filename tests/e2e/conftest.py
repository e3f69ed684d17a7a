"""A studio for each test module, and browsers for the people in it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.browser import CHROMIUM, FLAGS, NewPerson
from tests.support.studio import Studio

# Playwright's own 5 seconds are too few where a second browser and a farm share two cores with it.
expect.set_options(timeout=30_000)

# What the app shows for some seconds and takes away by itself; whoever is kept waiting by the machine sees it later.
SHOWN_FOR_LONG = """{
    const set = window.setTimeout;
    window.setTimeout = (run, ms, ...rest) => set(run, [4000, 7000].includes(ms) ? 60_000 : ms, ...rest);
}"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    running = Studio(tmp_path_factory.mktemp("studio"), farm_nodes=2).start()
    running.add_user("Bo", "correct horse battery")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def new_person(browser: Browser, studio: Studio) -> Iterator[NewPerson]:
    """Opens a browser of their own for somebody; an uncaught error on any of their pages fails the test."""
    contexts, errors = list[BrowserContext](), list[str]()

    def open_browser(width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            base_url=studio.url,
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.add_init_script(SHOWN_FOR_LONG)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_browser
    for context in contexts:
        context.close()
    assert errors == []
