"""Orders and events survive the wire, and nothing else passes for one."""

import json
from typing import Any

import pytest

from crdt_schema.records import Media
from render_farm.job import (
    AnyEvent,
    BadEvent,
    BadOrder,
    Cancelled,
    Failed,
    FarmError,
    FarmNode,
    Finished,
    JobOrder,
    Lost,
    Progressed,
    Requeued,
    Started,
    read_event,
)
from tests.support.farm import order

ABOUT: dict[str, Any] = {"job": "j1", "project": "p1", "attempt": "a1", "farm_node": "n1", "at": "2025-01-01T00:00:00Z"}
MEDIA: Media = {"blob": "a" * 64, "media_type": "image/png", "width": 64, "height": 36, "size_bytes": 9}
FILM: Media = {**MEDIA, "media_type": "video/mp4", "frames": 48, "rate": "24000/1001"}

EVENTS: list[AnyEvent] = [
    Started(**ABOUT),
    Progressed(**ABOUT, percent=12.5, step="Lighting"),
    Finished(**ABOUT, outputs=(MEDIA,), thumbnail=MEDIA, seconds=1.25),
    Failed(**ABOUT, reason="The lens cap was on", trace_id="trace-1"),
    Cancelled(**{**ABOUT, "attempt": ""}),
    Requeued(**ABOUT),
    Lost(**ABOUT, reason="gone", trace_id="trace-2"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_is_the_same_after_the_wire(event: AnyEvent) -> None:
    assert read_event(json.loads(json.dumps(event.as_json()))) == event


def test_a_film_keeps_its_frames_and_rate_and_a_still_has_none() -> None:
    event = Finished(**ABOUT, outputs=(FILM,), thumbnail=MEDIA, seconds=2)
    read = read_event(json.loads(json.dumps(event.as_json())))
    assert isinstance(read, Finished)
    assert read.outputs == (FILM,)
    assert "frames" not in read.thumbnail


def test_an_order_is_the_same_after_the_wire() -> None:
    asked = order(steps=3)
    assert JobOrder.from_json(json.loads(json.dumps(asked.as_json()))) == asked


def test_an_order_does_not_print_its_token() -> None:
    assert "token-of-the-order" not in repr(order())


@pytest.mark.parametrize(
    "change",
    [{"job": "../x"}, {"project": ""}, {"tier": "huge"}, {"recipe": []}, {"token": 5}, {"hub_url": None}],
    ids=str,
)
def test_what_is_no_order_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadOrder):
        JobOrder.from_json({**order().as_json(), **change})


@pytest.mark.parametrize(
    "change",
    [
        {"type": "rebooted"},
        {"type": None},
        {"job": "no id at all"},
        {"attempt": "../../x"},
        {"attempt": ""},
        {"outputs": []},
        {"outputs": [{**MEDIA, "blob": "../etc/passwd"}]},
        {"outputs": [{**MEDIA, "width": "wide"}]},
        {"outputs": [{**FILM, "rate": "24"}]},
        {"outputs": [{**FILM, "rate": "24/0"}]},
        {"outputs": [{**FILM, "frames": None}]},
        {"thumbnail": None},
        {"seconds": float("nan")},
        {"seconds": True},
    ],
    ids=str,
)
def test_what_is_no_event_is_refused(change: dict[str, Any]) -> None:
    sound = json.loads(json.dumps(EVENTS[2].as_json()))
    read_event(sound)
    with pytest.raises(BadEvent):
        read_event({**sound, **change})


@pytest.mark.parametrize("value", [None, [], "started", 3])
def test_an_event_is_a_json_object(value: object) -> None:
    with pytest.raises(BadEvent):
        read_event(value)


def test_progress_stays_between_nothing_and_all() -> None:
    event = read_event({**EVENTS[1].as_json(), "percent": 140})
    assert isinstance(event, Progressed)
    assert event.percent == 100


def test_what_a_node_says_is_short_and_can_be_kept() -> None:
    failed = {"type": "failed", "reason": "\ud800\x1b[31mred\x00 " + "x" * 100_000, "trace_id": "t", "exit": "failed"}
    event = read_event({**EVENTS[1].as_json(), **failed, "seconds": 1})
    assert isinstance(event, Failed)
    assert event.reason.startswith("?red xxx")
    assert len(event.reason) < 5000
    event.reason.encode()
    facts = {f"fact {number}": "\udfff" for number in range(5000)}
    event = read_event(json.loads(json.dumps({**EVENTS[2].as_json(), "facts": facts})))
    assert isinstance(event, Finished)
    assert len(event.facts) == 100
    assert set(event.facts.values()) == {"?"}


def test_a_farm_node_is_the_same_after_the_wire() -> None:
    node = FarmNode("n1", "host", ("low", "high"), "2025-01-01T00:00:00Z", "2025-01-01T00:00:05Z", "j1")
    assert FarmNode.from_json(json.loads(json.dumps(node.as_json()))) == node
    with pytest.raises(FarmError):
        FarmNode.from_json({**node.as_json(), "queues": "low"})
