"""The content security policy in a real browser: everything the app does is allowed, and what is smuggled in is not."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import app
from tests.support.browser import NewPerson
from tests.support.studio import Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""


def violations(page: Page) -> list[str]:
    """What the policy refused on this page since it was loaded."""
    found: Any = page.evaluate("() => window.violations")
    return found


def warnings_of(page: Page) -> list[str]:
    """Will hold what the browser has to say about policies and headers."""
    told = list[str]()
    words = ("Content Security Policy", "Permissions-Policy", "Cross-Origin", "Refused to", "violates")
    page.on("console", lambda line: told.append(line.text) if any(word in line.text for word in words) else None)
    return told


def test_the_app_loads_edits_and_shows_takes_within_the_policy(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    page.add_init_script(NOTE_VIOLATIONS)
    told = warnings_of(page)
    app.sign_in_by_link(page, studio)
    app.create_project(page, "Tight")
    shot, pipeline = app.add_node(page, "shot"), app.add_node(page, "pipeline")
    app.drag_by(page, pipeline.locator("header"), 0, -60)
    app.drag(page, app.handle(pipeline, "pipeline", "source"), app.handle(shot, "pipeline", "target"))
    app.prompt(shot).click()
    app.prompt(shot).press_sequentially("A night bus in the rain")
    colours = app.prompt(shot).evaluate("(editor) => getComputedStyle(editor.closest('.cm-editor')).position")
    assert colours == "relative", "the prompt's own rules did not reach the page"
    app.expect_saved(page)
    shot.get_by_test_id("generate").click()
    taken = shot.get_by_test_id("active-take")
    expect(taken).to_be_visible(timeout=app.TAKE_MS)
    page.wait_for_function("() => document.querySelector('[data-testid=active-take]').naturalWidth > 0")
    page.reload()
    expect(app.prompt(app.nodes(page, "shot").first)).to_have_text("A night bus in the rain")
    app.open_demo(page)
    assert violations(page) == []
    assert told == []


def test_what_is_smuggled_into_the_page_does_not_run(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    page.add_init_script(NOTE_VIOLATIONS)
    app.sign_in_by_link(page, studio)
    page.evaluate("""() => {
      const script = document.createElement('script');
      script.textContent = 'window.smuggled = true';
      document.body.append(script);
      const button = document.createElement('div');
      button.innerHTML = '<img src="/nothing.png" onerror="window.smuggled = true">';
      document.body.append(button);
      const elsewhere = document.createElement('script');
      elsewhere.src = 'https://elsewhere.example/x.js';
      document.body.append(elsewhere);
      const base = document.createElement('base');
      base.href = 'https://elsewhere.example/';
      document.head.append(base);
      base.remove();
      const frame = document.createElement('iframe');
      frame.src = 'https://elsewhere.example/';
      document.body.append(frame);
      fetch('https://elsewhere.example/').catch(() => {});
      new Image().src = 'https://elsewhere.example/x.png';
    }""")
    wanted = {"script-src-elem", "script-src-attr", "base-uri", "frame-src", "connect-src", "img-src"}
    page.wait_for_function(
        "(count) => new Set(window.violations.map((v) => v.split(' ')[0])).size >= count", arg=len(wanted)
    )
    assert {line.split(" ")[0] for line in violations(page)} == wanted
    assert page.evaluate("() => window.smuggled") is None
    # Later, because what the test itself evaluates may do what the page may not.
    page.evaluate("""() => setTimeout(() => {
      try { new Function('return 1')(); window.compiled = 'it ran'; } catch (error) { window.compiled = error.name; }
    })""")
    assert page.wait_for_function("() => window.compiled").json_value() == "EvalError"


def test_no_other_page_may_frame_the_app(studio: Studio, new_person: NewPerson) -> None:
    page = new_person()
    with page.expect_console_message(lambda line: "frame-ancestors" in line.text or "X-Frame-Options" in line.text):
        page.set_content(f'<iframe src="{studio.url}/login"></iframe>')
    page.wait_for_function("() => document.querySelector('iframe').contentDocument === null")
    (frame,) = [found for found in page.frames if found != page.main_frame]
    expect(frame.get_by_label("Name")).to_have_count(0)
