"""The protocol page says what the code does: codes, kinds, limits, and the bytes of its examples."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from pycrdt import Doc, Text

from crdt_schema.documents import KINDS
from crdt_schema.rules import RULE_TEXTS
from crdt_schema.wire import CloseCode, Kind, may_retry
from server.config import SETTINGS
from server.hub import codec, messages
from server.hub.limits import Limits
from server.hub.messages import Message

PAGE = (Path(__file__).parents[1] / "docs" / "protocol.md").read_text()
UNITS = {"": 1, " KiB": 1024, " MiB": 1024 * 1024}
CANVAS = codec.text("canvas")


def rows(title: str) -> list[list[str]]:
    """The cells of the tables under a heading, without their heads."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return [row for row, after in zip(cells, [*cells[1:], ["", ""]], strict=True) if "---" not in (row[0], after[0])]


def test_every_close_code_stands_there_with_whether_to_come_back() -> None:
    told = {row[1]: row for row in rows("Close codes")}
    assert {name: int(row[0]) for name, row in told.items() if name.isupper()} == dict(CloseCode.__members__)
    for code in CloseCode:
        assert told[code.name][3].startswith("yes") == may_retry(code), code


def test_every_kind_of_message_stands_there_with_its_number() -> None:
    told = {
        name.strip(): int(number)
        for names, numbers, *_ in [row for row in rows("Messages") if row[1][:1].isdigit()]
        for name, number in zip(names.split(","), numbers.split(","), strict=True)
    }
    assert told == {kind.name.lower().replace("_", " "): kind for kind in Kind}


def test_every_document_stands_there_with_its_roots_and_who_writes_them() -> None:
    told = {row[0].strip("`").split("/")[0]: row for row in rows("Documents") if len(row) == 3}
    assert told.keys() == KINDS.keys()
    for name, kind in KINDS.items():
        document, writer, roots = told[name]
        assert ("/" in document) == kind.named
        assert writer == (kind.written_by or "the server")
        words = {
            root: "" if least == kind.written_by else f" ({least or 'the server'})"
            for root, least in kind.roots.items()
        }
        assert roots == ", ".join(f"`{root}`{who}" for root, who in words.items())


def test_every_rule_stands_there() -> None:
    assert [row[0].strip("`") for row in rows("Documents") if len(row) == 2] == list(RULE_TEXTS)


def test_every_limit_stands_there_with_its_default() -> None:
    told: dict[str, float] = {}
    for name, default, *_ in rows("Limits"):
        number, unit = re.fullmatch(r"([\d.]+)( [KM]iB)?", default).groups("")  # pyright: ignore[reportOptionalMemberAccess] - it fails when there is none
        told[name.strip("`")] = float(number) * UNITS[unit]
    assert told == {field.name: getattr(Limits(), field.name) for field in fields(Limits)}


def test_settings_that_it_names_exist() -> None:
    assert set(re.findall(r"WORKPRINT_\w+", PAGE)) <= {setting.name for setting in SETTINGS}


def test_what_the_words_say_of_limits_is_their_default() -> None:
    limits = Limits()
    for words in (
        f"up to {limits.documents_per_socket};",
        f"More than {limits.held_frames} of them",
        f"up to {limits.held_frames} messages may be sent",
        f"for {limits.admit_seconds:.0f} seconds is closed with 4401",
        f"4401 after {limits.admit_seconds:.0f} seconds",
        f"Beyond {limits.outbox_bytes // 1024**2} MiB that a session has not read",
        f"More than {limits.waiting_updates} of them, or {limits.waiting_bytes // 1024**2} MiB, per session",
        f"{limits.room_waiting_updates} or {limits.room_waiting_bytes // 1024**2} MiB per room",
        f"more than {limits.presence_per_second:.0f} messages a second ({2 * limits.presence_per_second:.0f} at once)",
        f"a state of more than {limits.presence_bytes // 1024} KiB",
        f"more than {limits.presence_clients} clients of",
        f"every {limits.keepalive_seconds:.0f} seconds in which it sent nothing",
        f"every {limits.keepalive_seconds:.0f} seconds in which it heard nothing",
        f"nothing heard for {limits.dead_seconds:.0f} seconds",
    ):
        assert words in PAGE


def hi() -> Doc[Text]:
    doc: Doc[Text] = Doc(client_id=1)
    doc.get("t", type=Text).insert(0, "hi")
    return doc


def of_canvas(message: Message) -> bytes:
    return CANVAS + message.body


EXAMPLES = {
    "step 1 of somebody who has nothing": messages.step1(b"\0").body,
    "step 1 of somebody who has two characters of client 1": messages.step1(hi().get_state()).body,
    "step 2": messages.step2(hi().get_update()).body,
    "step 2 with nothing in it": messages.step2(Doc().get_update()).body,
    "change": messages.change(hi().get_update()).body,
    "the same change in Hocuspocus": of_canvas(messages.change(hi().get_update())),
    'presence of client 1, clock 2: `{"a":1}`': messages.presence(b"\1\1\2" + codec.text('{"a":1}')).body,
    "presence of nobody": messages.NOTHING_NEW.body,
    "who is here?": bytes((Kind.QUERY_AWARENESS,)),
    "auth with the token `t0k` (Hocuspocus)": CANVAS + bytes((Kind.AUTH, messages.AUTH_TOKEN)) + codec.text("t0k"),
    "scope `readonly` (Hocuspocus)": of_canvas(messages.admitted(writable=False)),
    "denied: `no` (Hocuspocus)": of_canvas(messages.denied("no")),
    "a change was not taken: `no` (y-websocket)": messages.denied_change("no").body,
    "sync status: on disk (Hocuspocus)": of_canvas(messages.SAVED),
    "sync status: not taken (Hocuspocus)": of_canvas(messages.REFUSED),
    "close: `no` (Hocuspocus)": of_canvas(messages.closed("no")),
    "ping, without a name (Hocuspocus)": messages.PING.body,
}


@pytest.mark.parametrize("said", EXAMPLES)
def test_the_bytes_of_every_example_are_what_the_hub_says_and_reads(said: str) -> None:
    shown = {row[0]: row[1] for row in rows("Messages") if re.fullmatch("`[0-9a-f ]+`", row[1])}
    assert shown.keys() == EXAMPLES.keys()
    assert bytes.fromhex(shown[said].strip("`")) == EXAMPLES[said]
