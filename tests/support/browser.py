"""Real browsers on a real studio: Debian's Chromium, one context per person."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOTS = Path(__file__).parent.parent / "e2e" / "shots"
NewPerson = Callable[..., Page]
"""Opens a browser of their own for somebody."""


def picture(page: Page, name: str) -> None:
    """Keep a screenshot for people to look at."""
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")
