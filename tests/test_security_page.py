"""The security page says what the code does: roles, documents, rules, lifetimes, settings."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from crdt_schema.documents import KINDS
from crdt_schema.roles import LADDER, LEAST_ROLE
from crdt_schema.rules import RULE_TEXTS
from server.auth.credentials import REFRESH_LIFETIME, SESSION_LIFETIME, TOKEN_PREFIX
from server.auth.people import ONE_TIME_LIFETIME
from server.auth.shares import LONGEST_DAYS
from server.auth.tokens import ACCESS_LIFETIME, FARM_LIFETIME, SOCKET_LIFETIME, TRANSFER_LIFETIME
from server.config import SETTINGS
from server.projects.references import FORMATS, MAX_PIXELS

PAGE = (Path(__file__).parents[1] / "docs" / "security.md").read_text()


def rows(title: str) -> list[list[str]]:
    """The cells of the tables under a heading, heads and all."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]


def test_every_action_stands_with_the_role_it_takes() -> None:
    told = {row[0]: set(re.findall(r"`(\w+)`", row[1])) for row in rows("Who may do what") if row[0] in LADDER}
    assert told == {role: {action for action, least in LEAST_ROLE.items() if least == role} for role in LADDER}


def test_the_ladder_stands_there() -> None:
    assert f"`{' < '.join(LADDER)}`" in PAGE


def test_every_kind_of_document_stands_with_who_writes_its_roots() -> None:
    found = {row[0].strip("`"): row[1:] for row in rows("Who may do what") if row[0].startswith("`")}
    assert set(found) == {f"{name}/…" if kind.named else name for name, kind in KINDS.items()}
    for name, kind in KINDS.items():
        least, roots = found[f"{name}/…" if kind.named else name]
        assert least == (kind.written_by or "the server"), name
        assert dict(re.findall(r"`(\w+)` ([\w ]+)", roots)) == {
            root: (writer or "the server") for root, writer in kind.roots.items()
        }, name


def test_every_rule_stands_with_its_words() -> None:
    told = {row[0].strip("`"): row[1] for row in rows("The guard and the locks") if row[0].startswith("`")}
    assert told == dict(RULE_TEXTS)


@pytest.mark.parametrize(
    ("what", "lifetime"),
    [
        ("browser session (cookie)", SESSION_LIFETIME),
        ("access token", ACCESS_LIFETIME),
        ("refresh token", REFRESH_LIFETIME),
        ("token for a page's websocket", SOCKET_LIFETIME),
        ("one-time login link", ONE_TIME_LIFETIME),
        ("token of a Git LFS transfer", TRANSFER_LIFETIME),
        ("order's token", FARM_LIFETIME),
    ],
)
def test_every_credential_lives_as_long_as_it_says(what: str, lifetime: timedelta) -> None:
    told = {row[0]: row[1] for row in rows("Identities and tokens")}
    number, unit = told[what].split()
    assert timedelta(**{f"{unit.rstrip('s')}s": int(number)}) == lifetime


def test_the_other_numbers_and_names_are_those_of_the_code() -> None:
    assert f"1 to {LONGEST_DAYS} days" in PAGE
    assert f"`{TOKEN_PREFIX}…`" in PAGE
    assert f"at most {MAX_PIXELS // 1_000_000} megapixels" in PAGE
    assert all({"WEBP": "WebP"}.get(name, name) in PAGE for name in FORMATS)
    assert set(re.findall(r"WORKPRINT_\w+", PAGE)) <= {setting.name for setting in SETTINGS}
